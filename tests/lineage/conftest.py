"""Real repositories, and lineage that starts from nothing in every test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver.lineage import environment, git, kernel, notebook, reads, repository

GIT = shutil.which("git") or "git"
FOREIGN = ("JSK_", "JPY_", "JUPYTER", "SAGEMAKER_", "CI_", "GIT_")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, tmp_path):
    """Forget what this process knows, and take away what its own environment says."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Ana\n\temail = ana@example.org\n")
    source = str(Path(jsk_saver.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])))
    git._looks.clear()
    repository._found.clear()
    environment._folders.clear()
    monkeypatch.setattr(environment, "_known", (-1000.0, (), "", ""))
    monkeypatch.setattr(notebook, "_searched", (-1000.0, None))
    monkeypatch.setattr(kernel, "STUDIO_METADATA", str(tmp_path / "no-studio.json"))
    forget = kernel.describe.cache_clear
    forget()
    reads.clear()
    yield
    forget()
    reads.clear()


@pytest.fixture
def always_look(monkeypatch):
    """Let no look at the working tree stand for the next question."""
    monkeypatch.setattr(git, "RECHECK", -1.0)
    monkeypatch.setattr(git, "_RECHECK_FACTOR", 0)


class Repo:
    """A working tree that tests change and commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str) -> str:
        done = subprocess.run([GIT, *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, name: str = "model.py", text: str = "depth = 3\n") -> str:
        self.write(name, text)
        self.git("add", name)
        self.git("commit", "-q", "-m", f"change {name}")
        return self.git("rev-parse", "HEAD")

    def state(self) -> dict[str, str]:
        found = repository.find(str(self.root))
        assert found is not None
        return git.describe(found)


@pytest.fixture
def make_repo(tmp_path):
    """Return a function that starts a repository in a folder of the test's own."""

    def make(name: str, branch: str = "main") -> Repo:
        made = Repo(tmp_path / name)
        made.git("init", "-q", "-b", branch)
        return made

    return make


@pytest.fixture
def repo(make_repo) -> Repo:
    return make_repo("experiment")
