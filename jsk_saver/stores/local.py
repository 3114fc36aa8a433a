"""A store in a folder: plain files that any tool can read, safe with many processes, also on NFS.

A version is a folder that is filled under ``.jsk/unfinished``, brought to the disk (fsync), and renamed
into place: it is there whole, or not at all. There are no locks, so none can be left behind.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlparse

from jsk_saver.errors import Hidden, IntegrityError, InvalidName, NotFound, StoreError
from jsk_saver.payload import Payload
from jsk_saver.record import RESERVED, Record, dump_json
from jsk_saver.stores import layout
from jsk_saver.stores.base import Entry, Problem, Progress, Store
from jsk_saver.stores.disk import explained, files_below, make_folder, make_read_only, sweep, sync, walk


class LocalStore(Store):
    """Versions in a folder.

    Parameters
    ----------
    uri
        The folder, as a path or a ``file://`` address; made by the first ``put``.
    """

    def __init__(self, uri: str) -> None:
        path = unquote(urlparse(uri).path) if uri.startswith("file://") else uri
        self.root = Path(path).expanduser().absolute()
        self.uri = str(self.root)
        self._swept = False

    # Versions ---------------------------------------------------------------------------------------

    def put(self, record: Record, payload: Payload, progress: Progress | None = None) -> Record:
        """Write bytes and record into a new folder, then rename it into place."""
        with explained(self.uri, record.name), self._unfinished() as folder:
            data = folder / self._data_file(record.name)
            payload.copy_to(data)
            make_read_only(data)
            if progress is not None:
                progress(payload.size, payload.size)
            return self._finish(folder, record)

    def duplicate(self, source: Record, record: Record) -> Record:
        """Link the bytes of ``source`` under a new record (copy them where links are refused)."""
        data = self._folder(source.name, source.version) / self._data_file(source.name)
        with explained(self.uri, record.name), self._unfinished() as folder:
            target = folder / self._data_file(record.name)
            try:
                os.link(data, target)
            except FileNotFoundError:
                raise self._not_found(source.name, source.version) from None
            except OSError:
                shutil.copyfile(data, target)
                make_read_only(target)
                sync(target)
            return self._finish(folder, record)

    def _finish(self, folder: Path, record: Record) -> Record:
        (folder / layout.RECORD_FILE).write_bytes(dump_json({"name": record.name, **record.to_json()}))
        sync(folder / layout.RECORD_FILE)
        sync(folder)
        home = self.root / layout.folder_of(record.name)
        while True:
            try:
                make_folder(home)
                # Chosen last: whoever finishes later is newer, whatever its size.
                version = layout.new_version(after=self._newest_name(home))
                folder.rename(home / f"@{version}")
            except FileNotFoundError:
                if not folder.exists():  # swept, because it took more than a day
                    raise
                continue  # a purge has just removed the emptied folder
            sync(home)
            return record.with_version(version)

    def fetch(
        self,
        name: str,
        version: str | None = None,
        *,
        folder: Path | None = None,  # noqa: ARG002 - the bytes are read where they lie
        progress: Progress | None = None,
    ) -> tuple[Record, Payload]:
        """Return the record, and the file itself as payload."""
        with explained(self.uri, name):
            record = self.head(name, version)
            path = self._folder(name, record.version) / self._data_file(name)
            try:
                payload = Payload.of_file(path)
            except FileNotFoundError:
                raise IntegrityError(
                    f"The bytes of {name!r} (version {record.version}) are gone: {path} is missing.",
                    kept="The record, and every other version.",
                    hint=f'saver.history("{name}")',
                ) from None
            if progress is not None:
                progress(payload.size, payload.size)
            return record, payload

    def head(self, name: str, version: str | None = None) -> Record:
        """Read ``record.json``."""
        with explained(self.uri, name):
            chosen = self._newest(name) if version is None else version
            if not layout.is_version(chosen):
                raise self._not_found(name, chosen)
            try:
                data = json.loads((self._folder(name, chosen) / layout.RECORD_FILE).read_bytes())
                if not isinstance(data, dict):
                    raise ValueError("it is not an object")
            except FileNotFoundError:
                raise self._not_found(name, chosen) from None
            except (ValueError, RecursionError) as error:
                raise IntegrityError(
                    f"The record of {name!r} (version {chosen}) is damaged: {error}.",
                    kept="The object's bytes, in " + str(self._folder(name, chosen)),
                    hint=f'saver.history("{name}")    # other versions are not affected',
                ) from error
            if self._folds_case and data.get("name", name) != name:
                raise self._not_found(name, chosen)
            return Record.from_json(name, chosen, data)

    def entries(self, name: str) -> list[Entry]:
        """List the folder of ``name``."""
        with explained(self.uri, name):
            found = self._entries_in(self.root / layout.folder_of(name), name)
            if self._folds_case:
                found = [entry for entry in found if entry.marker or self._is_of(entry)]
            return found

    def scan(self, prefix: str = "") -> Iterator[Entry]:
        """Walk the folders."""
        with explained(self.uri, prefix):
            for folder, versions in walk(self.root, self.root):
                name = layout.name_of(folder)
                if name is None:
                    name = self._whole_name(self.root / folder, versions)
                if name is not None and name.startswith(prefix):
                    yield from self._entries_in(self.root / folder, name)

    def hide(self, name: str) -> None:
        """Put a marker file on top."""
        with explained(self.uri, name):
            home = self.root / layout.folder_of(name)
            self._newest(name)
            (home / f"@{layout.new_version(after=self._newest_name(home))}{layout.HIDDEN}").touch(
                exist_ok=False
            )
            sync(home)

    def unhide(self, name: str) -> bool:
        """Remove the marker files on top."""
        with explained(self.uri, name):
            entries = self.entries(name)
            if not entries:
                raise self._not_found(name, None)
            taken = False
            for entry in entries:
                if not entry.marker:
                    break
                (self.root / layout.folder_of(name) / f"@{entry.version}{layout.HIDDEN}").unlink(
                    missing_ok=True
                )
                taken = True
            return taken

    def remove(self, name: str, version: str) -> None:
        """Take the version out of sight in one step, then remove it, and folders left empty."""
        with explained(self.uri, name):
            home = self.root / layout.folder_of(name)
            marker = home / f"@{version}{layout.HIDDEN}"
            if layout.is_version(version) and marker.exists():
                marker.unlink(missing_ok=True)
            else:
                with suppress(IntegrityError):  # a damaged record is one more reason to remove it
                    self.head(name, version)
                doomed = self._unfinished_root() / f"removed-{secrets.token_hex(8)}"
                try:
                    self._folder(name, version).rename(doomed)
                except FileNotFoundError:
                    raise self._not_found(name, version) from None
                shutil.rmtree(doomed, ignore_errors=True)
            while home != self.root:
                try:
                    home.rmdir()
                except OSError:
                    break
                home = home.parent

    # Notes ------------------------------------------------------------------------------------------

    def put_note(self, key: str, data: bytes) -> None:
        """Write a file under ``.jsk/notes``."""
        with explained(self.uri, key):
            path = self._note(key)
            if path.exists():
                return
            make_folder(path.parent)
            with self._unfinished() as folder:
                (folder / "note").write_bytes(data)
                sync(folder / "note")
                (folder / "note").replace(path)
            sync(path.parent)

    def get_note(self, key: str) -> bytes:
        """Read a file under ``.jsk/notes``."""
        with explained(self.uri, key):
            try:
                return self._note(key).read_bytes()
            except FileNotFoundError:
                raise NotFound(f"The note {key!r} is not in {self.uri}.") from None

    def notes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Walk the folder of those notes."""
        with explained(self.uri, prefix):
            yield from files_below(self.root / RESERVED / "notes", self._note(prefix.rstrip("/")))

    def _note(self, key: str) -> Path:
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise InvalidName(f"{key!r} is no name of a note.")
        return self.root / RESERVED / "notes" / key

    # Looking after it -------------------------------------------------------------------------------

    def address(self, name: str, version: str) -> str:
        """Return the ``file://`` address of the bytes."""
        path = self._folder(name, version) / self._data_file(name)
        return "file://" + quote(path.as_posix(), safe="/@:")

    def check(self) -> list[Problem]:
        """Try to write, and look for room."""
        try:
            with explained(self.uri, ""), self._unfinished() as folder:
                (folder / "probe").write_bytes(b"jsk")
                sync(folder / "probe")
            free = shutil.disk_usage(self.root).free
        except StoreError as error:
            return [Problem(error.what, error.hint)]
        if free < 2**30:
            return [
                Problem(
                    f"Only {free / 2**20:,.0f} MiB are left on the disk of {self.uri}.", "Free some space."
                )
            ]
        return []

    def describe(self) -> dict[str, Any]:
        """Return where it is and how much room is left."""
        there = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        return {"store": self.uri, "kind": "local folder", "free_bytes": shutil.disk_usage(there).free}

    # Inside -----------------------------------------------------------------------------------------

    def _folder(self, name: str, version: str) -> Path:
        return self.root / layout.folder_of(name) / f"@{version}"

    @staticmethod
    def _data_file(name: str) -> str:
        file = layout.folder_of(name.rpartition("/")[2])
        return file if file.lower() != layout.RECORD_FILE else f"_{file}"

    def _newest(self, name: str) -> str:
        entries = self.entries(name)
        if not entries:
            raise self._not_found(name, None)
        if entries[0].marker:
            raise Hidden(
                f"{name!r} was deleted on {entries[0].modified:%Y-%m-%d %H:%M} UTC.",
                kept=f"Its {sum(not entry.marker for entry in entries)} version(s).",
                hint=f'saver.restore("{name}")',
            )
        return entries[0].version

    @staticmethod
    def _newest_name(home: Path) -> str:
        names = (item[1:].removesuffix(layout.HIDDEN) for item in os.listdir(home) if item[0] == "@")
        return max(filter(layout.is_version, names), default="")

    @staticmethod
    def _entries_in(home: Path, name: str) -> list[Entry]:
        try:
            found = sorted((item for item in os.listdir(home) if item.startswith("@")), reverse=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        entries: list[Entry] = []
        for item in found:
            version, marker = item[1:].removesuffix(layout.HIDDEN), item.endswith(layout.HIDDEN)
            if not layout.is_version(version):
                continue
            try:
                size = 0 if marker else (home / item / LocalStore._data_file(name)).stat().st_size
            except OSError:  # altered by hand; fetch says what is missing
                size = 0
            entries.append(Entry(name, version, size, layout.made_at(version), not entries, marker))
        return entries

    def _whole_name(self, folder: Path, versions: list[str]) -> str | None:
        for version in versions:
            with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                return str(json.loads((folder / version / layout.RECORD_FILE).read_bytes())["name"])
        return None

    @cached_property
    def _folds_case(self) -> bool:
        """Whether the file system takes ``A`` and ``a`` for the same file (macOS, Windows)."""
        return sys.platform != "linux" and (self.root / RESERVED.upper()).exists()

    def _is_of(self, entry: Entry) -> bool:
        try:
            self.head(entry.name, entry.version)
        except NotFound:
            return False
        except IntegrityError:
            return True
        return True

    def _unfinished_root(self) -> Path:
        root = self.root / RESERVED / "unfinished"
        root.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            sweep(root)
        return root

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        folder = self._unfinished_root() / secrets.token_hex(8)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # renamed away when all went well

    def _not_found(self, name: str, version: str | None) -> NotFound:
        if version is None:
            return NotFound(f"There is no {name!r} in {self.uri}.", hint="saver.search()    # what is there")
        return NotFound(
            f"There is no version {version!r} of {name!r} in {self.uri}.", hint=f'saver.history("{name}")'
        )
