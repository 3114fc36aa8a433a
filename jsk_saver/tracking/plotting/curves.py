"""The points of a metric, from the journals of many trials to lines that can be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.plotting.columns import LARGEST, SMALLEST
from jsk_saver.tracking.plotting.downsample import PER_COLUMN, kept

if TYPE_CHECKING:
    import numpy as np

    from jsk_saver.tracking.state import TrialState

#: Columns of pixels of one line: twice what a plot is wide, to zoom in a little.
MOST_COLUMNS, FEWEST_COLUMNS = 2000, 5
#: Points of all lines of a plot together. More take a browser seconds.
MOST_POINTS = 60_000
#: Points that are looked at together: what is in memory beside what is kept.
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one trial.

    Parameters
    ----------
    trial
        Whose.
    x, y
        Points, from left to right; ``nan`` in ``y`` is a gap.
    count
        How many points there are, before some were left out.
    gaps
        How many of them are nan or infinite.
    """

    trial: TrialState
    x: np.ndarray
    y: np.ndarray
    count: int
    gaps: int


def curves(
    folder: Path, trials: Sequence[TrialState], metric: str, x: str = "step", most: int = MOST_POINTS
) -> list[Curve]:
    """Return the line of each trial that has points of a metric.

    Parameters
    ----------
    folder
        The experiment's, in the journal.
    trials
        Which.
    metric
        Its name.
    x
        ``"step"``, or ``"time"``: seconds since the trial started.
    most
        How many points to return at most, of all trials together.
    """
    having = [trial for trial in trials if metric in trial.metrics]
    columns = most // (PER_COLUMN * max(len(having), 1))
    columns = max(FEWEST_COLUMNS, min(columns, MOST_COLUMNS))
    return [_curve(folder / trial.name, trial, metric, x, columns) for trial in having]


def _curve(folder: Path, trial: TrialState, metric: str, x: str, columns: int) -> Curve:
    import numpy as np

    origin = trial.started if x == "time" else 0.0
    arrays = list(_arrays(folder, metric))
    count, gaps, low, high = _survey(arrays, x)
    few = count <= columns * PER_COLUMN
    xs, ys = [], []
    for one_x, one_y in _chunks(arrays, x):
        take = slice(None) if few else kept(one_x, one_y, low, high, columns)
        xs.append(one_x[take])
        ys.append(one_y[take])
    if not count:  # a trial whose points are elsewhere: what is known of them
        known = trial.metrics[metric]
        where = known.time if x == "time" else known.step
        xs, ys, count = [np.array([float(where)])], [np.array([known.last])], 1
        gaps = int(not np.isfinite(known.last))
    all_x, all_y = np.concatenate(xs), np.concatenate(ys)
    # What is kept of each chunk holds what is to be kept of all: the extremes of extremes.
    order = np.argsort(all_x, kind="stable") if few else kept(all_x, all_y, low, high, columns)
    all_y = all_y[order]
    shown = np.where(np.isfinite(all_y), all_y, np.nan)
    shown = np.where(np.abs(shown) < SMALLEST, 0.0, np.clip(shown, -LARGEST, LARGEST))
    return Curve(trial, all_x[order] - origin, shown, count, gaps)


def _arrays(folder: Path, metric: str) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the points of each writer that logged the metric, and the metric's number there."""
    if not folder.is_dir():
        return
    for path in layout.writers(folder):
        for _, event in reading.events(path):
            if event["kind"] == "metrics" and metric in event["names"]:
                number = event["first"] + event["names"].index(metric)
                yield points.array(reading.points_of(path)), number


def _survey(arrays: Sequence[tuple[np.ndarray, int]], x: str) -> tuple[int, int, float, float]:
    """Return how many points there are, how many are not finite, and the range of ``x``."""
    import numpy as np

    count, gaps, low, high = 0, 0, np.inf, -np.inf
    for xs, ys in _chunks(arrays, x):
        count += len(xs)
        gaps += len(ys) - int(np.isfinite(ys).sum())
        low, high = min(low, xs.min()), max(high, xs.max())
    return count, gaps, float(low), float(high)


def _chunks(arrays: Sequence[tuple[np.ndarray, int]], x: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the metric's points bit by bit; the arrays are maps of files, and stay on the disk."""
    import numpy as np

    for array, number in arrays:
        for start in range(0, len(array), _CHUNK):
            chunk = np.asarray(array[start : start + _CHUNK])
            chunk = chunk[chunk["metric"] == number]
            if len(chunk):
                yield chunk[x].astype(float).clip(-LARGEST, LARGEST), chunk["value"].astype(float)
