"""Payloads: the digest is that of the bytes, memory stays bounded, and nothing is left on the disk."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import stat
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver import payload as module
from jsk_saver.errors import CannotRepresent, StoreError, StoreFull
from jsk_saver.payload import Payload


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# Writing --------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(0, 1000))
def test_bytes_size_and_digest_are_right_in_memory_and_on_disk_alike(tmp_path_factory, blocks, limit):
    data = b"".join(blocks)
    with Payload(tmp_path_factory.mktemp("payload"), memory_limit=limit) as payload:
        for block in blocks:
            assert payload.write(block) == len(block)
        payload.finish()
        assert (payload.size, payload.tell(), payload.digest) == (len(data), len(data), digest_of(data))
        assert payload.getvalue() == data
        assert b"".join(payload.blocks(7)) == data
        assert payload.reader().read() == data
        assert (payload.path is None) == (len(data) <= limit)


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, 3 * 2**20])
def test_blocks_hashed_in_another_thread_give_the_same_digest(size):
    block = os.urandom(size)
    with Payload() as payload:
        for _ in range(3):
            payload.write(block)
        assert payload.digest == digest_of(block * 3)


def test_anything_with_the_buffer_protocol_is_written_as_its_bytes():
    array = np.arange(10, dtype="<i8")
    with Payload() as payload:
        assert payload.write(array) == payload.write(memoryview(array)) == payload.write(bytearray(80)) == 80
        assert payload.finish().getvalue() == array.tobytes() * 2 + bytes(80)


def test_the_caller_may_reuse_its_buffer_after_a_write():
    buffer = bytearray(b"a" * 2**17)
    with Payload() as payload:
        payload.write(buffer)
        buffer[:] = b"b" * 2**17
        assert payload.digest == digest_of(b"a" * 2**17)
        assert payload.getvalue() == b"a" * 2**17


def test_an_empty_payload_has_the_digest_of_nothing(tmp_path):
    with Payload() as payload:
        assert (payload.finish().size, payload.digest) == (0, digest_of(b""))
        assert payload.reader().read() == payload.getvalue() == b""
        payload.copy_to(tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


def test_writing_in_any_order_from_many_threads_gives_the_digest_of_the_whole(tmp_path):
    data = os.urandom(5 * 2**20 + 13)
    with Payload(tmp_path) as payload:
        payload.allocate(len(data))
        steps = list(range(0, len(data), 2**19))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda at: payload.write_at(at, data[at : at + 2**19]), reversed(steps)))
        payload.absorb_to(len(data))
        assert payload.finish().digest == digest_of(data)


def test_a_payload_works_in_a_forked_child_though_its_parent_has_hashed_in_threads():
    done = run(
        """
        import os, signal
        from jsk_saver.payload import Payload
        def digest():
            with Payload() as payload:
                for _ in range(3):
                    payload.write(bytes(2**17))
                return payload.digest
        wanted = digest()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that waits for its parent's threads would wait for ever
            os._exit(0 if digest() == wanted else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert done.stdout.strip() == "0", done.stderr


# Files ----------------------------------------------------------------------------------------------


def test_a_payload_over_a_file_leaves_it_where_it_is(tmp_path):
    file = tmp_path / "mine.bin"
    file.write_bytes(b"x" * 3_000_000)
    with Payload.of_file(file) as payload:
        assert payload.digest == digest_of(b"x" * 3_000_000)
        payload.move_to(tmp_path / "copy.bin")
    assert file.read_bytes() == (tmp_path / "copy.bin").read_bytes()


def test_a_large_payload_moves_into_place_without_a_copy(tmp_path):
    with Payload(tmp_path, memory_limit=10) as payload:
        payload.write(b"x" * 100)
        inode = payload.finish().path.stat().st_ino
        payload.move_to(tmp_path / "out.bin")
        assert (tmp_path / "out.bin").stat().st_ino == inode
        assert payload.getvalue() == b"x" * 100
    assert [path.name for path in tmp_path.iterdir()] == ["out.bin"]
    assert (tmp_path / "out.bin").read_bytes() == b"x" * 100


@pytest.mark.parametrize("limit", [10, 1000], ids=["on disk", "in memory"])
def test_a_file_handed_out_has_the_mode_that_any_new_file_has(tmp_path, limit):
    (tmp_path / "usual").touch()
    with Payload(tmp_path, memory_limit=limit) as payload:
        payload.write(b"x" * 100)
        payload.finish().move_to(tmp_path / "out")
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == usual


def test_a_temporary_file_is_private(tmp_path):
    with Payload(tmp_path, memory_limit=10) as payload:
        payload.write(b"x" * 100)
        assert stat.S_IMODE(payload.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("limit", [10, 1000], ids=["on disk", "in memory"])
def test_a_file_with_the_longest_name_there_is_can_be_written(tmp_path, limit):
    with Payload(tmp_path, memory_limit=limit) as payload:
        payload.write(b"x" * 100)
        payload.finish().move_to(tmp_path / ("n" * 255))
    assert [path.name for path in tmp_path.iterdir()] == ["n" * 255]


def test_a_file_handed_out_replaces_what_was_there_or_leaves_it_whole(tmp_path, monkeypatch):
    target = tmp_path / "out"
    target.write_bytes(b"before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with Payload.of_bytes(b"after") as payload:
        with monkeypatch.context() as patch:
            patch.setattr(Payload, "copy_to", fail)
            with pytest.raises(OSError, match="No space"):
                payload.move_to(target)
        assert target.read_bytes() == b"before"
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        payload.move_to(target)
    assert target.read_bytes() == b"after"


@pytest.mark.parametrize("how", ["closed", "raised", "forgotten"])
def test_the_temporary_file_is_gone_however_the_payload_ends(tmp_path, how):
    payload = Payload(tmp_path, memory_limit=10)
    payload.write(b"x" * 100)
    assert len(list(tmp_path.iterdir())) == 1
    if how == "closed":
        payload.close()
    elif how == "raised":
        with pytest.raises(KeyError), payload:
            raise KeyError
    else:
        del payload
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_processes_that_died_are_swept_and_others_left_alone(tmp_path):
    old = time.time() - module.STALE_AFTER - 60
    for name in (".jsk-payload-dead.tmp", "payload-of-a-user.tmp", "data.csv"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / ".jsk-payload-alive.tmp").write_bytes(b"x")
    with Payload(tmp_path, memory_limit=0) as payload:
        payload.write(b"x")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".jsk-payload-alive.tmp", "payload-of-a-user.tmp", "data.csv"}


def test_a_folder_for_temporary_files_that_vanished_is_made_again(tmp_path):
    for _ in range(2):
        with Payload(tmp_path / "scratch", memory_limit=0) as payload:
            payload.write(b"x")
        (tmp_path / "scratch").rmdir()


def test_a_file_that_shrinks_while_it_is_read_is_an_error_not_a_short_read(tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"x" * 1000)
    with Payload.of_file(file) as payload:
        os.truncate(file, 10)
        with pytest.raises(CannotRepresent, match="became shorter while it was being read") as caught:
            payload.reader().read()
        assert str(file) in caught.value.what


def test_a_file_that_became_shorter_has_no_digest(tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"x" * 1000)  # less than a thread is started for
    with Payload.of_file(file) as payload:
        os.truncate(file, 10)
        with pytest.raises(CannotRepresent, match="became shorter while it was being read"):
            payload.finish().digest
        with pytest.raises(CannotRepresent, match="became shorter while it was being read"):
            payload.copy_to(tmp_path / "copy")


@pytest.mark.parametrize("durable", [True, False])
def test_a_copy_has_the_bytes_that_were_hashed_though_another_file_is_at_the_path_now(tmp_path, durable):
    file, other = tmp_path / "epoch.bin", tmp_path / "next"
    file.write_bytes(b"A" * 3_000_000)
    other.write_bytes(b"B" * 3_000_000)
    with Payload.of_file(file) as payload:
        other.replace(file)
        payload.copy_to(tmp_path / "copy", durable=durable)
        assert payload.digest == digest_of((tmp_path / "copy").read_bytes()) == digest_of(b"A" * 3_000_000)
        assert payload.is_as_opened()


def test_a_copy_of_a_file_is_compared_with_its_digest_whatever_the_times_say(tmp_path):
    """Two writes within one tick of the file system's clock, or through a memory map, leave one time."""
    file = tmp_path / "frames.bin"
    file.write_bytes(b"A" * 3_000_000)
    status = file.stat()
    with Payload.of_file(file) as payload:
        assert payload.digest == digest_of(b"A" * 3_000_000)
        with file.open("r+b") as out:
            out.seek(1_500_000)
            out.write(b"B")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert payload.is_as_opened()
        with pytest.raises(CannotRepresent, match="was changed while it was being saved"):
            payload.copy_to(tmp_path / "copy")


def test_a_file_that_was_written_to_is_not_as_opened(tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"one")
    with Payload.of_file(file) as payload:
        assert payload.is_as_opened()
        with file.open("ab") as out:
            out.write(b"two")
        assert not payload.is_as_opened()


@pytest.mark.parametrize("size", [0, 1, 1000])
@pytest.mark.parametrize("wrong", [-1, 0, 1, 4096])
def test_whether_a_size_is_right_is_seen_at_the_end_of_the_file(tmp_path, size, wrong):
    (tmp_path / "file").write_bytes(b"x" * size)
    with Payload.of_file(tmp_path / "file") as payload:
        payload.size = max(0, size + wrong)
        assert payload.says_its_size() == (payload.size == size)


# Reading --------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.data())
def test_a_reader_behaves_like_a_file_over_its_part(tmp_path_factory, data):
    whole = data.draw(st.binary(min_size=1, max_size=200))
    start = data.draw(st.integers(0, len(whole)))
    size = data.draw(st.integers(0, len(whole) - start))
    steps = st.tuples(st.sampled_from(["read", "seek", "end", "on"]), st.integers(-3, 210))
    expected = io.BytesIO(whole[start : start + size])
    with Payload(tmp_path_factory.mktemp("p"), memory_limit=data.draw(st.sampled_from([0, 1000]))) as payload:
        payload.write(whole)
        reader = payload.finish().reader(start, size)
        assert len(reader) == size
        for what, number in data.draw(st.lists(steps, max_size=10)):
            if what == "read":
                assert reader.read(number) == expected.read(number)
            elif what == "seek":
                assert reader.seek(abs(number)) == expected.seek(abs(number))
            elif what == "end":
                assert reader.seek(0, io.SEEK_END) == expected.seek(0, io.SEEK_END)
            else:
                assert reader.seek(abs(number), io.SEEK_CUR) == expected.seek(abs(number), io.SEEK_CUR)
            assert reader.tell() == expected.tell()
        reader.seek(0)
        assert io.BufferedReader(reader).read() == whole[start : start + size]


def test_a_reader_tells_how_many_bytes_have_passed():
    passed: list[int] = []
    with Payload.of_bytes(b"x" * 1000) as payload:
        reader = payload.reader()
        reader.on_read = passed.append
        while reader.read(300):
            pass
    assert sum(passed) == 1000


def test_a_system_that_reads_less_than_asked_in_one_call_is_asked_again(tmp_path, monkeypatch):
    """Linux reads and writes at most 2,147,479,552 bytes in one call, and says so only in what it returns."""
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 10)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda handle, size, at: pread(handle, min(size, 100), at))
    with Payload.of_file(file) as payload:
        assert payload.digest == digest_of(bytes(range(256)) * 10)
        assert payload.reader().read() == payload.read_at(0, 2560) == bytes(range(256)) * 10
        assert payload.read_at(2500, 1000) == (bytes(range(256)) * 10)[2500:]


