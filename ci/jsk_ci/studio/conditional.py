"""One small JSON object in S3 that is written under conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from jsk_ci.errors import ProjectError
from jsk_saver import settings as kit
from jsk_saver.errors import JskError
from jsk_saver.stores import s3_client
from jsk_saver.stores.s3_errors import code_of, explained

#: Conflict: another conditional PUT of the same object is being carried out.
_REFUSED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
#: A call must end long before a lease does.
_TIMEOUT, _ATTEMPTS = 10, 2


@dataclass(frozen=True, slots=True)
class Found:
    """What the object says.

    Parameters
    ----------
    content
        Of the object; empty if it is not JSON.
    etag
        For ``If-Match``.
    age
        Seconds since it was written, on the server's clock.
    """

    content: Mapping[str, Any]
    etag: str
    age: float


@dataclass(frozen=True, slots=True)
class Conditional:
    """The object.

    Parameters
    ----------
    client
        boto3's, of S3.
    bucket, key
        Where it is.
    """

    client: Any
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"

    def beside(self, name: str) -> Conditional:
        """Return another object next to this one."""
        return replace(self, key=f"{self.key}.{name}")

    def read(self) -> Found | None:
        """Return what the object says; None if it is not there."""
        from botocore.exceptions import ClientError

        with explained(f"s3://{self.bucket}", f"reading {self.key}"):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self.key)
                body = answer["Body"].read()
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        try:
            content = json.loads(body)
        except ValueError:
            content = {}
        return Found(
            content if isinstance(content, dict) else {},
            answer["ETag"],
            (now - answer["LastModified"]).total_seconds(),
        )

    def put(self, content: Mapping[str, Any], *, match: str | None = None) -> str | None:
        """Write the object, if it has the ETag ``match``; without one, if it is not there.

        Returns
        -------
        str or None
            Its new ETag; None if the condition was refused.
        """
        from botocore.exceptions import ClientError

        condition = {"IfMatch": match} if match else {"IfNoneMatch": "*"}
        with explained(f"s3://{self.bucket}", f"writing {self.key}"):
            try:
                answer = self.client.put_object(
                    Bucket=self.bucket,
                    Key=self.key,
                    Body=json.dumps(content).encode(),
                    ContentType="application/json",
                    **condition,
                )
            except ClientError as error:
                if code_of(error) in _REFUSED | _ABSENT:
                    return None
                raise
        return str(answer["ETag"])

    def remove(self) -> None:
        """Delete the object; one that may not be deleted stays, and harms nobody."""
        with suppress(JskError), explained(f"s3://{self.bucket}", f"deleting {self.key}"):
            self.client.delete_object(Bucket=self.bucket, Key=self.key)


def place(uri: str) -> Conditional:
    """Return the object at ``s3://bucket/key``; below a folder (``…/``) it is called ``studio.lease``.

    Raises
    ------
    ProjectError
        If ``uri`` is not in S3.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ProjectError(
            f"{uri!r} is no place for a lease.", hint="Write it like --lease s3://bucket/jsk-ci/"
        )
    settings = replace(kit.load(), timeout=_TIMEOUT, retries=_ATTEMPTS)
    key = f"{key}studio.lease" if not key or key.endswith("/") else key
    return Conditional(s3_client.connect(settings), bucket, key)
