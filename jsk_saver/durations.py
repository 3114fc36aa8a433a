"""Lengths of time as people type and read them; the same wherever the kit takes one.

``90m``, ``1h30m``, ``2 weeks``: a number and a unit, one or more of them. ``m`` is a minute everywhere, never
a month; a ``month`` has 30 days and a ``year`` 365, because what is meant is a length and no calendar. The
word ``month`` without a number is no length: where a day is asked for, it is the first one of this month.
"""

from __future__ import annotations

import datetime as dt
import re

from jsk_saver.errors import QueryError

_SUCH = "90m, 2h, 1h30m, 3d"
_SECOND, _MINUTE, _HOUR = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1)
_DAY, _WEEK, _MONTH, _YEAR = (dt.timedelta(days=days) for days in (1, 7, 30, 365))
_SHORT = {"s": _SECOND, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": _WEEK, "y": _YEAR}
_WORDS = {
    "sec": _SECOND,
    "second": _SECOND,
    "min": _MINUTE,
    "minute": _MINUTE,
    "hour": _HOUR,
    "day": _DAY,
    "week": _WEEK,
    "month": _MONTH,
    "year": _YEAR,
}
_UNITS = _SHORT | _WORDS | {f"{word}s": unit for word, unit in _WORDS.items()}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]+)\s*")


def parse(text: str) -> dt.timedelta | None:
    """Return the length of time that ``text`` is, or None if it is none.

    Examples
    --------
    >>> print(parse("1h30m"), "|", parse("2 weeks"), "|", parse("1 month"), "|", parse("month"))
    1:30:00 | 14 days, 0:00:00 | 30 days, 0:00:00 | None
    """
    plain = text.strip().lower()
    parts = _PART.findall(plain)
    if not parts or _PART.sub("", plain) or not all(unit in _UNITS for _, unit in parts):
        return None
    try:
        return sum((float(number) * _UNITS[unit] for number, unit in parts), dt.timedelta())
    except OverflowError:  # longer than the calendar
        return None


def seconds(text: str) -> float:
    """Return a length of time in seconds.

    Raises
    ------
    QueryError
        If it is none.

    Examples
    --------
    >>> seconds("2h"), seconds("1h30m"), seconds("1.5d")
    (7200.0, 5400.0, 129600.0)
    """
    length = parse(text)
    if length is None:
        raise QueryError(f"{text!r} is no length of time.", hint=f"Such as: {_SUCH}")
    return length.total_seconds()


def told(length: float) -> str:
    """Return seconds as people say them, in at most two units.

    Examples
    --------
    >>> told(42), told(5400), told(3 * 86400 + 4 * 3600), told(7200)
    ('42 s', '1 h 30 min', '3 d 4 h', '2 h')
    """
    whole = int(length)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return _pair(whole // 3600, "h", whole % 3600 // 60, "min")
    return _pair(whole // 86400, "d", whole % 86400 // 3600, "h")


def _pair(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first} {unit} {second} {smaller}" if second else f"{first} {unit}"
