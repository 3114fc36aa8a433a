"""The store in a folder: plain files, durable before they are seen, nothing left behind."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

import jsk_saver
from jsk_saver.errors import (
    AccessDenied,
    Hidden,
    IntegrityError,
    InvalidName,
    NotFound,
    StoreError,
    StoreFull,
)
from jsk_saver.payload import Payload
from jsk_saver.record import Record, now
from jsk_saver.stores import disk, layout
from jsk_saver.stores.local import LocalStore
from tests.stores.places import fetched, put

SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path / "store"))


def run(code: str, *arguments: object, **options: object) -> str:
    """Run ``code`` in a process of its own and return what it printed."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment, cwd="/", check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def folder_of(store: LocalStore, record: Record) -> Path:
    return store.root / layout.folder_of(record.name) / f"@{record.version}"


# Layout ---------------------------------------------------------------------------------------------


def test_any_tool_finds_the_bytes_under_their_name_and_the_record_beside_them(store):
    saved = put(store, "data/channels.csv", b"a,b\n1,2\n", origin="youtube")
    folder = store.root / "data" / "channels.csv" / f"@{saved.version}"
    assert sorted(path.name for path in folder.iterdir()) == ["channels.csv", "record.json"]
    assert (folder / "channels.csv").read_bytes() == b"a,b\n1,2\n"
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert (record["name"], record["metadata"]) == ("data/channels.csv", {"origin": "youtube"})
    address = store.address(saved.name, saved.version)
    assert unquote(address.removeprefix("file://")) == str(folder / "channels.csv")


def test_a_file_named_like_the_record_does_not_take_its_place(store):
    for name in ("record.json", "Record.JSON", "_record.json"):
        saved = put(store, name, name.encode())
        assert fetched(store, name) == (saved, name.encode())
        assert len({path.name.lower() for path in folder_of(store, saved).iterdir()}) == 2


def test_a_version_is_named_by_the_time_it_was_made(store):
    before = now()
    saved = put(store, "a")
    assert before <= layout.made_at(saved.version) <= now()
    assert store.entries("a")[0].modified == layout.made_at(saved.version)


@pytest.mark.parametrize("name", ["a", "data/@new/50% off?.csv", "%41", "a b.", '<>:|*"?', "ü/😀"])
def test_a_folder_leads_back_to_its_name(name):
    assert layout.name_of(layout.folder_of(name)) == name
    assert not set('<>:"|?*') & set(layout.folder_of(name))


def test_parts_of_any_length_become_folders_that_every_file_system_takes():
    for part in ("p" * 1024, "ä" * 512, "?" * 300, "x" * 199 + "?", "😀" * 256):
        folder = layout.folder_of(part)
        assert len(folder.encode()) <= 200
        assert folder[-1] not in ". "


