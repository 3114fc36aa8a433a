"""The spool: objects that could not be sent, kept on this machine until they can be.

Each waits in a folder of its own, bytes and record, brought to the disk, with the settings by which its
store is reached. Sending one twice (after a crash between sending and forgetting) makes no second version,
and what others saved or deleted meanwhile is not buried.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsk_saver.errors import IntegrityError, JskError, NewerVersion, NotFound, SettingsError
from jsk_saver.payload import Payload
from jsk_saver.record import Record, dump_json, format_time, now, parse_time
from jsk_saver.stores import Entry, Store

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
    settings
        Those by which the store is reached, as they were when it was put in here.
    server
        Which server that was; see :attr:`jsk_saver.stores.Store.server`.
    """

    id: str
    store: str
    record: Record
    since: dt.datetime
    reason: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    server: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "id": self.id,
            "name": self.record.name,
            "store": self.store,
            "server": self.server,
            "size": self.record.size,
            "since": format_time(self.since),
            "reason": self.reason,
            "folder": str(self.folder),
        }


@dataclass(frozen=True, slots=True)
class Damaged:
    """Something in the spool that cannot be sent, because a part of it is broken or gone.

    Parameters
    ----------
    id
        Its folder's name.
    folder
        Where it is.
    what
        What is wrong with it.
    """

    id: str
    folder: Path
    what: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"id": self.id, "folder": str(self.folder), "damaged": self.what}

    def error(self) -> IntegrityError:
        """Return it as an error that says what to do."""
        return IntegrityError(
            f"{self.id} in the spool is damaged: {self.what}.",
            kept=f"What is left of it, in {self.folder}",
            hint=f"Put the object again, then: jsk spool drop {self.id}",
        )


