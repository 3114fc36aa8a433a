"""An image is promoted by another tag for the same digest, from candidate to release; never rebuilt."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jsk_ci import fingerprint, project, promote, releases
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry_http import Patience
from jsk_ci.releases import Version
from tests.ci import locked
from tests.ci.images import Made, kernel_image, repository
from tests.servers.faults import FaultyProxy

pytestmark = pytest.mark.usefixtures("no_logins")

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count()


class World:
    """A kernel's folder and its repository in a registry."""

    def __init__(self, folder: Path, host: str, index) -> None:
        self.host, self.debian = host, repository(host, f"debian{next(_NUMBERS)}")
        Made({"n": "12"}).send(self.debian, "12")
        self.folder = locked.write(
            folder / "churn",
            index,
            "leaf==1.0",
            kernel=f'from = "{self.debian.name}:12"\nenvironment = "kernel.env"',
        )
        self.set("hello")
        locked.lock(self.folder)
        self.where = f"{host}/kernels{next(_NUMBERS)}"
        self.place = repository(host, f"{self.where.partition('/')[2]}/churn")

    @property
    def kernel(self):
        return project.read(self.folder)

    def set(self, greeting: str) -> None:
        (self.folder / "kernel.env").write_text(f"GREETING={greeting}\n")

    def build(self) -> str:
        """Put the image of the folder as it is where a build and a push would."""
        parent = str(self.debian.digest("12"))
        inputs = fingerprint.gather(self.kernel, parent)
        made = kernel_image(inputs.fingerprint, "churn", parent=f"{self.debian.name}@{parent}")
        return made.send(self.place, inputs.tag)

    def promote(self, version: str, **more):
        return promote.promote(self.kernel, self.where, Version.parse(version), **more)


@pytest.fixture
def world(tmp_path, registry, index):
    return World(tmp_path, registry.host, index)


# Candidates and releases ----------------------------------------------------------------------------


def test_candidates_are_numbered_and_the_last_is_released(world):
    first = world.build()
    assert world.promote("1.4.0-rc").version == "1.4.0-rc.1"
    world.set("good day")
    second = world.build()
    assert world.promote("1.4.0-rc").version == "1.4.0-rc.2"
    done = world.promote("1.4.0")
    assert done.version == "1.4.0"
    assert done.image.digest == second != first
    assert world.place.digest("1.4.0-rc.1") == first


def test_the_same_image_gets_no_second_number(world):
    world.build()
    assert world.promote("1.4.0-rc").tagged
    again = world.promote("1.4.0-rc")
    assert again.version == "1.4.0-rc.1"
    assert again.tagged == ()


def test_an_image_that_comes_back_gets_the_next_number(world):
    first = world.build()
    world.promote("1.4.0-rc")
    world.set("good day")
    world.build()
    world.promote("1.4.0-rc")
    world.set("hello")
    assert world.promote("1.4.0-rc").version == "1.4.0-rc.3"
    assert world.place.digest("1.4.0-rc.3") == first


def test_nothing_is_rebuilt_or_sent(world, registry):
    there = world.build()
    before = set(world.place.tags())
    done = world.promote("1.4.0-rc")
    assert done.sent == 0
    assert done.image.digest == there
    assert set(world.place.tags()) - before == {"1.4.0-rc.1"}


def test_candidates_of_other_releases_do_not_count(world):
    world.build()
    world.promote("1.4.0-rc.9")
    world.promote("11.4.0-rc.7")
    world.set("good day")
    world.build()
    assert world.promote("1.4.0-rc").version == "1.4.0-rc.10"


def test_a_release_needs_a_candidate(world):
    world.build()
    with pytest.raises(ProjectError, match=r"was a candidate of 1\.4\.0") as caught:
        world.promote("1.4.0")
    assert "--to 1.4.0-rc" in caught.value.hint
    assert "1.4.0" not in world.place.tags()


def test_an_image_that_was_no_candidate_is_not_released(world):
    world.build()
    world.promote("1.4.0-rc")
    world.set("good day")
    other = world.build()
    image = Reference.parse(f"{world.place.name}@{other}")
    with pytest.raises(ProjectError, match="was never a candidate"):
        world.promote("1.4.0", image=image)
    assert "1.4.0" not in world.place.tags()


def test_an_older_candidate_may_be_released_by_its_digest(world):
    first = world.build()
    world.promote("1.4.0-rc")
    world.set("good day")
    world.build()
    world.promote("1.4.0-rc")
    world.set("hello")
    assert world.promote("1.4.0", image=Reference.parse(f"{world.place.name}@{first}")).image.digest == first


def test_a_folder_that_asks_for_something_else_is_not_released(world):
    world.build()
    world.promote("1.4.0-rc")
    world.set("good day")
    with pytest.raises(ProjectError, match="asks for another environment"):
        world.promote("1.4.0")


def test_a_parents_tag_that_moved_since_does_not_matter_to_a_release(world):
    there = world.build()
    world.promote("1.4.0-rc")
    moved = Made({"n": "12.1"})
    moved.send(world.debian)
    world.debian.put(moved.manifest, "12")
    assert world.promote("1.4.0").image.digest == there


def test_what_is_released_is_never_another_image(world):
    there = world.build()
    world.promote("1.4.0-rc")
    world.promote("1.4.0")
    assert world.promote("1.4.0").tagged == ()
    world.set("good day")
    world.build()
    with pytest.raises(ProjectError, match="released already"):
        world.promote("1.4.0-rc")
    world.promote("1.4.0-rc.2")
    with pytest.raises(TagTaken):
        world.promote("1.4.0")
    assert world.place.digest("1.4.0") == there


