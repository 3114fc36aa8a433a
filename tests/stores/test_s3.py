"""The store in a bucket: how many requests, large objects, and everything that can go wrong on the way."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver.errors import (
    AccessDenied,
    BadCredentials,
    BucketMissing,
    CannotRepresent,
    ClockSkew,
    Hidden,
    IntegrityError,
    InvalidName,
    NotFound,
    NotVersioned,
    SettingsError,
    StoreError,
    StoreFull,
    StoreUnreachable,
    WrongRegion,
)
from jsk_saver.payload import Payload
from jsk_saver.record import MAX_NAME_BYTES, Record, now
from jsk_saver.stores import multipart, open_store, ranges, s3
from jsk_saver.stores.base import Entry
from jsk_saver.stores.s3_listing import _newest_first
from jsk_saver.stores.s3_upload import largest_put
from tests.stores.places import at_server, fetched, put

MIB = 2**20
SOURCE = str(Path(jsk_saver.__file__).parents[1])


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch):
    """Wait between attempts as S3 asks for, but a hundredth as long."""
    from botocore.retries import standard

    delay = standard.ExponentialBackoff.delay_amount
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *args: delay(*args) / 100)


@pytest.fixture
def line(ceph, point_at, behind_proxy):
    """Give the test a line to a new bucket of the real server, on which things can go wrong."""
    server, proxy = behind_proxy(ceph)
    point_at(server)
    return Line(at_server(server), proxy, ceph)


@pytest.fixture
def moto_line(moto, point_at, behind_proxy):
    """Give the test the same to AWS in miniature."""
    server, proxy = behind_proxy(moto)
    point_at(server)
    return Line(at_server(server), proxy, moto)


class Line:
    """A place behind a proxy.

    Parameters
    ----------
    place, proxy, server
        Where, through what, and the server at its end.
    """

    def __init__(self, place, proxy, server) -> None:
        self.place, self.proxy, self.server = place, proxy, server
        self.bucket = place.uri.removeprefix("s3://").partition("/")[0]

    def store(self, **settings):
        """Open the store, and forget the requests that needed."""
        store = self.place.store(**{"retries": 3, **settings})
        store.versioning.require()
        self.proxy.forget()
        return store

    @property
    def asked(self) -> list[str]:
        """What was asked since, as ``PUT partNumber``."""
        telling = ("partNumber", "uploads", "uploadId", "versions", "versioning")
        return [
            " ".join([request.method, *(word for word in telling if word in request.query)])
            for request in self.proxy.requests
        ]


def a_record(payload: Payload, name: str = "a", **metadata) -> Record:
    return Record(name, "", "raw", "bytes", payload.size, payload.digest, now(), metadata=metadata)


def put_random(store, size: int, name: str = "big") -> tuple[Record, bytes]:
    data = os.urandom(size)
    return put(store, name, data), data


# Requests -------------------------------------------------------------------------------------------


def test_a_put_is_one_request_and_a_get_by_name_is_one_request(line):
    store = line.store()
    saved = put(store, "a.json", b"x" * 1000, origin="youtube", rows=10)
    assert line.asked == ["PUT"]
    line.proxy.forget()
    assert fetched(store, "a.json") == (saved, b"x" * 1000)
    assert line.asked == ["GET"]
    line.proxy.forget()
    assert fetched(store, "a.json", saved.version)[0] == saved
    assert line.asked == ["GET"]
    line.proxy.forget()
    store.head("a.json")
    store.entries("a.json")
    assert line.asked == ["HEAD", "GET versions"]


def test_whether_the_bucket_keeps_versions_is_asked_once_on_this_machine(line):
    put(line.place.store(), "a")
    assert line.asked.count("GET versioning") == 1
    line.proxy.forget()
    put(line.place.store(), "a")
    assert line.asked == ["PUT"]


def test_bytes_and_record_travel_in_the_same_request(line):
    put(line.store(), "a.json", b"x", origin="youtube")
    (request,) = line.proxy.requests
    assert request.headers["x-amz-meta-origin"] == "youtube"
    assert '"digest":"sha256:' in request.headers["x-amz-meta-jsk"]
    assert request.headers["content-type"] == "application/json"


def test_a_record_too_long_for_headers_is_written_before_the_object_that_refers_to_it(line):
    put(line.store(), "a", b"x", noise=os.urandom(3000).hex())
    note, version = line.proxy.requests
    assert "/.jsk/records/" in note.path
    assert version.headers["x-amz-meta-jsk"].startswith("n:")
    assert version.headers["x-amz-meta-jsk"][2:] in note.path


def test_a_name_too_long_only_with_the_prefix_is_refused_before_anything_is_sent(line):
    store = line.store()
    name = "n" * (MAX_NAME_BYTES - len(store.key("").encode()) + 1)
    for ask in (lambda: put(store, name), lambda: store.head(name), lambda: store.entries(name)):
        with pytest.raises(InvalidName, match=r"1,025 bytes long with the store's prefix"):
            ask()
    assert line.asked == []


@pytest.mark.parametrize("uri", ["s3://", "s3:///prefix"])
def test_an_address_without_a_bucket_is_a_settings_error(uri):
    from jsk_saver.settings import Settings

    with pytest.raises(SettingsError, match="names no bucket"):
        open_store(uri, Settings())


# Versioning -----------------------------------------------------------------------------------------


def test_a_bucket_without_versioning_is_refused_with_the_command_that_turns_it_on(ceph, point_at):
    point_at(ceph)
    place = at_server(ceph, versioned=False)
    bucket = place.uri.split("/")[2]
    with pytest.raises(NotVersioned, match=f"'{bucket}' does not keep versions") as caught:
        put(place.store(), "a")
    assert caught.value.hint == (
        f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
    )
    assert "Contents" not in ceph.client().list_objects_v2(Bucket=bucket)
    (problem,) = place.store().check()
    assert problem.hint == caught.value.hint


def test_versioning_suspended_later_is_noticed_by_the_put_itself_and_refused_from_then_on(line):
    store = line.store()
    first = put(store, "a", b"1")
    suspended = {"Status": "Suspended"}
    line.server.client().put_bucket_versioning(Bucket=line.bucket, VersioningConfiguration=suspended)
    with pytest.raises(NotVersioned, match="without a version"):
        put(store, "a", b"2")
    line.proxy.forget()
    for again in (store, line.place.store()):
        with pytest.raises(NotVersioned, match="does not keep versions"):
            put(again, "b", b"3")
    assert "PUT" not in line.asked
    assert fetched(store, "a", first.version) == (first, b"1")


def test_whether_the_bucket_keeps_versions_is_asked_again_after_a_day(line, own_home):
    put(line.place.store(), "a")
    (mark,) = (own_home / "seen").glob("bucket-*/*")
    yesterday = time.time() - 24 * 3600 - 1
    os.utime(mark, (yesterday, yesterday))
    line.proxy.forget()
    put(line.place.store(), "a")
    put(line.place.store(), "a")
    assert line.asked == ["GET versioning", "PUT", "PUT"]


def test_a_bucket_made_anew_without_versioning_is_seen_by_reading_and_refused(line):
    store = line.store()
    saved = put(store, "a", b"1")
    client = line.server.client()
    client.delete_object(Bucket=line.bucket, Key=store.key("a"), VersionId=saved.version)
    client.delete_bucket(Bucket=line.bucket)
    client.create_bucket(Bucket=line.bucket)
    client.put_object(Bucket=line.bucket, Key=store.key("a"), Body=b"theirs")
    store.head("a")
    with pytest.raises(NotVersioned):
        put(store, "a", b"2")
    assert client.get_object(Bucket=line.bucket, Key=store.key("a"))["Body"].read() == b"theirs"


def test_a_note_written_without_a_version_stops_the_object_that_refers_to_it(line):
    store = line.store()
    suspended = {"Status": "Suspended"}
    line.server.client().put_bucket_versioning(Bucket=line.bucket, VersioningConfiguration=suspended)
    with pytest.raises(NotVersioned, match=r"The note .* without a version"):
        put(store, "a", b"x", noise=os.urandom(3000).hex())
    assert store.entries("a") == []


def test_a_bucket_that_was_gone_is_asked_again_whether_it_keeps_versions(line):
    store = line.store()
    line.proxy.fail_next("PUT", status=404, code="NoSuchBucket")
    with pytest.raises(BucketMissing):
        put(store, "a")
    line.proxy.forget()
    put(store, "a")
    assert line.asked == ["GET versioning", "PUT"]


# Notes ----------------------------------------------------------------------------------------------


def test_a_shared_note_is_sent_once_and_again_when_it_turns_out_to_be_gone(line):
    store = line.store()
    for _ in range(2):
        store.keep_note("packages/x.txt", b"numpy")
    assert line.asked == ["PUT"]
    client, key = line.server.client(), store.key(".jsk/packages/x.txt")
    (version,) = client.list_object_versions(Bucket=line.bucket, Prefix=key)["Versions"]
    client.delete_object(Bucket=line.bucket, Key=key, VersionId=version["VersionId"])
    with pytest.raises(NotFound):
        store.get_note("packages/x.txt")
    store.keep_note("packages/x.txt", b"numpy")
    assert store.get_note("packages/x.txt") == b"numpy"


def test_what_is_doubted_is_sent_and_asked_again(line):
    store = line.store()
    store.keep_note("packages/x.txt", b"numpy")
    line.proxy.forget()
    store.doubt()
    store.keep_note("packages/x.txt", b"numpy")
    assert line.asked == ["GET versioning", "PUT"]


@pytest.mark.parametrize("writer", ["inner", "outer"])
def test_stores_below_one_another_read_each_others_records_and_list_no_file_of_the_kit(line, writer):
    outer = line.store()
    inner = replace(line.place, uri=f"{line.place.uri}/team").store(retries=3)
    one, other = (inner, outer) if writer == "inner" else (outer, inner)
    long = os.urandom(3000).hex()
    saved = put(one, "a.json" if writer == "inner" else "team/a.json", b"x", noise=long)
    inner.put_note("packages/x.txt", b"numpy")
    seen = fetched(other, "team/a.json" if writer == "inner" else "a.json")[0]
    assert (seen.metadata, seen.version) == (saved.metadata, saved.version)
    assert [entry.name for entry in outer.scan()] == ["team/a.json"]
    assert [entry.name for entry in inner.scan()] == ["a.json"]
    other.remove(seen.name, seen.version)
    left = line.server.client().list_object_versions(Bucket=line.bucket).get("Versions", [])
    assert [item["Key"].rpartition("/")[2] for item in left] == ["x.txt"], "the note went with its version"


def test_who_may_not_ask_about_versioning_may_still_put_and_nothing_is_taken_for_granted(line):
    line.proxy.fail_next("GET", status=403, code="AccessDenied", parameter="versioning", times=2)
    put(line.place.store(), "a")
    put(line.place.store(), "a")
    assert line.asked.count("GET versioning") == 2  # not remembered: it was never seen


def test_expired_credentials_do_not_pass_for_a_versioned_bucket(line):
    line.proxy.forget()
    line.proxy.fail_next("GET", status=400, code="ExpiredToken", parameter="versioning")
    with pytest.raises(BadCredentials):
        put(line.place.store(), "a")
    assert "PUT" not in line.asked


@pytest.mark.parametrize("status", ["off", "suspended"])
def test_deleting_from_a_bucket_that_keeps_no_versions_would_be_for_good_and_is_refused(line, status):
    store, client = line.store(), line.server.client()
    place = at_server(line.server, versioned=False) if status == "off" else line.place
    store = place.store()
    if status == "suspended":
        put(store, "before")  # it was seen to keep versions
        suspended = {"Status": "Suspended"}
        client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration=suspended)
    client.put_object(Bucket=store.bucket, Key=store.key("theirs.csv"), Body=b"a,b")
    with pytest.raises(NotVersioned, match=r"'theirs\.csv' was not deleted"):
        store.hide("theirs.csv")
    assert client.get_object(Bucket=store.bucket, Key=store.key("theirs.csv"))["Body"].read() == b"a,b"


# Large objects up -----------------------------------------------------------------------------------


def test_a_large_object_goes_up_in_parts_and_the_version_comes_from_the_final_answer(line):
    store = line.store(part_size=5 * MIB)
    saved, data = put_random(store, 21 * MIB + 7)
    assert line.asked[0] == "POST uploads"
    assert line.asked[1:-1] == ["PUT partNumber uploadId"] * 5
    assert line.asked[-1] == "POST uploadId"
    assert [entry.version for entry in store.entries("big")] == [saved.version]
    assert fetched(store, "big") == (saved, data)


def test_parts_go_up_in_parallel(line):
    store = line.store(part_size=5 * MIB)
    together = threading.Barrier(3, timeout=20)
    line.proxy.call_next("PUT", lambda _: together.wait(), parameter="partNumber", times=3)
    put_random(store, 21 * MIB)
    assert not together.broken  # three of them were on their way at the same time


@pytest.mark.parametrize("where", ["partNumber", "uploadId"])
def test_an_upload_that_fails_is_aborted_and_leaves_nothing(line, where):
    store = line.store(part_size=5 * MIB)
    before = put(store, "big", b"before")
    method = "PUT" if where == "partNumber" else "POST"
    line.proxy.fail_next(method, status=403, code="AccessDenied", parameter=where)
    with pytest.raises(AccessDenied):
        put_random(store, 21 * MIB)
    assert "Uploads" not in line.server.client().list_multipart_uploads(Bucket=line.bucket)
    assert [entry.version for entry in store.entries("big")] == [before.version]


def test_a_part_whose_connection_breaks_is_sent_again_from_its_start(line):
    store = line.store(part_size=5 * MIB)
    line.proxy.cut_next("PUT", after=2 * MIB, of="request", parameter="partNumber", times=2)
    saved, data = put_random(store, 25 * MIB)
    assert line.asked.count("PUT partNumber uploadId") == 7
    assert fetched(store, "big") == (saved, data)


@pytest.mark.parametrize(("part", "most"), [("16 MiB", 64 * MIB), ("2 GiB", 5 * 2**30), ("5 GiB", 5 * 2**30)])
def test_one_put_never_carries_more_than_s3_takes(part, most):
    from jsk_saver.settings import load

    assert largest_put(load(part_size=part)) == most


def test_progress_of_an_upload_in_parts_is_told_from_all_threads(line):
    store = line.store(part_size=5 * MIB)
    passed: list[int] = []
    with Payload.of_bytes(os.urandom(22 * MIB)) as payload:
        store.put(a_record(payload), payload, lambda size, _: passed.append(size))
    assert sum(passed) == 22 * MIB


@pytest.mark.parametrize("size", [1, 5 * 2**30, 5 * 2**30 + 1, 160 * 2**30 + 1, 5 * 2**40])
def test_parts_cover_any_size_s3_takes_within_its_limits(size):
    part = multipart.part_size(size, 16 * MIB)
    assert part >= 16 * MIB
    assert 5 * MIB <= part <= 5 * 2**30
    assert -(-size // part) <= 10_000


def test_a_file_that_shrinks_on_its_way_is_told_as_such(line, tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(os.urandom(8 * MIB))
    store = line.store()
    with Payload.of_file(file) as payload:
        record = a_record(payload)
        os.truncate(file, MIB)
        with pytest.raises(CannotRepresent, match="became shorter"):
            store.put(record, payload)
    assert store.entries("a") == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_object_over_five_gigabytes_comes_back_from_a_real_server(ceph_on_disk, point_at, tmp_path):
    """Beyond the largest single PUT of S3."""
    point_at(ceph_on_disk)
    size = 5 * 2**30 + 12_345
    file = tmp_path / "huge.bin"
    with file.open("wb") as out:
        out.truncate(size)  # nearly all zeros: it takes no room, here or there
        for offset in (0, 2**31 - 3, 2**32 - 3, size - 5):
            out.seek(offset)
            out.write(b"mark!")
    store = at_server(ceph_on_disk).store()
    with Payload.of_file(file) as payload:
        saved = store.put(a_record(payload), payload)
    file.unlink()
    (entry,) = store.entries("a")
    assert (entry.size, entry.version) == (size, saved.version)
    record, back = store.fetch("a", folder=tmp_path)
    with back:
        assert (record, back.size) == (saved, size)
        assert back.digest == saved.digest
    assert list(tmp_path.iterdir()) == []


# Large objects down ---------------------------------------------------------------------------------


@pytest.fixture
def small_ranges(monkeypatch):
    """Treat a megabyte as large."""
    monkeypatch.setattr(ranges, "FIRST", MIB)
    monkeypatch.setattr(ranges, "RANGE", MIB // 2)
    monkeypatch.setattr(ranges, "IN_MEMORY", MIB // 4)


def ranges_asked(line: Line) -> list[tuple[int, int]]:
    asked = [r.headers["range"].removeprefix("bytes=").split("-") for r in line.proxy.requests]
    return [(int(start), int(end)) for start, end in asked]


def test_a_large_object_comes_down_in_parallel_ranges_of_one_version(line, small_ranges, tmp_path):
    store = line.store()
    saved, data = put_random(store, 3 * MIB + 11)
    line.proxy.forget()
    together = threading.Barrier(2, timeout=20)
    seen: list[bool] = []
    line.proxy.call_next("GET", lambda _: seen.append(True))  # the first one
    line.proxy.call_next("GET", lambda _: together.wait(), times=2)
    record, payload = store.fetch("big", folder=tmp_path)
    with payload:
        assert record == saved
        assert payload.getvalue() == data
        assert payload.digest == saved.digest
    assert not together.broken
    asked = sorted(ranges_asked(line))
    assert asked[0] == (0, MIB - 1)
    assert [start for start, _ in asked[1:]] == [MIB + n * MIB // 2 for n in range(5)]
    assert asked[-1][1] == 3 * MIB + 10
    assert all(r.query["versionId"] == [saved.version] for r in line.proxy.requests[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [MIB - 1, MIB, MIB + 1, MIB + MIB // 2, 2 * MIB])
def test_sizes_around_the_ranges_come_back_whole(line, small_ranges, size):
    store = line.store()
    saved, data = put_random(store, size)
    assert fetched(store, "big") == (saved, data)


def test_a_large_object_replaced_while_it_comes_down_is_still_the_one_asked_for(line, small_ranges):
    store, other = line.store(), line.place.store()
    saved, data = put_random(store, 3 * MIB)

    def write_another(request) -> None:
        if "range" in request.headers and not request.headers["range"].startswith("bytes=0-"):
            put(at_other_end, "big", b"something else")

    at_other_end = other
    line.proxy.forget()
    line.proxy.call_next("GET", lambda _: None)
    line.proxy.call_next("GET", write_another, times=2)
    assert fetched(store, "big") == (saved, data)
    assert len(store.entries("big")) == 3


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_cut_in_the_middle_of_a_get_is_taken_up_again(line, times):
    store = line.store()
    saved, data = put_random(store, 3 * MIB)
    line.proxy.forget()
    line.proxy.cut_next("GET", after=MIB, times=times)
    assert fetched(store, "big") == (saved, data)
    asked = ranges_asked(line)
    assert len(asked) == 1 + times
    starts = [start for start, _ in asked]
    assert starts == sorted(starts)
    assert starts[1] <= MIB
    assert all(r.query["versionId"] == [saved.version] for r in line.proxy.requests[1:])


def test_what_came_before_a_cut_is_not_asked_for_again(tmp_path):
    from botocore.exceptions import ResponseStreamingError

    from jsk_saver.settings import Settings

    data, asked = os.urandom(1000), []

    class Body:
        """Gives 300 bytes, then breaks."""

        def __init__(self, start: int) -> None:
            self.blocks = [data[start : start + 300]]

        def read(self, size: int) -> bytes:
            if self.blocks:
                return self.blocks.pop()
            raise ResponseStreamingError(error="broken")

    class Client:
        class exceptions:
            ClientError = KeyError

        def get_object(self, Range: str, **place: str) -> dict:
            start = int(Range.removeprefix("bytes=").split("-")[0])
            asked.append((start, place.get("VersionId")))
            return {"Body": Body(start), "ContentRange": f"bytes {Range}/1000", "VersionId": "v7"}

    _, payload = ranges.download(Client(), {"Bucket": "b", "Key": "k"}, Settings(), tmp_path, None)
    with payload:
        assert payload.getvalue() == data
    assert asked == [(0, None), (300, "v7"), (600, "v7"), (900, "v7")]


def test_a_connection_cut_in_every_range_still_gives_the_right_bytes(line, small_ranges):
    store = line.store(connections=3, retries=6)
    saved, data = put_random(store, 3 * MIB)
    line.proxy.forget()
    line.proxy.cut_next("GET", after=100_000, times=5)
    assert fetched(store, "big") == (saved, data)
    assert len(line.asked) == 5 + 5


def test_a_get_cut_in_the_middle_is_of_the_same_version_though_others_have_written(line):
    store, other = line.store(), line.place.store()
    saved, data = put_random(store, 3 * MIB)
    line.proxy.cut_next("GET", after=MIB)
    line.proxy.call_next("GET", lambda _: put(other, "big", b"newer"))
    assert fetched(store, "big") == (saved, data)
    assert fetched(store, "big")[1] == b"newer"


def test_a_connection_that_is_cut_again_and_again_is_unreachable_in_the_end(line, tmp_path):
    store = line.store(retries=2)
    put_random(store, 3 * MIB)
    line.proxy.cut_next("GET", after=MIB, times=50)
    with pytest.raises(StoreUnreachable, match="reading 'big'"):
        store.fetch("big", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_long_record_cut_on_its_way_is_taken_up_again(line):
    store = line.store()
    saved = put(store, "a", b"x", noise=os.urandom(200_000).hex())
    line.proxy.cut_next("GET", after=100_000, path="*/.jsk/*")
    assert store.head("a") == saved


def test_a_disk_that_fills_up_during_a_get_is_store_full_and_leaves_nothing(line, tmp_path, monkeypatch):
    store = line.store()
    put_random(store, 3 * MIB)
    monkeypatch.setattr(ranges, "IN_MEMORY", MIB)
    opened = Payload._opened

    class FullFile:
        def __init__(self, file) -> None:
            self.file = file

        def write(self, block):
            raise OSError(28, "No space left on device")

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(Payload, "_opened", lambda payload: FullFile(opened(payload)))
    with pytest.raises(StoreFull, match=str(tmp_path)):
        store.fetch("big", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


# Altered --------------------------------------------------------------------------------------------


def test_a_byte_altered_on_its_way_down_is_seen_by_the_digest(line):
    store = line.store()
    saved, _ = put_random(store, 1000)
    line.proxy.alter_next("GET", at=500)
    record, payload = store.fetch("big")
    with payload:
        assert record == saved
        assert payload.digest != record.digest


def test_a_byte_altered_on_its_way_up_is_refused_by_the_server_and_sent_again(line):
    store = line.store()
    line.proxy.alter_next("PUT", at=500, of="request")
    saved, data = put_random(store, 1000)
    assert line.asked == ["PUT", "PUT"]
    assert fetched(store, "big") == (saved, data)
    assert len(store.entries("big")) == 1


def test_a_byte_altered_each_time_makes_no_version(line):
    store = line.store()
    line.proxy.alter_next("PUT", at=500, of="request", times=9)
    with pytest.raises(StoreError, match="BadDigest"):
        put_random(store, 1000)
    assert store.entries("big") == []


def test_a_server_that_does_not_know_a_checksum_is_sent_none_from_then_on(line):
    store = line.store()
    line.proxy.fail_next("PUT", status=501, code="NotImplemented")
    put(store, "a", b"hello")
    put(store, "a", b"hello")
    told = ["x-amz-checksum-sha256" in request.headers for request in line.proxy.requests]
    assert told == [True, False, False]
    assert all("content-md5" in request.headers for request in line.proxy.requests)


def test_a_note_altered_in_the_bucket_is_an_integrity_error(line):
    store = line.store()
    put(store, "a", b"x", noise=os.urandom(3000).hex())
    client = line.server.client()
    (key,) = [
        item["Key"]
        for item in client.list_objects_v2(Bucket=line.bucket)["Contents"]
        if ".jsk" in item["Key"]
    ]
    client.put_object(Bucket=line.bucket, Key=key, Body=b'{"v":1}')
    for ask in (store.head, store.fetch):
        with pytest.raises(IntegrityError, match="its note was altered"):
            ask("a")
    client.delete_object(Bucket=line.bucket, Key=key)
    with pytest.raises(IntegrityError, match="the note it refers to is gone"):
        store.head("a")


# Errors ---------------------------------------------------------------------------------------------

REFUSALS = [
    (400, "ExpiredToken", BadCredentials, "JSK_PROFILE"),
    (403, "InvalidAccessKeyId", BadCredentials, "JSK_PROFILE"),
    (403, "SignatureDoesNotMatch", BadCredentials, "JSK_PROFILE"),
    (403, "RequestTimeTooSkewed", ClockSkew, "timedatectl"),
    (403, "AccessDenied", AccessDenied, "jsk doctor"),
    (400, "AuthorizationHeaderMalformed", WrongRegion, "JSK_REGION=eu-west-9"),
    (301, "PermanentRedirect", WrongRegion, "JSK_REGION=eu-west-9"),
    (404, "NoSuchBucket", BucketMissing, "aws s3 mb"),
    (507, "QuotaExceeded", StoreFull, "Free some space"),
    (400, "SomethingNew", StoreError, "jsk doctor"),
]


@pytest.mark.parametrize(("status", "code", "kind", "hint"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_what_the_server_refuses_is_a_named_error_with_a_next_step(moto_line, status, code, kind, hint):
    store = moto_line.store()
    saved = put(store, "a")
    region = {"x-amz-bucket-region": "eu-west-9"} if kind is WrongRegion else {}
    asks = {
        "put": lambda: put(store, "a"),
        "fetch": lambda: store.fetch("a"),
        "fetch a version": lambda: store.fetch("a", saved.version),
        "head": lambda: store.head("a"),
        "head a version": lambda: store.head("a", saved.version),
        "entries": lambda: store.entries("a"),
        "scan": lambda: list(store.scan()),
        "hide": lambda: store.hide("a"),
        "remove": lambda: store.remove("a", saved.version),
        "duplicate": lambda: store.duplicate(saved, saved),
        "note": lambda: store.put_note("x", b"x"),
    }
    for verb, ask in asks.items():
        moto_line.proxy.fail_next("*", status=status, code=code, headers=region, times=20)
        with pytest.raises(StoreError) as caught:
            ask()
        assert type(caught.value) is kind, (verb, caught.value)
        assert hint in caught.value.hint, verb
        assert len(str(caught.value)) < 500
        moto_line.proxy.heal()
    assert store.head("a") == saved


def test_a_bucket_that_is_missing_says_how_to_make_it(ceph, point_at):
    point_at(ceph)
    from jsk_saver.settings import load

    store = open_store("s3://no-such-bucket-here/x", load(endpoint_url=ceph.endpoint))
    asks = [
        lambda: put(store, "a"),
        lambda: store.fetch("a"),
        lambda: store.head("a"),
        lambda: list(store.scan()),
    ]
    for ask in asks:
        with pytest.raises(BucketMissing, match="'no-such-bucket-here' does not exist") as caught:
            ask()
        assert "aws s3 mb s3://no-such-bucket-here && aws s3api put-bucket-versioning" in caught.value.hint
    assert "does not exist" in store.check()[0].what


def test_wrong_keys_are_refused_by_a_real_server_as_bad_credentials(ceph, point_at, monkeypatch):
    point_at(ceph)
    place = at_server(ceph)
    put(place.store(), "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = place.store()
    for ask in (
        lambda: put(store, "a"),
        lambda: store.head("a"),
        lambda: store.fetch("a"),
        lambda: store.entries("a"),
    ):
        with pytest.raises(BadCredentials, match="SignatureDoesNotMatch"):
            ask()


def test_no_credentials_at_all_is_told_before_anything_is_sent(line, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    line.proxy.forget()
    with pytest.raises(BadCredentials, match="Unable to locate credentials") as caught:
        line.place.store().head("a")
    assert "aws configure" in caught.value.hint
    with pytest.raises(BadCredentials, match="no-such-profile"):
        line.place.store(profile="no-such-profile").head("a")
    assert line.asked == []


def test_a_server_that_asks_to_slow_down_is_asked_again(line):
    store = line.store()
    line.proxy.fail_next("PUT", status=503, code="SlowDown", times=2)
    saved = put(store, "a", b"x")
    assert line.asked == ["PUT"] * 3
    assert [entry.version for entry in store.entries("a")] == [saved.version]


def test_a_server_that_stays_too_busy_is_unreachable_after_as_many_attempts_as_set(line):
    store = line.store(retries=2)
    line.proxy.fail_next("PUT", status=503, code="SlowDown", times=50)
    with pytest.raises(StoreUnreachable, match="SlowDown") as caught:
        put(store, "a", b"x")
    assert "jsk doctor" in caught.value.hint
    assert line.asked == ["PUT"] * 2


def test_a_connection_broken_before_the_answer_is_tried_again_and_the_version_is_the_last(line):
    store = line.store()
    line.proxy.cut_next("PUT", after=0)  # the server has it, and its answer gets lost
    saved = put(store, "a", b"x")
    assert line.asked == ["PUT", "PUT"]
    assert fetched(store, "a") == (saved, b"x")
    assert store.entries("a")[0].version == saved.version


def test_a_server_that_is_gone_is_unreachable_and_the_error_says_where_it_was_looked_for(line):
    store = line.store(retries=1)
    line.proxy.drop_next("*", times=1000)
    for ask in (
        lambda: put(store, "a"),
        lambda: store.fetch("a"),
        lambda: store.head("a"),
        lambda: list(store.scan()),
    ):
        with pytest.raises(StoreUnreachable) as caught:
            ask()
        assert line.proxy.endpoint in caught.value.what
        assert "JSK_ENDPOINT_URL" in caught.value.hint


def test_nobody_listening_is_unreachable(point_at, ceph):
    point_at(ceph)
    store = at_server(ceph).store(endpoint_url="http://127.0.0.1:9", retries=1)
    with pytest.raises(StoreUnreachable, match=r"127\.0\.0\.1:9"):
        store.head("a")


def test_a_missing_right_is_found_by_the_check_one_by_one(line):
    store = line.store()
    line.proxy.fail_next("PUT", status=403, code="AccessDenied")
    (problem,) = store.check()
    assert "s3:PutObject" in problem.what
    line.proxy.fail_next("DELETE", status=403, code="AccessDenied")
    (problem,) = store.check()
    assert "s3:DeleteObjectVersion" in problem.what


def test_without_boto3_the_error_says_what_to_install():
    code = """
        import sys
        for name in ("boto3", "botocore", "botocore.exceptions"):
            sys.modules[name] = None
        from jsk_saver.errors import MissingExtra
        from jsk_saver.settings import Settings
        from jsk_saver.stores import open_store
        store = open_store("s3://bucket/x", Settings())
        for ask in (lambda: store.head("a"), lambda: list(store.scan()), store.versioning.require):
            try:
                ask()
            except MissingExtra as error:
                print(error)
    """
    said = run(code)
    assert said.count("An s3:// store needs boto3, which is not installed.") == 3
    assert said.count("pip install 'jsk-saver[s3]'") == 3


def run(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_forked_child_has_connections_of_its_own(line):
    said = run(
        """
        import os, sys
        from jsk_saver.payload import Payload
        from jsk_saver.record import Record, now
        from jsk_saver.settings import load
        from jsk_saver.stores import open_store
        store = open_store(sys.argv[1], load())
        def put(data):
            with Payload.of_bytes(data) as payload:
                store.put(Record("a", "", "", "", payload.size, payload.digest, now()), payload)
        put(b"parent")
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                for _ in range(5):
                    put(b"child")
                os._exit(0)
            children.append(child)
        for _ in range(5):
            put(b"parent")
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        """,
        line.place.uri,
    )
    assert said.strip() == "[0, 0, 0]"
    assert len(line.place.store().entries("a")) == 21


# Encryption and checksums ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"sse": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"sse": "aws:kms", "kms_key": "alias/lab"},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "alias/lab",
            },
        ),
        ({}, {}),
    ],
    ids=["SSE-S3", "SSE-KMS", "none"],
)
def test_encryption_is_asked_for_with_everything_that_is_written(moto_line, settings, headers):
    store = moto_line.store(part_size=5 * MIB, **settings)
    saved = put(store, "a", b"x", noise=os.urandom(3000).hex())
    store.duplicate(saved, saved)
    put_random(store, 21 * MIB)
    written = [r for r in moto_line.proxy.requests if r.method == "PUT" and "partNumber" not in r.query]
    written += [r for r in moto_line.proxy.requests if r.method == "POST" and "uploads" in r.query]
    assert len(written) == 5  # a note and its object, the same for the copy, and the multipart upload
    for request in written:
        sent = {k: v for k, v in request.headers.items() if k.startswith("x-amz-server-side")}
        assert sent == headers
    if settings:
        said = moto_line.server.client().head_object(Bucket=store.bucket, Key=store.key("a"))
        assert said["ServerSideEncryption"] == settings["sse"]


def test_aws_gets_the_digest_to_check_and_other_servers_get_md5_too(line, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.delenv("JSK_ENDPOINT_URL")
    store = line.place.store(endpoint_url=None, region="eu-west-1")
    store.versioning.known = True
    sent = answered(store, status=200, headers={"x-amz-version-id": "v1"})
    assert put(store, "a", b"hello").version == "v1"
    digest = base64.b64encode(hashlib.sha256(b"hello").digest())
    assert sent[0].headers["x-amz-checksum-sha256"] in (digest, digest.decode())
    assert ".amazonaws.com/" in sent[0].url
    other = line.store()
    put(other, "a", b"hello")
    assert line.proxy.requests[0].headers["x-amz-checksum-sha256"] == digest.decode()
    assert line.proxy.requests[0].headers["content-md5"] == "XUFAKrxLKna5cZ2REBfFkg=="
    assert "Content-MD5" not in sent[0].headers


def test_aws_says_itself_that_a_name_was_deleted(line, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.delenv("JSK_ENDPOINT_URL")
    store = line.place.store(endpoint_url=None, region="eu-west-1")
    sent = answered(store, status=404, headers={"x-amz-delete-marker": "true"})
    for ask in (store.head, store.fetch):
        sent.clear()
        with pytest.raises(Hidden):
            ask("a")
        assert all("versions" not in request.url for request in sent)


def answered(store, *, status: int, headers: dict[str, str], body: bytes = b"") -> list:
    """Answer every request of a store in AWS's place; return the list of what it sends."""
    from botocore.awsrequest import AWSResponse

    class Raw:
        def stream(self, *_: object, **__: object):
            yield body

        def read(self, *_: object) -> bytes:
            return body

    sent: list = []

    def answer(request, **_: object):
        sent.append(request)
        return AWSResponse(request.url, status, headers, Raw())

    store.client.meta.events.register("before-send.s3", answer)
    return sent


