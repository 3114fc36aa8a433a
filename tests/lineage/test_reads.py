"""The registry of versions read in this process."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from jsk_saver import lineage
from jsk_saver.errors import InvalidMetadata, JskError
from jsk_saver.lineage import collect, reads
from jsk_saver.lineage.reads import Read, Reads


def test_reads_are_kept_in_order_and_once():
    reads.add("s3://a", "raw.csv", "1")
    reads.add("s3://a", "raw.csv", "2")
    reads.add("s3://a", "raw.csv", "1")
    assert reads.since_start() == (Read("s3://a", "raw.csv", "2"), Read("s3://a", "raw.csv", "1"))
    assert not reads.truncated()
    reads.clear()
    assert reads.since_start() == ()


def test_beyond_the_limit_the_newest_are_kept_and_it_says_so():
    kept = Reads(limit=3)
    for number in range(5):
        kept.add(Read("s", "n", str(number)))
    assert [read.version for read in kept.snapshot()] == ["2", "3", "4"]
    assert kept.truncated
    kept.clear()
    assert (kept.snapshot(), kept.truncated) == ((), False)


def test_lineage_says_that_it_could_not_name_all(monkeypatch):
    monkeypatch.setattr(reads, "_process", Reads(limit=2))
    for number in range(3):
        reads.add("s", "n", str(number))
    found = collect(store_uri="s")
    assert found["parents"] == [{"name": "n", "version": "1"}, {"name": "n", "version": "2"}]
    assert found["truncated"] is True


def test_many_threads_lose_nothing():
    start = threading.Barrier(8)

    def read(writer: int) -> None:
        start.wait()
        for number in range(200):
            reads.add("s", f"n{writer}", str(number))
            reads.since_start()

    threads = [threading.Thread(target=read, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(reads.since_start())) == len(reads.since_start()) == 1600


def _child(pipe) -> None:
    reads.add("s", "childs.csv", "1")
    pipe.send([read.name for read in reads.since_start()])


def test_a_forked_child_starts_with_what_was_read_and_keeps_its_own_to_itself():
    reads.add("s", "parents.csv", "1")
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    with reads._process._lock:  # another thread may be adding at the moment of the fork
        process = context.Process(target=_child, args=(there,))
        process.start()
    assert here.poll(30), "the child never answered: it waits for a lock that nobody will open"
    assert here.recv() == ["parents.csv", "childs.csv"]
    process.join()
    assert [read.name for read in reads.since_start()] == ["parents.csv"]


def test_parents_name_a_store_only_where_it_is_another():
    reads.add("s3://here", "raw.csv", "1")
    reads.add("s3://there", "raw.csv", "1")
    assert collect(store_uri="s3://here")["parents"] == [
        {"name": "raw.csv", "version": "1"},
        {"name": "raw.csv", "version": "1", "store": "s3://there"},
    ]


class HasNameAndVersion:
    name, version = "given.csv", "7"


def test_parents_can_be_added_and_are_named_once():
    reads.add("s", "raw.csv", "1")
    given = [
        HasNameAndVersion(),
        ("raw.csv", "1"),
        {"name": "raw.csv", "version": "1", "store": "s"},
        {"name": "raw.csv", "version": "1", "store": "elsewhere"},
    ]
    assert collect(given, store_uri="s")["parents"] == [
        {"name": "raw.csv", "version": "1"},
        {"name": "given.csv", "version": "7"},
        {"name": "raw.csv", "version": "1", "store": "elsewhere"},
    ]


@pytest.mark.parametrize("nonsense", ["raw.csv", 3, None, {}, ("raw.csv",), ("raw.csv", None), {"name": "a"}])
def test_a_parent_that_names_no_version_is_refused_with_the_way_to_say_it(nonsense):
    with pytest.raises(InvalidMetadata, match="must name a version") as refused:
        collect([nonsense])
    assert isinstance(refused.value, JskError)
    assert "parents=[" in refused.value.hint


def test_without_reads_there_are_no_parents():
    assert "parents" not in lineage.collect()
