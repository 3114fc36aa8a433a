"""An environment's whole life, as GitLab runs it: built, left alone, changed, released, stopped, rolled back.

Everything is real but Studio's control plane: Git remotes, pipelines of the kit's own templates with their
child pipelines, a Docker engine, a registry, packages that are installed, kernels that start.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci.building import Place
from tests.ci.locked import git
from tests.ci.package_index import PackageIndex
from tests.ci.pipelines import (
    DOMAIN,
    PIPELINE,
    ROOT,
    Experiment,
    Project,
    offered,
    platform,
    programs,
    runner,
)
from tests.ci.test_new_pipeline import DEVELOP, new
from tests.servers.docker import Docker
from tests.servers.gitlab import GitLab, Ran
from tests.servers.s3 import ServerUnavailable
from tests.servers.studio import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DELIVERED = [f"iris: {step}" for step in ("build", "smoke", "sbom", "scan", "push", "publish", "attach")]
LINTED = {"notebooks-lint", "notebooks-test"}


@pytest.fixture(scope="module", autouse=True)
def index_of_the_machine() -> Iterator[None]:
    """Let these builds install from where the machine does, not from the index of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_INDEX_URL", raising=False)
        yield


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> GitLab:
    """What runs pipelines."""
    try:
        return GitLab(programs(tmp_path_factory.mktemp("runner") / "bin"))
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    """Studio with one domain."""
    with Studio() as server:
        server.state.add_domain(DOMAIN)
        yield server
    assert not server.violations


