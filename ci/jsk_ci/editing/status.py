"""``%kernel status``: what the kernel image lacks, compared with the lock."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsk_ci import delta, targets
from jsk_ci.editing import environment, staging
from jsk_ci.editing.projects import Project
from jsk_ci.lockfile import Package
from jsk_saver.display import Column, html_fields, html_table, text_fields, text_table
from jsk_saver.human import Code

_HINTS = {
    "out of date": "poetry lock    # in a terminal: the lock is older than pyproject.toml",
    "missing": "%kernel add NAME    # makes poetry.lock",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One package that is not as the lock says.

    Parameters
    ----------
    name
        Normalised.
    locked, image, here
        Versions in the lock, in the image and in the running kernel; empty where it is not.
    what
        ``missing``, ``older`` or ``newer``, of the image (of this kernel outside one).
    """

    name: str
    locked: str
    image: str
    here: str
    what: str


@dataclass(frozen=True, slots=True)
class Status:
    """How the running kernel, its image and the lock compare.

    Parameters
    ----------
    folder
        The project's.
    kernel
        Name of its kernel; empty if no image is made of it.
    lock
        ``fresh``, ``out of date`` or ``missing``.
    image
        Reference of the image that this kernel runs in; empty outside one.
    fingerprint
        Of that image.
    in_image
        Whether the image's own list of packages was compared; otherwise what is installed.
    locked
        How many packages the lock has for this kernel.
    differences
        Those that differ.
    extra
        How many are there that the lock does not have.
    """

    folder: str
    kernel: str
    lock: str
    image: str
    fingerprint: str
    in_image: bool
    locked: int
    differences: tuple[Difference, ...]
    extra: int

    @property
    def _place(self) -> str:
        return "the image" if self.in_image else "this kernel"

    @property
    def _fields(self) -> list[tuple[str, Any]]:
        image = self.image or ("yes, without a name" if self.in_image else "none: an ordinary environment")
        lock = {"fresh": f"fits pyproject.toml, {self.locked} packages"}.get(self.lock, self.lock)
        fields = [("project", self.folder), ("kernel", self.kernel or "none: no [tool.jsk.kernel]")]
        fields += [("lock", lock), ("image", image)]
        fields += [("fingerprint", self.fingerprint[:24])] if self.fingerprint else []
        return fields

    @property
    def _summary(self) -> str:
        if self.lock == "missing":
            return "There is no lock to compare with."
        number = len(self.differences)
        if not number:
            return f"{self._place.capitalize()} has all that the lock has."
        are = "s are" if number > 1 else " is"
        return f"{number} locked package{are} not in {self._place} as locked"

    @property
    def _notes(self) -> list[str]:
        notes: list[str] = []
        if self.extra:
            notes.append(f"Not in the lock: {self.extra} more in {self._place}, which stay.")
        if any(found.here != found.locked for found in self.differences):
            notes.append(Code("Next: %kernel install    # into this kernel"))
        if self.in_image and self.differences:
            notes.append("The next image has them: commit and merge pyproject.toml and poetry.lock.")
        if self.lock in _HINTS:
            notes.append(Code(f"Next: {_HINTS[self.lock]}"))
        return notes

    def _table(self) -> tuple[list[Column], list[list[str]]]:
        columns = [Column("package", narrowest=20), Column("lock")]
        columns += [Column("image")] if self.in_image else []
        columns += [
            Column("this kernel"),
            Column("what", title=f"in {self._place}", narrowest=10),
        ]
        rows = [
            [found.name, found.locked, *([found.image or "-"] if self.in_image else []), found.here or "-",
             found.what]
            for found in self.differences
        ]  # fmt: skip
        return columns, rows

    def __repr__(self) -> str:
        parts = [text_fields(self._fields, title="Kernel"), "", self._summary]
        if self.differences:
            parts.append(text_table(*self._table()))
        return "\n".join([*parts, *self._notes])

    def _repr_html_(self) -> str:
        columns, rows = self._table() if self.differences else ([], [])
        table = html_table(columns, rows, caption=self._summary, notes=self._notes)
        return html_fields(self._fields, caption="Kernel") + table

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**asdict(self), "differences": [asdict(found) for found in self.differences]}


def status(project: Project) -> Status:
    """Return how the running kernel, its image and the lock of a project compare.

    Raises
    ------
    LockError
        If the lock cannot be read.
    """
    staging.tidy(project.folder)
    has, listed = environment.installed(), _listed()
    wanted = _wanted(project, in_image=listed is not None)
    compared = has if listed is None else listed
    found = delta.between(compared, wanted)
    kinds = dict.fromkeys(found.upgraded, "older") | dict.fromkeys(found.downgraded, "newer")
    differences = tuple(
        Difference(
            name, package.version, compared.get(name, ""), has.get(name, ""), kinds.get(name, "missing")
        )
        for name, package in found.packages.items()
        if compared.get(name) != package.version  # a folder beside the project, of which no more is known
    )
    return Status(
        folder=str(project.folder),
        kernel=project.name,
        lock=project.lock_state(),
        image=os.environ.get("JSK_KERNEL_IMAGE", ""),
        fingerprint=os.environ.get("JSK_KERNEL_FINGERPRINT", ""),
        in_image=listed is not None,
        locked=len(wanted),
        differences=differences,
        extra=len(found.kept),
    )


def _wanted(project: Project, *, in_image: bool) -> Mapping[str, Package]:
    lock = project.lock()
    kernel = project.content.get("tool", {}).get("jsk", {}).get("kernel", {})
    if lock is None or not in_image:
        return project.chosen(lock)
    return lock.choose(project.groups, project.extras, targets.markers(kernel.get("python", "3.11")))


def _listed() -> dict[str, str] | None:
    """Return what the image that this kernel runs in says it has; None outside one."""
    file = os.environ.get("JSK_KERNEL_PACKAGES", "")
    try:
        return delta.installed(Path(file).read_text(encoding="utf-8").splitlines()) if file else None
    except OSError:
        return None
