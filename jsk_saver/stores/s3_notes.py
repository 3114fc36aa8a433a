"""The kit's own small objects in a bucket, under ``.jsk/`` of the store's prefix.

Stores may lie below one another in a bucket, and each reads what the other wrote. A note lies where the
store that wrote it begins: at the prefix of this one, or at another folder on the way to the object that
refers to it. Its name is the digest of what is in it, so it does not matter which is found.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from jsk_saver.errors import AccessDenied, NotFound
from jsk_saver.record import RESERVED, Record
from jsk_saver.stores.ranges import download
from jsk_saver.stores.s3_errors import explained

if TYPE_CHECKING:
    from jsk_saver.stores.s3 import S3Store


def put(store: S3Store, key: str, data: bytes) -> None:
    """Put an object under ``.jsk/``."""
    store.versioning.require()
    record = Record(f"{RESERVED}/{key}", "", "", "", len(data), "", dt.datetime.now(dt.UTC))
    with explained(store.uri, f"saving the note {key!r}"):
        answer = store.client.put_object(Body=data, **store.new_object(record, {}))
    # Before the object that refers to it: a bucket that overwrites is seen while nothing is lost.
    store.versioning.version_in(answer, f"The note {key!r}")


def get(store: S3Store, key: str, name: str = "") -> bytes:
    """Get an object under ``.jsk/``, to which the record of ``name`` refers."""
    for place in _places(store, name):
        # Outside of its prefix a store may have no rights; then the note is as good as not there.
        with suppress(NotFound, *((AccessDenied,) if place != store.prefix else ())):
            return _get(store, key, place)
    raise NotFound(f"The note {key!r} is not in {store.uri}.")


def listed(store: S3Store, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield key and size of the notes whose keys start with ``prefix``."""
    start = f"{store.prefix}{RESERVED}/"
    for page in store.listing().pages(start + prefix):
        for item in page.get("Versions", ()):
            if item["IsLatest"]:
                yield item["Key"][len(start) :], item["Size"]


def remove(store: S3Store, key: str, name: str) -> None:
    """Remove all versions of a note, to which only the record of ``name`` refers."""
    for place in _places(store, name):
        with suppress(*((AccessDenied,) if place != store.prefix else ())):
            wanted = f"{place}{RESERVED}/{key}"
            found = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for page in store.listing().pages(wanted)
                for item in page.get("Versions", ())
                if item["Key"] == wanted
            ]
            with explained(store.uri, f"removing the note {key!r}"):
                for item in found:
                    store.client.delete_object(Bucket=store.bucket, **item)
            if found:
                return


def _places(store: S3Store, name: str) -> Iterator[str]:
    """Yield the prefixes where a note of ``name`` may lie, likeliest first."""
    yield store.prefix
    if not name:
        return
    key = store.prefix + name
    ends = [position + 1 for position, character in enumerate(key) if character == "/"]
    yield from (key[:end] for end in [*reversed(ends), 0] if key[:end] != store.prefix)


def _get(store: S3Store, key: str, place: str) -> bytes:
    with explained(store.uri, f"reading the note {key!r}"):
        try:
            where = {"Bucket": store.bucket, "Key": f"{place}{RESERVED}/{key}"}
            with download(store.client, where, store.settings, None, None)[1] as payload:
                return payload.getvalue()
        except store.client.exceptions.NoSuchKey:
            raise NotFound(f"The note {key!r} is not in {store.uri}.") from None
