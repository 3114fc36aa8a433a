"""How each trial stands with each of its sinks: what is unsent, since when and why, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks import pending
from jsk_saver.tracking.sinks.batching import Positions
from jsk_saver.tracking.sinks.cursor import Cursor
from jsk_saver.tracking.sinks.shipping import cursor_path

#: In front of what was said of another trial, of one that has not been tried since.
_WAITS = "It waits for the sink: "


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial and one sink.

    Parameters
    ----------
    experiment, trial, sink
        Which; the sink's address without who logs in there.
    events, points
        How many are unsent.
    since
        When the trouble began, in seconds since 1970; 0 if there is none.
    why
        What the trouble is.
    refused
        What the sink will never take: dictionaries of ``what`` and ``why``.
    memory
        What the sink remembers, such as where the trial is there.
    """

    experiment: str
    trial: str
    sink: str
    events: int = 0
    points: int = 0
    since: float = 0.0
    why: str = ""
    refused: list[dict[str, str]] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def unsent(self) -> bool:
        """Whether there is something to send."""
        return bool(self.events or self.points)

    @property
    def reason(self) -> str:
        """What the trouble is, whichever trial it was seen with."""
        return self.why.removeprefix(_WAITS)


def every(journal: Path) -> list[Standing]:
    """Return how each trial stands that has a sink, or had one.

    A sink that is down is tried with one trial only; what it said holds for those that wait behind.
    """
    found = list(_each(journal))
    said = {item.sink: item for item in found if item.why}
    return [
        replace(item, why=_WAITS + said[item.sink].why, since=said[item.sink].since)
        if item.unsent and not item.why and item.sink in said
        else item
        for item in found
    ]


def _each(journal: Path) -> Iterator[Standing]:
    waiting = {
        (item.experiment, item.trial): [without_login(sink) for sink in item.sinks]
        for item in pending.every(journal)
    }
    for trial in _trials(journal):
        known = {cursor.sink: cursor for cursor in _cursors(trial) if cursor.sink}
        asked = waiting.get((trial.parent.name, trial.name), [])
        for sink in dict.fromkeys((*asked, *known)):
            yield of(trial, sink, known.get(sink, Cursor()), quiet=sink not in asked)


def of(trial: Path, sink: str, cursor: Cursor | None = None, *, quiet: bool = False) -> Standing:
    """Return how a trial stands with a sink.

    Parameters
    ----------
    trial
        Its folder.
    sink
        Address of the sink.
    cursor
        Where the sink is with it; as its file says without one.
    quiet
        Whether nothing more is to be sent there, whatever comes.
    """
    cursor = cursor or cursors.load(cursor_path(trial, sink))
    events, count = (0, 0) if quiet else unsent(trial, cursor, end(trial))
    refused, memory = list(cursor.refused), dict(cursor.memory)
    names = trial.parent.name, trial.name, without_login(sink)
    since, why = (0.0, "") if quiet else (cursor.since, cursor.trouble)
    return Standing(*names, events, count, since, why, refused, memory)


def end(trial: Path) -> Positions:
    """Return where a trial ends now."""
    found: Positions = {"events": {}, "points": {}}
    for path in layout.writers(trial):
        found["events"][path.stem] = path.stat().st_size
        found["points"][path.stem] = _count(reading.points_of(path))
    return found


def unsent(trial: Path, cursor: Cursor, until: Positions) -> tuple[int, int]:
    """Return how many events and points come after a cursor, up to some positions."""
    events = count = 0
    for path in layout.writers(trial):
        start, last = cursor.events.get(path.stem, 0), until["events"].get(path.stem, 0)
        if start < last:
            events += sum(
                at <= last and event["kind"] != "metrics" for at, event in reading.events(path, start)
            )
        count += max(0, until["points"].get(path.stem, 0) - cursor.points.get(path.stem, 0))
    return events, count


def _count(path: Path) -> int:
    try:
        return path.stat().st_size // points.SIZE
    except FileNotFoundError:
        return 0


def _trials(journal: Path) -> Iterator[Path]:
    """Yield the folders of all trials, the experiments and trials by name."""
    try:
        experiments = sorted(path for path in journal.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    for experiment in experiments:
        if experiment.is_dir():
            inside = sorted(path for path in experiment.iterdir() if not path.name.startswith("."))
            yield from (path for path in inside if path.is_dir())


def _cursors(trial: Path) -> list[Cursor]:
    return [cursors.load(path) for path in sorted(trial.glob("*.cursor"))]
