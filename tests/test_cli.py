"""The ``jsk`` command: what it prints, where, and what it exits with."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jsk_saver import Saver
from jsk_saver.cli import metadata
from jsk_saver.cli.app import app
from jsk_saver.cli.failures import for_the_shell
from jsk_saver.cli.session import version_of
from jsk_saver.errors import InvalidMetadata, StoreUnreachable
from jsk_saver.payload import TEMPORARY
from jsk_saver.stores.local import LocalStore
from jsk_saver.terminal import BROKEN_PIPE, INTERRUPTED

JSK = [sys.executable, "-m", "jsk_saver.cli"]
COMMANDS = [
    *("put", "get", "search", "history", "describe", "diff", "lineage", "copy", "delete", "restore"),
    *("purge", "verify", "reindex", "doctor", "spool list", "spool push", "spool drop"),
]


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Work in an empty folder, with a store of its own."""
    for name in list(os.environ):
        if name.startswith("JSK_") and name != "JSK_HOME":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JSK_LINEAGE", "off")  # what it costs and tells is tested elsewhere


@pytest.fixture
def saver() -> Saver:
    """The saver that the command uses too."""
    return Saver()


def jsk(*arguments: str, code: int = 0, stdin: str | bytes | None = None):
    """Run a command in this process, and check what it exits with."""
    done = CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)
    assert done.exit_code == code, (done.exit_code, done.stdout, done.stderr)
    return done


def answer(*arguments: str, code: int = 0, stdin: str | bytes | None = None):
    """Return what a command answers in JSON, on a standard output that holds nothing else."""
    return json.loads(jsk(*arguments, "--json", code=code, stdin=stdin).stdout)


def process(*arguments: str, **more) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen([*JSK, *arguments], **pipes)


def error_of(*arguments: str, code: int) -> str:
    """Return what a command that fails says, which goes to the standard error stream alone."""
    done = jsk(*arguments, code=code)
    assert done.stdout == ""
    return done.stderr


# Put ------------------------------------------------------------------------------------------------


def test_put_saves_the_file_as_it_is_with_typed_metadata(saver):
    Path("channels.csv").write_bytes(b"id,x\r\n007,1\r\n")
    saved = answer(
        *("put", "channels.csv", "--meta", "origin=youtube", "-m", "rows=1500", "-m", "model.kind=tree"),
        *("--meta-json", '{"draft": false}'),
    )
    assert saved["name"] == "channels.csv"
    assert saved["format"] == "file"
    assert saved["metadata"] == {
        "draft": False,
        "origin": "youtube",
        "rows": 1500,
        "model": {"kind": "tree"},
    }
    assert saver.get("channels.csv", as_="bytes") == b"id,x\r\n007,1\r\n"
    assert saved == saver.describe("channels.csv").saved.to_dict()


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [
        ("data/a.csv", None, "data/a.csv"),
        ("./data/../data/a.csv", None, "data/a.csv"),
        ("data/a.csv", "b.csv", "b.csv"),
        ("data/a.csv", "raw/", "raw/a.csv"),
        ("../outside.csv", None, "outside.csv"),
        ("{here}/data/a.csv", None, "a.csv"),
        ("data", None, "data"),
        (".", None, "here"),
        ("./", None, "here"),
        ("..", None, "{above}"),
        (".", "runs/", "runs/here"),
        ("~$lock.xlsx", None, "~$lock.xlsx"),
        ("..data", None, "..data"),
    ],
)
def test_put_without_a_name_takes_the_path_unless_that_climbs_out(
    tmp_path, monkeypatch, file, name, expected
):
    here = tmp_path / "here"
    (here / "data").mkdir(parents=True)
    (here / "data" / "a.csv").write_text("a")
    (tmp_path / "outside.csv").write_text("b")
    (here / "~$lock.xlsx").write_text("c")
    (here / "..data").write_text("d")
    monkeypatch.chdir(here)
    given = [file.format(here=here), *([name] if name else [])]
    assert answer("put", *given)["name"] == expected.format(above=tmp_path.name)


def test_put_reads_what_is_piped_in_and_leaves_no_temporary_file(saver, own_home):
    saved = answer("put", "-", "backups/lab.sql", stdin=b"\x00\xff dump")
    assert saved["size"] == 7
    assert saver.get("backups/lab.sql", as_="bytes") == b"\x00\xff dump"
    assert list(own_home.rglob(f"{TEMPORARY}*")) == []
    assert "jsk put - NAME" in error_of("put", "-", code=2)


