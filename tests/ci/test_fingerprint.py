"""The fingerprint covers what decides an image, and nothing else; and says what made it differ."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsk_ci import explain, fingerprint, project, revisions
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.explain import Change
from tests.ci import locked

pytestmark = pytest.mark.usefixtures("no_logins")

ROOT = Path(__file__).parents[2]
PARENT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
KERNEL = f"""base = "{locked.PINNED}"
environment = "kernel.env"
dockerfile = "Dockerfile"
"""
DOCKERFILE = "# syntax=docker/dockerfile:1\n# A comment\nFROM x\n\nRUN true  \n"


@pytest.fixture
def folder(tmp_path, index):
    made = locked.write(tmp_path / "churn", index, "tree", kernel=KERNEL)
    (made / "kernel.env").write_text("GREETING=hello\nNAME=world\n")
    (made / "Dockerfile").write_text(DOCKERFILE)
    locked.lock(made)
    return made


def print_of(folder: Path, parent: str = PARENT) -> str:
    return fingerprint.gather(project.read(folder), parent).fingerprint


def replace(file: Path, old: str, new: str, *, regex: bool = False) -> None:
    text = file.read_text()
    changed = re.sub(old, new, text, count=1) if regex else text.replace(old, new, 1)
    assert changed != text
    file.write_text(changed)


# What does not change it ----------------------------------------------------------------------------

HARMLESS = {
    "the project's version": ("pyproject.toml", 'version = "0.1.0"', 'version = "2.0.0"'),
    "its description": ("pyproject.toml", "Who leaves", "Who stays"),
    "a comment in the project": ("pyproject.toml", "[project]", "# hello\n[project]"),
    "other tools": ("pyproject.toml", "[tool.jsk.kernel]", "[tool.ruff]\nline-length = 7\n[tool.jsk.kernel]"),
    "the budget": ("pyproject.toml", "[tool.jsk.kernel]", '[tool.jsk.kernel]\nsize-budget = "1 GB"'),
    "a comment in the lock": ("poetry.lock", "[[package]]", "# hello\n[[package]]"),
    "a comment in the variables": ("kernel.env", "NAME", "# hello\n\nNAME"),
    "quotes around a value": ("kernel.env", "hello", "'hello'"),
    "the order of variables": ("kernel.env", "GREETING=hello\nNAME=world", "NAME=world\nGREETING=hello"),
    "a comment in the Dockerfile": ("Dockerfile", "# A comment", "# Another\n   # and more"),
    "empty lines in the Dockerfile": ("Dockerfile", "FROM x", "\n\nFROM x   "),
    "line ends of Windows": ("Dockerfile", "RUN true  \n", "RUN true\r\n"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_it_stays_with(folder, change):
    before = print_of(folder)
    file, old, new = HARMLESS[change]
    replace(folder / file, old, new)
    assert print_of(folder) == before


@given(seed=st.integers())
def test_it_stays_whatever_the_order_of_packages_and_files(seed, tmp_path_factory, request):
    folder = _shared(tmp_path_factory, request)
    before, text = print_of(folder), (folder / "poetry.lock").read_text()
    head, *packages = text.partition("[metadata]")[0].split("[[package]]")
    tail = "[metadata]" + text.partition("[metadata]")[2]
    chance = random.Random(seed)
    chance.shuffle(packages)
    shuffled = []
    for package in packages:
        start, opened, rest = package.partition("files = [\n")
        files, closed, end = rest.partition("]\n")
        lines = files.splitlines(keepends=True)
        chance.shuffle(lines)
        shuffled.append(start + opened + "".join(lines) + closed + end)
    try:
        (folder / "poetry.lock").write_text(head + "[[package]]" + "[[package]]".join(shuffled) + tail)
        assert print_of(folder) == before
    finally:
        (folder / "poetry.lock").write_text(text)


def test_it_stays_in_another_folder(folder, tmp_path):
    before = print_of(folder)
    folder.rename(tmp_path / "elsewhere")
    assert print_of(tmp_path / "elsewhere") == before


def test_it_stays_with_packages_of_other_platforms_and_groups(folder):
    before = print_of(folder)
    text = (folder / "poetry.lock").read_text()
    block = next(one for one in text.split("[[package]]") if 'name = "only-windows"' in one)
    replace(folder / "poetry.lock", block, block.replace('"1.0"', '"9.0"').replace("sha256:", "sha256:f"))
    assert print_of(folder) == before


# What changes it ------------------------------------------------------------------------------------

DECISIVE = {
    "a package's version": (
        "poetry.lock",
        'name = "leaf"\nversion = "2.0"',
        'name = "leaf"\nversion = "1.0"',
    ),
    "a package's hash": ("poetry.lock", r"(leaf-2.0-py3-none-any.whl\", hash = \"sha256:)....", r"\g<1>0000"),
    "a variable": ("kernel.env", "hello", "good day"),
    "another variable": ("kernel.env", "NAME", "MORE=1\nNAME"),
    "no variable": ("kernel.env", "NAME=world\n", ""),
    "an instruction": ("Dockerfile", "RUN true", "RUN false"),
    "the order of instructions": ("Dockerfile", "FROM x\n\nRUN true", "RUN true\n\nFROM x"),
    "the Dockerfile's syntax": ("Dockerfile", "dockerfile:1", "dockerfile:2"),
    "the kernelspec": ("pyproject.toml", 'name = "churn"\nbase', 'name = "churn"\ndisplay-name = "C"\nbase'),
    "the name": ("pyproject.toml", 'name = "churn"\nbase', 'name = "other"\nbase'),
    "the Python": ("pyproject.toml", "[tool.jsk.kernel]", '[tool.jsk.kernel]\npython = "3.12"'),
}


@pytest.mark.parametrize("change", DECISIVE)
def test_it_changes_with(folder, change):
    before = print_of(folder)
    file, old, new = DECISIVE[change]
    replace(folder / file, old, new, regex="hash" in change)
    assert print_of(folder) != before


def test_it_changes_with_the_parent(folder):
    assert print_of(folder, PARENT) != print_of(folder, OTHER)


def test_it_changes_with_the_recipe(folder, monkeypatch):
    before = print_of(folder)
    (folder / "build-constraints.txt").write_text("# none yet\n")
    assert print_of(folder) == before
    (folder / "build-constraints.txt").write_text("setuptools==80\n")
    changed = print_of(folder)
    assert changed != before
    monkeypatch.setattr(fingerprint, "INSTALLER", "uv==99")
    assert print_of(folder) not in (before, changed)


def test_in_a_dockerfile_with_documents_every_line_counts(folder):
    (folder / "Dockerfile").write_text("FROM x\nRUN <<EOF\n#!/bin/sh\n# echo a\nEOF\n")
    before = print_of(folder)
    replace(folder / "Dockerfile", "#!/bin/sh", "#!/usr/bin/python3")
    assert print_of(folder) != before


def test_a_folder_beside_the_project_counts_by_what_git_tracks(tmp_path, index):
    kit = tmp_path / "kit"
    (kit / "kit").mkdir(parents=True)
    (kit / "pyproject.toml").write_text('[project]\nname = "kit"\nversion = "1.0"\n')
    (kit / "kit" / "__init__.py").write_text("ONE = 1\n")
    folder = locked.write(tmp_path / "churn", index)
    replace(folder / "pyproject.toml", "dependencies = []", 'dependencies = ["kit"]')
    beside = '[tool.poetry.dependencies]\nkit = {path = "../kit"}\n\n[tool.poetry]\n'
    replace(folder / "pyproject.toml", "[tool.poetry]\n", beside)
    locked.lock(folder)
    locked.commit(tmp_path)
    before = print_of(folder)
    (kit / "notes.txt").write_text("not tracked\n")
    (kit / "kit" / "__pycache__").mkdir()
    (kit / "kit" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert print_of(folder) == before
    (kit / "kit" / "__init__.py").write_text("ONE = 2\n")
    changed = print_of(folder)
    assert changed != before
    (kit / "kit" / "__init__.py").chmod(0o755)
    assert print_of(folder) not in (before, changed)
    replace(
        folder / "pyproject.toml",
        "[tool.jsk.kernel]",
        '[tool.jsk.kernel.sources]\nkit = ["kit", "pyproject.toml"]\n\n[tool.jsk.kernel]',
    )
    narrow = print_of(folder)
    (kit / "more.py").write_text("")
    shutil.rmtree(kit / "kit" / "__pycache__")
    locked.git(tmp_path, "add", "--all")
    assert print_of(folder) == narrow


# What no image can be made of -----------------------------------------------------------------------


def test_a_package_without_hashes_is_refused_and_the_hint_works(folder):
    replace(folder / "poetry.lock", r'(name = "leaf"(?:.*\n)*?files = \[)\n[^\]]*\]', r"\g<1>]", regex=True)
    with pytest.raises(LockError, match="no hash for leaf") as caught:
        print_of(folder)
    words = caught.value.hint.partition("#")[0].split()
    assert locked.poetry(folder, *words[1:]).returncode == 0
    assert print_of(folder)


def test_a_weak_hash_is_no_hash(folder):
    replace(
        folder / "poetry.lock",
        'leaf-2.0-py3-none-any.whl", hash = "sha256:',
        'leaf-2.0-py3-none-any.whl", hash = "md5:',
    )
    with pytest.raises(LockError, match="no hash for leaf"):
        print_of(folder)


@pytest.mark.parametrize("kind", ["git", "url"])
def test_what_has_no_hash_to_check_is_refused(folder, kind):
    replace(folder / "poetry.lock", 'type = "legacy"', f'type = "{kind}"')
    with pytest.raises(LockError, match=f"\\({kind}\\), which has no hash"):
        print_of(folder)


@pytest.mark.parametrize("kind", ["legacy", "git"])
def test_a_password_in_an_address_is_refused_and_not_shown(folder, kind):
    """It would be in the image's requirements and in its bill of materials."""
    old = 'type = "legacy"\nurl = "http://'
    replace(folder / "poetry.lock", old, f'type = "{kind}"\nurl = "http://ada:se-cret@')
    with pytest.raises(LockError, match=r"has a password|has no hash") as caught:
        print_of(folder)
    assert "se-cret" not in str(caught.value)


