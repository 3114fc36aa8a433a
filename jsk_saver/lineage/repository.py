"""Git's own small files: where a repository is, what its head is, and when any of it changed.

Reading them takes microseconds, needs no git, and works where git refuses a repository that somebody
else owns (reading runs nothing).
"""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH113, PTH116, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import time
from dataclasses import dataclass

#: Seconds for which "this folder is (not) in a repository" stands.
RECHECK = 5.0
_HEADS = "refs/heads/"
_found: dict[str, tuple[float, Repository | None]] = {}


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree and the folders Git keeps for it.

    Parameters
    ----------
    root
        The working tree.
    git_dir
        Where its head and index are: ``.git``, or elsewhere for linked worktrees and submodules.
    common_dir
        Where its branches and settings are, shared between linked worktrees.
    """

    root: str
    git_dir: str
    common_dir: str

    def watched(self) -> tuple[str, ...]:
        """Return the files of which one changes whenever head, branch, index or settings change."""
        return (
            f"{self.git_dir}/HEAD",
            f"{self.git_dir}/index",
            f"{self.common_dir}/{_read(f'{self.git_dir}/HEAD').removeprefix('ref: ')}",
            f"{self.common_dir}/packed-refs",
            f"{self.common_dir}/config",
            f"{self.common_dir}/reftable/tables.list",
        )


def find(folder: str) -> Repository | None:
    """Return the repository that ``folder`` (absolute) lies in, or None."""
    now = time.monotonic()
    known = _found.get(folder)
    if known is None or now - known[0] >= RECHECK:
        known = _found[folder] = (now, _climb(folder))
    return known[1]


def head(repo: Repository) -> dict[str, str]:
    """Return ``commit`` and ``branch``: the latter alone before the first commit, the former if detached."""
    content = _read(f"{repo.git_dir}/HEAD")
    if not content.startswith("ref: "):
        return {"commit": content} if _is_commit(content) else {}
    reference = content[5:]
    if not reference.startswith(_HEADS) or reference == "refs/heads/.invalid":
        return {}  # the reftable format keeps its head elsewhere; git will say
    state = {"branch": reference[len(_HEADS) :]}
    commit = _read(f"{repo.common_dir}/{reference}") or _packed(repo, reference)
    if _is_commit(commit):
        state["commit"] = commit
    return state


def stamp(path: str) -> object:
    """Return what changes when the file at ``path`` does; None where there is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _climb(folder: str) -> Repository | None:
    root = os.path.realpath(folder)
    while True:
        git_dir = _git_dir(root)
        if git_dir:
            common = _read(f"{git_dir}/commondir")
            common_dir = os.path.normpath(os.path.join(git_dir, common)) if common else git_dir
            return Repository(root, git_dir, common_dir)
        parent = os.path.dirname(root)
        if parent == root:
            return None
        root = parent


def _git_dir(root: str) -> str | None:
    place = f"{root}/.git"
    if os.path.isfile(place):  # a linked worktree or a submodule: a file that says where
        content = _read(place)
        place = os.path.normpath(os.path.join(root, content[8:])) if content.startswith("gitdir: ") else ""
    return place if place and os.path.lexists(f"{place}/HEAD") else None


def _packed(repo: Repository, reference: str) -> str:
    ending = f" {reference}\n"
    try:
        with open(f"{repo.common_dir}/packed-refs", encoding="utf-8", errors="replace") as lines:
            return next((line.partition(" ")[0] for line in lines if line.endswith(ending)), "")
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip()
    except (OSError, ValueError):
        return ""


def _is_commit(text: str) -> bool:
    return len(text) in (40, 64) and all(character in "0123456789abcdef" for character in text)