def test_a_folder_without_an_image_is_told(world):
    with pytest.raises(ProjectError, match="has no image of") as caught:
        world.promote("1.4.0-rc")
    assert "jsk-ci plan" in caught.value.hint


def test_a_dry_run_gives_no_tag(world):
    world.build()
    before = world.place.tags()
    assert world.promote("1.4.0-rc", dry_run=True).version == "1.4.0-rc.1"
    assert world.place.tags() == before


# Elsewhere ------------------------------------------------------------------------------------------


def test_another_registry_gets_the_same_digest(world, own_registry):
    there = world.build()
    done = world.promote("1.4.0-rc", into=f"{own_registry.host}/prod")
    target = repository(own_registry.host, "prod/churn")
    assert done.sent > 0
    assert str(done.image) == f"{own_registry.host}/prod/churn@{there}"
    assert target.digest("1.4.0-rc.1") == world.place.digest("1.4.0-rc.1") == there
    assert any(tag.startswith("fp-") for tag in target.tags())
    assert target.manifest(there).content == world.place.manifest(there).content
    again = world.promote("1.4.0-rc", into=f"{own_registry.host}/prod")
    assert (again.sent, again.tagged) == (0, ())


def test_a_version_that_is_taken_elsewhere_changes_nothing_here(world, own_registry):
    world.build()
    Made().send(repository(own_registry.host, "prod/churn"), "1.4.0-rc.1")
    with pytest.raises(TagTaken):
        world.promote("1.4.0-rc", into=f"{own_registry.host}/prod")
    assert "1.4.0-rc.1" not in world.place.tags()


def test_a_registry_that_dies_while_it_gets_the_copy_has_no_version(world, own_registry):
    """Killed for real in the middle of a layer, then started again on what it kept."""
    there = world.build()
    with FaultyProxy(own_registry.endpoint) as proxy:
        into = f"{proxy.endpoint.removeprefix('http://')}/prod"
        proxy.call_next("PUT", lambda _: own_registry.kill(), path="*/blobs/*")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("jsk_ci.registry_http.Patience", lambda: Patience(2, 0.01))
            with pytest.raises(RegistryError):
                world.promote("1.4.0-rc", into=into)
            own_registry.start()
            target = repository(own_registry.host, "prod/churn")
            assert target.tags() == []
            assert world.promote("1.4.0-rc", into=into).version == "1.4.0-rc.1"
    assert target.digest("1.4.0-rc.1") == there


# GitFlow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "environment", "expected"),
    [
        (None, {"CI_COMMIT_BRANCH": "develop"}, "0.1.0-rc"),
        (None, {"CI_COMMIT_BRANCH": "release/1.4.0"}, "1.4.0-rc"),
        (None, {"CI_COMMIT_BRANCH": "hotfix/1.4.1"}, "1.4.1-rc"),
        (None, {"CI_COMMIT_TAG": "v1.4.0"}, "1.4.0"),
        ("1.4.0-rc.3", {"CI_COMMIT_BRANCH": "develop"}, "1.4.0-rc.3"),
        ("1.4.0", {"CI_COMMIT_TAG": "1.4.0"}, "1.4.0"),
        ("1.4.0", {}, "1.4.0"),
        ("v1.4.0-rc", {}, "1.4.0-rc"),
    ],
)
def test_branches_and_tags_say_which_version(asked, environment, expected):
    assert str(releases.asked(asked, environment, "0.1.0")) == expected


@pytest.mark.parametrize(
    ("asked", "environment", "words"),
    [
        ("1.4.0", {"CI_COMMIT_BRANCH": "main"}, "the branch main"),
        ("1.4.0", {"CI_COMMIT_BRANCH": "develop"}, "the branch develop"),
        ("1.4.0", {"CI_COMMIT_TAG": "1.3.0"}, "the tag 1.3.0"),
        ("1.4.0-rc", {"CI_COMMIT_BRANCH": "feature/x"}, "makes no release candidates"),
        (None, {"CI_COMMIT_TAG": "nightly"}, "no version of a release"),
        (None, {"CI_COMMIT_BRANCH": "main"}, "not said which version"),
        (None, {}, "not said which version"),
        ("1.4", {}, "no version of a release"),
        ("1.4.0-rc.0", {}, "no version of a release"),
        ("01.4.0", {}, "no version of a release"),
        ("1.4.0-beta", {}, "no version of a release"),
    ],
)
def test_what_a_branch_or_tag_does_not_make_is_refused(asked, environment, words):
    with pytest.raises(ProjectError, match=words):
        releases.asked(asked, environment, "0.1.0")


def test_the_command_promotes_what_the_pipeline_is_for(world, tmp_path):
    there = world.build()
    told = _command(world, tmp_path, CI_COMMIT_BRANCH="develop")
    assert told["version"] == "0.1.0-rc.1"
    told = _command(world, tmp_path, CI_COMMIT_TAG="v0.1.0")
    assert told["version"] == "0.1.0"
    assert told["image"] == f"{world.place.name}@{there}"
    assert "JSK_CI_VERSION=0.1.0\n" in (tmp_path / "handed").read_text()


def _command(world: World, tmp_path: Path, **more: str) -> dict[str, object]:
    command = [sys.executable, "-m", "jsk_ci.cli", "promote", str(world.folder), "--registry", world.where]
    done = subprocess.run(
        [*command, "--json", "--dotenv", str(tmp_path / "handed")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}", **more},
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
