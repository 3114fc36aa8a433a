"""Objects from S3: one GET while small, parallel ranges of one pinned version when large.

A connection in AWS carries 85 to 90 MB/s, so large objects need many. A connection that breaks in the
middle is taken up again where it broke, on the same version.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jsk_saver.payload import BLOCK, Payload
from jsk_saver.settings import Settings
from jsk_saver.stores.base import Progress

#: Bytes asked for first; an object up to this size is one GET.
FIRST = 64 * 2**20
#: Bytes of one of the parallel ranges after it.
RANGE = 32 * 2**20
#: Bytes of an object that is held in memory on the way in.
IN_MEMORY = 16 * 2**20


def download(
    client: Any, place: dict[str, str], settings: Settings, folder: Path | None, progress: Progress | None
) -> tuple[Mapping[str, Any], Payload]:
    """Return the answer's headers and the object's bytes.

    The object at ``place`` (bucket, key, perhaps version) is read as it was when first asked for, even
    if others replace it meanwhile.
    """
    answer = _first(client, place)
    total = _total(answer)
    payload = Payload(folder, IN_MEMORY if total <= IN_MEMORY else 0)
    try:
        if total <= FIRST:
            _stream(client, place, answer, payload.write, settings, progress, total, 0, total)
        else:
            _in_ranges(client, place, answer, payload, total, settings, progress)
        return answer, payload.finish()
    except BaseException:
        payload.close()
        raise


def _first(client: Any, place: dict[str, str]) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = client.get_object(**place, Range=f"bytes=0-{FIRST - 1}")
        return answer
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 416:
            raise
        whole: Mapping[str, Any] = client.get_object(**place)  # it is empty: no range fits it
        return whole


def _total(answer: Mapping[str, Any]) -> int:
    _, _, total = answer.get("ContentRange", "").rpartition("/")
    return int(total) if total.isdigit() else int(answer["ContentLength"])


def _pinned(place: dict[str, str], answer: Mapping[str, Any]) -> dict[str, str]:
    version = answer.get("VersionId")
    return {**place, "VersionId": version} if version else {**place, "IfMatch": answer["ETag"]}


def _stream(
    client: Any,
    place: dict[str, str],
    answer: Mapping[str, Any],
    write: Any,
    settings: Settings,
    progress: Progress | None,
    total: int,
    offset: int,
    end: int,
) -> None:
    """Give ``write`` the bytes from ``offset`` to ``end``, starting with the answer that is already open."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    body, attempts = answer["Body"], settings.retries
    while True:
        try:
            while offset < end:
                block = body.read(min(BLOCK, end - offset))
                if not block:
                    raise IncompleteReadError(actual_bytes=offset, expected_bytes=end)
                write(block)
                offset += len(block)
                if progress is not None:
                    progress(len(block), total)
            return
        except (HTTPClientError, IncompleteReadError, ConnectionError, TimeoutError):
            attempts -= 1
            if attempts <= 0:
                raise
            body = client.get_object(**_pinned(place, answer), Range=f"bytes={offset}-{end - 1}")["Body"]


def _in_ranges(
    client: Any,
    place: dict[str, str],
    answer: Mapping[str, Any],
    payload: Payload,
    total: int,
    settings: Settings,
    progress: Progress | None,
) -> None:
    payload.allocate(total)
    pinned, lock = _pinned(place, answer), threading.Lock()

    def count(size: int, whole: int) -> None:
        if progress is not None:
            with lock:
                progress(size, whole)

    def fill(offset: int, end: int, opened: Mapping[str, Any] | None = None) -> int:
        position = offset

        def write(block: bytes) -> None:
            nonlocal position
            payload.write_at(position, block)
            position += len(block)
            if offset == 0:  # all that is before it is there: it can be hashed
                payload.follow_to(position)

        opened = opened or client.get_object(**pinned, Range=f"bytes={offset}-{end - 1}")
        _stream(client, place, opened, write, settings, count, total, offset, end)
        return end

    pool = ThreadPoolExecutor(settings.connections, thread_name_prefix="jsk-download")
    try:
        jobs = [pool.submit(fill, 0, FIRST, answer)]
        jobs += [
            pool.submit(fill, offset, min(offset + RANGE, total)) for offset in range(FIRST, total, RANGE)
        ]
        for job in jobs:  # hashed in order, while later ranges are still coming
            payload.follow_to(job.result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
