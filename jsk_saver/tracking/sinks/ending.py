"""Whether a trial is over: read from its events alone, because a courier asks it every second."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.outcome import LOST, Fate, last_sign, settle
from jsk_saver.tracking.state import this_host


class Ending(NamedTuple):
    """How a trial stands.

    Parameters
    ----------
    over
        Whether nobody writes to it any more.
    died
        Last sign of life, in seconds since 1970, of the process whose death made the trial a lost one;
        0 where it is none: it runs, somebody ended it after that, or it was resumed since.
    """

    over: bool
    died: float


def of(trial: Path) -> Ending:
    """Return how a trial stands; what its writers come to is settled as in the trial's state."""
    over, fates = True, []
    for path in layout.writers(trial) if trial.is_dir() else ():  # it may have been deleted this moment
        fate, started, alive = _read(path)
        over &= not alive
        if started:
            fates.append(fate)
    outcome = settle(fates)
    return Ending(over, (outcome.ended or 0.0) if over and outcome.status == LOST else 0.0)


def _read(path: Path) -> tuple[Fate, bool, bool]:
    """Return the fate of a writer, whether it started the trial, and whether it may still write."""
    fate = Fate(path.stem)
    started = ended = False
    host = this_host()
    for _, event in reading.events(path):
        if event["kind"] == "start":
            started, host = True, str(event.get("host") or host)
        if event["kind"] == "end":
            ended, fate.status = True, str(event.get("status", ""))
            fate.beside = [str(writer) for writer in event.get("beside", ())]
        if event["kind"] == "end" or not ended:
            fate.last = event.get("time", fate.last)
    alive = not ended and reading.is_alive(path, host, this_host())
    if not ended and not alive:
        fate.status, fate.died = LOST, last_sign(path, fate.last)
    return fate, started, alive
