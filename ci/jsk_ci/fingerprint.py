"""What decides the content of an image, and one hash of it all.

The fingerprint covers the locked packages with their hashes, the digests of path dependencies, the Python
version and the platform, the image's environment variables and kernelspec, the Dockerfile, the digest of
the image it starts from, and what installs (:data:`RECIPE`). It does not cover the project's own version,
its description, nor anything of the lock that another platform or group would install, so that none of
these builds an image. Nor does it cover which engine builds: files are normalised, and the layers of the
same inputs are the same.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsk_ci import lockfile, resources, sources, targets
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.lockfile import Package
from jsk_ci.project import Kernel

#: Raised whenever a change of this package makes other layers of the same inputs.
RECIPE = 1
#: What puts packages into the image.
INSTALLER = "uv==0.13.8"
#: Of the hash; enough for a tag, and short enough to be read aloud.
TAG_DIGITS = 24
_SAFE = re.compile(r"sha(256|384|512):[0-9a-f]+")
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides what is in an image.

    Parameters
    ----------
    parent
        ``sha256:…`` of the image it starts from.
    python, platform
        ``3.11``, ``linux/amd64``.
    packages
        For each name, ``version`` and ``hashes``; for a path dependency ``version`` and ``tree``.
    variables
        Environment variables of the image.
    kernelspec
        ``name`` and ``display_name``.
    dockerfile
        SHA-256 of the Dockerfile without comments and empty lines.
    recipe
        What else decides: this package's way of building, the installer, pins of build back ends.
    """

    parent: str
    python: str
    platform: str
    packages: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, str]
    kernelspec: Mapping[str, str]
    dockerfile: str
    recipe: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the inputs, 64 hexadecimal digits."""
        return _hash(asdict(self))

    @property
    def tag(self) -> str:
        """What the registry knows the image by: ``fp-`` and the start of the fingerprint."""
        return tag(self.fingerprint)

    def parts(self) -> dict[str, str]:
        """Return a short hash of each part, to see at a glance which one differs."""
        return {name: _hash(value)[:12] for name, value in asdict(self).items()}


def tag(fingerprint: str) -> str:
    """Return the tag of an image with this fingerprint."""
    return f"fp-{fingerprint[:TAG_DIGITS]}"


def gather(kernel: Kernel, parent: str) -> Inputs:
    """Return the inputs of a kernel's image.

    Parameters
    ----------
    kernel
        The project.
    parent
        Digest of the image it starts from.

    Raises
    ------
    LockError
        If the lock is missing, out of date, without hashes, or names what no image can be built from.
    ProjectError
        If a file that the project names is not there.
    """
    return Inputs(
        parent=parent,
        python=kernel.python,
        platform=targets.PLATFORM,
        packages={name: _input(package, kernel) for name, package in packages(kernel).items()},
        variables=dict(kernel.variables),
        kernelspec={"name": kernel.name, "display_name": kernel.display_name},
        dockerfile=hashlib.sha256("\n".join(dockerfile(kernel)).encode()).hexdigest(),
        recipe={
            "version": RECIPE,
            "installer": INSTALLER,
            "files": resources.recipe_digest(),
            "constraints": _constraints(kernel),
        },
    )


def packages(kernel: Kernel) -> dict[str, Package]:
    """Return the locked packages of a kernel's image by name, each of which can be installed by hash.

    Raises
    ------
    LockError
        If the lock is missing or out of date, a group is not there, or a package has no hashes.
    """
    lock = lockfile.read(kernel.lock_file)
    lockfile.check_fresh(lock, kernel.content, str(kernel.folder / "pyproject.toml"))
    lockfile.check_asked(lock, kernel.content, kernel.groups, kernel.extras, kernel.python)
    chosen = lock.choose(kernel.groups, kernel.extras, targets.markers(kernel.python))
    for package in chosen.values():
        _check_installable(package)
    return chosen


def _check_installable(package: Package) -> None:
    kind, url = package.source.get("type"), package.source.get("url", "")
    host = url.rpartition("@")[2]
    if "@" in urlsplit(url).netloc and kind != "git":
        raise LockError(
            f"The lock has a password in the address of {package.name}'s index, …@{host}, and every image "
            "would carry it.",
            kept="Nothing was built or pushed.",
            hint="Take it out of [[tool.poetry.source]] in pyproject.toml, change it where it is valid, and: "
            "poetry lock --regenerate    # builds take it from PIP_INDEX_URL, PIP_EXTRA_INDEX_URL or NETRC",
        )
    if kind in ("git", "url"):
        raise LockError(
            f"{package.name} comes from {host} ({kind}), which has no hash to check.",
            hint=f"Publish {package.name} to a package index, or put it beside the project as a folder.",
        )
    if kind != "directory" and not (package.hashes and all(map(_SAFE.fullmatch, package.hashes))):
        raise LockError(
            f"The lock has no hash for {package.name} {package.version}.",
            kept="Nothing was built or pushed.",
            hint="poetry lock --regenerate    # then commit poetry.lock",
        )


def _input(package: Package, kernel: Kernel) -> dict[str, Any]:
    if package.source.get("type") == "directory":
        folder = (kernel.folder / package.source["url"]).resolve()
        return {
            "version": package.version,
            "tree": sources.digest(folder, kernel.sources.get(package.name, ())),
        }
    return {"version": package.version, "hashes": list(package.hashes)}


def dockerfile(kernel: Kernel) -> list[str]:
    """Return the lines of a kernel's Dockerfile that say something.

    Comments say nothing, but for the directives at the top; where a document is written inside
    (``RUN <<EOF``), every line may.

    Raises
    ------
    ProjectError
        If it cannot be read.
    """
    file = kernel.dockerfile or resources.dockerfile("base" if kernel.is_base else "experiment")
    lines = _lines(file)
    if any("<<" in line for line in lines):
        return lines
    head = list(itertools.takewhile(_DIRECTIVE.match, lines))
    return head + _speaking(lines[len(head) :])


def _lines(file: Path) -> list[str]:
    try:
        return [line.rstrip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.") from error


def _speaking(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _constraints(kernel: Kernel) -> str:
    """Return the pins of build back ends, which decide what a path dependency's wheel holds."""
    file = kernel.folder / "build-constraints.txt"
    return "\n".join(_speaking(_lines(file))) if file.exists() else ""


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
