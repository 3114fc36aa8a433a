"""Answering a query: which records fit, and the first of them in the order asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jsk_saver.index.bits import descending, lower, top, value_at
from jsk_saver.index.conditions import And, Condition, all_of
from jsk_saver.index.evaluate import arrange, evaluate
from jsk_saver.index.query import Query
from jsk_saver.index.ranking import Ranking, phrases_of
from jsk_saver.index.segment import Bounds, Draft, Segment
from jsk_saver.index.sorting import Place, Sorting, oldest
from jsk_saver.index.view import View
from jsk_saver.record import Record

#: By the time of saving means in the order of the store, like newest first; see Index.
_NEWEST_FIRST = ("-created", "-@created")
_OLDEST_FIRST = ("created", "@created")
#: Records that were looked into are kept for the result, up to so many.
_KEPT = 10_000


class Search:
    """One query on one state of the index.

    Parameters
    ----------
    view
        The state.
    query
        What to find.
    """

    def __init__(self, view: View, query: Query) -> None:
        self._view, self._query = view, query
        phrases = phrases_of(query.text or "")
        self._condition: Condition = arrange(all_of([query.everything, *phrases]))
        self._need = math.inf if query.limit is None else query.offset + query.limit
        self._records: dict[Place, Record] = {}

    def find(self) -> list[Record]:
        """Return the records, as many as wanted."""
        places = self._places()[self._query.offset :]
        if self._query.limit is not None:
            places = places[: self._query.limit]
        return [self._record(place) for place in places]

    def count(self) -> int:
        """Return how many records fit, whatever the limit."""
        segments = self._view.segments()
        if self._query.text is None:
            return sum(self._surely(segment, self._asked(segment)).bit_count() for segment in segments)
        ranking = Ranking(self._view, self._query.text)
        for every in (True, False):
            count = sum(fits.bit_count() for _, fits in self._with_words(ranking, every=every))
            if count:
                return count
        return 0

    def _places(self) -> list[Place]:
        query, segments = self._query, self._view.segments()
        if self._need <= query.offset:
            return []
        if query.text is not None:
            ranking = Ranking(self._view, query.text)
            found = self._ranked(ranking, every=True)
            return found or (self._ranked(ranking, every=False) if len(ranking.terms) > 1 else [])
        if query.sort is None or query.sort in _NEWEST_FIRST:
            return self._newest([(segment, self._asked(segment)) for segment in segments])
        return self._sorted([(segment, self._surely(segment, self._asked(segment))) for segment in segments])

    def _ranked(self, ranking: Ranking, *, every: bool) -> list[Place]:
        if self._query.sort is None:
            return self._best(ranking, every=every)
        fits = self._with_words(ranking, every=every)
        if self._query.sort in _NEWEST_FIRST:
            return self._newest(fits)
        return self._sorted(fits)

    def _with_words(self, ranking: Ranking, *, every: bool) -> list[tuple[Segment, int]]:
        fits = []
        for segment in self._view.segments():
            members, _ = ranking.score(segment.number, self._asked(segment), every=every)
            fits.append((segment, self._surely(segment, members)))
        return fits

    def _sorted(self, fits: list[tuple[Segment, int]]) -> list[Place]:
        fits, sort = [fit for fit in fits if fit[1]], self._query.sort or ""
        return oldest(fits, self._need) if sort in _OLDEST_FIRST else Sorting(sort, self._need).first(fits)

    # What fits --------------------------------------------------------------------------------------

    def _asked(self, segment: Segment) -> int:
        """Return which records of a segment are asked for at all."""
        asked = segment.live
        if not self._query.hidden:
            asked &= ~segment.hidden
        return asked & segment.latest if self._query.latest else asked

    def _fits(self, segment: Segment, among: int) -> Bounds:
        """Return which of some records of a segment fit for sure, and which may."""
        if not among or self._condition == And():
            return among, among
        sure, possible = evaluate(self._condition, segment, among)
        return sure & among, possible & among

    def _surely(self, segment: Segment, among: int) -> int:
        """Return which of some records of a segment fit, after a look into those that may."""
        sure, possible = self._fits(segment, among)
        for position in segment.newest_first(possible & ~sure):
            if self._look_into((segment, position)):
                sure |= 1 << position
        return sure

    def _look_into(self, place: Place) -> bool:
        record = place[0].record(place[1])
        fits = self._condition.matches(record)
        if fits and len(self._records) < _KEPT:
            self._records[place] = record
        return fits

    def _record(self, place: Place) -> Record:
        """Return a record that the caller may change; the others wait in memory for the next search."""
        record = self._records.get(place) or place[0].record(place[1])
        return record.copied() if isinstance(place[0], Draft) else record

    # Orders -----------------------------------------------------------------------------------------

    def _newest(self, asked: list[tuple[Segment, int]]) -> list[Place]:
        """Return the first places by key; segments come with the newest first, so most are never asked."""
        found: list[tuple[int, int, int, Segment]] = []
        for segment, members in asked:
            if len(found) >= self._need:
                if segment.newest < found[-1][0]:
                    break
                members &= segment.since(found[-1][0])
            sure, possible = self._fits(segment, members)
            if not possible:
                continue
            taken, keys = 0, segment.keys
            for position in segment.newest_first(possible):
                if taken == self._need:
                    break
                if sure >> position & 1 or self._look_into((segment, position)):
                    found.append((keys[position], segment.number, position, segment))
                    taken += 1
            found.sort(reverse=True)
            del found[int(min(self._need, len(found))) :]
        return [(segment, position) for _, _, position, segment in found]

    def _best(self, ranking: Ranking, *, every: bool) -> list[Place]:
        """Return the first places by score, of equal ones the newest first."""
        found: list[tuple[int, int, int, int, Segment]] = []
        for segment in self._view.segments():
            members, slices = ranking.score(segment.number, self._asked(segment), every=every)
            floor = found[-1][:2] if len(found) >= self._need else (0, 0)
            sure, members = self._fits(segment, _above(floor, segment, members, slices))
            if members:
                for position in self._top(segment, members, sure, slices):
                    score = value_at(slices, position)
                    found.append((score, segment.keys[position], segment.number, position, segment))
                found.sort(reverse=True)
                del found[int(min(self._need, len(found))) :]
        return [(segment, position) for _, _, _, position, segment in found]

    def _top(self, segment: Segment, members: int, sure: int, slices: list[int]) -> Iterator[int]:
        """Return the best of ``members``, after a look into those that are not sure to fit."""
        while True:
            best = top(slices, members, int(min(self._need, members.bit_count())))
            wrong = 0
            for position in segment.newest_first(best & ~sure):
                if self._look_into((segment, position)):
                    sure |= 1 << position
                else:
                    wrong |= 1 << position
            if not wrong:
                return descending(best)
            members &= ~wrong


def _above(floor: tuple[int, int], segment: Segment, members: int, slices: list[int]) -> int:
    """Return which of ``members`` have a higher score than ``floor`` says, or the same and are newer."""
    score, key = floor
    better = members & ~lower(slices, members, score + 1)
    if segment.newest >= key:
        better |= members & segment.since(key) & ~lower(slices, members, score)
    return better
