"""The index says what the store says: order, deletion, restoration, versions that came or went."""

from __future__ import annotations

import datetime as dt

import pytest

from jsk_saver.index import NameState, Query, query
from jsk_saver.index.sqlite import SqliteIndex
from tests.index.conftest import START


@pytest.fixture(params=["tail", "segments"])
def index(request):
    """An index whose records are all outside of segments, and one whose records are all in segments."""
    return SqliteIndex(":memory:", segment=4, tail=1 if request.param == "segments" else 1000)


def found(index, *arguments, **keywords):
    return [record.version for record in index.find(query(*arguments, **keywords))]


def test_versions_of_a_name_are_in_the_order_of_the_store_whatever_the_clocks_said(index, record):
    hour = dt.timedelta(hours=1)
    times = [START + 3 * hour, START, START + 2 * hour, START + 4 * hour]
    records = [record("a.csv", f"v{number}", at=time) for number, time in enumerate(times)]
    index.update([NameState("a.csv", [r.version for r in records], False, records)])
    index.append(record("a.csv", "v4", at=START - hour))
    assert index.versions("a.csv") == ["v0", "v1", "v2", "v3", "v4"]
    assert found(index) == ["v4", "v3", "v2", "v1", "v0"]
    assert found(index, latest=True) == ["v4"]


def test_across_names_the_newest_come_first(index, record):
    for number in range(9):
        index.append(record(f"{number % 3}.csv", at=START + dt.timedelta(minutes=number * 7 % 9)))
    times = [r.created for r in index.find(Query())]
    assert len(times) == 9
    index.clear()
    several = [
        record(f"{number}.csv", at=START + dt.timedelta(minutes=number * 7 % 9)) for number in range(9)
    ]
    index.update([NameState(r.name, [r.version], False, [r]) for r in several])
    times = [r.created for r in index.find(Query())]
    assert times == sorted((r.created for r in several), reverse=True)
    assert [r.created for r in index.find(Query(sort="created"))] == sorted(times)


def test_a_listing_corrects_an_order_that_two_writers_made_wrong(index, record):
    first, second, third = (record("a.csv", version) for version in ("v1", "v2", "v3"))
    for one in (first, third, second):  # the second writer's version reached the store before the third's
        index.append(one)
    assert index.versions("a.csv") == ["v1", "v3", "v2"]
    index.update([NameState("a.csv", ["v1", "v2", "v3"])])
    assert index.versions("a.csv") == ["v1", "v2", "v3"]
    assert found(index) == ["v3", "v2", "v1"]
    assert found(index, latest=True) == ["v3"]


def test_a_version_between_two_that_are_known_takes_its_place(index, record):
    first, second, third = (record("a.csv", version) for version in ("v1", "v2", "v3"))
    index.update([NameState("a.csv", ["v1", "v3"], False, [first, third])])
    index.update([NameState("a.csv", ["v1", "v2", "v3"], False, [second])])
    assert index.versions("a.csv") == ["v1", "v2", "v3"]
    assert found(index, latest=True) == ["v3"]


def test_what_is_gone_from_the_store_is_gone_from_the_index(index, record):
    index.update([NameState("a.csv", ["v1", "v2"], False, [record("a.csv", "v1"), record("a.csv", "v2")])])
    index.update([NameState("b.csv", ["v3"], False, [record("b.csv", "v3")])])
    index.update([NameState("a.csv", ["v1"])])
    assert found(index, latest=True) == ["v3", "v1"]
    index.update([NameState("a.csv", [])])
    assert found(index) == ["v3"]
    assert index.names() == ["b.csv"]
    assert index.count() == 1


def test_a_version_whose_record_nobody_could_read_is_left_out(index, record):
    index.update([NameState("a.csv", ["v0", "v1", "v2"], False, [record("a.csv", "v1")])])
    assert index.versions("a.csv") == ["v1"]
    assert found(index, latest=True) == ["v1"]
    index.update([NameState("b.csv", ["v0"])])
    assert index.names() == ["a.csv"]


def test_a_deleted_name_is_found_only_when_asked_for(index, record):
    for version in ("v1", "v2"):
        index.append(record("a.csv", version))
    index.append(record("b.csv", "v3"))
    index.hide("a.csv")
    assert found(index) == ["v3"]
    assert found(index, hidden=True) == ["v3", "v2", "v1"]
    assert index.names() == ["a.csv", "b.csv"]
    assert index.names(hidden=False) == ["b.csv"]
    index.unhide("a.csv")
    assert found(index) == ["v3", "v2", "v1"]
    index.hide("nobody.csv")
    assert index.names() == ["a.csv", "b.csv"]


