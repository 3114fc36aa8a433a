"""What versions a bucket holds: its listing, page by page, put in order.

A page has at most 1,000 entries; versions and delete markers come in lists of their own, each newest first
within a key; a prefix matches longer keys too (Amazon S3 API reference, ListObjectVersions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsk_saver.record import RESERVED
from jsk_saver.stores.base import Entry
from jsk_saver.stores.s3_errors import explained


@dataclass(frozen=True, slots=True)
class Listing:
    """The versions and markers below one prefix of a bucket.

    Parameters
    ----------
    client
        A boto3 client for S3.
    uri
        The store, for messages.
    bucket, prefix
        Where; the prefix is empty or ends in a slash.
    """

    client: Any
    uri: str
    bucket: str
    prefix: str

    def of_name(self, name: str, key: str) -> list[Entry]:
        """Return the versions and markers of exactly one name, newest first."""
        found: list[Entry] = []
        for page in self.pages(key):
            entries = self._entries_in(page)
            found += [entry for entry in entries if entry.name == name]
            if entries and max(entry.name.encode() for entry in entries) > name.encode():
                break  # keys come in order, the longer ones after
        return _newest_first(found)

    def scan(self, prefix: str) -> Iterator[Entry]:
        """Yield the versions and markers of all names that start with ``prefix``."""
        pending: list[Entry] = []
        for page in self.pages(self.prefix + prefix):
            pending += sorted(self._entries_in(page), key=lambda entry: entry.name)
            last = pending[-1].name if pending else ""
            done = [entry for entry in pending if entry.name != last]  # the last name may go on
            pending = [entry for entry in pending if entry.name == last]
            yield from _grouped(done)
        yield from _grouped(pending)

    def pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Yield the answers of ListObjectVersions, one by one; the kit's own keys are jumped over."""
        inside = f"/{RESERVED}/" in f"/{prefix}"
        request: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix, "MaxKeys": 1000}
        while True:
            with explained(self.uri, "listing"):
                page = self.client.list_object_versions(**request)
            yield page
            if not page.get("IsTruncated"):
                return
            # NextKeyMarker says the same, but Ceph sends it as it is where botocore expects it quoted: a "+"
            # in it would become a space, and the listing begin again for ever.
            keys = [page[kind][-1]["Key"] for kind in ("Versions", "DeleteMarkers") if page.get(kind)]
            request["KeyMarker"] = max(keys, key=str.encode) if keys else page["NextKeyMarker"]
            request["VersionIdMarker"] = page.get("NextVersionIdMarker", "")
            own = _own_folder(request["KeyMarker"][len(self.prefix) :])
            if own and not inside:
                request |= {"KeyMarker": f"{self.prefix}{own}0", "VersionIdMarker": ""}  # '0' follows '/'
            if not request["VersionIdMarker"]:
                del request["VersionIdMarker"]

    def _entries_in(self, page: Mapping[str, Any]) -> list[Entry]:
        start = len(self.prefix)
        return [
            Entry(
                name=item["Key"][start:],
                version=item["VersionId"],
                size=item.get("Size", 0),
                modified=item["LastModified"],
                latest=item["IsLatest"],
                marker=marker,
            )
            for kind, marker in (("Versions", False), ("DeleteMarkers", True))
            for item in page.get(kind, ())
            # Keys that end in a slash are the console's folders.
            if not _own_folder(item["Key"][start:]) and not item["Key"].endswith("/")
        ]


def _own_folder(key: str) -> str:
    """Return the kit's own folder in which ``key`` lies, this store's or one's below it; empty if in none."""
    before, found, _ = f"/{key}".partition(f"/{RESERVED}/")
    return f"{before}/{RESERVED}"[1:] if found else ""


def _newest_first(entries: list[Entry]) -> list[Entry]:
    """Merge the lists of versions and of markers, each newest first, of one name."""
    versions = [entry for entry in entries if not entry.marker]
    markers = [entry for entry in entries if entry.marker]
    merged: list[Entry] = []
    while versions and markers:
        # Of two made in the same second the marker first: what unhides takes it away with those above.
        first = versions[0].latest or (not markers[0].latest and versions[0].modified > markers[0].modified)
        merged.append((versions if first else markers).pop(0))
    return merged + versions + markers


def _grouped(entries: list[Entry]) -> Iterator[Entry]:
    names: dict[str, list[Entry]] = {}
    for entry in entries:
        names.setdefault(entry.name, []).append(entry)
    for group in names.values():
        yield from _newest_first(group)
