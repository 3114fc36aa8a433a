"""The lease: one holder at a time, given back, taken over from the dead, refused where nothing guards it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from jsk_ci.errors import LeaseError, ProjectError
from jsk_ci.studio import conditional
from jsk_ci.studio.leases import Lease, prove
from jsk_ci.studio.patience import Patience
from jsk_saver.errors import JskError, StoreUnreachable
from tests.servers.one_by_one import atomic
from tests.servers.s3 import S3Server

HOLD = """
import sys, time
from jsk_ci.studio import conditional
from jsk_ci.studio.leases import Lease
from jsk_ci.studio.patience import Patience
with Lease(conditional.place(sys.argv[1]), "holding", Patience(60), seconds=float(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(moto: S3Server, point_at: Callable[[S3Server], None]) -> Iterator[conditional.Conditional]:
    with atomic(moto) as server:
        point_at(server)
        yield conditional.place(f"s3://{server.new_bucket()}/jsk-ci/")


def lease(place: conditional.Conditional, wait: float = 30.0, seconds: float = 60.0) -> Lease:
    return Lease(place, "a test", Patience(wait, first=0.01, longest=0.1), seconds=seconds)


def test_one_holder_at_a_time(place: conditional.Conditional) -> None:
    inside, most, turns = 0, 0, []

    def work(number: int) -> None:
        nonlocal inside, most
        with lease(place):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            turns.append(number)
            inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, sorted(turns)) == (1, list(range(8)))


def test_somebody_who_waits_too_long_is_told_who_has_it(place: conditional.Conditional) -> None:
    with lease(place), pytest.raises(LeaseError, match=r"process \d+ \(a test\) still has") as told:
        lease(place, wait=0.2).take()
    assert "--wait" in told.value.hint


def test_it_is_given_back_also_after_an_error(place: conditional.Conditional) -> None:
    with pytest.raises(ZeroDivisionError), lease(place):
        _ = 1 / 0
    with lease(place, wait=0) as second:
        assert second.taken_over_from == ""


def test_one_that_is_kept_does_not_expire(place: conditional.Conditional) -> None:
    with lease(place, seconds=1.0) as first:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            first.keep()
            time.sleep(0.05)
        with pytest.raises(LeaseError):
            lease(place, wait=0).take()


def test_a_lost_lease_is_noticed_before_anything_is_done(place: conditional.Conditional) -> None:
    with lease(place, seconds=0.1) as first:
        time.sleep(3.2)
        with lease(place) as second:
            assert "a test" in second.taken_over_from
            with pytest.raises(LeaseError, match="went to"):
                first.renew()


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_a_holder_that_is_killed_is_taken_over_after_the_time_of_its_lease(
    place: conditional.Conditional, ended_by: signal.Signals
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, place.uri, "1"], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(ended_by)
    holder.communicate()
    with lease(place) as ours:
        assert "holding" in ours.taken_over_from


@pytest.mark.parametrize("lost", [1, 2], ids=["taking", "renewing"])
def test_an_answer_that_is_lost_loses_no_lease(
    place: conditional.Conditional, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    put, held = conditional.Conditional.put, []

    def losing(self: conditional.Conditional, content: dict, *, match: str | None = None) -> str | None:
        etag = put(self, content, match=match)
        if content.get("state") == "held":
            held.append(etag)
            if len(held) == lost:
                raise StoreUnreachable("The answer was lost.")
        return etag

    monkeypatch.setattr(conditional.Conditional, "put", losing)
    with lease(place) as ours:
        ours.renew()
    assert len(held) > lost
    with lease(place, wait=0) as next_one:
        assert next_one.taken_over_from == ""


def test_a_server_that_ignores_conditions_is_refused(
    ceph: S3Server, point_at: Callable[[S3Server], None]
) -> None:
    """Ceph 16 carries out a PUT whatever If-None-Match says."""
    point_at(ceph)
    bucket = ceph.new_bucket()
    with pytest.raises(LeaseError, match="does not enforce If-None-Match") as told:
        lease(conditional.place(f"s3://{bucket}/")).take()
    assert "resource_group" in told.value.hint
    assert "--no-lease" in told.value.hint
    assert "Contents" not in ceph.client().list_objects_v2(Bucket=bucket)


def test_a_server_that_enforces_them_leaves_nothing_of_the_proof(place: conditional.Conditional) -> None:
    prove(place)
    assert "Contents" not in place.client.list_objects_v2(Bucket=place.bucket)


def test_an_object_that_is_no_lease_counts_as_one_of_unknown_length(place: conditional.Conditional) -> None:
    place.client.put_object(Bucket=place.bucket, Key=place.key, Body=b"not JSON")
    with pytest.raises(LeaseError, match="somebody else still has"):
        lease(place, wait=0).take()


@pytest.mark.parametrize("uri", ["/tmp/lease", "s3://", "https://example.org/lease"])
def test_a_place_outside_s3_is_refused(uri: str) -> None:
    with pytest.raises(ProjectError, match="no place for a lease"):
        conditional.place(uri)


def test_a_place_may_name_its_object_and_no_answer_is_an_error(
    place: conditional.Conditional, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conditional.place("s3://bucket/a/b.json").key == "a/b.json"
    assert conditional.place("s3://bucket").key == "studio.lease"
    monkeypatch.setenv("JSK_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(JskError, match="could not be asked"):
        lease(conditional.place("s3://bucket/")).take()
