"""The payload: one version's encoded bytes, hashed as they pass, never more of them in memory than agreed.

Formats write into a payload, stores send it; on the way back stores write into one and formats read it.
Small payloads stay in memory; large ones go to a temporary file, so that saving a data frame never needs
a second frame's worth of memory.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from jsk_saver.errors import StoreError, StoreFull
from jsk_saver.hashing import Hashing
from jsk_saver.payload_reader import PayloadReader, became_shorter, was_changed

__all__ = ["BLOCK", "MEMORY_LIMIT", "STALE_AFTER", "TEMPORARY", "Payload", "PayloadReader"]

#: Bytes kept in memory before a payload moves to a temporary file.
MEMORY_LIMIT = 8 * 2**20
#: Bytes copied at a time between files, and handed to a socket at a time.
BLOCK = 2**20
#: Temporary files older than this (seconds) belong to processes that died.
STALE_AFTER = 24 * 3600
#: How temporary files are named; what is left of them is swept after a day.
TEMPORARY = ".jsk-payload-"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Payload(io.RawIOBase):
    """A write-once, read-many buffer that knows its size and SHA-256.

    Write to it in order, then call :meth:`finish`. Closing it removes the temporary file.

    Parameters
    ----------
    folder
        Where a temporary file goes when it becomes large; the system's temporary folder by default.
    memory_limit
        Bytes kept in memory before that.

    Examples
    --------
    >>> with Payload() as payload:
    ...     _ = payload.write(b"12345")
    ...     payload.finish().size, payload.digest[:15], payload.read_at(1, 3)
    (5, 'sha256:5994471a', b'234')
    """

    def __init__(self, folder: Path | None = None, memory_limit: int = MEMORY_LIMIT) -> None:
        super().__init__()
        self.size = 0
        self._folder = folder
        self._limit = memory_limit
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: BinaryIO | None = None
        self._owns_file = True
        self._hashing = Hashing()
        self._digest = ""
        self._bytes: bytes | None = None
        #: What a file that is not ours was like before it was read.
        self._before: os.stat_result | None = None
        #: The kit's own folder, with the temporary file: a folder that is saved leaves it out.
        self.home: Path | None = None
        self.path: Path | None = None

    # Writing ----------------------------------------------------------------------------------------

    def writable(self) -> bool:
        """Tell that this is a file to write to."""
        return True

    def seekable(self) -> bool:
        """Tell writers such as :mod:`zipfile` that there is no going back."""
        return False

    def write(self, data: Any) -> int:
        """Append ``data`` (anything with the buffer protocol) and return its length in bytes.

        Raises
        ------
        StoreFull
            If the disk with the temporary file has no room left.
        """
        view = memoryview(data).cast("B")
        if not view:
            return 0
        if self._memory is not None and self.size + len(view) > self._limit:
            self._move_to_file()
        if self._memory is not None:
            block = data if isinstance(data, bytes) else view.tobytes()
            self._hashing.add(block)
            self._memory.write(block)
            self.size += len(block)
            return len(block)
        try:
            _write_all(self._opened(), view)
        except OSError as error:
            raise self._explain(error) from error
        self.size += len(view)
        self.follow_to(self.size)
        return len(view)

    def tell(self) -> int:
        """Return how many bytes have been written."""
        return self.size

    def finish(self) -> Self:
        """End the writing: size and digest are final from here on.

        Of a file the hashing may still be going on; only asking for the digest waits for it.
        """
        if self._file is not None:
            self.follow_to(self.size)
        else:
            self._digest = self.digest
        return self

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits, once all is written; waits for the hashing."""
        if not self._digest:
            if self._file is not None:
                self.absorb_to(self.size)
            self._digest = self._hashing.digest()
        return self._digest

    def allocate(self, size: int) -> None:
        """Prepare a file of ``size`` bytes, to be filled by :meth:`write_at` in any order."""
        if self._memory is not None:
            self._move_to_file()
        try:
            self._opened().truncate(size)
        except OSError as error:
            raise self._explain(error) from error
        self.size = size

    def write_at(self, offset: int, block: bytes) -> None:
        """Place ``block`` at ``offset`` of an allocated payload; safe from many threads at once."""
        try:
            view = memoryview(block)
            while view:
                written = os.pwrite(self._opened().fileno(), view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            raise self._explain(error) from error

    def absorb_to(self, end: int) -> None:
        """Hash what lies in the file between the last hashed byte and ``end``, and wait for that."""
        try:
            self._hashing.catch_up(self._opened().fileno(), end)
        except OSError as error:
            raise StoreError(f"Cannot read {self.path}: {error.strerror}.") from error
        if self._hashing.done < end:
            raise became_shorter(self.path)

    def follow_to(self, end: int) -> None:
        """Have a thread hash what lies in the file up to ``end``, right behind the writer."""
        self._hashing.follow(self._opened().fileno(), end)

    def _move_to_file(self) -> None:
        assert self._memory is not None
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                _sweep(self._folder)
            handle, path = tempfile.mkstemp(prefix=TEMPORARY, suffix=".tmp", dir=self._folder)
            self.path, self._file = Path(path), os.fdopen(handle, "w+b", buffering=0)
            _write_all(self._file, self._memory.getbuffer())
        except OSError as error:
            raise self._explain(error) from error
        self._memory = None

    def _opened(self) -> BinaryIO:
        assert self._file is not None
        return self._file

    def _explain(self, error: OSError) -> StoreError:
        folder = self._folder or Path(tempfile.gettempdir())
        if error.errno in _FULL:
            return StoreFull(
                f"No room left in {folder}, where large objects are encoded before they are sent "
                f"({self.size:,} bytes were written).",
                kept="Every version saved before.",
                hint="Free some space, or point JSK_HOME at a larger disk.",
            )
        what = f"Cannot write a temporary file in {folder}: {error.strerror}."
        hint = "Choose a folder you may write to (JSK_HOME for the kit's own)."
        return StoreError(what, kept="Every version saved before.", hint=hint)

    # Reading ----------------------------------------------------------------------------------------

    @classmethod
    def of_file(cls, path: Path, *, owned: bool = False) -> Payload:
        """Return a payload over a file; a thread starts to hash it.

        The file stays where it is, unless it is ``owned``: then it is removed in the end.
        """
        payload = cls()
        payload._memory, payload._owns_file = None, owned
        payload.path = path
        payload._file = path.open("rb", buffering=0)
        payload._before = os.fstat(payload._file.fileno())
        payload.size = payload._before.st_size
        payload.follow_to(payload.size)
        return payload

    def is_as_opened(self) -> bool:
        """Tell whether nothing has written to the file since :meth:`of_file` opened it."""
        if self._before is None:
            return True
        after = os.fstat(self._opened().fileno())  # not of the path: another file may be there by now
        return (after.st_size, after.st_mtime_ns) == (self._before.st_size, self._before.st_mtime_ns)

    def says_its_size(self) -> bool:
        """Tell whether the file ends where its size says; those of ``/proc`` say that they are empty."""
        with suppress(OSError):
            return len(self.read_at(max(self.size - 1, 0), 2)) == min(self.size, 1)
        return False

    @classmethod
    def of_bytes(cls, data: bytes) -> Payload:
        """Return a finished payload that holds ``data``."""
        payload = cls(memory_limit=len(data))
        payload.write(data)
        return payload.finish()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``; safe from many threads at once."""
        if self._memory is not None:
            return self.getvalue()[offset : offset + size]
        handle, blocks = self._opened().fileno(), []
        while size > 0 and (block := os.pread(handle, size, offset)):  # one call reads at most 2 GiB
            blocks.append(block)
            offset, size = offset + len(block), size - len(block)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def getvalue(self) -> bytes:
        """Return all the bytes (without a copy where they are in memory)."""
        if self._bytes is None:
            if self._memory is None:
                return b"".join(self.blocks())
            self._bytes = self._memory.getvalue()
        return self._bytes

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the bytes in blocks of ``size``."""
        for offset in range(0, self.size, size):
            wanted = min(size, self.size - offset)
            block = self.read_at(offset, wanted)
            if len(block) < wanted:
                raise became_shorter(self.path)
            yield block

    def reader(self, offset: int = 0, size: int | None = None) -> PayloadReader:
        """Return a seekable file over the bytes (or a part of them)."""
        return PayloadReader(self, offset, self.size - offset if size is None else size)

    def copy_to(self, path: Path, *, durable: bool = True) -> None:
        """Write the bytes to ``path``; with ``durable`` they are on the disk when this returns.

        A durable copy of a file that others may write to is compared with the digest.

        Raises
        ------
        CannotRepresent
            If something wrote to the file meanwhile.
        """
        with path.open("w+b", buffering=0) as out, closing(Hashing()) as written:
            compared = durable and not self._owns_file
            for block in self.blocks():
                _write_all(out, block)
                if compared:
                    written.follow(out.fileno(), out.tell())
            if compared:
                written.catch_up(out.fileno(), self.size)
                if written.digest() != self.digest:
                    raise was_changed(self.path)
            if durable:
                os.fsync(out.fileno())

    def move_to(self, path: Path) -> None:
        """Place the bytes at ``path`` in one step; by renaming, where they are in a file of our own."""
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            part.touch(exist_ok=False)
            if self.path is None or not self._owns_file or self.path.stat().st_dev != part.stat().st_dev:
                self.copy_to(part, durable=False)
                part.replace(path)
                return
            with suppress(OSError):  # temporary files are private; this one is to be as any new file is
                self.path.chmod(part.stat().st_mode & 0o777)
            self.path.replace(path)
            self.path, self._owns_file = path, False
        finally:
            part.unlink(missing_ok=True)

    # Ending -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Forget the bytes and remove the temporary file."""
        self._hashing.close()
        if self._file is not None:
            self._file.close()
            self._file = None
        if self.path is not None and self._owns_file:
            with suppress(OSError):
                self.path.unlink()
        self.path = None
        self._memory, self._bytes = None, None
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _write_all(file: Any, block: Any) -> None:
    """Write all of ``block``: one call takes less on a disk that fills up, and never more than 2 GiB."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


@cache
def _sweep(folder: Path) -> None:
    """Remove, once a process, the temporary files of processes that died."""
    for item in os.scandir(folder):
        if item.name.startswith(TEMPORARY):
            with suppress(OSError):
                if item.stat().st_mtime < time.time() - STALE_AFTER:
                    Path(item.path).unlink()
