"""Folders that a lock refers to by path, such as the kit itself: which files make them, and their digest."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsk_ci.errors import LockError, ProjectError

#: Never part of a package, where Git is not there to tell.
_LITTER = {"__pycache__", "build", "dist", "node_modules"}
#: What Git says of a repository that another user owns.
_NOT_TRUSTED = re.compile(r"dubious ownership in repository at '(.*)'")


def files(folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """Return the files of a folder, relative to it, sorted.

    Parameters
    ----------
    folder
        Where the package's ``pyproject.toml`` is.
    only
        Files and folders that count, relative to ``folder``; all if empty.

    Raises
    ------
    LockError
        If the folder, or something that counts, is not there.
    """
    if not folder.is_dir():
        raise LockError(f"The lock refers to the folder {folder}, which is not there.")
    found = sorted(path for path in _listed(folder) if (folder / path).is_file())
    for name in only:
        if not any(_within(path, name) for path in found):
            raise LockError(f"{folder / name} counts as a source, but there is nothing that Git tracks.")
    return [path for path in found if not only or any(_within(path, name) for name in only)]


def digest(folder: Path, only: Sequence[str] = ()) -> str:
    """Return the SHA-256 (hexadecimal) of the names, executable bits and contents of :func:`files`."""
    total = hashlib.sha256()
    for path in files(folder, only):
        file = folder / path
        mode = "x" if os.access(file, os.X_OK) else "-"
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(os.fsencode(f"{mode} {content} {path.as_posix()}\n"))
    return total.hexdigest()


def forgotten(folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """Return files that would count if Git tracked them, relative to the folder; not what it ignores."""
    if not _tracked(folder):
        return []
    paths = sorted(_git_lists(folder, "--others", "--exclude-standard"))
    return [path for path in paths if not only or any(_within(path, name) for name in only)]


def readmes(folder: Path) -> list[Path]:
    """Return the files that a package's ``pyproject.toml`` names as its description, relative to the folder.

    A build back end asks for them, and nothing that runs does.
    """
    try:
        told = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # the back end says it better
    named = [_table(told, "project").get("readme"), _table(told, "tool", "poetry").get("readme")]
    flat = [name for entry in named for name in (entry if isinstance(entry, list) else [entry])]
    names = [name.get("file") if isinstance(name, dict) else name for name in flat]
    return [Path(name) for name in names if isinstance(name, str) and _is_inside(name)]


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _table(told: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = told.get(name)
        told = found if isinstance(found, dict) else {}
    return told


def _within(path: Path, name: str) -> bool:
    return path == Path(name) or Path(name) in path.parents


def _listed(folder: Path) -> Iterator[Path]:
    """Yield what Git tracks; where there is no repository, everything but litter."""
    tracked = _tracked(folder)
    if tracked:
        yield from tracked
        return
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LITTER and not name.startswith(".")]
        yield from (Path(root, name).relative_to(folder) for name in names if not name.endswith(".pyc"))


def _tracked(folder: Path) -> list[Path]:
    return _git_lists(folder)


def check_trust(said: str) -> None:
    """Raise an error if Git said that it tells nothing about a repository, because of whose it is.

    Raises
    ------
    ProjectError
        With the command that makes it tell.
    """
    if place := _NOT_TRUSTED.search(said):
        raise ProjectError(
            f"Git tells nothing about {place[1]}, because another user owns it.",
            kept="Nothing was built or pushed.",
            hint=f"git config --global --add safe.directory {shlex.quote(place[1])}",
        )


def _git_lists(folder: Path, *which: str) -> list[Path]:
    """Return what ``git ls-files`` names; nothing outside a repository, or without Git.

    Raises
    ------
    ProjectError
        If Git does not trust the folder's owner: taken for "no repository", files that are not tracked would
        count, and the same commit would have another fingerprint here.
    """
    asked = ["git", "-C", str(folder), "ls-files", "-z", *which]
    # Inside a hook, Git's own variables name another folder's repository.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "CONFIG" in name
    }
    try:
        listed = subprocess.run(asked, capture_output=True, check=False, env={**kept, "LC_ALL": "C"})
    except FileNotFoundError:
        return []
    check_trust(listed.stderr.decode(errors="replace"))
    names = listed.stdout.split(b"\0") if listed.returncode == 0 else []
    return [Path(os.fsdecode(name)) for name in names if name]
