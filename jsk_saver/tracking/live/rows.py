"""What a live table knows of one trial; looking costs the same after ten points and after ten million."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking import state as states
from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.live.sparkline import sparkline

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

#: Points that are read at most for the curves of one trial, and how many of them in one piece: metrics that
#: are logged in turn must all be met, so single points at equal distances would not do.
MOST, _PIECE = 2048, 64


class Row:
    """One trial in a live table.

    Parameters
    ----------
    trial
        Whose row.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.name = trial.name
        self.status = trial.status
        self.params: dict[str, Any] = trial.params
        self.metrics: dict[str, Metric] = {}
        self.curves: dict[str, list[float]] = {}
        self._drawn: dict[tuple[str, int], str] = {}
        self.seconds = 0.0
        self.error = ""
        #: Whether this is what stays.
        self.final = False
        self._writers: dict[Path, _Writer] = {}

    def look(self) -> bool:
        """Bring the row up to date; tell whether anything but the clock has changed."""
        if self.final:
            return False
        trial, before = self.trial, self._told()
        if trial.ended:
            known = states.read(trial.folder)
            self.metrics, self.error = known.metrics, known.error
            self.seconds = (known.ended or time.time()) - trial.started
            self.final = True
        else:
            self.metrics = trial.metrics
            self.seconds = time.time() - trial.started
        self.status, self.params = trial.status, trial.params
        changed = self._told() != before
        if changed or not self.curves:
            self.curves, self._drawn = self._sample(), {}
        return changed

    def curve(self, name: str, width: int) -> str:
        """Return the curve of a metric as SVG, drawn once for as long as nothing comes."""
        key = (name, width)
        if key not in self._drawn:
            self._drawn[key] = sparkline(self.curves.get(name, ()), width)
        return self._drawn[key]

    def _told(self) -> tuple[Any, ...]:
        return self.status, len(self.params), [metric.count for metric in self.metrics.values()]

    @property
    def step(self) -> int | None:
        """The last step of any metric."""
        return max((metric.step for metric in self.metrics.values()), default=None)

    def _sample(self) -> dict[str, list[float]]:
        """Return values of each metric in the order they were written; all of them, or some if many."""
        found: dict[str, list[float]] = {}
        for path in layout.writers(self.trial.folder):
            writer = self._writers.setdefault(path, _Writer(path))
            for name, value in writer.sample():
                found.setdefault(name, []).append(value)
        return found


class _Writer:
    """The files of one writer, and which names its metrics have."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self._names: dict[int, str] = {}

    def sample(self) -> list[tuple[str, float]]:
        for at, event in reading.events(self._path, self._read):
            self._read = at
            if event["kind"] == "metrics":
                self._names.update(enumerate(event["names"], event["first"]))
        return [
            (self._names[point.metric], point.value)
            for point in _some(reading.points_of(self._path))
            if point.metric in self._names
        ]


def _some(path: Path) -> list[points.Point]:
    """Return the points of a file, or pieces of it at equal distances, its beginning and end among them."""
    try:
        count = path.stat().st_size // points.SIZE
    except FileNotFoundError:
        return []
    if count <= MOST:
        return points.read(path)
    pieces = MOST // _PIECE
    starts = [(count - _PIECE) * number // (pieces - 1) for number in range(pieces)]
    return [point for start in starts for point in points.read(path, start, _PIECE)]
