"""Conditions on segments: from a condition to the set of records that it fits.

What the index cannot decide (texts that were cut, phrases, numbers beyond 2**53) it narrows down: the
answer is a pair of sets, those records that fit for sure and those that may fit. The caller looks up the
difference in the records themselves.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

from jsk_saver.index.conditions import (
    And,
    Condition,
    Equal,
    Glob,
    Not,
    Or,
    Present,
    Range,
    Regex,
    Spec,
    Where,
    Words,
)
from jsk_saver.index.paths import anywhere, stored_paths
from jsk_saver.index.segment import (
    NULL,
    NUMBER,
    PRESENT,
    TIME,
    Bounds,
    Segment,
    as_float,
    is_cut,
    longest_text,
    text_term,
)
from jsk_saver.index.times import local_span, parse_iso, span

#: From here on not every whole number is a float.
_INEXACT = 2.0**53
_CREATED = "r:created"
_COSTS = {Equal: 0, Present: 0, Range: 1, Glob: 2, Regex: 3}


def arrange(condition: Condition) -> Condition:
    """Return the condition with cheap parts first, so that the others are often not looked at."""
    if isinstance(condition, And | Or):
        return type(condition)(tuple(sorted(map(arrange, condition.parts), key=_cost)))
    return Not(arrange(condition.part)) if isinstance(condition, Not) else condition


def _cost(condition: Condition) -> int:
    if isinstance(condition, Where):
        return _COSTS[type(condition.spec)]
    if isinstance(condition, And | Or):
        return 1 + max(map(_cost, condition.parts), default=0)
    return _cost(condition.part) if isinstance(condition, Not) else 1


def evaluate(condition: Condition, segment: Segment, among: int) -> Bounds:
    """Return which records of ``segment`` fit for sure, and which may fit.

    Only ``among`` matters: what is said of other records means nothing, and is not worth reading for.

    Examples
    --------
    >>> from jsk_saver.index.segment import Draft
    >>> from jsk_saver.record import Record, now
    >>> draft = Draft()
    >>> for rows in 10, 20, 30:
    ...     _ = draft.add(Record("a.csv", str(rows), "csv", "", 9, "", now(), {"rows": rows}))
    >>> evaluate(Where("rows", Range(low=20)), draft, among=0b111)
    (6, 6)
    """
    if isinstance(condition, Where):
        return _where(condition, segment, among)
    if isinstance(condition, And):
        return _and(condition.parts, segment, among)
    if isinstance(condition, Or):
        return _or(condition.parts, segment, among)
    if isinstance(condition, Not):
        sure, possible = evaluate(condition.part, segment, among)
        return among & ~possible, among & ~sure
    assert isinstance(condition, Words)
    return _words(condition, segment, among)


def _and(parts: Iterable[Condition], segment: Segment, among: int) -> Bounds:
    sure = possible = among
    for part in parts:
        if not possible:
            break
        more_sure, more_possible = evaluate(part, segment, possible)
        sure, possible = sure & more_sure, possible & more_possible
    return sure, possible


def _or(parts: Iterable[Condition], segment: Segment, among: int) -> Bounds:
    sure = possible = 0
    for part in parts:
        more_sure, more_possible = evaluate(part, segment, among & ~sure)
        sure, possible = sure | more_sure, possible | more_possible
    return sure, possible


def _words(condition: Words, segment: Segment, among: int) -> Bounds:
    found = among
    for word in condition.words:
        names, others = segment.word(word)
        found &= names | others
    return (0 if condition.phrase and len(condition.words) > 1 else found), found


def _where(condition: Where, segment: Segment, among: int) -> Bounds:
    sure, possible, rest = 0, segment.overflow & among, among
    paths = [path for path in stored_paths(condition.path) if segment.has(path)]
    union = anywhere(condition.path)
    for path in paths:
        if not rest:
            break
        here_sure, here_possible = _spec(condition.spec, path, segment)
        sure, possible = sure | here_sure & rest, possible | here_possible & rest
        if path is not paths[-1] and not union:
            rest &= ~segment.term(path, PRESENT)
    return sure & ~segment.overflow, possible


# What is at one path --------------------------------------------------------------------------------


def _spec(spec: Spec, path: str, segment: Segment) -> Bounds:
    if isinstance(spec, Equal):
        return _equal(spec.value, path, segment)
    if isinstance(spec, Range):
        return _range(spec, path, segment)
    if isinstance(spec, Glob):
        prefix = spec.prefix[: longest_text(path)]
        texts = segment.texts(path, prefix, _after(prefix), _longest_part(spec))
        return _accepted(spec, texts)
    if isinstance(spec, Regex):
        return _accepted(spec, segment.texts(path))
    found = segment.term(path, PRESENT)
    return found, found


def _equal(value: Any, path: str, segment: Segment) -> Bounds:
    if path == _CREATED and isinstance(value, str):
        value = parse_iso(value)
        if value is None:
            return 0, 0
    if isinstance(value, str):
        term = text_term(path, value)
        found = segment.term(path, term)
        return (0 if is_cut(term) else found), found
    if value is None or isinstance(value, bool):
        found = segment.term(path, NULL if value is None else int(value))
        return found, found
    if isinstance(value, dt.date):
        first, end = local_span(value) if path == _CREATED else span(value)
        return _within(segment, path, TIME, first, end, below=True)
    if isinstance(value, int | float):
        return _within(segment, path, NUMBER, value, value)
    return 0, segment.term(path, PRESENT)  # a list or dictionary


def _range(spec: Range, path: str, segment: Segment) -> Bounds:
    low: Any
    high: Any
    if spec.kind == "text":
        low, high = (str(bound or "")[: longest_text(path)] for bound in (spec.low, spec.high))
        # What starts with the upper bound may be the bound itself, cut.
        return _accepted(spec, segment.texts(path, low, _after(high)))
    if spec.kind == "time":
        low, high = spec.local_moments if path == _CREATED else spec.moments
        return _within(segment, path, TIME, low, high, below=True)
    low, high = spec.low, spec.high
    return _within(segment, path, NUMBER, low, high, above=spec.above, below=spec.below)


def _within(
    segment: Segment,
    path: str,
    kind: int,
    low: float | None,
    high: float | None,
    *,
    above: bool = False,
    below: bool = False,
) -> Bounds:
    lowest = -math.inf if low is None else as_float(low)
    highest = math.inf if high is None else as_float(high)
    exact = all(bound is None or abs(bound) < _INEXACT for bound in (low, high))
    if not exact:  # a neighbour may have been rounded on to the bound
        above = below = False
    found = unsure = 0
    for column in segment.columns(path, kind, lowest, highest):
        if not len(column.numbers):
            unsure |= column.have
        else:
            found |= column.within(
                lowest, highest, above=above and low is not None, below=below and high is not None
            )
    return (found if exact else 0), found | unsure


def _accepted(spec: Spec, texts: Iterable[tuple[str, int]]) -> Bounds:
    sure = unsure = 0
    for text, members in texts:
        if is_cut(text):
            unsure |= members
        elif spec.accepts(text):
            sure |= members
    return sure, sure | unsure


def _after(prefix: str) -> str | None:
    """Return the first text that comes after all that start with ``prefix``."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            following = 0xE000 if last == 0xD7FF else last + 1  # between them are no characters
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None


def _longest_part(spec: Glob) -> str:
    return max(spec.pattern.split("*"), key=len)
