"""The verbs of the saver, the same over every store."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jsk_saver
from jsk_saver import Saved, Saver, at_least, connection, progress
from jsk_saver.errors import (
    AlreadyThere,
    CannotRepresent,
    Hidden,
    IntegrityError,
    InvalidMetadata,
    InvalidName,
    JskError,
    NoMatch,
    NotAgreed,
    NotFound,
    UnknownFormat,
    UntrustedObject,
)
from jsk_saver.lineage import reads
from tests.stores import places
from tests.stores.places import Place, at_server

place = places.place

SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture(autouse=True)
def nothing_read_yet():
    """Let no test be a parent of another's versions."""
    reads.clear()


@pytest.fixture
def saver(place):
    return place.saver()


@pytest.fixture
def somebody_else(place, tmp_path):
    """Give the test a saver of the same store on another machine: with a home of its own."""
    return place.saver(home=str(tmp_path / "another home"))


@pytest.fixture
def local(tmp_path):
    return Saver(tmp_path / "store")


@pytest.fixture
def line(ceph, point_at, behind_proxy):
    """Give the test a saver of a real bucket, and the proxy between."""
    server, proxy = behind_proxy(ceph)
    point_at(server)
    saver = at_server(server).saver(retries=2)
    saver.put("warm-up.json", 0)
    proxy.forget()
    return saver, proxy


def frame() -> pd.DataFrame:
    return pd.DataFrame({"id": ["007", "008"], "views": [1, 2], "title": ["a", "Ünï"]})


def run(code: str, *arguments: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SOURCE, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment_of(place: Place) -> dict[str, str]:
    return {"JSK_STORE": place.uri, **{f"JSK_{k.upper()}": v for k, v in place.settings.items()}}


def data_file(saver: Saver, saved: Saved) -> Path:
    """Return the file of a version in a local store."""
    store = saver.store
    return store._folder(saved.name, saved.version) / store._data_file(saved.name)


def alter(saver: Saver, saved: Saved, data: bytes) -> None:
    file = data_file(saver, saved)
    file.chmod(0o644)
    file.write_bytes(data)


# The cell of the first page -------------------------------------------------------------------------

CELL = """
    import pandas as pd
    dataframe = pd.DataFrame({"id": ["007"], "views": [1.5], "when": pd.to_datetime(["2026-01-01"])})
    kept = dataframe.copy()
    from jsk_saver import saver
    response = saver.put(filename="data_youtube.csv", dataframe=dataframe, metadata={"origin": "youtube"})
    del dataframe
    dataframe = saver.get(filename="data_youtube.csv", search_pattern={"origin": "youtube"})
    pd.testing.assert_frame_equal(dataframe, kept)
    print(response.uri)
"""


def test_the_cell_of_the_first_page_works_with_nothing_configured(tmp_path):
    bare = {name: "" for name in os.environ if name.startswith("JSK_")}
    uri = run(CELL, HOME=str(tmp_path), **bare)
    assert uri.startswith(f"file://{tmp_path}/.jsk/store/data_youtube.csv/@")
    assert Path(uri.strip().removeprefix("file://")).read_text().startswith("id,views,when")


def test_the_same_cell_works_unchanged_on_any_store(place):
    run(CELL, **environment_of(place))
    assert place.saver().search({"origin": "youtube"}).names == ["data_youtube.csv"]


# Put and get ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "obj"),
    [
        ("numbers.json", {"a": [1, 2.5, None], "ü": "日本"}),
        ("notes.txt", "line\nline ü\n"),
        ("empty.txt", ""),
        ("raw.bin", b"\x00\xff" * 1000),
        ("nothing.json", None),
    ],
)
def test_an_object_comes_back_as_it_was_put(saver, name, obj):
    saved = saver.put(name, obj, metadata={"origin": "dice"})
    assert saver.get(name) == obj
    assert saver.get(name, version=saved.version) == obj
    assert (saved.name, saved.metadata, saved.unchanged) == (name, {"origin": "dice"}, False)
    assert saved.digest.startswith("sha256:")
    assert saved.size == len(saver.get(name, as_="bytes"))


def test_a_table_comes_back_as_the_type_that_was_put(saver):
    saver.put("data/channels.parquet", frame())
    pd.testing.assert_frame_equal(saver.get("data/channels.parquet"), frame())
    saver.put("data/channels.csv", dataframe=frame())
    pd.testing.assert_frame_equal(saver.get("data/channels.csv"), frame())
    assert list(saver.get("data/channels.csv", columns=["id"])) == ["id"]


def test_metadata_without_its_name_is_told_how_to_give_it(local):
    with pytest.raises(JskError, match=r"'a\.json'.*by name") as caught:
        local.put("a.json", 1, {"origin": "youtube"})
    assert "metadata={" in caught.value.hint
    assert list(local.store.scan()) == []


def test_one_version_may_be_given_as_parents_without_a_list(local):
    raw = local.put("raw.json", 1)
    made = local.put("made.json", 2, parents=raw)
    assert [(p["name"], p["version"]) for p in made.lineage["parents"]] == [("raw.json", raw.version)]


def _double(saver: Saver, name: str) -> int:
    value = saver.get(name)
    saver.put(name, value * 2)
    return value


@pytest.mark.usefixtures("spawning")
def test_a_saver_that_was_used_works_in_processes_that_are_spawned(local):
    local.put("a.json", 3)
    local.put("b.json", 4)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_double, [local, local], ["a.json", "b.json"])) == [3, 4]
    assert (local.get("a.json"), local.get("b.json")) == (6, 8)
    assert pickle.loads(pickle.dumps(local)).store.uri == local.store.uri


def test_dataframe_is_another_spelling_and_exactly_one_is_wanted(local):
    local.put(filename="a.csv", dataframe=frame())
    with pytest.raises(JskError, match="neither came") as caught:
        local.put("a.csv")
    assert 'saver.put("a.csv", dataframe)' in caught.value.hint
    with pytest.raises(JskError, match="both came"):
        local.put("a.csv", frame(), dataframe=frame())
    assert len(local.history("a.csv")) == 1


def test_every_put_makes_a_version_also_of_the_same_object(saver):
    versions = {saver.put("a.json", 1).version for _ in range(3)}
    assert len(versions) == len(saver.history("a.json")) == 3


