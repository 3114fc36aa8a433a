"""Collecting garbage: what nothing refers to goes, everything else stays, whatever SageMaker would allow.

The stand-in does not guard what is referred to here: had gc deleted any of it, ``state.harm`` would tell.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jsk_ci import gc as collecting
from jsk_ci.errors import ProjectError
from jsk_ci.referenced import parse
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.studio import attach, forms
from jsk_ci.studio import publish as publishing
from tests.ci.images import Made, kernel_image
from tests.ci.images import repository as repository_of
from tests.ci.studio_kit import as_json, asking, commands, kernel_folder, wanted
from tests.servers.registry import Registry
from tests.servers.studio import Studio

LAB = "JupyterLabAppSettings"
_NOW = dt.datetime.now(dt.UTC)


@dataclass
class Dated(Made):
    """An image that says when it was built."""

    days: float = 100.0

    @property
    def configuration(self) -> bytes:
        when = (_NOW - dt.timedelta(days=self.days)).isoformat()
        return json.dumps({**json.loads(super().configuration), "created": when}).encode()


class Ground:
    """A kernel with published images in a real registry, all of them old."""

    def __init__(self, studio: Studio, server: Registry, folder: Path, name: str) -> None:
        self.studio, self.folder = studio, kernel_folder(folder / name, name)
        self.path = f"{folder.parent.name}-{folder.name}".lower().replace("_", "-")
        self.host, self.name = server.host, name
        self.repository = repository_of(server.host, f"{self.path}/{name}")
        self.digests: dict[int, str] = {}

    def publish(self, number: int, *tags: str, days: float = 100.0) -> Reference:
        """Push an image and publish it as a version."""
        digest = self.push(number, *tags, days=days)
        reference = self.repository.name.with_digest(digest)
        self.studio.state.now -= days * 24 * 3600
        publishing.publish(asking(self.studio), wanted(self.name, reference=reference), forms.ALL)
        self.studio.state.now += days * 24 * 3600
        return reference

    def push(self, number: int, *tags: str, days: float = 100.0) -> str:
        """Push an image that nobody publishes."""
        image = Dated(kernel_image(digits(number), self.name).labels, days=days)
        self.digests[number] = image.send(self.repository, *tags)
        return self.digests[number]

    def offer(self, version: int) -> None:
        """Let the domain offer a version."""
        asker = asking(self.studio)
        target = publishing.target(asker, self.name, self.name, version)
        attach.attach(asker, target, "d-1", forms.ALL, None)

    @property
    def versions(self) -> list[int]:
        """What SageMaker has."""
        return sorted(number for name, number in self.studio.state.versions if name == self.name)

    @property
    def images(self) -> list[int]:
        """What the registry has."""
        return [number for number, digest in self.digests.items() if self.repository.digest(digest)]


def digits(number: int) -> str:
    """Return a fingerprint; its tag is :func:`own_tag`."""
    return f"{number:024x}".ljust(64, "0")


def own_tag(number: int, kind: str = "fp") -> str:
    return f"{kind}-{number:024x}"


def candidate(number: int) -> str:
    return f"{own_tag(number, 'candidate')}-{number:012d}"


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio(looks=1, guards=False) as server:
        server.state.add_domain("d-1")
        yield server
    assert not server.violations
    assert not server.state.harm


@pytest.fixture
def ground(studio: Studio, registry: Registry, tmp_path: Path) -> Ground:
    return Ground(studio, registry, tmp_path, "iris")


@pytest.fixture
def run(studio: Studio, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run gc on the ground, keeping only the newest version; returns why what is kept is kept."""
    command = commands(studio, monkeypatch)
    place = ["--registry", f"{ground.host}/{ground.path}", "--no-lease"]

    def run(*arguments: str, trials: str | None = "", code: int = 0, keep: int = 1) -> Any:
        said = ["--no-trials"] if trials == "" else ["--referenced", "-"] if trials else []
        told = command(
            "gc",
            str(ground.folder),
            *place,
            *said,
            f"--keep={keep}",
            *arguments,
            code=code,
            given=trials or None,
        )
        return told if code or "--json" not in arguments else as_json(told)

    return run


