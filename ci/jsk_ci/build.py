"""From a kernel's folder to an image: what it starts from, what it is called, whether it is too large."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jsk_ci import (
    candidates,
    context,
    credentials,
    delta,
    fingerprint,
    labels,
    parents,
    project,
    registry,
    revisions,
    sizes,
    sources,
)
from jsk_ci.builders.base import Builder, Image
from jsk_ci.context import Content, Parent
from jsk_ci.errors import OverBudget, ProjectError
from jsk_ci.fingerprint import Inputs
from jsk_ci.labels import Identity
from jsk_ci.project import Kernel
from jsk_ci.references import DEFAULT_REGISTRY, Reference
from jsk_saver.human import human_size

#: Where images are named for, when no registry is.
_LOCAL = "jsk"


@dataclass(frozen=True, slots=True)
class Order:
    """Everything about a build that is known before it.

    Parameters
    ----------
    kernel, inputs, parent, content, identity
        What is asked for, what decides, what it starts from, what it gets, and what it will say of itself.
    reference
        What it will be called.
    """

    kernel: Kernel
    inputs: Inputs
    parent: Parent
    content: Content
    identity: Identity
    reference: str


def order(kernel: Kernel, builder: Builder, *, into: str | None = None, start: str | None = None) -> Order:
    """Return what is to be built.

    Parameters
    ----------
    kernel
        The project.
    builder
        Asked for images that no registry has.
    into
        Registry and path below which images go.
    start
        The image to start from, instead of the one that the project names.

    Raises
    ------
    ProjectError, LockError
        If the project, its lock or its base does not allow a build.
    RegistryError
        If the registry does not answer.
    """
    parent = find_parent(kernel, builder, into=into, start=start)
    inputs = fingerprint.gather(kernel, parent.digest)
    contained = context.content(kernel, parent)
    identity = labels.identity(kernel, inputs, parent.pinned, commit(kernel.folder), contained.listed)
    return Order(kernel, inputs, parent, contained, identity, _name(kernel, inputs.fingerprint, into))


def carry_out(what: Order, builder: Builder, *, cache: str | None = None, fresh: bool = False) -> Image:
    """Build an order, and return the image.

    Raises
    ------
    BuildFailed
        With the last telling words.
    OverBudget
        If the image is larger than its project allows; it stays on this machine, to be looked at.
    """
    with tempfile.TemporaryDirectory(prefix="jsk-build-") as place:
        folder = Path(place, "context")
        folder.mkdir()
        made = context.write(
            folder,
            what.kernel,
            what.inputs,
            what.parent,
            what.identity,
            what.content,
            credentials.gather(Path(place)),
        )
        image = builder.build(made, what.reference, cache=cache, fresh=fresh)
    check_budget(image, what.kernel.budget, builder)
    return image


def check_budget(image: Image, budget: int, builder: Builder) -> None:
    """Raise OverBudget, with the heaviest packages, if an image takes more than ``budget`` bytes."""
    if image.size <= budget:
        return
    heaviest = "\n".join(f"  {line}" for line in sizes.lines(sizes.measure(image.reference, builder)))
    raise OverBudget(
        f"The image takes {human_size(image.size)}, and its project allows {human_size(budget)}. "
        f"The heaviest packages:\n{heaviest}",
        kept=f"The image is on this machine, as {image.reference}; nothing was pushed.",
        hint="Remove a package (poetry remove NAME), or raise size-budget in [tool.jsk.kernel].",
    )


def find_parent(kernel: Kernel, builder: Builder, *, into: str | None, start: str | None) -> Parent:
    """Return the image that a kernel's image starts from, by digest, and what is in it.

    A registry is believed about what a tag means now; an image that only this machine has is known by the
    digest of its configuration.
    """
    reference = start or _spelled(kernel, builder, into)
    here, name = builder.inspect(reference), Reference.parse(reference)
    if here is not None and not _is_of_registry(here, name):
        return _parent(kernel, reference, here.identifier, here.labels)
    repository = registry.Repository(name)
    digest = name.digest or repository.digest(name.tag or "latest")
    if digest is None:
        raise ProjectError(
            f"There is no image {reference} to start from.",
            hint="Correct its name in [tool.jsk.kernel], or give another: --parent IMAGE",
        )
    told = {} if kernel.is_base else repository.labels(digest)
    return _parent(kernel, f"{name.name}@{digest}", digest, told)


def _is_of_registry(image: Image, name: Reference) -> bool:
    """Tell whether an image came from, or went to, the registry it is named after.

    Engines tell of every registry that has it, whichever of its names it is asked for by.
    """
    short = name.name.removeprefix(f"{DEFAULT_REGISTRY}/")
    spelled = (name.name, short, short.removeprefix("library/"))
    return any(known.partition("@")[0] in spelled for known in image.pinned)


def _parent(kernel: Kernel, reference: str, digest: str, told: Mapping[str, str]) -> Parent:
    if kernel.is_base:
        return Parent(reference, digest, "", {})
    known = labels.parse(told, reference)
    if known.python != kernel.python:
        raise ProjectError(
            f"{kernel.folder} asks for Python {kernel.python}, and its base {reference} has {known.python}.",
            hint=f'python = "{known.python}" in [tool.jsk.kernel], and requires-python to go with it.',
        )
    return Parent(reference, digest, known.name, delta.installed(known.packages.splitlines()))


def _spelled(kernel: Kernel, builder: Builder, into: str | None) -> str:
    """Return the name of a kernel's parent; of a base in a folder, what it became."""
    if kernel.parent_folder is None:
        return kernel.parent
    if into is not None:
        return str(parents.resolve(kernel, into))
    base = project.read(kernel.parent_folder)
    digest = find_parent(base, builder, into=None, start=None).digest
    reference = _name(base, fingerprint.gather(base, digest).fingerprint, None)
    if builder.inspect(reference) is None:
        raise ProjectError(
            f"{kernel.name} starts from {base.name}, of which there is no image here.",
            hint=f"jsk-ci build {os.path.relpath(base.folder)}    # then this again",
        )
    return reference


def _name(kernel: Kernel, print_: str, into: str | None) -> str:
    if into is None:
        return local_name(kernel.name, print_)
    return str(registry.of(into, kernel.name).with_tag(candidates.local_tag(print_)))


def local_name(kernel: str, print_: str) -> str:
    """Return what a kernel's image is called on this machine, if no registry was named."""
    return f"{_LOCAL}/{kernel}:{fingerprint.tag(print_)}"


def forgotten(what: Order) -> list[str]:
    """Return paths of files that the image will lack: path dependencies' that Git does not track."""
    found: list[str] = []
    for package in what.content.installed.values():
        if package.source.get("type") == "directory":
            folder = (what.kernel.folder / package.source["url"]).resolve()
            names = sources.forgotten(folder, what.kernel.sources.get(package.name, ()))
            found += [os.path.relpath(folder / name) for name in names]
    return found


def commit(folder: Path) -> str:
    """Return the commit that a folder is at; empty outside of a repository."""
    return next(iter(revisions.ancestors(folder, 1)), "")
