"""SHA-256 beside the work: of a block while it is written, and of a file, right behind its writer."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

#: Bytes read from a file at a time; a thread is not woken for less.
_BLOCK = 2**20
#: Blocks below this are hashed at once: waking a thread costs more than the hash.
_INLINE = 2**16


@cache
def _hashers() -> ThreadPoolExecutor:
    """Return the threads that hash beside the work (hashlib lets go of the interpreter lock)."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(4, thread_name_prefix="jsk-hash")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork; waiting for them would never end
    os.register_at_fork(after_in_child=_hashers.cache_clear)


class Hashing:
    """The hash of bytes that come in order, the first of them perhaps in memory, the rest in a file.

    Whoever writes neither waits for the hash nor keeps the bytes for it: in a file it follows the writer.
    At most one thread hashes at a time, so that no byte goes before another.

    Examples
    --------
    >>> hashing = Hashing()
    >>> hashing.add(b"12345")
    >>> hashing.digest()[:15]
    'sha256:5994471a'
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._busy: Future[None] | None = None
        self._lock, self._asked = threading.Lock(), threading.Lock()
        self._following = self._stopped = False
        self._goal = 0
        #: How many bytes have been hashed.
        self.done = 0

    def add(self, block: bytes) -> None:
        """Hash ``block``, which is what comes next; a large one in a thread."""
        self._wait()
        if len(block) < _INLINE:
            self._hash.update(block)
        else:
            self._busy = _hashers().submit(self._hash.update, block)
        self.done += len(block)

    def follow(self, handle: int, end: int) -> None:
        """Have a thread hash what lies in the file ``handle`` between what is hashed already and ``end``."""
        with self._lock:
            self._goal = max(self._goal, end)
            if self._following or self._goal - self.done < _BLOCK:
                return
            self._wait()  # for a block of memory; whoever follows a file does so no longer
            self._following = True
            self._busy = _hashers().submit(self._follow, handle)

    def catch_up(self, handle: int, end: int) -> None:
        """Hash the file ``handle`` up to ``end``, or to where it stops, once its writer has finished."""
        with self._asked:
            self._wait()
            self._read(handle, end)

    def digest(self) -> str:
        """Return ``sha256:`` and 64 hexadecimal digits of what was hashed."""
        self._wait()
        return "sha256:" + self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file, hashed or not."""
        self._stopped = True
        with suppress(OSError):
            self._wait()

    def _wait(self) -> None:
        if self._busy is not None:
            self._busy.result()

    def _follow(self, handle: int) -> None:
        while True:
            with self._lock:  # a goal that is set from here on finds nobody following, and starts a thread
                end = self._goal
                if self.done >= end or self._stopped:
                    self._following = False
                    return
            if not self._read(handle, end):
                return  # the file is shorter, or cannot be read: whoever asks for the digest will see

    def _read(self, handle: int, end: int) -> bool:
        buffer = memoryview(bytearray(min(_BLOCK, max(0, end - self.done))))
        while self.done < end and not self._stopped:
            size = os.preadv(handle, [buffer[: end - self.done]], self.done)
            if not size:
                return False
            self._hash.update(buffer[:size])
            self.done += size
        return True