def why(told: Any, kind: str) -> dict[str, str]:
    """Return for everything that is kept the reason."""
    return {
        item["name"]: item["why"] for item in told["items"] if item["kind"] == kind and not item["removed"]
    }


def ended(*references: str) -> str:
    """Return a list as jsk trials images prints it."""
    return "\n".join([*references, f"# end: {len(references)} references", ""])


def test_what_nothing_refers_to_goes_everywhere(ground: Ground, run: Callable[..., Any]) -> None:
    for number in range(1, 5):
        ground.publish(number, own_tag(number), own_tag(number, "candidate"))
    told = run("--json")
    assert (ground.versions, ground.images) == ([4], [4])
    assert list(ground.studio.state.configs) == ["iris-v4-jupyterlab", "iris-v4-kernelgateway"]
    assert told["removed"] == 3 + 6 + 3
    assert why(told, "image version") == {"iris 4": "one of the newest 1"}
    assert run("--json")["removed"] == 0


def test_the_newest_and_the_young_stay(ground: Ground, run: Callable[..., Any]) -> None:
    for number, days in ((1, 100), (2, 50), (3, 10), (4, 1)):
        ground.publish(number, own_tag(number), days=days)
    told = run("--json", "--days", "30", keep=1)
    assert ground.versions == ground.images == [3, 4]
    assert why(told, "image version")["iris 3"] == "younger than 30 days"
    run("--days", "0", keep=1)
    assert ground.versions == ground.images == [4]


@pytest.mark.parametrize("user", ["domain", "shared spaces", "profile", "space", "app", "not pinned"])
def test_what_studio_refers_to_stays(
    studio: Studio, ground: Ground, run: Callable[..., Any], user: str
) -> None:
    for number in (1, 2, 3):
        ground.publish(number, own_tag(number))
    state, domain = studio.state, studio.state.domains["d-1"]
    entry = {
        "ImageName": "iris",
        "ImageVersionNumber": 1,
        "AppImageConfigName": "iris-v1-jupyterlab",
    }
    block = {LAB: {"CustomImages": [entry]}}
    arn = state.version_arn("iris", 1)
    if user == "domain":
        ground.offer(1)
    elif user == "shared spaces":
        domain["DefaultSpaceSettings"] = block
    elif user == "profile":
        state.add_profile("d-1", "ada", block)
    elif user == "space":
        state.add_space("d-1", "lab", {LAB: {"DefaultResourceSpec": {"SageMakerImageVersionArn": arn}}})
    elif user == "app":
        state.add_app("d-1", "lab", arn)
    else:
        spec = {"SageMakerImageArn": state.images["iris"]["ImageArn"]}
        state.add_space("d-1", "lab", {LAB: {"DefaultResourceSpec": spec}})
    told = run("--json")
    left = [1, 2, 3] if user == "not pinned" else [1, 3]
    assert (ground.versions, ground.images) == (left, left)
    assert "used by" in why(told, "image version")["iris 1"]
    assert "iris-v1-jupyterlab" in state.configs