@pytest.mark.parametrize(
    ("name", "obj", "metadata", "kind"),
    [
        ("../x.json", 1, {}, InvalidName),
        ("/x.json", 1, {}, InvalidName),
        ("", 1, {}, InvalidName),
        ("x" * 1025, 1, {}, InvalidName),
        ("\udcff.json", 1, {}, InvalidName),
        (".jsk/x.json", 1, {}, InvalidName),
        ("a.json", 1, {"x": float("nan")}, InvalidMetadata),
        ("a.json", 1, {"x": object()}, InvalidMetadata),
        ("a.json", 1, {1: 2}, InvalidMetadata),
        ("a.json", float("nan"), {}, CannotRepresent),
        ("a.xyz", {"x": 1}, {}, UnknownFormat),
        ("a.json", object(), {}, JskError),
        ("a.csv", lambda: None, {}, JskError),
        ("a.mp4", Path("/no/such/file.mp4"), {}, CannotRepresent),
    ],
)
def test_what_cannot_come_back_is_refused_before_anything_is_stored(local, name, obj, metadata, kind):
    with pytest.raises(kind) as caught:
        local.put(name, obj, metadata=metadata)
    assert caught.value.what
    assert list(local.store.scan()) == []


def test_a_name_that_is_not_there_says_so_and_names_the_nearest(saver):
    saver.put("data/channels.csv", frame())
    with pytest.raises(NotFound, match=r"There is no 'data/chanels.csv'.*Did you mean 'data/channels.csv'\?"):
        saver.get("data/chanels.csv")
    with pytest.raises(FileNotFoundError):
        saver.get("nothing-like-it")


def test_pickles_are_loaded_only_when_the_caller_says_so(local):
    local.put("a.pickle", {1, 2})
    with pytest.raises(UntrustedObject, match="runs whatever code") as caught:
        local.get("a.pickle")
    assert "allow_pickle=True" in str(caught.value)
    assert local.get("a.pickle", allow_pickle=True) == {1, 2}


def test_threads_that_share_a_saver_save_and_get_what_is_theirs(saver):
    def work(number: int) -> list[int]:
        for turn in range(5):
            saver.put(f"{number}.json", [number, turn], metadata={"turn": turn})
        return saver.get(f"{number}.json", search_pattern={"turn": 2})

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [[number, 2] for number in range(6)]
    assert len(saver.search(limit=None)) == 30


# By what it was -------------------------------------------------------------------------------------


def test_a_search_pattern_gets_the_newest_version_that_matches(saver):
    for number, origin in enumerate(["youtube", "youtube", "vimeo"]):
        saver.put("a.json", number, metadata={"origin": origin, "rows": number * 1000})
    assert saver.get("a.json", search_pattern={"origin": "youtube"}) == 1
    assert saver.get("a.json", search_pattern={"origin": "you*", "rows": 0}) == 0
    assert saver.get("a.json", search_pattern="rows:>=1000") == 2
    assert saver.get("a.json", search_pattern={"rows": at_least(1500)}) == 2
    assert saver.get("a.json", text="yotube") == 1


def test_no_match_says_what_the_newest_has(saver):
    saver.put("a.json", 1, metadata={"origin": "vimeo"})
    with pytest.raises(NoMatch, match=r"None of the 1 version\(s\) of 'a.json'.*youtube.*vimeo") as caught:
        saver.get("a.json", search_pattern={"origin": "youtube"})
    assert "history" in caught.value.hint


def test_a_version_and_a_search_together_are_refused(local):
    saved = local.put("a.json", 1)
    with pytest.raises(JskError, match="a version or a search, not both"):
        local.get("a.json", version=saved, search_pattern={"origin": "x"})


def test_a_name_that_looks_like_a_glob_is_only_that_name(saver):
    saver.put("a*.json", 1, metadata={"origin": "x"})
    saver.put("ab.json", 2, metadata={"origin": "x"})
    saver.put("[a]b.json", 3, metadata={"origin": "x"})
    assert saver.get("a*.json", search_pattern={"origin": "x"}) == 1
    assert saver.get("[a]b.json", search_pattern={"origin": "x"}) == 3
    assert [found.name for found in saver.history("a*.json")] == ["a*.json"]


def test_a_pattern_finds_what_somebody_else_wrote_a_moment_ago(saver, somebody_else):
    saver.put("a.json", 1, metadata={"origin": "youtube"})
    assert saver.get("a.json", search_pattern={"origin": "youtube"}) == 1
    somebody_else.put("a.json", 2, metadata={"origin": "youtube"})
    assert saver.get("a.json", search_pattern={"origin": "youtube"}) == 2


def test_a_search_finds_what_another_process_saved(place, saver):
    saver.put("mine.json", 1, metadata={"kind": "table"})
    code = """
        from jsk_saver import saver
        saver.put("theirs.json", 2, metadata={"kind": "table"})
        print(sorted(saver.search({"kind": "table"}).names))
    """
    assert run(code, **environment_of(place)).strip() == "['mine.json', 'theirs.json']"
    assert sorted(saver.search({"kind": "table"}).names) == ["mine.json", "theirs.json"]
    assert saver.search({"kind": "table"}, refresh=False).names
    assert saver.search({"kind": "chair"}).names == []


def test_what_somebody_else_purged_deleted_or_restored_is_seen_by_the_next_search(saver, somebody_else):
    for name in ("purged.json", "deleted.json", "kept.json"):
        saver.put(name, 1)
    assert len(saver.search()) == 3
    somebody_else.purge("purged.json", yes=True)
    somebody_else.delete("deleted.json")
    assert saver.search().names == ["kept.json"]
    somebody_else.restore("deleted.json")
    assert sorted(saver.search().names) == ["deleted.json", "kept.json"]


# Versions -------------------------------------------------------------------------------------------


def test_a_version_is_named_by_its_identifier_by_what_put_returned_or_by_a_number(saver):
    saved = [saver.put("a.json", number) for number in range(3)]
    for number, version in enumerate(saved):
        for spelling in (version, version.version, number + 1, number - 3, np.int64(number + 1)):
            assert saver.get("a.json", version=spelling) == number
    assert [saver.get("a.json", version=found) for found in saver.history("a.json")] == [2, 1, 0]


