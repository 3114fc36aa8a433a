"""Attaching: pinned, merged, one at a time; whoever else attaches at the same time loses nothing."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jsk_ci.errors import NotPublished, StudioError
from jsk_ci.studio import attach, domains, forms
from jsk_ci.studio import publish as publishing
from tests.ci.studio_kit import as_json, asking, commands, kernel_folder, offered, publish
from tests.servers.one_by_one import atomic
from tests.servers.s3 import S3Server
from tests.servers.studio import Studio

LAB, GATEWAY = "JupyterLabAppSettings", "KernelGatewayAppSettings"
#: Of a lease in these tests; S3 tells times in whole seconds.
SECONDS = 1.0


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        yield server
    assert not server.violations


@pytest.fixture
def s3(moto: S3Server) -> Iterator[S3Server]:
    with atomic(moto) as server:
        yield server


def attached(
    studio: Studio, name: str, version: int, wanted: tuple[forms.Form, ...] = forms.ALL, domain: str = "d-1"
) -> attach.Attached:
    asker = asking(studio)
    target = publishing.target(asker, name, name.title(), version)
    return attach.attach(asker, target, domain, wanted, lease=None)


def entry(name: str, version: int, form: str = "jupyterlab") -> dict[str, Any]:
    config = f"{name}-v{version}-{form}"
    return {"ImageName": name, "ImageVersionNumber": version, "AppImageConfigName": config}


# One at a time --------------------------------------------------------------------------------------


def test_an_image_is_offered_pinned_in_both_forms(studio: Studio) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    found = attached(studio, "iris", 1)
    assert found.before == {}
    settings = studio.state.domains["d-1"]["DefaultUserSettings"]
    assert settings[LAB]["CustomImages"] == [entry("iris", 1)]
    assert settings[GATEWAY]["CustomImages"] == [entry("iris", 1, "kernelgateway")]
    assert "DefaultSpaceSettings" not in studio.state.domains["d-1"]
    assert studio.state.domains["d-1"]["Status"] == "InService"


def test_only_the_changed_blocks_are_sent_and_whole(studio: Studio) -> None:
    for name in ("iris", "rose"):
        publish(studio, name)
    spec = {"DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}}
    repositories = {"CodeRepositories": [{"RepositoryUrl": "https://example.org/a.git"}]}
    user = {
        LAB: {**spec, **repositories, "CustomImages": [entry("rose", 1)]},
        GATEWAY: {**spec, "CustomImages": [entry("iris", 1, "kernelgateway")]},
        "CodeEditorAppSettings": spec,
    }
    studio.state.add_domain("d-1", user, {LAB: {"CustomImages": []}})
    found = attached(studio, "iris", 1)
    (said,) = [said for name, said in studio.calls if name == "UpdateDomain"]
    merged = {**user[LAB], "CustomImages": [entry("rose", 1), entry("iris", 1)]}
    assert said == {
        "DomainId": "d-1",
        "DefaultUserSettings": {LAB: merged},
        "DefaultSpaceSettings": {
            LAB: {"CustomImages": [entry("iris", 1)]},
            GATEWAY: {"CustomImages": [entry("iris", 1, "kernelgateway")]},
        },
    }
    assert found.before == {"DefaultUserSettings.KernelGatewayAppSettings": 1}
    after = studio.state.domains["d-1"]["DefaultUserSettings"]
    assert {name: after[name] for name in user} == {**user, LAB: merged}


def test_another_version_takes_the_place_of_the_one_before(studio: Studio) -> None:
    for number in (1, 2):
        publish(studio, "iris", number)
    publish(studio, "rose")
    old = {**entry("iris", 1), "AppImageConfigName": "by-hand"}
    studio.state.configs["by-hand"] = {}
    images = [old, entry("rose", 1), entry("iris", 1)]
    studio.state.add_domain("d-1", {LAB: {"CustomImages": images}})
    found = attached(studio, "iris", 2, (forms.JUPYTERLAB,))
    assert found.before == {"DefaultUserSettings.JupyterLabAppSettings": 1}
    settings = studio.state.domains["d-1"]["DefaultUserSettings"]
    assert settings[LAB]["CustomImages"] == [entry("iris", 2), entry("rose", 1)]
    assert GATEWAY not in settings


def test_what_is_offered_already_is_not_sent_again(studio: Studio) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    attached(studio, "iris", 1)
    assert not attached(studio, "iris", 1).changed
    assert studio.count("UpdateDomain") == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_looked_after(studio: Studio, done: bool) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    studio.cut_next("UpdateDomain", done=done)
    attached(studio, "iris", 1)
    assert offered(studio, "d-1", LAB) == {"iris": 1}
    assert studio.count("UpdateDomain") == (1 if done else 2)


def test_a_domain_that_is_being_changed_is_waited_for(studio: Studio) -> None:
    for name in ("iris", "rose"):
        publish(studio, name)
    studio.state.add_domain("d-1")
    change = {"DefaultUserSettings": {LAB: {"CustomImages": [entry("rose", 1)]}}}
    studio.client.update_domain(DomainId="d-1", **change)
    studio.throttle("UpdateDomain", times=2)
    attached(studio, "iris", 1)
    assert offered(studio, "d-1", LAB) == {"rose": 1, "iris": 1}


def test_the_reason_of_a_failed_update_is_told_and_the_next_attempt_works(studio: Studio) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    studio.state.bad_update = "The role may not be passed."
    with pytest.raises(StudioError, match=r"d-1 ended as Update_Failed: The role may not be passed\."):
        attached(studio, "iris", 1)
    attached(studio, "iris", 1)
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_somebody_who_writes_without_a_lease_is_noticed_and_made_good(studio: Studio) -> None:
    for name in ("iris", "rose"):
        publish(studio, name)
    studio.state.add_domain("d-1")
    asker = asking(studio)
    rude = {"DefaultUserSettings": {LAB: {"CustomImages": [entry("rose", 1)]}}}
    once = asker.ask_once

    def overwritten(operation: str, **said: Any) -> dict[str, Any]:
        answer = once(operation, **said)
        if operation == "update_domain":
            asker.ask_once = once  # type: ignore[method-assign]
            studio.state._there(studio.state.domains, "d-1", "")["_next"] = rude
        return answer

    asker.ask_once = overwritten  # type: ignore[method-assign]
    target = publishing.target(asker, "iris", "Iris", 1)
    attach.attach(asker, target, "d-1", forms.ALL, None)
    assert offered(studio, "d-1", LAB) == {"rose": 1, "iris": 1}


def test_a_domain_that_keeps_being_changed_ends_at_the_bound(studio: Studio) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    asker = asking(studio, 0.3)
    target = publishing.target(asker, "iris", "Iris", 1)
    studio.fail_next("UpdateDomain", "ResourceInUse", times=10**9)
    with pytest.raises(StudioError, match="does not keep iris 1"):
        attach.attach(asker, target, "d-1", forms.ALL, None)


def test_apps_that_keep_running_another_version_are_told(studio: Studio) -> None:
    for number in (1, 2):
        publish(studio, "iris", number)
    studio.state.add_domain("d-1")
    state = studio.state
    for space, version, status in (("a", 1, "InService"), ("b", 2, "InService"), ("c", 1, "Deleted")):
        state.add_app("d-1", space, state.version_arn("iris", version), status)
    found = attached(studio, "iris", 2)
    assert [(use.where, use.version) for use in found.running] == [("JupyterLab app default of a in d-1", 1)]


def test_what_is_attached_stays_so_where_nobody_may_list_apps(
    studio: Studio, run: Callable[..., str], tmp_path: Path
) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    studio.deny("ListApps")
    folder = str(kernel_folder(tmp_path / "iris"))
    assert "sagemaker:ListApps is not allowed" in run("attach", folder, "--domain", "d-1", "--no-lease")
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_a_full_domain_is_told_before_anything_is_sent() -> None:
    full = {"DefaultUserSettings": {LAB: {"CustomImages": [entry(f"i{number}", 1) for number in range(200)]}}}
    with pytest.raises(StudioError, match="offers 200 images"):
        domains.change(full, "iris", 1, (forms.JUPYTERLAB,))
    assert domains.change(full, "i7", 2, (forms.JUPYTERLAB,))


def test_a_domain_or_version_that_is_not_there_is_told(studio: Studio) -> None:
    publish(studio)
    with pytest.raises(NotPublished, match="Domain d-1 does not exist"):
        attached(studio, "iris", 1)
    with pytest.raises(NotPublished, match="no version 2"):
        attached(studio, "iris", 2)


# Two at once ----------------------------------------------------------------------------------------


class Worker:
    """Another repository's job, in a process of its own."""

    def __init__(self, place: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.ci.attach_worker", place, str(SECONDS)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")

    def hear(self, seconds: float = 180.0) -> str:
        assert self.process.stdout
        assert self.process.stderr
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
        assert line, self.process.stderr.read()
        return line.strip()

    def has_spoken(self) -> bool:
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(studio: Studio, s3: S3Server) -> Iterator[Callable[[str], Worker]]:
    """Start workers; they end with the test."""
    workers: list[Worker] = []
    place = f"s3://{s3.new_bucket()}/jsk-ci/"
    environment = {**s3.environment(), **studio.environment()}

    def start() -> Worker:
        workers.append(Worker(place, environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def two_repositories(studio: Studio) -> None:
    """Publish two versions each of two repositories, and let the domain offer a third one's image."""
    for name in ("iris", "rose", "other"):
        for number in (1, 2):
            publish(studio, name, number)
    images = {LAB: {"CustomImages": [entry("other", 1)]}}
    studio.state.add_domain("d-1", images, images)


@pytest.mark.slow
@pytest.mark.parametrize("looks", [0, 3], ids=["at once", "after a while"])
def test_two_processes_that_attach_at_once_fifty_times_lose_no_update(
    studio: Studio, start: Callable[[], Worker], looks: int
) -> None:
    """A domain that is changed at once guards nobody by being busy: there, only the lease helps."""
    two_repositories(studio)
    studio.state.looks = looks
    workers = {"iris": start(), "rose": start()}
    assert [worker.hear() for worker in workers.values()] == ["ready", "ready"]
    for turn in range(50):
        version = turn % 2 + 1
        for name, worker in workers.items():
            worker.say(f"d-1 {name} {version}")
        for worker in workers.values():
            assert worker.hear() == "done"
        for scope in ("DefaultUserSettings", "DefaultSpaceSettings"):
            both = {"iris": version, "rose": version}
            assert offered(studio, "d-1", LAB, scope) == {"other": 1, **both}
            assert offered(studio, "d-1", GATEWAY, scope) == both
    assert studio.count("UpdateDomain") == 100


def test_without_a_lease_updates_are_lost(studio: Studio) -> None:
    """What the lease is for: the same merge, with another's write between its reading and its writing."""
    two_repositories(studio)
    stale = studio.client.describe_domain(DomainId="d-1")
    attached(studio, "rose", 1)
    change = domains.change(stale, "iris", 1, (forms.JUPYTERLAB,))
    studio.client.update_domain(DomainId="d-1", **change)
    asking(studio).ask("describe_domain", DomainId="d-1")
    while studio.client.describe_domain(DomainId="d-1")["Status"] != "InService":
        pass
    assert "rose" not in offered(studio, "d-1", LAB)


@pytest.mark.slow
def test_one_that_is_killed_in_the_middle_loses_nobodys_update_and_is_taken_over(
    studio: Studio, start: Callable[[], Worker]
) -> None:
    two_repositories(studio)
    studio.state.looks = 20  # most of the time is spent with the lease
    chance, taken_over = random.Random(), 0
    survivor, victim = start(), start()
    assert survivor.hear() == "ready"
    now = {"iris": 0, "rose": 0}
    for turn in range(12):
        spare = start()
        assert victim.hear() == "ready"
        version = turn % 2 + 1
        before, moment = len(studio.calls), chance.randrange(30)
        if at_once := chance.random() < 0.5:
            survivor.say(f"d-1 iris {version}")
        victim.say(f"d-1 rose {version}")
        # About as many as a whole attachment asks of SageMaker; fewer where there is nothing to change.
        while len(studio.calls) < before + moment and not victim.has_spoken():
            time.sleep(0.001)
        if not at_once:
            survivor.say(f"d-1 iris {version}")
        time.sleep(chance.uniform(0, 0.05))
        victim.kill()
        taken_over += survivor.hear() != "done"
        settled = asking(studio)
        while settled.ask("describe_domain", DomainId="d-1")["Status"] != "InService":
            pass
        there = offered(studio, "d-1", LAB)
        assert (there.pop("other"), there.pop("iris")) == (1, version)
        # What was killed has done its work or not; what it had done before is never gone.
        assert there in (
            [{"rose": now["rose"]}, {"rose": version}] if now["rose"] else [{}, {"rose": version}]
        )
        now = {"iris": version, **there} if there else now
        victim = spare
    assert taken_over, "nobody was killed while it had the lease"


# The lease ------------------------------------------------------------------------------------------


@pytest.fixture
def run(
    studio: Studio, s3: S3Server, monkeypatch: pytest.MonkeyPatch, point_at: Callable[[S3Server], None]
) -> Callable[..., str]:
    """Run jsk-ci against the stand-in and S3."""
    point_at(s3)
    return commands(studio, monkeypatch)


def test_the_command_attaches_with_a_lease_and_gives_it_back(
    studio: Studio, s3: S3Server, run: Callable[..., str], tmp_path: Path
) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    folder, bucket = str(kernel_folder(tmp_path / "iris")), s3.new_bucket()
    told = run("attach", folder, "--domain", "d-1", "--lease", f"s3://{bucket}/jsk-ci/")
    assert "The domain d-1 offers iris 1." in told
    assert "DefaultUserSettings.JupyterLabAppSettings  was: not offered" in told
    kept = s3.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in kept] == ["jsk-ci/studio.lease"]
    body = s3.client().get_object(Bucket=bucket, Key="jsk-ci/studio.lease")["Body"].read().decode()
    assert as_json(body)["state"] == "free"
    again = as_json(run("attach", folder, "--domain", "d-1", "--lease", f"s3://{bucket}/jsk-ci/", "--json"))
    assert again["changed"] == []


def test_the_command_wants_a_lease_or_to_be_told_that_none_is_needed(
    studio: Studio, run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    folder = str(kernel_folder(tmp_path / "iris"))
    assert "--no-lease" in run("attach", folder, "--domain", "d-1", code=2)
    assert "--domain d-" in run("attach", folder, "--no-lease", code=2)
    dry = run("attach", folder, "--domain", "d-1", "--dry-run")
    assert "would offer iris 1" in dry
    assert studio.count("UpdateDomain") == 0
    monkeypatch.setenv("JSK_CI_STUDIO_VERSION", "1")
    monkeypatch.setenv("JSK_CI_DOMAIN", "d-1")
    assert "offers iris 1" in run("attach", folder, "--no-lease")
    rose = str(kernel_folder(tmp_path / "rose", "rose"))
    assert "no version 1 of the image 'rose'; it has: none" in run("attach", rose, "--no-lease", code=3)
    monkeypatch.delenv("JSK_CI_STUDIO_VERSION")
    assert "no version of 'rose' that works" in run("attach", rose, "--no-lease", code=3)


def test_a_job_that_is_cancelled_gives_the_lease_back(
    studio: Studio, s3: S3Server, run: Callable[..., str], tmp_path: Path
) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    studio.state.looks = 10**9  # the domain stays in change, and the job waits with the lease
    bucket, folder = s3.new_bucket(), str(kernel_folder(tmp_path / "iris"))
    command = [sys.executable, "-m", "jsk_ci.cli", "attach", folder, "--domain", "d-1"]
    job = subprocess.Popen([*command, "--lease", f"s3://{bucket}/lease"], stderr=subprocess.PIPE, text=True)
    while not studio.count("UpdateDomain") and job.poll() is None:
        time.sleep(0.01)
    kept = as_json(s3.client().get_object(Bucket=bucket, Key="lease")["Body"].read())
    assert (kept["state"], kept["purpose"]) == ("held", "attach iris 1")
    job.terminate()
    _, told = job.communicate()
    assert job.returncode == 128 + 15, told
    assert as_json(s3.client().get_object(Bucket=bucket, Key="lease")["Body"].read())["state"] == "free"


def test_a_bucket_that_is_not_there_is_told(studio: Studio, run: Callable[..., str], tmp_path: Path) -> None:
    publish(studio)
    studio.state.add_domain("d-1")
    told = run(
        "attach", str(kernel_folder(tmp_path / "iris")), "--domain", "d-1", "--lease", "s3://nowhere/", code=6
    )
    assert "The bucket 'nowhere' does not exist" in told
    assert studio.count("UpdateDomain") == 0
