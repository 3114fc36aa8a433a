"""The payload: one version's encoded bytes, hashed as they pass, never more of them in memory than agreed.

Formats write into a payload, stores send it; on the way back stores write into one and formats read it.
Small payloads stay in memory; large ones go to a temporary file, so that saving a data frame never needs
a second frame's worth of memory.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from jsk_saver.errors import CannotRepresent, StoreError, StoreFull

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

#: Bytes kept in memory before a payload moves to a temporary file.
MEMORY_LIMIT = 8 * 2**20
#: Bytes copied at a time between files, and handed to a socket at a time.
BLOCK = 2**20
#: Writes below this are hashed at once: waking a thread costs more than the hash.
_HASH_INLINE = 2**16
#: Temporary files older than this (seconds) belong to processes that died.
STALE_AFTER = 24 * 3600

#: How temporary files are named; what is left of them is swept after a day.
TEMPORARY = ".jsk-payload-"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@cache
def _hashers() -> ThreadPoolExecutor:
    """Return the threads that hash beside the work (hashlib lets go of the interpreter lock)."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(4, thread_name_prefix="jsk-hash")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork; waiting for them would never end
    os.register_at_fork(after_in_child=_hashers.cache_clear)


class Payload(io.RawIOBase):
    """A write-once, read-many buffer that knows its size and SHA-256.

    Write to it like to any binary file (in order, no seeking), then call :meth:`finish`. Close it, or
    leave its ``with`` block, to remove the temporary file.

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
    ...     _ = payload.finish()
    ...     payload.size, payload.digest[:15], payload.read_at(1, 3)
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
        self._hash = hashlib.sha256()
        self._hashing: Future[None] | None = None
        self._digest = ""
        self._bytes: bytes | None = None
        self._absorbed = self._goal = 0
        self._closing = False
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
            self._absorb(block)
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
            try:
                if self._hashing is not None:
                    self._hashing.result()
                if self._memory is None:
                    self.absorb_to(self.size)
            except OSError as error:
                raise StoreError(f"Cannot read {self.path}: {error.strerror}.") from error
            self._digest = "sha256:" + self._hash.hexdigest()
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
        """Hash what lies in the file between the last hashed byte and ``end``."""
        handle, buffer = self._opened().fileno(), memoryview(bytearray(BLOCK))
        while self._absorbed < end and not self._closing:
            size = os.preadv(handle, [buffer[: end - self._absorbed]], self._absorbed)
            if not size:
                break
            self._hash.update(buffer[:size])
            self._absorbed += size

    def follow_to(self, end: int) -> None:
        """Have a thread hash what lies in the file up to ``end``.

        The writer neither waits for the hash nor keeps the bytes for it: it comes after, in the file.
        """
        self._goal = end
        if end - self._absorbed >= BLOCK and (self._hashing is None or self._hashing.done()):
            self._hashing = _hashers().submit(self._follow)

    def _follow(self) -> None:
        end = -1
        while end != self._goal:  # it moves while more is written
            end = self._goal
            self.absorb_to(end)

    def _absorb(self, block: bytes) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None
        if len(block) < _HASH_INLINE:
            self._hash.update(block)
        else:
            self._hashing = _hashers().submit(self._hash.update, block)
        self._absorbed += len(block)

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
        assert self._file is not None, "the payload is closed"
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
        return StoreError(
            f"Cannot write a temporary file in {folder}: {error.strerror}.",
            kept="Every version saved before.",
            hint="Choose a folder you may write to (JSK_HOME for the kit's own).",
        )

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
        payload.size = os.fstat(payload._file.fileno()).st_size
        payload.follow_to(payload.size)
        return payload

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

    def blocks(self, size: int = BLOCK) -> Any:
        """Yield the bytes in blocks of ``size``."""
        for offset in range(0, self.size, size):
            yield self.read_at(offset, min(size, self.size - offset))

    def reader(self, offset: int = 0, size: int | None = None) -> PayloadReader:
        """Return a seekable file over the bytes (or a part of them)."""
        return PayloadReader(self, offset, self.size - offset if size is None else size)

    def copy_to(self, path: Path, *, durable: bool = True) -> None:
        """Write the bytes to ``path``; with ``durable`` they are on the disk when this returns."""
        with path.open("wb") as out:
            if self.path is not None:
                with self.path.open("rb") as source:
                    shutil.copyfileobj(source, out, BLOCK)
            else:
                out.write(self.getvalue())
            if durable:
                out.flush()
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
        self._closing = True  # a thread that still hashes stops
        if self._hashing is not None:
            with suppress(OSError):
                self._hashing.result()
            self._hashing = None
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

    def __init__(self, payload: Payload, offset: int, size: int) -> None:
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
            raise CannotRepresent(
                f"The file {str(self._payload.path)!r} became shorter while it was being read.",
                kept="Every version saved before.",
                hint="Put it again once nothing writes to it.",
            )
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