def test_what_the_saver_returned_stands_for_name_and_version_in_every_verb(local):
    for number in range(3):
        local.put("a.json", number, metadata={"n": number})
    found = local.search({"n": 1})[0]
    assert local.get(found) == 1
    assert len(local.history(found)) == 3
    assert local.describe(found).saved.version == found.version
    assert "a.json" in str(local.lineage(found))
    assert local.verify(found).ok
    (change,) = local.diff(found).to_dict()["content"]["changes"]
    assert (change["old"], change["new"]) == (0, 1)
    (change,) = local.diff(found, -1).to_dict()["content"]["changes"]
    assert (change["old"], change["new"]) == (1, 2)
    local.delete(found)
    assert local.restore(found).metadata == {"n": 1}
    assert local.get("a.json") == 1
    assert local.purge(found, yes=True) == 1
    assert len(local.history("a.json")) == 3


@pytest.mark.parametrize("part", [slice(-6, None), slice(0, -1), slice(-8, None)], ids=str)
def test_a_version_may_be_named_by_its_beginning_or_end(saver, part):
    saved = [saver.put("a.json", number) for number in range(3)]
    short = saved[1].version[part]
    assert saver.get("a.json", version=short) == 1
    assert saver.describe("a.json", version=short).saved.version == saved[1].version
    assert saver.restore("a.json", version=short).metadata == saved[1].metadata
    assert saver.get("a.json") == 1
    assert len(saver.verify("a.json", version=short).checked) == 1
    assert saver.purge("a.json", version=short, yes=True) == 1
    with pytest.raises(NotFound):
        saver.get("a.json", version=saved[1])


def test_a_version_may_be_named_as_tables_shorten_it(local):
    saved = [local.put("a.json", number) for number in range(2)]
    shown = f"{saved[0].version[:8]}…{saved[0].version[-8:]}"
    assert local.get("a.json", version=shown) == 0


def test_a_part_of_several_versions_names_them_all(local):
    saved = [local.put("a.json", number) for number in range(2)]
    with pytest.raises(NotFound, match="any of 2 versions") as caught:
        local.get("a.json", version=saved[0].version[:8])  # both begin with the day
    assert all(version.version in caught.value.what for version in saved)


def test_less_than_six_characters_are_no_part_of_a_version(saver):
    saved = saver.put("a.json", 1)
    with pytest.raises(NotFound, match="There is no version"):
        saver.get("a.json", version=saved.version[-5:])


def test_a_name_with_one_version_has_nothing_to_compare(local):
    saved = local.put("a.json", 1)
    for ask in (lambda: local.diff("a.json"), lambda: local.diff(saved)):
        with pytest.raises(NotFound, match=r"'a\.json' has only one version"):
            ask()
    local.put("a.json", 2)
    with pytest.raises(NotFound, match="no version before"):
        local.diff(saved)


@pytest.mark.parametrize("version", [0, 4, -4, "nonsense", True])
def test_a_version_that_is_not_there_is_not_found(local, version):
    for number in range(3):
        local.put("a.json", number)
    with pytest.raises(NotFound, match=r"'a.json'") as caught:
        local.get("a.json", version=version)
    assert 'saver.history("a.json")' in caught.value.hint


def test_history_lists_all_versions_newest_first_also_of_a_deleted_name(saver):
    versions = [saver.put("a.json", number, metadata={"n": number}).version for number in range(3)]
    saver.put("ab.json", 1)
    saver.delete("a.json")
    history = saver.history("a.json")
    assert [found.version for found in history] == versions[::-1]
    assert [found.metadata for found in history] == [{"n": 2}, {"n": 1}, {"n": 0}]
    with pytest.raises(NotFound):
        saver.history("nothing.json")


@pytest.mark.filterwarnings("ignore:Left out of the search")
def test_history_counts_as_get_does_also_where_a_record_is_damaged(local, tmp_path):
    saved = [local.put("a.json", number) for number in range(3)]
    (data_file(local, saved[0]).parent / "record.json").write_text("{")
    there = Saver(local.store.uri, home=str(tmp_path / "fresh home"))
    with pytest.warns(UserWarning, match=r"Left out of the search: The record of 'a\.json'.* is damaged"):
        shown = repr(there.history("a.json"))
    assert [line.split()[0] for line in shown.splitlines() if saved[1].version in line] == ["2"]
    assert there.get("a.json", version=2) == 1
    with pytest.raises(IntegrityError):
        there.get("a.json", version=1)


def test_an_old_version_restored_is_the_newest_and_the_old_one_stays(saver):
    first = saver.put("a.json", 1, metadata={"n": 1})
    second = saver.put("a.json", 2, metadata={"n": 2})
    restored = saver.restore("a.json", version=first)
    assert saver.get("a.json") == 1
    assert restored.metadata == {"n": 1}
    assert restored.lineage["restored"] == first.version
    assert [found.version for found in saver.history("a.json")] == [
        restored.version, second.version, first.version
    ]  # fmt: skip
    assert saver.search({"n": 1}, latest=True).names == ["a.json"]


def test_restoring_the_newest_version_of_a_name_that_is_there_makes_nothing(saver):
    saved = saver.put("a.json", 1)
    assert saver.restore("a.json").unchanged
    assert saver.restore("a.json", version=saved).unchanged
    assert len(saver.history("a.json")) == 1


# If changed -----------------------------------------------------------------------------------------


def test_a_put_of_the_same_makes_no_version_if_asked_and_says_so(saver):
    first = saver.put("a.json", [1], metadata={"origin": "x"}, if_changed=True)
    again = saver.put("a.json", [1], metadata={"origin": "x"}, if_changed=True)
    assert not first.unchanged
    assert again.unchanged
    assert again.version == first.version
    assert "no new one was made" in repr(again)
    assert not saver.put("a.json", [2], metadata={"origin": "x"}, if_changed=True).unchanged
    assert not saver.put("a.json", [2], metadata={"origin": "y"}, if_changed=True).unchanged
    assert not saver.put("a.json", [2], metadata={"origin": "y"}).unchanged
    assert len(saver.history("a.json")) == 4


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (-0.0, 0.0), (0, False)])
def test_metadata_that_python_calls_equal_but_is_not_the_same_has_changed(local, before, after):
    local.put("a.json", 1, metadata={"x": [before]})
    changed = local.put("a.json", 1, metadata={"x": [after]}, if_changed=True)
    assert not changed.unchanged
    assert repr(local.get("a.json", version=changed)) == "1"
    assert repr(local.describe("a.json").saved.metadata["x"]) == repr([after])
    assert local.put("a.json", 1, metadata={"x": [after]}, if_changed=True).unchanged


