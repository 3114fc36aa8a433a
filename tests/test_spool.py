"""The spool: what could not be sent is kept whole, and sent later exactly once."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import textwrap
import time
import traceback
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver import Saver
from jsk_saver.errors import (
    IntegrityError,
    InvalidName,
    NewerVersion,
    NotFound,
    SettingsError,
    StoreError,
    StoreUnreachable,
)
from jsk_saver.payload import Payload
from jsk_saver.record import Record, now
from jsk_saver.spool import Spool, Waiting
from jsk_saver.stores.local import LocalStore
from tests.stores.places import fetched, put

SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path / "store"))


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


def keep(
    spool: Spool, data: bytes = b"hello", name: str = "a", notes=None, made=None, lineage=None, **metadata
) -> Waiting:
    with Payload.of_bytes(data) as payload:
        record = Record(
            name, "", "raw", "bytes", len(data), payload.digest, made or now(),
            metadata=metadata, lineage=lineage or {},
        )  # fmt: skip
        return spool.keep(
            "s3://bucket", record, payload, "The store did not answer.", notes,
            settings={"kms_key": "k"}, server="http://127.0.0.1:9",
        )  # fmt: skip


def names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


# Keeping --------------------------------------------------------------------------------------------


def test_what_is_kept_waits_with_bytes_record_and_reason(spool):
    kept = keep(spool, b"hello", origin="ü")
    (item,) = Spool(spool.folder).items()
    assert item == kept
    assert (item.store, item.reason, item.record.metadata) == (
        "s3://bucket", "The store did not answer.", {"origin": "ü"}
    )  # fmt: skip
    assert (item.folder / "data").read_bytes() == b"hello"
    assert item.to_dict()["name"] == "a"
    assert (item.settings, item.server) == ({"kms_key": "k"}, "http://127.0.0.1:9")


def test_what_waits_is_listed_oldest_first(spool):
    ids = [keep(spool, name=name).id for name in ("z", "a", "m")]
    assert [item.id for item in spool.items()] == ids


def test_an_empty_spool_has_nothing(spool):
    assert spool.items() == []


@pytest.mark.parametrize("failing", ["copy_to", "rename"])
def test_a_disk_that_cannot_take_it_leaves_no_half_item(spool, monkeypatch, failing):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Payload if failing == "copy_to" else Path, failing, fail)
    with pytest.raises(OSError, match="No space"):
        keep(spool)
    assert names_in(spool.folder) == []


def test_an_item_is_on_the_disk_before_it_is_seen(spool, monkeypatch):
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noting_fsync(handle: int) -> None:
        events.append(Path(str(Path(f"/proc/self/fd/{handle}").readlink())).name)
        fsync(handle)

    def noting_rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    keep(spool, notes={"packages/x.txt": b"numpy"})
    assert {"data", "record.json", "x.txt"} <= set(events[: events.index("rename")])


def test_what_dead_processes_left_behind_is_swept(spool):
    keep(spool)
    old = time.time() - 2 * 24 * 3600
    for name in (".dead.part", ".alive.part", ".sent.done"):
        (spool.folder / name).mkdir()
        (spool.folder / name / "data").write_bytes(b"x" * 1000)
    os.utime(spool.folder / ".dead.part", (old, old))
    assert len(spool.items()) == 1
    keep(spool)
    assert [name for name in names_in(spool.folder) if name.startswith(".")] == [".alive.part"]


# Sending --------------------------------------------------------------------------------------------


def test_a_pushed_item_is_in_the_store_as_it_was_kept_and_no_longer_waits(spool, store):
    item = keep(spool, b"hello", origin="youtube")
    sent = spool.push(item, store)
    assert sent == item.record.with_version(sent.version)
    assert fetched(store, "a") == (sent, b"hello")
    assert names_in(spool.folder) == []


def test_notes_are_sent_with_the_item_that_refers_to_them(spool, store):
    item = keep(spool, notes={"packages/x.txt": b"numpy\n", "plain": b"1"})
    spool.push(item, store)
    assert store.get_note("packages/x.txt") == b"numpy\n"
    assert store.get_note("plain") == b"1"


def test_an_item_the_store_still_does_not_take_stays(spool, store, monkeypatch):
    item = keep(spool)

    def fail(*_: object) -> None:
        raise StoreUnreachable("still gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", fail)
        with pytest.raises(StoreUnreachable):
            spool.push(item, store)
    assert spool.items() == [item]
    assert spool.push(item, store) is not None


def test_an_item_whose_bytes_were_altered_is_not_sent(spool, store):
    item = keep(spool)
    (item.folder / "data").write_bytes(b"wrong")
    with pytest.raises(IntegrityError, match="in the spool were altered") as caught:
        spool.push(item, store)
    assert str(item.folder) in caught.value.kept
    assert store.entries("a") == []
    assert spool.items() == [item]


def cut_after_sending(spool, item, store, monkeypatch) -> None:
    """Push, and die between sending and forgetting."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "drop", die)
        with pytest.raises(KeyboardInterrupt):
            spool.push(item, store)
    assert spool.items() == [item]


