"""Conditions: what a version must be like to be found.

A *spec* says what one value must be (:class:`Equal`, :class:`Glob`, :class:`Regex`, :class:`Range`,
:class:`Present`); a *condition* says what a record must be (:class:`Where`, :class:`Words`, :class:`And`,
:class:`Or`, :class:`Not`). ``condition.matches(record)`` is the plain meaning of each; the index gives the
same answers faster, and its tests compare the two.

Where a path leads to a list, one fitting element is enough: ``{"tags": "draft"}`` fits the metadata
``{"tags": ["draft", "old"]}``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property
from typing import Any, Literal

from jsk_saver.errors import QueryError
from jsk_saver.index.paths import look_up
from jsk_saver.index.times import instant, local_span, parse_iso, span
from jsk_saver.index.tokens import phrase_words, record_phrases, record_words
from jsk_saver.record import Record

Scalar = str | int | float | bool | dt.date | dt.datetime
Kind = Literal["number", "time", "text"]


# What a value must be -------------------------------------------------------------------------------


class Spec:
    """What the value at a path must be."""

    def accepts(self, value: Any) -> bool:
        """Tell whether one value is so."""
        raise NotImplementedError


@dataclass(frozen=True)
class Equal(Spec):
    """Exactly this value.

    Numbers are equal by value (1 and 1.0), a boolean is never a number, and None is the JSON null. A
    date fits every time on that day: in ISO text the day in UTC, as ``created`` the local day.
    """

    value: Any

    def accepts(self, value: Any) -> bool:  # noqa: D102
        wanted = self.value
        if isinstance(value, dt.datetime) and isinstance(wanted, str):
            wanted = parse_iso(wanted)
        if isinstance(wanted, dt.date):
            start, end = (local_span if isinstance(value, dt.datetime) else span)(wanted)
            moment = instant(value)
            return moment is not None and start <= moment < end
        return same(wanted, value)

    def __repr__(self) -> str:
        return f"exactly({self.value!r})"


@dataclass(frozen=True)
class Glob(Spec):
    """Text of this shape: ``*`` is any characters, all else is itself. Case counts."""

    pattern: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The same as a regular expression."""
        # The standard library's translation does not slow down with many stars.
        return re.compile(translate(re.sub(r"[?\[]", r"[\g<0>]", self.pattern)))

    @cached_property
    def prefix(self) -> str:
        """The literal text that it starts with."""
        return self.pattern.partition("*")[0]

    def accepts(self, value: Any) -> bool:  # noqa: D102
        return isinstance(value, str) and self.regex.match(value) is not None

    def __repr__(self) -> str:
        return repr(self.pattern)


@dataclass(frozen=True)
class Regex(Spec):
    """Text in which this regular expression is found, anywhere (``re.search``)."""

    regex: re.Pattern[str]

    def accepts(self, value: Any) -> bool:  # noqa: D102
        return isinstance(value, str) and self.regex.search(value) is not None

    def __repr__(self) -> str:
        return repr(self.regex)


@dataclass(frozen=True)
class Range(Spec):
    """From one bound to the other: numbers, times (dates are whole days) or text in Unicode order.

    Parameters
    ----------
    low, high
        The bounds, or None where it is open.
    above, below
        Whether ``low`` and ``high`` themselves are left out.
    """

    low: Scalar | None = None
    high: Scalar | None = None
    above: bool = False
    below: bool = False

    @cached_property
    def kind(self) -> Kind:
        """What is compared."""
        bound = self.low if self.low is not None else self.high
        if isinstance(bound, dt.date):
            return "time"
        return "text" if isinstance(bound, str) else "number"

    @cached_property
    def moments(self) -> tuple[int | None, int | None]:
        """The microseconds of a range of times: from the first to before the second."""
        return self._moments(span)

    @cached_property
    def local_moments(self) -> tuple[int | None, int | None]:
        """The same for when versions were saved: times without a zone are local."""
        return self._moments(local_span)

    def _moments(self, covered: Callable[[dt.date], tuple[int, int]]) -> tuple[int | None, int | None]:
        low = covered(self.low)[self.above] if isinstance(self.low, dt.date) else None
        high = covered(self.high)[not self.below] if isinstance(self.high, dt.date) else None
        return low, high

    def accepts(self, value: Any) -> bool:  # noqa: D102
        if self.kind == "time":
            start, end = self.local_moments if isinstance(value, dt.datetime) else self.moments
            moment = instant(value)
            return moment is not None and (start is None or start <= moment) and (end is None or moment < end)
        wanted = str if self.kind == "text" else int | float
        if isinstance(value, bool) or not isinstance(value, wanted):
            return False
        return self._above_low(value) and self._below_high(value)

    def _above_low(self, value: Any) -> bool:
        return self.low is None or (value > self.low if self.above else value >= self.low)

    def _below_high(self, value: Any) -> bool:
        return self.high is None or (value < self.high if self.below else value <= self.high)

    def __repr__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"between({self.low!r}, {self.high!r})"
        if self.low is not None:
            return f"{'more_than' if self.above else 'at_least'}({self.low!r})"
        return f"{'less_than' if self.below else 'at_most'}({self.high!r})"