def test_the_order_of_metadata_is_no_change(saver):
    saver.put("a.json", 1, metadata={"x": 1, "y": {"a": 1, "b": 2}})
    assert saver.put("a.json", 1, metadata={"y": {"b": 2, "a": 1}, "x": 1}, if_changed=True).unchanged


def test_the_store_is_asked_whether_it_changed_not_the_index_of_this_machine(saver, somebody_else):
    mine = saver.put("a.json", 1)
    somebody_else.put("a.json", 2)
    again = saver.put("a.json", 1, if_changed=True)  # the index still says that 1 is the newest
    assert not again.unchanged
    assert saver.get("a.json") == 1
    shutil.rmtree(saver.settings.home / "index")
    assert saver.put("a.json", 1, if_changed=True).unchanged
    assert again.version != mine.version


def test_a_deleted_name_has_changed(saver):
    saver.put("a.json", 1)
    saver.delete("a.json")
    assert not saver.put("a.json", 1, if_changed=True).unchanged
    assert saver.get("a.json") == 1


def test_the_setting_of_that_name_does_the_same_and_the_argument_wins(tmp_path):
    saver = Saver(tmp_path / "store", if_changed=True)
    saver.put("a.json", 1)
    assert saver.put("a.json", 1).unchanged
    assert not saver.put("a.json", 1, if_changed=False).unchanged


def test_a_newest_version_whose_record_is_damaged_has_changed(local):
    saved = local.put("a.json", 1)
    (data_file(local, saved).parent / "record.json").write_text("{")
    assert not local.put("a.json", 1, if_changed=True).unchanged
    assert local.get("a.json") == 1


# Deleting and purging -------------------------------------------------------------------------------


def test_a_deleted_name_is_not_seen_and_comes_back_with_restore(saver):
    saved = saver.put("a.json", 1, metadata={"origin": "x"})
    saver.delete("a.json")
    for ask in (
        lambda: saver.get("a.json"),
        lambda: saver.get("a.json", search_pattern={"origin": "x"}),
        lambda: saver.describe("a.json"),
        lambda: saver.delete("a.json"),
    ):
        with pytest.raises(Hidden, match=r"'a\.json' was deleted") as caught:
            ask()
        assert 'saver.restore("a.json")' in caught.value.hint
    assert saver.search({"origin": "x"}).names == []
    assert saver.search({"origin": "x"}, hidden=True).names == ["a.json"]
    assert saver.get("a.json", version=saved) == 1
    back = saver.restore("a.json")
    assert (back.version, back.unchanged) == (saved.version, False)
    assert saver.get("a.json") == 1
    assert saver.search({"origin": "x"}).names == ["a.json"]


def test_versions_of_a_deleted_name_are_marked_wherever_they_are_listed(saver):
    saver.put("a.json", 1)
    saver.put("b.json", 1)
    assert "deleted" not in repr(saver.history("a.json"))
    saver.delete("a.json")
    history, found = saver.history("a.json"), saver.search(hidden=True)
    assert [item.hidden for item in history] == [True]
    assert history.to_dicts()[0]["hidden"] is True
    assert {item.name: item.hidden for item in found} == {"a.json": True, "b.json": False}
    for shown in (repr(history), repr(found), history._repr_html_()):
        assert "deleted" in shown
        assert "brings it back" in shown
    saver.restore("a.json")
    assert not saver.history("a.json")[0].hidden


def test_what_was_done_stands_above_what_is_returned(saver, tmp_path):
    first = saver.put("a.json", 1)
    assert repr(first).startswith("saved a.json\n")
    assert repr(saver.put("a.json", 1, if_changed=True)).startswith("unchanged a.json\n")
    saver.delete("a.json")
    assert repr(saver.restore("a.json")).startswith("restored a.json\n")
    saver.put("a.json", 2)
    restored = saver.restore("a.json", version=first)
    assert "restored a.json" in restored._repr_html_()
    assert repr(saver.copy("a.json", tmp_path / "other")).startswith("copied a.json\n")


def test_purge_removes_everything_for_good(saver):
    saved = [saver.put("a.json", number, metadata={"x": "y" * 4000}) for number in range(3)]
    saver.put("ab.json", 1)
    assert saver.get("a.json", version=saved[0]) == 0  # it may be in the cache now
    saver.delete("a.json")
    assert saver.purge("a.json", yes=True) == 3
    for ask in (lambda: saver.get("a.json"), lambda: saver.get("a.json", version=saved[0])):
        with pytest.raises(NotFound) as caught:
            ask()
        assert not isinstance(caught.value, Hidden)
    assert saver.search(hidden=True).names == ["ab.json"]
    with pytest.raises(NotFound):
        saver.purge("a.json", yes=True)


def test_purging_one_version_leaves_the_others(saver):
    saved = [saver.put("a.json", number) for number in range(3)]
    assert saver.purge("a.json", version=saved[2], yes=True) == 1
    assert saver.get("a.json") == 1
    assert [found.version for found in saver.history("a.json")] == [saved[1].version, saved[0].version]
    with pytest.raises(NotFound):
        saver.purge("a.json", version="nonsense")


def test_purging_the_last_version_of_a_deleted_name_leaves_nothing_to_restore(saver):
    saved = saver.put("a.json", 1)
    saver.delete("a.json")
    assert saver.purge("a.json", version=saved, yes=True) == 1
    assert list(saver.store.scan()) == []
    with pytest.raises(NotFound) as caught:
        saver.get("a.json")
    assert not isinstance(caught.value, Hidden)


@pytest.fixture
def terminal(monkeypatch):
    """Give the test a person at the keyboard, who answers what is in the list."""
    answers: list[str] = []
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        if not answers:
            raise EOFError
        return answers.pop(0)

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    return answers, asked


