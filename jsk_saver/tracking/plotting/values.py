"""Small sums over values that both kinds of figures need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from jsk_saver.tracking.plotting.columns import LARGEST, Column
from jsk_saver.tracking.plotting.panels import Bars, Lines, Panel, Points

if TYPE_CHECKING:
    import numpy as np


def middles(x: Column, y: Column, chosen: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return each value of ``x`` once, with the median of the values of ``y`` there."""
    groups: dict[float, list[float]] = {}
    for at in chosen:
        if math.isfinite(x.values[at]) and math.isfinite(y.values[at]):
            groups.setdefault(x.values[at], []).append(y.values[at])
    return sorted(groups), [median(groups[value]) for value in sorted(groups)]


def best_point(panel: Lines) -> tuple[float, float] | None:
    """Return where the best trial is at its best."""
    if panel.best < 0 or panel.goal is None:
        return None
    import numpy as np

    curve = panel.curves[panel.best]
    at = int(np.nanargmin(curve.y) if panel.goal == "min" else np.nanargmax(curve.y))
    return float(curve.x[at]), float(curve.y[at])


def has_lone_point(y: np.ndarray) -> bool:
    """Tell whether a line has a point without a neighbour, which no line would show."""
    import numpy as np

    known = np.isfinite(np.concatenate([[np.nan], y, [np.nan]]))
    return bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())


def reaches_the_end(panel: Panel) -> bool:
    """Tell whether a value stands where axes end: it may be larger than it looks."""
    if isinstance(panel, Lines):
        return any((abs(curve.y) >= LARGEST).any() for curve in panel.curves)
    if isinstance(panel, Bars):
        columns: Sequence[Column] = (panel.y,)
    else:
        columns = (panel.x, panel.y) if isinstance(panel, Points) else panel.axes
    return any(abs(value) >= LARGEST for column in columns for value in column.values)