def test_put_if_changed_says_that_nothing_was_new():
    Path("a.txt").write_text("same")
    first = answer("put", "a.txt")
    assert answer("put", "a.txt", "--if-changed") == {**first, "unchanged": True}
    assert answer("put", "a.txt")["version"] != first["version"]


def test_put_of_a_file_that_is_not_there_is_wrong_usage():
    message = error_of("put", "nope.csv", code=2)
    assert "There is no file 'nope.csv'" in message
    assert "Next: Check the path." in message


@pytest.mark.parametrize(
    ("pairs", "text", "message"),
    [
        (["origin"], None, "takes key=value"),
        (["=1"], None, "takes key=value"),
        (["a=1", "a=2"], None, "given twice"),
        (["a=1", "a.b=2"], None, "has a value already"),
        (["a.=1"], None, "is empty"),
        (["a=1"], '{"a": 2}', "given twice"),
        ([], "[1]", "must be an object"),
        ([], "{", "is not JSON"),
        ([], '{"a": NaN}', "is not JSON"),
        ([], "@nope.json", "cannot be read"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused(pairs, text, message):
    with pytest.raises(InvalidMetadata, match=message):
        metadata.parse(pairs, text)


def test_metadata_may_come_from_a_file():
    Path("meta.json").write_text('{"größe": [1, 2]}')
    assert metadata.parse(["x=a=b", 'y="5"', "z=NaN", "n=null"], "@meta.json") == {
        "größe": [1, 2],
        "x": "a=b",
        "y": "5",
        "z": "NaN",
        "n": None,
    }


# Get ------------------------------------------------------------------------------------------------


def test_get_writes_the_file_here_and_overwrites_only_when_told(saver):
    saver.put("data/a.txt", "one")
    told = answer("get", "data/a.txt")
    assert Path("a.txt").read_text() == "one"
    assert told["path"] == str(Path("a.txt").absolute())
    saver.put("data/a.txt", "two")
    message = error_of("get", "data/a.txt", code=5)
    assert "a.txt' is there already" in message
    assert "Next: jsk get data/a.txt --force" in message
    assert Path("a.txt").read_text() == "one"
    jsk("get", "data/a.txt", "--force")
    assert Path("a.txt").read_text() == "two"


@pytest.mark.parametrize("chosen", [[], ["--version", "1"], ["--version", "-2"], ["--where", "n:<2 n:>0"]])
def test_the_command_that_replaces_a_file_names_all_that_was_asked_for(saver, tmp_path, chosen):
    """Typed as it is told, it must not overwrite another file here, nor write another version."""
    other = Saver(tmp_path / "other store")
    for number in range(3):
        other.put("a.txt", f"text {number}", metadata={"n": number})
    Path("a.txt").write_text("mine")
    Path("my copy.txt").write_text("old")
    asked = ["get", "a.txt", "--to", "my copy.txt", "--store", "other store", *chosen]
    message = error_of(*asked, code=5)
    (told,) = re.findall(r"Next: jsk (.*?)    #", message)
    jsk(*shlex.split(told))
    assert Path("a.txt").read_text() == "mine"
    jsk("get", "a.txt", "--to", "expected", "--store", "other store", *chosen)
    assert Path("my copy.txt").read_text() == Path("expected").read_text()


def test_get_writes_where_it_is_told(saver):
    saver.put("a.txt", "one")
    Path("folder").mkdir()
    jsk("get", "a.txt", "--to", "folder")
    jsk("get", "a.txt", "--to", "folder/b.txt")
    assert sorted(path.name for path in Path("folder").iterdir()) == ["a.txt", "b.txt"]
    assert "mkdir -p" in error_of("get", "a.txt", "--to", "nowhere/c.txt", code=1)


def test_get_streams_exactly_the_bytes(saver, tmp_path):
    data = bytes(range(256)) * 20_000
    (tmp_path / "data.bin").write_bytes(data)
    saver.put("data.bin", tmp_path / "data.bin")
    done = subprocess.run([*JSK, "get", "data.bin", "--to", "-"], capture_output=True, check=True)
    assert done.stdout == data
    assert done.stderr == b""


def test_get_finds_a_version_by_number_identifier_and_search(saver):
    for number, origin in enumerate(["youtube", "vimeo", "youtube"]):
        last = saver.put("a.txt", f"text {number}", metadata={"origin": origin, "n": number})
    assert jsk("get", "a.txt", "--to", "-", "--version", "1").stdout == "text 0"
    assert jsk("get", "a.txt", "--to", "-", "--version", "-2").stdout == "text 1"
    assert jsk("get", "a.txt", "--to", "-", "--version", last.version).stdout == "text 2"
    assert jsk("get", "a.txt", "--to", "-", "--where", "origin:youtube").stdout == "text 2"
    assert jsk("get", "a.txt", "--to", "-", "--where", "youtube n:<2").stdout == "text 0"
    assert "None of the 3" in error_of("get", "a.txt", "--where", "origin:none", code=3)
    assert "exclude each other" in jsk("get", "a.txt", "--where", "x", "--version", "1", code=2).stderr


def test_a_folder_comes_back_as_a_folder(saver):
    Path("model/inner").mkdir(parents=True)
    Path("model/inner/weights.txt").write_text("1 2 3")
    jsk("put", "model", "models/one")
    jsk("get", "models/one")
    assert Path("one/inner/weights.txt").read_text() == "1 2 3"
    jsk("get", "models/one")  # it is there already
    Path("one/mine.txt").touch()
    for force in ([], ["--force"]):
        assert "is never replaced" in error_of("get", "models/one", *force, code=5)
    assert Path("one/mine.txt").exists()


def test_altered_bytes_never_get_out(saver):
    saved = saver.put("a.txt", "the truth")
    _alter(saver, saved)
    for target in (["--to", "-"], []):
        message = error_of("get", "a.txt", *target, code=4)
        assert "were altered" in message
    assert not Path("a.txt").exists()


def _alter(saver: Saver, saved) -> None:
    (file,) = (
        path for path in Path(saver.store.uri).rglob(f"@{saved.version}/*") if path.name != "record.json"
    )
    file.chmod(0o644)
    file.write_bytes(b"a lie " + file.read_bytes()[6:])


# Search and looking ---------------------------------------------------------------------------------


@pytest.fixture
def channels(saver) -> Saver:
    saver.put("a.txt", "1", metadata={"origin": "youtube", "rows": 500})
    saver.put("a.txt", "2", metadata={"origin": "youtube", "rows": 1500, "draft": True})
    saver.put("b.txt", "3", metadata={"origin": "vimeo", "rows": 2500})
    return saver


def test_search_answers_with_the_keys_of_saved_versions(channels):
    found = answer("search", "origin:youtube rows:>=1000")
    assert found == [channels.search("rows:1500")[0].to_dict()]
    assert [item["metadata"]["rows"] for item in answer("search")] == [2500, 1500, 500]


def test_a_search_may_be_several_words_and_a_minus_is_no_option(channels):
    assert [item["metadata"]["rows"] for item in answer("search", "origin:youtube", "-has:draft")] == [500]
    assert "no option --limti" in error_of("search", "--limti", "3", code=2)


def test_search_options_sort_limit_and_choose(channels):
    channels.delete("b.txt")
    rows = [item["metadata"]["rows"] for item in answer("search", "--sort", "rows")]
    assert rows == [500, 1500]
    assert [item["metadata"]["rows"] for item in answer("search", "--sort", "-rows", "--limit", "1")] == [
        1500
    ]
    assert [item["metadata"]["rows"] for item in answer("search", "--latest")] == [1500]
    assert len(answer("search", "--hidden", "--limit", "all")) == 3
    assert "number or all" in error_of("search", "--limit", "few", code=2)


def test_a_search_that_matches_nothing_exits_like_grep(channels):
    assert answer("search", "origin:none", code=3) == []
    message = error_of("search", "origin:none", code=3)
    assert "No version matches origin:none." in message
    assert "Next: jsk search" in message


def test_a_search_that_means_nothing_shows_the_place():
    message = error_of("search", "rows:>=", code=2)
    assert "    rows:>=\n           ^\n" in message


def test_search_without_refresh_knows_only_the_index(channels, own_home):
    other = Saver(home=own_home / "elsewhere", store=channels.store.uri)
    other.put("new.txt", "x")
    assert [item["name"] for item in answer("search", "--no-refresh", "--latest")] == ["b.txt", "a.txt"]
    assert [item["name"] for item in answer("search", "--latest")] == ["new.txt", "b.txt", "a.txt"]


def test_a_table_in_a_pipe_is_whole_and_plain(saver):
    saver.put("folder/" + "long " * 30 + ".txt", "x", metadata={"text": "word " * 40, "n": 1})
    lines = jsk("search").stdout.splitlines()
    assert lines[0].split() == ["name", "version", "size", "created", "metadata"]
    assert len(lines) == 2
    assert "long " * 30 in lines[1]
    assert "word " * 40 in lines[1]
    assert "\x1b" not in lines[1]


def test_history_numbers_versions_and_tells_of_a_deletion(channels):
    assert [(item["number"], item["metadata"]["rows"]) for item in answer("history", "a.txt")] == [
        (2, 1500),
        (1, 500),
    ]
    channels.delete("a.txt")
    assert len(answer("history", "a.txt")) == 2
    assert "There is no 'c.txt'" in error_of("history", "c.txt", code=3)


@pytest.mark.filterwarnings("ignore:Left out of the search")
def test_history_numbers_versions_as_get_counts_them_where_one_is_damaged(saver):
    for number in range(3):
        saved = saver.put("a.txt", f"text {number}")
        if number == 0:
            (next(Path(saver.store.uri).rglob(f"@{saved.version}")) / "record.json").write_text("{")
    shutil.rmtree(saver.settings.home / "index")
    assert [item["number"] for item in answer("history", "a.txt")] == [3, 2]
    assert jsk("get", "a.txt", "--to", "-", "--version", "2").stdout == "text 1"


def test_deleted_names_are_marked_in_tables_and_json(channels):
    channels.delete("a.txt")
    assert [item["hidden"] for item in answer("history", "a.txt")] == [True, True]
    assert jsk("history", "a.txt").stdout.count("deleted") == 3  # the head and two rows
    assert {item["name"]: item["hidden"] for item in answer("search", "--hidden")} == {
        "a.txt": True,
        "b.txt": False,
    }
    assert jsk("search", "--hidden").stdout.count("deleted") == 3
    assert "deleted" not in jsk("search").stdout


def test_describe_shows_all_of_the_metadata(saver):
    saver.put("a.txt", "x", metadata={"params": {f"p{number}": number / 7 for number in range(30)}})
    shown = jsk("describe", "a.txt").stdout
    assert all(f"params.p{number}: {number / 7!r}" in shown for number in range(1, 30))


def test_what_was_done_is_said(channels):
    Path("c.txt").write_text("x")
    assert jsk("put", "c.txt").stdout.startswith("saved c.txt")
    assert jsk("put", "c.txt", "--if-changed").stdout.startswith("unchanged c.txt")
    assert jsk("restore", "a.txt", "--version", "1").stdout.startswith("restored a.txt")
    assert jsk("copy", "a.txt", "other").stdout.startswith("copied a.txt")


def test_a_store_that_is_not_there_is_told_from_an_empty_one(tmp_path):
    message = error_of("search", "--store", str(tmp_path / "typo"), code=3)
    assert f"The folder {tmp_path / 'typo'} does not exist" in message
    (tmp_path / "empty").mkdir()
    assert "The store is empty." in error_of("search", "--store", str(tmp_path / "empty"), code=3)


def test_a_version_is_found_by_the_end_that_tables_show(saver):
    first = saver.put("a.txt", "one").version
    saver.put("a.txt", "two")
    assert jsk("get", "a.txt", "--to", "-", "--version", first[-8:]).stdout == "one"
    assert jsk("get", "a.txt", "--to", "-", "--version", f"{first[:8]}…{first[-8:]}").stdout == "one"
    assert f"--version={first} --yes" in error_of("purge", "a.txt", "--version", first[-8:], code=5)
    assert answer("purge", "a.txt", "--version", first[-8:], "--yes")["purged"] == 1


def test_describe_tells_the_story(channels):
    told = answer("describe", "a.txt", "--version", "1")
    assert (told["metadata"]["rows"], told["position"], told["total"]) == (500, 1, 2)
    assert "origin: youtube" in jsk("describe", "a.txt").stdout


def test_diff_shows_and_counts_and_can_exit_with_one(saver):
    for depth in (3, 4, 4):
        saver.put("a.json", {"model": {"depth": depth}})
    assert "no difference" in jsk("diff", "a.json", "--exit-code").stdout
    assert "~ $.model.depth: 3 → 4" in jsk("diff", "a.json", "1").stdout
    told = answer("diff", "a.json", "-3", "-2", "--exit-code", code=1)
    assert told["content"]["changes"] == [{"path": "$.model.depth", "change": "changed", "old": 3, "new": 4}]
    assert "no version number 7" in error_of("diff", "a.json", "7", code=3)
    saver.put("b.json", 1)
    assert "'b.json' has only one version" in error_of("diff", "b.json", code=3)


def test_lineage_is_drawn_as_tree_diagram_and_json(saver):
    raw = saver.put("raw.txt", "x")
    made = saver.put("made.txt", "y", parents=[raw])
    told = answer("lineage", "made.txt")
    assert {node["name"] for node in told["nodes"]} >= {"made.txt"}
    assert "made.txt" in jsk("lineage", "made.txt", "--version", made.version).stdout
    assert jsk("lineage", "made.txt", "--mermaid").stdout.startswith(("graph", "flowchart"))
    assert [edge["how"] for edge in told["edges"]] == ["made from"]


def test_describe_lists_the_packages(saver, monkeypatch):
    monkeypatch.setenv("JSK_LINEAGE", "true")
    saver.put("made.txt", "y")
    listed = saver.packages("made.txt")
    assert jsk("describe", "made.txt", "--packages").stdout.splitlines() == listed != []
    assert answer("describe", "made.txt", "--packages") == listed
    assert answer("describe", "made.txt")["installed"] == len(listed)


# Keeping --------------------------------------------------------------------------------------------


def test_delete_hides_and_restore_brings_back(channels):
    assert answer("delete", "a.txt") == {"name": "a.txt", "hidden": True}
    message = error_of("get", "a.txt", code=3)
    assert "was deleted" in message
    assert "Next: jsk restore a.txt" in message
    assert answer("restore", "a.txt")["metadata"]["rows"] == 1500
    assert answer("restore", "a.txt", "--version", "1")["metadata"]["rows"] == 500
    assert len(answer("history", "a.txt")) == 3


def test_purge_without_anybody_to_ask_is_refused(channels):
    message = error_of("purge", "a.txt", code=5)
    assert "2 versions of a.txt" in message
    assert "Kept: All of it." in message
    assert "Next: jsk purge a.txt --yes" in message
    identifier = channels.history("a.txt")[1].version
    assert f"Next: jsk purge a.txt --version={identifier} --yes" in error_of(
        "purge", "a.txt", "--version", "1", code=5
    )
    assert len(channels.history("a.txt")) == 2
    assert answer("purge", "a.txt", "--version", "1", "--yes") == {"name": "a.txt", "purged": 1}
    assert answer("purge", "a.txt", "--yes") == {"name": "a.txt", "purged": 1}
    assert "There is no" in error_of("purge", "a.txt", code=3)


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, 1), ("n\n", 5, 3), ("", 5, 3)])
def test_purge_asks_the_person_at_the_keyboard(channels, monkeypatch, typed, code, left):
    monkeypatch.setattr("jsk_saver.cli.keeping._somebody_is_there", lambda: True)
    done = jsk("purge", "a.txt", code=code, stdin=typed)
    assert "Remove 2 versions of a.txt" in done.stderr
    assert len(channels.search()) == left