def test_purge_removes_nothing_where_nobody_can_be_asked(local, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    local.put("a.json", 1)
    saved = local.put("a.json", 2)
    with pytest.raises(NotAgreed, match="nobody is here to be asked") as caught:
        local.purge("a.json")
    assert caught.value.hint == 'saver.purge("a.json", yes=True)'
    with pytest.raises(NotAgreed) as caught:
        local.purge("a.json", version=-1)
    assert caught.value.hint == f'saver.purge("a.json", version="{saved.version}", yes=True)'
    assert len(local.history("a.json")) == 2


@pytest.mark.parametrize("answer", ["n", "", "no", "nein", None])
def test_purge_asks_and_removes_nothing_without_a_yes(local, terminal, answer):
    answers, asked = terminal
    answers += [] if answer is None else [answer]
    local.put("a.json", 1)
    with pytest.raises(JskError, match="was not purged") as caught:
        local.purge("a.json")
    assert "Remove 1 version(s) of 'a.json'" in asked[0]
    assert local.store.uri in asked[0]
    assert "yes=True" in caught.value.hint
    assert local.get("a.json") == 1


@pytest.mark.parametrize("answer", ["y", "YES", " yes "])
def test_purge_removes_after_a_yes_and_does_not_ask_when_told_so(local, terminal, answer):
    answers, asked = terminal
    answers.append(answer)
    local.put("a.json", 1)
    assert local.purge("a.json") == 1
    local.put("a.json", 1)
    assert local.purge("a.json", yes=True) == 1
    assert len(asked) == 1


def test_a_damaged_version_can_be_purged(local):
    local.put("a.json", 1)
    saved = local.put("a.json", 2)
    (data_file(local, saved).parent / "record.json").write_text("{")
    assert local.purge("a.json", version=saved.version, yes=True) == 1
    assert local.get("a.json") == 1


# Copies ---------------------------------------------------------------------------------------------


def test_a_copy_has_bytes_and_metadata_and_says_where_it_came_from(saver, place, tmp_path):
    saved = saver.put("a.csv", frame(), metadata={"origin": "ü"})
    other = tmp_path / "other store"
    copied = saver.copy("a.csv", other)
    there = Saver(other)
    pd.testing.assert_frame_equal(there.get("a.csv"), frame())
    assert (copied.metadata, copied.digest) == ({"origin": "ü"}, saved.digest)
    assert copied.lineage["copied"] == {"name": "a.csv", "version": saved.version, "store": saver.store.uri}
    assert there.search({"origin": "ü"}).names == ["a.csv"]
    back = there.copy("a.csv", saver, as_name="back/a.csv")
    assert back.uri.startswith("s3://" if place.is_s3 else "file://")
    pd.testing.assert_frame_equal(saver.get("back/a.csv"), frame())


def test_a_copy_with_history_keeps_the_order(saver, tmp_path):
    for number in range(5):
        saver.put("a.json", number, metadata={"n": number})
    there = Saver(tmp_path / "other store")
    saver.copy("a.json", there, history=True)
    assert [there.get("a.json", version=number + 1) for number in range(5)] == list(range(5))
    assert [found.metadata["n"] for found in there.history("a.json")] == [4, 3, 2, 1, 0]


def test_a_copy_with_history_that_was_interrupted_is_taken_up(saver, tmp_path, monkeypatch):
    for number in range(4):
        saver.put("a.json", 1, metadata={"n": number})
    there = Saver(tmp_path / "other store")
    send, sent = there.connection.send, []

    def send_two(*arguments):
        if len(sent) == 2:
            raise KeyboardInterrupt
        sent.append(send(*arguments))
        return sent[-1]

    monkeypatch.setattr(there.connection, "send", send_two)
    with pytest.raises(KeyboardInterrupt):
        saver.copy("a.json", there, history=True, as_name="b.json")
    monkeypatch.undo()
    assert not saver.copy("a.json", there, history=True, as_name="b.json").unchanged
    assert [found.metadata["n"] for found in there.history("b.json")] == [3, 2, 1, 0]
    again = saver.copy("a.json", there, history=True, as_name="b.json")
    assert again.unchanged
    assert again.version == there.history("b.json")[0].version
    assert len(there.history("b.json")) == 4
    saver.put("a.json", 1, metadata={"n": 4})
    saver.copy("a.json", there, history=True, as_name="b.json")
    assert [found.metadata["n"] for found in there.history("b.json")] == [4, 3, 2, 1, 0]


def test_altered_bytes_are_not_copied(local, tmp_path):
    saved = local.put("a.txt", "right")
    alter(local, saved, b"wrong")
    with pytest.raises(IntegrityError):
        local.copy("a.txt", tmp_path / "other")
    assert list(Saver(tmp_path / "other").store.scan()) == []


# Looking after it -----------------------------------------------------------------------------------


def test_verify_reads_every_version_and_finds_all_as_saved(saver):
    for number in range(3):
        saver.put("a.json", number)
    saver.put("b.txt", "x")
    saver.delete("b.txt")
    assert saver.verify().ok
    assert len(saver.verify().checked) == 4
    assert len(saver.verify("a.json").checked) == 3
    assert len(saver.verify("a.json", version=-1).checked) == 1


def test_verify_names_the_version_that_was_altered(local):
    saved = [local.put("a.txt", text) for text in ("one", "two", "six", "ten")]
    alter(local, saved[1], b"owt")
    data_file(local, saved[2]).unlink()
    found = local.verify()
    assert not found.ok
    assert {item.version for item in found.damaged} == {saved[1].version, saved[2].version}
    assert "4 versions checked, 2 damaged" in repr(found)
    assert saved[1].version in repr(found)


def test_reindex_builds_the_index_anew(saver):
    for number in range(3):
        saver.put(f"{number}.json", number, metadata={"n": number})
    assert saver.reindex() == 3
    assert saver.search({"n": 1}, refresh=False).names == ["1.json"]


def test_deleting_the_index_files_loses_nothing(place, saver):
    for number in range(3):
        saver.put("a.json", number, metadata={"n": number})
    saver.put("b.json", 1)
    saver.delete("b.json")
    shutil.rmtree(saver.settings.home / "index")
    assert [found.metadata["n"] for found in place.saver().search("n:>=1")] == [2, 1]
    assert place.saver().search(hidden=True, latest=True, sort="@name").names == ["a.json", "b.json"]


# Where it came from ---------------------------------------------------------------------------------


def test_versions_read_before_are_the_parents_of_what_is_saved_next(saver):
    first = saver.put("raw.json", 1)
    assert "parents" not in first.lineage or first.lineage["parents"] == []
    saver.get("raw.json")
    other = saver.put("other.json", 2, parents=())
    assert [(p["name"], p["version"]) for p in other.lineage["parents"]] == [("raw.json", first.version)]
    reads.clear()
    made = saver.put("made.json", 3, parents=[other])
    assert [(p["name"], p["version"]) for p in made.lineage["parents"]] == [("other.json", other.version)]
    assert "raw.json" in str(saver.lineage("made.json"))
    assert "other.json" in str(saver.describe("made.json"))


def test_lineage_can_be_switched_off(tmp_path):
    assert Saver(tmp_path / "store", lineage=False).put("a.json", 1).lineage == {}


# Files and folders ----------------------------------------------------------------------------------


def test_a_file_is_put_and_got_as_it_is(saver, tmp_path):
    data = os.urandom(300_000)
    (tmp_path / "video.mp4").write_bytes(data)
    saved = saver.put("clips/video.mp4", tmp_path / "video.mp4")
    assert (saved.size, saved.format) == (len(data), "file")
    there = saver.get("clips/video.mp4", to=tmp_path / "here.mp4")
    assert there == tmp_path / "here.mp4"
    assert there.read_bytes() == data
    assert saver.get("clips/video.mp4").read_bytes() == data
    assert saver.get("clips/video.mp4", as_="bytes") == data


def test_any_object_can_be_got_to_a_file(saver, tmp_path):
    saver.put("a.csv", frame())
    there = saver.get("a.csv", to=str(tmp_path / "x.csv"))
    assert there.read_text(encoding="utf-8-sig").startswith("id,views,title\n")


@pytest.mark.parametrize("name", ["video.mp4", "Makefile", "data/Makefile"])
@pytest.mark.parametrize("empty", [True, False], ids=["empty", "not empty"])
def test_a_file_got_to_a_folder_goes_into_it_under_its_own_name(local, tmp_path, name, empty):
    (tmp_path / "source").write_bytes(b"all: test\n")
    local.put(name, tmp_path / "source")
    folder = tmp_path / "folder"
    folder.mkdir()
    if not empty:
        (folder / "other").touch()
    there = local.get(name, to=folder)
    assert there == folder / name.rpartition("/")[2]
    assert there.read_bytes() == b"all: test\n"


def test_a_folder_is_put_and_got_with_everything_in_it(saver, tmp_path):
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "w.bin").write_bytes(os.urandom(100_000))
    (folder / "readme ü.txt").write_text("hello")
    saver.put("models/best", folder)

    def inside(root: Path) -> dict[str, bytes]:
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "new", tmp_path / "empty"):
        assert saver.get("models/best", to=target) == target
        assert inside(target) == inside(folder)
    assert inside(saver.get("models/best")) == inside(folder)
    assert saver.get("models/best", to=tmp_path / "new") == tmp_path / "new"  # it is there already
    assert inside(tmp_path / "new") == inside(folder)


