"""The cache: bounded, shared, never trusted without its digest, and never the reason why a get fails."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver.cache import Cache
from jsk_saver.payload import Payload
from jsk_saver.record import Record

STORE = "http://server s3://bucket/prefix"
SOURCE = str(Path(jsk_saver.__file__).parents[1])


def a_record(data: bytes, name: str = "a.bin", version: str = "1", **metadata: object) -> Record:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    created = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Record(name, version, "bytes", "bytes", len(data), digest, created, metadata=metadata)


def keep(cache: Cache, data: bytes, name: str = "a.bin", version: str = "1", **metadata: object) -> Record:
    record = a_record(data, name, version, **metadata)
    with Payload.of_bytes(data) as payload:
        assert cache.keep(STORE, record, payload)
    return record


def found(cache: Cache, name: str = "a.bin", version: str = "1") -> bytes | None:
    """Return what a get would take from the cache, compared with its digest as a get does."""
    hit = cache.find(STORE, name, version)
    if hit is None:
        return None
    record, payload = hit
    with payload:
        return payload.getvalue() if payload.digest == record.digest else None


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10_000_000)


def files(cache: Cache) -> list[Path]:
    return [path for path in cache.folder.rglob("*") if path.is_file()]


# Keeping and finding --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 1_000_003])
def test_a_version_of_any_size_is_found_with_its_record(cache, size):
    data = os.urandom(size)
    record = keep(cache, data, origin="ü", list=[1, None])
    hit = cache.find(STORE, "a.bin", "1")
    assert hit is not None
    assert hit[0] == record
    hit[1].close()
    assert found(cache) == data


def test_what_is_kept_from_a_file_stays_readable_and_takes_no_second_room(cache, tmp_path):
    data = os.urandom(100_000)
    with Payload(cache.folder, memory_limit=10) as payload:
        payload.write(data)
        assert cache.keep(STORE, a_record(data), payload.finish())
        assert payload.path.stat().st_nlink == 2
        assert payload.getvalue() == data
    assert found(cache) == data
    assert sorted(path.suffix for path in files(cache)) == [".data", ".json"]


def test_versions_names_and_stores_are_kept_apart(cache):
    keep(cache, b"one", version="1")
    keep(cache, b"two", version="2")
    keep(cache, b"other", name="b.bin")
    assert [found(cache), found(cache, version="2"), found(cache, "b.bin")] == [b"one", b"two", b"other"]
    assert found(cache, version="3") is None
    assert cache.find("elsewhere", "a.bin", "1") is None


def test_what_was_forgotten_is_not_found(cache):
    record = keep(cache, b"x")
    cache.expose(STORE, record, "a.bin", lambda path: path.write_bytes(b"x"))
    cache.forget(STORE, "a.bin", "1")
    assert found(cache) is None
    assert files(cache) == []


def test_a_removed_cache_is_begun_anew(cache):
    keep(cache, b"x")
    cache.clear()
    assert found(cache) is None
    keep(cache, b"x")
    assert found(cache) == b"x"


# Never trusted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer", "empty"])
def test_altered_bytes_are_never_given_out(cache, damage):
    keep(cache, b"the right bytes")
    (data,) = cache.folder.rglob("*.data")
    wrong = {
        "flipped": b"the wrong bytes", "shorter": b"the", "longer": b"the right bytes, and more", "empty": b""
    }  # fmt: skip
    data.write_bytes(wrong[damage])
    assert found(cache) is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b"null"])
def test_a_damaged_record_is_a_miss(cache, damage):
    keep(cache, b"x")
    (record,) = cache.folder.rglob("*.json")
    record.write_bytes(damage)
    assert found(cache) is None


def test_a_record_that_was_altered_but_is_well_formed_is_a_miss(cache):
    """Its state says how the bytes are read: a wrong one gives a wrong object from the right bytes."""
    keep(cache, b"x", kind="right")
    (file,) = cache.folder.rglob("*.json")
    altered = file.read_bytes().replace(b"right", b"wrong")
    json.loads(altered.partition(b"\n")[2])
    file.write_bytes(altered)
    assert found(cache) is None


# Bounded --------------------------------------------------------------------------------------------


def test_it_never_holds_more_than_its_limit_after_a_keep(tmp_path):
    cache = Cache(tmp_path / "cache", 1_000_000)
    for number in range(200):
        keep(cache, os.urandom(17_000), version=str(number))
        assert sum(path.stat().st_size for path in files(cache)) <= 1_000_000
        assert cache.used() <= 1_000_000


def test_many_small_objects_are_counted_by_the_blocks_they_take(tmp_path):
    cache = Cache(tmp_path / "cache", 500_000)
    for number in range(300):
        keep(cache, b"x", version=str(number))
    assert len(list(cache.folder.rglob("*.data"))) * 8192 <= 500_000


def test_the_least_recently_used_goes_out_first(tmp_path):
    cache = Cache(tmp_path / "cache", 1_000_000)
    for number in range(6):
        keep(cache, bytes(100_000), version=str(number))
        _age(cache, str(number), seconds=100 - number)
    assert found(cache, version="0") is not None  # used just now
    for number in range(10, 15):
        keep(cache, bytes(100_000), version=str(number))
    assert found(cache, version="0") is not None
    assert found(cache, version="1") is None
    assert found(cache, version="14") is not None


def _age(cache: Cache, version: str, seconds: float) -> None:
    data = cache._place(STORE, "a.bin", version).with_suffix(".data")
    then = time.time() - seconds
    os.utime(data, (then, then))


def test_one_large_object_does_not_push_out_all_the_others(tmp_path):
    cache = Cache(tmp_path / "cache", 1_000_000)
    keep(cache, b"small", version="1")
    large = bytes(300_000)
    with Payload.of_bytes(large) as payload:
        assert not cache.keep(STORE, a_record(large, version="2"), payload)
    assert found(cache, version="1") == b"small"


def test_a_limit_of_zero_keeps_nothing_not_even_what_is_empty(tmp_path):
    cache = Cache(tmp_path / "cache", 0)
    for data in (b"x", b""):
        with Payload.of_bytes(data) as payload:
            assert not cache.keep(STORE, a_record(data), payload)
    assert not cache.folder.exists()


def test_what_dead_processes_left_half_written_is_removed_with_the_next_eviction(tmp_path):
    cache = Cache(tmp_path / "cache", 100_000)
    keep(cache, b"x")
    shard = next(cache.folder.iterdir())
    (shard / "dead.part").write_bytes(b"x")
    (shard / "alive.part").write_bytes(b"x")
    old = time.time() - 2 * 24 * 3600
    os.utime(shard / "dead.part", (old, old))
    for number in range(20):
        keep(cache, bytes(20_000), version=str(number))
    assert not (shard / "dead.part").exists()
    assert (shard / "alive.part").exists()


# Files of their own ---------------------------------------------------------------------------------


def test_an_exposed_file_is_made_once(cache):
    record, made = a_record(b"x"), []

    def fill(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"x")

    first = cache.expose(STORE, record, "a.bin", fill)
    assert cache.expose(STORE, record, "a.bin", fill) == first
    assert first.name == "a.bin"
    assert first.read_bytes() == b"x"
    assert len(made) == 1


@pytest.mark.parametrize("change", ["written", "same size", "removed", "added to"])
def test_an_exposed_file_or_folder_that_somebody_changed_is_made_again(cache, change):
    record = a_record(b"x")

    def fill(path: Path) -> None:
        path.mkdir()
        (path / "inner.txt").write_bytes(b"right")

    folder = cache.expose(STORE, record, "folder", fill)
    if change == "written":
        (folder / "inner.txt").write_bytes(b"something else")
    elif change == "same size":
        before = (folder / "inner.txt").stat()
        (folder / "inner.txt").write_bytes(b"wrong")
        os.utime(folder / "inner.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "removed":
        (folder / "inner.txt").unlink()
    else:
        (folder / "more.txt").write_bytes(b"x")
    again = cache.expose(STORE, record, "folder", fill)
    assert again == folder
    assert [(path.name, path.read_bytes()) for path in again.iterdir()] == [("inner.txt", b"right")]


def test_an_exposed_file_larger_than_the_cache_is_there_when_its_path_is_returned(tmp_path):
    cache = Cache(tmp_path / "cache", 1_000)
    data = bytes(50_000)
    path = cache.expose(STORE, a_record(data), "a.bin", lambda path: path.write_bytes(data))
    assert path.read_bytes() == data


def test_exposed_files_count_and_go_out_like_the_rest(tmp_path):
    cache = Cache(tmp_path / "cache", 100_000)
    data = bytes(30_000)
    paths = []
    for number in range(10):
        record = a_record(data, version=str(number))
        paths.append(cache.expose(STORE, record, "a.bin", lambda path: path.write_bytes(data)))
        os.utime(paths[-1].parents[1], (number, number))
    assert paths[-1].exists()
    assert not paths[0].exists()
    assert cache.used() <= 100_000


def test_a_file_that_could_not_be_made_leaves_nothing(cache):
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.expose(STORE, a_record(b"x"), "a.bin", fail)
    assert files(cache) == []


# Nothing that goes wrong in here fails a get --------------------------------------------------------


@pytest.mark.parametrize("failing", ["link", "replace", "mkdir"])
def test_a_full_disk_is_only_a_version_not_kept(cache, monkeypatch, failing):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if failing == "link":
            patch.setattr(os, "link", fail)
            patch.setattr(Payload, "copy_to", fail)
        else:
            patch.setattr(Path, failing, fail)
        with Payload.of_bytes(b"x") as payload:
            assert cache.keep(STORE, a_record(b"x"), payload) is False
            assert payload.getvalue() == b"x"
    assert found(cache) is None
    assert files(cache) == []


def test_a_file_system_without_links_gets_copies(cache, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    data = os.urandom(1000)
    with Payload(cache.folder, memory_limit=10) as payload:
        payload.write(data)
        assert cache.keep(STORE, a_record(data), payload.finish())
    assert found(cache) == data


def test_a_cache_that_is_a_file_is_only_a_miss(tmp_path):
    (tmp_path / "cache").write_bytes(b"x")
    cache = Cache(tmp_path / "cache", 1_000_000)
    assert found(cache) is None
    with Payload.of_bytes(b"x") as payload:
        assert cache.keep(STORE, a_record(b"x"), payload) is False
    cache.note_newest(STORE, "a.bin", "1")
    assert cache.newest(STORE, "a.bin") is None
    cache.forget(STORE, "a.bin", "1")
    assert cache.used() == 0


def test_a_version_being_read_stays_whole_while_others_evict_it(cache):
    data = os.urandom(2_000_000)
    keep(cache, data)
    hit = cache.find(STORE, "a.bin", "1")
    assert hit is not None
    cache.forget(STORE, "a.bin", "1")  # what eviction does, done by somebody else
    with hit[1] as payload:
        assert payload.path.read_bytes() == data  # as libraries read that want a path
        assert payload.digest == hit[0].digest
    assert files(cache) == []


WORKER = """
    import datetime as dt, hashlib, os, random, sys
    from pathlib import Path
    from jsk_saver.cache import Cache
    from jsk_saver.payload import Payload
    from jsk_saver.record import Record
    cache, seed = Cache(Path(sys.argv[1]), 2_000_000), random.Random(int(sys.argv[2]))
    hits = 0
    for _ in range(250):
        version = seed.randrange(40)
        data = random.Random(version).randbytes(50_000 + version)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        record = Record("a", str(version), "", "", len(data), digest, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        hit = cache.find("s", "a", str(version))
        if hit is not None:
            with hit[1] as payload:
                assert hit[0] == record
                assert payload.path.read_bytes() == data
                assert payload.digest == digest
            hits += 1
        else:
            with Payload(cache.folder, memory_limit=1000) as payload:
                payload.write(data)
                assert cache.keep("s", record, payload.finish())
                assert payload.path.read_bytes() == data
    print(hits)
"""


def test_processes_that_share_a_cache_while_it_evicts_read_only_right_bytes(tmp_path):
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path / "cache")]
    workers = [
        subprocess.Popen(
            [*command, str(seed)], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for seed in range(3)
    ]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], said
    assert all(int(out) > 0 for out, _ in said)
    cache = Cache(tmp_path / "cache", 2_000_000)
    assert cache.used() <= 2_000_000 + 3 * 100_000  # each may have added a share before it looked again
    assert not [path for path in files(cache) if path.suffix in (".tmp", ".part")]
