"""Bytes on their way up: one PUT with checksums, or parallel parts when there are many."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from jsk_saver.payload import Payload
from jsk_saver.settings import Settings
from jsk_saver.stores.base import Progress
from jsk_saver.stores.multipart import upload_in_parts
from jsk_saver.stores.s3_errors import code_of

#: A PUT carries up to this many parts' worth of bytes; beyond it, parallel parts are faster.
SINGLE_PUT_PARTS = 4
#: Most bytes of one PUT (Amazon S3 API reference, PutObject).
LARGEST_PUT = 5 * 2**30
#: Bytes up to which another pass over them (MD5, about 1.6 ms per MB) is nothing beside the request.
CHEAP = 2**20
#: What servers say to headers that they do not know.
_UNKNOWN_HEADER = {"NotImplemented", "InvalidRequest", "InvalidArgument", "501"}
#: What they say to bytes that were altered on their way: sent again, they may come whole.
_ALTERED = {"BadDigest", "XAmzContentChecksumMismatch"}


class Uploads:
    """Uploads to one server, with the checksums that it takes.

    Amazon S3 compares SHA-256, which is known already. Of the servers that speak its language some compare
    it too, some pass over it (Ceph 18), and some refuse it; all compare MD5, as S3 has done from the start.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._refused = False

    def send(
        self,
        client: Any,
        arguments: dict[str, Any],
        payload: Payload,
        progress: Progress | None,
        *,
        is_aws: bool,
    ) -> Mapping[str, Any]:
        """Upload ``payload`` with the ``put_object`` arguments given, and return the final answer."""
        if payload.size > largest_put(self._settings):
            return upload_in_parts(client, arguments, payload, self._settings, progress)

        def put(checksums: dict[str, str]) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = client.put_object(
                Body=_body(payload, progress), **arguments, **checksums
            )
            return answer

        return self._checked(client, put, payload, is_aws=is_aws)

    def _checked(self, client: Any, put: Any, payload: Payload, *, is_aws: bool) -> Mapping[str, Any]:
        try:
            return put(self._checksums(payload, is_aws))  # type: ignore[no-any-return]
        except client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _UNKNOWN_HEADER and not is_aws and not self._refused:
                self._refused = True
            elif code not in _ALTERED:
                raise
        return put(self._checksums(payload, is_aws))  # type: ignore[no-any-return]

    def _checksums(self, payload: Payload, is_aws: bool) -> dict[str, str]:
        checksums = {}
        if not self._refused:
            digest = bytes.fromhex(payload.digest.removeprefix("sha256:"))
            checksums["ChecksumSHA256"] = base64.b64encode(digest).decode()
        if not is_aws and payload.size <= CHEAP and payload.path is None:
            digest = hashlib.md5(payload.getvalue(), usedforsecurity=False).digest()
            checksums["ContentMD5"] = base64.b64encode(digest).decode()
        return checksums


def largest_put(settings: Settings) -> int:
    """Return the most bytes that go up in one PUT."""
    return min(SINGLE_PUT_PARTS * settings.part_size, LARGEST_PUT)


def _body(payload: Payload, progress: Progress | None) -> Any:
    if payload.path is None and progress is None:
        return payload.getvalue()
    reader = payload.reader()
    if progress is not None:
        reader.on_read = lambda size: progress(size, payload.size)
    return reader
