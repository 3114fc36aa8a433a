"""The project's own settings: ``[tool.jsk]`` in ``pyproject.toml``, or a ``jsk.toml`` beside the code."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_saver.errors import SettingsError

PYPROJECT, OWN = "pyproject.toml", "jsk.toml"
#: Tables that are no settings: [tool.jsk.kernel] says what image is made (docs/kernels.md), and
#: [tool.jsk.platform] what Terraform told of the experiment (docs/costs.md).
TABLES = {"kernel", "platform"}


@dataclass(frozen=True, slots=True)
class Project:
    """What one file says to the kit.

    Parameters
    ----------
    file
        Which.
    table
        What is in it for the kit.
    """

    file: Path
    table: dict[str, Any]

    @property
    def origin(self) -> str:
        """How people find it."""
        return f"{self.file} [tool.jsk]" if self.file.name == PYPROJECT else str(self.file)

    @property
    def settings(self) -> dict[str, Any] | None:
        """Return the settings of a saver; None in a file that is about something else."""
        if self.table and set(self.table) <= TABLES:
            return None
        return {name.replace("-", "_"): value for name, value in self.table.items() if name not in TABLES}


def nearest(start: Path | None) -> Iterator[Project]:
    """Yield what files say, from a folder upwards; in one folder, ``pyproject.toml`` comes first.

    Raises
    ------
    SettingsError
        If one of them is not valid TOML.
    """
    for folder in (start, *start.parents) if start is not None else ():
        for name in (PYPROJECT, OWN):
            table = read(folder / name)
            if table is not None:
                yield Project(folder / name, table)


def read(file: Path) -> dict[str, Any] | None:
    """Return what a file says to the kit; None if there is none, or it says nothing.

    Raises
    ------
    SettingsError
        If it is not valid TOML, or is the kit's own and cannot be read: without what it says, versions would
        be saved somewhere else.
    """
    import tomllib

    own = file.name == OWN
    text = _text(file, own)
    if text is None or (not own and ("tool" not in text or "jsk" not in text)):
        return None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{file} is not valid TOML: {error}.", hint="Mend it, or set JSK_STORE in the environment."
        ) from error
    tool = content.get("tool", {})
    table = content if own else tool.get("jsk") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _text(file: Path, own: bool) -> str | None:
    """Return what is in a file; None if there is none, or it is about something else."""
    try:
        data = file.read_bytes()
    except OSError as error:
        if own and file.is_file():
            raise _unreadable(file, error.strerror or str(error)) from error
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if own:
            raise _unreadable(file, "it is not in UTF-8") from error
        return None


def _unreadable(file: Path, why: str) -> SettingsError:
    return SettingsError(
        f"{file} has settings of the kit and cannot be read: {why}.",
        hint=f"Make it readable, as UTF-8, or move it away: {shlex.quote(str(file))}",
    )