@pytest.fixture(scope="module")
def base(gitlab: GitLab, place: Place, engine: Docker, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The platform's project after its first pipeline: a base, and a candidate of its release."""
    project = platform(tmp_path_factory.mktemp("platform"), gitlab, place)
    project.environment = runner(engine.environment, {"JSK_CI_BUILDER": "docker"})
    project.commit("A base")
    ran = project.pipeline()
    tell("the platform's first pipeline builds the base", ran)
    assert not ran.failed, ran.output
    assert ran.started[:2] == ["kernel-plan", "base: build"]
    assert set(ran.started[2:5]) == {"base: smoke", "base: sbom", "base: scan"}
    assert ran.started[5:] == ["base: push", "release-candidate"]
    return project


@pytest.fixture(scope="module")
def iris(
    base: Project,
    gitlab: GitLab,
    place: Place,
    engine: Docker,
    packages: PackageIndex,
    studio: Studio,
    tmp_path_factory: pytest.TempPathFactory,
) -> Experiment:
    """An experiment's project, of which nothing was built yet."""
    packages.add("tornado", "1.0", code="raise ImportError('far too old')\n")
    environment = runner(
        engine.environment,
        studio.environment(),
        {"JSK_CI_BUILDER": "docker", "PIP_INDEX_URL": packages.url, "JSK_HOME": "/nowhere"},
    )
    project = Experiment(
        "squad/iris", tmp_path_factory.mktemp("iris"), gitlab, place, environment,
        base=f"{place.kernels}/base:1.0.0-rc.1", index=packages.url,
    )  # fmt: skip
    git(project.clone, "switch", "--quiet", "--create", "main")
    (project.clone / ".gitlab-ci.yml").write_text(PIPELINE)
    project.write("marked ==1.0")
    project.notebook("1 + 1")
    project.commit("Start the experiment")
    git(project.clone, "switch", "--quiet", "--create", "develop")
    return project


def test_the_whole_life_of_an_environment(iris: Experiment, studio: Studio, place: Place):
    repository = iris.repository("iris")

    ran = run(iris, "the first merge builds", "First")
    assert own(ran) == DELIVERED
    assert not ran.failed, ran.output
    first = repository.digest("1.0.0-rc.1")
    assert first is not None
    assert offered(studio, "iris") == 1
    assert studio.state.versions["iris", 1]["BaseImage"] == f"{repository.name.name}@{first}"

    before = state(iris, studio, place)
    iris.notebook("print('another line')")
    ran = run(iris, "a merge of code alone builds nothing", "Only code")
    assert set(ran.started) == {"kernel-plan", "nothing to build", "release-candidate", *LINTED}
    assert not ran.failed, ran.output
    assert state(iris, studio, place) == before

    iris.write("marked ==1.0", "fresh")
    ran = run(iris, "a dependency more builds the delta", "Add fresh")
    assert not ran.failed, ran.output
    second = repository.digest("1.0.0-rc.2")
    assert second not in (None, first)
    assert offered(studio, "iris") == 2
    assert "fresh==3.0" in repository.labels(second)["io.jsk.kernel.packages"].split()
    assert layers(iris, "iris", second)[:-1] == layers(iris, "base", "1.0.0-rc.1")
    delta = layers(iris, "iris", second)[-1].partition(":")[2]
    new = set(place.blobs()) - before[0]
    assert len(new) == 3, "the delta, a configuration and a manifest"
    assert delta in new
    assert "+ package fresh 3.0" in ran.output

    versions = dict(studio.state.versions)
    git(iris.clone, "switch", "--quiet", "--create", "release/1.0.0")
    iris.notebook("print('for the release')")
    ran = run(iris, "a release's branch keeps the candidate", "Release 1.0.0")
    assert not ran.failed, ran.output
    assert "1.0.0-rc.2" in ran.output
    assert own(ran) == []
    git(iris.clone, "switch", "--quiet", "main")
    git(iris.clone, "merge", "--quiet", "--no-ff", "-m", "Merge release/1.0.0", "release/1.0.0")
    git(iris.clone, "push", "--quiet", "origin", "main")
    ran = iris.release("1.0.0")
    tell("its tag on main makes the same digest the release", ran)
    assert ran.started == ["release-final"]
    assert not ran.failed, ran.output
    assert repository.digest("1.0.0") == second
    assert studio.state.versions.keys() == versions.keys()

    git(iris.clone, "switch", "--quiet", "develop")
    git(iris.clone, "merge", "--quiet", "-m", "Merge main", "main")
    before = state(iris, studio, place)
    iris.write("marked ==1.0", "fresh", "tornado ==1.0", version="1.1.0")
    ran = run(iris, "an image in which no notebook runs is stopped", "An old tornado")
    assert "iris: smoke" in ran.failed
    assert not {"iris: push", "iris: publish", "iris: attach"} & set(ran.started)
    after = state(iris, studio, place)
    (tag,) = set(after[1]) - set(before[1])
    assert tag.startswith("candidate-")
    assert after[2:] == before[2:]
    assert offered(studio, "iris") == 2

    git(iris.clone, "revert", "--no-edit", "HEAD")
    iris.environment |= {"JSK_CI_DOMAIN": DOMAIN}
    done = by_hand(iris, "rollback", ".", "--no-lease")
    print(f"\n== a rollback by hand returns to the version before\n   {done.splitlines()[0]}")
    assert offered(studio, "iris") == 1
    del iris.environment["JSK_CI_DOMAIN"]

    ran = run(iris, "the next merge of code alone does not take the rollback back", "Back to what works")
    assert not ran.failed, ran.output
    assert "nothing to build" in ran.started
    assert offered(studio, "iris") == 1

    iris.write("marked ==1.0", version="1.1.0")
    ran = run(iris, "a dependency taken back builds nothing, and is delivered", "Without fresh")
    assert not ran.failed, ran.output
    assert own(ran) == DELIVERED[4:]
    assert offered(studio, "iris") == 1
    assert repository.digest("1.1.0-rc.1") == first
    assert len(studio.state.versions) == len(versions)


def test_a_branch_that_is_not_protected_is_checked_and_delivers_nothing(
    iris: Experiment, studio: Studio, place: Place
):
    git(iris.clone, "switch", "--quiet", "--create", "feature/more")
    iris.write("marked ==2.0")
    before = state(iris, studio, place)
    iris.commit("Try another")
    ran = iris.pipeline(protected=False)
    tell("a feature's branch is built and tested", ran)
    assert not ran.failed, ran.output
    assert own(ran) == DELIVERED[:4]
    assert "release-candidate" not in ran.started
    after = state(iris, studio, place)
    (tag,) = set(after[1]) - set(before[1])
    assert tag.startswith("candidate-")
    assert after[2:] == before[2:]


def test_a_tag_that_is_not_on_main_releases_nothing(iris: Experiment, studio: Studio, place: Place):
    before = state(iris, studio, place)
    ran = iris.release("1.1.0")
    tell("a tag beside main", ran)
    assert ran.failed == ["release-final"]
    assert "is not on main: nothing was released" in ran.output
    assert state(iris, studio, place) == before


def test_a_repository_that_was_just_made_is_built_and_delivered(
    base: Project, gitlab: GitLab, place: Place, engine: Docker, tmp_path: Path
):
    """Its lock, its six lines, nothing written by hand."""
    gitlab = GitLab([without_installing(tmp_path / "bin", gitlab.path[0]), *gitlab.path])
    clone = new(tmp_path, gitlab, name="churn", base=f"{place.kernels}/base:1.0.0-rc.1", registry="$REGISTRY")
    known = {**DEVELOP, "REGISTRY": place.kernels}
    told = {"JSK_CI_BUILDER": "docker", "JSK_HOME": str(tmp_path / "home"), "PYTHONPATH": f"{ROOT}:{ROOT}/ci"}
    environment = runner(engine.environment, told)
    ran = gitlab.run(clone, known, **environment)
    tell("a repository that jsk new made", ran)
    assert not ran.failed, ran.output
    steps = [f"churn: {step}" for step in ("build", "smoke", "sbom", "scan", "push")]
    assert {"kernel-plan", *steps, "release-candidate", *LINTED} == set(ran.started)
    made = Repository(Reference.parse(f"{place.kernels}/churn"))
    digest = made.digest("0.1.0-rc.1")
    assert digest is not None
    assert made.labels(digest)["io.jsk.kernel.commit"] == git(clone, "rev-parse", "HEAD")
    ran = gitlab.run(clone, known, **environment)
    assert "nothing to build" in ran.started
    assert made.digest("0.1.0-rc.1") == digest


# Helpers ---------------------------------------------------------------------------------------------


def run(project: Project, what: str, message: str) -> Ran:
    """Push what was changed and run the pipeline."""
    project.commit(message)
    ran = project.pipeline()
    tell(what, ran)
    return ran


def own(ran: Ran) -> list[str]:
    """Return the jobs of the kernel itself; those that run beside each other in one order."""
    return sorted((job for job in ran.started if job in DELIVERED), key=DELIVERED.index)


def tell(what: str, ran: Ran) -> None:
    """Print what happened, for people."""
    print(f"\n== {what} ({ran.seconds:.0f} s)")
    for job in ran.started:
        print(f"   {'-' if job in ran.failed else '+'} {job}")


def state(project: Project, studio: Studio, place: Place) -> tuple[set[str], list[str], list[str], list[str]]:
    """Return all that a pipeline could have changed: blobs, tags, image versions, changes in Studio."""
    versions = [f"{name} {number}" for name, number in studio.state.versions]
    tags = sorted(project.repository("iris").tags())
    return set(place.blobs()), tags, versions, studio.changes()


def layers(project: Project, kernel: str, reference: str) -> list[str]:
    """Return the digests of an image's layers as the registry keeps them."""
    manifest = project.repository(kernel).manifest(reference)
    return [layer["digest"] for layer in manifest.document["layers"]]


def without_installing(folder: Path, programs: Path) -> Path:
    """Return programs that let jobs of notebooks run in the tests' own environment, and leave it as it is.

    What those install, and where from, is seen in test_new_pipeline.py.
    """
    folder.mkdir()
    scripts = {
        "pip": "exit 0",
        "jsk-ci": f'[ "$1" = install ] && exit 0; exec "{programs / "jsk-ci"}" "$@"',
    }
    for name, line in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def by_hand(project: Project, *words: str) -> str:
    """Run a step as a person would."""
    program = project.gitlab.path[0] / "jsk-ci"
    done = subprocess.run(
        [program, *words], cwd=project.clone, env={**os.environ, **project.environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
