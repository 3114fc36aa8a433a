"""What the verbs tell of where versions come from, also after copies and in odd surroundings."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver import Saver
from jsk_saver.errors import IntegrityError, InvalidMetadata, NotFound
from jsk_saver.lineage import reads
from jsk_saver.record import Record
from tests.stores import places

place = places.place
SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture(autouse=True)
def nothing_read_yet(monkeypatch):
    """Let no test be a parent of another's versions, and nothing be wrapped."""
    monkeypatch.setenv("COLUMNS", "400")
    reads.clear()


@pytest.fixture
def saver(place):
    return place.saver()


@pytest.fixture
def local(tmp_path):
    return Saver(tmp_path / "store", home=str(tmp_path / "home"))


@pytest.fixture
def other(tmp_path):
    return Saver(tmp_path / "another store", home=str(tmp_path / "home"))


def edges(graph) -> set[tuple[str, str, str]]:
    """Return child, how and parent of each edge."""
    return {(edge.child[1], edge.how, edge.parent[1]) for edge in graph.edges}


def missing(graph) -> set[str]:
    return {node.name for node in graph.nodes if node.missing}


# Parents --------------------------------------------------------------------------------------------


def test_what_was_only_read_and_what_was_named_are_told_apart(local):
    raw, seen = local.put("raw.json", 1), local.put("seen.json", 2)
    local.get("seen.json")
    made = local.put("made.json", 3, parents=[raw])
    assert edges(local.lineage(made)) == {
        ("made.json", "made from", "raw.json"),
        ("made.json", "read before", "seen.json"),
    }
    shown = str(local.describe(made))
    assert f"made from    raw.json  {raw.version}" in shown
    assert f"read before  seen.json  {seen.version}" in shown
    tree = str(local.lineage(made))
    assert "(read before)" in next(line for line in tree.splitlines() if "seen.json" in line)
    assert "(" not in next(line for line in tree.splitlines() if "raw.json" in line)
    assert local.lineage(made).mermaid.count(" -.-> ") == 1
    assert "read before it was saved" in local.lineage(made).svg


def test_a_parent_in_another_store_is_found_there(saver, other):
    raw = other.put("raw.json", 1)
    made = saver.put("made.json", 2, parents=[raw])
    assert made.lineage["parents"] == [
        {"name": "raw.json", "version": raw.version, "store": other.store.uri, "given": True}
    ]
    graph = saver.lineage(made)
    assert edges(graph) == {("made.json", "made from", "raw.json")}
    assert missing(graph) == set()


def test_parents_from_a_search_and_a_history_know_their_store(local, other):
    other.put("raw.json", 1)
    for found in (other.search(name="raw.json")[0], other.history("raw.json")[0]):
        made = local.put("made.json", 2, parents=[found])
        assert made.lineage["parents"][0]["store"] == other.store.uri


def test_without_lineage_the_parents_that_were_named_are_kept(tmp_path):
    saver = Saver(tmp_path / "store", home=str(tmp_path / "home"), lineage=False)
    raw = saver.put("raw.json", 1)
    saver.get("raw.json")
    assert saver.put("other.json", 2).lineage == {}
    made = saver.put("made.json", 3, parents=[raw])
    assert made.lineage == {"parents": [{"name": "raw.json", "version": raw.version, "given": True}]}
    with pytest.raises(InvalidMetadata):
        saver.put("made.json", 3, parents=["raw.json"])


def test_in_a_step_only_its_own_reads_come_before_a_put(local):
    for name in ("old.json", "raw.json"):
        local.put(name, 1)
    local.get("old.json")
    with local.step():
        local.get("raw.json")
        inside = local.put("inside.json", 2)
    outside = local.put("outside.json", 3)
    assert [parent["name"] for parent in inside.lineage["parents"]] == ["raw.json"]
    assert [parent["name"] for parent in outside.lineage["parents"]] == ["old.json", "raw.json"]


def test_a_function_can_be_a_step(local):
    local.put("old.json", 1)
    local.get("old.json")

    @local.step()
    def work():
        return local.put("made.json", 2)

    assert [work().lineage.get("parents") for _ in range(2)] == [None, None]


