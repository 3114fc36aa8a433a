"""Sorting by a path: the first records in order, without looking at the others.

Numbers (and times of saving) come first, then text, then versions that have neither; within each in the
order asked for, and equal ones newest first. Of a list the smallest counts, or the largest when descending.
Texts are compared by what the index keeps of them, their first 64 characters.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import groupby

from jsk_saver.index.bits import ascending, descending
from jsk_saver.index.paths import look_up, stored_paths, unlisted
from jsk_saver.index.segment import NUMBER, PRESENT, TIME, Segment, text_term
from jsk_saver.record import Record

#: Up to so many records are looked into one by one.
_FEW = 1_000

Place = tuple[Segment, int]
Fits = list[tuple[Segment, int]]


class Sorting:
    """An order of records by what is at a path.

    Parameters
    ----------
    sort
        The path, with a minus before it for descending.
    need
        How many records are wanted.
    """

    def __init__(self, sort: str, need: float) -> None:
        self.descending = sort.startswith("-")
        self.path = sort.removeprefix("-")
        self.paths = stored_paths(self.path)
        self.need = need

    def first(self, fits: Fits) -> list[Place]:
        """Return the first of the records in ``fits``, in order."""
        found: list[Place] = []
        rest = fits
        for stage in (self._numbers, self._texts, self._others):
            if len(found) >= self.need:
                break
            places, rest = stage(rest, self.need - len(found))
            found += places
        return found

    # Numbers ----------------------------------------------------------------------------------------

    def _numbers(self, fits: Fits, need: float) -> tuple[list[Place], Fits]:
        best = _Best(need)
        rest = []
        for segment, members in fits:
            left = members
            for path, here in self._places(segment, members):
                kind = TIME if path == "r:created" else NUMBER
                left &= ~self._from_columns(segment, path, kind, here, best)
            rest.append((segment, left))
        return best.places(), rest

    def _from_columns(self, segment: Segment, path: str, kind: int, members: int, best: _Best) -> int:
        """Offer the records whose number may be among the first; return all that have one."""
        columns = [column for column in segment.columns(path, kind) if len(column.numbers)]
        having = 0
        for column in columns:
            having |= column.have & members
        found: dict[int, float] = {}
        for column in columns:
            near = column.have & members
            if best.full:
                worst = -best.worst if self.descending else best.worst
                near &= column.within(worst, math.inf) if self.descending else column.within(-math.inf, worst)
            if best.need < near.bit_count():
                near = column.extreme(near, int(best.need), largest=self.descending)
            for position in descending(near):
                value = column.at(position)
                value = -value if self.descending else value
                found[position] = min(value, found.get(position, math.inf))
        for position, value in found.items():
            best.offer(value, segment, position)
        return having

    # Texts ------------------------------------------------------------------------------------------

    def _texts(self, fits: Fits, need: float) -> tuple[list[Place], Fits]:
        if sum(members.bit_count() for _, members in fits) <= _FEW:
            return self._texts_of_few(fits)
        streams = [
            self._stream(segment, path, here)
            for segment, members in fits
            for path, here in self._places(segment, members)
        ]
        found: list[Place] = []
        seen: dict[int, int] = {}
        merged = heapq.merge(*streams, key=lambda item: _Text(item[0], backwards=self.descending))
        for _, equal in groupby(merged, key=lambda item: item[0]):
            if len(found) >= need:
                break
            best = _Best(need - len(found))
            for _, segment, members in equal:
                new = members & ~seen.get(segment.number, 0)
                seen[segment.number] = seen.get(segment.number, 0) | members
                best.offer_newest(segment, new)
            found += best.places()
        return found, [(segment, members & ~seen.get(segment.number, 0)) for segment, members in fits]

    def _stream(self, segment: Segment, path: str, members: int) -> Iterator[tuple[str, Segment, int]]:
        if members:
            for text, having in segment.texts(path, backwards=self.descending):
                if having & members:
                    yield text, segment, having & members

    def _texts_of_few(self, fits: Fits) -> tuple[list[Place], Fits]:
        """Look into the records: quicker than reading all the texts of their segments."""
        keyed = []
        rest = []
        for segment, members in fits:
            for position in descending(members):
                texts = list(self._texts_in(segment.record(position)))
                if texts:
                    text = max(texts) if self.descending else min(texts)
                    keyed.append((text, segment.keys[position], segment.number, position, segment))
                    members ^= 1 << position
            rest.append((segment, members))
        keyed.sort(key=lambda item: item[1:4], reverse=True)
        keyed.sort(key=lambda item: item[0], reverse=self.descending)
        return [(segment, position) for _, _, _, position, segment in keyed], rest

    def _texts_in(self, record: Record) -> Iterator[str]:
        stored = self.paths[0] if len(self.paths) == 1 else ""
        for value in unlisted(look_up(record, self.path, first=True)):
            if isinstance(value, str):
                yield text_term(stored, value)

    # The others -------------------------------------------------------------------------------------

    def _others(self, fits: Fits, need: float) -> tuple[list[Place], Fits]:
        best = _Best(need)
        for segment, members in fits:
            best.offer_newest(segment, members)
        return best.places(), []

    def _places(self, segment: Segment, members: int) -> Iterator[tuple[str, int]]:
        """Yield the places that the path may mean, and for which of ``members`` it means that place."""
        paths = [path for path in self.paths if segment.has(path)]
        for path in paths:
            here = members & segment.term(path, PRESENT)
            members &= ~here
            yield path, here


def oldest(fits: Fits, need: float) -> list[Place]:
    """Return the first of the records in ``fits``, oldest first."""
    best = _Best(need)
    for segment, members in fits:
        keys = segment.keys
        positions = (
            ascending(members) if segment.ordered else iter(sorted(ascending(members), key=keys.__getitem__))
        )
        for position in positions:
            # Of equal keys the one that came first goes first, the other way round than elsewhere.
            if not best.offer(keys[position], segment, position):
                break
    return best.places()[::1]


class _Best:
    """The smallest so far, of equal ones the newest; never more than are needed."""

    def __init__(self, need: float) -> None:
        self.need = need
        self._heap: list[tuple[float, int, int, int, Segment]] = []

    @property
    def full(self) -> bool:
        """Whether there are as many as needed."""
        return len(self._heap) >= self.need

    @property
    def worst(self) -> float:
        """The largest value among them."""
        return -self._heap[0][0]

    def offer(self, value: float, segment: Segment, position: int) -> bool:
        """Take in a record if it is among the best; tell whether it is."""
        item = (-value, segment.keys[position], segment.number, position, segment)
        if not self.full:
            heapq.heappush(self._heap, item)
            return True
        if item[:4] <= self._heap[0][:4]:
            return False
        heapq.heapreplace(self._heap, item)
        return True

    def offer_newest(self, segment: Segment, members: int) -> None:
        """Take in the newest of equal records."""
        for taken, position in enumerate(segment.newest_first(members)):
            if taken >= self.need or not self.offer(0.0, segment, position):
                break

    def places(self) -> list[Place]:
        """Return them in order."""
        return [(item[4], item[3]) for item in sorted(self._heap, key=lambda item: item[:4], reverse=True)]


class _Text:
    """Makes texts comparable in either direction."""

    __slots__ = ("backwards", "text")

    def __init__(self, text: str, *, backwards: bool) -> None:
        self.text, self.backwards = text, backwards

    def __lt__(self, other: _Text) -> bool:
        return self.text > other.text if self.backwards else self.text < other.text