class Spool:
    """Objects waiting in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sent: set[tuple[str, str, str]] = set()

    def keep(
        self,
        store: str,
        record: Record,
        payload: Payload,
        reason: str,
        notes: Mapping[str, bytes] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        server: str = "",
    ) -> Waiting:
        """Keep an object that ``store`` could not take, and the notes that its record refers to.

        ``settings`` and ``server`` tell how the store is reached, so that it is sent there and nowhere else.

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
            reached = {"settings": dict(settings or {}), "server": server}
            _write(part / _RECORD, dump_json({**data, **reached, "record": record.to_json()}))
            part.rename(self.folder / name)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return Waiting(name, store, record, since, reason, self.folder / name, dict(settings or {}), server)

    def items(self) -> list[Waiting]:
        """Return what is waiting, oldest first; what is damaged is told by :meth:`damaged`."""
        return [item for item in self._all() if isinstance(item, Waiting)]

    def damaged(self) -> list[Damaged]:
        """Return what cannot be sent because a part of it is broken or gone."""
        return [item for item in self._all() if isinstance(item, Damaged)]

    def push(self, item: Waiting, store: Store, *, force: bool = False) -> Record | None:
        """Send one object, forget it here, and return its record; None if another process has it.

        Parameters
        ----------
        item, store
            What, and where to.
        force
            Whether to make it the newest version even of what was saved or deleted after it.

        Raises
        ------
        StoreError
            If the store still does not take it.
        NewerVersion
            If the name was saved or deleted after the object was made, and ``force`` is not set.
        SettingsError
            If the store is on another server than the one that the object is for.
        IntegrityError
            If its bytes were altered while waiting.

        It stays in the spool in all these cases.
        """
        with self._claimed(item) as mine:
            if not mine:
                return None
            _require_same_server(item, store)
            entries = store.entries(item.record.name)
            record = self._already_there(item, store, entries)
            if record is None:
                if not force:
                    self._require_newest(item, store, entries)
                record = _send(item, store)
            self._sent.add((store.uri, record.name, record.version))
            self.drop(item)
            return record

    def drop(self, item: Waiting | Damaged) -> None:
        """Forget one object without sending it."""
        doomed = item.folder.with_name(f".{item.id}.done")
        item.folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _all(self) -> list[Waiting | Damaged]:
        try:
            names = sorted(name for name in os.listdir(self.folder) if not name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [item for name in names if (item := self._load(name)) is not None]

    def _load(self, name: str) -> Waiting | Damaged | None:
        """Return what is in one folder; None if that is nothing of the spool's, or is just being sent."""
        folder = self.folder / name
        there = {part for part in (_RECORD, _DATA) if (folder / part).exists()}
        if not there:
            return None
        try:
            data = json.loads((folder / _RECORD).read_bytes())
            record = Record.from_json(data["name"], "", data["record"])
            item = Waiting(
                name, data["store"], record, parse_time(data["since"]), data["reason"], folder,
                data.get("settings", {}), data.get("server", ""),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"{_RECORD} cannot be read ({type(error).__name__}: {error})"
            return Damaged(name, folder, why) if folder.exists() else None
        if _DATA in there:
            return item
        return Damaged(name, folder, _bytes_gone(item)) if folder.exists() else None

    def _sweep(self) -> None:
        """Remove what processes that died had half written, or had sent and not quite removed."""
        for name in os.listdir(self.folder):
            with suppress(OSError):
                item = self.folder / name
                old = item.stat().st_mtime < time.time() - _STALE_AFTER
                if name.startswith(".") and (name.endswith(".done") or (name.endswith(".part") and old)):
                    shutil.rmtree(item, ignore_errors=True)

    @staticmethod
    def _already_there(item: Waiting, store: Store, entries: list[Entry]) -> Record | None:
        """Return the version that a put or push made before it was cut off, if there is one.

        Others may have written or deleted since, so all versions of that age and size are looked at.
        """
        wanted = item.record
        for entry in entries:
            if entry.marker or entry.size != wanted.size or entry.modified < wanted.created - _SKEW:
                continue
            with suppress(JskError):
                found = store.head(wanted.name, entry.version)
                if (found.digest, found.created) == (wanted.digest, wanted.created):
                    return found
        return None

    def _require_newest(self, item: Waiting, store: Store, entries: list[Entry]) -> None:
        """Refuse an object that would bury what was saved or deleted after it was made."""
        if not entries or not self._is_newer(entries[0], item, store):
            return
        happened = "deleted" if entries[0].marker else "saved again"
        raise NewerVersion(
            f"{item.record.name!r} was {happened} on {entries[0].modified:%Y-%m-%d %H:%M} UTC, "
            f"after the object that waits was made ({item.record.created:%Y-%m-%d %H:%M} UTC).",
            kept=f"The object that waits, in {item.folder}",
            hint=f"jsk spool push {item.id} --force    # makes it the newest all the same\n"
            f"        jsk spool drop {item.id}    # or forgets it",
        )

    def _is_newer(self, entry: Entry, item: Waiting, store: Store) -> bool:
        made = item.record.created
        if entry.marker:
            return entry.modified >= made.replace(microsecond=0)  # servers tell it to the second
        if (store.uri, entry.name, entry.version) in self._sent:
            return False
        try:
            newest = store.head(entry.name, entry.version)
        except (IntegrityError, NotFound):
            return entry.modified > made
        if newest.created > made or entry.modified <= made:
            return newest.created > made
        # Stored after this object was made, but made before it, by its own clock: this machine's, which
        # can be trusted (an older object sent late, a slow upload), or another's, which may be wrong.
        host = item.record.lineage.get("host")
        return not host or newest.lineage.get("host") != host

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


def _bytes_gone(item: Waiting) -> str:
    return f"the bytes of {item.record.name!r} (for {item.store}) are gone: there is no file {_DATA!r}"


def _require_same_server(item: Waiting, store: Store) -> None:
    server = store.server
    if item.server and server and item.server != server:
        raise SettingsError(
            f"{item.record.name!r} was not sent: it is for {item.store} at {item.server}, not at {server}.",
            kept=f"The object, in {item.folder}",
            hint=f"jsk spool push {item.id}    # with AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_S3 as they were",
        )


def _send(item: Waiting, store: Store) -> Record:
    try:
        kept = Payload.of_file(item.folder / _DATA)
    except FileNotFoundError:
        raise Damaged(item.id, item.folder, _bytes_gone(item)).error() from None
    with kept as payload:
        if payload.digest != item.record.digest:
            raise IntegrityError(
                f"The bytes of {item.record.name!r} in the spool were altered.",
                kept=f"Both files, in {item.folder}",
                hint=f"Put the object again, then: jsk spool drop {item.id}",
            )
        for note in sorted(p for p in (item.folder / _NOTES).rglob("*") if p.is_file()):
            store.put_note(note.relative_to(item.folder / _NOTES).as_posix(), note.read_bytes())
        return store.put(item.record, payload)


def _write(path: Path, data: bytes) -> None:
    """Write a file and bring it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