def test_a_large_folder_from_a_bucket_goes_into_an_empty_folder(line, tmp_path):
    saver, _ = line
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "w.npz").write_bytes(os.urandom(17 * 2**20))  # more than is held in memory
    saver.put("big", tmp_path / "big")
    (tmp_path / "empty").mkdir()
    assert saver.get("big", to=tmp_path / "empty") == tmp_path / "empty"
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["w.npz"]


def test_a_file_that_is_there_is_replaced_in_one_step_or_left_alone(local, tmp_path):
    (tmp_path / "target").write_bytes(b"before")
    saved = local.put("a.txt", "after")
    local.get("a.txt", to=tmp_path / "target", force=True)
    assert (tmp_path / "target").read_bytes() == b"after"
    (tmp_path / "target").write_bytes(b"mine")
    alter(local, saved, b"wrong")
    with pytest.raises(IntegrityError):
        local.get("a.txt", to=tmp_path / "target", force=True)
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "target"]


def test_a_different_file_that_is_there_is_only_replaced_by_force(saver, tmp_path):
    saved = saver.put("a.txt", "after")
    target = tmp_path / "target.txt"
    target.write_text("mine")
    with pytest.raises(AlreadyThere, match="is there already") as caught:
        saver.get("a.txt", to=target)
    assert isinstance(caught.value, FileExistsError)
    assert target.read_text() == "mine"
    told = caught.value.hint.partition("    #")[0]
    assert eval(told, {"saver": saver}) == target  # what the error says to type works
    assert target.read_text() == "after"
    before = target.stat().st_mtime_ns
    assert saver.get("a.txt", to=target, version=saved) == target  # the same is left alone
    assert target.stat().st_mtime_ns == before


def test_a_file_in_a_folder_that_is_there_is_not_overwritten_either(local, tmp_path):
    local.put("data/a.txt", "after")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(AlreadyThere):
        local.get("data/a.txt", to=tmp_path)
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_nothing_is_sent_of_a_file_whose_place_is_taken(line, tmp_path):
    saver, proxy = line
    saver.put("a.bin", b"x" * 1000)
    (tmp_path / "a.bin").write_bytes(b"mine")
    proxy.forget()
    with pytest.raises(AlreadyThere):
        saver.get("a.bin", to=tmp_path / "a.bin")
    assert asked(proxy) == ["HEAD"]
    proxy.forget()
    saver.get("a.bin", to=tmp_path / "b.bin")
    assert asked(proxy) == ["GET"]


@pytest.mark.parametrize("change", ["another file", "other bytes", "one less"])
def test_a_folder_that_is_there_is_neither_added_to_nor_replaced(local, tmp_path, change):
    (tmp_path / "run" / "in").mkdir(parents=True)
    (tmp_path / "run" / "w.bin").write_bytes(b"12")
    (tmp_path / "run" / "link").symlink_to("w.bin")
    local.put("runs/1", tmp_path / "run")
    out = tmp_path / "out"
    for _ in range(2):
        assert local.get("runs/1", to=out) == out
        assert sorted(path.name for path in out.iterdir()) == ["in", "link", "w.bin"]
    if change == "another file":
        (out / "in" / "mine").touch()
    elif change == "other bytes":
        (out / "w.bin").write_bytes(b"21")
    else:
        (out / "link").unlink()
    kept = sorted(path.relative_to(out) for path in out.rglob("*"))
    for force in (False, True):
        with pytest.raises(AlreadyThere, match="never replaced") as caught:
            local.get("runs/1", to=out, force=force)
        assert f"mv {out} {out}.old" in caught.value.hint
        assert sorted(path.relative_to(out) for path in out.rglob("*")) == kept


