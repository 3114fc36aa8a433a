"""The kernel publisher: whatever order events come in, and however often, one attachment each, none lost."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jsk_ci.errors import NotPublished, ProjectError
from tests.ci.images import Made
from tests.ci.studio_kit import offered
from tests.infra.publisher_kit import (
    DOMAIN,
    IRIS,
    LAB,
    LAMBDAS,
    Account,
    Context,
    Handle,
    Instance,
    batch,
    outcomes,
)

GATEWAY = "KernelGatewayAppSettings"


def versions(account: Account) -> dict[tuple[str, int], str]:
    """Return the digest that each version of each image is made of."""
    kept = account.studio.state.versions
    return {key: version["BaseImage"].rpartition("@")[2] for key, version in kept.items()}


# One push -------------------------------------------------------------------------------------------


def test_what_is_pushed_is_published_and_offered_pinned_in_both_forms(
    account: Account, handle: Handle
) -> None:
    digest = account.push(IRIS, commit="1a2b3c4", display_name="Iris (3.11)")
    lines, answer = handle(account.event(IRIS, digest, "develop-12-1a2b3c4"))
    assert answer == {"batchItemFailures": []}
    assert offered(account.studio, DOMAIN, LAB) == offered(account.studio, DOMAIN, GATEWAY) == {"iris": 1}
    (line,) = lines
    assert line.pop("seconds") >= 0
    assert line.pop("event")
    assert line == {
        "level": "INFO",
        "what": "attach_kernel",
        "message": "m-0",
        "attempt": 1,
        "repository": f"{account.prefix}/kernels/iris",
        "digest": digest,
        "tag": "develop-12-1a2b3c4",
        "image": "iris",
        "version": 1,
        "published": True,
        "outcome": "attached",
        "changed": [f"DefaultUserSettings.{LAB}", f"DefaultUserSettings.{GATEWAY}"],
        "before": {},
        "running_another": 0,
    }
    version = account.studio.state.versions["iris", 1]
    assert version["BaseImage"] == f"{account.registry.host}/{account.prefix}/kernels/iris@{digest}"
    assert version["ReleaseNotes"] == "commit 1a2b3c4: Iris (3.11)"
    lease = account.s3.client().get_object(Bucket=account.lease.split("/")[2], Key="jsk-ci/studio.lease")
    assert json.loads(lease["Body"].read())["state"] == "free"


def test_a_base_image_is_offered_under_its_own_name(account: Account, handle: Handle) -> None:
    lines, _ = handle(account.event("base", account.push("base", kind="base")))
    assert outcomes(lines) == ["attached"]
    assert offered(account.studio, DOMAIN, LAB) == {"base": 1}


# Twice, and in any order ----------------------------------------------------------------------------


def test_duplicates_and_further_tags_make_one_version_and_one_attachment(
    account: Account, handle: Handle
) -> None:
    digest = account.push(IRIS)
    event = account.event(IRIS, digest)
    lines, _ = handle(event, event, account.event(IRIS, digest, "1.4.0"))
    lines += handle(event, attempt=2)[0]
    assert outcomes(lines) == ["attached", "already", "already", "already"]
    assert versions(account) == {("iris", 1): digest}
    assert account.studio.count("UpdateDomain") == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_in_whatever_order_events_come_the_image_pushed_last_is_offered_and_all_are_published(
    account: Account, handle: Handle, order: tuple[int, ...]
) -> None:
    digests = [account.push(IRIS, number) for number in (1, 2, 3)]
    events = [account.event(IRIS, digest) for digest in digests]
    lines, answer = handle(*(events[number] for number in order))
    lines += handle(*events)[0]
    assert answer == {"batchItemFailures": []}
    attached = [number for place, number in enumerate(order) if number == max(order[: place + 1])]
    assert outcomes(lines[:3]) == ["attached" if number in attached else "older" for number in order]
    assert "attached" not in outcomes(lines[3:])
    assert sorted(versions(account).values()) == sorted(digests)
    assert versions(account)["iris", offered(account.studio, DOMAIN, LAB)["iris"]] == digests[2]
    assert account.studio.count("UpdateDomain") == len(attached)


def test_an_older_image_that_gets_a_further_tag_is_not_attached_again(
    account: Account, handle: Handle
) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    handle(account.event(IRIS, old), account.event(IRIS, new))
    lines, _ = handle(account.event(IRIS, old, "1.0.0"))
    assert [(line["outcome"], line["why"]) for line in lines] == [("older", "a later image is offered")]
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 2}


def test_a_rollback_is_not_undone_by_a_duplicate_but_by_the_next_push(
    account: Account, handle: Handle
) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    event = account.event(IRIS, new)
    handle(account.event(IRIS, old), event)
    from attach_kernel import handler

    assert handler.handle({"image": "iris"}, Context())["version"] == 1
    lines, _ = handle(event)
    assert lines[0]["why"] == "it was attached before, and taken back since"
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 1}
    lines, _ = handle(account.event(IRIS, account.push(IRIS, 3)))
    assert (outcomes(lines), offered(account.studio, DOMAIN, LAB)) == (["attached"], {"iris": 3})


def test_an_offered_image_that_is_gone_from_the_registry_counts_by_when_its_version_was_made(
    account: Account, handle: Handle
) -> None:
    old, new = account.push(IRIS, 1), account.push(IRIS, 2)
    handle(account.event(IRIS, new))
    account.forget(IRIS, new)
    account.s3.client().delete_object(
        Bucket=account.lease.split("/")[2], Key="jsk-ci/attached/iris.json"
    )  # and nothing but the version tells
    assert outcomes(handle(account.event(IRIS, old))[0]) == ["older"]
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 1}


# What goes wrong ------------------------------------------------------------------------------------


def test_a_version_that_fails_stays_in_the_queue_and_holds_up_nobody_else(
    account: Account, handle: Handle
) -> None:
    iris, rose = account.push(IRIS), account.push("kernels/rose")
    base = f"{account.registry.host}/{account.prefix}/kernels/iris@{iris}"
    account.studio.state.bad_images[base] = "The image is not found."
    events = account.event(IRIS, iris), account.event("kernels/rose", rose)
    lines, answer = handle(*events)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert outcomes(lines) == ["failed", "attached"]
    assert (lines[0]["level"], lines[0]["error"]) == ("ERROR", "StudioError")
    assert "ended as CREATE_FAILED: The image is not found." in lines[0]["why"]
    assert offered(account.studio, DOMAIN, LAB) == {"rose": 1}
    account.studio.state.bad_images.clear()
    lines, answer = handle(events[0], attempt=2)
    assert (outcomes(lines), answer) == (["attached"], {"batchItemFailures": []})
    assert versions(account)["iris", offered(account.studio, DOMAIN, LAB)["iris"]] == iris


@pytest.mark.parametrize(
    "operation", ["DescribeImage", "CreateImageVersion", "DescribeDomain", "UpdateDomain"]
)
def test_throttling_is_waited_out(account: Account, handle: Handle, operation: str) -> None:
    account.studio.throttle(operation, times=4)
    lines, _ = handle(account.event(IRIS, account.push(IRIS)))
    assert outcomes(lines) == ["attached"]
    assert (len(versions(account)), offered(account.studio, DOMAIN, LAB)) == (1, {"iris": 1})


def test_throttling_without_an_end_leaves_the_message_in_the_queue(account: Account, handle: Handle) -> None:
    event = account.event(IRIS, account.push(IRIS))
    account.studio.throttle("UpdateDomain", times=10**9)
    lines, answer = handle(event, seconds=20.5)
    assert (outcomes(lines), answer) == (["failed"], {"batchItemFailures": [{"itemIdentifier": "m-0"}]})
    account.studio.mend()
    before = account.studio.count("UpdateDomain")
    assert outcomes(handle(event, attempt=2)[0]) == ["attached"]
    assert (len(versions(account)), account.studio.count("UpdateDomain")) == (1, before + 1)


@pytest.mark.parametrize(
    "operation",
    [
        "CreateImage",
        "CreateImageVersion",
        "CreateAppImageConfig",
        "DescribeDomain",
        "UpdateDomain",
        "ListApps",
    ],
)
def test_wherever_it_ends_the_next_attempt_goes_on_from_there(
    account: Account, handle: Handle, operation: str
) -> None:
    event = account.event(IRIS, account.push(IRIS))
    account.studio.fail_next(operation, "AccessDeniedException", "not authorized")
    first, answer = handle(event)
    again = handle(event, attempt=2)[0]
    assert bool(answer["batchItemFailures"]) == (outcomes(first) == ["failed"])
    assert outcomes(first + again) in (["failed", "attached"], ["attached", "already"])
    assert (len(versions(account)), offered(account.studio, DOMAIN, LAB)) == (1, {"iris": 1})


def test_a_lost_answer_attaches_once(account: Account, handle: Handle) -> None:
    account.studio.cut_next("CreateImageVersion", done=True)
    account.studio.cut_next("UpdateDomain", done=True)
    assert outcomes(handle(account.event(IRIS, account.push(IRIS)))[0]) == ["attached"]
    assert (len(versions(account)), account.studio.count("UpdateDomain")) == (1, 1)


def test_a_function_that_ends_before_the_mark_is_written_changes_nothing_the_next_time(
    account: Account, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from attach_kernel import order

    event = account.event(IRIS, account.push(IRIS))
    monkeypatch.setattr(order, "write", lambda *_: (_ for _ in ()).throw(OSError("the plug was pulled")))
    lines, _ = handle(event)
    assert (lines[0]["error"], lines[0]["why"]) == ("OSError", "the plug was pulled")
    assert "delivery.py" in lines[0]["trace"]
    monkeypatch.undo()
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    from attach_kernel import handler

    assert handler.handle(batch(event, attempt=2), Context()) == {"batchItemFailures": []}
    assert account.studio.count("UpdateDomain") == 1


def test_a_setting_that_is_missing_loses_no_message(
    account: Account, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = account.event(IRIS, account.push(IRIS))
    monkeypatch.delenv("JSK_CI_DOMAIN")
    lines, answer = handle(event)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m-0"}]
    assert "lacks JSK_CI_DOMAIN" in lines[0]["why"]


def test_a_message_that_failed_comes_again_soon(
    account: Account, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from attach_kernel import handler

    sqs = account.client("sqs")
    queue = sqs.create_queue(QueueName=account.prefix, Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    monkeypatch.setenv("JSK_QUEUE_URL", queue)
    monkeypatch.setattr(handler, "_FIRST_REST", 0)
    sqs.send_message(QueueUrl=queue, MessageBody="no event")

    def received() -> list[dict[str, Any]]:
        return sqs.receive_message(QueueUrl=queue, AttributeNames=["All"]).get("Messages", [])

    (message,) = received()
    assert not received()
    record = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"]}
    record |= {"body": message["Body"], "attributes": message["Attributes"]}
    answer = handler.handle({"Records": [record]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]}
    assert [again["MessageId"] for again in received()] == [message["MessageId"]]


# What is not published ------------------------------------------------------------------------------


def test_what_is_no_push_of_a_tested_image_is_passed_over(account: Account, handle: Handle) -> None:
    digest = account.push(IRIS)
    lines, answer = handle(
        account.event(IRIS, digest, "candidate-1"),
        account.event(IRIS, digest, ""),
        account.event(IRIS, digest, **{"action-type": "DELETE"}),
        account.event(IRIS, digest, result="FAILURE"),
        account.event(IRIS, f"sha256:{'0' * 64}"),
    )
    assert outcomes(lines) == ["skipped"] * 5
    assert lines[4]["why"] == "the image is not in the registry any more"
    assert (answer, account.studio.calls) == ({"batchItemFailures": []}, [])


@pytest.mark.parametrize("body", ["no JSON", "[]", json.dumps({"detail-type": "Something Else"})])
def test_what_is_no_event_of_the_registry_goes_to_the_dead_letters(handle: Handle, body: str) -> None:
    lines, answer = handle(body)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert "is no event of ECR" in lines[0]["why"]


@pytest.mark.parametrize(
    ("path", "told", "why"),
    [
        (IRIS, {"name": "rose"}, "says that it is 'rose'"),
        ("kernels/base", {}, "is no repository of a kernel"),
        ("kernels/vision/iris", {}, "is no repository of a kernel"),
        ("cache", {}, "is no repository of a kernel"),
        ("kernels/two_words", {}, "takes no image called"),
        (IRIS, {"made": Made()}, "is not a kernel image"),
    ],
    ids=["another's name", "a base's name", "below", "elsewhere", "no name for SageMaker", "unlabelled"],
)
def test_an_image_that_is_not_its_repositorys_kernel_is_refused_for_good(
    account: Account, handle: Handle, path: str, told: dict[str, Any], why: str
) -> None:
    lines, answer = handle(account.event(path, account.push(path, **told)))
    assert (lines[0]["outcome"], lines[0]["level"]) == ("refused", "ERROR")
    assert why in lines[0]["why"]
    assert (answer, account.studio.calls) == ({"batchItemFailures": []}, [])


# By hand --------------------------------------------------------------------------------------------


def test_a_version_can_be_attached_by_hand(account: Account, handle: Handle) -> None:
    from attach_kernel import handler

    for number in (1, 2):
        handle(account.event(IRIS, account.push(IRIS, number)))
    done = handler.handle({"image": "iris", "version": 1}, Context())
    assert (done["outcome"], done["version"], set(done["before"].values())) == ("attached", 1, {2})
    with pytest.raises(NotPublished, match="no earlier version"):
        handler.handle({"image": "iris"}, Context())
    with pytest.raises(NotPublished, match="no version 7"):
        handler.handle({"image": "iris", "version": 7}, Context())
    with pytest.raises(ProjectError, match="is not understood"):
        handler.handle({"picture": "iris"}, Context())
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 1}


# Two at once ----------------------------------------------------------------------------------------


@pytest.fixture
def two(account: Account) -> Iterator[list[Instance]]:
    instances = [Instance(account.environment()) for _ in range(2)]
    yield instances
    for instance in instances:
        instance.end()


def test_two_at_once_with_the_same_event_attach_once(account: Account, two: list[Instance]) -> None:
    for number in (1, 2, 3):
        digest = account.push(IRIS, number)
        for instance in two:
            instance.say(batch(account.event(IRIS, digest)))
        told = [instance.told() for instance in two]
        assert [answer for _, answer in told] == [{"batchItemFailures": []}] * 2
        assert sorted(lines[0]["outcome"] for lines, _ in told) == ["already", "attached"]
        assert offered(account.studio, DOMAIN, LAB) == {"iris": number}
    assert (len(versions(account)), account.studio.count("UpdateDomain")) == (3, 3)


def test_two_at_once_with_two_kernels_lose_neither(account: Account, two: list[Instance]) -> None:
    for number in (1, 2, 3):
        for instance, path in zip(two, (IRIS, "kernels/rose"), strict=True):
            instance.say(batch(account.event(path, account.push(path, number))))
        assert [instance.told()[0][0]["outcome"] for instance in two] == ["attached"] * 2
        for block in (LAB, GATEWAY):
            assert offered(account.studio, DOMAIN, block) == {"iris": number, "rose": number}
    assert account.studio.count("UpdateDomain") == 6


def test_two_at_once_with_an_older_and_a_newer_image_end_with_the_newer(
    account: Account, two: list[Instance]
) -> None:
    for number in (1, 3, 5):
        digests = [account.push(IRIS, number), account.push(IRIS, number + 1)]
        for instance, digest in zip(two, digests, strict=True):
            instance.say(batch(account.event(IRIS, digest)))
        told = [instance.told() for instance in two]
        assert told[1][0][0]["outcome"] == "attached"
        assert versions(account)["iris", offered(account.studio, DOMAIN, LAB)["iris"]] == digests[1]
    assert sorted(version for _, version in versions(account)) == [1, 2, 3, 4, 5, 6]


# The package ----------------------------------------------------------------------------------------


def pack(target: Path, *more: str) -> dict[str, Any]:
    command = [sys.executable, str(LAMBDAS / "package.py"), str(target), "--json", *more]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"code": ran.returncode, **json.loads(ran.stdout)}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "attach_kernel.zip"
    assert pack(target)["code"] == 0
    return target


def test_the_package_is_the_same_bytes_whenever_it_is_made(package: Path, tmp_path: Path) -> None:
    content = package.read_bytes()
    os.utime(LAMBDAS / "attach_kernel" / "handler.py")
    again = pack(tmp_path / "again.zip")
    assert again["sha256"] == hashlib.sha256(content).hexdigest()
    assert pack(package, "--check")["code"] == 0
    package.write_bytes(content + b"x")
    assert pack(package, "--check")["code"] == 1
    package.write_bytes(content)


def test_the_package_holds_python_and_licences_alone_and_fits_into_lambda(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {Path(name).suffix for name in names if "dist-info" not in name} == {".py", ".pem"}
    assert {"attach_kernel/handler.py", "jsk_ci/studio/attach.py", "jsk_saver/errors.py"} <= set(names)
    assert package.stat().st_size < 50_000_000  # AWS Lambda quotas: 50 MB, zipped, for direct upload


def test_the_package_works_in_a_python_that_has_nothing_but_lambdas_runtime(
    account: Account, package: Path, tmp_path: Path
) -> None:
    import boto3

    task, runtime, site = tmp_path / "task", tmp_path / "runtime", Path(boto3.__file__).parents[1]
    with zipfile.ZipFile(package) as archive:
        archive.extractall(task)
    runtime.mkdir()
    for name in ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py"):
        (runtime / name).symlink_to(site / name)
    digest = account.push(IRIS)
    # -S: no site-packages, so that what is missing is missed.
    instance = Instance(account.environment(), os.pathsep.join(map(str, (task, runtime))), ("-S", "-P"))
    try:
        instance.say(batch(account.event(IRIS, digest)))
        lines, answer = instance.told()
    finally:
        instance.end()
    assert (outcomes(lines), answer) == (["attached"], {"batchItemFailures": []})
