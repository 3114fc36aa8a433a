"""Lengths of time as people type and read them."""

from __future__ import annotations

import re

from jsk_saver.errors import QueryError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])\s*")
_SUCH = "90m, 2h, 1h30m, 3d"


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
    plain = text.strip().lower()
    parts = _PART.findall(plain)
    if not parts or _PART.sub("", plain):
        raise QueryError(f"{text!r} is no length of time.", hint=f"Such as: {_SUCH}")
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


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
