"""Cut what is new about a trial into batches."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.sinks.base import Batch, Logged
from jsk_saver.tracking.sinks.cursor import Cursor

#: Events of one batch.
_MOST_EVENTS = 500
#: Points that are read at once where there may be millions.
_BLOCK = 50_000

Positions = dict[str, dict[str, int]]


def next_batch(trial: Path, cursor: Cursor, most_points: int) -> tuple[Batch, Positions] | None:
    """Return what comes after the cursor, and where it ends; None if there is nothing.

    A batch that was under way when its process died is cut exactly as before.
    """
    until = cursor.sending
    events: list[dict[str, Any]] = []
    found: list[Logged] = []
    reached: Positions = {"events": dict(cursor.events), "points": dict(cursor.points)}
    for path in layout.writers(trial):
        writer = path.stem
        names: dict[int, str] = {}
        last = until["events"].get(writer, 0) if until else None
        fresh, over = _events(path, cursor.events.get(writer, 0), names, last)
        start = cursor.points.get(writer, 0)
        room = most_points - len(found)
        if until:
            room = until["points"].get(writer, start) - start
        read = points.read(reading.points_of(path), start, max(0, room))
        if not over:
            # A metric that is newer than what was read of the events waits for the next batch, with all
            # after it. After the end no name can come any more: its line was damaged.
            read = _named(read, names)
        found += _logged(read, names)
        reached["points"][writer] = start + len(read)
        ends = bool(fresh) and fresh[-1][1]["kind"] == "end"
        if ends and not until and _more(reading.points_of(path), start + len(read)):
            fresh = fresh[:-1]  # the end waits for the rest of the points
        for at, event in fresh:
            reached["events"][writer] = at
            if event["kind"] != "metrics":
                events.append(event)
    if reached == {"events": cursor.events, "points": cursor.points}:
        return None
    experiment = experiment_of(trial)
    earlier = functools.partial(_earlier, trial, dict(cursor.points))
    again = bool(until) or cursor.forgotten
    batch = Batch(experiment, trial.name, str(trial), events, found, again=again, earlier=earlier)
    return batch, reached


def _events(
    path: Path, start: int, names: dict[int, str], last: int | None
) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
    """Return the events after ``start``, and whether the writer has ended; fill in the metrics' names."""
    fresh: list[tuple[int, dict[str, Any]]] = []
    over = False
    for at, event in reading.events(path):
        if event["kind"] == "metrics":
            names.update(enumerate(event["names"], event["first"]))
        over = event["kind"] == "end"
        if at > start and (last is None or at <= last) and len(fresh) < _MOST_EVENTS:
            fresh.append((at, event))
    return fresh, over


def _earlier(trial: Path, sent: dict[str, int]) -> Iterator[Logged]:
    """Yield the points before those positions."""
    for path in layout.writers(trial):
        names: dict[int, str] = {}
        _events(path, 0, names, 0)
        count = sent.get(path.stem, 0)
        for start in range(0, count, _BLOCK):
            block = points.read(reading.points_of(path), start, min(_BLOCK, count - start))
            yield from _logged(block, names)


def _logged(read: list[points.Point], names: dict[int, str]) -> list[Logged]:
    return [
        Logged(names[point.metric], point.step, point.time, point.value)
        for point in read
        if point.metric in names
    ]


def _named(read: list[points.Point], names: dict[int, str]) -> list[points.Point]:
    unknown = next((at for at, point in enumerate(read) if point.metric not in names), len(read))
    return read[:unknown]


def _more(path: Path, count: int) -> bool:
    try:
        return path.stat().st_size // points.SIZE > count
    except FileNotFoundError:
        return False


def experiment_of(trial: Path) -> dict[str, Any]:
    """Return what is known about the experiment of a trial."""
    folder = trial.parent
    try:
        said = json.loads((folder / layout.EXPERIMENT).read_bytes())
    except (OSError, ValueError):
        said = {}
    return {"name": folder.name, "description": "", "tags": {}, **said}
