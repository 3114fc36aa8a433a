"""The whole way by the commands alone: planned, built, pushed, found again, promoted, delivered elsewhere."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ci import locked
from tests.ci.images import Made, repository
from tests.servers.buildah import Buildah
from tests.servers.s3 import ServerUnavailable

pytestmark = [pytest.mark.usefixtures("no_logins"), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count()


class Story:
    """A repository whose image holds next to nothing, so that a real builder makes it in a second."""

    def __init__(self, folder: Path, host: str, index) -> None:
        self.host, self.where, self.folder = host, f"{host}/story{next(_NUMBERS)}", folder / "churn"
        Made().send(repository(host, "story-parent"), "1")
        kernel = f'from = "{host}/story-parent:1"\ndockerfile = "Dockerfile"\nenvironment = "kernel.env"'
        locked.write(self.folder, index, "leaf==1.0", kernel=kernel)
        (self.folder / "Dockerfile").write_text(
            "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY packages.txt /opt/jsk/packages.txt\n"
        )
        (self.folder / "kernel.env").write_text("GREETING=hello\n")
        locked.lock(self.folder)
        locked.commit(self.folder)

    def run(self, *words: str, **more: str) -> dict[str, Any]:
        """Run a step and return what it found."""
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}", "JSK_CI_REGISTRY": self.where}
        done = subprocess.run(
            [sys.executable, "-m", "jsk_ci.cli", words[0], str(self.folder), *words[1:], "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={**environment, "JSK_CI_BUILDER": "buildah", **more},
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def merge(self) -> str:
        """Do what a pipeline does, the smoke test left out, and return the image."""
        handed = self.folder.parent / "handed.env"
        handed.unlink(missing_ok=True)
        if self.run("plan", "--dotenv", str(handed))["decision"] == "nothing":
            return str(self.run("plan")["kernels"][0]["image"])
        self.run("build", "--candidate", "--dotenv", str(handed), **_read(handed))
        short = locked.git(self.folder, "rev-parse", "--short=8", "HEAD")
        return str(self.run("push", "--tag", f"develop-{short}", **_read(handed))["image"])


@pytest.fixture
def story(tmp_path, registry, index, monkeypatch):
    try:
        with Buildah() as storage:
            for name, value in storage.environment.items():
                monkeypatch.setenv(name, value)
            yield Story(tmp_path, registry.host, index)
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


def test_from_a_merge_to_a_release_elsewhere(story, own_registry):
    first = story.merge()
    (story.folder / "analysis.py").write_text("print('only code')\n")
    locked.commit(story.folder)
    before = set(repository(story.host, f"{story.where.partition('/')[2]}/churn").tags())
    assert story.merge() == first
    assert set(repository(story.host, f"{story.where.partition('/')[2]}/churn").tags()) == before

    (story.folder / "kernel.env").write_text("GREETING=good day\n")
    locked.commit(story.folder)
    assert story.run("plan")["kernels"][0]["reasons"] == ["~ variable GREETING hello -> good day"]
    second = story.merge()
    assert second != first

    told = story.run("promote", CI_COMMIT_BRANCH="develop")
    assert (told["version"], told["image"]) == ("0.1.0-rc.1", second)
    told = story.run("promote", "--into", f"{own_registry.host}/prod", CI_COMMIT_TAG="0.1.0")
    assert told["image"] == f"{own_registry.host}/prod/churn@{second.partition('@')[2]}"
    delivered = repository(own_registry.host, "prod/churn")
    assert delivered.digest("0.1.0") == second.partition("@")[2]
    assert delivered.labels("0.1.0")["io.jsk.kernel.name"] == "churn"


def test_building_the_same_again_changes_nothing_that_is_known(story):
    """A job that is done again has a candidate of its own; the image that others know stays."""
    first = story.merge()
    handed = story.folder.parent / "again.env"
    story.run("build", "--candidate", "--fresh", "--dotenv", str(handed))
    told = story.run("push", **_read(handed))
    assert told["image"] == first
    assert told["added"] == []


def _read(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())
