"""A segment: a few thousand records, cut up so that any condition on them is a few operations on bits.

For each path it keeps which records have which value (*terms*), numbers and times as sorted
:class:`~jsk_saver.index.bits.Column`, and which records have which word. :class:`Draft` is a segment in
memory; the newest records are searched there until they are enough to be written.
"""

from __future__ import annotations

import datetime as dt
import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from jsk_saver.index.bits import Column, Numbers, descending, pack
from jsk_saver.index.paths import FACTS, FIELD, FIELDS, LINEAGE, METADATA, flatten
from jsk_saver.index.times import instant, microseconds
from jsk_saver.index.tokens import MAX_TEXTS, index_words, other_texts
from jsk_saver.record import Record

#: A value that is no number: text, or one of the codes below.
Term = str | int
FALSE, TRUE, NULL, PRESENT = range(4)
#: Kinds of columns.
NUMBER, TIME = range(2)

#: Longer texts are cut in the index; whether they really fit is then looked up in the record.
MAX_TEXT = 64
#: Identifiers that differ early need less.
_SHORTER = {"r:version": 16, "r:digest": 16}
_CUT = "\uffff"
#: Of one record at most this many values are indexed; searches look the others up in the record.
MAX_VALUES = 2_000
#: Of a list of numbers this many are in columns; whether others fit is looked up in the record.
MAX_LAYERS = 4

Bounds = tuple[int, int]


def longest_text(path: str) -> int:
    """Return how many characters of a text at ``path`` the index keeps."""
    return _SHORTER.get(path, MAX_TEXT)


def text_term(path: str, text: str) -> str:
    """Return the term of ``text``: the text itself, or its beginning with a mark that it was cut."""
    limit = longest_text(path)
    if len(text) >= limit:
        text = text[:limit] + _CUT
    return text if is_unicode(text) else text.encode("utf-8", "replace").decode()[:limit] + _CUT


def is_unicode(text: str) -> bool:
    """Tell whether a database can keep ``text``: other software may have written half a character."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_cut(term: str) -> bool:
    """Tell whether ``term`` is only the beginning of a text."""
    return term.endswith(_CUT)


class Segment(ABC):
    """What conditions are evaluated on. A position counts from the oldest record of the segment."""

    #: Number in the index; higher is later.
    number: int
    #: How many positions there are.
    size: int
    #: Which records have more values than are indexed.
    overflow: int
    #: Which records are still in the store, belong to deleted names, are the newest of their name.
    live: int
    hidden: int
    latest: int
    #: Whether positions are in the order of ``keys``.
    ordered: bool
    #: An upper bound of ``keys``.
    newest: int

    @property
    def everything(self) -> int:
        """All positions."""
        return (1 << self.size) - 1

    @property
    @abstractmethod
    def keys(self) -> Sequence[int]:
        """What "newest first" sorts by, for each position."""

    @abstractmethod
    def record(self, position: int) -> Record:
        """Return the record at ``position``."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Tell whether any record may have the path."""

    @abstractmethod
    def term(self, path: str, term: Term) -> int:
        """Return which records have the term at the path."""

    @abstractmethod
    def texts(
        self, path: str, low: str = "", high: str | None = None, part: str = "", *, backwards: bool = False
    ) -> Iterator[tuple[str, int]]:
        """Yield texts with who has them, sorted: from ``low`` to below ``high``, with ``part`` or cut."""

    @abstractmethod
    def columns(self, path: str, kind: int, low: float = -math.inf, high: float = math.inf) -> list[Column]:
        """Return the columns of the path that hold numbers from ``low`` to ``high``.

        A column without ``numbers`` says who has more numbers than fit in columns.
        """

    @abstractmethod
    def word(self, word: str) -> tuple[int, int]:
        """Return which records have the word in their name, and which elsewhere."""

    def since(self, key: int) -> int:
        """Return which records have ``key`` or a later one."""
        if self.ordered:
            first = bisect_left(self.keys, key)
            return self.everything >> first << first
        return pack([position for position, own in enumerate(self.keys) if own >= key], self.size)

    def newest_first(self, bits: int) -> Iterator[int]:
        """Yield the positions in ``bits``, newest first."""
        if self.ordered:
            return descending(bits)
        keys = self.keys
        return iter(sorted(descending(bits), key=lambda position: (keys[position], position), reverse=True))


