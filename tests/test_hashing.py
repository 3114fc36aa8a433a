"""Hashing beside the work: whatever the threads do, the digest is that of the bytes in their order."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from contextlib import closing

import pytest

from jsk_saver.hashing import Hashing

BLOCK = 2**20


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def data() -> bytes:
    return random.Random(1).randbytes(4 * BLOCK + 77)


@pytest.fixture
def handle(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        yield file.fileno()


def test_a_goal_set_while_the_thread_comes_to_its_end_is_reached_too(handle):
    for _ in range(100):
        with closing(Hashing()) as hashing:
            hashing.follow(handle, 2 * BLOCK)
            while hashing.done < 2 * BLOCK:  # the very moment: it has just done the last it knew of
                time.sleep(0)
            hashing.follow(handle, 4 * BLOCK)
            hashing._wait()
            assert hashing.done == 4 * BLOCK


def test_many_threads_that_set_goals_do_not_hash_a_byte_before_another(handle, data):
    for _ in range(20):
        with closing(Hashing()) as hashing:
            start = threading.Barrier(8)

            def follow(
                goals: list[int], hashing: Hashing = hashing, start: threading.Barrier = start
            ) -> None:
                start.wait()
                for goal in goals:
                    hashing.follow(handle, goal)

            threads = [
                threading.Thread(target=follow, args=[list(range(at, len(data), 400_000))])
                for at in range(0, 80_000, 10_000)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            hashing.catch_up(handle, len(data))
            assert hashing.digest() == digest_of(data)


def test_blocks_of_memory_come_before_the_file_that_they_were_written_to(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file, closing(Hashing()) as hashing:
        hashing.add(data[:10])
        hashing.add(data[10 : BLOCK + 10])
        hashing.follow(file.fileno(), len(data))
        hashing.catch_up(file.fileno(), len(data))
        assert (hashing.done, hashing.digest()) == (len(data), digest_of(data))


def test_a_file_shorter_than_its_goal_ends_the_hashing_and_not_the_process(handle, data):
    with closing(Hashing()) as hashing:
        hashing.follow(handle, 9 * BLOCK)
        hashing.catch_up(handle, 9 * BLOCK)
        assert (hashing.done, hashing.digest()) == (len(data), digest_of(data))


def test_closing_does_not_hash_the_rest(tmp_path):
    with (tmp_path / "huge").open("w+b") as file:
        os.truncate(file.fileno(), 2**40)
        hashing = Hashing()
        hashing.follow(file.fileno(), 2**40)
        hashing.close()  # would take a quarter of an hour
        assert hashing.done < 2**40
