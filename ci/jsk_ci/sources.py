"""Folders that a lock refers to by path, such as the kit itself: which files make them, and their digest."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from jsk_ci.errors import LockError

#: Never part of a package, where Git is not there to tell.
_LITTER = {"__pycache__", "build", "dist", "node_modules"}


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
        total.update(f"{mode} {content} {path.as_posix()}\n".encode())
    return total.hexdigest()


def _within(path: Path, name: str) -> bool:
    return path == Path(name) or Path(name) in path.parents


def _listed(folder: Path) -> Iterator[Path]:
    """Yield what Git tracks; where there is no repository, everything but litter."""
    listed = subprocess.run(["git", "-C", folder, "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        yield from (Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name)
        return
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LITTER and not name.startswith(".")]
        yield from (Path(root, name).relative_to(folder) for name in names if not name.endswith(".pyc"))
