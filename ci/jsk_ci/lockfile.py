"""``poetry.lock``: which packages an image gets, and whether the lock still says what the project asks for.

Read here rather than by Poetry, because a plan must take no more than a moment, also on a runner that has
no Poetry, and because the choice of packages is part of the fingerprint and must not change with Poetry's
version. What is read is the format that Poetry 2 writes (``lock-version`` 2.1 and on): older locks do not
say which group a package is for. The tests compare the choice and the staleness with Poetry's own.
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
#: Where `poetry lock` itself could not read what is there.
_ANEW = "poetry lock --regenerate    # then commit poetry.lock"
#: Its first line, as Poetry writes it.
_WRITER = re.compile(r"# .*\bPoetry (\d+)\.(\d+)")
#: The first Poetry whose hash of a project covers dependency groups (poetry.packages.locker.Locker).
_COVERS_GROUPS = (2, 3)
_EXTRA = re.compile(r"""\bextra\s*(==|!=)\s*["']([^"']*)["']|["']([^"']*)["']\s*(==|!=)\s*extra\b""")
#: PEP 508 and the characters of PEP 440.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")
#: Kinds of sources that are somewhere.
_NEED_URL = ("directory", "file", "git", "url", "legacy")
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
    python
        The versions of Python it was made for, ``>=3.11,<4``.
    extras
        Names of the extras it knows.
    """

    packages: tuple[Package, ...]
    content_hash: str
    text: str
    python: str = ""
    extras: tuple[str, ...] = ()

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
        wanted, features = {normalise(name) for name in groups}, {normalise(name) for name in extras}
        for package in self.packages:
            markers = (marker for group, marker in package.markers.items() if group in wanted)
            if any(_holds(marker, features, target) for marker in markers):
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
        raise LockError(f"{where} is not valid TOML: {error}.{conflict}", hint=_ANEW) from error
    metadata = _table(content, "metadata")
    version = str(metadata.get("lock-version", ""))
    if not re.fullmatch(r"2\.[1-9]\d*", version):
        raise LockError(
            f"{where} has the lock format {version or 'of another tool'}; known is 2.1 and on.",
            hint=f"{_RENEW}; with Poetry 2, which keeps the versions" if version else _ANEW,
        )
    listed = content.get("package", [])
    if not isinstance(listed, list):
        raise LockError(f"{where} has no list of packages.", hint=_ANEW)
    return Lock(
        packages=tuple(_package(item, where) for item in listed),
        content_hash=str(metadata.get("content-hash", "")),
        text=text,
        python=str(metadata.get("python-versions", "")),
        extras=tuple(normalise(name) for name in _table(content, "extras")),
    )


def _table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key, {})
    return found if isinstance(found, dict) else {}


def _package(item: Mapping[str, Any], where: str) -> Package:
    try:
        name, version = item["name"], item["version"]
        hashes = sorted(file["hash"] for file in item.get("files", ()))
        groups, markers = item.get("groups", ()), item.get("markers", "")
        if isinstance(markers, str):
            markers = dict.fromkeys(groups, markers)
        told = {normalise(group): markers.get(group, "") for group in groups}
    except (KeyError, TypeError, AttributeError) as error:
        raise LockError(f"{where} has a package without {error}.", hint=_ANEW) from error
    source = {key: str(value) for key, value in _table(item, "source").items()}
    # What a requirements file would take for something else than a name, a version and a hash.
    odd = [text for text in (*hashes, *told.values(), version) if not isinstance(text, str)]
    odd += [] if odd or _VERSION.fullmatch(version) else [version]
    odd += [] if isinstance(name, str) and _NAME.fullmatch(name) else [name]
    if odd or (source.get("type") in _NEED_URL and not source.get("url")):
        raise LockError(f"{where} has a package that makes no sense: {odd or source}.", hint=_ANEW)
    return Package(normalise(name), version, tuple(hashes), source, told)


def _holds(marker: str, extras: Collection[str], target: Mapping[str, str]) -> bool:
    """Tell whether a marker holds.

    ``extra == "gpu"`` means that the extra is wanted, ``extra != "gpu"`` that it is not; several may be
    wanted at once, which a marker cannot be asked. So these are answered first.
    """
    if not marker:
        return True
    from packaging.markers import InvalidMarker, Marker

    def answered(match: re.Match[str]) -> str:
        wanted = normalise(match[2] or match[3] or "") in extras
        true = wanted == ((match[1] or match[4]) == "==")
        return f"'{target['os_name']}' {'==' if true else '!='} os_name"

    try:
        return Marker(_EXTRA.sub(answered, marker)).evaluate(dict(target))
    except InvalidMarker as error:
        raise LockError(f"The lock holds a marker that cannot be read: {marker!r}.", hint=_ANEW) from error


def check_asked(
    lock: Lock, project: Mapping[str, Any], groups: Collection[str], extras: Collection[str], python: str
) -> None:
    """Raise an error if groups or extras are not the project's, or the lock is for another Python.

    Poetry refuses these too; read over silently, they would make an image without its packages.

    Raises
    ------
    LockError
        Naming what there is.
    """
    known = _groups(project)
    for group in groups:
        if normalise(group) not in known:
            raise LockError(
                f"The project has no dependency group {group!r}; it has: {', '.join(sorted(known))}.",
                hint="Correct groups in [tool.jsk.kernel].",
            )
    for extra in extras:
        if normalise(extra) not in lock.extras:
            raise LockError(
                f"The project has no extra {extra!r}; it has: {', '.join(lock.extras) or 'none'}.",
                hint="Correct extras in [tool.jsk.kernel].",
            )
    _check_python(lock, python)


def _groups(project: Mapping[str, Any]) -> set[str]:
    poetry = _table(_table(project, "tool"), "poetry")
    names = {*_table(project, "dependency-groups"), *_table(poetry, "group"), "main"}
    return {normalise(name) for name in names | ({"dev"} if "dev-dependencies" in poetry else set())}


def _check_python(lock: Lock, python: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        admitted = SpecifierSet(lock.python)
    except InvalidSpecifier:  # Poetry's own, such as ^3.11; the installer will ask each package
        return
    patches = [python] if python.count(".") > 1 else [f"{python}.{patch}" for patch in range(100)]
    if not any(admitted.contains(version) for version in patches):
        raise LockError(
            f"The lock is for Python {lock.python}, and the image is to have {python}.",
            hint=f"Set python in [tool.jsk.kernel], or requires-python in [project] and: {_RENEW}",
        )


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
    writer = _WRITER.match(lock.text)
    old = writer is not None and (int(writer[1]), int(writer[2])) < _COVERS_GROUPS
    try:
        hashes = [content_hash(project, with_groups=groups) for groups in ((True, False) if old else (True,))]
    except (AttributeError, TypeError) as error:
        raise LockError(
            f"{where} asks for its packages in a way that Poetry does not understand: {error}.",
            hint="poetry check    # tells what it is",
        ) from error
    if lock.content_hash in hashes:
        return
    raise LockError(
        f"poetry.lock is out of date: {where} asks for something else than when it was written.",
        kept="Nothing was built or pushed.",
        hint=_RENEW,
    )


def content_hash(project: Mapping[str, Any], *, with_groups: bool) -> str:
    """Return Poetry's hash of what a project asks for.

    The algorithm is ``poetry.packages.locker.Locker._get_content_hash`` of Poetry 2.x; releases before 2.3
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