def test_a_put_brings_a_deleted_name_back_with_all_its_versions(index, record):
    index.append(record("a.csv", "v1"))
    index.hide("a.csv")
    index.append(record("a.csv", "v2"))
    assert found(index) == ["v2", "v1"]


def test_a_listing_tells_what_was_deleted_or_restored_elsewhere(index, record):
    index.append(record("a.csv", "v1"))
    index.update([NameState("a.csv", ["v1"], hidden=True)])
    assert found(index) == []
    index.update([NameState("a.csv", ["v1", "v2"], hidden=True, records=[record("a.csv", "v2")])])
    assert found(index, hidden=True) == ["v2", "v1"]
    assert found(index) == []
    index.update([NameState("a.csv", ["v1", "v2"])])
    assert found(index) == ["v2", "v1"]


def test_a_forgotten_version_makes_the_one_before_it_the_newest(index, record):
    for version in ("v1", "v2", "v3"):
        index.append(record("a.csv", version))
    index.forget("a.csv", "v3")
    assert found(index, latest=True) == ["v2"]
    index.forget("a.csv", "nothing")
    index.forget("a.csv", "v1")
    index.forget("a.csv", "v2")
    assert index.names() == []
    assert index.count() == 0
    index.append(record("a.csv", "v4"))
    assert found(index, latest=True) == ["v4"]


def test_a_version_that_a_listing_brought_in_first_is_not_appended_again(index, record):
    mine, other = record("a.csv", "v1"), record("a.csv", "v2")
    index.update([NameState("a.csv", ["v1", "v2"], hidden=True, records=[mine, other])])
    index.append(mine)
    assert index.versions("a.csv") == ["v1", "v2"]
    assert found(index) == []


def test_the_same_listing_again_changes_nothing(index, record):
    records = [record("a.csv", version) for version in ("v1", "v2")]
    state = NameState("a.csv", ["v1", "v2"], False, records)
    index.update([state])
    index.update([state])
    index.update([NameState("a.csv", ["v1", "v2"])])
    assert found(index) == ["v2", "v1"]
    assert index.count() == 2


def test_unknown_versions_are_those_that_have_to_be_fetched(index, record):
    index.append(record("a.csv", "v1"))
    index.append(record("b.csv", "v1"))
    entries = [("a.csv", "v1"), ("a.csv", "v2"), ("c.csv", "v1"), ("b.csv", "v1")]
    assert index.unknown(entries) == [("a.csv", "v2"), ("c.csv", "v1")]
    assert index.unknown([]) == []


def test_names_and_keys_serve_completion(index, record):
    for name in ("data/a.csv", "data/b.csv", "date.csv", "dátum.csv"):
        index.append(record(name, origin="x", **{"model": {"kind": "y"}, "a.b": 1}))
    assert index.names("data/") == ["data/a.csv", "data/b.csv"]
    assert index.names("nothing") == []
    assert index.keys() == ["a\\.b", "model", "model.kind", "origin"]


def test_nothing_is_left_after_clear(index, record):
    index.append(record("a.csv", "v1"))
    index.clear()
    assert index.count() == 0
    assert index.find(Query()) == []
    assert index.names() == index.keys() == []
    index.append(record("a.csv", "v2"))
    assert found(index) == ["v2"]


def test_records_come_back_exactly_as_they_were(index, record):
    odd = {"é\ud800": [1, {"a.b": None}], "big": 10**40, "text": "x" * 100_000, "deep": {"a": {"b": [[]]}}}
    several = [record("a.csv", lineage={"user": "ann"}, facts={"rows": 5}, **odd), record("é 😀.csv")]
    for one in several:
        index.append(one)
    assert index.find(Query(sort="created")) == several


def test_segments_are_merged_and_what_was_removed_takes_no_room(record):
    index = SqliteIndex(":memory:", segment=16, tail=2)
    for number in range(200):
        index.append(record(f"{number % 20}.csv", kind=f"kind{number % 3}"))
    index.update([NameState(f"{number}.csv", []) for number in range(15)])
    index.update([NameState("new.csv", ["w"], False, [record("new.csv", "w", kind="kind1")])])
    assert index.count() == 51
    expected = {number for number in range(200) if number % 20 >= 15 and number % 3 == 1}
    names = [r.name for r in index.find(query({"kind": "kind1"}, limit=None))]
    assert len(names) == len(expected) + 1
    assert found(index, text="kind1 new") == ["w"]
    assert index.find(query(text="kind1 17 csv", latest=True))[0].name == "17.csv"