# What changed between commits -----------------------------------------------------------------------


def test_every_kind_of_change_between_two_commits_is_named(folder, index):
    first = locked.commit(folder.parent)
    locked.write(folder, index, "leaf==1.0", "fast", kernel=KERNEL.replace("a" * 64, "b" * 64))
    replace(folder / "pyproject.toml", 'name = "churn"\nbase', 'name = "churn"\ndisplay-name = "Churn"\nbase')
    locked.lock(folder)
    (folder / "kernel.env").write_text("GREETING=good day\nMORE=1\n")
    (folder / "Dockerfile").write_text("FROM x\nRUN false\n")
    second = locked.commit(folder.parent)
    before = _snapshot(folder.parent)
    changes = revisions.compare(folder, first, second)
    assert changes == [
        Change("parent", "parent", "changed", locked.PINNED, locked.PINNED.replace("a" * 64, "b" * 64)),
        Change("package", "fast", "added", "", "1.0"),
        Change("package", "leaf", "downgraded", "2.0", "1.0"),
        Change("package", "only-linux", "removed", "1.0", ""),
        Change("package", "tree", "removed", "1.0", ""),
        Change("variable", "GREETING", "changed", "hello", "good day"),
        Change("variable", "MORE", "added", "", "1"),
        Change("variable", "NAME", "removed", "world", ""),
        Change("kernelspec", "display_name", "changed", "churn", "Churn"),
        Change("dockerfile", "# syntax=docker/dockerfile:1", "removed"),
        Change("dockerfile", "RUN true", "removed"),
        Change("dockerfile", "RUN false", "added"),
    ]
    assert _snapshot(folder.parent) == before
    back = {
        (one.name, one.change) for one in revisions.compare(folder, second, first) if one.part == "package"
    }
    assert ("leaf", "upgraded") in back