def test_copy_brings_one_version_or_all_into_another_store(channels, tmp_path):
    other = Saver(tmp_path / "other")
    assert answer("copy", "a.txt", other.store.uri, "--as", "c.txt")["name"] == "c.txt"
    jsk("copy", "a.txt", other.store.uri, "--history")
    assert [item.metadata["rows"] for item in other.history("a.txt")] == [1500, 500]
    assert len(other.history("c.txt")) == 1
    assert other.get("a.txt") == "2"
    assert "--history" in jsk("copy", "a.txt", "x", "--history", "--version", "1", code=2).stderr


def test_verify_finds_what_was_altered(channels):
    assert answer("verify")["ok"]
    _alter(channels, channels.put("b.txt", "something that was true"))
    told = answer("verify", code=4)
    assert [(item["name"], bool(item["problem"])) for item in told["checked"] if item["problem"]] == [
        ("b.txt", True)
    ]
    assert "1 damaged" in jsk("verify", "b.txt", code=4).stdout
    assert answer("verify", "a.txt", "--version", "1")["checked"][0]["name"] == "a.txt"
    assert "needs a NAME" in jsk("verify", "--version", "1", code=2).stderr


def test_reindex_builds_the_index_anew(channels):
    assert answer("reindex") == {"names": 2, "versions": 3}


