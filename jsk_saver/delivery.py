"""From a version to what the caller wants: the object, a file, a folder, or bytes; never an altered one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from jsk_saver.encoding import FILE
from jsk_saver.errors import AccessDenied, IntegrityError, JskError, StoreFull
from jsk_saver.formats.base import Reading
from jsk_saver.payload import Payload
from jsk_saver.record import Record

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.formats import Formats

FOLDER = "folder"
#: Longest name of a file on common file systems, in bytes.
_LONGEST_FILE = 255
_WISHES = ("pandas", "polars", "arrow", "bytes", "path")


class Delivery:
    """How one ``get`` wants its version.

    Parameters
    ----------
    connection, formats
        Where from, and how it is read.
    columns, to, as_, allow_pickle
        As for :meth:`jsk_saver.Saver.get`.
    """

    def __init__(
        self,
        connection: Connection,
        formats: Formats,
        *,
        columns: Sequence[str] | None = None,
        to: str | os.PathLike[str] | None = None,
        as_: str | None = None,
        allow_pickle: bool = False,
    ) -> None:
        if as_ is not None and as_ not in _WISHES:
            raise JskError(f"as_={as_!r} is not known.", hint="as_ is one of " + ", ".join(_WISHES) + ".")
        if isinstance(columns, str):
            columns = [columns]
        self._connection, self._formats = connection, formats
        self._columns = None if columns is None else list(columns)
        self._to = None if to is None else Path(to).expanduser().absolute()
        self._as, self._allow_pickle = as_, allow_pickle

    def of(self, name: str, version: str | None) -> tuple[Record, Any]:
        """Return the record of a version, and the version as wished."""
        if self._to is None:
            record, payload = self._connection.read(name, version)
            with verified(record, payload, wait=self._allow_pickle):
                return record, self._as_wished(record, payload)
        is_folder, was_empty = _is_folder(self._to), _is_empty(self._to)
        folder = self._connection.scratch if was_empty else _beside(self._to)
        record, payload = self._connection.read(name, version, folder=folder)
        with verified(record, payload, wait=True):
            # A folder that is there is where the file goes; an empty one may also become the saved folder.
            into = is_folder and not (was_empty and record.format == FOLDER)
            target = self._to / _on_disk(name) if into else self._to
            with _told(record, target):
                _into(record, payload, target, self._formats)
            return record, target

    def for_comparison(self, name: str, version: str | None) -> tuple[Record, Any]:
        """Return the record, and the object where it can be loaded without running code."""
        record, payload = self._connection.read(name, version)
        with verified(record, payload, wait=self._allow_pickle):
            if record.format == FOLDER or (self._may_run_code(record) and not self._allow_pickle):
                return record, None
            try:
                return record, self._decoded(record, payload)
            except JskError:
                if record.format != FILE:
                    raise
                return record, None  # a file need not be what its extension says

    # Inside -----------------------------------------------------------------------------------------

    def _as_wished(self, record: Record, payload: Payload) -> Any:
        if self._as == "bytes":
            return payload.getvalue()
        if self._as == "path" or (self._as is None and record.format in (FILE, FOLDER)):
            _check(record, payload)
            with _told(record, self._connection.scratch):
                return self._connection.expose(
                    record, _on_disk(record.name), lambda path: _into(record, payload, path, self._formats)
                )
        return self._decoded(record, payload)

    def _decoded(self, record: Record, payload: Payload) -> Any:
        own = record.format and record.format not in (FILE, FOLDER)
        chosen = self._formats.by_name(record.format) if own else self._formats.for_extension(record.name)
        reading = Reading(
            name=record.name,
            type=record.type if own else "",
            state=record.state,
            columns=self._columns,
            as_=self._as,
        )
        return self._formats.decode(chosen, payload, reading, allow_pickle=self._allow_pickle)

    def _may_run_code(self, record: Record) -> bool:
        return bool(
            record.format
            and record.format not in (FILE, FOLDER)
            and self._formats.by_name(record.format).runs_code
        )


@contextmanager
def verified(record: Record, payload: Payload, *, wait: bool = False) -> Iterator[None]:
    """Close ``payload`` after the block, and let nothing out of it if the bytes were altered.

    The hash runs beside the decoding. With ``wait`` it comes first: for what could run code.

    Raises
    ------
    IntegrityError
        If the digest is not the record's, whatever else went wrong in the block because of that.
    """
    with payload:
        if wait:
            _check(record, payload)
        try:
            yield
        except Exception:
            _check(record, payload)
            raise
        _check(record, payload)


def _check(record: Record, payload: Payload) -> None:
    if record.digest and (payload.digest != record.digest or payload.size != record.size):
        raise IntegrityError(
            f"The bytes of {record.name!r} (version {record.version}) were altered in the store: "
            f"saved {record.digest[:19]}… ({record.size:,} bytes), found {payload.digest[:19]}… "
            f"({payload.size:,} bytes).",
            kept="Every other version, and the altered bytes where they are.",
            hint=f'saver.history("{record.name}")    # then: saver.get(…, version=…) or saver.restore(…)',
        )


def _beside(target: Path) -> Path:
    """Return the folder from which a file can be moved to ``target`` in one step."""
    if _is_folder(target):
        return target
    if not _is_folder(target.parent):
        raise JskError(f"The folder {target.parent} does not exist.", hint=f"mkdir -p {target.parent}")
    return target.parent


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a name too long to be looked at
        return path.is_dir()
    return False


def _is_empty(path: Path) -> bool:
    return _is_folder(path) and not any(path.iterdir())


def _on_disk(name: str) -> str:
    """Return the last part of ``name``, cut where no file system takes a name of that length."""
    file = name.rpartition("/")[2]
    if len(file.encode()) <= _LONGEST_FILE:
        return file
    return file.encode()[:150].decode(errors="ignore") + PurePath(file).suffix[:20]


@contextmanager
def _told(record: Record, target: Path) -> Iterator[None]:
    """Turn what the operating system says about writing to ``target`` into what the user can do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, JskError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        kind = StoreFull if full else AccessDenied if denied else JskError
        raise kind(
            f"{record.name!r} could not be written to {target}: {error.strerror or error}.",
            kept="The version in the store.",
            hint="Free some space, or choose another place." if full else "Choose another place with to=….",
        ) from error


def _into(record: Record, payload: Payload, path: Path, formats: Formats) -> None:
    if record.format == FOLDER:
        formats.extract(payload, path)
    else:
        payload.move_to(path)
