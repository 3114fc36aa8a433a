"""The build context: one folder with everything that a Dockerfile of the kit copies, and nothing else.

Names, contents, modes and times in it follow from the inputs alone, so that a builder's cache finds again
what it built from the same inputs in another folder, on another day.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jsk_ci import delta, fingerprint, resources, sources
from jsk_ci.builders.base import Context
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.fingerprint import Inputs
from jsk_ci.labels import Identity
from jsk_ci.lockfile import Package
from jsk_ci.project import Kernel

#: The one time of the context's files: 1 January 2020, as in the images.
TIME = 1577836800


@dataclass(frozen=True, slots=True)
class Parent:
    """The image that a build starts from.

    Parameters
    ----------
    reference
        What the builder fetches it by.
    digest
        ``sha256:…``, of its manifest, or of its configuration where no registry has it.
    name
        Of its kernelspec; empty for a plain container image.
    packages
        What is installed in it, by name; empty for a plain container image.
    """

    reference: str
    digest: str
    name: str
    packages: Mapping[str, str]

    @property
    def pinned(self) -> str:
        """Its name with its digest, as labels carry it."""
        head, slash, last = self.reference.partition("@")[0].rpartition("/")
        return f"{head}{slash}{last.partition(':')[0]}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Content:
    """The packages of an image.

    Parameters
    ----------
    installed
        What this build installs, by name.
    replaced
        Names of those that the parent has in another version, or as another folder.
    listed
        Everything that will be in the image: ``name==version`` a line.
    """

    installed: Mapping[str, Package]
    replaced: tuple[str, ...]
    listed: str


def content(kernel: Kernel, parent: Parent) -> Content:
    """Return what is to be installed on ``parent``, and what will be there then."""
    wanted = fingerprint.packages(kernel)
    difference = delta.between(parent.packages, wanted)
    versions = {**parent.packages, **{name: package.version for name, package in wanted.items()}}
    listed = "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))
    replaced = sorted({**difference.upgraded, **difference.downgraded})
    return Content(difference.packages, tuple(replaced), listed)


def write(
    folder: Path,
    kernel: Kernel,
    inputs: Inputs,
    parent: Parent,
    identity: Identity,
    contained: Content,
    secrets: Mapping[str, Path],
) -> Context:
    """Write the context of a kernel's image into ``folder``, which is empty.

    Raises
    ------
    LockError
        If a path dependency is not there, or not the file that was locked.
    ProjectError
        If the Dockerfile cannot be read.
    """
    told = {
        "name": kernel.name,
        "python": kernel.python,
        "replaced": list(contained.replaced),
    }
    _text(folder / "Dockerfile", _dockerfile(kernel, {**inputs.variables, **identity.variables()}))
    _text(folder / "kernel.json", json.dumps(told, indent=1))
    _text(folder / "kernelspec.json", json.dumps(_kernelspec(kernel), indent=1))
    _text(folder / "packages.txt", contained.listed)
    _text(folder / "requirements.txt", delta.requirements(contained.installed))
    constraints = kernel.folder / "build-constraints.txt"
    if constraints.exists():
        _copy(constraints, folder / constraints.name)
    for file in resources.recipe():
        _copy(file, folder / "recipe" / file.name)
    for package in contained.installed.values():
        if package.is_path:
            _source(kernel, package, folder / "sources")
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (TIME, TIME))
    arguments = {"BASE_IMAGE": parent.reference, "FINGERPRINT": inputs.fingerprint}
    return Context(folder, arguments, identity.labels(), dict(secrets), bool(contained.replaced))


def _dockerfile(kernel: Kernel, variables: Mapping[str, str]) -> str:
    """Return the Dockerfile with the image's variables at its end, where a change of one rebuilds nothing."""
    file = kernel.dockerfile or resources.dockerfile("base" if kernel.is_base else "experiment")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"The Dockerfile {file} cannot be read: {error}.") from error
    lines = [f"ENV {name}={_quoted(value)}\n" for name, value in sorted(variables.items())]
    return text.rstrip("\n") + "\n" + "".join(lines)


def _quoted(value: str) -> str:
    for character in '\\"$':
        value = value.replace(character, "\\" + character)
    return f'"{value}"'


def _kernelspec(kernel: Kernel) -> dict[str, object]:
    command = ["/opt/jsk/env/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {
        "argv": command,
        "display_name": kernel.display_name,
        "language": "python",
        "metadata": {"debugger": True},
    }


def _source(kernel: Kernel, package: Package, target: Path) -> None:
    """Copy what a path dependency is made of."""
    place = (kernel.folder / package.source["url"]).resolve()
    if package.source["type"] == "directory":
        for path in sources.files(place, kernel.sources.get(package.name, ())):
            _copy(place / path, target / package.name / path)
        for path in sources.readmes(place):  # empty, unless it counts as a source
            readme = target / package.name / path
            if not readme.exists():
                readme.parent.mkdir(parents=True, exist_ok=True)
                _text(readme, "")
        return
    if not place.is_file():
        raise LockError(f"The lock refers to the file {place}, which is not there.")
    digest = "sha256:" + hashlib.sha256(place.read_bytes()).hexdigest()
    if digest not in package.hashes:
        raise LockError(
            f"{place} is not the file that was locked: its hash is {digest}.",
            kept="Nothing was built or pushed.",
            hint="poetry lock    # then commit poetry.lock",
        )
    _copy(place, target / place.name)


def _text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")
    file.chmod(0o644)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, with a mode that does not depend on who checked it out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