# Copies ---------------------------------------------------------------------------------------------


def test_a_copy_too_large_for_one_request_is_made_in_parts_by_the_server(line, monkeypatch):
    monkeypatch.setattr(s3, "LARGEST_COPY", 10 * MIB)
    monkeypatch.setattr(multipart, "COPY_PART", 5 * MIB)
    # Ceph 16 unquotes the source of such a copy twice: a "%" in it makes the gateway crash.
    line.place = replace(line.place, uri=f"s3://{line.bucket}/lab ü+x")
    store = line.store()
    saved, data = put_random(store, 12 * MIB + 3)
    line.proxy.forget()
    copy = store.duplicate(saved, Record("copy", "", "raw", "bytes", saved.size, saved.digest, now()))
    assert line.asked[:5] == ["POST uploads", *["PUT partNumber uploadId"] * 3, "POST uploadId"]
    assert all("x-amz-copy-source-range" in r.headers for r in line.proxy.requests[1:4])
    assert fetched(store, "copy") == (copy, data)


def test_bytes_of_a_copy_do_not_travel_through_this_machine(line):
    store = line.store()
    saved, data = put_random(store, 2 * MIB)
    line.proxy.forget()
    copy = store.duplicate(saved, saved)
    assert all(int(r.headers.get("content-length", 0)) == 0 for r in line.proxy.requests)
    assert "GET" not in line.asked
    assert fetched(store, "big") == (copy, data)


