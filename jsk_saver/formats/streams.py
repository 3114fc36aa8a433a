"""The two ends of a payload, as the libraries behind the formats expect them: plain binary files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from jsk_saver.payload import BLOCK, Payload


class Sink(io.RawIOBase):
    """A file to write to that passes everything on to a payload, block by block.

    Libraries close the files they are given, and hand over whole arrays in one write. The payload must
    survive the first, and copies what it gets, so that the second would double the memory.

    Parameters
    ----------
    payload
        Where the bytes go.

    Examples
    --------
    >>> payload = Payload()
    >>> with Sink(payload) as sink:
    ...     _ = sink.write(b"kept")
    >>> payload.finish().getvalue()
    b'kept'
    """

    def __init__(self, payload: Payload) -> None:
        super().__init__()
        self._payload = payload

    def writable(self) -> bool:
        """Tell that this is a file to write to."""
        return True

    def seekable(self) -> bool:
        """Tell that there is no going back."""
        return False

    def tell(self) -> int:
        """Return how many bytes have been written."""
        return self._payload.tell()

    def write(self, data: Any) -> int:
        """Append ``data`` (any contiguous buffer) and return its length in bytes."""
        if isinstance(data, bytes) and len(data) <= BLOCK:
            return self._payload.write(data)
        from pickle import PickleBuffer

        # PickleBuffer.raw() also flattens Fortran-ordered buffers, which memoryview.cast refuses.
        with PickleBuffer(data).raw() as flat:
            for start in range(0, flat.nbytes, BLOCK):
                self._payload.write(flat[start : start + BLOCK])
            return flat.nbytes


@contextmanager
def buffered(payload: Payload) -> Iterator[BinaryIO]:
    """Yield a file for many small writes, which reach the payload together."""
    with io.BufferedWriter(Sink(payload), BLOCK) as out:
        yield out


def opened(payload: Payload) -> BinaryIO:
    """Return a seekable, buffered file over a finished payload; close it after reading."""
    if payload.path is not None:
        return payload.path.open("rb")
    return io.BytesIO(payload.getvalue())


def write_lines(payload: Payload, lines: Iterable[bytes], *, array: bool = False) -> None:
    """Write JSON values one a line, as the items of one array if that is wanted."""
    between = b",\n" if array else b"\n"
    with buffered(payload) as out:
        before = b"[\n" if array else b""
        for line in lines:
            out.write(before + line)
            before = between
        if before == between:
            out.write(b"\n]\n" if array else b"\n")
        elif array:
            out.write(b"[]\n")
