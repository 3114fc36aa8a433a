"""Poetry, as a program: where it is, and what it said when it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from jsk_ci.errors import LockError, ProjectError

#: Where the kit's base image has it, and where pipx puts it.
_PLACES = ("/opt/poetry/bin/poetry", "~/.local/bin/poetry")
#: What it says on every run.
_NOISE = re.compile(r"Skipping virtualenv|Updating dependencies|Resolving dependencies|Using version|^\s*$")
_MOST_LINES = 12
_NETWORK = re.compile(
    r"All attempts to connect|ConnectionError|Connection refused|Max retries|Name or service not known"
    r"|Temporary failure in name resolution|unreachable|timed out",
    re.I,
)


def find() -> str:
    """Return where Poetry is: on PATH, beside the running Python, or where the base image has it.

    Raises
    ------
    ProjectError
        If there is none.
    """
    beside = Path(sys.executable).with_name("poetry")
    for place in (shutil.which("poetry"), beside, *(Path(place).expanduser() for place in _PLACES)):
        if place and os.access(place, os.X_OK):
            return str(place)
    raise ProjectError(
        "Poetry, which renews poetry.lock, is not installed.",
        kept="pyproject.toml and poetry.lock as they were.",
        hint="pipx install poetry    # in a terminal",
    )


def run(program: str, folder: Path, arguments: Sequence[str], *, kept: str) -> str:
    """Run Poetry in a folder and return what it printed.

    Raises
    ------
    LockError
        With Poetry's own last words.
    """
    done = subprocess.run(
        [program, *arguments, "--no-interaction", "--no-ansi"],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    words = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if not _NOISE.search(line)]
    told = "\n    ".join(words[-_MOST_LINES:]) or f"it ended with {done.returncode}"
    raise LockError(
        f"poetry {' '.join(arguments)} failed:\n    {told}", kept=kept, hint=_hint("\n".join(words))
    )


def _hint(words: str) -> str:
    if _NETWORK.search(words):
        return "poetry source show    # in a terminal: which package indexes are asked; then try again"
    missing = re.search(r"Could not find a matching version of package (\S+)", words)
    if missing:
        return f"pip index versions {missing[1]}    # is it spelt so, and is there such a version?"
    return "%kernel status"


def _environment() -> dict[str, str]:
    """Return an environment in which Poetry looks at the running Python, and makes no other."""
    found = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    found["POETRY_VIRTUALENVS_CREATE"] = "false"
    found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    found.pop("VIRTUAL_ENV", None)
    if sys.prefix != sys.base_prefix:
        found["VIRTUAL_ENV"] = sys.prefix
    return found
