"""The code as it was: a worktree at the recorded commit, with the recorded changes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jsk_saver.errors import CannotReproduce
from jsk_saver.lineage import changes, git
from jsk_saver.tracking.reproduce.pieces import Found
from jsk_saver.tracking.reproduce.record import Wanted
from jsk_saver.tracking.reproduce.workspace import Workspace

#: No hook of the user's runs because a worktree is made.
_GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program is, and what it starts in."""

    program: Path
    folder: Path
    paths: tuple[Path, ...]
    told: str


def lay_out(workspace: Workspace, wanted: Wanted, found: Found) -> Place:
    """Make the worktree and put the program where it was in it.

    Raises
    ------
    CannotReproduce
        If git refuses the commit or the changes.
    """
    if found.root:
        _worktree(workspace, wanted, found.root)
        for item in found.left_out:
            target = _below(workspace, Path(item["path"]))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(wanted.recipe["root"], item["path"]), target)
        _apply(workspace, wanted)
    else:
        workspace.code.mkdir()
    return _place(workspace, wanted)


def _place(workspace: Workspace, wanted: Wanted) -> Place:
    recipe = wanted.recipe
    said = Path(recipe["program"])
    inside = not said.is_absolute()
    program = _below(workspace, said) if inside else workspace.folder / "program" / said.name
    kept = wanted.read("kept")
    if kept is not None:
        program.parent.mkdir(parents=True, exist_ok=True)
        # Written only if it is another: Git's view of an unchanged file stays as quick as it was.
        if not program.exists() or program.read_bytes() != kept:
            program.write_bytes(kept)
    folder = Path(recipe.get("folder", "."))
    folder = program.parent if folder.is_absolute() else _below(workspace, folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(_below(workspace, Path(path)) for path in recipe.get("paths", ()))
    commit = wanted.code.get("commit", "")
    told = f"{said} at {commit[:12]}" if commit else str(said)
    if commit and wanted.code.get("dirty"):
        told += " with its uncommitted changes"
    return Place(program, program.parent if program.suffix == ".ipynb" else folder, paths, told)


def _below(workspace: Workspace, path: Path) -> Path:
    """Return a recorded path in the worktree; the record may be somebody else's, who may have written any.

    Raises
    ------
    CannotReproduce
        If it climbs out.
    """
    place = workspace.code / path
    if not place.resolve().is_relative_to(workspace.code.resolve()):
        raise CannotReproduce(
            f"The record names {str(path)!r}, which lies outside of its repository.",
            kept="Everything; nothing has run.",
            hint="Do not run it: look at where the record comes from, with jsk trials show.",
        )
    return place


def _worktree(workspace: Workspace, wanted: Wanted, root: str) -> None:
    workspace.note_repository(root)
    commit = wanted.code["commit"]
    _run(root, "worktree", "add", "--force", "--detach", str(workspace.code), commit)


def _apply(workspace: Workspace, wanted: Wanted) -> None:
    data = wanted.read("changes")
    if data is None:
        return
    _, diff = changes.split(data)
    digests = set()
    if diff.strip():
        _run(workspace.code, "apply", "--index", "--binary", "--whitespace=nowarn", "-", stdin=diff)
        digests.add(changes.digest(workspace.code) if wanted.state.pulled else "")
        _run(workspace.code, "reset", "--quiet", "--mixed")  # what was untracked is so again
    if wanted.state.pulled:  # from a place that others write to
        _check_changes(wanted, digests | {changes.digest(workspace.code)})


def _check_changes(wanted: Wanted, digests: set[str]) -> None:
    """Make sure that the changes are those that the record names, new files all staged or none of them."""
    if wanted.code.get("dirty") not in digests - {git.UNKNOWN}:
        raise CannotReproduce(
            f"The uncommitted changes that came with {wanted.address} may not be those of its record.",
            kept="Everything; nothing has run.",
            hint=f"git apply --stat {wanted.kept('changes')}    # what they would change",
        )


def _run(folder: str | Path, *arguments: str, stdin: bytes = b"") -> None:
    # In a session of its own: Ctrl-C is for us, who then clean up.
    done = subprocess.run(
        [*_GIT, *arguments], cwd=folder, input=stdin, capture_output=True, check=False, start_new_session=True
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise CannotReproduce(
            f"git {arguments[0]} failed: {said}", kept="The record, as it is; nothing has run."
        )
