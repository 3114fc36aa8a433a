"""The pipeline without a daemon: buildah does all, and the registry moves no tag, as ECR's repositories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ci.building import Place
from tests.ci.locked import git
from tests.ci.package_index import PackageIndex
from tests.ci.pipelines import DOMAIN, PIPELINE, Experiment, offered, platform, programs, runner
from tests.servers.buildah import Buildah
from tests.servers.gitlab import GitLab
from tests.servers.immutable import ImmutableTags
from tests.servers.s3 import ServerUnavailable
from tests.servers.studio import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

STEPS = [f"iris: {step}" for step in ("build", "smoke", "sbom", "scan", "push", "publish", "attach")]


@pytest.fixture
def gitlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitLab:
    """What runs pipelines, from where the machine's packages come."""
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    try:
        return GitLab(programs(tmp_path / "bin"))
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def studio() -> Iterator[Studio]:
    """Studio with one domain."""
    with Studio() as server:
        server.state.add_domain(DOMAIN)
        yield server
    assert not server.violations


@pytest.fixture
def immutable(place: Place) -> Iterator[ImmutableTags]:
    """The registry, which here refuses to move a tag."""
    with ImmutableTags(place.wire.endpoint) as server:
        yield server


def test_a_base_and_an_experiment_are_built_tested_and_delivered_without_a_daemon(
    gitlab: GitLab,
    place: Place,
    immutable: ImmutableTags,
    storage: Buildah,
    packages: PackageIndex,
    studio: Studio,
    tmp_path: Path,
):
    # Others build the same base.
    place = replace(place, path="without-daemon", wire=immutable)  # type: ignore[arg-type]
    without = {**storage.environment, "JSK_CI_BUILDER": "buildah", "DOCKER_HOST": "unix:///nowhere.sock"}
    for name in ("platform", "squad"):
        (tmp_path / name).mkdir()
    base = platform(tmp_path / "platform", gitlab, place)
    base.environment = runner(without)
    base.commit("A base")
    ran = base.pipeline()
    assert not ran.failed, ran.output
    assert ran.started[-2:] == ["base: push", "release-candidate"]

    told = {"PIP_INDEX_URL": packages.url, "JSK_HOME": "/nowhere"}
    iris = Experiment(
        "squad/iris", tmp_path / "squad", gitlab, place, runner(without, studio.environment(), told),
        base=f"{place.kernels}/base:1.0.0-rc.1", index=packages.url,
    )  # fmt: skip
    git(iris.clone, "switch", "--quiet", "--create", "develop")
    (iris.clone / ".gitlab-ci.yml").write_text(PIPELINE)
    iris.write("marked ==1.0")
    iris.notebook("1 + 1")
    iris.commit("Start the experiment")
    ran = iris.pipeline()
    assert not ran.failed, ran.output
    assert sorted((job for job in ran.started if job in STEPS), key=STEPS.index) == STEPS
    assert offered(studio, "iris") == 1

    blobs, versions = place.blobs(), dict(studio.state.versions)
    iris.notebook("print('another line')")
    iris.commit("Only code")
    ran = iris.pipeline()
    assert not ran.failed, ran.output
    assert "nothing to build" in ran.started
    assert place.blobs() == blobs
    assert studio.state.versions == versions
    assert immutable.refused == []
