"""The image that a kernel starts from, pinned: what its tag means now, or what a folder's base became."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jsk_ci import fingerprint, labels, project, registry
from jsk_ci.errors import ProjectError, RegistryError
from jsk_ci.fingerprint import Inputs
from jsk_ci.project import Kernel
from jsk_ci.references import Reference
from jsk_ci.registry import Repository

#: How a repository is reached; one function for a whole plan, so that one login serves it.
Reach = Callable[[Reference], Repository]


@dataclass(frozen=True, slots=True)
class Found:
    """What a registry says of a kernel as its folder is now.

    Parameters
    ----------
    inputs
        Everything that decides; None while the base, a folder, has no image yet.
    parent
        The image it starts from, pinned; None likewise.
    image
        The kernel's own image, pinned; None if the registry has none.
    """

    inputs: Inputs | None
    parent: Reference | None
    image: Reference | None


def resolve(kernel: Kernel, where: str | None, reach: Reach = Repository) -> Reference:
    """Return the image that a kernel starts from, by digest.

    Parameters
    ----------
    kernel
        Whose parent is meant.
    where
        Registry and path in which kernels of this repository are; needed if the parent is a folder.
    reach
        How a repository is reached.

    Raises
    ------
    ProjectError
        If the parent does not exist, or is a folder that no image was made of yet.
    RegistryError
        If its registry refuses or does not answer.
    """
    if kernel.parent_folder is None:
        return _pinned(kernel, reach)
    base = project.read(kernel.parent_folder)
    found = look(base, where, reach)
    if found.image is None:
        raise ProjectError(
            f"{kernel.name} starts from {base.name}, of which there is no image yet.",
            hint=f"jsk-ci build {_near(kernel.parent_folder)}    # and jsk-ci push, then this again",
        )
    return found.image


def look(kernel: Kernel, where: str | None, reach: Reach = Repository) -> Found:
    """Return what the registry ``where`` has of a kernel.

    Raises
    ------
    ProjectError, LockError
        If the folder does not make an image.
    RegistryError
        If a registry refuses or does not answer, or has another image under the fingerprint.
    """
    if where is None:
        raise ProjectError(
            "It is not said which registry the images are in.",
            hint="Add --registry registry.example.org/kernels, or: export JSK_CI_REGISTRY=…",
        )
    if kernel.parent_folder is None:
        parent: Reference | None = _pinned(kernel, reach)
    else:
        parent = look(project.read(kernel.parent_folder), where, reach).image
    if parent is None:
        fingerprint.packages(kernel)  # what is wrong with the lock is told before anything is built
        return Found(None, None, None)
    inputs = fingerprint.gather(kernel, str(parent.digest))
    return Found(inputs, parent, image(kernel, inputs.fingerprint, where, reach))


def image(kernel: Kernel, wanted: str, where: str, reach: Reach = Repository) -> Reference | None:
    """Return the image of a fingerprint, by digest; None if the registry has none.

    The tag holds only the fingerprint's start: the whole is compared with the image's label.

    Raises
    ------
    RegistryError
        If the image under the tag was made of something else.
    """
    repository = reach(registry.of(where, kernel.name))
    tag = fingerprint.tag(wanted)
    digest = repository.digest(tag)
    if digest is None:
        return None
    check(repository, digest, wanted)
    return repository.name.with_digest(digest)


def check(repository: Repository, digest: str, wanted: str) -> labels.Identity:
    """Return what an image says of itself; RegistryError unless it has the fingerprint ``wanted``."""
    identity = labels.parse(repository.labels(digest), f"{repository.name}@{digest}")
    if identity.fingerprint != wanted:
        raise RegistryError(
            f"{repository.name}@{digest} has the fingerprint {identity.fingerprint}, not {wanted}.",
            kept="No tag was changed.",
            hint=f"Remove the tag {fingerprint.tag(wanted)} if it names this image; somebody moved it.",
        )
    return identity


def check_named(kernel: Kernel) -> None:
    """Make sure that somebody said what a kernel starts from, before a registry is asked for it.

    Raises
    ------
    ProjectError
        If its base is what ``jsk new`` writes where it knows none.
    """
    if kernel.parent == project.PLACEHOLDER:
        raise ProjectError(
            f"{kernel.name} has no base image yet: {kernel.parent} is a placeholder.",
            kept="No registry was asked.",
            hint=f"Ask your platform which there is, and write it to {kernel.folder / 'pyproject.toml'}: "
            'base = "HOST/kernels/base:VERSION"',
        )


def _pinned(kernel: Kernel, reach: Reach) -> Reference:
    check_named(kernel)
    reference = Reference.parse(kernel.parent)
    if reference.digest:
        return reference.with_digest(reference.digest)
    repository = reach(reference)
    digest = repository.digest(reference.tag or "latest")
    if digest is None:
        setting = "from" if kernel.is_base else "base"
        raise ProjectError(
            f"{kernel.name} starts from {reference}, which does not exist.",
            hint=f'Correct {setting} = "{kernel.parent}" in {kernel.folder / "pyproject.toml"}, or push it.',
        )
    return repository.name.with_digest(digest)


def _near(folder: Path) -> str:
    """Return a folder as it would be typed here."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