# Listings -------------------------------------------------------------------------------------------


def pages_of(store, size: int) -> None:
    """Make the server give so many entries a page."""
    store.client.meta.events.register(
        "provide-client-params.s3.ListObjectVersions",
        lambda params, **_: {**params, "MaxKeys": size},
    )


@pytest.mark.parametrize("server", ["ceph", "moto"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_listings_over_many_pages_say_the_same_as_one_page(request, point_at, server, size):
    server = request.getfixturevalue(server)
    point_at(server)
    place = at_server(server)
    store = place.store()
    for turn in range(3):
        for name in ("a", "a+b", "a/b", "ä 50%", "b"):
            put(store, name, b"x" * turn)
        if server.name == "ceph":  # moto leaves one entry out after every jump
            store.put_note(f"packages/{turn}.txt", b"x")
    for name in ("a", "b"):
        store.hide(name)
    put(store, "b", b"again")
    expected, of_a = sorted(store.scan(), key=_place), store.entries("a")
    pages_of(store, size)
    assert sorted(store.scan(), key=_place) == expected
    assert len(expected) == 3 * 5 + 2 + 1
    assert store.entries("a") == of_a
    assert [entry.marker for entry in of_a] == [True, False, False, False]
    assert len(store.entries("b")) == 5
    assert {entry.name for entry in store.scan("a")} == {"a", "a+b", "a/b"}


def _place(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.version


def test_a_thousand_notes_cost_a_listing_one_page_not_hundreds(line):
    store = line.store()
    for number in range(30):
        store.put_note(f"packages/{number}.txt", b"x")
    put(store, "-first", b"x")  # sorts before what the kit keeps for itself
    put(store, "last", b"x")
    pages_of(store, 2)
    line.proxy.forget()
    assert sorted(entry.name for entry in store.scan()) == ["-first", "last"]
    assert len(line.asked) <= 4


@pytest.mark.slow
def test_more_than_a_thousand_versions_of_one_name_are_all_listed(ceph, point_at):
    from concurrent.futures import ThreadPoolExecutor

    point_at(ceph)
    store = at_server(ceph).store(connections=8)
    put(store, "a", b"first")
    put(store, "ab", b"other")
    client, place = store.client, {"Bucket": store.bucket, "Key": store.key("a")}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: client.put_object(Body=b"%d" % n, **place)["VersionId"], range(1_100)))
    last = put(store, "a", b"last")
    entries = store.entries("a")
    assert len(entries) == 1_102
    assert entries[0].version == last.version
    assert entries[0].latest
    assert {entry.version for entry in entries} >= set(made)
    assert {entry.name for entry in entries} == {"a"}
    assert len(list(store.scan())) == 1_103


def test_of_a_marker_and_a_version_of_the_same_second_the_marker_counts_as_newer():
    """What unhides takes the markers on top away; one left below a version would hide the name again."""
    when = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    newest = Entry("a", "m2", 0, when, True, marker=True)
    version, older = Entry("a", "v1", 1, when, False), Entry("a", "m1", 0, when, False, marker=True)
    assert _newest_first([version, newest, older]) == [newest, older, version]


# What others wrote ----------------------------------------------------------------------------------


def test_objects_of_other_tools_are_read_with_their_headers_as_metadata(line):
    store = line.store()
    client, key = line.server.client(), store.key("theirs.csv")
    client.put_object(Bucket=line.bucket, Key=key, Body=b"a,b\n", Metadata={"Origin": "elsewhere"})
    record, payload = store.fetch("theirs.csv")
    with payload:
        assert payload.getvalue() == b"a,b\n"
    assert (record.digest, record.format, record.size) == ("", "", 4)
    assert record.metadata == {"origin": "elsewhere"}
    assert store.head("theirs.csv") == record
    copy = store.duplicate(record, record)
    assert store.head("theirs.csv", copy.version).size == 4


def test_an_object_from_before_the_bucket_kept_versions_can_be_read_and_restored(ceph, point_at):
    point_at(ceph)
    place = at_server(ceph, versioned=False)
    store, client = place.store(), ceph.client()
    client.put_object(Bucket=store.bucket, Key=store.key("old.txt"), Body=b"old")
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    new = put(store, "old.txt", b"new")
    assert [entry.version for entry in store.entries("old.txt")] == [new.version, "null"]
    old, payload = store.fetch("old.txt", "null")
    with payload:
        assert (old.version, payload.getvalue()) == ("null", b"old")
    store.duplicate(old, old)
    _, payload = store.fetch("old.txt")
    with payload:
        assert payload.getvalue() == b"old"


def test_folders_that_the_console_makes_are_not_names(line):
    store = line.store()
    line.server.client().put_object(Bucket=line.bucket, Key=store.key("folder/"), Body=b"")
    put(store, "folder/a")
    assert [entry.name for entry in store.scan()] == ["folder/a"]


def test_what_lies_beside_the_prefix_is_not_seen(line):
    store = line.store()
    put(store, "a")
    client = line.server.client()
    client.put_object(Bucket=line.bucket, Key=store.prefix.rstrip("/") + "-other/b", Body=b"")
    client.put_object(Bucket=line.bucket, Key="c", Body=b"")
    assert [entry.name for entry in store.scan()] == ["a"]
    with pytest.raises(NotFound):
        store.head("b")


# Waiting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "connect", "read"), [(2, 2, 2), (30, 20, 30), (300, 20, 300)])
def test_the_timeout_holds_for_connections_and_answers(timeout, connect, read):
    from jsk_saver.settings import load
    from jsk_saver.stores.s3_client import connect as client_for

    config = client_for(load(timeout=timeout, region="eu-west-1")).meta.config
    assert (config.connect_timeout, config.read_timeout) == (connect, read)


def test_a_login_in_the_endpoint_is_not_in_what_the_error_was_raised_from(monkeypatch):
    import traceback

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    from jsk_saver.settings import load

    settings = load(endpoint_url="http://ana:hush@127.0.0.1:9", region="x", retries=1)
    with pytest.raises(StoreUnreachable) as caught:
        open_store("s3://bucket", settings).head("a")
    shown = "".join(traceback.format_exception(caught.value))
    assert "127.0.0.1:9" in shown
    assert "hush" not in shown
