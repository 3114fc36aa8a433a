"""Which of two images is the later one, whatever the order of their events.

Events come twice and in any order, and versions of SageMaker are numbered in the order they were made in, so
that neither tells which image is the newer. What tells is *when the image was pushed*, which ECR keeps with
each digest, on one clock; of two images pushed in the same second the digest decides, so that everybody comes
to the same answer. Where a branch goes back to an image that was there before (a dependency is taken back),
its pipeline tags it anew as delivered, and the time of that event, which its duplicates bear too, counts.

What was attached last is noted beside the lease, as the *mark*. Without it a duplicate of an old event would
undo a rollback: the domain offers version 4, and version 5 was pushed later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsk_ci.errors import LeaseError
from jsk_ci.studio.conditional import Conditional

#: How often somebody else may be quicker to write the mark.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When an image was pushed.

    Parameters
    ----------
    pushed
        Seconds since 1970, on ECR's clock.
    digest
        Of the image.
    """

    pushed: float
    digest: str


def pushed(ecr: Any, repository: str, digest: str) -> Moment | None:
    """Return when an image was pushed; None if it is not there any more."""
    try:
        answer = ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        return None
    return Moment(answer["imageDetails"][0]["imagePushedAt"].timestamp(), digest)


def why_not(push: Moment, offered: Sequence[Moment], mark: Moment | None) -> str:
    """Tell why an image is not to be attached; empty if it is.

    Parameters
    ----------
    push
        The image.
    offered
        What the domain offers of the same kernel now.
    mark
        What was attached last.

    Examples
    --------
    >>> old, new = Moment(1.0, "sha256:a"), Moment(2.0, "sha256:b")
    >>> why_not(new, [old], old), why_not(old, [new], new), why_not(new, [old], new)
    ('', 'a later image is offered', 'it was attached before, and taken back since')
    """
    newest = max((_known(one, mark) for one in offered), default=None)
    if newest and newest.digest == push.digest:
        return ""
    if newest and newest > push:
        return "a later image is offered"
    if mark and mark.digest == push.digest:
        return "it was attached before, and taken back since"
    if mark and mark > push:
        return "a later image was attached, and taken back since"
    return ""


def _known(offered: Moment, mark: Moment | None) -> Moment:
    """Return what an offered image counts by: it may have been delivered later than it was pushed."""
    return max(offered, mark) if mark and mark.digest == offered.digest else offered


def read(place: Conditional) -> Moment | None:
    """Return the mark; None if there is none."""
    found = place.read()
    return _moment(found.content) if found else None


def write(place: Conditional, push: Moment) -> None:
    """Move the mark forward, never back.

    Raises
    ------
    LeaseError
        If others write it all the time.
    """
    for _ in range(_ATTEMPTS):
        found = place.read()
        before = _moment(found.content) if found else None
        if before and before >= push:
            return
        content = {"pushed": push.pushed, "digest": push.digest}
        if place.put(content, match=found.etag if found else None):
            return
    raise LeaseError(f"{place.uri} is written by others all the time.", hint="Run the same again.")


def _moment(content: Mapping[str, Any]) -> Moment | None:
    when, digest = content.get("pushed"), content.get("digest")
    return Moment(float(when), digest) if isinstance(when, int | float) and isinstance(digest, str) else None
