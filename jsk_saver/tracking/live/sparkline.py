"""A curve as small as a word, as SVG in the colour of the text around it."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Pixels.
WIDTH, NARROW, HEIGHT = 120, 72, 20
_MARGIN = 3.0


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return ``values`` as an inline SVG; what is not finite leaves a gap.

    Examples
    --------
    >>> sparkline([]), sparkline([3.0, 1.0, 2.0]).count("<path")
    ('', 1)
    """
    points = thinned(values, width)
    finite = [value for value in points if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    across = (width - 2 * _MARGIN) / max(1, len(points) - 1)
    places = [
        (round(_MARGIN + at * across, 1), _height(value, low, high)) if math.isfinite(value) else None
        for at, value in enumerate(points)
    ]
    x, y = next(place for place in reversed(places) if place is not None)
    return (
        f'<svg width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" role="img" '
        # Notebooks shrink what is drawn to the room there is, and the text beside it would run over it.
        f'style="vertical-align:middle;max-width:none;height:{HEIGHT}px">'
        f'<path d="{_path(places)}" fill="none" stroke="currentColor" stroke-width="1.3" opacity=".75"/>'
        f'<circle cx="{x}" cy="{y}" r="2.2" fill="#2a78c8"/></svg>'
    )


def thinned(values: Sequence[float], most: int) -> list[float]:
    """Return at most so many values: of each slice the smallest and the largest, so peaks stay.

    Examples
    --------
    >>> peak = [0.0] * 5000 + [9.0] + [0.0] * 5000
    >>> len(thinned(peak, 120)), max(thinned(peak, 120))
    (120, 9.0)
    """
    if len(values) <= most:
        return list(values)
    slices = most // 2
    chosen: list[float] = []
    for number in range(slices):
        part = values[len(values) * number // slices : len(values) * (number + 1) // slices]
        finite = [(value, at) for at, value in enumerate(part) if math.isfinite(value)]
        if finite:
            chosen += [value for value, _ in sorted((min(finite), max(finite)), key=lambda pair: pair[1])]
        else:
            chosen += [math.nan, math.nan]
    return chosen


def _height(value: float, low: float, high: float) -> float:
    if high == low:
        return HEIGHT / 2
    # Halves first: between the largest floats of both signs there is more than a float holds.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return round(HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN), 1)


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    parts, pen = [], "M"
    for place in places:
        if place is None:
            pen = "M"
        else:
            parts.append(f"{pen}{place[0]},{place[1]}")
            pen = "L"
    return "".join(parts)