def test_a_configuration_that_is_offered_with_another_version_stays(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    entry = {"ImageName": "iris", "ImageVersionNumber": 2, "AppImageConfigName": "iris-v1-jupyterlab"}
    studio.state.domains["d-1"]["DefaultUserSettings"][LAB] = {"CustomImages": [entry]}
    told = run("--json")
    assert ground.versions == [2]
    assert why(told, "configuration")["iris-v1-jupyterlab"] == "used by domain d-1"
    assert "iris-v1-kernelgateway" not in studio.state.configs


@pytest.mark.parametrize("by", ["digest", "tag", "fingerprint"])
def test_what_trials_refer_to_stays(ground: Ground, run: Callable[..., Any], by: str) -> None:
    references = {number: ground.publish(number, own_tag(number)) for number in (1, 2, 3)}
    line = {
        "digest": references[1].pinned,
        "tag": str(references[1].with_tag(own_tag(1))),
        "fingerprint": f"fingerprint:{digits(1)}",
    }[by]
    told = run("--json", trials=ended(line, "An image of another platform"))
    assert ground.versions == ground.images == [1, 3]
    assert why(told, "image version")["iris 1"] == "trials or objects refer to it"
    assert why(told, "registry image")[own_tag(1)] == "iris 1 is made of it"


def test_without_the_list_nothing_is_removed(ground: Ground, run: Callable[..., Any]) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    told = run(trials=None, code=2)
    assert "jsk trials images | jsk-ci gc --referenced -" in told
    assert "--no-trials" in told
    assert ground.versions == [1, 2]


@pytest.mark.parametrize("text", ["\n", "a\nb\n", "a\nb\n# end: 3 references\n", "# end: 1 reference\na\n"])
def test_a_list_that_was_cut_off_is_refused(ground: Ground, run: Callable[..., Any], text: str) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    assert "is not whole" in run(trials=text, code=2)
    assert ground.versions == [1, 2]
    with pytest.raises(ProjectError):
        parse("")


def test_images_that_were_never_published_go_when_they_are_old_and_released_ones_stay(
    ground: Ground, run: Callable[..., Any]
) -> None:
    ground.publish(1, own_tag(1))
    ground.push(2, candidate(2))
    ground.push(3, candidate(3), days=1)
    ground.push(4, own_tag(4), "1.4.0-rc.1")
    ground.digests[5] = kernel_image(digits(5)).send(ground.repository, own_tag(5))  # says not when
    told = run("--json")
    assert ground.images == [1, 3, 4, 5]
    reasons = why(told, "registry image")
    assert reasons[candidate(3)] == "younger than 30 days"
    assert reasons[f"1.4.0-rc.1, {own_tag(4)}"] == "has the tag 1.4.0-rc.1"
    assert reasons[own_tag(5)] == "nobody knows how old it is"


def test_an_image_that_is_published_under_another_name_stays(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    ground.publish(1, own_tag(1))
    reference = ground.repository.name.with_digest(ground.push(2, own_tag(2)))
    publishing.publish(asking(studio), wanted("rose", reference=reference), forms.ALL)
    told = run("--json")
    assert ground.images == [1, 2]
    assert why(told, "registry image")[own_tag(2)] == "rose 1 is made of it"
    assert [key for key in studio.state.versions if key[0] == "rose"] == [("rose", 1)]
    assert "rose-v1-jupyterlab" in studio.state.configs


def test_a_base_stays_while_a_published_image_is_made_on_it(
    studio: Studio,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = Ground(studio, registry, tmp_path, "base")
    text = '[tool.jsk.kernel]\nname = "base"\nfrom = "python:3.11"\n'
    (base.folder / "pyproject.toml").write_text(text)
    for number in (1, 2):
        base.push(number, own_tag(number))
    parent = base.repository.name.with_digest(base.digests[1]).pinned
    child = Repository(Reference.parse(f"{base.host}/{base.path}/iris"))
    digest = kernel_image(digits(9), parent=parent).send(child, own_tag(9))
    publishing.publish(asking(studio), wanted(reference=child.name.with_digest(digest)), forms.ALL)
    command = commands(studio, monkeypatch)
    place = ["--registry", f"{base.host}/{base.path}", "--no-lease", "--no-trials"]
    told = as_json(command("gc", str(base.folder), *place, "--json"))
    assert base.images == [1]
    assert why(told, "registry image")[own_tag(1)] == "iris 1 is made on it"


def test_what_sagemaker_keeps_is_kept_with_all_it_is_made_of(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    studio.fail_next("DeleteImageVersion", "ResourceInUse", "Somebody has just begun to use it.")
    told = run("--json")
    assert (ground.versions, ground.images) == ([1, 2], [1, 2])
    assert len(studio.state.configs) == 4
    assert "Somebody has just begun" in why(told, "image version")["iris 1"]
    run()
    assert (ground.versions, ground.images) == ([2], [2])


@pytest.mark.parametrize("step", ["publish", "promote"])
def test_what_gets_to_be_used_meanwhile_stays(
    studio: Studio, ground: Ground, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ground.publish(2, own_tag(2))
    digest, decide = ground.push(1, own_tag(1)), collecting.decide

    def use(known: Any, rules: Any) -> Any:
        monkeypatch.setattr(collecting, "decide", decide)
        items = decide(known, rules)
        assert [item.digest for item in items if item.remove] == [digest]
        if step == "promote":
            ground.repository.tag(digest, "1.0.0-rc.1")
        else:
            reference = ground.repository.name.with_digest(digest)
            publishing.publish(asking(studio), wanted(ground.name, reference=reference), forms.ALL)
        return items

    monkeypatch.setattr(collecting, "decide", use)
    told = run("--json")
    assert sorted(ground.images) == [1, 2]
    assert told["removed"] == 0


@pytest.mark.parametrize(
    ("tag", "stays"),
    [
        ("develop-1a2b3c4", False),
        ("develop-12-1234567", False),
        ("paper-20260131", True),
        ("keep", True),
    ],
)
def test_a_tag_that_names_no_commit_keeps_an_image(
    ground: Ground, run: Callable[..., Any], tag: str, stays: bool
) -> None:
    ground.push(1, own_tag(1), tag)
    run()
    assert ground.images == ([1] if stays else [])


@pytest.mark.parametrize("at", ["DeleteImageVersion", "DeleteAppImageConfig"])
@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_looked_after(
    studio: Studio, ground: Ground, run: Callable[..., Any], at: str, done: bool
) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    studio.cut_next(at, done=done)
    run()
    assert (ground.versions, ground.images) == ([2], [2])
    assert list(studio.state.configs) == ["iris-v2-jupyterlab", "iris-v2-kernelgateway"]


def test_an_interrupted_run_is_taken_up_by_the_next(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    for number in (1, 2, 3):
        ground.publish(number, own_tag(number))
    studio.deny("DeleteAppImageConfig")
    assert "IAM action sagemaker:DeleteAppImageConfig" in run(code=6)
    assert (ground.versions, ground.images) == ([3], [1, 2, 3])
    studio.mend()
    run()
    assert ground.images == [3]
    assert list(studio.state.configs) == ["iris-v3-jupyterlab", "iris-v3-kernelgateway"]


def test_a_version_that_never_worked_goes_and_does_not_count(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    ground.publish(1, own_tag(1))
    digest = ground.push(2, own_tag(2))
    studio.state.bad_images[ground.repository.name.with_digest(digest).pinned] = "no"
    with pytest.raises(Exception, match="CREATE_FAILED"):
        ground.publish(2, own_tag(2))
    told = run("--json")
    assert ground.versions == [1]
    assert [item["why"] for item in told["items"] if item["name"] == "iris 2"] == ["never worked"]


def test_a_dry_run_tells_everything_and_removes_nothing(
    studio: Studio, ground: Ground, run: Callable[..., Any]
) -> None:
    for number in (1, 2):
        ground.publish(number, own_tag(number))
    ground.offer(2)
    before = studio.changes()
    told = run("--dry-run")
    assert studio.changes() == before
    assert ground.images == [1, 2]
    lines = [line.split() for line in told.splitlines()]
    (first,) = [line for line in lines if line[:4] == ["image", "version", "iris", "1"]]
    assert first[-5:] == ["would", "go", "nothing", "refers", "to", "it"][-5:]
    assert "used by domain d-1" in told
    assert told.count("would go") == 1 + 2 + 1


def test_a_kernel_without_anything_is_no_error(run: Callable[..., Any]) -> None:
    assert "There is nothing of this kernel." in run()
