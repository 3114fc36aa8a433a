"""A folder beside the project is known by the files that Git tracks in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jsk_ci import build, revisions, sources
from jsk_ci.errors import LockError, ProjectError
from tests.ci import locked


@pytest.fixture
def kit(tmp_path):
    for name in ("kit/__init__.py", "kit/data.txt", "tests/test_kit.py", "pyproject.toml", ".hidden/x"):
        (tmp_path / "kit" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kit" / name).write_text(name)
    return tmp_path / "kit"


def test_what_git_does_not_track_does_not_count(kit):
    locked.commit(kit.parent)
    before = sources.digest(kit)
    (kit / "notes").write_text("x")
    assert sources.digest(kit) == before
    locked.git(kit, "add", "notes")
    assert sources.digest(kit) != before


def test_what_git_does_not_track_is_told(kit):
    (kit / ".gitignore").write_text("*.log\n")
    locked.commit(kit.parent)
    assert sources.forgotten(kit) == []
    for name in ("kit/new.py", "notes", "kit/run.log"):
        (kit / name).write_text("x")
    assert sources.forgotten(kit) == [Path("kit/new.py"), Path("notes")]
    assert sources.forgotten(kit, ["kit"]) == [Path("kit/new.py")]


def test_without_git_nothing_is_forgotten(kit):
    (kit / "notes").write_text("x")
    assert sources.forgotten(kit) == []


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ('[project]\nreadme = "README.md"', ["README.md"]),
        (
            '[project]\nreadme = { file = "docs/README.rst", content-type = "text/x-rst" }',
            ["docs/README.rst"],
        ),
        ('[project]\nreadme = { text = "a kit" }', []),
        ('[tool.poetry]\nreadme = ["README.md", "CHANGES.md"]', ["README.md", "CHANGES.md"]),
        ('[project]\nreadme = "../README.md"', []),
        ("[project]\nname = 'kit'", []),
        ("project = 1", []),
        ("[[[", []),
    ],
)
def test_a_projects_description_is_found(tmp_path, text, files):
    (tmp_path / "pyproject.toml").write_text(text)
    assert sources.readmes(tmp_path) == [Path(name) for name in files]


def test_without_git_litter_does_not_count(kit):
    before = sources.digest(kit)
    for name in ("__pycache__/x.pyc", "kit/x.pyc", ".venv/y", "build/z", "dist/z"):
        (kit / name).parent.mkdir(parents=True, exist_ok=True)
        (kit / name).write_text("x")
    assert sources.digest(kit) == before
    assert Path(".hidden/x") not in sources.files(kit)


@pytest.mark.parametrize("change", ["content", "name", "mode", "gone"])
def test_it_changes_with(kit, change):
    locked.commit(kit.parent)
    before, file = sources.digest(kit), kit / "kit" / "data.txt"
    if change == "content":
        file.write_text("other")
    elif change == "name":
        locked.git(kit, "mv", "kit/data.txt", "kit/other.txt")
    elif change == "mode":
        file.chmod(0o755)
    else:
        file.unlink()
    assert sources.digest(kit) != before


def test_only_what_counts_counts(kit):
    before = sources.digest(kit, ["kit", "pyproject.toml"])
    (kit / "tests" / "test_kit.py").write_text("other")
    assert sources.digest(kit, ["kit", "pyproject.toml"]) == before
    (kit / "kit" / "data.txt").write_text("other")
    assert sources.digest(kit, ["kit", "pyproject.toml"]) != before
    assert sources.files(kit, ["tests"]) == [Path("tests/test_kit.py")]


def test_what_is_not_there_is_told(kit):
    with pytest.raises(LockError, match="counts as a source, but there is nothing"):
        sources.digest(kit, ["kti"])
    with pytest.raises(LockError, match="which is not there"):
        sources.digest(kit / "none")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_another_user_is_not_taken_for_none(kit, monkeypatch):
    """As a job sees it whose runner cloned as another user: every file would count."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    locked.commit(kit.parent)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(kit.parent.parent / "gitconfig"))
    before = sources.digest(kit)
    (kit / "notes").write_text("x")
    for path in [kit.parent, *kit.parent.rglob("*")]:
        os.chown(path, 1000, 100)
    for ask in (sources.digest, sources.forgotten, build.commit, revisions.ancestors):
        with pytest.raises(ProjectError, match="another user owns it") as caught:
            ask(kit)
    assert os.system(caught.value.hint) == 0
    assert sources.digest(kit) == before
    assert build.commit(kit)


def test_files_have_whatever_names_the_file_system_takes(kit):
    before = sources.digest(kit)
    Path(os.fsdecode(os.fsencode(kit) + b"/caf\xe9")).write_text("x")
    assert sources.digest(kit) != before


def test_a_hook_sees_what_everybody_sees(kit, monkeypatch):
    locked.commit(kit.parent)
    before = sources.digest(kit)
    (kit / "notes").write_text("x")
    monkeypatch.setenv("GIT_DIR", ".git")
    assert sources.digest(kit) == before
