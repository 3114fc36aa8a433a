"""From a version to what the caller wants: the object, a file, a folder, or bytes; never an altered one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jsk_saver.encoding import FILE
from jsk_saver.errors import IntegrityError, JskError
from jsk_saver.formats.base import Reading
from jsk_saver.payload import Payload
from jsk_saver.placing import FOLDER, Place, file_name, told
from jsk_saver.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from jsk_saver.connection import Connection
    from jsk_saver.formats import Format, Formats

_WISHES = ("pandas", "polars", "arrow", "bytes", "path")


class Delivery:
    """How one ``get`` wants its version.

    Parameters
    ----------
    connection, formats
        Where from, and how it is read.
    columns, to, force, as_, allow_pickle
        As for :meth:`jsk_saver.Saver.get`.
    """

    def __init__(
        self,
        connection: Connection,
        formats: Formats,
        *,
        columns: Sequence[str] | None = None,
        to: str | os.PathLike[str] | None = None,
        force: bool = False,
        as_: str | None = None,
        allow_pickle: bool = False,
    ) -> None:
        if as_ is not None and as_ not in _WISHES:
            raise JskError(f"as_={as_!r} is not known.", hint="as_ is one of " + ", ".join(_WISHES) + ".")
        if isinstance(columns, str):
            columns = [columns]
        self._connection, self._formats = connection, formats
        self._columns = None if columns is None else list(columns)
        self._place = None if to is None else Place(to, force=force)
        self._as, self._allow_pickle = as_, allow_pickle

    def of(self, name: str, version: str | None) -> tuple[Record, Any]:
        """Return the record of a version, and the version as wished."""
        if self._place is not None:
            return self._placed(name, version, self._place)
        record, payload = self._connection.read(name, version)
        with verified(record, payload, wait=self._allow_pickle):
            return record, self._as_wished(record, payload)

    def _placed(self, name: str, version: str | None, place: Place) -> tuple[Record, Path]:
        if place.is_taken:  # whether it may be replaced is found out before anything is sent
            record = self._connection.head(name, version)
            if place.holds_file(record):
                return record, place.target(record)
            version = record.version
        folder = place.folder_for_bytes(self._connection.scratch)
        record, payload = self._connection.read(name, version, folder=folder)
        with verified(record, payload, wait=True):
            target = place.target(record)
            if not place.holds_folder(record, payload):
                with told(record, target):
                    self._write(record, payload, target)
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
            with told(record, self._connection.scratch):
                return self._connection.expose(
                    record, file_name(record.name), lambda path: self._write(record, payload, path)
                )
        return self._decoded(record, payload)

    def _write(self, record: Record, payload: Payload, path: Path) -> None:
        if record.format == FOLDER:
            said = record.facts.get("bytes")
            self._formats.extract(payload, path, said if isinstance(said, int) else None)
        else:
            payload.move_to(path)

    def _decoded(self, record: Record, payload: Payload) -> Any:
        own = record.format and record.format not in (FILE, FOLDER)
        chosen = self._written_as(record) if own else self._formats.for_extension(record.name)
        reading = Reading(
            name=record.name,
            type=record.type if own else "",
            state=record.state,
            columns=self._columns,
            as_=self._as,
        )
        if chosen.fragile:
            _check(record, payload)
        return self._formats.decode(chosen, payload, reading, allow_pickle=self._allow_pickle)

    def _may_run_code(self, record: Record) -> bool:
        return bool(
            record.format and record.format not in (FILE, FOLDER) and self._written_as(record).runs_code
        )

    def _written_as(self, record: Record) -> Format:
        return self._formats.by_name(record.format, str(record.facts.get("plugin", "")))


@contextmanager
def verified(record: Record, payload: Payload, *, wait: bool = False) -> Iterator[None]:
    """Close ``payload`` after the block, and let nothing out of it if the bytes were altered.

    The hash runs beside the decoding. With ``wait`` it comes first: for what could run code. Formats that
    altered bytes could make end the process wait for it themselves (``Format.fragile``).

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
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException:  # libraries written in Rust panic past Exception
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