def test_a_relative_store_stays_where_it_was_when_the_working_folder_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = LocalStore("versions")
    saved = put(store, "a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.head("a") == saved
    assert store.root == tmp_path / "versions"


def test_a_file_address_and_a_tilde_are_folders_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved = put(LocalStore("~/ü store"), "a")
    assert LocalStore((tmp_path / "ü store").as_uri()).head("a") == saved


# Versions in order ----------------------------------------------------------------------------------


def clock_at(monkeypatch, moments):
    """Let the clock show one of ``moments`` after the other."""
    shown = iter(moments)

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return next(shown)

    monkeypatch.setattr(layout, "dt", SimpleNamespace(datetime=Clock, UTC=dt.UTC, timedelta=dt.timedelta))


def test_versions_keep_their_order_when_the_clock_goes_back_or_stands_still(store, monkeypatch):
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    hours = [0, 0, -5, 1, -24 * 365, 1]
    clock_at(monkeypatch, [noon + dt.timedelta(hours=h) for h in hours])
    versions = []
    for number in range(len(hours)):
        versions.append(put(store, "a", str(number).encode()).version)
        assert store.head("a").version == versions[-1]
    assert versions == sorted(versions)
    assert [entry.version for entry in store.entries("a")] == versions[::-1]


def test_deleting_works_after_the_clock_went_back(store, monkeypatch):
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    clock_at(monkeypatch, [noon, noon - dt.timedelta(days=1), noon - dt.timedelta(days=2)])
    put(store, "a", b"1")
    store.hide("a")
    with pytest.raises(Hidden):
        store.head("a")
    second = put(store, "a", b"2")
    assert store.head("a") == second


def test_many_threads_that_put_one_name_make_as_many_versions(store):
    errors = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                put(store, "a", f"{number} {turn}".encode())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = {fetched(store, "a", entry.version)[1] for entry in store.entries("a")}
    assert len(found) == 30


def test_puts_go_on_while_others_purge_the_same_name_and_its_folders(store):
    errors, done = [], threading.Event()

    def purge() -> None:
        while not done.is_set():
            for entry in store.entries("deep/folder/a"):
                try:
                    store.remove(entry.name, entry.version)
                except NotFound:
                    pass
                except Exception as error:
                    errors.append(error)

    threads = [threading.Thread(target=purge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(60):
        put(store, "deep/folder/a", str(number).encode())
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []


# Durable before it is seen --------------------------------------------------------------------------


def test_bytes_record_and_folders_are_on_the_disk_before_the_version_is_seen(store, monkeypatch):
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noting_fsync(handle: int) -> None:
        events.append("sync " + str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def noting_rename(path: Path, target: Path) -> Path:
        events.append(f"rename {target}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    saved = put(store, "data/a.csv")
    seen = events.index(f"rename {folder_of(store, saved)}")
    unfinished = str(store.root / ".jsk" / "unfinished")
    before = [Path(event[5:]).name for event in events[:seen] if event.startswith(f"sync {unfinished}/")]
    assert before[:2] == ["a.csv", "record.json"]
    assert len(before) == 3  # and the folder that holds both
    assert f"sync {store.root}" in events[:seen]  # the new folders themselves
    assert f"sync {store.root / 'data'}" in events[:seen]
    assert f"sync {store.root / 'data' / 'a.csv'}" in events[seen:]


@pytest.mark.parametrize("failing", ["copy_to", "finish"])
def test_a_put_that_fails_leaves_nothing_but_what_was_there(store, monkeypatch, failing):
    saved = put(store, "a", b"1")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if failing == "copy_to":
            patch.setattr(Payload, "copy_to", fail)
        else:
            patch.setattr(Path, "rename", fail)
        with pytest.raises(StoreFull, match="No room left") as caught:
            put(store, "a", b"2")
        assert "JSK_STORE" in caught.value.hint
    assert [entry.version for entry in store.entries("a")] == [saved.version]
    assert list((store.root / ".jsk" / "unfinished").iterdir()) == []


def test_what_dead_processes_left_unfinished_long_ago_is_swept_and_nothing_else(store):
    put(store, "a")
    unfinished = store.root / ".jsk" / "unfinished"
    for name, age in (("dead", disk.STALE_AFTER + 60), ("alive", 60)):
        (unfinished / name).mkdir()
        (unfinished / name / "data").write_bytes(b"x")
        os.utime(unfinished / name, (time.time() - age,) * 2)
    put(LocalStore(store.uri), "a")
    assert [path.name for path in unfinished.iterdir()] == ["alive"]


def test_a_put_that_took_so_long_that_it_was_swept_fails_and_does_not_try_for_ever(store, monkeypatch):
    put(store, "a", b"1")
    new_version = layout.new_version

    def swept_meanwhile(after: str = "") -> str:
        for path in (store.root / ".jsk" / "unfinished").iterdir():
            shutil.rmtree(path)
        return new_version(after)

    monkeypatch.setattr(layout, "new_version", swept_meanwhile)
    with pytest.raises(StoreError, match="failed on 'a'"):
        put(store, "a", b"2")
    assert fetched(store, "a")[1] == b"1"


def test_there_are_no_lock_files_during_a_put_or_after_it(store, monkeypatch):
    seen: set[str] = set()
    copy_to = Payload.copy_to

    def looking(payload: Payload, path: Path, **options: bool) -> None:
        copy_to(payload, path, **options)
        seen.update(found.name for found in store.root.rglob("*") if found.is_file())

    monkeypatch.setattr(Payload, "copy_to", looking)
    saved = put(store, "a.csv")
    store.hide("a.csv")
    assert seen == {"a.csv"}
    left = {path.name for path in store.root.rglob("*") if path.is_file()}
    (marker,) = (entry for entry in store.entries("a.csv") if entry.marker)
    assert left == {"a.csv", "record.json", f"@{marker.version}.hidden"}
    assert store.head("a.csv", saved.version) == saved


# Rights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "data_mode", "other_mode"), [(0o022, 0o444, 0o644), (0o077, 0o400, 0o600)])
def test_files_are_read_only_and_as_private_as_the_umask_says(tmp_path, umask, data_mode, other_mode):
    run(
        """
        import os, sys
        os.umask(int(sys.argv[2]))
        from jsk_saver.stores.local import LocalStore
        from jsk_saver.payload import Payload
        from jsk_saver.record import Record, now
        store = LocalStore(sys.argv[1])
        with Payload.of_bytes(b"x") as payload:
            record = Record("a", "", "raw", "bytes", 1, payload.digest, now())
            store.duplicate(store.put(record, payload), record)
        """,
        tmp_path / "store",
        umask,
    )
    store = LocalStore(str(tmp_path / "store"))
    for entry in store.entries("a"):
        folder = store.root / "a" / f"@{entry.version}"
        assert stat.S_IMODE((folder / "a").stat().st_mode) == data_mode
        assert stat.S_IMODE((folder / "record.json").stat().st_mode) == other_mode


AS_NOBODY = """
    import os, sys
    from jsk_saver.errors import AccessDenied
    from jsk_saver.payload import Payload
    from jsk_saver.record import Record, now
    from jsk_saver.stores.local import LocalStore
    if os.getuid() == 0:  # whom no right is denied
        os.setgid(65534)
        os.setuid(65534)
    store = LocalStore(sys.argv[1])
    record, payload = store.fetch("a")
    print("read", payload.getvalue(), [entry.name for entry in store.scan()])
    with Payload.of_bytes(b"x") as payload:
        new = Record("a", "", "raw", "bytes", 1, payload.digest, now())
        for verb, call in {
            "put": lambda: store.put(new, payload),
            "hide": lambda: store.hide("a"),
            "remove": lambda: store.remove("a", record.version),
            "duplicate": lambda: store.duplicate(record, new),
            "put_note": lambda: store.put_note("x", b"x"),
        }.items():
            try:
                call()
            except AccessDenied as error:
                print(verb, "refused:", error)
    print("check", store.check())
"""


def test_a_read_only_store_can_be_read_and_every_write_is_denied_by_name():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)
        store = LocalStore(f"{folder}/store")
        saved = put(store, "a", b"hello")
        for path in [store.root, *store.root.rglob("*")]:
            path.chmod(path.stat().st_mode & 0o555)
        try:
            said = run(AS_NOBODY, store.uri)
        finally:
            for path in [store.root, *store.root.rglob("*")]:
                path.chmod(path.stat().st_mode | 0o700)
        assert "read b'hello' ['a']" in said
        for verb in ("put", "hide", "remove", "duplicate", "put_note"):
            assert f"{verb} refused: {store.root}" in said
        assert said.count("Permission denied") >= 6  # the check tells it too
        assert said.count("JSK_STORE") >= 6
        assert [entry.version for entry in store.entries("a")] == [saved.version]


def test_a_store_on_a_read_only_file_system_says_so(store, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(store.root))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(AccessDenied, match="Read-only file system"):
        put(store, "a")


def test_a_store_whose_place_is_taken_by_a_file_says_so(tmp_path):
    (tmp_path / "store").write_text("I was here first")
    store = LocalStore(str(tmp_path / "store"))
    for ask in (lambda: put(store, "a"), lambda: list(store.scan())):
        with pytest.raises(StoreError, match=r"not a folder|Not a directory|File exists") as caught:
            ask()
        assert str(tmp_path / "store") in caught.value.what
    assert (tmp_path / "store").read_text() == "I was here first"
    assert store.check() != []


# Links ----------------------------------------------------------------------------------------------


def test_a_duplicate_takes_no_room_and_is_a_copy_where_links_are_refused(store, monkeypatch):
    source = put(store, "a", b"hello")
    linked = store.duplicate(source, source)
    data = folder_of(store, source) / "a"
    assert (folder_of(store, linked) / "a").samefile(data)

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copied = store.duplicate(source, source)
    other = folder_of(store, copied) / "a"
    assert not other.samefile(data)
    assert other.read_bytes() == b"hello"
    assert stat.S_IMODE(other.stat().st_mode) == stat.S_IMODE(data.stat().st_mode)


# What others put there ------------------------------------------------------------------------------


def test_folders_and_files_of_other_programs_are_passed_over(store):
    saved = put(store, "data/a.csv")
    home = store.root / "data" / "a.csv"
    for path in (home / "@eaDir", home / "@99999999T999999.999999Z-00000000", store.root / "@tmp"):
        path.mkdir()
    for path in (store.root / ".DS_Store", home / "@note", store.root / "data" / "readme.txt"):
        path.write_text("x")
    assert [entry.name for entry in store.scan()] == ["data/a.csv"]
    assert store.head("data/a.csv") == saved
    second = put(store, "data/a.csv", b"2")
    store.hide("data/a.csv")
    assert store.unhide("data/a.csv")
    assert store.head("data/a.csv") == second
    store.remove("data/a.csv", second.version)
    store.remove("data/a.csv", saved.version)
    assert (home / "@note").exists()


def test_links_that_lead_back_do_not_make_a_listing_endless(store):
    put(store, "data/a.csv")
    (store.root / "data" / "up").symlink_to(store.root)
    (store.root / "data" / "itself").symlink_to("itself")
    (store.root / "data" / "nowhere").symlink_to("not-there")
    assert [entry.name for entry in store.scan()] == ["data/a.csv"]


def test_a_folder_on_another_disk_that_a_link_leads_to_is_listed(store, tmp_path):
    store.root.mkdir()
    (tmp_path / "large disk").mkdir()
    (store.root / "data").symlink_to(tmp_path / "large disk")
    put(store, "data/a.csv", b"1")
    assert [entry.name for entry in store.scan()] == ["data/a.csv"]
    assert fetched(store, "data/a.csv")[1] == b"1"


@pytest.mark.parametrize("key", ["packages/../../../secret", "..", "/secret", "a//b", "packages/.", ""])
def test_a_note_is_never_a_file_elsewhere(store, tmp_path, key):
    (store.root / ".jsk" / "notes" / "packages").mkdir(parents=True)
    (tmp_path / "secret").write_text("password")
    (store.root / "secret").write_text("password")
    with pytest.raises(InvalidName, match="is no name of a note"):
        store.get_note(key)
    with pytest.raises(InvalidName, match="is no name of a note"):
        store.put_note(key, b"overwritten")
    assert (tmp_path / "secret").read_text() == (store.root / "secret").read_text() == "password"


def test_bytes_that_are_gone_are_an_integrity_error_that_names_the_file(store):
    saved = put(store, "a")
    data = folder_of(store, saved) / "a"
    data.unlink()
    with pytest.raises(IntegrityError, match="are gone") as caught:
        store.fetch("a")
    assert str(data) in caught.value.what
    assert [entry.size for entry in store.entries("a")] == [0]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 100_000, b'{"v":1,"size":1e999}']
)
def test_a_record_that_was_damaged_is_an_integrity_error_and_can_be_purged(store, text):
    first, second = put(store, "a", b"1"), put(store, "a", b"2")
    (folder_of(store, second) / "record.json").write_bytes(text)
    for ask in (store.head, store.fetch):
        with pytest.raises(IntegrityError, match=f"version {second.version}") as caught:
            ask("a")
        assert caught.value.hint
    assert len(list(store.scan())) == 2
    store.remove("a", second.version)
    assert store.head("a") == first


def test_a_version_whose_record_is_gone_is_not_found(store):
    saved = put(store, "a")
    (folder_of(store, saved) / "record.json").unlink()
    with pytest.raises(NotFound):
        store.head("a", saved.version)


# Room -----------------------------------------------------------------------------------------------


def test_the_check_warns_before_the_disk_is_full(store, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1, used=1, free=500 * 2**20))
    (problem,) = store.check()
    assert problem.what.startswith("Only 500 MiB are left")
    assert problem.hint


def test_a_store_not_made_yet_can_be_described(store):
    assert store.describe()["free_bytes"] > 0
    assert not store.root.exists()
