"""A bad day for the index file: damaged, outdated, deleted, unwritable, shared, on a network."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest

from jsk_saver.errors import JskError
from jsk_saver.index import NameState, Query, database, query, schema
from jsk_saver.index.filesystem import file_system, is_network
from jsk_saver.index.sqlite import SqliteIndex
from jsk_saver.record import Record
from tests.index.conftest import START


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "deep" / "index.sqlite"


def versions(index) -> list[str]:
    return sorted(record.version for record in index.find(Query(limit=None)))


def test_what_was_written_is_there_for_the_next_process(path, record):
    index = SqliteIndex(path, tail=2)
    for number in range(5):
        index.append(record("a.csv", f"v{number}"))
    index.close()
    again = SqliteIndex(path, tail=2)
    assert versions(again) == [f"v{number}" for number in range(5)]
    assert not again.rebuilt
    assert not again.warning


def test_a_closed_index_opens_itself_again(path, record):
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    index.close()
    assert versions(index) == ["v1"]


@pytest.mark.parametrize("damage", ["text", "empty", "middle"])
def test_a_damaged_file_is_begun_anew(path, record, damage):
    index = SqliteIndex(path, tail=4)
    for number in range(40):
        index.append(record(f"{number}.csv", f"v{number}", text="x" * 500))
    index.close()
    content = path.read_bytes()
    path.write_bytes(
        {"text": b"no database" * 1000, "empty": b"", "middle": content[:4096] + b"\xff" * len(content)}[
            damage
        ]
    )
    index = SqliteIndex(path)
    assert versions(index) == []
    assert index.rebuilt == (damage != "empty")
    index.append(record("a.csv", "new"))
    assert versions(SqliteIndex(path)) == ["new"]


def test_a_file_cut_to_nothing_while_it_is_open_is_begun_anew_by_everybody(path, record, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    other = SqliteIndex(path)
    assert versions(other) == ["v1"]
    os.truncate(path, 0)
    assert versions(index) == []
    assert index.rebuilt
    index.append(record("a.csv", "v2"))
    assert versions(other) == versions(SqliteIndex(path)) == ["v2"]
    assert not other.warning


def test_a_file_cut_to_nothing_while_another_process_has_it_open_can_be_opened(path, record, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    os.truncate(path, 0)
    other = SqliteIndex(path)
    assert versions(other) == []
    other.append(record("a.csv", "v2"))
    assert versions(index) == ["v2"]


def test_a_file_that_becomes_damaged_while_it_is_open_is_begun_anew(path, record):
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))

    def damaged(_):
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    times = iter([damaged])
    assert index._database.read(lambda db: next(times, lambda _: "read anew")(db)) == "read anew"
    assert index.rebuilt
    assert versions(index) == []


def test_of_two_processes_that_find_the_damage_only_one_begins_anew(path, record):
    first, second = SqliteIndex(path), SqliteIndex(path)
    first.append(record("a.csv", "v1"))
    assert versions(second) == ["v1"]
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    first._database._handle(error)
    first.append(record("a.csv", "v2"))
    second._database._handle(error)
    assert versions(second) == versions(first) == ["v2"]
    assert first.rebuilt
    assert second.rebuilt


def test_a_file_of_another_release_is_begun_anew(path, record):
    SqliteIndex(path).append(record("a.csv", "v1"))
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    other.close()
    index = SqliteIndex(path)
    assert versions(index) == []
    assert index.rebuilt


def test_the_file_of_another_program_is_not_taken_for_an_index(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
        other.execute(f"PRAGMA user_version = {schema.VERSION}")
    other.close()
    index = SqliteIndex(path)
    assert versions(index) == []
    assert index.rebuilt


@pytest.mark.parametrize("with_log", [True, False])
def test_deleting_the_file_while_it_is_open_costs_only_the_catch_up(path, record, with_log):
    index, other = SqliteIndex(path), SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    assert versions(other) == ["v1"]
    for part in path.parent.glob(path.name + ("*" if with_log else "")):
        part.unlink()
    index.append(record("a.csv", "v2"))
    assert versions(index) == ["v2"]
    assert index.rebuilt
    assert versions(other) == ["v2"]
    assert index.unknown([("a.csv", "v1")]) == [("a.csv", "v1")]


def test_clear_reaches_other_processes(path, record):
    index, other = SqliteIndex(path), SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    assert versions(other) == ["v1"]
    other.clear()
    assert versions(index) == []
    assert not other.rebuilt


def test_without_a_place_to_write_the_index_is_kept_in_memory_and_says_so(tmp_path, record):
    (tmp_path / "file").write_text("not a folder")
    index = SqliteIndex(tmp_path / "file" / "index.sqlite")
    index.append(record("a.csv", "v1"))
    assert versions(index) == ["v1"]
    assert str(tmp_path / "file") in index.warning
    assert "memory" in index.warning


@pytest.mark.parametrize("code", ["SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR"])
def test_when_writing_fails_the_index_goes_on_in_memory_with_what_it_had(path, record, monkeypatch, code):
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    failures = [True]
    changed = schema.changed

    def fails(db):
        if failures:
            failures.pop()
            error = sqlite3.OperationalError("the disk says no")
            error.sqlite_errorcode = getattr(sqlite3, code)
            raise error
        return changed(db)

    monkeypatch.setattr(schema, "changed", fails)
    index.append(record("a.csv", "v2"))
    assert versions(index) == ["v1", "v2"]
    assert "the disk says no" in index.warning
    assert index.find(Query(latest=True))[0].version == "v2"
    index.append(record("b.csv", "v3"))
    assert index.count() == 3
    assert versions(SqliteIndex(path)) == ["v1"]


def test_a_really_full_disk_does_not_fail_a_put(path, record):
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    pages = index._database.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    index._database._connection.execute(f"PRAGMA max_page_count = {pages}")
    index.append(record("b.csv", "v2", noise=os.urandom(200_000).hex()))
    assert versions(index) == ["v1", "v2"]
    assert "full" in index.warning


def test_a_read_only_folder_still_answers_searches(record):
    folder = Path(tempfile.mkdtemp())
    path = folder / "index.sqlite"
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    index.close()
    path.chmod(0o444)
    folder.chmod(0o555)
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:  # root may write everywhere
                os.setuid(65534)
            index = SqliteIndex(path)
            told = versions(index) == ["v1"] and "memory" in index.warning
            index.append(record("a.csv", "v2"))
            os._exit(0 if told and versions(index) == ["v1", "v2"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    folder.chmod(0o755)
    assert versions(SqliteIndex(path)) == ["v1"]
    shutil.rmtree(folder)


def test_an_index_that_another_process_holds_says_who_waits_for_what(path, record, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(JskError, match="in use by another process") as caught:
        index.append(record("a.csv", "v2"))
    assert caught.value.hint
    holder.execute("ROLLBACK")
    holder.close()
    index.append(record("a.csv", "v2"))
    assert versions(index) == ["v1", "v2"]


def test_an_interrupted_change_leaves_nothing_behind(path, record):
    index = SqliteIndex(path)
    index.append(record("a.csv", "v1"))

    def states():
        yield NameState("b.csv", ["v2"], False, [record("b.csv", "v2")])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.update(states())
    with pytest.raises(AttributeError):
        index.append(object())
    assert versions(index) == ["v1"]
    index.append(record("b.csv", "v3"))
    assert versions(SqliteIndex(path)) == ["v1", "v3"]


# Many at once ---------------------------------------------------------------------------------------


def make(name: str, version: str) -> Record:
    return Record(name, version, "csv", "", 9, "", START, {"origin": "youtube", "who": name})


def put_many(path: Path, who: int, count: int) -> None:
    index = SqliteIndex(path, segment=32, tail=8)
    for number in range(count):
        index.append(make("shared.csv", f"{who}-{number}"))
        if number % 10 == 0:
            assert index.find(query({"origin": "youtube"}, limit=1))
            index.update([NameState(f"{who}.csv", [f"{number}"], False, [make(f"{who}.csv", f"{number}")])])


@pytest.mark.usefixtures("spawning")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_many_processes_write_and_search_at_once(path, method):
    parent = SqliteIndex(path)
    parent.append(make("shared.csv", "first"))
    context = multiprocessing.get_context(method)
    workers = [context.Process(target=put_many, args=(path, who, 40)) for who in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert parent.count() == 1 + 4 * 40 + 4
    assert len(set(parent.versions("shared.csv"))) == 161
    assert len(parent.find(query(text="youtube", limit=None))) == 165
    assert not parent.rebuilt


def test_the_index_of_a_forked_child_is_its_own(path):
    index = SqliteIndex(path)
    index.append(make("a.csv", "parent"))
    child = os.fork()
    if child == 0:
        try:
            index.append(make("a.csv", "child"))
            os._exit(0 if versions(index) == ["child", "parent"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert versions(index) == ["child", "parent"]
    index.append(make("a.csv", "again"))
    assert index.versions("a.csv")[-1] == "again"


def test_threads_share_one_index(path):
    index = SqliteIndex(path, segment=32, tail=8)
    failures = []

    def work(who: int) -> None:
        try:
            for number in range(25):
                index.append(make(f"{who}.csv", f"{number}"))
                assert index.find(query(name=f"{who}.csv", limit=1))[0].version == f"{number}"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert index.count() == 150


# File systems ---------------------------------------------------------------------------------------

MOUNTS = r"""21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 21 0:27 / /home rw,relatime shared:5 - nfs4 fs-1.efs.eu-west-1.amazonaws.com:/ rw,vers=4.1
31 30 8:2 / /home/ann/scratch rw - xfs /dev/nvme1n1 rw
32 21 0:28 / /mnt/my\040share rw - cifs //server/share rw
broken line
"""


@pytest.mark.parametrize(
    ("where", "kind", "network"),
    [
        ("/data/index.sqlite", "ext4", False),
        ("/home/ann/index.sqlite", "nfs4", True),
        ("/home/ann/scratch/index.sqlite", "xfs", False),
        ("/homework/index.sqlite", "ext4", False),
        ("/mnt/my share/index.sqlite", "cifs", True),
    ],
)
def test_network_file_systems_are_recognised(tmp_path, where, kind, network):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert file_system(Path(where), table) == kind
    assert is_network(Path(where), table) is network
    assert is_network(Path(where), tmp_path / "nothing") is False


def test_on_a_network_no_log_in_shared_memory_is_used(path, record, monkeypatch):
    def mode() -> str:
        return index._database.read(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0])

    index = SqliteIndex(path)
    assert mode() == "wal"
    index.append(record("a.csv", "v1"))
    index.close()
    monkeypatch.setattr(database, "is_network", lambda _: True)
    index = SqliteIndex(path)
    index.append(record("a.csv", "v2"))
    assert mode() == "delete"
    assert versions(index) == ["v1", "v2"]