def test_other_files_of_the_same_version_are_told(folder):
    first = locked.commit(folder.parent)
    replace(
        folder / "poetry.lock",
        r"(leaf-2.0-py3-none-any.whl\", hash = \"sha256:)....",
        r"\g<1>0000",
        regex=True,
    )
    (change,) = revisions.compare(folder, first)
    assert (change.name, change.change) == ("leaf", "hashes")
    assert change.line() == "~ package leaf 2.0, other files of the same version"


def test_without_a_second_revision_the_work_tree_is_compared(folder):
    locked.commit(folder.parent)
    assert revisions.compare(folder, "HEAD") == []
    replace(folder / "kernel.env", "hello", "good day")
    assert [change.line() for change in revisions.compare(folder, "HEAD")] == [
        "~ variable GREETING hello -> good day"
    ]


def test_a_change_of_a_base_in_the_repository_is_told_through_its_children(folder, index):
    base = locked.write(folder.parent / "base", index, "leaf==1.0", kernel='from = "debian:12"')
    locked.lock(base)
    replace(folder / "pyproject.toml", locked.PINNED, "../base")
    locked.commit(folder.parent)
    locked.write(base, index, "leaf==2.0", kernel='from = "debian:12"')
    locked.lock(base)
    assert [change.line() for change in revisions.compare(folder, "HEAD")] == [
        "~ parent package leaf of ../base 1.0 -> 2.0"
    ]