def test_the_store_may_be_named_before_or_behind_the_command(tmp_path):
    Path("a.txt").write_text("x")
    jsk("--store", "one", "put", "a.txt")
    assert [item["name"] for item in answer("search", "--store", "one")] == ["a.txt"]
    assert json.loads(jsk("--json", "--store", "one", "search").stdout)[0]["name"] == "a.txt"
    assert answer("--store", "one", "search", "--store", "two", code=3) == []


# Spool ----------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(saver, monkeypatch):
    """Two objects in the spool, because their store did not answer."""

    def fail(*_):
        raise StoreUnreachable("The disk is away.", hint="Plug it in.")

    real = LocalStore.put
    monkeypatch.setattr(LocalStore, "put", fail)
    for name in ("a.txt", "b.txt"):
        with pytest.raises(StoreUnreachable):
            saver.put(name, name)
    monkeypatch.setattr(LocalStore, "put", real)
    return fail


def test_what_could_not_be_sent_is_listed_and_sent(waiting, saver):
    listed = answer("spool", "list")
    assert [(item["name"], item["reason"]) for item in listed] == [
        ("a.txt", "'a.txt' was not saved. The disk is away."),
        ("b.txt", "'b.txt' was not saved. The disk is away."),
    ]
    assert "a.txt" in jsk("spool", "list").stdout
    told = answer("spool", "push")
    assert ([item["name"] for item in told["sent"]], told["waiting"]) == (["a.txt", "b.txt"], [])
    assert saver.get("b.txt") == "b.txt"
    assert saver.search("a").names == ["a.txt"]
    assert answer("spool", "list") == []
    assert answer("spool", "push") == {"sent": [], "waiting": []}


