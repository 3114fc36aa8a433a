"""Points in time as people write them: ISO dates and times, and "7d", "2 weeks", "yesterday".

Everywhere in the index a time is a whole number of microseconds since 1970 in UTC, and a date without a
time stands for its whole day. A time or date without a zone is local where it is compared with when a
version was saved, as tables show that; in metadata, which others wrote elsewhere, it is taken as UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from jsk_saver.durations import parse
from jsk_saver.errors import QueryError

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_DAY = 86_400_000_000
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def microseconds(when: dt.datetime) -> int:
    """Return ``when`` in microseconds since 1970, UTC.

    Examples
    --------
    >>> microseconds(dt.datetime(1970, 1, 2))
    86400000000
    """
    offset = when.utcoffset() or dt.timedelta()
    return (when.replace(tzinfo=None) - _EPOCH - offset) // _MICROSECOND


def parse_iso(text: str) -> dt.date | dt.datetime | None:
    """Return the date or time that ``text`` is in ISO 8601 (extended form), or None if it is neither.

    Examples
    --------
    >>> parse_iso("2024-01-31"), parse_iso("2024-01-31T10:00Z"), parse_iso("2024-01-xx")
    (datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 10, 0, tzinfo=datetime.timezone.utc), None)
    """
    if text[4:5] != "-" or not _ISO.fullmatch(text):  # the slice spares most texts the pattern
        return None
    try:
        return dt.date.fromisoformat(text) if len(text) == 10 else dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def span(when: dt.date | dt.datetime) -> tuple[int, int]:
    """Return the microseconds that ``when`` covers, from the first to before the second: a day or a moment.

    Examples
    --------
    >>> span(dt.date(1970, 1, 1))
    (0, 86400000000)
    """
    if isinstance(when, dt.datetime):
        moment = microseconds(when)
        return moment, moment + 1
    start = microseconds(dt.datetime(when.year, when.month, when.day))
    return start, start + _DAY


def local_span(when: dt.date | dt.datetime) -> tuple[int, int]:
    """Return the same as :func:`span`, where what has no zone is local.

    Examples
    --------
    >>> local_span(dt.datetime(1970, 1, 2, tzinfo=dt.UTC))
    (86400000000, 86400000001)
    """
    if isinstance(when, dt.datetime):
        moment = _local(when)
        return moment, moment + 1
    start = dt.datetime(when.year, when.month, when.day)
    if when == dt.date.max:
        return _local(start), _local(start) + _DAY
    return _local(start), _local(start + dt.timedelta(days=1))  # a day may have 23 hours


def _local(when: dt.datetime) -> int:
    try:
        return microseconds(when.astimezone())
    except (OverflowError, ValueError, OSError):  # at the ends of the calendar
        return microseconds(when)


def instant(value: Any) -> int | None:
    """Return the microsecond at which ``value`` starts, or None if it is not a time.

    Examples
    --------
    >>> instant("1970-01-01T00:00:01"), instant("soon"), instant(5)
    (1000000, None, None)
    """
    if isinstance(value, str):
        value = parse_iso(value)
    return span(value)[0] if isinstance(value, dt.date) else None


def parse_when(when: Any, now: dt.datetime | None = None) -> dt.date | dt.datetime:
    """Return the time that ``since=`` and ``until=`` mean.

    Parameters
    ----------
    when
        A date or time, ISO text, ``"7d"`` (ago: see :mod:`jsk_saver.durations`), ``"today"``,
        ``"yesterday"``, ``"month"`` (the first of this one) or ``"now"``.
    now
        What "ago" counts from; the current local time by default.

    Raises
    ------
    QueryError
        If it is none of these.

    Examples
    --------
    >>> noon = dt.datetime(2024, 3, 9, 12, tzinfo=dt.UTC)
    >>> parse_when("2 weeks", noon).isoformat(), parse_when("yesterday", noon).isoformat()
    ('2024-02-24T12:00:00+00:00', '2024-03-08')
    """
    if isinstance(when, dt.date):
        return when
    now = now or dt.datetime.now().astimezone()
    found: dt.date | None = None
    if isinstance(when, dt.timedelta):
        found = _before(now, when)
    elif isinstance(when, str):
        found = parse_iso(when) or _relative(when.strip().lower(), now)
    if found is not None:
        return found
    raise QueryError(
        f"{when!r} is not a time.",
        hint='Use a date, "2024-01-31", "2024-01-31T10:00", "7d", "2 weeks" or "yesterday".',
    )


def _relative(text: str, now: dt.datetime) -> dt.date | dt.datetime | None:
    today = now.date()
    named = {
        "now": now,
        "today": today,
        "yesterday": today - dt.timedelta(days=1),
        "month": today.replace(day=1),
    }
    if text in named:
        return named[text]
    ago = parse(text.removesuffix("ago"))
    return None if ago is None else _before(now, ago)


def _before(now: dt.datetime, span: dt.timedelta) -> dt.datetime | None:
    try:
        return now.astimezone(dt.UTC) - span
    except OverflowError:
        return None
