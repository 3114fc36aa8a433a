"""The commit that a changed environment asks for: prepared, never made."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jsk_ci.editing.staging import FILES

_NAMES = tuple(reversed(FILES))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is left to do for a commit.

    Parameters
    ----------
    line
        The command, as it is typed into a cell; empty if there is nothing to commit to.
    notes
        What somebody should know before.
    """

    line: str
    notes: tuple[str, ...] = ()


def changed(folder: Path) -> bool:
    """Tell whether one of the two files differs from the last commit, before anything is done."""
    return bool(_git(folder, "status", "--porcelain", "--", *_NAMES).stdout.strip())


def prepare(folder: Path, message: str, *, dirty: bool) -> Prepared:
    """Stage the two files and return the command that commits them, and them alone.

    Parameters
    ----------
    folder
        The project's.
    message
        Of the commit.
    dirty
        Whether the files had changes of their own before.
    """
    if shutil.which("git") is None:
        return Prepared("", ("Git is not installed here: commit pyproject.toml and poetry.lock elsewhere.",))
    if _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip() != "true":
        return Prepared("", (f"{folder} is in no Git repository, so there is nothing to commit to.",))
    added = _git(folder, "add", "--", *_NAMES)
    notes = []
    if added.returncode:
        notes.append(f"git add failed: {(added.stderr.strip().splitlines() or ['no answer'])[-1]}")
    if dirty:
        notes.append("pyproject.toml or poetry.lock had changes before; the commit takes them along.")
    here = Path.cwd().resolve() == folder.resolve()
    place = [] if here else ["-C", os.path.relpath(folder)]
    # With "--" and the names, what else is staged stays staged, and out of this commit.
    line = shlex.join(["git", *place, "commit", "-m", message, "--", *_NAMES])
    return Prepared(f"!{line}", tuple(notes))


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:  # there is no Git
        return subprocess.CompletedProcess(command, 127, "", str(error))
