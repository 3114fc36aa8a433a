"""The cache: versions read from afar, kept on this machine.

A version never changes, so what is cached under (store, name, version) is right for ever; it is compared
with its digest all the same each time it is used. The cache is bounded, the least recently used goes out
first, any number of processes may share it, and it may be removed at any time. Nothing that goes wrong in
here fails a ``get``.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jsk_saver.payload import TEMPORARY, Payload
from jsk_saver.record import Record, dump_json

#: A scan counts what other processes wrote; one is due after this share of the limit was written here.
SCAN_SHARE = 20
#: What is left over after an eviction, so that the next ``get`` does not evict again.
FILL_AFTER_EVICTION = 0.9
_STALE = 24 * 3600
#: What an exposed file or folder lies in, and beside it what it was like when it was made.
_CONTENT, _STAMP = "content", "stamp"


class Cache:
    """Bounded files in a folder.

    Parameters
    ----------
    folder
        Where; made when first needed.
    limit
        Most bytes on disk; 0 turns the cache off.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._unscanned: int | None = None

    def find(self, store: str, name: str, version: str) -> tuple[Record, Payload] | None:
        """Return the record and bytes of a version, or None; the caller compares the digest."""
        place = self._place(store, name, version)
        try:
            record = Record.from_json(name, version, json.loads(_unsealed(place.with_suffix(".json"))))
            payload = self._held(place.with_suffix(".data"))
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(place.with_suffix(".data"))  # used just now
        return record, payload

    def _held(self, data: Path) -> Payload:
        """Return a payload that another process cannot take away while it is read."""
        link = self.folder / f"{TEMPORARY}{secrets.token_hex(8)}.tmp"
        try:
            os.link(data, link)
        except OSError:  # it is gone, or links are refused here
            return Payload.of_file(data)
        return Payload.of_file(link, owned=True)

    def keep(self, store: str, record: Record, payload: Payload) -> bool:
        """Keep the bytes of ``payload``, which stays as it is, and tell whether that worked."""
        if not self.limit or payload.size > self.limit // 4:  # one object must not push out all the others
            return False
        place = self._place(store, record.name, record.version)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(payload, place.with_suffix(".data"))
            _write(place.with_suffix(".json"), _sealed(dump_json(record.to_json())))
            self._make_room(payload.size)
        except OSError:
            return False
        return True

    def forget(self, store: str, name: str, version: str) -> None:
        """Drop one version, for one that was purged or turned out damaged."""
        place = self._place(store, name, version)
        for path in (place.with_suffix(".json"), place.with_suffix(".data")):
            with suppress(OSError):
                path.unlink()
        shutil.rmtree(place, ignore_errors=True)

    def newest(self, store: str, name: str) -> str | None:
        """Return the version that was the newest of ``name`` when last seen, if it is a large one.

        For a large object it pays to ask for the headers of the newest version first.
        """
        with suppress(OSError):
            return self._pointer(store, name).read_text()
        return None

    def note_newest(self, store: str, name: str, version: str) -> None:
        """Remember ``version`` for :meth:`newest`."""
        with suppress(OSError):
            _write(self._pointer(store, name), version.encode())

    def expose(self, store: str, record: Record, file: str, fill: Callable[[Path], None]) -> Path:
        """Return the path of a file or folder of its own for this version, named ``file``.

        Made by ``fill`` the first time; it counts as part of the cache, and goes out like the rest.
        """
        place = self._place(store, record.name, record.version)
        if not _is_as_made(place):
            part = place.with_name(f"{place.name}.{secrets.token_hex(4)}.part")
            try:
                (part / _CONTENT).mkdir(parents=True)
                fill(part / _CONTENT / file)
                _write(part / _STAMP, _stamp_of(part))
                _set_aside(place)
                with suppress(OSError):  # another process was faster
                    part.rename(place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            self._make_room(record.size, spare=place)
        with suppress(OSError):
            os.utime(place)
        return place / _CONTENT / file

    def used(self) -> int:
        """Return the bytes on disk, counted now."""
        return sum(size for _, size, _ in self._items())

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # Inside -----------------------------------------------------------------------------------------

    def _place(self, store: str, name: str, version: str) -> Path:
        digest = hashlib.sha256(f"{store}\n{name}\n{version}".encode()).hexdigest()[:40]
        return self.folder / digest[:2] / digest

    def _pointer(self, store: str, name: str) -> Path:
        return self._place(store, name, "newest").with_suffix(".newest")

    def _make_room(self, added: int, spare: Path | None = None) -> None:
        if self._unscanned is not None:
            self._unscanned += max(added, 4096)
            if self._unscanned < self.limit // SCAN_SHARE:
                return
        self._unscanned = 0
        items = sorted(self._items())
        total = sum(size for _, size, _ in items)
        if total <= self.limit - self.limit // SCAN_SHARE:  # full by the next scan, at the latest
            return
        for _, size, path in items:
            if path == spare:
                continue
            shutil.rmtree(path, ignore_errors=True)
            for file in (path.with_suffix(".json"), path.with_suffix(".data"), path):
                with suppress(OSError):
                    file.unlink()
            total -= size
            if total <= self.limit * FILL_AFTER_EVICTION:
                return

    def _items(self) -> list[tuple[float, int, Path]]:
        """Return when last used, bytes on disk, and path of each thing that can go out by itself."""
        found: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for shard in os.scandir(self.folder):
                with suppress(OSError):
                    found += [item for entry in os.scandir(shard.path) if (item := _item(entry))]
        return found


def _item(entry: os.DirEntry[str]) -> tuple[float, int, Path] | None:
    path = Path(entry.path)
    try:
        if path.suffix in (".tmp", ".part"):
            old = entry.stat().st_mtime < time.time() - _STALE
            return (0.0, 0, path) if old else None
        if entry.is_dir():
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            return entry.stat().st_mtime, max(size, 4096), path
        if path.suffix == ".data":  # its .json takes another block
            return entry.stat().st_mtime, max(entry.stat().st_size, 4096) + 4096, path.with_suffix("")
    except OSError:
        return None
    return None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _copy(payload: Payload, target: Path) -> None:
    """Place the bytes of ``payload`` at ``target`` in one step, without a second copy where links work."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            os.link(payload.path or "", part)
        except OSError:
            payload.copy_to(part, durable=False)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _sealed(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode() + b"\n" + data


def _unsealed(path: Path) -> bytes:
    seal, _, data = path.read_bytes().partition(b"\n")
    if hashlib.sha256(data).hexdigest().encode() != seal:
        raise ValueError("altered")
    return data


def _is_as_made(place: Path) -> bool:
    """Tell whether what was exposed is still as it was made; whoever got the path may have written to it."""
    try:
        return (place / _STAMP).read_bytes() == _stamp_of(place)
    except OSError:
        return False


def _stamp_of(place: Path) -> bytes:
    lines = []
    for path in sorted((place / _CONTENT).rglob("*")):
        status = path.lstat()
        lines.append(f"{path.relative_to(place)} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest().encode()


def _set_aside(place: Path) -> None:
    doomed = place.with_name(f"{place.name}.{secrets.token_hex(4)}.part")
    with suppress(OSError):
        place.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
