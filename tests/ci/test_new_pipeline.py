"""The pipeline of a repository that ``jsk new`` has just made: it works, or says at once what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jsk_ci.skeleton import making
from jsk_ci.skeleton.wishes import Wish
from tests.ci.locked import git
from tests.ci.package_index import PackageIndex
from tests.ci.pipelines import KIT, VERSION, programs
from tests.servers.gitlab import GitLab, Ran
from tests.servers.s3 import ServerUnavailable

ROOT = Path(__file__).parents[2]
BASE = f"registry.example.org/kernels/base@sha256:{'a' * 64}"
DEVELOP = {"CI_COMMIT_BRANCH": "develop", "CI_COMMIT_REF_PROTECTED": "true"}


@pytest.fixture(autouse=True)
def index_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let packages come from where the machine's do, not from the index of other tests."""
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)


def new(folder: Path, gitlab: GitLab, name: str = "iris", **wishes: str) -> Path:
    """Make a repository as ``jsk new`` does, push it, and return the clone."""
    clone = folder / name
    components = f"{GitLab.HOST}/{KIT}"
    wish = Wish(name, clone, components=components, components_version=VERSION, offline=True, **wishes)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        making.make(wish, print)
    git(folder, "init", "--quiet", "--bare", str(folder / f"{name}.git"))
    git(clone, "remote", "add", "origin", str(folder / f"{name}.git"))
    git(clone, "push", "--quiet", "--set-upstream", "origin", *making.BRANCHES)
    gitlab.adopt(clone, f"squad/{name}")
    gitlab.publish(clone, KIT, VERSION, sorted((ROOT / "ci" / "templates").glob("*.yml")))
    return clone


def runner(*path: Path) -> GitLab:
    """Return what runs pipelines, with these folders of programs alone before the machine's."""
    try:
        return GitLab(path)
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


def test_without_a_base_the_first_job_says_at_once_that_it_is_a_placeholder(tmp_path: Path):
    gitlab = runner(*programs(tmp_path / "bin"))
    clone = new(tmp_path, gitlab)
    ran = gitlab.run(clone, {**DEVELOP, "CI_REGISTRY_IMAGE": "127.0.0.1:9/squad/iris"}, "kernel-plan")
    assert ran.failed == ["kernel-plan"]
    assert "iris has no base image yet" in ran.output
    assert '/pyproject.toml: base = "HOST/kernels/base:VERSION"' in ran.output
    assert "did not answer" not in ran.output


def test_where_the_kit_is_nowhere_jobs_say_where_it_is_looked_for(tmp_path: Path):
    """A runner with no package index, and an image without the kit."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text("#!/bin/sh\necho 'No matching distribution found' >&2\nexit 1\n")
    (tmp_path / "bin" / "pip").chmod(0o755)
    gitlab = runner(tmp_path / "bin")
    clone = new(tmp_path, gitlab, base=BASE)
    path = os.pathsep.join([str(tmp_path / "bin"), "/usr/bin", "/bin"])
    for job in ("kernel-plan", "notebooks-test"):
        ran = gitlab.run(clone, DEVELOP, job, PATH=path)
        assert ran.failed == [job]
        assert "docs/gitlab.md, Before the first pipeline" in ran.output
    assert "Before the first pipeline" in (ROOT / "docs" / "gitlab.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_notebook_is_linted_and_runs_with_the_lock_and_the_kit_from_an_index(tmp_path: Path):
    """On a runner with nothing but Python, whose packages come from where pip takes them."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "runner")], check=True)
    (tmp_path / "wheel").mkdir()
    build = "import sys; from poetry.core.masonry.api import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path / "wheel")], cwd=ROOT, check=True)
    with PackageIndex(tmp_path / "index") as index:
        index.take(next((tmp_path / "wheel").glob("*.whl")))
        gitlab = runner(tmp_path / "runner" / "bin")
        clone = new(tmp_path, gitlab, base=BASE)
        ran = _checked(gitlab, clone, tmp_path, index.url)
    assert sorted(ran.started) == ["notebooks-lint", "notebooks-test"]
    assert not ran.failed, ran.output
    python = tmp_path / "runner" / "bin" / "python"
    told = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout.split()
    lock = (clone / "poetry.lock").read_text()
    (pandas,) = (line for line in told if line.startswith("pandas=="))
    assert f'name = "pandas"\nversion = "{pandas.partition("==")[2]}"' in lock


def _checked(gitlab: GitLab, clone: Path, top: Path, index: str) -> Ran:
    """Run the jobs that check notebooks, in an environment of the runner's own."""
    path = os.pathsep.join([str(top / "runner" / "bin"), "/usr/bin", "/bin"])
    return gitlab.run(
        clone, DEVELOP, "notebooks-lint", "notebooks-test",
        PATH=path, HOME=str(top), JSK_HOME=str(top / ".jsk"), PYTHONPATH="", PIP_EXTRA_INDEX_URL=index,
    )  # fmt: skip
