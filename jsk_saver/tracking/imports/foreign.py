"""A trial of another tracker, written into this journal as if one writer had logged it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from jsk_saver.tracking import state
from jsk_saver.tracking.imports.placing import place, put_file
from jsk_saver.tracking.journal import copies, layout, points
from jsk_saver.tracking.journal.copies import Copy
from jsk_saver.tracking.pulling import Pulled
from jsk_saver.tracking.sinks.backoff import Backoff
from jsk_saver.tracking.sinks.base import Logged, SinkDown

_Answer = TypeVar("_Answer")
#: The only writer of a copy.
_WRITER = "imported"
#: How often one call is tried while the other side is throttled or in trouble.
_ATTEMPTS = 6


@dataclass(slots=True)
class Foreign:
    """What another tracker says of a trial.

    Parameters
    ----------
    name
        What it is called there.
    started, ended
        In seconds since 1970; no end while it runs.
    status, error
        In the journal's words.
    events
        What else there is to say, in the journal's words.
    points
        Those of its metrics.
    summaries
        Of metrics whose points the other side does not give out, as :meth:`Metric.to_list` has them.
    """

    name: str
    started: float
    ended: float | None = None
    status: str = state.RUNNING
    error: str = ""
    host: str = ""
    parent: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    points: list[Logged] = field(default_factory=list)
    summaries: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, kind: str, **said: Any) -> None:
        """Add an event."""
        self.events.append({"kind": kind, "time": self.started, **said})


def keep(experiment: Path, name: str, copy: Copy, fetch: Callable[[], Foreign], pulled: Pulled) -> None:
    """Write a trial into the journal, if it is not from here, and has changed since it was pulled.

    Parameters
    ----------
    experiment
        The experiment's folder.
    name
        What the trial is called there.
    copy
        Where it comes from; ``seen`` says how it is there now.
    fetch
        Returns all of it.
    pulled
        Takes note.
    """
    placed = place(experiment, fitting(name), copy)
    if placed is None:
        return
    folder, is_new = placed
    known = copies.read(folder)
    if known is not None and known.seen == copy.seen:
        return
    _write(folder, fetch())
    copies.write(folder, replace(copy, lost=0.0))
    (pulled.new if is_new else pulled.grown).append(folder.name)


def _write(folder: Path, said: Foreign) -> None:
    logged = list(said.points)
    if said.status == state.RUNNING:  # the end would bring the summaries; so far, the last values at least
        logged += [Logged(name, one[2], one[3], one[1]) for name, one in said.summaries.items()]
    numbers = {name: at for at, name in enumerate(dict.fromkeys(point.metric for point in logged))}
    start = {"kind": "start", "time": said.started, "host": said.host, "parent": said.parent}
    events = [start, *said.events, {"kind": "metrics", "first": 0, "names": list(numbers)}]
    if said.status != state.RUNNING:
        end = {"kind": "end", "time": said.ended or said.started, "status": said.status, "error": said.error}
        events.append({**end, "metrics": said.summaries | _summed(logged)})
    packed = b"".join(points.POINT.pack(numbers[p.metric], p.step, p.time, p.value) for p in logged)
    put_file(folder / (_WRITER + layout.POINTS), packed)
    lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    put_file(folder / (_WRITER + layout.EVENTS), lines.encode("utf-8", "surrogatepass"))


def _summed(logged: list[Logged]) -> dict[str, list[Any]]:
    from jsk_saver.tracking.journal.summary import Metric

    found: dict[str, Metric] = {}
    for point in logged:
        found.setdefault(point.metric, Metric()).add(point.value, point.step, point.time)
    return {name: metric.to_list() for name, metric in found.items()}


def fitting(name: str) -> str:
    """Return a name that a folder of the journal can have.

    Examples
    --------
    >>> fitting("bold_lynx 5"), fitting("!")
    ('bold-lynx-5', 'run')
    """
    return re.sub(r"[^a-zA-Z0-9]+", "-", name)[: layout.LONGEST_NAME].strip("-") or "run"


def value(text: Any) -> Any:
    """Return a parameter that travelled as text as what it was, where that can be seen.

    Examples
    --------
    >>> value("5"), value("0.5"), value("True"), value("None"), value("k-means++"), value("[1, 2]")
    (5, 0.5, True, None, 'k-means++', [1, 2])
    """
    if not isinstance(text, str):
        return int(text) if isinstance(text, float) and text.is_integer() else text
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_WORDS = {"True": True, "False": False, "None": None, "NaN": "NaN", "Infinity": "Infinity"}


def patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Ask, and again later each time while the other side is throttled or in trouble.

    Raises
    ------
    SinkDown
        If it still is after some attempts.
    """
    backoff = Backoff()
    for attempt in range(_ATTEMPTS):
        try:
            return ask()
        except SinkDown as error:
            if attempt == _ATTEMPTS - 1 or error.only_this or error.hint != _AGAIN:
                raise
            backoff.failed(error.wait)
            while not backoff.ready:
                time.sleep(0.05)
    raise AssertionError("unreachable")


#: The hint of an error that another attempt may mend; the others name what somebody must do first.
_AGAIN = SinkDown("").hint
