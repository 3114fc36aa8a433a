"""From an object to a payload: a format is chosen and writes; files on disk are taken as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.payload import Payload
from jsk_saver.payload_reader import was_changed
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

    def check_source(self) -> None:
        """Make sure that the file that was sent is still the one that was hashed.

        Raises
        ------
        CannotRepresent
            If something wrote to it meanwhile.
        """
        if not self.payload.is_as_opened():
            raise was_changed(self.payload.path)


@contextmanager
def encoded(
    formats: Formats,
    name: str,
    obj: Any,
    format: str | None,  # noqa: A002 - the word of the field
    folder: Path,
    home: Path | None = None,
) -> Iterator[Written]:
    """Yield ``obj`` as a finished payload; large ones use a temporary file in ``folder``.

    ``home`` is the kit's own folder, which is left out of a folder that contains it.

    Raises
    ------
    UnknownFormat, CannotRepresent
        If no format takes the object under this name.
    """
    chosen = formats.choose(name, obj, format)
    if chosen.name == FILE and isinstance(obj, Path):
        with _opened(obj) as payload:
            if payload.says_its_size():
                yield Written(payload, FILE, "file", {}, {})
                return
        # What /proc and some network file systems make up is copied first, to its end.
    with Payload(folder) as payload:
        payload.home = home
        said = formats.encode(chosen, obj, payload, name)
        payload.finish()
        yield Written(payload, chosen.name, said.type, said.facts, said.state)


def _opened(path: Path) -> Payload:
    try:
        return Payload.of_file(path)
    except FileNotFoundError:
        raise CannotRepresent(f"There is no file {str(path)!r} to save.", hint="Check the path.") from None
    except OSError as error:
        raise JskError(f"The file {str(path)!r} cannot be read: {error.strerror}.") from error
