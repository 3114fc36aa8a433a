"""What one step hands to the next: variables in a dotenv file, which GitLab gives to the jobs that follow."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from jsk_ci.errors import ProjectError

PREFIX = "JSK_CI_"
#: GitLab takes no dotenv artifact with line breaks or unquoted odd characters in a value.
_VALUE = re.compile(r"[^\r\n]*")


def write(file: Path, values: Mapping[str, str]) -> None:
    """Add variables to a dotenv file, each as ``JSK_CI_<NAME>``; a name that is there is replaced.

    Raises
    ------
    ProjectError
        For a value of more than one line.
    """
    for name, value in values.items():
        if not _VALUE.fullmatch(value):
            raise ProjectError(f"{PREFIX}{name} has more than one line, which no dotenv file can hold.")
    known = read(file) if file.exists() else {}
    told = {**known, **{PREFIX + name: value for name, value in values.items()}}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{name}={value}\n" for name, value in told.items()), encoding="utf-8")


def read(file: Path) -> dict[str, str]:
    """Return the variables of a dotenv file that :func:`write` wrote."""
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def value(name: str, what: str, hint: str) -> str:
    """Return a variable that an earlier step handed on.

    Raises
    ------
    ProjectError
        Saying that ``what`` is not known, and how to give it.
    """
    found = os.environ.get(PREFIX + name, "")
    if not found:
        raise ProjectError(f"{what} is not known: {PREFIX}{name} is not set.", hint=hint)
    return found
