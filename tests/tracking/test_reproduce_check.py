"""What a run lacks is named before it starts, and said while the trial is tracked, not months later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jsk_saver.tracking import beside, reproduce
from tests.notebook.running import Runner
from tests.tracking.reproducing import Project

SCRIPT = """
import json
import myhelper
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
experiment = Experiment("demo", saver=Saver())
for k in (1, 2):
    with experiment.trial(k=k) as trial:
        trial.log_metric("score", myhelper.factor * k)
"""
ALONE = SCRIPT.replace("import myhelper\n", "").replace("myhelper.factor", "3")
MISSING = "myhelper.py, which train.py imports, was not kept: no commit was recorded."


@pytest.fixture
def bare(project: Project) -> Project:
    """The project, without Git."""
    shutil.rmtree(project.root / ".git")
    project.write("train.py", SCRIPT)
    project.write("myhelper.py", "factor = 3\n")
    return project


def run(project: Project, *arguments: str) -> str:
    """Run a program, and return what it says on standard error."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_module_beside_a_script_that_git_does_not_hold_is_missing(
    bare: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(bare, "train.py")
    assert said.count("This trial cannot be run again: it imports myhelper.py, which no Git repository") == 1
    assert "Next: git init && git add -A && git commit -m 'As it runs'" in said
    name = bare.trial(k=1)
    done = bare.jsk("reproduce", f"demo/{name}", "--check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, f"missing: {MISSING}")
    place = f"export PYTHONPATH={bare.root}"
    assert f"Next: {place} " in done.stdout
    source = bare.environment()["PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", f"{bare.root}{os.pathsep}{source}")
    assert reproduce.missing(bare.experiment, name) == []
    assert bare.experiment.reproduce(name).ok


def test_a_repository_without_a_commit_is_said_to_be_so(bare: Project) -> None:
    bare.git("init", "-q")
    said = run(bare, "train.py")
    assert "it imports myhelper.py, and its repository has no commit yet. Next: git add -A && git com" in said
    assert [piece.what for piece in reproduce.missing(bare.experiment, bare.trial(k=1))] == [MISSING]


@pytest.mark.parametrize("repository", [False, True])
def test_a_script_that_imports_nothing_beside_it_needs_no_commit(bare: Project, repository: bool) -> None:
    bare.write("train.py", ALONE)
    if repository:
        bare.git("init", "-q")
    assert "cannot be run again" not in run(bare, "train.py")
    name = bare.trial(k=2)
    done = bare.jsk("reproduce", f"demo/{name}", "--check")
    assert (done.returncode, done.stdout) == (0, "Nothing is missing.\n")
    assert "only the program itself is run, without files beside it" in done.stderr
    assert bare.experiment.reproduce(name).ok


def test_what_a_commit_holds_is_not_missing_and_nothing_is_said(project: Project) -> None:
    assert "cannot be run again" not in run(project, "train.py")
    assert reproduce.missing(project.experiment, project.trial(k=1)) == []


def test_nothing_is_said_at_a_prompt_where_there_is_no_file_to_lose(project: Project) -> None:
    assert "cannot be run again" not in run(project, "-c", ALONE)


def test_a_notebook_that_is_not_known_is_said_to_be_lost_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JSK_NOTEBOOK", raising=False)
    monkeypatch.setenv("JSK_HOME", str(tmp_path / "home"))
    trial = "from jsk_saver import Experiment\nwith Experiment('demo').trial(): pass"
    client = Runner(tmp_path, trial, trial)
    client.execute()
    said = [output.get("text", "") for outputs in client.outputs for output in outputs]
    assert [text.count("cannot be run again: which notebook this is, is not known") for text in said] == [1]


def test_older_records_are_looked_through_for_what_lies_beside_the_script(bare: Project) -> None:
    run(bare, "train.py")
    name = bare.trial(k=1)
    for path in (bare.experiment.folder / name).glob("*.events"):
        path.write_bytes(path.read_bytes().replace(b'"beside"', b'"unsaid"'))
    assert [piece.what for piece in reproduce.missing(bare.experiment, name)] == [MISSING]


def test_modules_are_found_in_cells_functions_packages_and_folders_but_not_where_installed(
    tmp_path: Path,
) -> None:
    for place in ("one.py", "two/__init__.py", "three/part.py", "four.py", "numpy/notes.txt", "unused.py"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("")
    book = nbformat.v4.new_notebook()
    for text in (
        "%matplotlib inline\nimport one, json",
        "def later():\n    from two.inner import x\n    import numpy as np",
        "import three.part\nfrom . import four\n!ls",
        "this is no Python",
    ):
        book.cells.append(nbformat.v4.new_code_cell(text))
    path = tmp_path / "book.ipynb"
    nbformat.write(book, path)
    found = beside.modules(str(path), path.read_bytes())
    assert found == ["four.py", "one.py", "three/", "two/__init__.py"]


def test_reproductions_are_marked_and_not_counted_unless_asked_for(project: Project) -> None:
    project.run("train.py")
    experiment = project.experiment
    assert "reproduces" not in experiment.compare()
    name = project.trial(k=2)
    verdict = experiment.reproduce(name)
    new = verdict.new.partition("/")[2]
    assert experiment.compare()["reproduces"].dropna().to_dict() == {new: f"demo/{name}"}
    with experiment.trial(k=2) as better:  # it tells which of the two are looked at
        better.link("link", values={"reproduces": f"demo/{name}"})
        better.log_metric("score", 10**6)
    assert experiment.best("score", "max").name == name
    assert experiment.best("score", "max", reproductions=True).name == better.name
    assert experiment.best("score", "max", f"trial:{new}").name == new
    for asked, count in ((False, 2), (True, 4)):
        figure = experiment.plot("score", x="k", kind="points", interactive=True, reproductions=asked)
        assert sum(len(trace.text or ()) for trace in figure.data) == count
