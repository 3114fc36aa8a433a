"""``poetry.lock``: which packages an image gets, and whether the lock still says what the project asks for.

Read here rather than by Poetry, because a plan must take no more than a moment, also on a runner that has
no Poetry, and because the choice of packages is part of the fingerprint and must not change with Poetry's
version. What is read is the format that Poetry 1.5 to 2.x writes (``lock-version`` 2.x); the tests compare
the choice and the staleness with Poetry's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_ci.errors import LockError

_RENEW = "poetry lock    # then commit poetry.lock"
#: What Poetry's hash of a project covers (poetry.packages.locker.Locker, 2.0 to 2.5).
_PROJECT_KEYS = ("requires-python", "dependencies", "optional-dependencies")
_LEGACY_KEYS = ("dependencies", "source", "extras", "dev-dependencies")


@dataclass(frozen=True, slots=True)
class Package:
    """One locked package.

    Parameters
    ----------
    name
        Normalised, as the index spells it.
    version
        As locked.
    hashes
        ``sha256:…`` of every file the lock admits, sorted; empty for folders and Git.
    source
        Where it comes from if not from the default index: ``{"type": "directory", "url": "../kit"}``.
    markers
        When it is installed: a PEP 508 marker for each of the groups it is in.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    source: Mapping[str, str]
    markers: Mapping[str, str]

    @property
    def is_path(self) -> bool:
        """Whether it is a folder or file beside the project rather than something published."""
        return self.source.get("type") in ("directory", "file")


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole lock.

    Parameters
    ----------
    packages
        In the lock's order.
    content_hash
        What Poetry made of the project when it wrote the lock.
    text
        The file's content.
    """

    packages: tuple[Package, ...]
    content_hash: str
    text: str

    def choose(
        self, groups: Collection[str], extras: Collection[str], target: Mapping[str, str]
    ) -> dict[str, Package]:
        """Return the packages for these groups and extras on a target, by name, sorted.

        Parameters
        ----------
        groups
            ``{"main"}`` and names of dependency groups.
        extras
            Names of the project's extras.
        target
            The variables of PEP 508 markers, see :mod:`jsk_ci.targets`.

        Raises
        ------
        LockError
            If two versions of one package would be installed.
        """
        chosen: dict[str, Package] = {}
        for package in self.packages:
            if any(
                _holds(marker, extras, target) for group, marker in package.markers.items() if group in groups
            ):
                if package.name in chosen:
                    raise LockError(
                        f"The lock admits two versions of {package.name} on this platform: "
                        f"{chosen[package.name].version} and {package.version}.",
                        hint=_RENEW,
                    )
                chosen[package.name] = package
        return dict(sorted(chosen.items()))


def normalise(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503).

    Examples
    --------
    >>> normalise("Jinja_2")
    'jinja-2'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read(file: Path) -> Lock:
    """Return the lock in ``file``.

    Raises
    ------
    LockError
        If it is missing, not Poetry's, or of a format that is not known.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LockError(f"There is no lock {file}.", hint=_RENEW) from error
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"The lock {file} cannot be read: {error}.") from error
    return parse(text, str(file))


def parse(text: str, where: str) -> Lock:
    """Return the lock that ``text`` holds; ``where`` names it in errors."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        conflict = " It holds the marks of a merge conflict." if "<<<<<<<" in text else ""
        raise LockError(f"{where} is not valid TOML: {error}.{conflict}", hint=_RENEW) from error
    metadata = content.get("metadata", {})
    version = str(metadata.get("lock-version", ""))
    if not version.startswith("2."):
        raise LockError(
            f"{where} has the lock format {version or 'of another tool'}; known is 2.x.",
            hint="poetry lock    # with Poetry 2",
        )
    packages = tuple(_package(item, where) for item in content.get("package", []))
    return Lock(packages, str(metadata.get("content-hash", "")), text)


def _package(item: Mapping[str, Any], where: str) -> Package:
    try:
        name, version = normalise(item["name"]), item["version"]
        hashes = tuple(sorted(file["hash"] for file in item.get("files", ())))
    except (KeyError, TypeError, AttributeError) as error:
        raise LockError(f"{where} has a package without {error}.", hint=_RENEW) from error
    groups = item.get("groups") or (["main"] if not item.get("optional") else [])
    markers = item.get("markers", "")
    if isinstance(markers, str):
        markers = dict.fromkeys(groups, markers)
    source = {key: str(value) for key, value in item.get("source", {}).items()}
    return Package(name, version, hashes, source, {group: markers.get(group, "") for group in groups})


def _holds(marker: str, extras: Collection[str], target: Mapping[str, str]) -> bool:
    """Tell whether a marker holds; without extras one that asks for them is asked once with none."""
    if not marker:
        return True
    from packaging.markers import InvalidMarker, Marker

    try:
        parsed = Marker(marker)
    except InvalidMarker as error:
        raise LockError(f"The lock holds a marker that cannot be read: {marker!r}.", hint=_RENEW) from error
    return any(parsed.evaluate({**target, "extra": extra}) for extra in (extras or ("",)))


def check_fresh(lock: Lock, project: Mapping[str, Any], where: str) -> None:
    """Raise an error if the project asks for something else than when the lock was written.

    Parameters
    ----------
    lock
        The lock.
    project
        The content of ``pyproject.toml``.
    where
        Names the project in the error.

    Raises
    ------
    LockError
        With the command that renews the lock.
    """
    with_groups = content_hash(project, with_groups=True)
    if lock.content_hash in (with_groups, content_hash(project, with_groups=False)):
        return
    raise LockError(
        f"poetry.lock is out of date: {where} asks for something else than when it was written.",
        kept="Nothing was built or pushed.",
        hint=_RENEW,
    )


def content_hash(project: Mapping[str, Any], *, with_groups: bool) -> str:
    """Return Poetry's hash of what a project asks for.

    The algorithm is ``poetry.packages.locker.Locker._get_content_hash`` of Poetry 2.x; releases before 2.2
    left dependency groups out.
    """
    told, legacy = project.get("project", {}), project.get("tool", {}).get("poetry", {})
    relevant = {key: told[key] for key in _PROJECT_KEYS if told.get(key) is not None}
    groups = project.get("dependency-groups", {}) if with_groups else {}
    modern = bool(relevant or groups)
    poetry = {key: legacy.get(key) for key in (*_LEGACY_KEYS, "group")}
    optional = ("group", *_LEGACY_KEYS) if modern else ("group",)
    poetry = {key: value for key, value in poetry.items() if value is not None or key not in optional}
    content: dict[str, Any] = {}
    if relevant:
        content["project"] = relevant
    if groups:
        content["dependency-groups"] = groups
    content = {**content, "tool": {"poetry": poetry}} if content else poetry
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
