"""One suite for every store: whatever is promised of one holds for all."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import os
import re

import pytest

from jsk_saver.errors import Hidden, NotFound
from jsk_saver.payload import Payload
from jsk_saver.record import MAX_NAME_BYTES, Record, check_name, now
from tests.stores.places import fetched, put

#: Characters that some file system, URL, listing or quoting rule treats as something else.
ODD_NAMES = [
    "a",
    "a.b",
    "a/b",
    "a/b/c",
    "@x",
    "@x/@y",
    "dir/@20260101T000000.000000Z-00000000",
    "50%",
    "50%25",
    "%2e%2e",
    "%~",
    "record.json",
    "deep/record.json",
    "_record.json",
    "RECORD.JSON",
    "con.csv",
    "nul",
    "trailing.",
    "trailing..",
    "trailing ",
    " leading",
    "two  spaces",
    "...",
    "caf\u00e9.csv",
    "cafe\u0301.csv",
    "😀.csv",
    "日本語/データ.csv",
    "Case.csv",
    "case.csv",
    "plus+and&=#?.csv",
    "star*glob[1]?.csv",
    "quote'\"`$;|<>.csv",
    "semi;colon:comma,.csv",
    "~home",
    "-dash",
    ".hidden",
    ".jskx",
    "sub/.jskx/x",
    "\u00a0nbsp",
    "\u202eright-to-left",
    "data:text\u00e9/x,y",
    "http:x",
    "x.hidden",
    "x.part",
]
LONG_NAMES = [
    "p" * 251 + ".csv",
    "ä" * 125 + ".json",
    "😀" * 63 + ".x",
    "p" * 159 + "." * 96,  # dots where a folder's name is cut
    "/".join("?" * 512),
]


def test_what_is_put_is_fetched_with_its_record(store):
    saved = put(store, "a.bin", b"hello", origin="youtube", deep={"list": [1, None, "ü"]})
    assert saved.version
    record, data = fetched(store, "a.bin")
    assert data == b"hello"
    assert record == saved
    assert store.head("a.bin") == saved
    assert store.head("a.bin", saved.version) == saved


def test_every_put_makes_a_version_and_old_ones_stay_as_they_were(store):
    saved = [put(store, "a.bin", f"version {n}".encode(), n=n) for n in range(4)]
    assert len({record.version for record in saved}) == 4
    assert fetched(store, "a.bin") == (saved[-1], b"version 3")
    for n, record in enumerate(saved):
        assert fetched(store, "a.bin", record.version) == (record, f"version {n}".encode())


def test_objects_of_any_size_come_back_empty_ones_too(store):
    sizes = [0, 1, 2**20 + 1]
    for size in sizes:
        data = os.urandom(size)
        saved = put(store, "data", data)
        assert saved.size == size
        assert fetched(store, "data") == (saved, data)
    assert [entry.size for entry in store.entries("data")] == sizes[::-1]


def test_metadata_of_any_size_and_script_comes_back_exactly(store):
    for size in (0, 100, 1_000, 3_000, 100_000):
        noise = hashlib.shake_256(b"x").hexdigest(size // 2)
        ascii_text = bytes(range(32, 127)).decode()
        metadata = {"ünïcödé": "日本語 😀", "spaces": " a  b ", "noise": noise, "all": ascii_text}
        saved = put(store, "a", b"x", **metadata)
        assert store.head("a").metadata == fetched(store, "a")[0].metadata == metadata
        assert list(store.head("a", saved.version).metadata) == list(metadata)


# Names ----------------------------------------------------------------------------------------------


def test_odd_names_stay_apart_from_each_other(store):
    saved = {name: put(store, check_name(name), name.encode(), said=name) for name in ODD_NAMES}
    for name, record in saved.items():
        assert fetched(store, name) == (record, name.encode())
        (entry,) = store.entries(name)
        assert (entry.name, entry.version, entry.latest, entry.marker) == (name, record.version, True, False)
    assert sorted(entry.name for entry in store.scan()) == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        store.hide(name)
        with pytest.raises(Hidden):
            store.head(name)
        assert store.unhide(name)
        store.remove(name, saved[name].version)
    assert list(store.scan()) == []


def test_long_names_are_kept_listed_hidden_and_removed(store, place):
    room = MAX_NAME_BYTES - (len(store.key("").encode()) if place.is_s3 else 0)
    for name in LONG_NAMES:
        name = name.encode()[:room].decode(errors="ignore").rstrip("/")
        saved = put(store, check_name(name), b"x", long=True)
        assert fetched(store, name) == (saved, b"x")
        assert [entry.name for entry in store.scan()] == [name]
        store.hide(name)
        assert [(entry.name, entry.marker) for entry in store.scan()] == [(name, True), (name, False)]
        assert store.unhide(name)
        store.remove(name, saved.version)
        assert list(store.scan()) == []


def test_names_of_1024_bytes_that_differ_at_the_end_stay_apart(store, place):
    room = MAX_NAME_BYTES - (len(store.key("").encode()) if place.is_s3 else 0)
    names = ["n" * (room - 1) + end for end in "ab"]
    saved = [put(store, check_name(name), name[-1].encode()) for name in names]
    assert [fetched(store, name)[1] for name in names] == [b"a", b"b"]
    assert sorted(entry.name for entry in store.scan()) == names
    assert sorted(entry.name for entry in store.scan(names[0])) == names[:1]
    assert store.head(names[0], saved[0].version) == saved[0]


# What is not there ----------------------------------------------------------------------------------


def test_a_name_that_is_not_there_is_not_found_with_a_next_step(store):
    put(store, "ab")
    for ask in (store.head, store.fetch, store.hide, store.unhide):
        with pytest.raises(NotFound, match="There is no 'a' in") as caught:
            ask("a")
        assert not isinstance(caught.value, Hidden)
        assert caught.value.hint
    assert store.entries("a") == []


def test_a_version_that_is_not_there_is_not_found(store):
    put(store, "a")
    for version in ("nonsense", "1", "x" * 32, "20260101T000000.000000Z-00000000", "../..", "ü"):
        for ask in (store.head, store.fetch, store.remove):
            with pytest.raises(NotFound, match=r"no version .* of 'a'"):
                ask("a", version)
    assert len(store.entries("a")) == 1


def test_a_version_of_another_name_is_not_found(store):
    put(store, "a")
    other = put(store, "b")
    for ask in (store.head, store.fetch):
        with pytest.raises(NotFound):
            ask("a", other.version)


def test_a_store_that_nobody_has_written_to_is_empty(store):
    assert list(store.scan()) == []
    assert store.entries("a") == []
    with pytest.raises(NotFound):
        store.head("a")


def test_a_folder_part_of_a_name_is_not_a_name(store):
    put(store, "data/a.csv")
    assert store.entries("data") == []
    with pytest.raises(NotFound):
        store.head("data")


# Listing --------------------------------------------------------------------------------------------


def test_versions_are_listed_newest_first_and_only_the_first_is_latest(store):
    versions = [put(store, "a", str(n).encode()).version for n in range(5)]
    entries = store.entries("a")
    assert [entry.version for entry in entries] == versions[::-1]
    assert [entry.latest for entry in entries] == [True, False, False, False, False]
    assert all(entry.modified.tzinfo is not None for entry in entries)
    assert abs(entries[0].modified - now()) < dt.timedelta(minutes=5)


def test_a_marker_between_versions_stays_in_its_place(store, place):
    first = put(store, "a", b"1")
    store.hide("a")
    _next_second(place)
    second = put(store, "a", b"2")
    entries = store.entries("a")
    assert [(entry.version if not entry.marker else "marker") for entry in entries] == [
        second.version,
        "marker",
        first.version,
    ]
    assert store.head("a") == second


def test_a_listing_of_one_name_leaves_longer_names_out(store):
    for name in ("a", "ab", "a/b", "a.b", "A"):
        put(store, name, name.encode())
    assert [entry.name for entry in store.entries("a")] == ["a"]


def test_a_scan_yields_what_starts_with_the_prefix(store):
    names = ["data/a", "data/ab", "data/b", "database", "other"]
    for name in names:
        put(store, name)
    for prefix in ("", "data", "data/", "data/a", "nothing", "at"):
        expected = [name for name in names if name.startswith(prefix)]
        assert sorted(entry.name for entry in store.scan(prefix)) == expected


def test_a_scan_yields_the_entries_of_a_name_together_and_newest_first(store):
    for number in range(3):
        for name in ("b", "a", "a/b", "a.b"):
            put(store, name, str(number).encode())
    store.hide("a")
    groups = [(name, list(group)) for name, group in itertools.groupby(store.scan(), lambda e: e.name)]
    assert sorted(name for name, _ in groups) == ["a", "a.b", "a/b", "b"]
    for name, group in groups:
        assert group == store.entries(name)
    assert [entry.marker for entry in dict(groups)["a"]] == [True, False, False, False]


def test_what_the_kit_keeps_for_itself_is_not_listed(store):
    store.put_note("packages/x.txt", b"numpy")
    put(store, "a", b"x", noise=os.urandom(4000).hex())  # has a note of its own
    assert [entry.name for entry in store.scan()] == ["a"]
    assert [entry.name for entry in store.scan(".")] == []


# Hiding and removing --------------------------------------------------------------------------------


def test_a_hidden_name_is_not_seen_but_its_versions_are_kept(store):
    saved = put(store, "a", b"x")
    store.hide("a")
    for ask in (store.head, store.fetch, store.hide):
        with pytest.raises(Hidden, match="'a' was deleted") as caught:
            ask("a")
        assert 'saver.restore("a")' in caught.value.hint
        assert caught.value.kept
    assert fetched(store, "a", saved.version) == (saved, b"x")
    assert [entry.marker for entry in store.entries("a")] == [True, False]


def test_unhiding_brings_the_newest_version_back_and_says_whether_it_was_hidden(store):
    saved = put(store, "a", b"x")
    assert store.unhide("a") is False
    store.hide("a")
    assert store.unhide("a") is True
    assert store.head("a") == saved
    assert [entry.marker for entry in store.entries("a")] == [False]


def test_a_put_after_hiding_makes_the_name_seen_again(store):
    put(store, "a", b"1")
    store.hide("a")
    second = put(store, "a", b"2")
    assert store.head("a") == second
    assert sum(entry.marker for entry in store.entries("a")) == 1


def test_removing_a_version_leaves_the_others(store):
    first, second, third = (put(store, "a", str(n).encode(), n=n) for n in range(3))
    store.remove("a", second.version)
    assert [entry.version for entry in store.entries("a")] == [third.version, first.version]
    with pytest.raises(NotFound):
        store.head("a", second.version)
    store.remove("a", third.version)
    assert fetched(store, "a") == (first, b"0")


def test_removing_a_marker_brings_the_name_back(store):
    saved = put(store, "a")
    store.hide("a")
    (marker,) = (entry for entry in store.entries("a") if entry.marker)
    store.remove("a", marker.version)
    assert store.head("a") == saved


def test_removing_everything_leaves_no_trace(store, place, tmp_path):
    for name in ("a", "a/b", "deep/er/c", "p" * 255):
        put(store, name, b"x", noise=os.urandom(3000).hex())
        store.hide(name)
    for entry in list(store.scan()):
        store.remove(entry.name, entry.version)
    assert list(store.scan()) == []
    if place.is_s3:
        left = store.client.list_object_versions(Bucket=store.bucket)
        assert left.get("Versions", []) + left.get("DeleteMarkers", []) == []
    else:
        assert [path for path in store.root.rglob("*") if path.is_file()] == []
        assert [path.name for path in store.root.iterdir()] == [".jsk"]


def test_removing_one_of_two_versions_with_the_same_long_record_leaves_the_other_readable(store):
    with Payload.of_bytes(b"x") as payload:
        long = {"noise": os.urandom(3000).hex()}
        record = Record("a", "", "raw", "bytes", 1, payload.digest, now(), metadata=long)
        first, second = store.put(record, payload), store.put(record, payload)
    store.remove("a", first.version)
    assert fetched(store, "a", second.version) == (second, b"x")


# Copies within the store ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "other/ü+ 50%"])
def test_a_duplicate_has_the_bytes_of_its_source_and_a_record_of_its_own(store, name):
    source = put(store, "a", b"hello", n=1)
    put(store, "a", b"newer", n=2)
    record = Record(
        name, "", "raw", "bytes", source.size, source.digest, now(), metadata={"n": 1, "ü": "x"},
        lineage={"restored": source.version},
    )  # fmt: skip
    made = store.duplicate(source, record)
    assert made == record.with_version(made.version)
    assert made.version != source.version
    assert fetched(store, name) == (made, b"hello")
    assert fetched(store, "a", source.version) == (source, b"hello")
    store.remove("a", source.version)
    assert fetched(store, name) == (made, b"hello")


def test_a_duplicate_of_an_odd_name_is_found(store):
    name = "odd ü+&=%20?/x y.csv"
    source = put(store, name, b"hello")
    made = store.duplicate(source, Record("copy", "", "raw", "bytes", 5, source.digest, now()))
    assert fetched(store, "copy") == (made, b"hello")


def test_a_duplicate_of_nothing_is_not_found(store):
    source = put(store, "a", b"x")
    store.remove("a", source.version)
    with pytest.raises(NotFound, match=r"no version .* of 'a'"):
        store.duplicate(source, Record("b", "", "raw", "bytes", 1, source.digest, now()))
    assert store.entries("b") == []


# Notes ----------------------------------------------------------------------------------------------


def test_a_note_comes_back_and_may_be_written_twice(store):
    for _ in range(2):
        store.put_note("packages/abc.txt", b"numpy\n")
    assert store.get_note("packages/abc.txt") == b"numpy\n"
    store.put_note("empty", b"")
    assert store.get_note("empty") == b""


def test_notes_are_listed_below_a_prefix(store):
    assert list(store.notes("journal/")) == []
    put(store, "journal/a", b"no note")
    for number in range(3):
        store.put_note(f"journal/a+b/ä {number}.0-5", b"bytes")
    store.put_note("journal2/c", b"")
    found = [(f"journal/a+b/ä {number}.0-5", 5) for number in range(3)]
    assert sorted(store.notes("journal/")) == found
    assert [key for key, _ in store.notes("journal2/")] == ["journal2/c"]


def test_a_note_that_is_not_there_is_not_found(store):
    with pytest.raises(NotFound, match=r"note 'packages/none\.txt'"):
        store.get_note("packages/none.txt")


# Looking after it -----------------------------------------------------------------------------------


def test_a_store_in_order_has_no_problems_and_the_check_leaves_nothing(store):
    assert store.check() == []
    assert list(store.scan()) == []
    assert store.describe()["store"] == store.uri


def test_an_address_names_the_version_and_no_other(store):
    first, second = put(store, "d/ü 50%.csv"), put(store, "d/ü 50%.csv")
    addresses = {store.address(record.name, record.version) for record in (first, second)}
    assert len(addresses) == 2
    assert all(re.match(r"(s3|file)://", address) for address in addresses)


def test_progress_is_told_all_the_bytes_there_are(store):
    data = os.urandom(300_000)
    for verb in ("put", "fetch"):
        passed: list[tuple[int, int]] = []

        def tell(size: int, total: int, passed: list[tuple[int, int]] = passed) -> None:
            passed.append((size, total))

        with Payload.of_bytes(data) as payload:
            record = Record("a", "", "raw", "bytes", len(data), payload.digest, now())
            if verb == "put":
                store.put(record, payload, tell)
            else:
                store.fetch("a", progress=tell)[1].close()
        assert sum(size for size, _ in passed) == len(data)
        assert {total for _, total in passed} == {len(data)}


def _next_second(place) -> None:
    """Wait where listings tell time in seconds: nothing else says which of two entries is the older."""
    import time

    if place.is_s3:
        time.sleep(1.1)
