"""Running a trial again leaves alone what is not its own: other worktrees, folders that hold something."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jsk_saver.errors import RunFailed
from tests.tracking.reproducing import SCRIPT, Project


def test_a_worktree_whose_folder_is_away_just_now_stays_registered(project: Project, tmp_path: Path) -> None:
    project.run("train.py")
    disk, away = tmp_path / "disk", tmp_path / "away"
    project.git("worktree", "add", "-q", "--detach", str(disk))
    (disk / "staged.txt").write_text("work of days")
    project.git("-C", str(disk), "add", "staged.txt")
    shutil.move(disk, away)  # a disk that is not mounted
    assert project.experiment.reproduce(project.trial(k=1)).ok
    assert f"worktree {disk}\n" in project.git("worktree", "list", "--porcelain")
    shutil.move(away, disk)
    assert project.git("-C", str(disk), "status", "--porcelain") == "A  staged.txt"
    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 2


def test_what_is_kept_goes_to_a_folder_of_its_own_inside_one_that_holds_something(
    project: Project, tmp_path: Path
) -> None:
    project.run("train.py")
    full = tmp_path / "full"
    for name, text in (("log.txt", "MY LOG"), ("code/train.py", "MY WORK")):
        (full / name).parent.mkdir(parents=True, exist_ok=True)
        (full / name).write_text(text)
    verdict = project.experiment.reproduce(project.trial(k=1), keep=full)
    assert (full / "log.txt").read_text() == "MY LOG"
    assert (full / "code" / "train.py").read_text() == "MY WORK"
    (own,) = (path for path in full.iterdir() if path.name not in ("log.txt", "code"))
    assert verdict.folder == str(own)
    assert (own / "code" / "train.py").read_text() == (project.root / "train.py").read_text()
    second = project.experiment.reproduce(project.trial(k=1), keep=full)
    assert second.folder not in ("", verdict.folder)
    assert own.is_dir()


def test_what_failed_is_kept_in_a_folder_of_its_own_too(project: Project, tmp_path: Path) -> None:
    changed, full = tmp_path / "changed", tmp_path / "full"
    condition = f"import os\nif os.path.exists({str(changed)!r}):\n    raise SystemExit('broken')\n"
    project.write("train.py", SCRIPT + condition)
    project.commit()
    project.run("train.py")
    changed.touch()
    full.mkdir()
    (full / "log.txt").write_text("MY LOG")
    with pytest.raises(RunFailed):
        project.experiment.reproduce(project.trial(k=1), keep=full)
    assert (full / "log.txt").read_text() == "MY LOG"
    (own,) = (path for path in full.iterdir() if path.name != "log.txt")
    assert "broken" in (own / "log.txt").read_text()
