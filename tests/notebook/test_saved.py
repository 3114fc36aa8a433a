"""What the saver returns shows itself, converts, and tells its story."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
import re
import sys
from dataclasses import FrozenInstanceError, replace
from html import escape

import numpy as np
import pytest

from jsk_saver.errors import MissingExtra
from jsk_saver.record import Record
from jsk_saver.saved import Results, Saved
from jsk_saver.story import Story

CREATED = dt.datetime(2026, 11, 20, 20, 53, 4, 123456, tzinfo=dt.UTC)
LINEAGE = {
    "user": "ana",
    "host": "lab-3",
    "remote": "https://git.example.org/team/churn.git",
    "commit": "c0ffee12" * 5,
    "branch": "main",
    "dirty": "ab12" * 8,
    "notebook": "notebooks/churn.ipynb",
    "cell": "In [3]",
    "image": "registry.example.org/churn@sha256:" + "0" * 64,
    "python": "3.11.7",
    "packages": "3f8c" * 8,
    "experiment": "churn",
    "trial": "churn-7",
    "parents": [
        {"name": "raw.csv", "version": "v1"},
        {"name": "labels.json", "version": "v2", "store": "s3://elsewhere"},
    ],
}

LABELS = LINEAGE["parents"][1]
GIVEN = {"name": "raw.csv", "version": "v1", "given": True}


def _record(name: str = "data.csv", version: str = "v3", **changes) -> Record:
    record = Record(
        name=name,
        version=version,
        format="csv",
        type="pandas.DataFrame",
        size=1_234_567,
        digest="sha256:" + "ab" * 32,
        created=CREATED,
        metadata={"origin": "youtube", "model": {"kind": "tree"}},
        lineage=LINEAGE,
        facts={"rows": 1000, "columns": 8},
    )
    return replace(record, **changes)


def _saved(*arguments, unchanged: bool = False, **changes) -> Saved:
    record = _record(*arguments, **changes)
    return Saved.of(record, f"s3://jsk/{record.name}?versionId={record.version}", unchanged=unchanged)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


# One version ---------------------------------------------------------------------------------------


def test_a_saved_version_has_what_the_record_says():
    record, saved = _record(), _saved()
    for name in (
        "name",
        "version",
        "size",
        "digest",
        "created",
        "format",
        "type",
        "metadata",
        "lineage",
        "facts",
    ):
        assert getattr(saved, name) == getattr(record, name)
    assert (saved.uri, saved.unchanged) == ("s3://jsk/data.csv?versionId=v3", False)


def test_it_never_changes_and_can_be_kept_anywhere():
    saved = _saved()
    with pytest.raises(FrozenInstanceError):
        saved.name = "other.csv"
    assert len({saved, _saved(), _saved(version="v4")}) == 2
    assert pickle.loads(pickle.dumps(saved)) == copy.copy(saved) == saved != _saved(version="v4")


def test_it_shows_itself_as_a_small_table():
    lines = repr(_saved()).splitlines()
    assert lines[0] == "saved data.csv"
    told = dict(line.split(maxsplit=1) for line in lines[1:] if not line.startswith("   "))
    assert told["version"] == "v3"
    assert told["contents"] == "1.2 MB, 1,000 rows × 8 columns, csv"
    assert told["created"].startswith(f"{CREATED.astimezone():%Y-%m-%d %H:%M:%S}")
    assert told["metadata"] == "origin: youtube"
    assert "model.kind: tree" in repr(_saved())
    assert told["by"] == "ana on lab-3"
    assert told["notebook"] == "notebooks/churn.ipynb, cell In [3]"
    assert told["commit"] == "c0ffee12c0 on main (with uncommitted changes)"
    assert told["uri"] == "s3://jsk/data.csv?versionId=v3"
    assert "unchanged" not in told
    for part in ("data.csv", "v3", "1.2 MB", "origin: youtube", "c0ffee12c0"):
        assert part in _saved()._repr_html_()


def test_an_unchanged_put_says_that_no_version_was_made():
    assert "no new one was made" in repr(_saved(unchanged=True))
    assert "no new one was made" in _saved(unchanged=True)._repr_html_()


def test_a_foreign_file_shows_what_little_is_known():
    bare = _saved(metadata={}, lineage={}, facts={}, digest="", type="", format="")
    labels = [line.split()[0] for line in repr(bare).splitlines()]
    assert labels == ["saved", "version", "contents", "created", "uri"]


@pytest.mark.parametrize(
    ("lineage", "said"),
    [
        ({"commit": "c" * 40, "branch": "main"}, "cccccccccc on main"),
        ({"commit": "c" * 40, "dirty": "unknown"}, "cccccccccc (not known whether changed since)"),
        ({"branch": "main", "dirty": "ab" * 16}, "no commit yet on main (with uncommitted changes)"),
    ],
)
def test_the_commit_says_whether_it_tells_everything(lineage, said):
    assert f"commit    {said}\n" in repr(_saved(lineage=lineage))


def test_much_metadata_is_counted_not_listed():
    shown = repr(_saved(metadata={f"key{number}": number for number in range(100)}))
    assert "key11: 11" in shown
    assert "key12" not in shown
    assert "… and 88 more" in shown


def test_it_is_plain_json():
    plain = json.loads(json.dumps(_saved().to_dict()))
    assert plain["created"] == "2026-11-20T20:53:04.123456Z"
    assert (plain["name"], plain["unchanged"], plain["lineage"]) == ("data.csv", False, LINEAGE)


# Many ----------------------------------------------------------------------------------------------


@pytest.fixture
def results() -> Results:
    return Results(
        [
            _saved("b.csv", metadata={"origin": "youtube", "rows": 10}),
            _saved("a.csv", "v9", metadata={"origin": "vimeo", "tags": ["x"]}, lineage={}),
            _saved("b.csv", "v2", metadata={}),
        ],
        "matching origin:*",
    )


def test_results_are_a_sequence_that_stays_one(results):
    assert [saved.version for saved in results] == ["v3", "v9", "v2"]
    assert results[-1].version == "v2"
    assert isinstance(results[:2], Results)
    assert [saved.version for saved in results[:2]] == ["v3", "v9"]
    assert results[0] in results
    assert results[:3] == results != results[1:]
    assert len({results, results[:]}) == 1
    assert results.names == ["b.csv", "a.csv"]


def test_results_say_how_many_and_what_they_have_in_common(results):
    assert repr(results).splitlines()[0] == "3 versions matching origin:*"
    assert repr(results[:1]).splitlines()[0] == "1 version matching origin:*"
    assert (
        repr(Results([], "matching x", hint="saver.search()"))
        == "No versions matching x\nNext: saver.search()"
    )
    assert repr(Results(results)).splitlines()[0] == "3 versions"


def test_results_show_a_column_for_each_key_of_the_metadata(results):
    head, _, first, second, third = repr(results).splitlines()[1:]
    assert head.split() == ["name", "version", "size", "created", "by", "origin", "rows", "tags"]
    assert first.split()[-2:] == ["youtube", "10"]
    assert second.endswith('vimeo          ["x"]')
    assert third.endswith("ana")
    assert "vimeo" in results._repr_html_()


def test_a_history_is_numbered_as_get_counts_and_leaves_the_name_to_the_title():
    history = Results([_saved(version=f"v{n}") for n in (3, 2, 1)], "of data.csv", numbers=[3, 2, 1])
    lines = repr(history).splitlines()
    assert lines[0] == "3 versions of data.csv"
    assert lines[1].split()[:2] == ["#", "version"]
    assert [line.split()[:2] for line in repr(history[1:]).splitlines()[3:]] == [["2", "v2"], ["1", "v1"]]


def test_metadata_called_like_a_column_takes_nothing_away():
    shown = repr(Results([_saved(metadata={"name": "Ana's", "size": "big", "version": 7})]))
    headings = shown.splitlines()[1].split()
    assert {"size", "metadata.size", "name", "metadata.name"} <= set(headings)
    assert len(headings) == len(set(headings))
    for part in ("data.csv", "1.2 MB", "v3", "Ana's", "big", "7"):
        assert part in shown


def test_results_know_how_many_there_are_beyond_the_limit():
    some = Results([_saved(version=f"v{number}") for number in range(2)], "matching x", total=125)
    assert (len(some), some.total) == (2, 125)
    assert repr(some).splitlines()[0] == "2 of 125 versions matching x"
    assert repr(some).splitlines()[-1] == "Next: limit=125 shows all 125"
    assert "2 of 125" in some._repr_html_()
    assert some[:1].total == 1


def test_results_take_the_whole_numbers_of_numpy(results):
    assert results[np.int64(1)].version == "v9"


def test_long_results_show_their_beginning_and_how_many_more():
    many = Results([_saved(version=f"v{number}") for number in range(60)])
    assert repr(many).splitlines()[-1] == "… and 10 more"
    assert "… and 10 more" in many._repr_html_()
    assert "v49" in repr(many)
    assert "v50" not in repr(many)


def test_empty_results_show_no_empty_table():
    empty = Results([], "matching x", hint="saver.search()")
    assert "<table" not in empty._repr_html_()
    assert "No versions matching x" in empty._repr_html_()
    assert "saver.search()" in empty._repr_html_()


def test_results_become_a_data_frame_with_dotted_columns(results):
    frame = results.to_pandas()
    assert list(frame["name"]) == ["b.csv", "a.csv", "b.csv"]
    assert frame["metadata.origin"].tolist()[:2] == ["youtube", "vimeo"]
    assert frame["lineage.commit"].isna().tolist() == [False, True, False]
    assert frame["facts.rows"].tolist() == [1000] * 3
    assert (frame["created"] == CREATED).all()
    empty = Results([]).to_pandas()
    assert list(empty.columns)[:2] == ["name", "version"]
    assert len(empty) == 0


def test_without_pandas_the_data_frame_says_what_to_install(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pandas") as missing:
        results.to_pandas()
    assert "jsk-saver[tables]" in missing.value.hint


def test_results_are_plain_json(results):
    assert [plain["version"] for plain in json.loads(json.dumps(results.to_dicts()))] == ["v3", "v9", "v2"]


# The story -----------------------------------------------------------------------------------------


def test_a_story_tells_who_when_where_from_what_and_what_came_of_it():
    children = [{"name": "fit.skops", "version": "v7", "given": True}, {"name": "plot.png", "version": "v8"}]
    lineage = {**LINEAGE, "parents": [{"name": "raw.csv", "version": "v1", "given": True}, LABELS]}
    story = Story(_saved(lineage=lineage), position=2, total=3, children=children, packages=182)
    when = f"{CREATED.astimezone():%-d %B %Y at %H:%M:%S %Z}"
    assert story.sentences == (
        f"pandas.DataFrame, the 2nd of 3 versions, saved by ana on {when}. "
        "It comes from notebooks/churn.ipynb, cell In [3], at commit c0ffee12c0 on main (with uncommitted "
        "changes). It belongs to trial churn-7 of experiment churn. "
        "It was made from 1 version. 1 other version was read before it. "
        "1 known version was made from it. 1 known version was saved after reading it."
    )
    shown = repr(story)
    for part in (
        "origin: youtube", "raw.csv  v1", "labels.json  v2  in s3://elsewhere", "c0ffee12" * 5, "3f8c" * 8,
        "https://git.example.org/team/churn.git", "0" * 64, "3.11.7", "fit.skops  v7", "plot.png  v8",
        "made from ", "read before ", "made from it ", "saved after reading it ",
        "with uncommitted changes (digest ab12", "182 (digest", "saver.packages('data.csv', version='v3')",
    ):  # fmt: skip
        assert part in shown
        assert escape(part.split("  ")[0].strip()) in story._repr_html_()


@pytest.mark.parametrize(
    ("changes", "counted", "said"),
    [
        ({}, {"position": 1, "total": 1}, "File, the only version, saved on "),
        ({}, {"position": 3, "total": 3}, "the newest of 3 versions"),
        ({"lineage": {"parents": LINEAGE["parents"][:1]}}, {}, "1 version was read before it."),
        ({"lineage": {"parents": [GIVEN]}}, {}, "It was made from 1 version."),
        (
            {"lineage": {"parents": LINEAGE["parents"], "truncated": True, "reads": 61}},
            {},
            "61 versions were read",
        ),
        ({"lineage": {"trial": "t-1"}}, {}, "It belongs to trial t-1."),
        ({"lineage": {"commit": "c" * 40}}, {}, "The code was at commit cccccccccc."),
        ({"lineage": {"notebook": "a.ipynb"}}, {}, "It comes from a.ipynb."),
    ],
)
def test_a_story_leaves_out_what_is_not_known(changes, counted, said):
    bare = {"lineage": {}, "metadata": {}, "facts": {}, "type": "", "format": ""} | changes
    assert said in Story(_saved(**bare), **counted).sentences


def test_a_story_says_where_a_version_was_restored_or_copied_from_and_that_parents_are_missing():
    lineage = {**LINEAGE, "restored": "v1", "copied": "s3://old/data.csv", "truncated": True}
    shown = repr(Story(_saved(lineage=lineage)))
    assert "restored from  v1" in shown
    assert "copied from    s3://old/data.csv" in shown
    assert "older ones that are no longer known" in shown
    source = {"name": "old.csv", "version": "v1", "store": "s3://old"}
    copied = {**LINEAGE, "restored": source, "copied": source, "truncated": True, "reads": 61}
    shown = repr(Story(_saved(lineage=copied)))
    assert shown.count("old.csv  v1  in s3://old") == 2
    assert "… and 59 older ones" in shown


@pytest.mark.parametrize(
    ("lineage", "label"),
    [
        ({"notebook": "a.ipynb"}, "notebook"),
        ({"notebook": "scratch", "cell": "In [3]"}, "notebook"),
        ({"notebook": "train.py"}, "script"),
    ],
)
def test_a_plain_script_is_not_called_a_notebook(lineage, label):
    for shown in (repr(_saved(lineage=lineage)), repr(Story(_saved(lineage=lineage)))):
        assert re.search(rf"^  {label} +{lineage['notebook']}", shown, re.MULTILINE)


def test_a_story_is_plain_json():
    plain = json.loads(json.dumps(Story(_saved(), position=2, total=3).to_dict()))
    assert (plain["position"], plain["total"], plain["name"]) == (2, 3, "data.csv")
    assert "children" not in plain


# Much metadata -------------------------------------------------------------------------------------


def test_large_dictionaries_are_one_column_so_that_the_others_are_seen():
    params = {f"p{number}": number / 7 for number in range(18)}
    found = Results(
        [_saved(version=f"v{number}", metadata={"params": params, "origin": "youtube", "stage": "raw"})
         for number in range(2)]
    )  # fmt: skip
    for shown in (repr(found), found._repr_html_()):
        assert "{18}" in shown
        assert "youtube" in shown
        assert "stage" in shown
        assert "params.p1" not in shown


def test_few_nested_entries_have_columns_of_their_own():
    found = Results([_saved(metadata={"model": {"kind": "tree", "depth": 3}, "origin": "youtube"})])
    assert "model.kind" in repr(found)
    assert "model.depth" in repr(found)


def test_floats_have_six_digits_in_a_table_and_all_of_them_elsewhere():
    value = 0.8123456789012345
    found = Results([_saved(metadata={"accuracy": value, "at": 1763683200.25})])
    assert "0.812346" in repr(found)
    assert "1763683200" in repr(found)
    assert repr(value) not in repr(found)
    assert repr(value) in found._repr_html_()  # the tooltip
    assert repr(value) in repr(found[0])
    assert found.to_pandas()["metadata.accuracy"][0] == value


def test_a_story_shows_all_of_the_metadata_of_any_length():
    metadata = {"params": {f"p{number}": number for number in range(40)}, "text": "word " * 2000 + "end"}
    story = Story(_saved(metadata=metadata))
    for shown in (repr(story), story._repr_html_()):
        assert "params.p39: 39" in shown
        assert "word end" in shown
        assert "more" not in shown
