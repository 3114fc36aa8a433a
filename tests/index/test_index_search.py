"""Whatever the condition, the index finds what the condition itself says, in the right order."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.index import NameState, Query, absent, at_least, between, query
from jsk_saver.index.conditions import And, matches
from jsk_saver.index.paths import look_up, unlisted
from jsk_saver.index.segment import text_term
from jsk_saver.index.sqlite import SqliteIndex
from jsk_saver.index.times import microseconds
from jsk_saver.record import Record
from tests.index.strategies import conditions, paths, records


def numbered(several: list[Record]) -> list[Record]:
    return [replace(record, version=f"v{number}") for number, record in enumerate(several)]


def filled(several: list[Record], tail: int) -> SqliteIndex:
    """Return an index that got some records by listings and the rest by puts, with tiny segments."""
    index = SqliteIndex(":memory:", segment=8, tail=tail)
    half = len(several) // 2
    names = sorted({record.name for record in several[:half]})
    states = []
    for name in names:
        mine = [record for record in several[:half] if record.name == name]
        states.append(NameState(name, [record.version for record in mine], False, mine))
    index.update(states)
    for record in several[half:]:
        index.append(record)
    return index


def newest_first(several: list[Record]) -> list[tuple[int, Record]]:
    """Return records with their keys, newest first, from the definition of that order."""
    keys: dict[str, int] = {}
    keyed = []
    for record in several:
        created = microseconds(record.created)
        key = max(created, keys[record.name] + 1) if record.name in keys else created
        keys[record.name] = key
        keyed.append((key, record))
    return sorted(keyed, key=lambda item: item[0], reverse=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(records(), max_size=24),
    st.lists(conditions, min_size=1, max_size=8),
    st.sampled_from([1, 3, 99]),
)
def test_a_search_finds_exactly_the_records_that_the_condition_fits(several, wanted, tail):
    several = numbered(several)
    index = filled(several, tail)
    for condition in wanted:
        expected = {record.version for record in several if matches(condition, record)}
        found = index.find(Query(condition, limit=None))
        assert {record.version for record in found} == expected
        assert index.count(Query(condition)) == len(expected)
        assert all(record in several for record in found)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(records(), max_size=24),
    conditions | st.just(And()),
    st.sampled_from([1, 3, 99]),
    st.integers(0, 5),
    st.integers(0, 9),
)
def test_pages_are_cut_from_the_whole_result_newest_first(several, condition, tail, offset, limit):
    several = numbered(several)
    index = filled(several, tail)
    everything = index.find(Query(condition, limit=None))
    keys = {record.version: key for key, record in newest_first(several)}
    assert all(keys[one.version] >= keys[next_.version] for one, next_ in pairwise(everything))
    page = index.find(Query(condition, limit=limit, offset=offset))
    assert [keys[record.version] for record in page] == [
        keys[record.version] for record in everything[offset : offset + limit]
    ]


def test_metadata_with_more_values_than_are_indexed_is_still_found(record):
    many = {f"key{number:05}": number for number in range(3_000)}
    several = [record("many.json", **many), record("few.json", key02999=2999), record("none.json")]
    index = filled(several, tail=1)
    for path, value, expected in [("key00001", 1, 1), ("key02999", 2999, 2), ("key02999", at_least(2999), 2)]:
        assert len(index.find(query({path: value}))) == expected
    assert [r.name for r in index.find(query({"key02999": absent}))] == ["none.json"]
    assert [r.name for r in index.find(query({"key02998": 2998, "name": "m*"}))] == ["many.json"]


def test_long_lists_of_numbers_are_searched_too(record):
    several = [record(f"{number}.json", curve=[number + step for step in range(50)]) for number in range(9)]
    index = filled(several, tail=1)
    assert [r.name for r in index.find(query({"curve": 56}))] == ["8.json", "7.json"]
    assert len(index.find(query({"curve": between(40.5, 41.5)}))) == 9
    assert index.find(query({"curve": at_least(58)})) == []


def sort_value(record: Record, path: str, *, largest: bool) -> tuple[int, float | str]:
    """Return what a record is sorted by, from the definition of that order."""
    found = list(unlisted(look_up(record, path, first=True)))
    best = max if largest else min
    times = [float(microseconds(value)) for value in found if isinstance(value, dt.datetime)]
    numbers = [
        _float(value) for value in found if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    texts = [text_term("", value) for value in found if isinstance(value, str)]
    if times or numbers:
        return 0, best(times or numbers)
    return (1, best(texts)) if texts else (2, 0)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@settings(max_examples=40, deadline=None)
@given(
    st.lists(records(), max_size=24),
    paths.filter(lambda path: path and not {"version", "digest", "created"} & {path, path[1:]}),
    st.booleans(),
    st.sampled_from([1, 3, 99]),
    st.sampled_from([1, 4, None]),
)
def test_sorting_by_a_path_puts_numbers_first_then_text_then_the_others(several, path, largest, tail, limit):
    several = [replace(r, metadata={**r.metadata, "many": list(range(6))}) for r in numbered(several)]
    index = filled(several, tail)
    found = index.find(Query(sort=("-" if largest else "") + path, limit=limit))
    order = [record for _, record in newest_first(several)]
    kinds: dict[int, list[Record]] = {0: [], 1: [], 2: []}
    for record in order:
        kinds[sort_value(record, path, largest=largest)[0]].append(record)
    expected: list[tuple[int, float | str]] = []
    for kind in (0, 1, 2):
        expected += sorted(
            (sort_value(record, path, largest=largest) for record in kinds[kind]), reverse=largest
        )
    assert [sort_value(record, path, largest=largest) for record in found] == expected[:limit]
    assert len({record.version for record in found}) == len(found)
