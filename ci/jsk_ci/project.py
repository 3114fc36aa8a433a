"""A kernel's folder: what ``[tool.jsk.kernel]`` in its ``pyproject.toml`` asks for.

A *base* says ``from``: the container image it is made of. An *experiment* says ``base``: the base image it
adds its delta to, or the folder of one in the same repository.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsk_ci import variables
from jsk_ci.errors import ProjectError

#: As SageMaker takes it for images, without what a kernelspec or a repository could not be called.
_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_PYTHON = re.compile(r"3\.\d+(?:\.\d+)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)")
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
#: What Studio's users wait for, and what ECR asks money for, is the compressed image; this is installed size.
DEFAULT_BUDGET = "6 GB"
#: Stands for the base of a new repository where nobody has said which there is.
PLACEHOLDER = "registry.example.org/kernels/base:1"

_KINDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "display-name": str,
    "from": str,
    "base": str,
    "python": str,
    "groups": list,
    "extras": list,
    "environment": str,
    "size-budget": str,
    "dockerfile": str,
    "sources": dict,
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """What one kernel image is to be.

    Parameters
    ----------
    folder
        Where ``pyproject.toml`` and ``poetry.lock`` are.
    name
        Of the kernelspec, the repository and the image in SageMaker: lower-case letters, digits, hyphens.
    display_name
        What Studio's launcher shows.
    parent
        The image it starts from, or a folder of this repository with the base.
    is_base
        Whether ``parent`` is a plain container image rather than a kernel image.
    python
        Version, ``3.11`` or ``3.11.2``.
    groups, extras
        Dependency groups and extras of the lock that go into the image.
    variables
        Environment variables of the image, sorted by name.
    budget
        Most bytes that the image may take on disk.
    dockerfile
        The project's own, if it has one; otherwise the kit's is used.
    sources
        For a path dependency, the files and folders that make it, relative to its folder; all that Git
        tracks there if it is not named.
    content
        All of ``pyproject.toml``.
    """

    folder: Path
    name: str
    display_name: str
    parent: str
    is_base: bool
    python: str = "3.11"
    groups: tuple[str, ...] = ("main",)
    extras: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    budget: int = 6 * 10**9
    dockerfile: Path | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lock_file(self) -> Path:
        """The project's ``poetry.lock``."""
        return self.folder / "poetry.lock"

    @property
    def parent_folder(self) -> Path | None:
        """The folder of the base, if it is one of the same repository."""
        if self.is_base or not self.parent.startswith("."):
            return None
        return (self.folder / self.parent).resolve()


def read(folder: Path) -> Kernel:
    """Return what the kernel in ``folder`` asks for.

    Raises
    ------
    ProjectError
        If there is none, or naming the setting that does not fit.
    """
    file = folder / "pyproject.toml"
    content = _content(file)
    told: Any = content
    for name in ("tool", "jsk", "kernel"):
        told = told.get(name) if isinstance(told, dict) else None
    if not isinstance(told, dict):
        raise ProjectError(
            f"{file} has no table [tool.jsk.kernel], so no image is made of it.",
            hint='Add [tool.jsk.kernel] with name = "…" and base = "…", or start with: jsk new NAME',
        )
    _check(told, file)
    try:
        kernel = _kernel(folder, told, content)
        _check_base(kernel)
        return kernel
    except ProjectError as error:
        if str(folder) in error.what:
            raise
        raise ProjectError(f"{file}: {error.what}", hint=error.hint) from error


def _check_base(kernel: Kernel) -> None:
    """Raise an error if a kernel starts from itself, by whatever detour: whoever looks would never end."""
    on_the_way = {kernel.folder.resolve()}
    place = kernel.parent_folder
    while place is not None and (place / "pyproject.toml").is_file():
        if place in on_the_way:
            raise ProjectError(
                f"{kernel.folder} starts from itself.", hint="Correct base in [tool.jsk.kernel]."
            )
        on_the_way.add(place)
        told: Any = _content(place / "pyproject.toml")
        for name in ("tool", "jsk", "kernel", "base"):
            told = told.get(name) if isinstance(told, dict) else None
        place = (place / told).resolve() if isinstance(told, str) and told.startswith(".") else None


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ProjectError(
            f"There is no {file}.", hint="Give the folder of a kernel: jsk-ci fingerprint kernels/base"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{file} is not valid TOML: {error}.") from error


def _check(told: Mapping[str, Any], file: Path) -> None:
    for key, value in told.items():
        if key not in _KINDS:
            raise ProjectError(
                f"{file} [tool.jsk.kernel]: there is no setting {key!r}.",
                hint="Settings are: " + ", ".join(_KINDS) + ".",
            )
        kind = _KINDS[key]
        if not isinstance(value, kind):
            raise ProjectError(f"{file} [tool.jsk.kernel]: {key} = {value!r} does not fit.")
    if ("from" in told) == ("base" in told):
        raise ProjectError(
            f"{file} [tool.jsk.kernel] must say one of base and from.",
            hint='base = "…" for an experiment, from = "…" (a container image) for a base.',
        )


def _kernel(folder: Path, told: Mapping[str, Any], content: Mapping[str, Any]) -> Kernel:
    name = told.get("name", "")
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"{folder / 'pyproject.toml'} [tool.jsk.kernel]: name = {name!r} does not fit.",
            hint="Lower-case letters, digits and single hyphens, at most 63: SageMaker takes no others.",
        )
    for source in told.get("sources", {}):
        _names(told["sources"], source, ())
    environment, dockerfile = told.get("environment"), told.get("dockerfile")
    return Kernel(
        folder=folder,
        name=name,
        display_name=_display_name(told.get("display-name", name)),
        parent=told.get("base", told.get("from", "")),
        is_base="from" in told,
        python=_python(told.get("python", "3.11")),
        groups=_names(told, "groups", ("main",)),
        extras=_names(told, "extras", ()),
        variables=variables.read(folder / environment) if environment else {},
        budget=size(told.get("size-budget", DEFAULT_BUDGET)),
        dockerfile=folder / dockerfile if dockerfile else None,
        sources={key: tuple(value) for key, value in told.get("sources", {}).items()},
        content=content,
    )


def _display_name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ProjectError(f"[tool.jsk.kernel]: display-name = {text!r} cannot be shown.")
    return text


def _python(text: str) -> str:
    if not _PYTHON.fullmatch(text):
        raise ProjectError(f"[tool.jsk.kernel]: python = {text!r} is no version.", hint='python = "3.11"')
    return text


def _names(told: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    values = told.get(key, default)
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise ProjectError(f"[tool.jsk.kernel]: {key} = {values!r} must be a list of names.")
    return tuple(values)


def size(text: str) -> int:
    """Return the bytes that a text like ``2.5 GB`` means.

    Examples
    --------
    >>> size("2.5 GB")
    2500000000

    Raises
    ------
    ProjectError
        For anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ProjectError(f"{text!r} is no size.", hint="Write it like 6 GB or 800 MB.")
    return int(float(match[1]) * _UNITS[match[2]])
