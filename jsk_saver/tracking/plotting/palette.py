"""Colours that people with any colour vision tell apart, on light pages and on dark ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jsk_saver.tracking.plotting.columns import Column

#: Paul Tol's "bright" scheme without its grey (https://sronpersonalpages.nl/~pault/, technical note
#: SRON/EPS/TN/09-002): distinct in all forms of colour blindness, and seen on white and on near black.
CYCLE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee")
#: With each round through the colours another dash, as Plotly names them, and as matplotlib does.
DASHES = (("solid", "-"), ("dash", "--"), ("dot", ":"), ("dashdot", "-."))
MARKERS = (("circle", "o"), ("square", "s"), ("diamond", "D"), ("triangle-up", "^"))
#: viridis without its darkest and lightest ends, which dark and light pages swallow.
SCALE = ("#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26")
#: Where nothing is known.
NOTHING = "#9aa0a8"
BEST = "#d55e00"


def color_of(place: float) -> str:
    """Return the colour of an entry of a legend."""
    return CYCLE[int(place) % len(CYCLE)]


def round_of(place: float) -> int:
    """Return how often all colours were used before this entry: its dash or marker."""
    return int(place) // len(CYCLE) % len(DASHES)


def positions(column: Column) -> list[float]:
    """Return where each value stands between 0 and 1 on a scale; wide ranges by their logarithms."""
    values = [math.log10(value) for value in column.values] if column.is_wide else list(column.values)
    known = [value for value in values if math.isfinite(value)]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    return [
        math.nan if not math.isfinite(value) else (value - low) / span if span else 0.5 for value in values
    ]


def shades(column: Column) -> list[str]:
    """Return a colour of the scale for each value."""
    return [blend(position) for position in positions(column)]


def blend(position: float) -> str:
    """Return the colour of the scale at a position between 0 and 1.

    Examples
    --------
    >>> blend(0), blend(1), blend(float("nan"))
    ('#414487', '#bddf26', '#9aa0a8')
    """
    if not math.isfinite(position):
        return NOTHING
    at = position * (len(SCALE) - 1)
    left = min(int(at), len(SCALE) - 2)
    mixed = _mixed(_rgb(SCALE[left]), _rgb(SCALE[left + 1]), at - left)
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _rgb(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _mixed(one: Sequence[int], other: Sequence[int], share: float) -> list[int]:
    return [round(a + (b - a) * share) for a, b in zip(one, other, strict=True)]