def test_a_store_that_is_still_away_is_tried_once_and_told(waiting, monkeypatch):
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise StoreUnreachable("The disk is still away.", hint="Plug it in.")

    monkeypatch.setattr(LocalStore, "put", fail)
    done = jsk("spool", "push", code=6)
    assert len(calls) == 1
    assert done.stdout.count("waits") == 2
    assert "The disk is still away." in done.stdout
    assert done.stderr.count("Next: Plug it in.") == 1
    assert len(answer("spool", "list")) == 2


def test_bytes_altered_in_the_spool_stop_only_themselves(waiting, saver):
    first = saver.connection.spool.items()[0]
    (first.folder / "data").write_bytes(b"a lie")
    told = answer("spool", "push", code=4)
    assert [item["name"] for item in told["sent"]] == ["b.txt"]
    assert [item["name"] for item in told["waiting"]] == ["a.txt"]


def test_what_is_damaged_is_told_and_does_not_stop_what_is_behind_it(waiting, saver):
    first, _ = saver.connection.spool.items()
    (first.folder / "data").unlink()
    assert [item.get("damaged", "")[:12] for item in answer("spool", "list", code=4)] == ["", "the bytes of"]
    assert f"damaged  {first.id}" in jsk("spool", "list", code=4).stdout
    told = answer("spool", "push", code=4)
    assert [item["name"] for item in told["sent"]] == ["b.txt"]
    assert [item["id"] for item in told["waiting"]] == [first.id]
    assert "Nothing is waiting" not in jsk("spool", "list", code=4).stdout
    assert first.id in jsk("doctor", code=1).stdout
    jsk("spool", "drop", first.id, "--yes")
    assert answer("spool", "list") == []