class Draft(Segment):
    """A segment in memory, to which records can be added."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.size = self.overflow = self.live = self.hidden = self.latest = 0
        self.ordered, self.newest = False, 0
        self.records: list[Record] = []
        self.terms: dict[str, dict[Term, list[int]]] = {}
        self.layers: dict[tuple[str, int], list[list[tuple[float, int]]]] = {}
        self.words: dict[str, tuple[list[int], list[int]]] = {}
        self._keys: list[int] = []
        self._known_texts: tuple[dict[str, list[list[int]]], ...] = ({}, {})
        self._columns: dict[tuple[str, int], tuple[int, list[tuple[float, float, Column]]]] = {}

    # Adding -----------------------------------------------------------------------------------------

    def add(self, record: Record, key: int = 0) -> int:
        """Add a record at the next position, and return that."""
        position = self.size
        self.size += 1
        self.records.append(record)
        self._keys.append(key)
        self.newest = max(self.newest, key)
        self._add_values(_values(record), position)
        for names in self._postings(record.name, 0):
            if not names or names[-1] != position:
                names.append(position)
        for text in islice(other_texts(record), MAX_TEXTS):
            for others in self._postings(text, 1):
                if not others or others[-1] != position:
                    others.append(position)
        return position

    def _postings(self, text: str, where: int) -> list[list[int]]:
        """Return the lists of who has each word of ``text``; the same texts come again and again."""
        found = self._known_texts[where].get(text)
        if found is None:
            found = [self.words.setdefault(word, ([], []))[where] for word in index_words(text)]
            self._known_texts[where][text] = found
        return found

    def _add_values(self, values: dict[str, list[Any]], position: int) -> None:
        room, known = MAX_VALUES, self.terms
        for path, here in values.items():
            room -= 1 + len(here)
            if room < 0:
                self.overflow |= 1 << position
                return
            terms = known.get(path)
            if terms is None:
                if not is_unicode(path):
                    self.overflow |= 1 << position
                    continue
                terms = known[path] = {PRESENT: []}
            terms[PRESENT].append(position)
            if len(here) == 1:
                self._add_value(path, terms, here[0], position)
            elif here:
                self._add_list(path, terms, here, position)

    def _add_value(self, path: str, terms: dict[Term, list[int]], value: Any, position: int) -> None:
        if isinstance(value, str):
            positions = terms.get(value)
            if positions is None:
                positions = terms.setdefault(text_term(path, value), [])
            positions.append(position)
            if value[4:5] == "-" and (moment := instant(value)) is not None:
                self._add_numbers(path, TIME, (float(moment),), position)
        elif value is None or isinstance(value, bool):
            terms.setdefault(NULL if value is None else int(value), []).append(position)
        elif isinstance(value, dt.datetime):
            self._add_numbers(path, TIME, (float(microseconds(value)),), position)
        elif value == value:  # not NaN, which no condition fits
            self._add_numbers(path, NUMBER, (as_float(value),), position)

    def _add_list(self, path: str, terms: dict[Term, list[int]], values: list[Any], position: int) -> None:
        for value in values:
            if isinstance(value, str):
                _add_once(terms.setdefault(text_term(path, value), []), position)
            elif value is None or isinstance(value, bool):
                _add_once(terms.setdefault(NULL if value is None else int(value), []), position)
        moments = {float(moment) for value in values if (moment := instant(value)) is not None}
        numbers = {
            as_float(value)
            for value in values
            if isinstance(value, int | float) and not isinstance(value, bool) and value == value
        }
        for kind, found in ((TIME, moments), (NUMBER, numbers)):
            if found:
                self._add_numbers(path, kind, sorted(found), position)

    def _add_numbers(self, path: str, kind: int, numbers: Sequence[float], position: int) -> None:
        layers = self.layers.setdefault((path, kind), [])
        for count, number in enumerate(numbers):
            layer = min(count, MAX_LAYERS)
            while len(layers) <= layer:
                layers.append([])
            layers[layer].append((number, position))

    # Asking -----------------------------------------------------------------------------------------

    @property
    def keys(self) -> Sequence[int]:  # noqa: D102
        return self._keys

    def rekey(self, position: int, key: int) -> None:
        """Change what "newest first" sorts a record by."""
        self._keys[position] = key
        self.newest = max(self.newest, key)

    def record(self, position: int) -> Record:  # noqa: D102
        return self.records[position]

    def has(self, path: str) -> bool:  # noqa: D102
        return path in self.terms

    def term(self, path: str, term: Term) -> int:  # noqa: D102
        return pack(self.terms.get(path, {}).get(term, ()), self.size)

    def texts(  # noqa: D102
        self, path: str, low: str = "", high: str | None = None, part: str = "", *, backwards: bool = False
    ) -> Iterator[tuple[str, int]]:
        terms = self.terms.get(path, {})
        found = [
            term
            for term in terms
            if isinstance(term, str)
            and low <= term
            and (high is None or term < high)
            and (part in term or is_cut(term))
        ]
        for term in sorted(found, reverse=backwards):
            yield term, pack(terms[term], self.size)

    def columns(  # noqa: D102
        self, path: str, kind: int, low: float = -math.inf, high: float = math.inf
    ) -> list[Column]:
        layers = self.layers.get((path, kind), [])
        count = sum(map(len, layers))
        known, built = self._columns.get((path, kind), (0, []))
        if known != count:
            built = list(self.built_columns(path, kind))
            self._columns[path, kind] = (count, built)
        return [column for lowest, highest, column in built if lowest <= high and highest >= low]

    def built_columns(self, path: str, kind: int) -> Iterator[tuple[float, float, Column]]:
        """Yield lowest number, highest number and column of each layer."""
        for layer, pairs in enumerate(self.layers.get((path, kind), [])):
            numbers = [number for number, _ in pairs]
            if layer < MAX_LAYERS:
                column = Column.of(pairs, self.size)
            else:
                column = Column(Numbers(()), pack(sorted({place for _, place in pairs}), self.size), ())
            yield min(numbers), max(numbers), column

    def word(self, word: str) -> tuple[int, int]:  # noqa: D102
        names, others = self.words.get(word, ((), ()))
        return pack(names, self.size), pack(others, self.size)


def _values(record: Record) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {f"{FIELD}:{name}": [getattr(record, name)] for name in FIELDS}
    flatten(record.lineage, LINEAGE + ":", found)
    flatten(record.facts, FACTS + ":", found)
    flatten(record.metadata, METADATA + ":", found)
    return found


def _add_once(positions: list[int], position: int) -> None:
    if not positions or positions[-1] != position:
        positions.append(position)


def as_float(number: float) -> float:
    """Return ``number`` as a float; whole numbers beyond all floats as infinity."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
