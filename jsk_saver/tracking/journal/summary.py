"""The summary of one metric, kept up to date point by point."""

from __future__ import annotations

import math
from typing import Any

_FIELDS = ("count", "last", "step", "time", "min", "min_step", "max", "max_step")


class Metric:
    """What is worth knowing about a metric without its points.

    ``count`` of points; the ``last`` value with its ``step`` and ``time`` (seconds since 1970); ``min`` and
    ``max`` with the steps where they were first reached, ``nan`` while there is nothing but ``nan``.

    Examples
    --------
    >>> loss = Metric()
    >>> for step, value in enumerate([0.5, 0.2, 0.3]):
    ...     loss.add(value, step, float(step))
    >>> loss.count, loss.last, loss.min, loss.min_step
    (3, 0.3, 0.2, 1)
    """

    __slots__ = _FIELDS

    def __init__(self) -> None:
        self.count = 0
        self.last = self.min = self.max = math.nan
        self.step = self.min_step = self.max_step = 0
        self.time = -math.inf

    def add(self, value: float, step: int, time: float) -> None:
        """Take in the next point."""
        self.count += 1
        if time >= self.time:
            self.last, self.step, self.time = value, step, time
        # "not >=": true as well while there is none. nan is no minimum: it is not even equal to itself.
        if not value >= self.min and value == value:
            self.min, self.min_step = value, step
        if not value <= self.max and value == value:
            self.max, self.max_step = value, step

    def merge(self, other: Metric) -> None:
        """Take in what another writer logged."""
        self.count += other.count
        if other.time >= self.time:
            self.last, self.step, self.time = other.last, other.step, other.time
        if not other.min >= self.min and other.min == other.min:
            self.min, self.min_step = other.min, other.min_step
        if not other.max <= self.max and other.max == other.max:
            self.max, self.max_step = other.max, other.max_step

    def copy(self) -> Metric:
        """Return the same, to change at will."""
        return Metric.from_list(self.to_list())

    def __repr__(self) -> str:
        if self.count == 1:
            return f"Metric(last={self.last:.6g})"
        return f"Metric(last={self.last:.6g}, min={self.min:.6g}, max={self.max:.6g}, count={self.count})"

    def to_list(self) -> list[Any]:
        """Return the summary as JSON."""
        return [getattr(self, name) for name in _FIELDS]

    @classmethod
    def from_list(cls, values: list[Any]) -> Metric:
        """Return the summary that :meth:`to_list` wrote."""
        metric = cls.__new__(cls)
        metric.count, metric.last, metric.step, metric.time = values[:4]
        metric.min, metric.min_step, metric.max, metric.max_step = values[4:]
        return metric
