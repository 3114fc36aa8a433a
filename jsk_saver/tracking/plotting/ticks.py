"""Where an axis has its marks, for axes that are drawn as shares of their range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jsk_saver.human import one_line, shorten
from jsk_saver.tracking.plotting.columns import Column

_LONGEST = 22
_MOST_CATEGORIES = 24
_MOST_DECADES = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """A column on an axis from 0 to 1.

    Parameters
    ----------
    places
        Where each value stands; one that is missing stands below, at -0.1.
    marks
        Where there is something written, and what.
    """

    places: tuple[float, ...]
    marks: tuple[tuple[float, str], ...]


MISSING = -0.1


def axis(column: Column, log: bool = False) -> Axis:
    """Return where the values of a column stand, by their logarithms where that is wanted and can be."""
    by_power = (log and not column.categories and min(column.known, default=0) > 0) or column.is_wide
    values = [math.log10(value) if by_power else value for value in column.values]
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low == high:
        room = max(0.5, abs(low) * 0.01)  # a half is nothing beside a number of 17 digits
        low, high = low - room, high + room
    places = [(value - low) / (high - low) if math.isfinite(value) else MISSING for value in values]
    marks = [((at - low) / (high - low), text) for at, text in _marks(column, low, high, by_power)]
    if len(known) < len(values):
        marks.append((MISSING, "none"))
    return Axis(tuple(places), tuple(marks))


def _marks(column: Column, low: float, high: float, by_power: bool) -> list[tuple[float, str]]:
    if column.categories:
        every = -(-len(column.categories) // _MOST_CATEGORIES)
        return [(at, tick_text(text)) for at, text in enumerate(column.categories) if at % every == 0]
    if by_power:
        decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        if len(decades) > 1:
            every = -(-len(decades) // _MOST_DECADES)
            return [(decade, f"{10.0**decade:g}") for decade in decades[::every]]
        return [(at, f"{10**at:.3g}") for at in (low, (low + high) / 2, high)]
    distinct = sorted(set(column.known))
    if 1 <= len(distinct) <= 6:
        return [(value, f"{value:.5g}") for value in distinct]
    return [(value, f"{value:.6g}") for value in nice(low, high)]


def nice(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers between two.

    Examples
    --------
    >>> nice(0.03, 0.97)
    [0.2, 0.4, 0.6, 0.8]
    """
    raw = (high - low) / about
    if not 0 < raw < math.inf:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def tick_text(text: str) -> str:
    """Return a category in few words."""
    return shorten(one_line(text), _LONGEST, middle=True) or "''"