def test_what_was_saved_again_meanwhile_waits_until_force_is_said(waiting, saver):
    first, _ = saver.connection.spool.items()
    newer = saver.put("a.txt", "newer")
    done = jsk("spool", "push", code=5)
    assert "waits  a.txt" in done.stdout
    assert f"jsk spool push {first.id} --force" in done.stderr
    assert saver.get("a.txt") == "newer"
    assert saver.get("b.txt") == "b.txt"
    assert [item["id"] for item in answer("spool", "list")] == [first.id]
    assert "Nothing with the id" in error_of("spool", "push", "nope", code=3)
    assert [item["name"] for item in answer("spool", "push", first.id, "--force")["sent"]] == ["a.txt"]
    assert (saver.get("a.txt"), saver.get("a.txt", version=newer)) == ("a.txt", "newer")


def test_each_object_goes_to_its_own_server_with_its_own_key(moto, point_at, behind_proxy, monkeypatch):
    server, proxy = behind_proxy(moto)
    point_at(server)
    for name in ("JSK_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name)
    bucket = server.new_bucket()
    other = Saver(
        f"s3://{bucket}", endpoint_url=server.endpoint, sse="aws:kms", kms_key="alias/lab", retries=1,
        lineage=False,
    )  # fmt: skip
    proxy.fail_next("PUT", status=503, code="SlowDown")
    with pytest.raises(StoreUnreachable):
        other.put("secret.json", {"a": 1})
    proxy.forget()
    monkeypatch.setenv("JSK_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("JSK_SSE", "AES256")
    assert [item["name"] for item in answer("spool", "push")["sent"]] == ["secret.json"]
    (sent,) = [request for request in proxy.requests if request.method == "PUT"]
    assert sent.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert sent.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/lab"


def test_an_object_for_a_server_that_only_the_environment_named_is_not_sent_elsewhere(
    moto, point_at, behind_proxy, monkeypatch
):
    server, proxy = behind_proxy(moto)
    point_at(server)
    monkeypatch.delenv("JSK_ENDPOINT_URL")
    other = Saver(f"s3://{server.new_bucket()}", retries=1, lineage=False)
    proxy.fail_next("PUT", status=503, code="SlowDown")
    with pytest.raises(StoreUnreachable):
        other.put("secret.json", {"a": 1})
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    done = jsk("spool", "push", code=2)
    assert f"at {server.endpoint}, not at aws" in done.stdout
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    assert [item["name"] for item in answer("spool", "push")["sent"]] == ["secret.json"]


def test_the_command_does_not_claim_to_keep_what_ends_with_it(waiting, saver, own_home, monkeypatch):
    shutil.rmtree(own_home / "spool")
    (own_home / "spool").write_text("a file in its place")
    monkeypatch.setattr(LocalStore, "put", waiting)
    Path("c.txt").write_text("x")
    said = error_of("put", "c.txt", code=6)
    assert "Kept:" not in said
    assert "export JSK_HOME=" in said


def test_spool_drop_forgets_only_when_told(waiting, saver):
    first, second = answer("spool", "list")
    assert "nobody could be asked" in error_of("spool", "drop", "--all", code=5)
    assert "Nothing with the id" in error_of("spool", "drop", "nope", "--yes", code=3)
    jsk("spool", "drop", code=2)
    assert [item["name"] for item in answer("spool", "drop", first["id"], "--yes")] == ["a.txt"]
    assert [item["id"] for item in answer("spool", "list")] == [second["id"]]
    jsk("spool", "drop", "--all", "--yes")
    assert answer("spool", "list") == []


def test_the_spool_of_one_store_can_be_listed(waiting, saver, tmp_path):
    assert answer("spool", "list", "--store", str(tmp_path / "other")) == []
    assert len(answer("spool", "list", "--store", saver.store.uri)) == 2


# Doctor ---------------------------------------------------------------------------------------------


def test_doctor_exits_with_one_when_something_is_wrong(waiting):
    assert "No problems found." not in jsk("doctor", code=1).stdout
    told = answer("doctor", code=1)
    assert told["problems"][0]["hint"] == "jsk spool push"
    jsk("spool", "push")
    assert answer("doctor")["ok"]
    assert "No problems found." in jsk("doctor").stdout


def test_a_wrong_setting_is_told_by_every_command_and_examined_by_the_doctor(monkeypatch):
    monkeypatch.setenv("JSK_CACHE_SIZE", "lots")
    assert "JSK_CACHE_SIZE" in error_of("search", code=2)
    assert "JSK_CACHE_SIZE" in jsk("doctor", code=1).stdout


# The command as a whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_in_json_and_takes_a_store(command):
    shown = jsk(*command.split(), "--help").stdout
    assert "--json" in shown
    assert "--store" in shown


def test_help_names_the_exit_codes_and_every_command():
    shown = jsk("--help").stdout
    for code in range(7):
        assert re.search(rf"^\s+{code}  \w", shown, re.MULTILINE), code
    for command in COMMANDS:
        assert re.search(rf"\b{command.split()[0]}\b", shown)


def test_hints_are_commands_to_type():
    assert for_the_shell('saver.history("a b.csv")    # see') == "jsk history 'a b.csv'    # see"
    assert for_the_shell("saver.search()") == "jsk search"
    assert for_the_shell("pip install x") == "pip install x"


def test_versions_are_numbers_or_identifiers():
    assert [version_of(text) for text in (None, "1", "-2", "null", "1234567", "1a")] == [
        None,
        1,
        -2,
        "null",
        "1234567",
        "1a",
    ]


def test_no_traceback_is_shown_unless_asked(monkeypatch):
    quiet = subprocess.run([*JSK, "get", "nope.txt"], capture_output=True, text=True, check=False)
    assert quiet.returncode == 3
    assert "Traceback" not in quiet.stderr
    monkeypatch.setenv("JSK_DEBUG", "1")
    loud = subprocess.run([*JSK, "get", "nope.txt"], capture_output=True, text=True, check=False)
    assert loud.returncode == 3
    assert "Traceback" in loud.stderr
    assert "There is no 'nope.txt'" in loud.stderr


def test_an_unforeseen_error_is_one_line_too(tmp_path):
    code = (
        "import sys; from jsk_saver import cli; from jsk_saver.reader import Reader\n"
        "def fail(*_, **__): raise ZeroDivisionError('a bug')\n"
        "Reader.search = fail; sys.argv = ['jsk', 'search']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("jsk: ZeroDivisionError: a bug\n")
    assert "Traceback" not in done.stderr


def test_passwords_in_addresses_are_not_shown(monkeypatch, capfd):
    from jsk_saver.cli.failures import tell

    tell(StoreUnreachable("Could not connect to http://ana:secret@s3.example.org/x."))
    assert "secret" not in capfd.readouterr().err


def test_json_is_alone_on_the_standard_output_and_warnings_are_not(saver):
    saver.put("a.txt", "x")
    code = (
        "import sys, warnings; from jsk_saver import cli; from jsk_saver.reader import Reader\n"
        "real = Reader.search\n"
        "def search(self, *a, **k):\n"
        "    warnings.warn('one record is damaged'); return real(self, *a, **k)\n"
        "Reader.search = search; sys.argv = ['jsk', 'search', '--json']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["name"] == "a.txt"
    assert done.stderr == "warning: one record is damaged\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_output_that_nobody_reads_ends_quietly(saver):
    saver.put("a.txt", "x")
    for arguments in (["search"], ["search", "--json"], ["get", "a.txt", "--to", "-"], ["doctor"]):
        reading, writing = os.pipe()
        os.close(reading)
        with process(*arguments, stdout=writing) as running:
            os.close(writing)
            _, stderr = running.communicate()
        assert (running.returncode, stderr) == (BROKEN_PIPE, b""), arguments


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_exits_with_130_and_leaves_nothing_half_done(own_home):
    with process("put", "-", "a.txt") as running:
        running.stdin.write(b"half a file")
        running.stdin.flush()
        _wait_for(lambda: any(own_home.rglob(f"{TEMPORARY}*")))
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate()
    assert running.returncode == INTERRUPTED
    assert b"Traceback" not in stderr
    assert not any(own_home.rglob(f"{TEMPORARY}*"))
    assert answer("search", code=3) == []


def _wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_names_that_the_terminal_cannot_show_do_not_fail(saver, monkeypatch):
    saver.put("画像.txt", "x", metadata={"größe": "groß"})
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    table = subprocess.run([*JSK, "search"], capture_output=True, check=True)
    assert b"??.txt" in table.stdout
    told = subprocess.run([*JSK, "search", "--json"], capture_output=True, check=True)
    assert json.loads(told.stdout)[0]["name"] == "画像.txt"


def test_the_command_works_without_being_installed_as_a_script():
    done = subprocess.run([*JSK, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"jsk \S+\n", done.stdout)


def test_the_kit_alone_imports_no_command_line():
    code = "import sys, jsk_saver; print([m for m in ('typer', 'rich', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Completion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("jsk get da", ["data/a.txt", "data/b.txt"]),
        ("jsk get nothing", []),
        ("jsk history ", ["c.txt", "data/a.txt", "data/b.txt"]),
        ("jsk spool p", ["push"]),
    ],
)
def test_the_shell_completes_file_names_from_the_index(saver, typed, expected):
    for name in ("data/a.txt", "data/b.txt", "c.txt"):
        saver.put(name, "x")
    assert _completed(typed) == expected


def test_the_shell_completes_versions_of_the_name_before_them(saver):
    versions = [saver.put("a.txt", str(number)).version for number in range(2)]
    saver.put("b.txt", "x")
    assert _completed("jsk get a.txt --version ") == versions[::-1]


def test_completion_is_silent_when_the_settings_are_wrong(monkeypatch):
    monkeypatch.setenv("JSK_CACHE_SIZE", "lots")
    assert _completed("jsk get a") == []


def _completed(typed: str) -> list[str]:
    asked = {"_JSK_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(JSK, capture_output=True, text=True, check=False, env={**os.environ, **asked})
    assert done.stderr == ""
    return done.stdout.split()