def test_force_never_replaces_what_is_no_file(local, tmp_path):
    local.put("a.txt", "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AlreadyThere, match="never replaced"):
        local.get("a.txt", to=tmp_path / "pipe", force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_whose_name_begins_with_a_tilde_is_a_file(local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local.put("a.txt", "x")
    assert local.get("a.txt", to="~x.txt") == tmp_path / "~x.txt"
    assert (tmp_path / "~x.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("missing/x.txt", "does not exist"),
        ("n" * 256, "File name too long"),
        ("file/x.txt", "does not exist"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_told_with_what_to_do(local, tmp_path, target, said):
    (tmp_path / "file").touch()
    local.put("a.txt", "x")
    with pytest.raises(JskError, match=said) as caught:
        local.get("a.txt", to=tmp_path / target)
    assert caught.value.hint


def test_a_name_longer_than_any_file_name_still_has_a_path_and_goes_into_a_folder(local, tmp_path):
    name = "n" * 300 + ".txt"
    local.put(name, "x")
    (tmp_path / "folder").mkdir()
    for path in (local.get(name, as_="path"), local.get(name, to=tmp_path / "folder")):
        assert path.suffix == ".txt"
        assert path.read_text() == "x"


def test_a_file_written_to_while_it_is_saved_makes_no_version(local, tmp_path, monkeypatch):
    before = local.put("log.txt", "before")
    file = tmp_path / "log.txt"
    file.write_text("first line\n")
    put = type(local.store).put

    def put_and_write(store, *arguments):
        stored = put(store, *arguments)
        with file.open("a") as out:
            out.write("second line\n")
        return stored

    monkeypatch.setattr(type(local.store), "put", put_and_write)
    with pytest.raises(CannotRepresent, match="was changed while it was being saved") as caught:
        local.put("log.txt", file)
    assert "Put it again" in caught.value.hint
    assert [found.version for found in local.history("log.txt")] == [before.version]
    assert local.get("log.txt") == "before"


def test_a_file_replaced_by_another_while_it_is_saved_is_saved_as_it_was(local, tmp_path, monkeypatch):
    file = tmp_path / "checkpoint.bin"
    file.write_bytes(b"epoch 1")
    (tmp_path / "next").write_bytes(b"epoch 2")
    put = type(local.store).put

    def put_and_replace(store, *arguments):
        stored = put(store, *arguments)
        (tmp_path / "next").replace(file)
        return stored

    monkeypatch.setattr(type(local.store), "put", put_and_replace)
    local.put("checkpoint.bin", file)
    assert local.get("checkpoint.bin", as_="bytes") == b"epoch 1"


def test_writing_to_a_path_that_was_given_out_does_not_change_what_is_given_next(saver, tmp_path):
    (tmp_path / "a.dat").write_bytes(b"right")
    saver.put("a.dat", tmp_path / "a.dat")
    path = saver.get("a.dat")
    path.chmod(0o644)
    path.write_bytes(b"wrong")
    assert saver.get("a.dat").read_bytes() == b"right"
    assert saver.get("a.dat", as_="bytes") == b"right"


@pytest.mark.parametrize("settings", [{"cache": False}, {"cache_size": 0}, {"cache_size": 1000}], ids=str)
def test_a_path_is_there_when_it_is_returned_whatever_the_cache_may_hold(place, tmp_path, settings):
    (tmp_path / "a.dat").write_bytes(b"x" * 50_000)
    saver = place.saver(**settings)
    saver.put("a.dat", tmp_path / "a.dat")
    assert saver.get("a.dat").read_bytes() == b"x" * 50_000


def test_a_bar_shows_for_much_and_none_for_little_or_where_it_is_switched_off(place, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SHOWN_ABOVE", 100_000)
    monkeypatch.setattr(connection, "SHOWN_ABOVE", 100_000)
    saver = place.saver()
    saver.put("little.bin", b"x")
    saver.get("little.bin")
    place.saver(progress=False).put("much.bin", b"x" * 200_000)
    assert capsys.readouterr().err == ""
    saver.put("much.bin", b"x" * 200_000)
    assert "put much.bin" in capsys.readouterr().err
    saver.get("much.bin")
    assert "get much.bin" in capsys.readouterr().err
    place.saver(progress=False).get("much.bin")
    assert capsys.readouterr().err == ""


# Requests and the cache -----------------------------------------------------------------------------


def asked(proxy) -> list[str]:
    return [request.method for request in proxy.requests]


def test_a_put_and_a_get_of_a_small_json_are_one_request_each(line):
    saver, proxy = line
    saver.put("a.json", {"x": "y" * 1000}, metadata={"origin": "youtube"})
    assert asked(proxy) == ["PUT"]
    proxy.forget()
    assert saver.get("a.json") == {"x": "y" * 1000}
    assert asked(proxy) == ["GET"]


def test_a_put_after_many_reads_is_still_one_request(line):
    saver, proxy = line
    parts = [saver.put(f"features/part-{number:03}.json", number) for number in range(40)]
    for part in parts:
        saver.get(part)
    proxy.forget()
    saved = saver.put("model.json", {"k": 5}, metadata={"origin": "youtube", "accuracy": 0.97})
    assert asked(proxy) == ["PUT"]
    named = [parent["name"] for parent in saved.lineage["parents"]]
    assert named == [part.name for part in parts[-len(named) :]]
    assert saved.lineage["reads"] == 40


def test_a_get_of_one_version_is_one_request_the_first_time_and_none_the_second(line):
    saver, proxy = line
    saved = saver.put("a.json", [1])
    proxy.forget()
    assert saver.get("a.json", version=saved) == [1]
    assert asked(proxy) == ["GET"]
    proxy.forget()
    assert saver.get("a.json", version=saved.version) == [1]
    assert asked(proxy) == []


def test_a_part_of_a_version_in_a_bucket_is_found_in_its_history(line):
    saver, proxy = line
    saved = [saver.put("a.json", number) for number in range(2)]
    proxy.forget()
    assert saver.get("a.json", version=saved[0].version[-7:]) == 0
    assert asked(proxy) == ["GET", "GET", "GET"]  # not found, the versions of the name, the one


def test_a_get_by_pattern_asks_about_that_name_only(line):
    saver, proxy = line
    for number in range(5):
        saver.put("a.json", number, metadata={"n": number})
        saver.put(f"{number}.json", number)
    proxy.forget()
    assert saver.get("a.json", search_pattern={"n": 3}) == 3
    assert asked(proxy) == ["GET", "GET"]  # the versions of one name, and the one that fits
    assert "versions" in proxy.requests[0].query


def test_the_newest_of_a_large_object_is_not_sent_again_when_it_is_here(line):
    saver, proxy = line
    data = os.urandom(9 * 2**20)
    saver.put("a.bin", data)
    assert saver.get("a.bin") == data
    proxy.forget()
    assert saver.get("a.bin") == data
    assert asked(proxy) == ["HEAD"]
    saver.put("a.bin", b"new")
    assert saver.get("a.bin") == b"new"


@pytest.mark.parametrize("settings", [{"cache": False}, {"cache_size": 0}], ids=str)
def test_the_cache_is_off_with_one_setting(line, settings):
    saver, proxy = line
    other = Saver(saver.store.uri, **settings)
    saved = other.put("a.json", [1])
    proxy.forget()
    for _ in range(2):
        assert other.get("a.json", version=saved) == [1]
    assert asked(proxy) == ["GET", "GET"]
    assert list(saver.settings.home.rglob("*.data")) == []


def test_altered_bytes_in_the_cache_are_got_anew_from_the_store(line):
    saver, proxy = line
    saved = saver.put("a.bin", b"right")
    saver.get("a.bin", version=saved)
    (data,) = [path for path in saver.settings.home.rglob("*.data") if path.read_bytes() == b"right"]
    data.write_bytes(b"wrong")
    proxy.forget()
    assert saver.get("a.bin", version=saved) == b"right"
    assert asked(proxy) == ["GET"]


def test_a_version_that_others_may_replace_is_never_cached(ceph, point_at):
    """What was written before a bucket kept versions has the id ``null``, and so has what replaces it."""
    point_at(ceph)
    place = at_server(ceph, versioned=False)
    saver, client = place.saver(), ceph.client()
    store = saver.store

    def versioning(status: str) -> None:
        client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": status})

    for number in range(2):
        versioning("Enabled")
        saved = place.saver().put("a.json", number)
        headers = client.head_object(Bucket=store.bucket, Key=store.key("a.json"), VersionId=saved.version)
        versioning("Suspended")
        client.put_object(
            Bucket=store.bucket, Key=store.key("a.json"), Body=b"%d\n" % number, Metadata=headers["Metadata"]
        )
        assert saver.get("a.json", version="null") == number


# Altered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"as_": "bytes"}, {"as_": "path"}, {"to": "x"}], ids=str)
def test_altered_bytes_in_a_folder_are_an_integrity_error_however_they_are_wanted(
    local, tmp_path, monkeypatch, how
):
    monkeypatch.chdir(tmp_path)
    saved = local.put("a.txt", "the right words")
    for wrong in (b"the wrong words", b"", b"the right words and more", b"\xff\xfe"):
        alter(local, saved, wrong)
        with pytest.raises(IntegrityError, match="were altered in the store") as caught:
            local.get("a.txt", **how)
        assert caught.value.kept
        assert 'saver.history("a.txt")' in caught.value.hint
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("of", ["request", "response"])
def test_bytes_altered_on_their_way_are_an_integrity_error_never_a_wrong_object(line, of):
    saver, proxy = line
    if of == "request":
        proxy.alter_next("PUT", at=5, of="request")
    saved = saver.put("a.json", {"x": "y" * 1000})
    if of == "request":  # the store saw it, and was sent it once more
        assert asked(proxy) == ["PUT", "PUT"]
        assert saver.verify("a.json").ok
    else:
        proxy.alter_next("GET", at=5)
        with pytest.raises(IntegrityError, match="were altered"):
            saver.get("a.json")
    assert saver.get("a.json", version=saved) == {"x": "y" * 1000}


def test_an_altered_pickle_is_never_loaded_not_even_to_find_out(local, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    local.put("a.pickle", {1})
    saved = local.put("a.pickle", {1, 2})
    alter(local, saved, pickle.dumps(Bomb()))
    for ask in (local.get, local.diff):
        with pytest.raises(IntegrityError):
            ask("a.pickle", allow_pickle=True)
    assert not (tmp_path / "exploded").exists()


def test_bytes_that_are_altered_and_cannot_be_read_either_are_told_as_altered(local):
    saved = local.put("a.json", {"x": 1})
    alter(local, saved, b"{{{{")
    with pytest.raises(IntegrityError):
        local.get("a.json")


# What others wrote ----------------------------------------------------------------------------------


def test_objects_that_other_tools_wrote_are_found_and_read_by_their_extension(line):
    saver, _ = line
    client, store = saver.store.client, saver.store
    client.put_object(
        Bucket=store.bucket, Key=store.key("theirs.json"), Body=b'{"x": 1}', Metadata={"who": "me"}
    )
    assert saver.get("theirs.json") == {"x": 1}
    assert saver.search({"who": "me"}).names == ["theirs.json"]
    assert saver.get("theirs.json", search_pattern={"who": "me"}) == {"x": 1}
    assert saver.verify("theirs.json").ok
    saver.put("theirs.json", {"x": 2})
    saver.restore("theirs.json", version=1)
    assert saver.get("theirs.json") == {"x": 1}


# Homes that cannot be written to --------------------------------------------------------------------


def test_a_home_that_cannot_be_written_to_costs_speed_and_nothing_else(place, tmp_path):
    (tmp_path / "home").write_text("a file, where the kit would like a folder")
    saver = place.saver(home=str(tmp_path / "home"))
    saver.put("a.json", 1, metadata={"origin": "x"})
    saved = saver.put("a.json", 2, metadata={"origin": "x"})
    assert saver.get("a.json") == saver.get("a.json", version=saved) == 2
    assert len(saver.search({"origin": "x"})) == 2
    saver.delete("a.json")
    assert saver.restore("a.json").version == saved.version
    assert json.dumps(saver.history("a.json")[0].to_dict())
