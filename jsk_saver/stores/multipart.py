"""Large objects to S3: parts in parallel, aborted on failure, the version from the final answer.

boto3's own ``upload_file`` does neither tell the version it made nor send from a payload.
Limits: parts of 5 MiB to 5 GiB, at most 10,000 (Amazon S3 User Guide, "Multipart upload limits").
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any

from jsk_saver.payload import Payload
from jsk_saver.settings import Settings
from jsk_saver.stores.base import Progress

MOST_PARTS = 10_000
#: Bytes of one part of a copy that the server makes.
COPY_PART = 512 * 2**20


def upload_in_parts(
    client: Any, arguments: dict[str, Any], payload: Payload, settings: Settings, progress: Progress | None
) -> Mapping[str, Any]:
    """Upload ``payload`` with the ``put_object`` arguments given, and return the final answer."""
    counting = _counter(progress, payload.size)

    def send(number: int, offset: int, size: int, upload: dict[str, str]) -> dict[str, Any]:
        reader = payload.reader(offset, size)
        reader.on_read = counting
        answer = client.upload_part(PartNumber=number, Body=reader, ContentLength=size, **upload)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    size = part_size(payload.size, settings.part_size)
    return _in_parts(client, arguments, payload.size, size, settings.connections, send)


def copy_in_parts(
    client: Any, arguments: dict[str, Any], origin: Mapping[str, str], size: int, settings: Settings
) -> Mapping[str, Any]:
    """Have the server copy ``size`` bytes of ``origin``, and return the final answer."""

    def copy(number: int, offset: int, length: int, upload: dict[str, str]) -> dict[str, Any]:
        answer = client.upload_part_copy(
            PartNumber=number,
            CopySource=dict(origin),
            CopySourceRange=f"bytes={offset}-{offset + length - 1}",
            **upload,
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    return _in_parts(client, arguments, size, part_size(size, COPY_PART), settings.connections, copy)


def part_size(size: int, wished: int) -> int:
    """Return the size of a part: as wished, or larger where 10,000 of those are not enough."""
    return max(wished, -(-size // MOST_PARTS))


def _in_parts(
    client: Any,
    arguments: dict[str, Any],
    size: int,
    part: int,
    connections: int,
    send: Callable[[int, int, int, dict[str, str]], dict[str, Any]],
) -> Mapping[str, Any]:
    begun = client.create_multipart_upload(**arguments)
    upload = {"Bucket": arguments["Bucket"], "Key": arguments["Key"], "UploadId": begun["UploadId"]}
    pool = ThreadPoolExecutor(connections, thread_name_prefix="jsk-upload")
    try:
        jobs = [
            pool.submit(send, number, offset, min(part, size - offset), upload)
            for number, offset in enumerate(range(0, size, part), start=1)
        ]
        parts = [job.result() for job in as_completed(jobs)]
        parts.sort(key=lambda item: item["PartNumber"])
        answer: Mapping[str, Any] = client.complete_multipart_upload(
            MultipartUpload={"Parts": parts}, **upload
        )
        return answer
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        # What cannot be aborted now (the network is gone) falls to the bucket's rule for stale uploads.
        with suppress(Exception):
            client.abort_multipart_upload(**upload)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _counter(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    lock = threading.Lock()

    def count(size: int) -> None:
        with lock:
            progress(size, total)

    return count
