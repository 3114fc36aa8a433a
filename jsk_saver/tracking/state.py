"""What is known about a trial: the events of its writers, folded into one picture."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from jsk_saver.tracking import values
from jsk_saver.tracking.handed_out import HandedOut
from jsk_saver.tracking.journal import copies, layout, points, reading
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.outcome import COMPLETED, FAILED, LOST, RUNNING, STOPPED, Fate, last_sign, settle

__all__ = ["COMPLETED", "FAILED", "LOST", "RUNNING", "STOPPED", "TrialState", "read", "summed", "this_host"]

Event = dict[str, Any]

_ENDS = (COMPLETED, FAILED, STOPPED, LOST)
#: Points that are held at a time while they are summed up.
_BLOCK = 8192


@dataclass(slots=True)
class TrialState(HandedOut):
    """Everything a trial's record says.

    Parameters
    ----------
    experiment, name
        Whose trial, and what it is called.
    status
        ``running``, ``completed``, ``failed``, ``stopped`` or ``lost`` (the process died). With several
        writers: running while one of them lives, then what happened last.
    error
        The traceback of a failed trial.
    started, ended
        Seconds since 1970; no end while it runs. The end of a lost trial is its last sign of life.
    parent
        Name of the trial it is nested in.
    params
        What was chosen.
    metrics
        What came out, by name.
    inputs, outputs
        Versions that were read and saved: dictionaries of ``name``, ``version``, ``uri`` and more.
    files
        Figures, tables and texts, one of each kind and name: dictionaries of ``name``, ``what`` it is, the
        ``file`` in the trial's folder, and more. :meth:`file` reads them.
    notes, tags
        What was written to it.
    environment
        Commit, notebook, packages, image, machine, seeds.
    links
        Other trials: ``{"reproduces": "iris-kmeans/…"}``; and where sinks keep this one.
    host
        The machine it runs on.
    pulled
        Where it was brought from, if it was tracked elsewhere.
    """

    experiment: str
    name: str
    status: str = RUNNING
    error: str = ""
    started: float = 0.0
    ended: float | None = None
    parent: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    inputs: list[Event] = field(default_factory=list)
    outputs: list[Event] = field(default_factory=list)
    files: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    pulled: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended."""
        return None if self.ended is None else max(0.0, self.ended - self.started)

    @property
    def reproduces(self) -> str:
        """Experiment and name of the trial that this one was run to reproduce; empty for one of its own."""
        return str(self.links.get("reproduces") or "")

    @property
    def created(self) -> dt.datetime:
        """When it started."""
        return dt.datetime.fromtimestamp(self.started, dt.UTC)

    def copy(self) -> TrialState:
        """Return the same, to change at will."""
        held = {
            one.name: values.own(getattr(self, one.name)) for one in fields(self) if one.name != "metrics"
        }
        return TrialState(**held, metrics={name: metric.copy() for name, metric in self.metrics.items()})

    def __repr__(self) -> str:
        from jsk_saver.tracking import showing

        return showing.text(self)

    def _repr_html_(self) -> str:
        from jsk_saver.tracking import showing

        return showing.html(self)


def read(folder: Path) -> TrialState:
    """Return what the journal knows about the trial in ``folder``."""
    state = TrialState(folder.parent.name, folder.name)
    copy = copies.read(folder)
    state.pulled = copy.source if copy else ""
    folds = [_Fold(state, path, copy) for path in layout.writers(folder)]
    for fold in folds:
        fold.run()
    outcome = settle([fold.fate for fold in folds if fold.started], is_copy=copy is not None)
    state.status, state.error, state.ended = outcome
    return state


