"""Candidates: images that were built and pushed, and have not passed the smoke test yet.

A registry takes an image from an engine under a tag alone, and may never let a tag be moved (ECR: IMMUTABLE).
So a candidate's tag says what is in it: the fingerprint, and the beginning of the image's own identifier. A
build that is done again and comes out the same finds its candidate there; one that comes out otherwise, or of
two pipelines at once, gets a tag of its own.
"""

from __future__ import annotations

from contextlib import suppress

from jsk_ci import fingerprint
from jsk_ci.builders.base import Builder, Image
from jsk_ci.errors import BuildFailed, ProjectError, RegistryError
from jsk_ci.references import Reference
from jsk_ci.registry import Repository

#: Of the tag of every candidate. The platform's publisher passes over what begins with it.
PREFIX = "candidate-"
#: How much of an image's identifier is in its tag.
_DIGITS = 12


def local_tag(print_: str) -> str:
    """Return the tag of a candidate on the machine that built it: the newest of a fingerprint."""
    return PREFIX + print_[: fingerprint.TAG_DIGITS]


def tag(local: str, image: Image) -> str:
    """Return the tag of a candidate in a registry.

    Parameters
    ----------
    local
        Its tag on this machine.
    image
        The image.

    Examples
    --------
    >>> tag(local_tag("ab" * 32), Image("jsk/iris", "sha256:0123456789abcdef", (), 0))
    'candidate-abababababababababababab-0123456789ab'
    """
    return f"{local}-{image.identifier.removeprefix('sha256:')[:_DIGITS]}"


def push(image: Image, builder: Builder, target: Reference | None = None) -> Reference:
    """Push an image under its candidate's tag, unless it is there, and return its pinned reference.

    Parameters
    ----------
    image
        On this machine.
    builder
        That has it.
    target
        Where to, with its tag on this machine; without it what the image is called.

    Raises
    ------
    RegistryError
        If the registry refuses or dies; a tag is the last thing that it gets.
    BuildFailed
        If the image is called after no registry.
    """
    called = target or Reference.parse(image.reference)
    if not (called.tag or "").startswith(PREFIX):
        raise BuildFailed(f"{image.reference} is no candidate.", hint="jsk-ci build --registry … --candidate")
    named = called.with_tag(tag(str(called.tag), image))
    repository = Repository(named)
    digest = _same(repository, image, str(named.tag))
    if digest is None:
        digest = _pushed(repository, image, builder, named)
    return named.with_digest(digest)


def find(repository: Repository, print_: str) -> str | None:
    """Return the digest of the candidate of a fingerprint; None if there is none.

    Raises
    ------
    ProjectError
        If there are several that are not alike: then it must be said which is meant.
    RegistryError
        If the registry refuses or does not answer.
    """
    start = local_tag(print_)
    tags = sorted(one for one in repository.tags() if one == start or one.startswith(f"{start}-"))
    found = {digest: one for one in tags if (digest := repository.digest(one))}
    if len({tuple(repository.layers(digest)) for digest in found}) > 1:
        first = next(iter(found))
        raise ProjectError(
            f"{repository.name} has {len(found)} candidates of {fingerprint.tag(print_)} that differ: "
            f"{', '.join(found.values())}.",
            kept="No tag was changed.",
            hint=f"jsk-ci push --image {repository.name}@{first}    # or another one, which was tested",
        )
    return next(iter(found), None)


def _pushed(repository: Repository, image: Image, builder: Builder, named: Reference) -> str:
    """Push; the same image of another pipeline may have been quicker, and its tag is not given twice."""
    try:
        # By its identifier: another build on this machine may have taken the name meanwhile.
        return builder.push(image.identifier.removeprefix("sha256:"), named)
    except RegistryError:
        with suppress(RegistryError):
            if digest := _same(repository, image, str(named.tag)):
                return digest
        raise


def _same(repository: Repository, image: Image, tag_: str) -> str | None:
    """Return the digest under a tag if it is this image: packed by another engine, it has another digest."""
    digest = repository.digest(tag_)
    return digest if digest and repository.layers(digest) == list(image.layers) else None