@dataclass(frozen=True)
class Present(Spec):
    """Anything, as long as the path is there; also null, an empty list or a dictionary."""

    def accepts(self, value: Any) -> bool:  # noqa: ARG002, D102
        return True

    def __repr__(self) -> str:
        return "present"


def same(wanted: Any, value: Any) -> bool:
    """Tell whether two JSON values are equal, where a boolean is no number.

    Examples
    --------
    >>> same(1, 1.0), same(1, True), same([1, {"a": None}], [1, {"a": None}])
    (True, False, True)
    """
    if isinstance(wanted, list) and isinstance(value, list):
        return len(wanted) == len(value) and all(map(same, wanted, value))
    if isinstance(wanted, dict) and isinstance(value, dict):
        return wanted.keys() == value.keys() and all(same(wanted[key], value[key]) for key in wanted)
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    return bool(wanted == value)


def _each(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        if isinstance(node, list):
            yield from _each(node)


# What a record must be ------------------------------------------------------------------------------


class Condition:
    """What a record must be."""

    def matches(self, record: Record) -> bool:
        """Tell whether ``record`` is so."""
        raise NotImplementedError


@dataclass(frozen=True)
class Where(Condition):
    """What is at ``path`` must be as ``spec`` says (one of the elements, where it is a list)."""

    path: str
    spec: Spec

    def matches(self, record: Record) -> bool:  # noqa: D102
        return any(self.spec.accepts(value) for value in _each(look_up(record, self.path)))


@dataclass(frozen=True)
class Words(Condition):
    """All of these words occur, in the name or anywhere else; spelled so, but in any case and number.

    Parameters
    ----------
    text
        The words.
    phrase
        Whether they stand next to each other, in this order.
    """

    text: str
    phrase: bool = False
    words: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = phrase_words(self.text)
        if not words:
            raise QueryError(f"There is no word in {self.text!r}.", hint='text="youtube channels"')
        object.__setattr__(self, "words", words)

    def matches(self, record: Record) -> bool:  # noqa: D102
        if self.phrase and len(self.words) > 1:
            return any(_contains(there, self.words) for there in record_phrases(record))
        names, others = record_words(record)
        return all(word in names or word in others for word in self.words)


def _contains(there: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return any(there[i : i + len(words)] == words for i in range(len(there) - len(words) + 1))


@dataclass(frozen=True)
class And(Condition):
    """All of these; everything, where there are none."""

    parts: tuple[Condition, ...] = ()

    def matches(self, record: Record) -> bool:  # noqa: D102
        return all(part.matches(record) for part in self.parts)


@dataclass(frozen=True)
class Or(Condition):
    """At least one of these."""

    parts: tuple[Condition, ...]

    def matches(self, record: Record) -> bool:  # noqa: D102
        return any(part.matches(record) for part in self.parts)


@dataclass(frozen=True)
class Not(Condition):
    """Not this; also where the path is not there at all."""

    part: Condition

    def matches(self, record: Record) -> bool:  # noqa: D102
        return not self.part.matches(record)


def all_of(parts: Iterator[Condition] | list[Condition]) -> Condition:
    """Return the condition that all of ``parts`` hold, without needless nesting."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def one_of(parts: Iterator[Condition] | list[Condition]) -> Condition:
    """Return the condition that one of ``parts`` holds, without needless nesting or repetition."""
    flat: list[Condition] = []
    for part in parts:
        for inner in part.parts if isinstance(part, Or) else (part,):
            if inner not in flat:
                flat.append(inner)
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def matches(condition: Condition, record: Record) -> bool:
    """Tell whether ``record`` is as ``condition`` says.

    Examples
    --------
    >>> from jsk_saver.record import now
    >>> record = Record("a.csv", "1", "csv", "", 9, "", now(), {"origin": "youtube"}, {}, {"rows": 1500})
    >>> matches(And((Where("origin", Glob("you*")), Where("rows", Range(low=1000)))), record)
    True
    """
    return condition.matches(record)