class _Fold:
    """Takes the events of one writer into a state."""

    def __init__(self, state: TrialState, path: Path, copy: copies.Copy | None = None) -> None:
        self._state, self._path, self._copy = state, path, copy
        self._names: dict[int, str] = {}
        self._host = ""
        self.fate = Fate(path.stem)
        #: Whether the trial itself was started in these events; a forked worker's only add to it.
        self.started = self._ended = False

    def run(self) -> None:
        for _, event in reading.events(self._path):
            take = _TAKE.get(event["kind"])
            try:
                if take is not None:
                    take(self, event)
                if event["kind"] == "end" or not self._ended:
                    self.fate.last = float(event.get("time", self.fate.last))
            except (AttributeError, KeyError, TypeError, ValueError):
                continue  # damaged, or of somebody who writes otherwise: the rest still counts
        if not self._ended:
            self._without_end()

    def _start(self, event: Event) -> None:
        state = self._state
        self.started, self._host = True, event.get("host", "")
        state.host = self._host or state.host
        if not state.started:
            state.started, state.parent = event["time"], event.get("parent", "")
        state.links |= event.get("links", {})

    def _end(self, event: Event) -> None:
        self._ended = True
        if event["status"] in _ENDS:
            self.fate.status, self.fate.error = event["status"], str(event.get("error", ""))
            self.fate.beside = [str(writer) for writer in event.get("beside", ())]
        for name, summary in event.get("metrics", {}).items():
            self._merge(name, Metric.from_list(summary))

    def _without_end(self) -> None:
        """Say whether the writer still runs, and sum up the points it has written so far."""
        fate = self.fate
        if self._copy is not None:
            if self._copy.lost >= fate.last:  # as was said where it ran: from here its writer is not seen
                fate.status, fate.died = LOST, self._copy.lost
        elif self.started and not reading.is_alive(self._path, self._host, this_host()):
            fate.status, fate.died = LOST, last_sign(self._path, fate.last)
        for name, metric in summed(reading.points_of(self._path), self._names).items():
            self._merge(name, metric)

    def _merge(self, name: str, metric: Metric) -> None:
        known = self._state.metrics.setdefault(name, metric)
        if known is not metric:
            known.merge(metric)

    def _metrics(self, event: Event) -> None:
        self._names.update(enumerate(event["names"], event["first"]))

    def _params(self, event: Event) -> None:
        self._state.params |= event["values"]

    def _input(self, event: Event) -> None:
        _once(self._state.inputs, event)

    def _output(self, event: Event) -> None:
        _once(self._state.outputs, event)

    def _file(self, event: Event) -> None:
        what, file = (event.get("what"), event["name"]), event["file"]
        others = [one for one in self._state.files if (one.get("what"), one["name"]) != what]
        self._state.files = [*(one for one in others if one["file"] != file), _plain(event)]

    def _note(self, event: Event) -> None:
        self._state.notes.append(event["text"])

    def _tags(self, event: Event) -> None:
        for name, value in event["values"].items():
            if value is None:
                self._state.tags.pop(name, None)
            else:
                self._state.tags[name] = value

    def _environment(self, event: Event) -> None:
        self._state.environment |= event["values"]

    def _link(self, event: Event) -> None:
        self._state.links |= event["values"]


_TAKE: dict[str, Callable[[_Fold, Event], None]] = {
    "start": _Fold._start,
    "end": _Fold._end,
    "leave": _Fold._end,
    "metrics": _Fold._metrics,
    "params": _Fold._params,
    "input": _Fold._input,
    "output": _Fold._output,
    "file": _Fold._file,
    "note": _Fold._note,
    "tags": _Fold._tags,
    "environment": _Fold._environment,
    "link": _Fold._link,
}


def summed(path: Path, names: dict[int, str]) -> dict[str, Metric]:
    """Return the summary of each metric in a file of points."""
    found: dict[str, Metric] = {}
    start = 0
    while block := points.read(path, start, _BLOCK):
        start += len(block)
        for point in block:
            name = names.get(point.metric)
            if name is not None:
                found.setdefault(name, Metric()).add(point.value, point.step, point.time)
    return found


def _once(artifacts: list[Event], event: Event) -> None:
    said = _plain(event)
    if said not in artifacts:
        artifacts.append(said)


def _plain(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("kind", "time")}


@cache
def this_host() -> str:
    """Return the name of this machine, as writers leave it in their first event."""
    return os.uname().nodename