def test_going_back_comes_from_the_old_version_and_from_nothing_read_since(local):
    first = local.put("a.json", 1)
    local.put("a.json", 2)
    for number in range(30):
        local.get("a.json", version=local.put("part.json", number, if_changed=False) and first)
        local.get("part.json")
    back = local.restore("a.json", version=first)
    assert not {"parents", "truncated", "reads"} & set(back.lineage)
    assert edges(local.lineage(back)) == {("a.json", "restored from", "a.json")}


# Copies ---------------------------------------------------------------------------------------------


def test_a_copy_has_the_ancestry_of_what_it_is_a_copy_of(saver, other):
    saver.put("raw.json", 1)
    saver.get("raw.json")
    made = saver.put("made.json", 2)
    copied = saver.copy("made.json", other, as_name="kept/made.json")
    graph = other.lineage(copied)
    assert edges(graph) == {
        ("kept/made.json", "copied from", "made.json"),
        ("made.json", "read before", "raw.json"),
    }
    assert missing(graph) == set()
    assert f"made.json  {made.version}  in {saver.store.uri}" in str(other.describe(copied))


def test_a_copy_still_has_it_when_its_source_is_gone(local, other):
    raw = local.put("raw.json", 1)
    first = local.put("made.json", 2, parents=[raw])
    local.put("made.json", 3)
    back = local.restore("made.json", version=first)
    copied = local.copy("made.json", other, version=first)
    restored = local.copy("made.json", other, version=back, as_name="back.json")
    local.purge("made.json", version=back, yes=True)
    assert edges(other.lineage(restored)) == {
        ("back.json", "copied from", "made.json"),
        ("made.json", "restored from", "made.json"),
        ("made.json", "made from", "raw.json"),
    }
    local.purge("made.json", yes=True)
    assert edges(other.lineage(copied)) == {
        ("made.json", "copied from", "made.json"),
        ("made.json", "made from", "raw.json"),
    }
    assert missing(other.lineage(copied)) == {"made.json"}


def test_a_copy_brought_home_names_its_parents_without_a_store(local, other):
    raw = local.put("raw.json", 1)
    local.put("made.json", 2, parents=[raw])
    there = local.copy("made.json", other)
    assert there.lineage["parents"][0]["store"] == local.store.uri
    home = other.copy("made.json", local, as_name="again.json")
    assert home.lineage["parents"] == [{"name": "raw.json", "version": raw.version, "given": True}]
    assert [len(told.edges) for told in (other.lineage(there), local.lineage(home))] == [2, 3]


def test_a_copy_brings_its_list_of_packages(saver, tmp_path):
    saved = saver.put("a.json", 1)
    # Another machine: it does not remember which lists it has written to that store.
    there = Saver(tmp_path / "elsewhere", home=str(tmp_path / "another home"))
    saver.copy("a.json", there)
    assert there.packages("a.json") == saver.packages(saved) != []


@pytest.mark.parametrize("key", ["copied", "restored"])
@pytest.mark.parametrize("odd", [3, ["a.json"], {"name": "a.json"}, {"name": "a.json", "version": 3}])
def test_a_record_that_names_no_version_where_it_should_is_damaged(local, key, odd):
    plain = local.connection.head("a.json", local.put("a.json", 1).version).to_json()
    good = plain | {"lineage": {key: {"name": "a.json", "version": "1", "store": "s3://there"}}}
    assert Record.from_json("a.json", "2", good).lineage == good["lineage"]
    with pytest.raises(IntegrityError, match=key):
        Record.from_json("a.json", "2", plain | {"lineage": {key: odd}})


# Packages -------------------------------------------------------------------------------------------


def test_packages_are_listed_and_counted(saver):
    saved = saver.put("a.json", 1)
    listed = saver.packages("a.json")
    assert any(line.startswith("pytest==") for line in listed)
    assert listed == saver.packages(saved) == saver.packages("a.json", version=1)
    assert saver.describe(saved).to_dict()["installed"] == len(listed)
    assert f"{len(listed):,} (digest {saved.lineage['packages']})" in str(saver.describe(saved))


def test_packages_that_are_not_known_are_a_named_error_and_no_trouble_to_a_description(local, tmp_path):
    saved = local.put("a.json", 1)
    (note,) = Path(local.store.uri).rglob("packages/*.txt")
    note.chmod(0o644)
    note.unlink()
    with pytest.raises(NotFound, match="no longer in"):
        local.packages(saved)
    assert f"digest {saved.lineage['packages']}" in str(local.describe(saved))
    bare = Saver(tmp_path / "bare", home=str(tmp_path / "home"), lineage=False)
    with pytest.raises(NotFound, match="not in its lineage"):
        bare.packages(bare.put("a.json", 1))


