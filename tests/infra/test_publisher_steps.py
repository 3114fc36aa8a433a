"""Where the publisher alone may change the domain: what jsk-ci says, waits for, and asks it to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jsk_ci.cli.app import app
from tests.ci.studio_kit import as_json, kernel_folder, offered
from tests.infra.lambda_server import Lambda
from tests.infra.publisher_kit import DOMAIN, IRIS, LAB, Account, Context, Handle, Instance, batch

FUNCTION = "jsk-attach-kernel"
Run = Callable[..., str]


@pytest.fixture
def publisher(account: Account, handle: Handle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    """The function, where AWS has it."""
    from attach_kernel import handler

    with Lambda(FUNCTION, lambda event: handler.handle(event, Context())) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.endpoint)
        yield server


@pytest.fixture
def run(account: Account, handle: Handle, tmp_path: Path) -> Run:
    """Run a step on the kernel ``iris``."""
    folder = str(kernel_folder(tmp_path / "iris"))

    def run(step: str, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [step, folder, *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        said = result.stdout if code == 0 else result.output
        # The function is in this process, and its log with it.
        lines = [line for line in said.splitlines() if '"what": "attach_kernel"' not in line]
        return "\n".join(lines) if code == 0 else " ".join(" ".join(lines).split())

    return run


def image(account: Account, digest: str) -> str:
    return f"{account.registry.host}/{account.prefix}/{IRIS}@{digest}"


# Rolling back ---------------------------------------------------------------------------------------


@pytest.fixture
def three(account: Account, handle: Handle) -> list[str]:
    """Three images, of which the last is offered."""
    digests = [account.push(IRIS, number) for number in (1, 2, 3)]
    handle(*(account.event(IRIS, digest) for digest in digests))
    return digests


def test_the_publisher_rolls_back_to_the_version_before_and_no_duplicate_takes_it_back(
    account: Account, handle: Handle, publisher: Lambda, three: list[str], run: Run
) -> None:
    told = run("rollback", "--publisher", FUNCTION)
    assert "The domain offers iris 2." in told
    assert "DefaultUserSettings.JupyterLabAppSettings  was: version 3" in told
    assert publisher.asked == [{"image": "iris"}]
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 2}
    handle(*(account.event(IRIS, digest) for digest in three))
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 2}


def test_the_publisher_attaches_the_version_that_is_named(
    account: Account, publisher: Lambda, three: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JSK_CI_PUBLISHER", f"arn:aws:lambda:us-east-1:123456789012:function:{FUNCTION}")
    assert as_json(run("rollback", "--to", "1", "--json"))["version"] == 1
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 1}
    assert "The domain offers iris 1 already." in run("attach", "--version", "1")
    assert "The domain offers iris 3." in run("attach", "--version", "3")
    assert "Would ask jsk-attach-kernel to attach the version before of iris." in run("rollback", "--dry-run")
    assert [asked["version"] for asked in publisher.asked] == [1, 1, 3]


def test_what_the_publisher_cannot_do_is_told_in_its_words(
    account: Account, publisher: Lambda, three: list[str], run: Run
) -> None:
    told = run("rollback", "--to", "7", "--publisher", FUNCTION, code=6)
    assert "jsk-attach-kernel did not do it: SageMaker has no version 7 of the image 'iris'" in told
    assert "Next: jsk-ci publish" in told
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 3}


def test_a_publisher_that_is_busy_is_asked_again_and_never_for_two_versions(
    account: Account, publisher: Lambda, three: list[str], run: Run
) -> None:
    publisher.refusals = [(429, "TooManyRequestsException")] * 3
    run("rollback", "--publisher", FUNCTION)
    assert publisher.asked == [{"image": "iris"}]
    assert offered(account.studio, DOMAIN, LAB) == {"iris": 2}
    publisher.refusals = [(429, "TooManyRequestsException")]
    assert "one thing at a time" in run("rollback", "--publisher", FUNCTION, "--wait", "0", code=6)


def test_who_may_not_ask_the_publisher_and_a_wrong_name_are_told_what_to_do(
    publisher: Lambda, run: Run
) -> None:
    publisher.refusals = [(403, "AccessDeniedException")]
    told = run("rollback", "--publisher", FUNCTION, code=6)
    assert "lambda:InvokeFunction jsk-attach-kernel: an administrator of the platform" in told
    assert "publisher_function_arn" in run("rollback", "--publisher", "another", code=3)


# Waiting --------------------------------------------------------------------------------------------


def test_a_job_waits_until_the_publisher_is_done(account: Account, run: Run) -> None:
    digest = account.push(IRIS)
    asked = ("attached", "--domain", DOMAIN, "--image", image(account, digest), "--publisher", FUNCTION)
    told = run(*asked, "--wait", "0", code=6)
    assert "is not published, and the domain d-1 offers none" in told
    assert "aws logs tail /aws/lambda/jsk-attach-kernel --since 1h" in told
    instance = Instance(account.environment())
    try:
        instance.say(batch(account.event(IRIS, digest)))
        assert f"is iris 1, and the domain {DOMAIN} offers it." in run(*asked, "--wait", "120")
    finally:
        instance.end()


def test_a_later_image_is_as_good_and_an_earlier_one_is_not(
    account: Account, three: list[str], publisher: Lambda, run: Run
) -> None:
    asked = ("attached", "--domain", DOMAIN, "--wait", "0", "--json", "--image")
    assert as_json(run(*asked, image(account, three[1])))["later"] is True
    assert as_json(run(*asked, image(account, three[2])))["later"] is False
    run("rollback", "--publisher", FUNCTION)
    told = run(*asked, image(account, three[2]), code=6)
    assert "is version 3, and the domain d-1 offers version 2" in told
    assert "a rollback lasts until the environment changes" in told


# Missing rights -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "operation", "job"),
    [
        (("publish", "--role", "arn:aws:iam::123456789012:role/x"), "DescribeImage", "iris: publish"),
        (("attach", "--domain", DOMAIN, "--no-lease"), "ListImageVersions", "iris: attach"),
        (("attach", "--domain", DOMAIN, "--no-lease"), "UpdateDomain", "iris: attach"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_a_job_without_the_right_is_told_which_to_leave_out(
    account: Account,
    three: list[str],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[str, ...],
    operation: str,
    job: str,
) -> None:
    account.studio.state.add_domain(DOMAIN)  # offers nothing yet
    account.studio.deny(operation)
    monkeypatch.setenv("JSK_CI_IMAGE", image(account, three[0]).replace("127.0.0.1", "localhost"))
    told = run(*step, code=6)
    assert f"sagemaker:{operation}" in told
    assert f"leave out the job '{job}', by publisher: NAME-attach-kernel among the inputs" in told
    monkeypatch.setenv("JSK_CI_PUBLISHER", FUNCTION)
    assert f"leave out the job '{job}', by publisher: {FUNCTION} among the inputs" in run(*step, code=6)


def test_a_rollback_without_the_right_is_told_whom_to_ask(
    account: Account, three: list[str], run: Run
) -> None:
    account.studio.deny("DescribeDomain")
    told = run("rollback", "--domain", DOMAIN, "--no-lease", code=6)
    assert "it alone may: jsk-ci rollback --publisher NAME-attach-kernel" in told


def test_a_job_that_may_not_even_look_is_told_where_to(
    account: Account, three: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.studio.deny("DescribeDomain")
    monkeypatch.setenv("JSK_CI_IMAGE", image(account, three[2]))
    told = run("attached", "--domain", DOMAIN, "--publisher", FUNCTION, code=6)
    assert "Ask for the IAM action sagemaker:DescribeDomain for this role." in told
    assert f"aws logs tail /aws/lambda/{FUNCTION} --since 1h" in told