def test_an_item_that_was_sent_and_not_forgotten_is_not_sent_again(spool, store, monkeypatch):
    item = keep(spool)
    cut_after_sending(spool, item, store, monkeypatch)
    sent = spool.push(item, store)
    assert [entry.version for entry in store.entries("a")] == [sent.version]
    assert spool.items() == []


def test_nor_is_it_when_others_have_written_since(spool, store, monkeypatch):
    item = keep(spool)
    cut_after_sending(spool, item, store, monkeypatch)
    first = store.head("a")
    newer = put(store, "a", b"newer")
    put(store, "a", b"hello")  # the same bytes, but another version
    assert spool.push(item, store) == first
    assert len(store.entries("a")) == 3
    assert newer.version in {entry.version for entry in store.entries("a")}


def test_nor_when_the_name_was_deleted_since(spool, store, monkeypatch):
    item = keep(spool)
    cut_after_sending(spool, item, store, monkeypatch)
    store.hide("a")
    spool.push(item, store)
    assert [entry.marker for entry in store.entries("a")] == [True, False]


def test_equal_bytes_that_were_saved_before_do_not_stand_for_what_waits(spool, store):
    put(store, "a", b"hello")
    spool.push(keep(spool, b"hello"), store)
    assert len(store.entries("a")) == 2


def test_an_item_dropped_by_its_owner_is_not_sent(spool, store):
    item = keep(spool)
    spool.drop(item)
    assert spool.items() == []
    assert spool.push(item, store) is None
    assert store.entries("a") == []


PUSHER = """
    import sys
    from pathlib import Path
    from jsk_saver.spool import Spool
    from jsk_saver.stores.local import LocalStore
    spool, store = Spool(Path(sys.argv[1])), LocalStore(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(spool.push(item, store) is not None for item in spool.items()))
"""