# Descendants ----------------------------------------------------------------------------------------


def test_a_description_tells_what_was_made_from_a_version(local, other):
    raw = local.put("raw.json", 1)
    newer = local.put("raw.json", 2)
    made = local.put("made.json", 3, parents=[raw])
    local.get(raw)
    after = local.put("after.json", 4)
    other.put("made.json", 5, parents=[newer])
    told = local.describe(raw).to_dict()["children"]
    assert sorted(told, key=lambda child: child["name"]) == [
        {"name": "after.json", "version": after.version},
        {"name": "made.json", "version": made.version, "given": True},
    ]
    assert local.describe(newer).to_dict()["children"] == []
    sentences = local.describe(raw).sentences
    assert "1 known version was made from it. 1 known version was saved after reading it." in sentences


# Scripts and odd surroundings -----------------------------------------------------------------------

PROGRAM = """
from jsk_saver import Saver
import sys
saved = Saver(sys.argv[1]).put("a.json", 1)
print(saved)
"""


def run(tmp_path, folder, *command, program=PROGRAM, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JSK_", "GIT_"))}
    kept |= {"PYTHONPATH": SOURCE, "JSK_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    kept = {key: value for key, value in (kept | environment).items() if value is not None}
    done = subprocess.run(
        [*command, sys.executable, "-", str(tmp_path / "store")],
        cwd=folder, env=kept, input=textwrap.dedent(program), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_piped_into_python_has_no_notebook(tmp_path):
    said = run(tmp_path, tmp_path)
    assert "<stdin>" not in said
    assert "notebook" not in said


def make_repository(folder: Path, *options: str) -> Path:
    subprocess.run(["git", "init", "-q", *options, str(folder)], check=True)
    return folder


@pytest.mark.parametrize(
    "environment",
    [{"HOME": None}, {"PATH": "/nowhere"}, {"USER": None, "LOGNAME": None, "HOME": "/nowhere"}],
    ids=["no home", "no git", "no user"],
)
def test_a_put_works_in_odd_surroundings(tmp_path, environment):
    make_repository(tmp_path / "repo")
    assert "saved a.json" in run(tmp_path, tmp_path / "repo", **environment)


def test_a_put_in_a_bare_repository_works(tmp_path):
    assert "saved a.json" in run(tmp_path, make_repository(tmp_path / "bare", "--bare"))


def test_a_git_that_hangs_delays_only_the_first_put_and_by_less_than_a_second(tmp_path):
    folder = make_repository(tmp_path / "repo")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tools / "git").chmod(0o755)
    asked = """
    import sys
    from jsk_saver import Saver
    from jsk_saver.lineage import git
    assert git.TIMEOUT < 1
    real, calls = git._git, []
    git._git = lambda *arguments: calls.append(arguments[1]) or real(*arguments)
    saver = Saver(sys.argv[1])
    saver.put("a.json", 1)
    assert len(set(calls)) <= 2, "each deadline is part of the same one"
    before = len(calls)
    print(saver.put("a.json", 2).lineage["dirty"], len(calls) - before)
    """
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    assert run(tmp_path, folder, program=asked, PATH=path) == "unknown 0\n"


def test_a_put_beside_very_many_untracked_files_works(tmp_path):
    folder = make_repository(tmp_path / "repo")
    for part in range(20):
        (folder / f"runs/{part}").mkdir(parents=True)
        for number in range(250):
            (folder / f"runs/{part}/{number}.log").touch()
    said = run(tmp_path, folder)
    assert "with uncommitted changes" in said or "(no commit yet" in said or "no commit yet on" in said


def test_a_put_by_a_number_without_a_name_and_a_home_works(tmp_path):
    program = """
    import os, pwd, sys

    def unknown(number):
        raise KeyError(number)

    pwd.getpwuid = unknown
    from jsk_saver import Saver
    print(Saver(sys.argv[1]).put("a.json", 1).lineage["user"])
    """
    nobody = dict.fromkeys(("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"))
    assert run(tmp_path, tmp_path, program=program, **nobody) == f"{os.getuid()}\n"
