"""Which versions were read before: in this process, or in the step of work that is going on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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
        self._reads: dict[Read, str] = {}
        self._snapshot: tuple[Read, ...] | None = ()
        self._truncated = False
        self.renew_lock()

    def renew_lock(self) -> None:
        """Start with an open lock: the thread that held it is not there after a fork."""
        self._lock = threading.Lock()

    def add(self, read: Read, asked: str = "") -> None:
        """Remember one version as the newest read."""
        with self._lock:
            self._reads.pop(read, None)
            self._reads[read] = asked
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

    def asked(self) -> dict[Read, str]:
        """Return what was read, oldest first, and how each version was asked for."""
        with self._lock:
            return dict(self._reads)

    @property
    def truncated(self) -> bool:
        """Whether more versions were read than are remembered."""
        return self._truncated

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._reads, self._snapshot, self._truncated = {}, (), False


_process = Reads()
#: The steps in force, the outermost first.
_steps: ContextVar[tuple[Reads, ...]] = ContextVar("jsk_steps", default=())


def _renew_locks() -> None:
    for kept in (_process, *_steps.get()):
        kept.renew_lock()


os.register_at_fork(after_in_child=_renew_locks)


@contextmanager
def step() -> Iterator[None]:
    """Count as read before, for what is saved in this block, only what is read in it.

    Holds in this thread and task only (``contextvars.copy_context().run`` takes it to another). Steps may
    be nested: what an inner one reads was read in the outer one too.

    Examples
    --------
    >>> clear()
    >>> add("s3://bucket", "raw.csv", "1")
    >>> with step():
    ...     add("s3://bucket", "labels.csv", "1")
    ...     [read.name for read in so_far()]
    ['labels.csv']
    >>> [read.name for read in so_far()]
    ['raw.csv', 'labels.csv']
    """
    token = _steps.set((*_steps.get(), Reads()))
    try:
        yield
    finally:
        _steps.reset(token)


def in_step() -> bool:
    """Tell whether a :func:`step` is in force."""
    return bool(_steps.get())


def add(store_uri: str, name: str, version: str, asked: str = "") -> None:
    """Remember that ``version`` of ``name`` was read from the store at ``store_uri``.

    ``asked`` says how, where not by its name alone; see :func:`jsk_saver.lineage.pins.asked`.

    Examples
    --------
    >>> clear()
    >>> add("s3://bucket", "raw.csv", "1")
    >>> add("s3://bucket", "raw.csv", "1")
    >>> so_far()
    (Read(store='s3://bucket', name='raw.csv', version='1'),)
    """
    read = Read(store_uri, name, version)
    for kept in (_process, *_steps.get()):
        kept.add(read, asked)


def of_process() -> dict[Read, str]:
    """Return the versions read since the process started, oldest first, and how each was asked for."""
    return _process.asked()


def so_far() -> tuple[Read, ...]:
    """Return the versions read in this step, else since the process started, oldest first."""
    return _current().snapshot()


def truncated() -> bool:
    """Tell whether more versions were read than the newest :data:`LIMIT` that are remembered."""
    return _current().truncated


def clear() -> None:
    """Forget what was read: what is saved next was saved before anything was read."""
    _current().clear()


def _current() -> Reads:
    steps = _steps.get()
    return steps[-1] if steps else _process
