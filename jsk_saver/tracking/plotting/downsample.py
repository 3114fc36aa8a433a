"""Fewer points, the same picture: what a line needs of a million points to be drawn without a difference.

M4 aggregation: of the points in each column of pixels, the first, the last, the smallest and the largest are
kept (Jugel, Jerzak, Hackenbroich and Markl, *M4: A Visualization-Oriented Time Series Data Aggregation*,
PVLDB 7(10), 2014). A spike of one point stays as high as it is, and every point that is shown was logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

#: Points that one column of pixels may keep.
PER_COLUMN = 4


def kept(x: np.ndarray, y: np.ndarray, low: float, high: float, columns: int) -> np.ndarray:
    """Return the numbers of the points to keep, from left to right.

    Parameters
    ----------
    x, y
        The points, in any order; ``x`` is finite. What is not finite in ``y`` is a gap: one is kept in each
        column that holds nothing else.
    low, high
        The range of ``x`` that is drawn.
    columns
        How many columns of pixels it is drawn on.

    Returns
    -------
    numpy.ndarray
        At most four numbers a column.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.zeros(1_000_000)
    >>> y[123_456] = 7.0
    >>> few = kept(np.arange(1e6), y, 0, 999_999, 100)
    >>> len(few) <= 400, float(y[few].max())
    (True, 7.0)
    """
    import numpy as np

    column = np.minimum((x - low) * (columns / max(high - low, 1e-300)), columns - 1).astype(np.int64)
    finite = np.flatnonzero(np.isfinite(y))
    gaps = np.flatnonzero(~np.isfinite(y))
    by_x = finite[np.lexsort((x[finite], column[finite]))]
    by_y = finite[np.lexsort((y[finite], column[finite]))]
    # Both are sorted by column first, so that each column begins and ends at the same places.
    edges: np.ndarray = np.flatnonzero(np.diff(column[by_x])) + 1
    starts: np.ndarray = np.append(0, edges)
    ends: np.ndarray = np.append(edges, len(by_x)) - 1
    if len(finite):
        finite = np.concatenate([order[at] for order in (by_x, by_y) for at in (starts, ends)])
    lonely = gaps[~np.isin(column[gaps], column[finite])]
    lonely = lonely[np.unique(column[lonely], return_index=True)[1]]
    chosen = np.unique(np.concatenate([finite, lonely]))
    ordered: np.ndarray = chosen[np.argsort(x[chosen], kind="stable")]
    return ordered