def test_files_that_releases_leave_out_count_as_in_a_clone(folder):
    (folder / ".gitattributes").write_text("Dockerfile export-ignore\nkernel.env export-subst\n")
    (folder / "kernel.env").write_text("GREETING=$Format:%H$\n")
    locked.commit(folder.parent)
    assert revisions.compare(folder, "HEAD") == []


@pytest.mark.parametrize(
    ("revision", "words"), [("nowhere", "no revision 'nowhere'"), ("--help", "no revision '--help'")]
)
def test_revisions_that_are_not_there_are_told(folder, revision, words):
    locked.commit(folder.parent)
    with pytest.raises(ProjectError, match=words):
        revisions.compare(folder, revision)


def test_a_folder_that_was_not_there_then_is_told(folder):
    other = folder.parent / "other"
    other.mkdir()
    (other / "notes").write_text("hello\n")
    first = locked.commit(other)
    locked.git(other, "mv", "notes", "more")
    folder.rename(other / "churn")
    locked.commit(other)
    with pytest.raises(ProjectError, match=f"At {first} there was no"):
        revisions.compare(other / "churn", first)


def test_outside_a_repository_it_is_told(folder, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    with pytest.raises(ProjectError, match="git rev-parse failed"):
        revisions.compare(folder, "HEAD")


def test_inside_a_hook_the_repository_at_hand_is_meant(folder, monkeypatch):
    locked.commit(folder.parent)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert revisions.compare(folder, "HEAD") == []


# The command ----------------------------------------------------------------------------------------


def test_the_command_prints_the_fingerprint_and_explains_it(folder):
    inputs = fingerprint.gather(project.read(folder), PARENT)
    plain = _command("fingerprint", folder, "--parent-digest", PARENT)
    assert plain == f"{inputs.fingerprint}  {inputs.tag}\n"
    assert inputs.tag == f"fp-{inputs.fingerprint[:24]}"
    explained = _command("fingerprint", folder, "--parent-digest", PARENT, "--explain")
    for name, short in inputs.parts().items():
        assert f"{name:<11} {short}  " in explained
    assert "    leaf 2.0  1 file\n" in explained
    assert "    GREETING=hello\n" in explained
    told = json.loads(_command("fingerprint", folder, "--parent-digest", PARENT, "--explain", "--json"))
    assert told["fingerprint"] == inputs.fingerprint
    assert told["inputs"]["packages"]["leaf"]["version"] == "2.0"


def test_the_parent_of_a_pinned_base_needs_no_registry(folder):
    assert _command("fingerprint", folder).startswith(print_of(folder, "sha256:" + "a" * 64))


def test_the_command_shows_differences(folder):
    first = locked.commit(folder.parent)
    replace(folder / "kernel.env", "hello", "good day")
    locked.commit(folder.parent)
    assert (
        _command("fingerprint", folder, "--diff", f"{first}..HEAD")
        == "~ variable GREETING hello -> good day\n"
    )
    assert _command("fingerprint", folder, "--diff", "HEAD") == "Nothing that decides an image changed.\n"
    told = json.loads(_command("fingerprint", folder, "--diff", first, "--json"))
    assert told["changes"][0]["part"] == "variable"


def test_lines_of_an_explanation_hold_no_more_than_what_is_there():
    assert explain.Change("python", "python", "changed", "3.11", "3.12").line() == "~ python 3.11 -> 3.12"
    assert explain.Change("package", "x", "added", "", "1").line() == "+ package x 1"


# Helpers --------------------------------------------------------------------------------------------


def _shared(factory, request) -> Path:
    """Return a project for all examples of a test."""
    cache = request.session.__dict__.setdefault("_fingerprint_folder", {})
    if "folder" not in cache:
        index = request.getfixturevalue("index")
        folder = locked.write(factory.mktemp("shared") / "churn", index, "tree")
        locked.lock(folder)
        text = (folder / "poetry.lock").read_text()  # a second file each, so that there is an order
        text = re.sub(
            r'(\s+)\{file = "([\w.-]+)-py3',
            r'\1{file = "\2.tar.gz", hash = "sha256:00"},\1{file = "\2-py3',
            text,
        )
        (folder / "poetry.lock").write_text(text)
        cache["folder"] = folder
    return cache["folder"]


def _snapshot(root: Path) -> dict[str, object]:
    status = locked.git(root, "status", "--porcelain=v2", "--branch")
    files = {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if ".git" not in path.parts}
    return {"status": status, "worktrees": locked.git(root, "worktree", "list"), **files}


def _command(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jsk_ci.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