# No room --------------------------------------------------------------------------------------------

BEYOND_THE_LIMIT = """
    import resource, sys
    from pathlib import Path
    from jsk_saver.errors import StoreFull
    from jsk_saver.payload import Payload
    limit, block = int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    folder = Path(sys.argv[1])
    try:
        with Payload(folder, memory_limit=int(sys.argv[4])) as payload:
            for _ in range(5):
                payload.write(b"x" * block)
            payload.finish()
            print("finished", payload.size, payload.path.stat().st_size)
    except StoreFull as error:
        print("refused", error)
    print("left", list(folder.iterdir()))
"""


@pytest.mark.parametrize("block", [1_000, 7_001, 100_000])
@pytest.mark.parametrize("memory", [0, 20_000])
def test_a_disk_that_fills_up_in_the_middle_of_a_write_is_store_full_never_a_short_file(
    tmp_path, block, memory
):
    """A write that the disk has half room for is half done, with no error: only the next one fails."""
    assert resource.RLIMIT_FSIZE is not None  # a limit on file sizes stands for a full disk
    done = run(BEYOND_THE_LIMIT, tmp_path, 5 * block - 300, block, memory if memory < 4 * block else 0)
    assert "refused No room left in" in done.stdout, done.stdout + done.stderr
    assert "JSK_HOME" in done.stdout
    assert "left []" in done.stdout


def test_the_last_write_that_fits_half_is_refused_too(tmp_path):
    done = run(BEYOND_THE_LIMIT, tmp_path, 5 * 1000 - 1, 1000, 0)
    assert "refused No room left in" in done.stdout, done.stdout + done.stderr


def test_no_room_is_told_as_a_builtin_too():
    assert issubclass(StoreFull, OSError)


def test_a_scratch_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot write a temporary file") as caught:
        Payload(tmp_path / "file" / "scratch", memory_limit=0).write(b"x")
    assert "JSK_HOME" in caught.value.hint