def test_processes_that_push_at_once_send_every_item_once(spool, store):
    for number in range(20):
        keep(spool, str(number).encode(), name=f"n{number}")
    command = [sys.executable, "-c", textwrap.dedent(PUSHER), str(spool.folder), store.uri]
    pushers = [
        subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": SOURCE}, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    for pusher in pushers:
        assert pusher.stdout.readline() == "ready\n"
    said = [pusher.communicate("go\n", timeout=60) for pusher in pushers]
    assert sum(int(out) for out, _ in said) == 20, said
    assert sorted(entry.name for entry in store.scan()) == sorted(f"n{number}" for number in range(20))
    assert names_in(spool.folder) == []


def test_an_item_claimed_by_a_living_process_is_left_to_it(spool, store):
    import fcntl

    item = keep(spool)
    with (item.folder / "record.json").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert spool.push(item, store) is None
        assert store.entries("a") == []
    assert spool.push(item, store) is not None


def test_an_item_is_locked_as_network_file_systems_want_it_open_for_writing(spool, store, monkeypatch):
    import fcntl

    modes: list[int] = []
    flock = fcntl.flock

    def noting(file, operation: int) -> None:
        modes.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", noting)
    spool.push(keep(spool), store)
    assert modes == [os.O_RDWR]


def test_a_folder_that_is_no_item_is_passed_over_and_left_alone(spool, store):
    item = keep(spool)
    (spool.folder / "notes-of-mine").mkdir()
    (spool.folder / "file.txt").write_text("x")
    shutil.copytree(item.folder, spool.folder / "broken")
    (spool.folder / "broken" / "record.json").write_text("{")
    assert spool.items() == [item]
    spool.push(item, store)
    assert names_in(spool.folder) == ["broken", "file.txt", "notes-of-mine"]


def test_an_item_whose_store_has_become_unusable_stays(spool, store):
    item = keep(spool)
    (store.root).parent.mkdir(exist_ok=True)
    store.root.write_text("a file in its place")
    with pytest.raises(StoreError):
        spool.push(item, store)
    assert spool.items() == [item]


# What happened meanwhile -----------------------------------------------------------------------------


def test_what_was_saved_after_it_is_not_buried_unless_told(spool, store):
    item = keep(spool, b"old")
    newer = put(store, "a", b"newer")
    with pytest.raises(NewerVersion, match="'a' was saved again on") as caught:
        spool.push(item, store)
    assert str(item.folder) in caught.value.kept
    assert f"jsk spool push {item.id} --force" in caught.value.hint
    assert spool.items() == [item]
    assert store.head("a") == newer
    assert spool.push(item, store, force=True).digest == item.record.digest
    assert store.head("a").digest == item.record.digest


def test_what_was_deleted_after_it_does_not_come_back_unless_told(spool, store):
    put(store, "a", b"older")
    item = keep(spool, b"old")
    store.hide("a")
    with pytest.raises(NewerVersion, match="'a' was deleted on"):
        spool.push(item, store)
    assert store.entries("a")[0].marker
    assert spool.push(item, store, force=True) is not None
    assert not store.entries("a")[0].marker


def test_what_was_saved_or_deleted_before_it_is_no_reason_to_wait(spool, store):
    put(store, "a", b"older")
    spool.push(keep(spool, b"new"), store)
    store.hide("a")
    sent = spool.push(keep(spool, b"newer", made=now() + dt.timedelta(seconds=2)), store)
    assert store.head("a") == sent


@pytest.mark.parametrize("same_process", [True, False])
def test_objects_of_one_name_that_wait_are_sent_one_after_the_other(spool, store, same_process):
    items = [keep(spool, data, lineage={"host": "lab"}) for data in (b"1", b"2", b"3")]
    for item in items:
        assert (spool if same_process else Spool(spool.folder)).push(item, store) is not None
    assert [entry.marker for entry in store.entries("a")] == [False] * 3
    assert fetched(store, "a")[1] == b"3"


def test_a_version_whose_clock_says_earlier_but_that_came_later_from_elsewhere_is_not_buried(spool, store):
    item = keep(spool, b"old", lineage={"host": "lab"})
    with Payload.of_bytes(b"newer") as payload:
        early = item.record.created - dt.timedelta(minutes=10)
        theirs = Record("a", "", "raw", "bytes", 5, payload.digest, early, lineage={"host": "slow-clock"})
        store.put(theirs, payload)
    with pytest.raises(NewerVersion):
        spool.push(item, store)


def test_an_item_is_not_sent_to_another_server(spool, store, monkeypatch):
    item = keep(spool)
    monkeypatch.setattr(LocalStore, "server", "http://elsewhere", raising=False)
    with pytest.raises(SettingsError, match=r"it is for s3://bucket at http://127\.0\.0\.1:9, not at http"):
        spool.push(item, store)
    assert spool.items() == [item]
    assert store.entries("a") == []


# Damage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["broken record", "no record", "no bytes", "a list"])
def test_an_item_that_is_damaged_is_told_and_not_passed_over(spool, damage):
    whole, item = keep(spool, name="whole"), keep(spool)
    if damage == "no bytes":
        (item.folder / "data").unlink()
    elif damage == "no record":
        (item.folder / "record.json").unlink()
    else:
        (item.folder / "record.json").write_text("{" if damage == "broken record" else "[]")
    assert spool.items() == [whole]
    (damaged,) = spool.damaged()
    assert (damaged.id, damaged.folder) == (item.id, item.folder)
    assert damaged.to_dict()["damaged"] == damaged.what
    assert f"jsk spool drop {item.id}" in damaged.error().hint
    spool.drop(damaged)
    assert (spool.damaged(), spool.items()) == ([], [whole])


def test_an_item_whose_bytes_go_before_it_is_sent_is_damaged(spool, store):
    item = keep(spool)
    (item.folder / "data").unlink()
    with pytest.raises(IntegrityError, match=r"are gone: there is no file 'data'"):
        spool.push(item, store)


# What is kept ---------------------------------------------------------------------------------------


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """Return a saver whose store raises what it is told to."""

    def raising(error):
        def fail(*_):
            raise error

        monkeypatch.setattr(LocalStore, "put", fail)
        return Saver(str(tmp_path / "store"), lineage=False)

    return raising


def test_an_error_of_the_store_that_nobody_foresaw_keeps_the_object_too(failing):
    saver = failing(ValueError("Invalid endpoint: http://ana:hush@x"))
    with pytest.raises(StoreError, match=r"'a\.json' was not saved.*ValueError: Invalid") as caught:
        saver.put("a.json", 1)
    (item,) = saver.connection.spool.items()
    assert str(item.folder) in caught.value.kept
    assert "jsk spool push" in caught.value.hint
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_an_interrupted_put_keeps_the_object_and_says_so(failing):
    saver = failing(KeyboardInterrupt())
    kept = r"'a\.json' was interrupted\. It is kept in .*jsk spool push"
    with pytest.warns(UserWarning, match=kept), pytest.raises(KeyboardInterrupt):
        saver.put("a.json", 1)
    assert [item.record.name for item in saver.connection.spool.items()] == ["a.json"]


def test_an_object_that_is_itself_at_fault_is_not_kept(failing):
    saver = failing(InvalidName("too long"))
    with pytest.raises(InvalidName):
        saver.put("a.json", 1)
    assert saver.connection.spool.items() == []


def test_what_waits_is_mentioned_where_it_is_missed(failing):
    saver = failing(StoreUnreachable("away"))
    with pytest.raises(StoreUnreachable):
        saver.put("a.json", 1)
    for ask in (lambda: saver.get("a.json"), lambda: saver.history("a.json")):
        with pytest.raises(NotFound, match="One of that name waits on this machine") as caught:
            ask()
        assert caught.value.hint.startswith("jsk spool push")
    assert "jsk spool push" in saver.search().hint
    with pytest.raises(NotFound) as caught:
        saver.get("b.json")
    assert "spool" not in str(caught.value)


def test_the_settings_by_which_a_bucket_is_reached_are_kept_without_a_login(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    saver = Saver(
        "s3://bucket/p", endpoint_url="http://ana:hush@127.0.0.1:9", retries=1, sse="aws:kms", kms_key="K",
        region="eu-west-1", lineage=False,
    )  # fmt: skip
    with pytest.raises(StoreUnreachable):
        saver.put("a.json", 1)
    (item,) = saver.connection.spool.items()
    assert item.settings == {
        "endpoint_url": "http://127.0.0.1:9", "profile": "", "region": "eu-west-1", "sse": "aws:kms",
        "kms_key": "K",
    }  # fmt: skip
    assert item.server == "http://127.0.0.1:9"
    assert "hush" not in (item.folder / "record.json").read_text()
