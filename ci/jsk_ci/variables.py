"""The file of environment variables that an image sets: ``NAME=value`` a line, ``#`` comments."""

from __future__ import annotations

import re
from pathlib import Path

from jsk_ci.errors import ProjectError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: No Dockerfile holds them; a tab is fine.
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
#: The platform's own variables override an image's, so that setting them would only seem to work.
_PLATFORM = re.compile(r"AWS_|SAGEMAKER_")
#: Written by the build itself.
_OURS = re.compile(r"JSK_KERNEL_")


def read(file: Path) -> dict[str, str]:
    """Return the variables of a file, sorted by name.

    Values are taken as they stand, but for one pair of quotes around them: nothing is expanded, so that
    the same file means the same in a container, a shell and a test.

    Raises
    ------
    ProjectError
        Naming the line, for one that is not understood, a name twice, or a name that is not for images.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"The environment file {file} cannot be read: {error}.") from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, value = _pair(line, f"{file}, line {number}")
            if name in found:
                raise ProjectError(f"{file}, line {number}: {name} is set twice.")
            found[name] = value
    return dict(sorted(found.items()))


def _pair(line: str, where: str) -> tuple[str, str]:
    name, equals, value = line.strip().partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise ProjectError(f"{where}: {line.strip()!r} is not NAME=value.")
    if _PLATFORM.match(name):
        raise ProjectError(
            f"{where}: {name} would be overridden: SageMaker sets its own {name.split('_')[0]}_* variables.",
            hint="Choose another name, or set it in the notebook.",
        )
    if _OURS.match(name):
        raise ProjectError(f"{where}: JSK_KERNEL_* variables are written by the build.")
    if _CONTROL.search(value):
        raise ProjectError(f"{where}: the value of {name} has a control character: {value!r}.")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return name, value
