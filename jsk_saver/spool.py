"""The spool: objects that could not be sent, kept on this machine until they can be.

Each waits in a folder of its own, bytes and record, brought to the disk. Sending one twice (after a crash
between sending and forgetting) makes no second version.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_saver.errors import IntegrityError, JskError
from jsk_saver.payload import Payload
from jsk_saver.record import Record, dump_json, format_time, now, parse_time
from jsk_saver.stores import Store

_RECORD, _DATA, _NOTES = "record.json", "data", "notes"
#: Half-written items older than this (seconds) belong to processes that died.
_STALE_AFTER = 24 * 3600
#: How far the clocks of this machine and of the store may be apart.
_SKEW = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One object in the spool.

    Parameters
    ----------
    id
        Its folder's name.
    store
        Address of the store it is for.
    record
        What is known about it (no version yet).
    since
        When it was put in here.
    reason
        Why it could not be sent.
    folder
        Where it is.
    """

    id: str
    store: str
    record: Record
    since: dt.datetime
    reason: str
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "id": self.id,
            "name": self.record.name,
            "store": self.store,
            "size": self.record.size,
            "since": format_time(self.since),
            "reason": self.reason,
            "folder": str(self.folder),
        }


class Spool:
    """Objects waiting in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(
        self,
        store: str,
        record: Record,
        payload: Payload,
        reason: str,
        notes: Mapping[str, bytes] | None = None,
    ) -> Waiting:
        """Keep an object that ``store`` could not take, and the notes that its record refers to.

        Raises
        ------
        OSError
            If this disk cannot take it either.
        """
        since = now()
        name = f"{since.strftime('%Y%m%dT%H%M%S.%fZ')}-{secrets.token_hex(3)}"
        part = self.folder / f".{name}.part"
        part.mkdir(parents=True)
        self._sweep()
        try:
            payload.copy_to(part / _DATA)
            for key, note in (notes or {}).items():
                (part / _NOTES / key).parent.mkdir(parents=True, exist_ok=True)
                _write(part / _NOTES / key, note)
            data = {"store": store, "name": record.name, "since": format_time(since), "reason": reason}
            _write(part / _RECORD, dump_json({**data, "record": record.to_json()}))
            part.rename(self.folder / name)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return Waiting(name, store, record, since, reason, self.folder / name)

    def items(self) -> list[Waiting]:
        """Return what is waiting, oldest first."""
        try:
            names = sorted(name for name in os.listdir(self.folder) if not name.startswith("."))
        except FileNotFoundError:
            return []
        return [item for name in names if (item := self._load(name)) is not None]

    def push(self, item: Waiting, store: Store) -> Record | None:
        """Send one object, forget it here, and return its record; None if another process has it.

        Raises
        ------
        StoreError
            If the store still does not take it; it stays in the spool.
        IntegrityError
            If its bytes were altered while waiting; it stays in the spool.
        """
        with self._claimed(item) as mine:
            if not mine:
                return None
            record = self._already_there(item, store)
            if record is None:
                with Payload.of_file(item.folder / _DATA) as payload:
                    if payload.digest != item.record.digest:
                        raise IntegrityError(
                            f"The bytes of {item.record.name!r} in the spool were altered.",
                            kept=f"Both files, in {item.folder}",
                            hint="Put the object again, then remove that folder.",
                        )
                    for note in sorted(p for p in (item.folder / _NOTES).rglob("*") if p.is_file()):
                        store.put_note(note.relative_to(item.folder / _NOTES).as_posix(), note.read_bytes())
                    record = store.put(item.record, payload)
            self.drop(item)
            return record

    def drop(self, item: Waiting) -> None:
        """Forget one object without sending it."""
        doomed = item.folder.with_name(f".{item.id}.done")
        item.folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _load(self, name: str) -> Waiting | None:
        folder = self.folder / name
        try:
            data = json.loads((folder / _RECORD).read_bytes())
            record = Record.from_json(data["name"], "", data["record"])
            return Waiting(name, data["store"], record, parse_time(data["since"]), data["reason"], folder)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _sweep(self) -> None:
        """Remove what processes that died had half written, or had sent and not quite removed."""
        for name in os.listdir(self.folder):
            with suppress(OSError):
                item = self.folder / name
                old = item.stat().st_mtime < time.time() - _STALE_AFTER
                if name.startswith(".") and (name.endswith(".done") or (name.endswith(".part") and old)):
                    shutil.rmtree(item, ignore_errors=True)

    @staticmethod
    def _already_there(item: Waiting, store: Store) -> Record | None:
        """Return the version that a put or push made before it was cut off, if there is one.

        Others may have written or deleted since, so all versions of that age and size are looked at.
        """
        wanted = item.record
        for entry in store.entries(wanted.name):
            if entry.marker or entry.size != wanted.size or entry.modified < wanted.created - _SKEW:
                continue
            with suppress(JskError):
                found = store.head(wanted.name, entry.version)
                if (found.digest, found.created) == (wanted.digest, wanted.created):
                    return found
        return None

    @staticmethod
    @contextmanager
    def _claimed(item: Waiting) -> Iterator[bool]:
        """Hold the item against other processes; the system lets go of it if this one dies."""
        try:
            import fcntl
        except ImportError:  # Windows: one pusher at a time is up to the user
            yield item.folder.exists()
            return
        try:
            file = (item.folder / _RECORD).open("r+b")  # NFS locks only what may be written
        except FileNotFoundError:
            yield False
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield item.folder.exists()


def _write(path: Path, data: bytes) -> None:
    """Write a file and bring it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
