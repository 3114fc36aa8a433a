"""From an object to a payload: a format is chosen and writes; files on disk are taken as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.payload import Payload
from jsk_saver.record import JSON

if TYPE_CHECKING:
    from jsk_saver.formats import Formats

#: The format of a file on disk, which is neither read nor changed by it.
FILE = "file"


@dataclass(frozen=True, slots=True)
class Written:
    """A payload, and what the format said about the object in it."""

    payload: Payload
    format: str
    type: str
    facts: JSON
    state: JSON
    #: The file on disk that the bytes are in, and what it was like before they were read.
    source: tuple[BinaryIO, os.stat_result] | None = None

    def check_source(self) -> None:
        """Make sure that the file that was sent is still the one that was hashed.

        Raises
        ------
        CannotRepresent
            If something wrote to it meanwhile.
        """
        if self.source is None:
            return
        file, before = self.source
        after = os.fstat(file.fileno())  # not of the path, where another file may have been moved meanwhile
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise CannotRepresent(
                f"The file {file.name!r} was changed while it was being saved.",
                kept="Every version saved before.",
                hint="Put it again once nothing writes to it.",
            )


@contextmanager
def encoded(formats: Formats, name: str, obj: Any, format: str | None, folder: Path) -> Iterator[Written]:  # noqa: A002
    """Yield ``obj`` as a finished payload; large ones use a temporary file in ``folder``.

    Raises
    ------
    UnknownFormat, CannotRepresent
        If no format takes the object under this name.
    """
    chosen = formats.choose(name, obj, format)
    if chosen.name == FILE and isinstance(obj, Path):
        with _opened(obj) as file:
            before = os.fstat(file.fileno())
            with Payload.of_file(obj) as payload:
                yield Written(payload, FILE, "file", {}, {}, (file, before))
        return
    with Payload(folder) as payload:
        said = formats.encode(chosen, obj, payload, name)
        payload.finish()
        yield Written(payload, chosen.name, said.type, said.facts, said.state)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise CannotRepresent(f"There is no file {str(path)!r} to save.", hint="Check the path.") from None
    except OSError as error:
        raise JskError(f"The file {str(path)!r} cannot be read: {error.strerror}.") from error
