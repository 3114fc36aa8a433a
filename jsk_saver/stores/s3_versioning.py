"""Whether a bucket keeps versions: asked before anything is written to it, and proved by every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jsk_saver.errors import AccessDenied, BucketMissing, NotVersioned
from jsk_saver.settings import Settings
from jsk_saver.stores.base import stamp
from jsk_saver.stores.marks import Marks
from jsk_saver.stores.s3_errors import explained

_ENABLED = "versioning enabled"


class Versioning:
    """What is known about a bucket's versioning.

    Parameters
    ----------
    client
        Returns the boto3 client of this process.
    uri, bucket
        The store and its bucket.
    settings
        Where this machine keeps what it saw.
    """

    def __init__(self, client: Callable[[], Any], uri: str, bucket: str, settings: Settings) -> None:
        self._client, self._uri, self._bucket = client, uri, bucket
        self._marks = Marks(settings.home / "seen" / f"bucket-{stamp(settings.endpoint_url, bucket)}")
        self.known = False

    def status(self) -> str:
        """Return ``Enabled``, ``Suspended``, or nothing, as the bucket says now."""
        with explained(self._uri, "asking whether the bucket keeps versions"):
            return str(self._client().get_bucket_versioning(Bucket=self._bucket).get("Status", ""))

    def require(self) -> None:
        """Refuse a bucket that would overwrite; asked once a day on this machine, not once a put.

        Every PUT proves it anew: an answer without a version is an error (:meth:`version_in`).
        """
        if not self.known and not self._marks.has(_ENABLED):
            try:
                status = self.status()
            except AccessDenied:
                return  # s3:GetBucketVersioning is not granted: the PUT's answer will tell
            except BucketMissing:
                self.doubt()
                raise
            if status != "Enabled":
                raise self.refusal(f"The bucket {self._bucket!r} does not keep versions.")
            self._marks.add(_ENABLED)
        self.known = True

    def version_in(self, answer: Mapping[str, Any], what: str) -> str:
        """Return the version in a PUT's answer; refuse one without, which has overwritten."""
        version = answer.get("VersionId")
        if not version or version == "null":
            self.doubt()
            raise self.refusal(
                f"{what} was written, but without a version: it replaced what was there before."
            )
        return str(version)

    def doubt(self) -> None:
        """Forget that the bucket keeps versions: something contradicts it, and the next put asks."""
        self.known = False
        self._marks.drop(_ENABLED)

    def refusal(self, what: str) -> NotVersioned:
        """Return an error with the command that turns versioning on."""
        return NotVersioned(
            what,
            hint=f"aws s3api put-bucket-versioning --bucket {self._bucket} "
            "--versioning-configuration Status=Enabled",
        )
