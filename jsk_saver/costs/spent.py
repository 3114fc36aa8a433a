"""What was spent, added up in the ways that people ask for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jsk_saver import durations
from jsk_saver.costs.explorer import TAGS, Answer, Line
from jsk_saver.costs.usage import instance_of, use_of
from jsk_saver.errors import QueryError

#: What costs can be added up by.
WAYS = ("day", "service", "instance", *TAGS)
#: What is said of costs that no value of a tag is told of, and of what is no instance.
UNTAGGED, NO_INSTANCE = "(no tag)", "(storage and others)"
_ZERO = Decimal(0)
_DAY = dt.timedelta(days=1)
#: Days; more than twice what Cost Explorer keeps.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Sum:
    """One row.

    Parameters
    ----------
    name
        A day, a service, an instance type or the value of a tag.
    cost
        In the currency of the answer.
    estimated
        How much of it may still change.
    used
        For an instance type: what for, and for how many hours.
    hours
        The latter.
    """

    name: str
    cost: Decimal
    estimated: Decimal
    used: str = ""
    hours: Decimal = _ZERO

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        told = {"name": self.name, "cost": number(self.cost), "estimated": number(self.estimated)}
        return {**told, "used": self.used, "hours": number(self.hours)} if self.used else told


def total(answer: Answer) -> Sum:
    """Return everything added up."""
    return _sum("total", answer.lines, answer)


def by(answer: Answer, way: str) -> list[Sum]:
    """Return the sums by one of :data:`WAYS`: days in their order, the rest the dearest first.

    A tag takes an answer that tells its values apart, everything else one that does not.
    """
    if way == "day":
        grouped = _grouped(answer.lines, lambda line: line.day.isoformat())
        return [_sum(day.isoformat(), grouped.get(day.isoformat(), []), answer) for day in answer.days]
    if way == "instance":
        found = [
            _instance_sum(name, lines, answer)
            for name, lines in _grouped(answer.lines, lambda line: instance_of(line.second)).items()
        ]
    else:
        named = _grouped(answer.lines, lambda line: line.first or UNTAGGED)
        found = [_sum(name, lines, answer) for name, lines in named.items()]
    return sorted(found, key=lambda one: (-one.cost, one.name))


def period(since: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first day, and the day behind the last, of what ``since`` says.

    Raises
    ------
    QueryError
        If it says nothing, or a day that is still to come.

    Examples
    --------
    >>> [str(day) for day in period("7d", dt.date(2026, 11, 21))]
    ['2026-11-15', '2026-11-22']
    >>> [str(day) for day in period("month", dt.date(2026, 11, 21))]
    ['2026-11-01', '2026-11-22']
    """
    start = _start(since.strip().lower(), today)
    if start is None or start > today:
        raise QueryError(
            f"Costs since {since!r} cannot be told.",
            hint=f"jsk costs --since 7d    # or 2w, month, {today:%Y-%m}-01",
        )
    return start, today + _DAY


def number(amount: Decimal) -> float:
    """Return an amount as JSON has it."""
    return float(round(amount, 8))


def _start(since: str, today: dt.date) -> dt.date | None:
    if since == "month":
        return today.replace(day=1)
    length = durations.parse(since)
    if length is not None:  # so many days up to and with today; a day that has begun counts whole
        days = -(-length // _DAY)
        return today - (days - 1) * _DAY if 0 < days <= _LONGEST else None
    try:
        return dt.date.fromisoformat(since)
    except ValueError:
        return None


def _grouped(lines: Iterable[Line], key: Callable[[Line], str]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    return found


def _sum(name: str, lines: Iterable[Line], answer: Answer) -> Sum:
    listed = list(lines)
    unsure = sum((line.cost for line in listed if line.day in answer.estimated), _ZERO)
    return Sum(name, sum((line.cost for line in listed), _ZERO), unsure)


def _instance_sum(instance: str, lines: list[Line], answer: Answer) -> Sum:
    plain = _sum(instance or NO_INSTANCE, lines, answer)
    if not instance:
        return plain
    uses = sorted({use_of(line.second) for line in lines})
    hours = sum((line.quantity for line in lines if line.unit.lower() in ("hrs", "hours")), _ZERO)
    return Sum(plain.name, plain.cost, plain.estimated, ", ".join(uses), hours)
