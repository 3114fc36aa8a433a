"""What ``jsk configure`` writes, and where."""

from __future__ import annotations

import errno
import os
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from jsk_saver import project_file
from jsk_saver.configuring import platform, toml_lines
from jsk_saver.errors import SettingsError
from jsk_saver.project_file import OWN, PYPROJECT
from jsk_saver.settings import PREFIX, Settings
from jsk_saver.settings import load as load_settings

#: Not for a platform to say: where the kit's own files are on somebody's machine.
_NOT_TOLD = {"home", "origins"}
_SETTINGS = tuple(item.name for item in fields(Settings) if item.name not in _NOT_TOLD)
#: What is taken away where the platform says nothing of it: another bucket's key would lock this one out.
_TOGETHER = ("sse", "kms_key")

#: What may be a name in a shell and in TOML; whatever else an output has is not for the kit.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: The end of a text in C, and halves of characters.
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")

_KEPT = "Nothing was written."
_HINT = "Mend it in Terraform, terraform apply, then: terraform output -json | jsk configure"

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Told:
    """What an experiment is reached by.

    Parameters
    ----------
    settings
        Of a saver.
    platform
        Everything else that was told.
    """

    settings: dict[str, Value]
    platform: dict[str, Value]

    @classmethod
    def of(cls, experiment: Mapping[str, Any]) -> Told:
        """Return what Terraform told, checked as settings are.

        Raises
        ------
        SettingsError
            If a value does not fit.
        """
        plain = {
            name: item
            for name, item in experiment.items()
            if isinstance(item, Value) and item != "" and _NAME.fullmatch(name)
        }
        settings = {name: plain[name] for name in _SETTINGS if name in plain}
        _check(plain, settings)
        return cls(settings, {name: item for name, item in plain.items() if name not in settings})

    def variables(self) -> dict[str, str]:
        """Return the same as environment variables."""
        named = {PREFIX + name.upper(): item for name, item in self.settings.items()}
        named |= {platform.PREFIX + name.upper(): item for name, item in self.platform.items()}
        return {
            name: str(item).lower() if isinstance(item, bool) else str(item) for name, item in named.items()
        }

    def exports(self) -> list[str]:
        """Return the lines that a shell takes."""
        return [f"export {name}={shlex.quote(text)}" for name, text in self.variables().items()]


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is to be different.

    Parameters
    ----------
    name
        Of a setting, or ``platform.…``.
    before, after
        None where there is none.
    """

    name: str
    before: Any
    after: Any

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written.

    Parameters
    ----------
    file
        Where.
    text
        All of it, as it will be.
    changes
        What is different then.
    """

    file: Path
    text: str
    changes: list[Change]


def plan(folder: Path, told: Told) -> Plan:
    """Return what is to be written into a folder: ``pyproject.toml`` if it has one, ``jsk.toml`` otherwise.

    A ``jsk.toml`` that is there already stays the place, unless ``pyproject.toml`` has settings of its own,
    which would win.

    Raises
    ------
    SettingsError
        If the file cannot be read, or not be changed without touching what is not the kit's.
    """
    file = _place(folder)
    before = project_file.read(file) or {}
    drop = [name for name in _TOGETHER if name not in told.settings]
    known = before.get(platform.TABLE)
    known = known if isinstance(known, dict) else {}
    gone = [name for name in known if name not in told.platform]
    root = ("tool", "jsk") if file.name == PYPROJECT else ()
    try:
        text = toml_lines.changed(_text(file), root, told.settings, drop)
        text = toml_lines.changed(text, (*root, platform.TABLE), told.platform, gone)
    except toml_lines.Unknown as error:
        raise _by_hand(file, root, told, str(error)) from error
    had = {name.replace("-", "_"): item for name, item in before.items()}
    changes = _changes("", had, told.settings, drop)
    return Plan(file, text, changes + _changes("platform.", known, told.platform, gone))


def write(planned: Plan) -> None:
    """Write what was planned, in one go.

    Raises
    ------
    SettingsError
        If the file may not be written.
    """
    file = planned.file.resolve()  # through a link, not in its place
    try:
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask()
        if not mode & 0o222:  # a new file in its place would be written all the same
            raise PermissionError(errno.EACCES, "it is read-only")
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
                out.write(planned.text)
            Path(name).chmod(mode)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError(
            f"{planned.file} could not be written: {error.strerror or error}.",
            kept="It is as it was.",
            hint="jsk configure --env    # prints environment variables instead",
        ) from error


def _check(plain: Mapping[str, Value], settings: Mapping[str, Value]) -> None:
    """Raise an error for what no saver takes, or no file and no variable can hold."""
    for name, item in plain.items():
        if not _can_be_written(item):
            raise SettingsError(
                f"The output 'jsk' tells {name} as {item!r}, which no file and no variable can hold.",
                kept=_KEPT,
                hint=_HINT,
            )
    try:
        load_settings(Path("/"), **settings)
    except SettingsError as error:
        what = error.what.replace("(in: argument)", "(in: output 'jsk' of Terraform)")
        raise SettingsError(what, kept=_KEPT, hint=error.hint or _HINT) from error


def _can_be_written(item: Value) -> bool:
    if isinstance(item, float):
        return isfinite(item)
    return not isinstance(item, str) or not _UNWRITABLE.search(item)


def _place(folder: Path) -> Path:
    pyproject, own = folder / PYPROJECT, folder / OWN
    if not pyproject.exists():
        return own
    told = project_file.read(pyproject)
    has_settings = told is not None and bool(set(told) - project_file.TABLES)
    return own if own.exists() and not has_settings else pyproject


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return lines.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file} cannot be read: {error}.",
            kept="It is as it was.",
            hint="jsk configure --env    # prints environment variables instead",
        ) from error


def _changes(
    start: str, before: Mapping[str, Any], after: Mapping[str, Value], gone: list[str]
) -> list[Change]:
    found = [
        Change(start + name, before.get(name), item)
        for name, item in after.items()
        if before.get(name) != item
    ]
    return found + [Change(start + name, before[name], None) for name in gone if name in before]


def _by_hand(file: Path, root: tuple[str, ...], told: Told, why: str) -> SettingsError:
    lines = [f"{name} = {toml_lines.value(item)}" for name, item in told.settings.items()]
    table = [f"[{'.'.join((*root, platform.TABLE))}]"]
    table += [f"{name} = {toml_lines.value(item)}" for name, item in told.platform.items()]
    wanted = [*([f"[{'.'.join(root)}]"] if root else []), *lines, *table]
    return SettingsError(
        f"{file} is written in a way that cannot be changed line by line: {why}.",
        kept="It is as it was.",
        hint="Write there yourself:\n    " + "\n    ".join(wanted),
    )


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
