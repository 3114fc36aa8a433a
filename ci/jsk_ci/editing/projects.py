"""The project that a notebook belongs to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_ci import lockfile
from jsk_ci import project as kernels
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.lockfile import Lock, Package


@dataclass(frozen=True, slots=True)
class Project:
    """A ``pyproject.toml`` with dependencies.

    Parameters
    ----------
    folder
        Where it is.
    content
        All of it.
    name
        Of its kernel; empty without ``[tool.jsk.kernel]``.
    groups, extras
        Of the lock, that a kernel gets.
    """

    folder: Path
    content: Mapping[str, Any]
    name: str = ""
    groups: tuple[str, ...] = ("main",)
    extras: tuple[str, ...] = ()

    @property
    def direct(self) -> list[str]:
        """Normalised names of the packages that it asks for itself, sorted."""
        from packaging.requirements import InvalidRequirement, Requirement

        names = list(self.content.get("tool", {}).get("poetry", {}).get("dependencies", {}))
        for line in self.content.get("project", {}).get("dependencies", []):
            try:
                names.append(Requirement(line).name)
            except InvalidRequirement:
                continue
        return sorted({lockfile.normalise(name) for name in names} - {"python"})

    def lock(self) -> Lock | None:
        """Return its lock; None if there is none yet."""
        file = self.folder / "poetry.lock"
        return lockfile.read(file) if file.exists() else None

    def chosen(self, lock: Lock | None, *more: str) -> dict[str, Package]:
        """Return what this machine's kernel gets of a lock, with packages of ``more`` groups."""
        from packaging.markers import default_environment

        if lock is None:
            return {}
        target = {name: str(value) for name, value in default_environment().items()}
        return lock.choose({*self.groups, *more}, self.extras, target)

    def lock_state(self) -> str:
        """Return ``fresh``, ``out of date`` or ``missing``."""
        lock = self.lock()
        if lock is None:
            return "missing"
        try:
            lockfile.check_fresh(lock, self.content, "")
        except LockError:
            return "out of date"
        return "fresh"


def find(start: Path) -> Project:
    """Return the project that ``start`` lies in: the nearest ``pyproject.toml`` that is about packages.

    Raises
    ------
    ProjectError
        If there is none, or it cannot be used.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and (found := _read(file)) is not None:
            return found
    raise ProjectError(
        f"{start} is in no project: there is no pyproject.toml with dependencies in it or above it.",
        hint="jsk new NAME    # in a terminal: a new experiment's repository",
    )


def _read(file: Path) -> Project | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.") from error
    tools = content.get("tool", {})
    if "kernel" in tools.get("jsk", {}):
        kernel = kernels.read(file.parent)
        return Project(file.parent, content, kernel.name, kernel.groups, kernel.extras)
    # A pyproject.toml may hold no more than the settings of a linter.
    return Project(file.parent, content) if "project" in content or "poetry" in tools else None
