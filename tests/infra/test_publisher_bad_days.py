"""The kernel publisher among forgers, half-done work, full disks and branches that go back."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import threading
from typing import Any

import pytest

from jsk_ci.errors import ProjectError
from tests.ci.studio_kit import offered
from tests.infra.publisher_kit import DOMAIN, IRIS, LAB, Account, Context, Handle, Instance, batch, outcomes


def delivered(account: Account, digest: str, minutes: int, pipeline: int = 12) -> dict[str, Any]:
    """Return the event of a tag that says that a branch is to have an image."""
    when = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(minutes=minutes)
    told = account.event(IRIS, digest, f"develop-{pipeline}-1a2b3c4")
    return {**told, "time": when.isoformat().replace("+00:00", "Z")}


def made_of(account: Account) -> str:
    """Return the digest of what the domain offers."""
    version = account.studio.state.versions["iris", offered(account.studio, DOMAIN, LAB)["iris"]]
    return str(version["BaseImage"].rpartition("@")[2])


# A branch goes back ---------------------------------------------------------------------------------


def test_an_image_that_a_branch_goes_back_to_is_attached_again_and_late_duplicates_change_nothing(
    account: Account, handle: Handle
) -> None:
    """A dependency is added, taken back, and added again: two images, delivered three times."""
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    events = [account.event(IRIS, old), account.event(IRIS, new)]
    handle(*events)
    back = delivered(account, old, 1, 13)
    assert outcomes(handle(back)[0]) == ["attached"]
    assert made_of(account) == old
    assert outcomes(handle(*events, back)[0]) == ["already", "older", "already"]
    assert made_of(account) == old
    again = delivered(account, new, 2, 14)
    assert outcomes(handle(again)[0]) == ["attached"]
    assert outcomes(handle(*events, back, again)[0]) == ["older", "already", "older", "already"]
    assert made_of(account) == new
    assert len(account.studio.state.versions) == 2


def test_deliveries_that_come_in_another_order_end_with_the_last_one(
    account: Account, handle: Handle
) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    handle(delivered(account, old, 3), delivered(account, new, 2), account.event(IRIS, new))
    assert made_of(account) == old


def test_a_rollback_is_not_undone_by_a_duplicate_of_a_delivery(account: Account, handle: Handle) -> None:
    from attach_kernel import handler

    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    events = [account.event(IRIS, old), account.event(IRIS, new), delivered(account, new, 1)]
    handle(*events)
    handler.handle({"image": "iris"}, Context())
    assert outcomes(handle(*events)[0]) == ["already", "older", "older"]
    assert made_of(account) == old


def test_a_release_of_an_older_image_attaches_nothing(account: Account, handle: Handle) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    handle(account.event(IRIS, new))
    for tag in ("1.4.0", "1.4.0-rc.2", "v1.4.0", "paper-20260131"):
        assert outcomes(handle({**delivered(account, old, 1), **account.event(IRIS, old, tag)})[0]) == [
            "older"
        ]
    assert made_of(account) == new


# Forgers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"source": "jsk.ci"}, {"source": "jsk.ecr"}, {"source": None}, {"detail": "PUSH"}, {"detail": None}],
    ids=str,
)
def test_what_only_looks_like_an_event_of_the_registry_publishes_nothing(
    account: Account, handle: Handle, change: dict[str, Any]
) -> None:
    """Whoever may put events (``events:source`` jsk.ci) gets no image attached by one."""
    forged = {**account.event(IRIS, account.push(IRIS)), **change}
    lines, answer = handle(forged)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert "is no event of ECR" in lines[0]["why"]
    assert account.studio.calls == []


def test_a_signature_beside_an_image_is_no_image(account: Account, handle: Handle) -> None:
    digest = account.push(IRIS)
    for tag in (f"sha256-{'a' * 64}", f"sha256-{'a' * 64}.sig"):
        assert outcomes(handle(account.event(IRIS, digest, tag))[0]) == ["skipped"]
    assert account.studio.calls == []


@pytest.mark.parametrize(
    "asked",
    [
        {"image": "iris", "version": True},
        {"image": "iris", "version": 0},
        {"image": "iris", "version": "2"},
        {"image": "iris", "to": 2},
        {"image": "iris", "versoin": 2},
        {"version": 2},
        {"Records": []},
    ],
    ids=str,
)
def test_what_is_asked_by_hand_and_not_understood_changes_nothing(
    account: Account, handle: Handle, asked: dict[str, Any]
) -> None:
    """A version that is misspelt must not mean "the one before"."""
    from attach_kernel import handler

    handle(account.event(IRIS, account.push(IRIS, 1)), account.event(IRIS, account.push(IRIS, 2)))
    if "Records" in asked:
        assert handler.handle(asked, Context()) == {"batchItemFailures": []}
    else:
        with pytest.raises(ProjectError, match="is not understood"):
            handler.handle(asked, Context())
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 2}


# Half-done work -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["CreateImage", "CreateImageVersion", "CreateAppImageConfig"])
def test_a_function_that_is_ended_in_the_middle_is_completed_by_the_next(
    account: Account, handle: Handle, operation: str
) -> None:
    """Its time is up, or its machine is gone: killed for real, as soon as SageMaker has been asked."""
    event = account.event(IRIS, account.push(IRIS))
    instance = Instance(account.environment())
    killed = _killed_at(account, instance, operation)
    instance.say(batch(event))
    assert instance.process.wait() == -signal.SIGKILL
    instance.end()
    killed.set()
    assert outcomes(handle(event, attempt=2)[0]) == ["attached"]
    assert (len(account.studio.state.versions), offered(account.studio, DOMAIN, LAB)) == (1, {"iris": 1})


def test_a_function_that_is_ended_with_the_lease_in_hand_keeps_nobody_out(
    account: Account, handle: Handle
) -> None:
    event = account.event(IRIS, account.push(IRIS))
    instance = Instance(account.environment())
    killed = _killed_at(account, instance, "UpdateDomain")
    instance.say(batch(event))
    assert instance.process.wait() == -signal.SIGKILL
    instance.end()
    killed.set()
    key = {"Bucket": account.lease.split("/")[2], "Key": "jsk-ci/studio.lease"}
    s3 = account.s3.client()
    held = json.loads(s3.get_object(**key)["Body"].read())
    assert held["state"] != "free"
    # Its time, not ours, is waited for: let it be short.
    s3.put_object(**key, Body=json.dumps({**held, "seconds": 0.1}).encode())
    lines, _ = handle(event, attempt=2)
    assert outcomes(lines)[0] in ("attached", "already")
    assert lines[0]["taken_over_from"]
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 1}


def _killed_at(account: Account, instance: Instance, operation: str) -> threading.Event:
    """Kill an instance when SageMaker has been asked for something, until the event is set."""
    done, answer = threading.Event(), account.studio.answer

    def kill(name: str, said: dict[str, Any]) -> Any:
        told = answer(name, said)
        if name == operation and not done.is_set():
            os.kill(instance.process.pid, signal.SIGKILL)
        return told

    account.studio.answer = kill  # type: ignore[method-assign]
    return done


def test_a_disk_that_is_full_or_read_only_is_not_needed(account: Account) -> None:
    nowhere = {"JSK_HOME": "/proc/nowhere", "TMPDIR": "/proc/nowhere", "HOME": "/proc/nowhere"}
    instance = Instance({**account.environment(), **nowhere})
    try:
        instance.say(batch(account.event(IRIS, account.push(IRIS))))
        assert outcomes(instance.told()[0]) == ["attached"]
    finally:
        instance.end()


def test_an_image_that_is_deleted_while_its_message_waits_is_passed_over(
    account: Account, handle: Handle
) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    account.forget(IRIS, new)
    lines, answer = handle(account.event(IRIS, new), account.event(IRIS, old))
    assert (outcomes(lines), answer) == (["skipped", "attached"], {"batchItemFailures": []})
