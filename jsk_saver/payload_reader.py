"""A part of a payload as a file to read from, and what is said when a file changes while it is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from jsk_saver.errors import CannotRepresent


class Readable(Protocol):
    """What can be read at any place: a payload."""

    path: Path | None

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``."""


class PayloadReader(io.RawIOBase):
    """A seekable, read-only file over (a part of) a payload.

    Parameters
    ----------
    payload
        What to read.
    offset, size
        Which part of it, in bytes.
    """

    #: Called with the number of bytes each time some are read; the progress bar listens here.
    on_read: Callable[[int], None] | None = None

    def __init__(self, payload: Readable, offset: int, size: int) -> None:
        super().__init__()
        self._payload, self._offset, self._size = payload, offset, size
        self._position = 0

    def readable(self) -> bool:
        """Tell that this is a file to read from."""
        return True

    def seekable(self) -> bool:
        """Tell that reading can start anywhere: retries rewind."""
        return True

    def __len__(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` bytes from the start, the position or the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes; all the rest without one."""
        left = max(0, self._size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        block = self._payload.read_at(self._offset + self._position, wanted) if wanted else b""
        if len(block) < wanted:
            raise became_shorter(self._payload.path)
        self._position += len(block)
        if self.on_read is not None:
            self.on_read(len(block))
        return block

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` and return how many bytes it took."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def became_shorter(path: Path | None) -> CannotRepresent:
    """Return the error for a file that ends before its size."""
    return _changed(f"The file {str(path)!r} became shorter while it was being read.")


def was_changed(path: Path | None) -> CannotRepresent:
    """Return the error for a file that somebody wrote to."""
    return _changed(f"The file {str(path)!r} was changed while it was being saved.")


def _changed(what: str) -> CannotRepresent:
    return CannotRepresent(
        what, kept="Every version saved before.", hint="Put it again once nothing writes to it."
    )
