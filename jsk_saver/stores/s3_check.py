"""What ``jsk doctor`` tries on a bucket: each right the kit needs, one by one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import JskError
from jsk_saver.record import RESERVED
from jsk_saver.stores.base import Problem
from jsk_saver.stores.s3_errors import explained

if TYPE_CHECKING:
    from jsk_saver.stores.s3 import S3Store


def problems(store: S3Store) -> list[Problem]:
    """Return what is wrong with the bucket and this caller's rights on it; nothing if all is well."""
    found: list[Problem] = []

    def attempt(action: str, call: Callable[[], Any]) -> Any:
        try:
            with explained(store.uri, action):
                return call()
        except JskError as error:
            found.append(Problem(error.what, error.hint))
            return None

    status = attempt("s3:GetBucketVersioning", store.versioning.status)
    if status is None and found and not is_missing_right(found[-1]):
        return found  # not even reachable: the rest would say the same
    if status is not None and status != "Enabled":
        found.append(
            Problem(
                f"The bucket {store.bucket!r} does not keep versions (versioning is {status or 'off'}).",
                f"aws s3api put-bucket-versioning --bucket {store.bucket} "
                "--versioning-configuration Status=Enabled",
            )
        )
        return found
    _try_rights(store, attempt)
    return found


def is_missing_right(problem: Problem) -> bool:
    """Tell whether the problem is a missing right, not a missing bucket or network."""
    return "AccessDenied" in problem.what or ": 403" in problem.what


def _try_rights(store: S3Store, attempt: Callable[[str, Callable[[], Any]], Any]) -> None:
    client, place = (
        store.client,
        {"Bucket": store.bucket, "Key": store.key(f"{RESERVED}/probe-{secrets.token_hex(4)}")},
    )
    attempt(
        "s3:ListBucketVersions",
        lambda: client.list_object_versions(Bucket=store.bucket, Prefix=store.prefix, MaxKeys=1),
    )
    written = attempt("s3:PutObject", lambda: client.put_object(Body=b"jsk", **place))
    if written is None:
        return
    attempt("s3:GetObject", lambda: client.get_object(**place)["Body"].read())
    version = written.get("VersionId")
    if version:
        attempt("s3:GetObjectVersion", lambda: client.head_object(**place, VersionId=version))
        attempt("s3:DeleteObjectVersion", lambda: client.delete_object(**place, VersionId=version))
    attempt(
        "s3:ListBucketMultipartUploads",
        lambda: client.list_multipart_uploads(Bucket=store.bucket, MaxUploads=1),
    )
