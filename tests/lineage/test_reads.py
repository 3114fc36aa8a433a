"""The registry of versions read in this process."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import multiprocessing
import secrets
import threading

import pytest

from jsk_saver import lineage
from jsk_saver.errors import InvalidMetadata, JskError
from jsk_saver.lineage import collect, reads
from jsk_saver.lineage.collect import MOST_READ
from jsk_saver.lineage.reads import Read, Reads
from jsk_saver.record import Record
from jsk_saver.stores.headers import pack


def test_reads_are_kept_in_order_and_once():
    reads.add("s3://a", "raw.csv", "1")
    reads.add("s3://a", "raw.csv", "2")
    reads.add("s3://a", "raw.csv", "1")
    assert reads.so_far() == (Read("s3://a", "raw.csv", "2"), Read("s3://a", "raw.csv", "1"))
    assert not reads.truncated()
    reads.clear()
    assert reads.so_far() == ()


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
            reads.so_far()

    threads = [threading.Thread(target=read, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(reads.so_far())) == len(reads.so_far()) == 1600


def _child(pipe) -> None:
    reads.add("s", "childs.csv", "1")
    pipe.send([read.name for read in reads.so_far()])


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
    assert [read.name for read in reads.so_far()] == ["parents.csv"]


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
    reads.add("s", "other.csv", "1")
    assert collect(given, store_uri="s")["parents"] == [
        {"name": "raw.csv", "version": "1", "given": True},
        {"name": "other.csv", "version": "1"},
        {"name": "given.csv", "version": "7", "given": True},
        {"name": "raw.csv", "version": "1", "store": "elsewhere", "given": True},
    ]


def test_outside_of_a_step_the_newest_reads_are_named_and_all_are_counted():
    for number in range(MOST_READ + 5):
        reads.add("s", "part.csv", str(number))
    found = collect([("part.csv", "0")], store_uri="s")
    assert [parent["version"] for parent in found["parents"]] == [*map(str, range(5, MOST_READ + 5)), "0"]
    assert (found["truncated"], found["reads"]) == (True, MOST_READ + 5)
    with lineage.step():
        for number in range(MOST_READ + 5):
            reads.add("s", "part.csv", str(number))
        found = collect(store_uri="s")
    assert len(found["parents"]) == MOST_READ + 5
    assert not {"truncated", "reads"} & set(found)


def test_a_record_that_names_the_most_reads_needs_no_second_request():
    def random_version() -> str:  # as S3 makes them: 32 characters that cannot be compressed
        return secrets.token_urlsafe(24)

    for number in range(MOST_READ + 100):
        reads.add("s3://bucket/team", f"features/2026/part-{number:04}.parquet", random_version())
    found = collect(store_uri="s3://bucket/team") | {
        "remote": "git@gitlab.example.org:team/churn-model.git",
        "commit": secrets.token_hex(20),
        "branch": "feature/longer-windows",
        "dirty": secrets.token_hex(16),
        "notebook": "notebooks/02_train.ipynb",
        "cell": secrets.token_hex(4),
    }
    record = Record(
        "models/churn.json", "", "json", "builtins.dict", 1000, "sha256:" + secrets.token_hex(32),
        dt.datetime.now(dt.UTC), {"origin": "youtube", "model": {"kind": "knn", "k": 5}}, found, {"items": 9},
    )  # fmt: skip
    assert len(found["parents"]) == MOST_READ
    assert pack(record).note == b""


# Steps ---------------------------------------------------------------------------------------------


def _read_here() -> list[str]:
    return [read.name for read in reads.so_far()]


def test_in_a_step_only_what_was_read_in_it_counts():
    reads.add("s", "before.csv", "1")
    with lineage.step():
        assert "parents" not in collect(store_uri="s")
        reads.add("s", "inside.csv", "1")
        assert [parent["name"] for parent in collect(store_uri="s")["parents"]] == ["inside.csv"]
    assert _read_here() == ["before.csv", "inside.csv"]


def test_an_inner_step_starts_anew_and_the_outer_one_has_its_reads_too():
    with lineage.step():
        reads.add("s", "outer.csv", "1")
        with lineage.step():
            reads.add("s", "inner.csv", "1")
            assert _read_here() == ["inner.csv"]
        assert _read_here() == ["outer.csv", "inner.csv"]


def test_a_step_that_fails_ends():
    reads.add("s", "before.csv", "1")
    with pytest.raises(ZeroDivisionError), lineage.step():
        1 / 0
    assert _read_here() == ["before.csv"]


def test_steps_of_two_threads_keep_apart_and_a_copied_context_takes_one_along():
    seen = {}
    meet = threading.Barrier(2)

    def work(name: str) -> None:
        with lineage.step():
            meet.wait()
            reads.add("s", name, "1")
            meet.wait()
            seen[name] = _read_here()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a.csv", "b.csv")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a.csv": ["a.csv"], "b.csv": ["b.csv"]}
    with lineage.step():
        helper = threading.Thread(target=contextvars.copy_context().run, args=(reads.add, "s", "c.csv", "1"))
        helper.start()
        helper.join()
        assert _read_here() == ["c.csv"]


def test_steps_of_two_tasks_keep_apart():
    async def work(name: str) -> list[str]:
        with lineage.step():
            reads.add("s", name, "1")
            await asyncio.sleep(0)
            return _read_here()

    async def both() -> list[list[str]]:
        return await asyncio.gather(work("a.csv"), work("b.csv"))

    assert asyncio.run(both()) == [["a.csv"], ["b.csv"]]


def test_a_child_forked_in_a_step_finds_its_lock_open():
    here, there = multiprocessing.Pipe()
    with lineage.step():
        with reads._steps.get()[0]._lock:
            process = multiprocessing.get_context("fork").Process(target=_child, args=(there,))
            process.start()
        assert here.poll(30), "the child never answered: it waits for a lock that nobody will open"
    assert here.recv() == ["childs.csv"]
    process.join()


@pytest.mark.parametrize("nonsense", ["raw.csv", 3, None, {}, ("raw.csv",), ("raw.csv", None), {"name": "a"}])
def test_a_parent_that_names_no_version_is_refused_with_the_way_to_say_it(nonsense):
    with pytest.raises(InvalidMetadata, match="must name a version") as refused:
        collect([nonsense])
    assert isinstance(refused.value, JskError)
    assert "parents=[" in refused.value.hint


def test_without_reads_there_are_no_parents():
    assert "parents" not in lineage.collect()
