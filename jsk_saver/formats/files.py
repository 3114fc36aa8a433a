"""Files, folders, raw bytes and zips: what is kept as it is."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.formats.base import Encoded, Format, Reading
from jsk_saver.formats.folders import extract, write_folder
from jsk_saver.formats.naming import article, type_name
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.payload import BLOCK, Payload
from jsk_saver.payload_reader import was_changed

_NO_TIME = (1980, 1, 1, 0, 0, 0)


class RawBytes(Format):
    """Bytes, under any name."""

    name = "bytes"
    extensions = (".bin",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is bytes, a bytearray or a memoryview."""
        return isinstance(obj, bytes | bytearray | memoryview)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the bytes; those of a view come back as bytes."""
        plain = obj.tobytes() if isinstance(obj, memoryview) and not obj.c_contiguous else obj
        Sink(payload).write(plain)
        return Encoded("bytearray" if isinstance(obj, bytearray) else "bytes")

    def decode(self, payload: Payload, reading: Reading) -> bytes | bytearray:
        """Return the bytes."""
        data = payload.getvalue()
        return bytearray(data) if reading.type == "bytearray" else data


class File(Format):
    """A file on disk, given as a :class:`pathlib.Path`, streamed as it is."""

    name = "file"
    extensions = ()

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is the path of a file."""
        return isinstance(obj, Path) and obj.is_file()

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Copy the file to its end, a block at a time.

        Raises
        ------
        CannotRepresent
            If something wrote to it meanwhile.
        """
        with obj.open("rb") as source:
            before = os.fstat(source.fileno())
            while block := source.read(BLOCK):
                payload.write(block)
                after = os.fstat(source.fileno())  # each time: a log may grow faster than it is read
                if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                    raise was_changed(obj)
        return Encoded("file")

    def decode(self, payload: Payload, reading: Reading) -> bytes:  # noqa: ARG002
        """Return the bytes of the file."""
        return payload.getvalue()


class Folder(Format):
    """A folder on disk, given as a :class:`pathlib.Path`, as one zip."""

    name = "folder"
    extensions = ()

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is the path of a folder."""
        return isinstance(obj, Path) and obj.is_dir()

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write everything in the folder, but the kit's own folder if that is in it."""
        return Encoded("folder", facts=write_folder(obj, payload, payload.home))

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Refuse: a folder needs a place to go."""
        raise JskError(
            f"{reading.name!r} is a folder, which comes back on disk.",
            hint=f'saver.get("{reading.name}", to="{reading.name.rpartition("/")[2]}")',
        )

    def extract(self, payload: Payload, target: Path, limit: int | None = None) -> None:
        """Unpack the folder to ``target``; see :func:`jsk_saver.formats.folders.extract`."""
        extract(payload, target, limit)


class Zip(Format):
    """A dictionary of file names and their bytes, as a zip that any tool opens."""

    name = "zip"
    extensions = (".zip",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a dictionary of bytes."""
        return type(obj) is dict and all(isinstance(value, bytes) for value in obj.values())

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write one file for each item."""
        for key, value in obj.items():
            _check_name(key)
            if type(value) is not bytes:
                raise CannotRepresent(f"The value of {key!r} is {article(type_name(value))}, not bytes.")
        with zipfile.ZipFile(Sink(payload), "w", zipfile.ZIP_DEFLATED) as archive:
            for key, value in obj.items():
                archive.writestr(zipfile.ZipInfo(key, _NO_TIME), value, zipfile.ZIP_DEFLATED)
        return Encoded("dict of bytes", facts={"files": len(obj)})

    def decode(self, payload: Payload, reading: Reading) -> dict[str, bytes]:  # noqa: ARG002
        """Return the files by name, in the order they were put."""
        with opened(payload) as file, zipfile.ZipFile(file) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def _check_name(name: Any) -> None:
    """Refuse names that other tools would unpack somewhere else, or that zip cannot hold."""
    fine = type(name) is str and "\0" not in name and "\\" not in name and name == name.strip("/")
    parts = name.split("/") if fine else [""]
    try:
        length = len(name.encode("utf-8")) if fine else 0
    except UnicodeEncodeError:
        length = 0
    if not 0 < length < 2**16 or not {"", ".", ".."}.isdisjoint(parts):
        raise CannotRepresent(
            f"{name!r} is not the name of a file in a zip.", hint='Use relative names such as "data/a.csv".'
        )
