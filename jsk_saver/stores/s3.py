"""A store in a versioned bucket: Amazon S3, or any server that speaks its language.

Bytes and record travel in one PUT; the version comes from that PUT's own answer. Large objects go up in
parallel parts (:mod:`jsk_saver.stores.multipart`), and come down in parallel ranges of one version
(:mod:`jsk_saver.stores.ranges`).
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsk_saver.errors import (
    AccessDenied,
    BucketMissing,
    Hidden,
    InvalidName,
    MissingExtra,
    NotFound,
    SettingsError,
    StoreError,
)
from jsk_saver.payload import Payload
from jsk_saver.record import MAX_NAME_BYTES, Record
from jsk_saver.settings import Settings
from jsk_saver.stores import headers, s3_notes
from jsk_saver.stores.base import Entry, Problem, Progress, Store, stamp, without_login
from jsk_saver.stores.marks import Marks
from jsk_saver.stores.multipart import copy_in_parts
from jsk_saver.stores.ranges import download
from jsk_saver.stores.s3_client import connect
from jsk_saver.stores.s3_errors import code_of, explained, headers_of
from jsk_saver.stores.s3_listing import Listing
from jsk_saver.stores.s3_upload import Uploads
from jsk_saver.stores.s3_versioning import Versioning

if TYPE_CHECKING:
    from pathlib import Path

#: Largest source of one CopyObject, in bytes (Amazon S3 API reference, CopyObject).
LARGEST_COPY = 5 * 2**30
_MISSING = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")


class S3Store(Store):
    """Versions in a bucket.

    Parameters
    ----------
    uri
        ``s3://bucket`` or ``s3://bucket/prefix``.
    settings
        Where and how to connect; credentials are found as boto3 does.
    """

    def __init__(self, uri: str, settings: Settings) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not bucket:
            raise SettingsError(f"The store {uri!r} names no bucket.", hint="JSK_STORE=s3://bucket/prefix")
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.uri = f"s3://{bucket}/{self.prefix}".rstrip("/")
        self.settings = settings
        self._client: tuple[int, Any] | None = None
        #: Whether the bucket keeps versions.
        self.versioning = Versioning(lambda: self.client, self.uri, bucket, settings)
        self._uploads = Uploads(settings)
        self._notes = Marks(settings.home / "seen" / f"notes-{stamp(settings.endpoint_url, self.uri)}")

    # Connecting -------------------------------------------------------------------------------------

    @property
    def client(self) -> Any:
        """The boto3 client of this process, made on first use."""
        if self._client is None or self._client[0] != os.getpid():  # sockets must not be shared by a fork
            with explained(self.uri, "connecting"):
                self._client = os.getpid(), connect(self.settings)
        return self._client[1]

    @property
    def server(self) -> str:
        """The server's address; ``aws`` (``aws-cn``, …) for AWS, which is one in all its regions."""
        try:
            meta = self.client.meta
        except (StoreError, MissingExtra):
            return without_login(self.settings.endpoint_url)
        return str(meta.partition) if self._is_aws else without_login(str(meta.endpoint_url))

    def key(self, name: str) -> str:
        """Return the key of ``name``.

        Raises
        ------
        InvalidName
            If prefix and name together are longer than S3 allows.
        """
        key = self.prefix + name
        if len(key.encode()) > MAX_NAME_BYTES:
            raise InvalidName(
                f"The file name {name[:100]!r}… is {len(key.encode()):,} bytes long with the store's prefix, "
                f"and S3 keeps at most {MAX_NAME_BYTES:,}.",
                hint="Shorten the name or the prefix.",
            )
        return key

    def _at(self, name: str, version: str | None = None) -> dict[str, str]:
        place = {"Bucket": self.bucket, "Key": self.key(name)}
        return {**place, "VersionId": version} if version is not None else place

    # Versions ---------------------------------------------------------------------------------------

    def put(self, record: Record, payload: Payload, progress: Progress | None = None) -> Record:
        """Send bytes and record in one PUT, or in parallel parts when large."""
        self.versioning.require()
        travelling = headers.pack(record)
        if travelling.note:
            self.put_note(travelling.note_key, travelling.note)
        arguments = self.new_object(record, travelling.headers)
        try:
            with explained(self.uri, f"saving {record.name!r}"):
                answer = self._uploads.send(self.client, arguments, payload, progress, is_aws=self._is_aws)
        except BucketMissing:
            self.versioning.doubt()
            raise
        return record.with_version(self.versioning.version_in(answer, repr(record.name)))

    def duplicate(self, source: Record, record: Record) -> Record:
        """Let the server copy the bytes under a new record."""
        self.versioning.require()
        travelling = headers.pack(record)
        if travelling.note:
            self.put_note(travelling.note_key, travelling.note)
        arguments = self.new_object(record, travelling.headers)
        origin = self._at(source.name, source.version)
        with explained(self.uri, f"copying {source.name!r}"):
            try:
                if source.size <= LARGEST_COPY:
                    answer = self.client.copy_object(
                        CopySource=origin, MetadataDirective="REPLACE", **arguments
                    )
                else:
                    answer = copy_in_parts(self.client, arguments, origin, source.size, self.settings)
            except self.client.exceptions.ClientError as error:
                raise self._missing(error, source.name, source.version) or error from None
        if "VersionId" not in answer:  # Ceph does not tell
            return self._find_again(record)
        return record.with_version(self.versioning.version_in(answer, repr(record.name)))

    def _find_again(self, record: Record) -> Record:
        """Return ``record`` with the version that carries it; others may have written since."""
        for entry in self.entries(record.name):
            if not entry.marker and self.head(record.name, entry.version).to_json() == record.to_json():
                return record.with_version(entry.version)
        raise NotFound(f"The copy just made of {record.name!r} is gone again.", hint="Try again.")

    def new_object(self, record: Record, metadata: dict[str, str]) -> dict[str, Any]:
        """Return what every request that makes an object says."""
        encryption = {"ServerSideEncryption": self.settings.sse} if self.settings.sse else {}
        if self.settings.kms_key:
            encryption["SSEKMSKeyId"] = self.settings.kms_key
        # Behind a slash, a name that looks like a URL ("data:…") is a name.
        content = mimetypes.guess_type(f"/{record.name}")[0] or "application/octet-stream"
        return {**self._at(record.name), "Metadata": metadata, "ContentType": content, **encryption}

    def fetch(
        self,
        name: str,
        version: str | None = None,
        *,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> tuple[Record, Payload]:
        """Read a version in one GET; a large one in parallel ranges of that same version."""
        with explained(self.uri, f"reading {name!r}"):
            try:
                answer, payload = download(
                    self.client, self._at(name, version), self.settings, folder, progress
                )
            except self.client.exceptions.ClientError as error:
                raise self._missing(error, name, version) or error from None
        try:
            return self._record(name, answer, payload.size), payload
        except BaseException:
            payload.close()
            raise

    def head(self, name: str, version: str | None = None) -> Record:
        """Read a version's headers."""
        with explained(self.uri, f"looking at {name!r}"):
            try:
                answer = self.client.head_object(**self._at(name, version))
            except self.client.exceptions.ClientError as error:
                said = self._in_words(error, self._at(name, version))
                raise self._missing(said, name, version) or said from None
        return self._record(name, answer, answer["ContentLength"])

    def _in_words(self, error: Any, place: dict[str, str]) -> Any:
        """Return the error with the code that a GET gives: the answer to a HEAD has no room for one."""
        if not code_of(error).isdigit():
            return error
        try:
            self.client.get_object(**place, Range="bytes=0-0")["Body"].close()
        except self.client.exceptions.ClientError as said:
            return said
        return error

    def _record(self, name: str, answer: Mapping[str, Any], size: int) -> Record:
        if not answer.get("VersionId"):  # a bucket that keeps versions tells one, if only "null"
            self.versioning.doubt()
        return headers.unpack(
            name,
            str(answer.get("VersionId") or "null"),
            answer.get("Metadata", {}),
            size=size,
            modified=answer["LastModified"],
            get_note=lambda key: s3_notes.get(self, key, name),
        )

    def _missing(self, error: Any, name: str, version: str | None) -> NotFound | None:
        code = code_of(error)
        if code not in _MISSING and not (code == "InvalidArgument" and "ersion" in str(error)):
            return None
        if version is not None:
            return NotFound(
                f"There is no version {version!r} of {name!r} in {self.uri}.", hint=f'saver.history("{name}")'
            )
        if headers_of(error).get("x-amz-delete-marker") == "true" or self._has_marker(name):
            return Hidden(f"{name!r} was deleted.", kept="Its versions.", hint=f'saver.restore("{name}")')
        return NotFound(f"There is no {name!r} in {self.uri}.", hint="saver.search()    # what is there")

    def _has_marker(self, name: str) -> bool:
        """Look for a delete marker where the answer did not tell (Ceph leaves its header out)."""
        if self._is_aws:
            return False
        with suppress(StoreError):
            return any(entry.marker and entry.latest for entry in self.entries(name))
        return False

    def entries(self, name: str) -> list[Entry]:
        """List the versions and markers of one key."""
        return self.listing().of_name(name, self.key(name))

    def scan(self, prefix: str = "") -> Iterator[Entry]:
        """List all keys below the prefix, the kit's own left out."""
        return self.listing().scan(prefix)

    def listing(self) -> Listing:
        """Return what lists the bucket below the store's prefix."""
        return Listing(self.client, self.uri, self.bucket, self.prefix)

    def hide(self, name: str) -> None:
        """Put a delete marker on top.

        A bucket that keeps no versions would really remove the object, so that is asked each time.
        """
        newest = self.head(name)
        try:
            keeps_versions = self.versioning.status() == "Enabled"
        except AccessDenied:
            keeps_versions = newest.version != "null"
        if not keeps_versions:
            raise self.versioning.refusal(
                f"{name!r} was not deleted: the bucket {self.bucket!r} does not keep versions."
            )
        with explained(self.uri, f"deleting {name!r}"):
            self.client.delete_object(**self._at(name))

    def unhide(self, name: str) -> bool:
        """Remove the delete markers on top."""
        entries = self.entries(name)
        if not entries:
            raise NotFound(f"There is no {name!r} in {self.uri}.", hint="saver.search()    # what is there")
        taken = False
        with explained(self.uri, f"restoring {name!r}"):
            for entry in entries:
                if not entry.marker:
                    break
                self.client.delete_object(**self._at(name, entry.version))
                taken = True
        return taken

    def remove(self, name: str, version: str) -> None:
        """Remove one version for good, and its note."""
        note = ""
        with explained(self.uri, f"purging {name!r}"):
            try:
                note = headers.note_of(self.client.head_object(**self._at(name, version)).get("Metadata", {}))
            except self.client.exceptions.ClientError as error:
                # A marker has no headers to look at, and not every server says that it is one.
                if version not in [entry.version for entry in self.entries(name) if entry.marker]:
                    said = self._in_words(error, self._at(name, version))
                    raise self._missing(said, name, version) or said from None
            self.client.delete_object(**self._at(name, version))
        if note:
            s3_notes.remove(self, note, name)

    # Notes ------------------------------------------------------------------------------------------

    def put_note(self, key: str, data: bytes) -> None:
        """Put an object under ``.jsk/``."""
        s3_notes.put(self, key, data)

    def keep_note(self, key: str, data: bytes) -> None:
        """Put an object under ``.jsk/``, once a day on this machine and not once for each who shares it."""
        if not self._notes.has(key):
            self.put_note(key, data)
            self._notes.add(key)

    def get_note(self, key: str) -> bytes:
        """Get an object under ``.jsk/``; one that is gone is kept anew by the next who shares it."""
        try:
            return s3_notes.get(self, key)
        except NotFound:
            self._notes.drop(key)
            raise

    def notes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the keys of those notes under ``.jsk/``."""
        return s3_notes.listed(self, prefix)

    # Looking after it -------------------------------------------------------------------------------

    def address(self, name: str, version: str) -> str:
        """Return the ``s3://`` address with the version."""
        return f"s3://{self.bucket}/{self.key(name)}?versionId={version}"

    def check(self) -> list[Problem]:
        """Try each right that the kit needs, on a probe object that is removed again."""
        from jsk_saver.stores.s3_check import problems

        return problems(self)

    def doubt(self) -> None:
        """Ask anew whether the bucket keeps versions, and send shared notes again."""
        self.versioning.doubt()
        self._notes.clear()

    def describe(self) -> dict[str, Any]:
        """Return bucket, prefix, endpoint, region and who is asking."""
        session: dict[str, Any] = {}
        with suppress(StoreError, MissingExtra):
            meta = self.client.meta
            session = {"region": meta.region_name, "endpoint": meta.endpoint_url}
        return {"store": self.uri, "kind": "S3", "bucket": self.bucket, "prefix": self.prefix, **session}

    @property
    def _is_aws(self) -> bool:
        host = urlsplit(str(self.client.meta.endpoint_url)).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
