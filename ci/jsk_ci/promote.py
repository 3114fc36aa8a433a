"""The same image, never a rebuilt one, becomes a release candidate and then the release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jsk_ci import fingerprint, labels, parents, registry, registry_copy
from jsk_ci.errors import ProjectError
from jsk_ci.project import Kernel
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.releases import Version, candidates


@dataclass(frozen=True, slots=True)
class Promoted:
    """What an image became.

    Parameters
    ----------
    version
        The tag.
    image
        Pinned, in the last repository it went to.
    tagged
        Repositories in which it got the tag now; none if it had it everywhere.
    sent
        Bytes of layers that were sent to another repository.
    """

    version: str
    image: Reference
    tagged: tuple[str, ...]
    sent: int


def promote(
    kernel: Kernel,
    where: str,
    version: Version,
    *,
    image: Reference | None = None,
    into: str | None = None,
    dry_run: bool = False,
) -> Promoted:
    """Give an image the tag of a version.

    Parameters
    ----------
    kernel
        Its folder.
    where
        Registry and path below which images are.
    version
        A candidate gets the image of the folder as it is; a release, that of its newest candidate.
    image
        The image that is meant instead.
    into
        Another registry and path, which gets a copy.
    dry_run
        Only look.

    Raises
    ------
    ProjectError
        If there is no such image, it was no candidate, or the folder asks for another environment.
    TagTaken
        If the version means another image already.
    RegistryError
        If a registry refuses or dies; doing it again completes it.
    """
    source = Repository(registry.of(where, kernel.name))
    tags = source.tags()
    if version.is_final:
        digest = _candidate(kernel, source, version, tags, image)
        _check_folder(kernel, source, digest, version)
    else:
        digest = _image(kernel, where, source, image)
    version = _numbered(source, version, tags, digest)
    target = Repository(registry.of(into, kernel.name)) if into else source
    tag, elsewhere = str(version), target.name != source.name
    if elsewhere:
        target.would_tag(digest, tag)  # before anything is changed here
    tagged = [source.name.name] if source.would_tag(digest, tag) else []
    if not dry_run:
        source.tag(digest, tag)
    sent = 0
    if elsewhere:
        more, sent = _deliver(source, digest, target, tag, dry_run=dry_run)
        tagged += more
    return Promoted(tag, target.name.with_digest(digest), tuple(tagged), sent)


def _image(kernel: Kernel, where: str, source: Repository, image: Reference | None) -> str:
    """Return the digest of the image of a folder as it is now, or of the one that is meant."""
    if image is not None:
        return _existing(source, image)
    found = parents.look(kernel, where).image
    if found is None or found.digest is None:
        raise ProjectError(
            f"{source.name} has no image of {kernel.folder} as it is now.",
            kept="No tag was changed.",
            hint=f"jsk-ci plan {kernel.folder} --registry {where}    # tells what is to be built",
        )
    return found.digest


def _candidate(
    kernel: Kernel, source: Repository, version: Version, tags: Sequence[str], image: Reference | None
) -> str:
    """Return the digest of what was a candidate of this release."""
    known = [source.digest(str(one)) for one in candidates(tags, version.release)]
    digest = _existing(source, image) if image else (known[-1] if known else None)
    if digest is None or digest not in known:
        what = f"{source.name}@{digest}" if digest else f"No image of {kernel.name}"
        raise ProjectError(
            f"{what} was {'never ' if digest else ''}a candidate of {version}.",
            kept="No tag was changed.",
            hint=f"jsk-ci promote {kernel.folder} --to {version}-rc    # on develop, and try it out",
        )
    return digest


def _existing(source: Repository, image: Reference) -> str:
    if image.name != source.name.name:
        raise ProjectError(f"{image} is not in {source.name}.")
    digest = source.digest(image.digest or image.tag or "latest")
    if digest is None:
        raise ProjectError(f"There is no image {image}.", kept="No tag was changed.")
    return digest


def _check_folder(kernel: Kernel, source: Repository, digest: str, version: Version) -> None:
    """Raise ProjectError if the folder asks for another environment than the image has.

    The image's own parent is taken as given: a base's tag that moved since changes nothing about a
    release.
    """
    identity = labels.parse(source.labels(digest), f"{source.name}@{digest}")
    parent = identity.parent.partition("@")[2]
    if fingerprint.gather(kernel, parent).fingerprint != identity.fingerprint:
        raise ProjectError(
            f"{kernel.folder} asks for another environment than the candidate {source.name}@{digest} has.",
            kept="No tag was changed.",
            hint=f"jsk-ci promote {kernel.folder} --to {version}-rc    # and release that",
        )


def _numbered(source: Repository, version: Version, tags: Sequence[str], digest: str) -> Version:
    """Return the version with its number: that of the newest candidate if it is this image, or the next."""
    if version.is_final or version.number is not None:
        return version
    known = candidates(tags, version.release)
    if known and source.digest(str(known[-1])) == digest:
        return known[-1]
    if version.release in tags:
        raise ProjectError(
            f"{version.release} is released already.",
            kept="No tag was changed.",
            hint="Raise version in pyproject.toml, or name the next one: --to X.Y.Z-rc",
        )
    return version.candidate((known[-1].number or 0) + 1 if known else 1)


def _deliver(
    source: Repository, digest: str, target: Repository, tag: str, *, dry_run: bool
) -> tuple[list[str], int]:
    """Copy the image, then give it its tags there; the version's is the last."""
    identity = labels.parse(source.labels(digest), f"{source.name}@{digest}")
    wanted = (fingerprint.tag(identity.fingerprint), tag)
    new = [one for one in wanted if target.would_tag(digest, one)]
    tagged = [target.name.name] if new else []
    if dry_run:
        return tagged, 0
    sent = registry_copy.copy(source, digest, target)
    for one in new:
        target.tag(digest, one)
    return tagged, sent
