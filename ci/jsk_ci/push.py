"""A candidate that passed the smoke test becomes an image that others find: it gets its tags.

Nothing but tags changes, unless the registry has no candidate and an engine here has the image. Every tag
is looked at before the first is given, and the fingerprint's, by which a plan finds the image, is the last:
if the registry dies on the way, the image is not known yet, and doing it again completes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jsk_ci import build, candidates, fingerprint, parents
from jsk_ci.builders.base import Builder
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry import Repository


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of an image.

    Parameters
    ----------
    image
        Pinned.
    added, already
        Tags that it got, and those that it had.
    """

    image: Reference
    added: tuple[str, ...]
    already: tuple[str, ...]

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """Return what to tell a person."""
        verb = "would get" if dry_run else "got"
        return [
            str(self.image),
            *(f"+ {verb} the tag {tag}" for tag in self.added),
            *(f"  has the tag {tag} already" for tag in self.already),
        ]


def find(
    repository: Repository, print_: str, image: Reference | None = None, builder: Builder | None = None
) -> str | None:
    """Return the digest of the image of a fingerprint, which is in the registry afterwards.

    Parameters
    ----------
    repository
        Of the kernel.
    print_
        Fingerprint.
    image
        The image that is meant, pinned; otherwise the candidate, or the image that has the tag already.
    builder
        Asked for the image if the registry has none; None not to push anything.

    Raises
    ------
    RegistryError
        If the registry refuses, or has an image of another fingerprint there.
    ProjectError
        If ``image`` is in another repository.
    """
    if image is not None:
        if image.name != repository.name.name:
            raise ProjectError(f"{image} is not in {repository.name}.")
        digest = repository.digest(image.digest or image.tag or "latest")
    else:
        digest = candidates.find(repository, print_) or repository.digest(fingerprint.tag(print_))
    if digest is None and builder is not None:
        digest = _from_engine(repository, print_, builder)
    if digest is None:
        return None
    parents.check(repository, digest, print_)
    return _known(repository, print_, digest)


def push(
    repository: Repository,
    print_: str,
    digest: str,
    *,
    tags: Sequence[str] = (),
    moving: Sequence[str] = (),
    dry_run: bool = False,
) -> Pushed:
    """Give an image that is in the registry its fingerprint's tag, and more.

    Parameters
    ----------
    repository, print_, digest
        Where, the fingerprint, and the image.
    tags
        Tags that are never moved.
    moving
        Tags that are taken from whatever image has them, such as ``develop``.
    dry_run
        Only look.

    Raises
    ------
    TagTaken
        If one of ``tags`` means another image; then no tag was given.
    RegistryError
        If the registry refuses or dies; doing it again completes it.
    """
    try:
        return _give(repository, print_, digest, tags, moving, dry_run=dry_run)
    except TagTaken:
        known = _known(repository, print_, digest)
        if known == digest:
            raise
        # Another pipeline was quicker with the same layers: its image counts.
        return _give(repository, print_, known, tags, moving, dry_run=dry_run)


def missing(repository: Repository, print_: str, folder: Path) -> ProjectError:
    """Return the error for an image that is nowhere."""
    tag = fingerprint.tag(print_)
    return ProjectError(
        f"{repository.name} has no image and no candidate for {tag}.",
        kept="No tag was changed.",
        hint=f"jsk-ci build {shlex.quote(str(folder))} --candidate "
        f"--registry {repository.name.name.rpartition('/')[0]}",
    )


def _give(
    repository: Repository,
    print_: str,
    digest: str,
    tags: Sequence[str],
    moving: Sequence[str],
    *,
    dry_run: bool,
) -> Pushed:
    wanted = [(tag, True) for tag in dict.fromkeys(moving)]
    wanted += [(tag, False) for tag in dict.fromkeys([*tags, fingerprint.tag(print_)])]
    new = [(tag, moves) for tag, moves in wanted if repository.would_tag(digest, tag, moves=moves)]
    given: list[str] = []
    for tag, moves in [] if dry_run else new:
        try:
            repository.tag(digest, tag, moves=moves)
        except RegistryError as error:
            error.kept = error.kept or _kept(given)
            error.hint = error.hint or "Do it again: what was done is found, and the rest completed."
            raise
        given.append(tag)
    added = tuple(tag for tag, _ in new)
    return Pushed(
        repository.name.with_digest(digest), added, tuple(tag for tag, _ in wanted if tag not in added)
    )


def _known(repository: Repository, print_: str, digest: str) -> str:
    """Return the image that has the fingerprint's tag, if it is this one but for the time it was built.

    A job that is done again, or two pipelines at once, build the same layers twice; the first counts.
    """
    known = repository.digest(fingerprint.tag(print_))
    if known in (None, digest) or repository.layers(str(known)) != repository.layers(digest):
        return digest
    return str(known)


def _from_engine(repository: Repository, print_: str, builder: Builder) -> str | None:
    target = repository.name.with_tag(candidates.local_tag(print_))
    for source in (str(target), build.local_name(repository.name.repository.rpartition("/")[2], print_)):
        if image := builder.inspect(source):
            return candidates.push(image, builder, target).digest
    return None


def _kept(given: Sequence[str]) -> str:
    if not given:
        return "No tag was changed."
    return f"It has {', '.join(given)}; a plan does not find it yet."
