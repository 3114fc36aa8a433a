"""Which trial the work at hand belongs to: what is saved and read now becomes its output and input."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from jsk_saver.lineage import binding, watch

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

_current: ContextVar[Trial | None] = ContextVar("jsk_trial", default=None)
#: Trials that were started and have not ended, oldest first. A trial that is started in one cell of a
#: notebook is the current one in the next, and in threads that know nothing of its context.
_open: list[Trial] = []
_lock = threading.Lock()


def _renew_lock() -> None:
    """In a forked child: whoever held the lock is not there, and would never let it go."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def current() -> Trial | None:
    """Return the trial of this thread and task, else the one started last in this process."""
    trial = surrounding()
    if trial is not None:
        return trial
    with _lock:
        return _open[-1] if _open else None


def surrounding() -> Trial | None:
    """Return the trial in whose ``with`` block this thread and task are; no other thread's."""
    trial = _current.get()
    return None if trial is None or trial.ended else trial


def begin(trial: Trial) -> None:
    """Take note of a trial that starts; from now on, what is saved and read is told to the current one."""
    binding.provide(_named)
    watch.add(_link)
    with _lock:
        _open.append(trial)


def end(trial: Trial) -> None:
    """Take note of a trial that has ended."""
    with _lock:
        if trial in _open:
            _open.remove(trial)


@contextmanager
def inside(trial: Trial) -> Iterator[None]:
    """Make a trial the current one of this thread and task, within the block."""
    token = enter(trial)
    try:
        yield
    finally:
        leave(token)


def enter(trial: Trial) -> Token[Trial | None]:
    """Make a trial the current one of this thread and task."""
    return _current.set(trial)


def leave(token: Token[Trial | None]) -> None:
    """Undo :func:`enter`, where that was in this context: a forgotten generator is closed in any."""
    with suppress(ValueError):
        _current.reset(token)


def _named() -> dict[str, str]:
    trial = current()
    return {} if trial is None else {"experiment": trial.experiment.name, "trial": trial.name}


def _link(direction: str, known: dict[str, Any]) -> None:
    trial = current()
    if trial is not None:
        trial.link(direction, **known)
