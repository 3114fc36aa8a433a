"""Searching as people do it: what they are told, and what others wrote to the store."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import jsk_saver
from jsk_saver import Saver, at_least
from jsk_saver.errors import NoMatch, QueryError

SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture
def saver(tmp_path) -> Saver:
    return Saver(tmp_path / "store", lineage=False, progress=False)


@pytest.fixture
def channels(saver) -> Saver:
    """Give the test a store of five versions, numbered in ``i``."""
    for i in range(5):
        metadata = {"origin": "youtube" if i < 2 else "vimeo", "i": i, "accuracy": i / 10, "draft": i == 0}
        saver.put(f"n{i}.json", i, metadata=metadata)
    return saver


def rewrite(saver: Saver, saved: jsk_saver.Saved, **changes: Any) -> None:
    """Change the record of a version in a local store, as other software could."""
    file = saver.store._folder(saved.name, saved.version) / "record.json"  # type: ignore[attr-defined]
    data = json.loads(file.read_bytes()) | changes
    file.chmod(0o644)
    file.write_text(json.dumps(data))
    saver.connection.index.clear()


def deep(levels: int) -> list[object]:
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


# What others wrote ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"created": "0001-01-01T00:00:00+14:00"},
        {"metadata": {"a": deep(600)}},
        {"lineage": {"parents": 5}},
        {"lineage": {"user": {}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_record_that_cannot_be_read_is_left_out_of_a_search_and_named(saver, changes):
    saver.put("good.json", 1)
    rewrite(saver, saver.put("bad.json", 1), **changes)
    with pytest.warns(UserWarning, match=r"Left out of the search.*'bad.json'"):
        assert saver.search().names == ["good.json"]


def test_a_record_that_the_index_cannot_take_keeps_no_other_out(saver, monkeypatch):
    from jsk_saver.index.sqlite import SqliteIndex

    for name in "abc":
        saver.put(f"{name}.json", 1)
    saver.connection.index.clear()
    update = SqliteIndex.update

    def picky(index, states):
        states = list(states)
        if any(state.name == "b.json" for state in states):
            raise OverflowError("unforeseen")
        update(index, states)

    monkeypatch.setattr(SqliteIndex, "update", picky)
    with pytest.warns(UserWarning, match=r"'b.json'.*OverflowError"):
        assert saver.search().names == ["c.json", "a.json"]


def test_a_parent_in_a_store_that_cannot_be_opened_is_in_the_graph_by_name(saver):
    saved = saver.put("a.json", 1)
    parents = [{"name": "raw.csv", "version": "1", "store": "s3://"}]
    rewrite(saver, saved, lineage={"parents": parents})
    graph = saver.lineage("a.json")
    assert [node.name for node in graph.nodes] == ["a.json", "raw.csv"]
    assert "cannot be opened" in graph.nodes[1].note


def test_changing_a_result_changes_no_later_result(saver):
    saver.put("a.json", 1, metadata={"origin": "youtube", "tags": ["x"]})
    for _ in range(2):
        found = saver.search("origin:youtube")[0]
        assert found.metadata == {"origin": "youtube", "tags": ["x"]}
        found.metadata["origin"] = "changed"
        found.metadata["tags"].append("y")
    assert saver.history("a.json")[0].metadata == {"origin": "youtube", "tags": ["x"]}


# Values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["report [final].pdf", "a[1].csv", "why?", "[", "[!a]", "x?[y]"])
def test_metadata_with_brackets_and_question_marks_is_found_by_its_own_value(saver, text):
    saver.put("a.json", 1, metadata={"src": text})
    saver.put("a.json", 2, metadata={"src": "report f.pdf"})
    assert saver.get("a.json", search_pattern={"src": text}) == 1
    assert saver.get("a.json", search_pattern={"src": f"{text[:-1]}*"}) in (1, 2)
    assert [found.metadata["src"] for found in saver.search({"src": f"*{text}*"})] == [text]


def test_a_name_with_brackets_is_found_by_itself_and_by_a_shape(saver):
    saver.put("a[1].json", 1)
    saver.put("a1.json", 2)
    assert saver.search(name="a[1].json").names == ["a[1].json"]
    assert saver.search(name="a[1]*").names == ["a[1].json"]


def test_a_date_means_the_same_in_a_dictionary_and_in_a_line(saver):
    saver.put("a.json", 1, metadata={"day": "2024-01-31T10:00"})
    saver.put("b.json", 2, metadata={"day": "2024-01-31"})
    assert (
        saver.search({"day": "2024-01-31"}).names
        == saver.search("day:2024-01-31").names
        == ["b.json", "a.json"]
    )


def test_text_finds_numbers_and_booleans_as_they_are_written(saver):
    saver.put("a.json", 1, metadata={"run": 12345, "share": 0.5, "neg": -77777, "whole": 3.0})
    saver.put("b.json", 2, metadata={"draft": True})
    for text in ("12345", "0.5", "77777", "3"):
        assert saver.search(text=text).names == ["a.json"]
    assert saver.search(text="true").names == ["b.json"]


def test_a_user_is_found_in_metadata_and_lineage_by_keyword_line_and_dictionary(tmp_path, monkeypatch):
    monkeypatch.setenv("USER", "root")
    saver = Saver(tmp_path / "store", progress=False)
    who = saver.put("a.json", 1, metadata={"user": "customer"}).lineage["user"]
    saver.put("b.json", 2)
    for user, names in ((who, ["b.json", "a.json"]), ("customer", ["a.json"])):
        assert saver.search(user=user).names == names
        assert saver.search(f"user:{user}").names == names
        assert saver.search({"user": user}).names == names
    assert saver.search("@user:customer").names == []


# Times ----------------------------------------------------------------------------------------------

_TOKYO = """
import datetime as dt, sys
from jsk_saver import Saver, at_least
saver = Saver(sys.argv[1], lineage=False)
saved = saver.put("a.json", 1)
now = dt.datetime.now()
here = saved.created.astimezone()
print(
    len(saver.search(since=now - dt.timedelta(hours=1))),
    len(saver.search(since=now + dt.timedelta(hours=1))),
    len(saver.search(until=now + dt.timedelta(minutes=1))),
    len(saver.search(until=now - dt.timedelta(hours=1))),
    len(saver.search({"created": at_least(now - dt.timedelta(hours=1))})),
    len(saver.search(f"since:{(now - dt.timedelta(hours=1)).isoformat(timespec='seconds')}")),
    len(saver.search({"created": f"{here:%Y-%m-%d}"})),
    len(saver.search(since=here.date(), until=here.date())),
    len(saver.search(since="today")) if here.date() == now.date() else 1,
    len(saver.search(since=here.date() + dt.timedelta(days=1))),
)
"""


@pytest.mark.parametrize("zone", ["JST-9", "PST8", "UTC0", "LINT-14"])
def test_times_without_a_zone_are_local_as_tables_show_them(tmp_path, zone):
    done = subprocess.run(
        [sys.executable, "-c", _TOKYO, str(tmp_path / "store")],
        env={**os.environ, "TZ": zone, "PYTHONPATH": SOURCE},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "0", "1", "0", "1", "1", "1", "1", "1", "0"]


def test_dates_in_metadata_are_compared_as_they_are_written(saver):
    saver.put("a.json", 1, metadata={"day": "2024-01-31T23:30"})
    assert saver.search({"day": dt.date(2024, 1, 31)}).names == ["a.json"]
    assert saver.search({"day": at_least(dt.datetime(2024, 1, 31, 23, 30))}).names == ["a.json"]
    assert saver.search({"day": at_least("2024-01-31T23:31")}).names == []


# What people are told -------------------------------------------------------------------------------


def test_results_say_what_was_typed_and_how_many_there_are(channels):
    def title(*pattern: Any, **search: Any) -> str:
        return repr(channels.search(*pattern, **search)).splitlines()[0]

    assert title("origin:vimeo  -radio") == "3 versions matching origin:vimeo  -radio"
    assert title({"origin": "vim*"}, latest=True) == "3 versions matching {'origin': 'vim*'}, latest=True"
    assert title(limit=2) == f"2 of 5 versions in {channels.store.uri}"
    assert title("limit:2 sort:i") == f"2 of 5 versions in {channels.store.uri}"
    assert title({"origin": "vimeo"}, limit=1) == "1 of 3 versions matching {'origin': 'vimeo'}"
    assert title("vimeo", limit=1) == "1 of 3 versions matching vimeo"


@pytest.mark.parametrize(
    ("search", "total"),
    [({}, 5), ({"limit": 2}, 5), ({"limit": 2, "offset": 4}, 5), ({"limit": None}, 5), ({"limit": 0}, 5)],
)
def test_results_know_the_total_whatever_the_limit(channels, search, total):
    assert channels.search(**search).total == total


def test_a_sort_by_what_no_version_has_names_what_may_have_been_meant(channels):
    with pytest.raises(QueryError, match=r"'acuracy'.*'accuracy'") as caught:
        channels.search(sort="-acuracy")
    assert caught.value.hint == 'sort="-accuracy"'
    for search in ({"offset": 2}, {"text": "vimeo"}, {"limit": 1}):
        with pytest.raises(QueryError):
            channels.search(sort="acuracy", **search)
    assert channels.search(sort="-accuracy", offset=4).names == ["n0.json"]
    assert len(channels.search("origin:nothing", sort="acuracy")) == 0


def test_a_sort_of_versions_that_do_not_all_have_it_is_fine(channels):
    channels.put("other.json", 1)
    assert channels.search(sort="-accuracy").names[-1] == "other.json"
    assert channels.search(sort="-accuracy", offset=5).names == ["other.json"]


def test_get_takes_no_order_and_says_how_to_have_one(channels):
    channels.put("n1.json", "best", metadata={"i": 9})
    channels.put("n1.json", "last", metadata={"i": 1})
    for asked in (
        {"sort": "-i"},
        {"search_pattern": "sort:-i"},
        {"search_pattern": {"i": at_least(1)}, "sort": "-i"},
    ):
        with pytest.raises(QueryError, match="takes no sort") as caught:
            channels.get("n1.json", **asked)
        assert eval(caught.value.hint, {"saver": channels, "at_least": at_least}) == "best"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"search_pattern": {"orgin": "youtube"}}, "'origin' instead of 'orgin'"),
        ({"search_pattern": "orgin:youtube"}, "'origin' instead of 'orgin'"),
        ({"search_pattern": {"origin": "youtub"}}, "'youtube' instead of 'youtub'"),
        ({"search_pattern": {"origin": "YouTube"}}, "'youtube' instead of 'YouTube'"),
        ({"search_pattern": {"i": "4"}}, "4 instead of the text '4'"),
        ({"search_pattern": {"draft": "true"}}, "True instead of the text 'true'"),
        ({"search_pattern": {"i": ">=3"}}, "at_least(3) instead of '>=3'"),
        ({"search_pattern": {"origin": "you?ube"}}, "re.compile(...)"),
        ({"name": "n1.jsn"}, "name='n1.json' instead of 'n1.jsn'"),
    ],
    ids=str,
)
def test_a_search_that_finds_nothing_says_what_may_have_been_meant(channels, asked, said):
    found = channels.search(**asked)
    assert len(found) == 0
    assert said in repr(found).splitlines()[-1]


def test_a_branch_asked_for_as_a_commit_is_told(saver):
    rewrite(saver, saver.put("a.json", 1), lineage={"commit": "4f2a" * 10, "branch": "main"})
    assert "branch='main' instead of commit='main'" in repr(saver.search(commit="main"))


def test_a_search_that_only_deleted_versions_fit_says_so(channels):
    channels.delete("n1.json")
    assert "hidden=True" in repr(channels.search({"i": 1}))


def test_a_get_that_finds_nothing_says_what_was_typed_and_what_may_have_been_meant(channels):
    with pytest.raises(NoMatch, match=r"matches \{'origin': 'youtub'\}") as caught:
        channels.get("n1.json", search_pattern={"origin": "youtub"})
    assert caught.value.hint == "'youtube' instead of 'youtub'"


def test_a_search_that_finds_something_asks_for_no_advice(channels, monkeypatch):
    monkeypatch.setattr("jsk_saver.index.advice.advice", lambda *_: pytest.fail("it was asked for"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert channels.search({"origin": "vimeo"}).hint == ""


def test_the_terminal_says_what_was_typed_and_what_may_have_been_meant(channels):
    def jsk(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jsk_saver.cli", "search", *words, "--store", channels.store.uri]
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    nothing = jsk("orgin:youtube")
    assert "No version matches orgin:youtube." in nothing.stderr
    assert "Next: 'origin' instead of 'orgin'" in nothing.stderr
