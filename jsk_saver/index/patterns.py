"""Patterns: the dictionary form of a search, and the one builder that both forms go through.

``{"origin": "you*", "rows": at_least(1000), "model": {"kind": ["lgbm", "xgb"]}, "draft": absent}``
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from jsk_saver.errors import QueryError
from jsk_saver.index.conditions import (
    Condition,
    Equal,
    Glob,
    Not,
    Or,
    Present,
    Range,
    Regex,
    Scalar,
    Spec,
    Where,
    all_of,
    one_of,
)
from jsk_saver.index.paths import split_path
from jsk_saver.index.times import parse_iso
from jsk_saver.record import MAX_METADATA_DEPTH

_EXAMPLE = '{"origin": "you*", "rows": at_least(1000)}'


@dataclass(frozen=True)
class AnyOf:
    """One of several values, or one of several whole patterns."""

    items: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"any_of({', '.join(map(repr, self.items))})"


@dataclass(frozen=True)
class Negated:
    """Not this value, or not this whole pattern."""

    item: Any

    def __repr__(self) -> str:
        return f"not_({self.item!r})"


@dataclass(frozen=True)
class Absent:
    """The path is not there."""

    def __repr__(self) -> str:
        return "absent"


#: The path is there, whatever is in it.
present = Present()
#: The path is not there.
absent = Absent()


# What people write ----------------------------------------------------------------------------------


def exactly(value: Any) -> Equal:
    """Return what fits this very value: ``exactly("*")`` is the star itself, ``exactly(["a"])`` the list.

    Without it a text with ``*`` is a shape, and a date in ISO text fits every time on that day.

    Examples
    --------
    >>> exactly("*")
    exactly('*')
    """
    return Equal(_plain(value))


def at_least(low: Any) -> Range:
    """Return what fits ``low`` and everything above: numbers, dates and times, or text in its order.

    Examples
    --------
    >>> at_least(1000), at_least("2024-01-31")
    (at_least(1000), at_least(datetime.date(2024, 1, 31)))
    """
    return Range(low=_bound(low))


def at_most(high: Any) -> Range:
    """Return what fits ``high`` and everything below; a date includes its whole day."""
    return Range(high=_bound(high))


def more_than(low: Any) -> Range:
    """Return what fits everything above ``low``; above a date is the next day."""
    return Range(low=_bound(low), above=True)


def less_than(high: Any) -> Range:
    """Return what fits everything below ``high``."""
    return Range(high=_bound(high), below=True)


def between(low: Any, high: Any) -> Range:
    """Return what fits ``low``, ``high`` and everything between them.

    Raises
    ------
    QueryError
        If the two cannot be compared, or are the wrong way round.
    """
    found = Range(low=_bound(low), high=_bound(high))
    if Range(low=found.low).kind != Range(low=found.high).kind:
        raise QueryError(
            f"{low!r} and {high!r} cannot be compared.",
            hint="between(1, 10)    # two numbers, dates or texts",
        )
    start, end = found.moments if found.kind == "time" else (found.low, found.high)
    if start > end or (start == end and found.kind == "time"):  # type: ignore[operator]
        raise QueryError(f"Nothing is between {low!r} and {high!r}.", hint=f"between({high!r}, {low!r})")
    return found


def any_of(*items: Any) -> AnyOf:
    """Return what fits when one of ``items`` does: values inside a pattern, or whole patterns.

    Examples
    --------
    >>> {"rows": any_of(at_least(1000), absent)}
    {'rows': any_of(at_least(1000), absent)}
    >>> any_of({"origin": "youtube"}, {"origin": "vimeo", "rows": at_least(10)})
    any_of({'origin': 'youtube'}, {'origin': 'vimeo', 'rows': at_least(10)})
    """
    if not items:
        raise QueryError(
            "Nothing is one of nothing: any_of() needs values.", hint='any_of("youtube", "vimeo")'
        )
    return AnyOf(items)


def not_(item: Any) -> Negated:
    """Return what fits when ``item`` does not: a value inside a pattern, or a whole pattern.

    A version that has nothing at the path fits too; ``{"rows": present}`` beside it leaves those out.
    """
    return Negated(item)


def _bound(value: Any) -> Scalar:
    value = _plain(value)
    if isinstance(value, str):
        found = parse_iso(value)
        return value if found is None else _plain(found)
    if isinstance(value, bool) or not isinstance(value, int | float | dt.date):
        raise QueryError(
            f"{value!r} is no bound of a range.", hint="at_least(1000)    # a number, date or text"
        )
    return value


def _plain(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as plain JSON, or as a date, a time in UTC or one without a zone."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, dt.datetime):
        return _utc(value)
    if isinstance(value, dt.date):
        return dt.date(value.year, value.month, value.day)
    if isinstance(value, float) and not math.isfinite(value):
        raise QueryError(
            f"{value!r} is in no metadata, and nothing is compared to it.", hint="at_least(1000)"
        )
    if isinstance(value, str):
        return _unicode(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, PurePath):
        return value.as_posix()
    return _plain_nested(value, depth)


def _plain_nested(value: Any, depth: int) -> Any:
    if depth > MAX_METADATA_DEPTH:
        raise QueryError(f"Metadata is nested at most {MAX_METADATA_DEPTH} levels deep.", hint=_EXAMPLE)
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {_unicode(_path(key)): _plain(item, depth + 1) for key, item in value.items()}
    raise QueryError(f"A search cannot compare with {value!r} ({type(value).__name__}).", hint=_EXAMPLE)


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(
            f"{text!r} is not valid Unicode, so nothing can be equal to it.", hint=_EXAMPLE
        ) from error
    return str(text)


def _utc(when: dt.datetime) -> dt.datetime:
    try:
        plain = dt.datetime(*when.timetuple()[:6], when.microsecond)
        offset = when.utcoffset()
        return plain if offset is None else (plain - offset).replace(tzinfo=dt.UTC)
    except (OverflowError, ValueError, TypeError) as error:
        raise QueryError(f"{when!r} is not a time.", hint='at_least("2024-01-31T10:00")') from error


# The one builder ------------------------------------------------------------------------------------


def pattern_condition(pattern: Any) -> Condition:
    """Return the condition that a whole pattern means.

    Examples
    --------
    >>> pattern_condition({"origin": "you*", "model": {"kind": "lgbm"}})
    And(parts=(Where(path='origin', spec='you*'), Where(path='model.kind', spec=exactly('lgbm'))))
    """
    if isinstance(pattern, Condition):
        return pattern
    if isinstance(pattern, Mapping):
        return all_of([where(_path(key), value) for key, value in pattern.items()])
    if isinstance(pattern, str):
        from jsk_saver.index.line import line_condition  # the line is built on this module

        return line_condition(pattern)
    if isinstance(pattern, AnyOf | list | tuple) and len(_items(pattern)):
        return one_of([pattern_condition(item) for item in _items(pattern)])
    if isinstance(pattern, Negated):
        return Not(pattern_condition(pattern.item))
    raise QueryError(f"A search pattern is a dictionary or a line of text, not {pattern!r}.", hint=_EXAMPLE)


def where(path: str, value: Any) -> Condition:
    """Return the condition that what is at ``path`` is as ``value`` says.

    This is the one place that gives a meaning to values: the dictionary form and the line of text both
    end here.

    Examples
    --------
    >>> where("commit", "4f2a")
    Where(path='commit', spec='4f2a*')
    """
    if isinstance(value, Spec):
        return Where(path, value)
    if isinstance(value, Absent):
        return Not(Where(path, present))
    if isinstance(value, Negated):
        return Not(where(path, value.item))
    if isinstance(value, Mapping):
        if not value:
            raise QueryError(f"Nothing is asked of {path!r}.", hint=f'{{"{path}": present}} or exactly({{}})')
        return all_of([where(f"{path}.{_path(key)}", item) for key, item in value.items()])
    if isinstance(value, AnyOf | list | tuple | set | frozenset):
        if not value and not isinstance(value, AnyOf):
            raise QueryError(f"No value of {path!r} is one of none.", hint=f'{{"{path}": ["a", "b"]}}')
        return one_of([where(path, item) for item in _items(value)])
    return _where_plain(path, value)


def _where_plain(path: str, value: Any) -> Condition:
    if isinstance(value, re.Pattern):
        if not isinstance(value.pattern, str):
            raise QueryError(
                f"{value!r} looks for bytes, and metadata is text.", hint='re.compile("youtube")'
            )
        return Where(path, Regex(value))
    value = _plain(value)
    if path == "@name" and isinstance(value, dt.date):
        value = value.isoformat()  # a file may be called so
    if not isinstance(value, str):
        return _where_dirty(path, value) if isinstance(value, bool) else Where(path, Equal(value))
    if "*" in value:
        return Where(path, Glob(value))
    field = split_path(path)[1][-1]
    moment = None if path == "@name" else parse_iso(value)
    if moment is not None:
        return Where(path, Equal(_plain(moment)))
    if field == "commit" and value:  # people know commits by their first digits
        return Where(path, Glob(value + "*"))
    if field == "notebook" and value:  # and notebooks by their name, wherever they lie
        return Or((Where(path, Equal(value)), Where(path, Glob("*/" + value))))
    return Where(path, Equal(value))


def _where_dirty(path: str, value: bool) -> Condition:
    """``dirty`` is a digest of what was not committed, and there is none in a clean working tree."""
    if path in ("@dirty", "lineage.dirty", "@lineage.dirty"):
        return Where(path, present) if value else Not(Where(path, present))
    if path == "dirty":  # the metadata may say it as well
        noted = Where("@dirty", present) if value else Not(Where(path, present))
        return Or((Where(path, Equal(value)), noted))
    return Where(path, Equal(value))


def _items(several: Any) -> list[Any]:
    if isinstance(several, AnyOf):
        return list(several.items)
    return sorted(several, key=repr) if isinstance(several, set | frozenset) else list(several)


def _path(key: Any) -> str:
    if not isinstance(key, str):
        raise QueryError(f"{key!r} is no path: metadata has text keys only.", hint=f'"{key}"')
    return _unicode(key)
