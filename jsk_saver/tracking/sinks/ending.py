"""Whether a trial is over: read from its events alone, because a courier asks it every second."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.state import this_host


class Ending(NamedTuple):
    """How a trial stands.

    Parameters
    ----------
    over
        Whether nobody writes to it any more.
    died
        Last sign of life, in seconds since 1970, of a process that died before it could end the trial;
        0 where none did, or where the trial was resumed since.
    """

    over: bool
    died: float


def of(trial: Path) -> Ending:
    """Return how a trial stands."""
    over, died = True, 0.0
    for path in layout.writers(trial):
        started, ended, host, last = False, False, "", 0.0
        for _, event in reading.events(path):
            last = event.get("time", last)
            ended = event["kind"] == "end"
            if event["kind"] == "start":
                started, host = True, event.get("host", "")
        alive = not ended and reading.is_alive(path, host or this_host(), this_host())
        over &= not alive
        if started:
            died = 0.0 if ended or alive else max(last, path.stat().st_mtime)
    return Ending(over, died)
