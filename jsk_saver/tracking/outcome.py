"""What became of a trial: the status that its writers come to together.

Every process that started or resumed a trial is a writer that can end it; forked workers only add to it. A
trial runs while any of those writers lives. After that, what happened last counts: the end that came last, or
the death of a writer that left none. That one died after another's end is known exactly, where that end says
who was still writing then; times are compared for the rest.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jsk_saver.tracking.journal import layout, reading

RUNNING, COMPLETED, FAILED, STOPPED, LOST = "running", "completed", "failed", "stopped", "lost"
STATUSES = (RUNNING, COMPLETED, FAILED, STOPPED, LOST)


class Outcome(NamedTuple):
    """How a trial stands."""

    status: str = RUNNING
    error: str = ""
    ended: float | None = None


@dataclass(slots=True)
class Fate:
    """What became of one writer that started the trial.

    Parameters
    ----------
    writer
        Its name.
    status
        How it ended the trial; ``lost`` if it died, ``running`` if it lives or nobody can know.
    error
        What it said went wrong.
    last
        When it ended the trial, or the time of the last thing it wrote.
    died
        Last sign of life of one that died.
    beside
        Those that were still writing when it ended the trial.
    """

    writer: str
    status: str = RUNNING
    error: str = ""
    last: float = 0.0
    died: float = 0.0
    beside: Sequence[str] = field(default_factory=tuple)


def last_sign(path: Path, last: float) -> float:
    """Return when a writer that died was last seen, in seconds since 1970; points may come after all events.

    Parameters
    ----------
    path
        Its events.
    last
        The time of the last of them.
    """
    times = [last, path.stat().st_mtime]
    with suppress(FileNotFoundError):
        times.append(reading.points_of(path).stat().st_mtime)
    return max(times)


def settle(fates: Sequence[Fate], *, is_copy: bool = False) -> Outcome:
    """Return what the fates of a trial's writers come to.

    Parameters
    ----------
    fates
        In the order in which the writers started.
    is_copy
        Whether the writers are elsewhere, so that one without an end may live or not.
    """
    ends = [fate for fate in fates if fate.status not in (RUNNING, LOST)]
    over: list[tuple[float, bool, int]] = []
    for number, fate in enumerate(fates):
        if fate.status != RUNNING:
            survived = [end.last for end in ends if fate.writer in end.beside and fate.status == LOST]
            over.append((max(fate.last, *survived, 0.0), bool(survived), number))
        # Of a copy: somebody who ended the trial later did not see this one writing any more.
        elif not is_copy or not any(end.last >= fate.last for end in ends if fate.writer not in end.beside):
            return Outcome()
    if not over:
        return Outcome()
    last = fates[max(over)[-1]]
    return Outcome(last.status, last.error, last.died or last.last)


def after(error: BaseException | None) -> tuple[str, str]:
    """Return how a trial ends whose work ended with an error, or without one, and what to say of it.

    Without one, and after ``sys.exit()`` or ``sys.exit(0)``, it is completed. It is stopped by Ctrl-C, where
    its task of asyncio is cancelled, and where its generator is closed. All else is a failure, other exit
    codes too.

    Examples
    --------
    >>> after(SystemExit(0)), after(KeyboardInterrupt()), after(SystemExit(3))[0]
    (('completed', ''), ('stopped', 'KeyboardInterrupt'), 'failed')
    """
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return COMPLETED, ""
    asyncio = sys.modules.get("asyncio")  # whose errors nobody raises who has not imported it
    cancelled = asyncio is not None and isinstance(error, asyncio.CancelledError)
    if cancelled or isinstance(error, KeyboardInterrupt | GeneratorExit):
        return STOPPED, type(error).__name__
    return FAILED, "".join(traceback.format_exception(error))


def still_writing(trial: Path, own: str, this_host: str) -> list[str]:
    """Return the other writers of a trial that could end it and live.

    Parameters
    ----------
    trial
        Its folder.
    own
        The writer that asks.
    this_host
        The name of this machine.
    """
    found = []
    for path in layout.writers(trial):
        if path.stem == own:
            continue
        _, first = next(reading.events(path), (0, {"kind": ""}))
        if first["kind"] == "start" and reading.is_alive(path, str(first.get("host", "")), this_host):
            found.append(path.stem)
    return found
