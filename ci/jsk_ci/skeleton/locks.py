"""The first ``poetry.lock`` of a new repository: the part of the base's lock that it asks for.

So it has the base's versions, its image adds nothing to the base at first, and no network is needed. Each
package's block is taken as Poetry wrote it. Only the head's hash is computed anew, as Poetry would. It is
the same for every new repository, because Poetry's hash does not cover a project's name, and so it is kept
in ``jsk_ci/new``. After a change of the base's lock, in a checkout::

    python -m jsk_ci.skeleton.locks
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsk_ci import lockfile, resources
from jsk_ci.errors import LockError
from jsk_ci.lockfile import normalise

_NEW = Path(__file__).resolve().parents[1] / "new"
_BLOCK = re.compile(r"^\[\[package\]\]\n.*?(?=^\[\[package\]\]|^\[(?:extras|metadata)\]|\Z)", re.M | re.S)
_METADATA = """\
[metadata]
lock-version = "{version}"
python-versions = "{python}"
content-hash = "{digest}"
"""


def renewed() -> str:
    """Return what ``jsk_ci/new/poetry.lock.in`` is to be, with the base of this checkout."""
    base = resources.folder("kernels") / "base" / "poetry.lock"
    project = tomllib.loads((_NEW / "pyproject.toml.in").read_text(encoding="utf-8"))
    return derive(base.read_text(encoding="utf-8"), project)


def derive(base: str, project: Mapping[str, Any]) -> str:
    """Return the lock of a project that asks for some of what the base has.

    Parameters
    ----------
    base
        Text of the base's lock.
    project
        Content of the new ``pyproject.toml``.

    Raises
    ------
    LockError
        If the base does not have something.
    """
    head, _, _ = base.partition("\n")
    blocks = {normalise(_read(block)["name"]): block for block in _BLOCK.findall(base)}
    asked = [_name(line) for line in project["project"]["dependencies"]]
    wanted = _closure(blocks, asked)
    conditions = _conditions([_read(blocks[name]) for name in wanted])
    parts = [
        _conditioned(blocks[name], "" if name in asked else conditions.get(name, ""))
        for name in sorted(wanted)
    ]
    metadata = _METADATA.format(
        version=tomllib.loads(base)["metadata"]["lock-version"],
        python=project["project"]["requires-python"],
        digest=lockfile.content_hash(project, with_groups=True),
    )
    return "\n".join([head, "", *parts, metadata])


def _closure(blocks: Mapping[str, str], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in blocks:
            raise LockError(f"The base's lock does not have {name}.", kept="Nothing was made.")
        found.add(name)
        waiting += [needed for needed in _needed(_read(blocks[name])) if needed in blocks]
    return found


def _conditions(packages: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the marker of each package that all of these need only on some platforms.

    In the base, something else may need it everywhere. Markers about Python are left out: the lock is for
    one version of it.
    """
    found: dict[str, set[str]] = {}
    for package in packages:
        for name, told in package.get("dependencies", {}).items():
            for choice in told if isinstance(told, list) else [told]:
                marker = choice.get("markers", "") if isinstance(choice, dict) else ""
                if not (isinstance(choice, dict) and choice.get("optional")):
                    found.setdefault(normalise(name), set()).add("" if "python" in marker else marker)
    return {name: " or ".join(sorted(markers)) for name, markers in found.items() if "" not in markers}


def _conditioned(block: str, marker: str) -> str:
    """Return a package's block with a marker, where it has none."""
    if marker and "markers" not in _read(block):
        line = f"markers = {json.dumps(marker)}\n"
        block = re.sub(r"^groups = .*\n", lambda groups: groups[0] + line, block, count=1, flags=re.M)
    return f"{block.rstrip()}\n"


def _needed(package: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a package always needs; what only its extras need is marked as optional."""
    for name, told in package.get("dependencies", {}).items():
        choices = told if isinstance(told, list) else [told]
        if any(not isinstance(choice, dict) or not choice.get("optional") for choice in choices):
            yield normalise(name)


def _read(block: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(block)["package"][0]
    return found


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    return normalise(match[0]) if match else ""


if __name__ == "__main__":
    (_NEW / "poetry.lock.in").write_text(renewed(), encoding="utf-8")
