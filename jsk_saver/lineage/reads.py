"""Which versions were read in this process: the parents of whatever is saved next."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

#: How many versions are remembered; beyond that the oldest are forgotten and lineage says so.
LIMIT = 10_000


class Read(NamedTuple):
    """One version that was read."""

    store: str
    name: str
    version: str


class Reads:
    """An ordered set of versions that many threads may add to; keeps the newest ``limit``.

    Reading a version again makes it the newest. A forked child starts with what its parent had read,
    because it starts with the objects that came from there; what it reads itself stays its own.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._reads: dict[Read, None] = {}
        self._snapshot: tuple[Read, ...] | None = ()
        self._truncated = False
        self.renew_lock()

    def renew_lock(self) -> None:
        """Start with an open lock: the thread that held it is not there after a fork."""
        self._lock = threading.Lock()

    def add(self, read: Read) -> None:
        """Remember one version as the newest read."""
        with self._lock:
            self._reads.pop(read, None)
            self._reads[read] = None
            if len(self._reads) > self._limit:
                del self._reads[next(iter(self._reads))]
                self._truncated = True
            self._snapshot = None

    def snapshot(self) -> tuple[Read, ...]:
        """Return what was read, oldest first."""
        snapshot = self._snapshot
        if snapshot is None:
            with self._lock:
                snapshot = self._snapshot = tuple(self._reads)
        return snapshot

    @property
    def truncated(self) -> bool:
        """Whether more versions were read than are remembered."""
        return self._truncated

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._reads, self._snapshot, self._truncated = {}, (), False


_process = Reads()
os.register_at_fork(after_in_child=_process.renew_lock)


def add(store_uri: str, name: str, version: str) -> None:
    """Remember that ``version`` of ``name`` was read from the store at ``store_uri``.

    Examples
    --------
    >>> clear()
    >>> add("s3://bucket", "raw.csv", "1")
    >>> add("s3://bucket", "raw.csv", "1")
    >>> since_start()
    (Read(store='s3://bucket', name='raw.csv', version='1'),)
    """
    _process.add(Read(store_uri, name, version))


def since_start() -> tuple[Read, ...]:
    """Return the versions read since the process started or :func:`clear` was called, oldest first."""
    return _process.snapshot()


def truncated() -> bool:
    """Tell whether more versions were read than the newest :data:`LIMIT` that are remembered."""
    return _process.truncated


def clear() -> None:
    """Forget what was read: what is saved next starts without parents."""
    _process.clear()
