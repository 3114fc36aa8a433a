"""What a message of the queue says: an image was pushed to a repository of ECR."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jsk_ci import candidates
from jsk_ci.errors import ProjectError
from jsk_ci.studio import naming

#: Tags that a pipeline gives to what it delivers: branch, pipeline, commit (docs/kernels.md).
_DELIVERED = re.compile(r"(?!fp-).+-\d+-[0-9a-f]{7,40}")
#: Tags under which registries without referrers keep signatures and the like.
_BESIDE = re.compile(r"sha256-[0-9a-f]{64}.*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Push:
    """One image was pushed, or got a further tag.

    Parameters
    ----------
    repository
        Name of the ECR repository: ``jsk/kernels/iris``.
    digest
        Of the image.
    tag
        Which it got.
    event
        Identifier of the event; a duplicate has the same.
    delivered
        When a pipeline said that a branch is to have this image, in seconds since 1970; None for other tags.
    """

    repository: str
    digest: str
    tag: str
    event: str
    delivered: float | None = None


def parse(body: str) -> Push | None:
    """Return the push that an event of EventBridge tells of; None if it tells of something else.

    Raises
    ------
    ProjectError
        If it is no event of ECR.

    Examples
    --------
    >>> detail = {"action-type": "DELETE", "result": "SUCCESS"}
    >>> parse(json.dumps({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": detail})) is None
    True
    """
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    known = isinstance(event, dict) and isinstance(event.get("detail"), dict)
    # Nobody but AWS can send events from a source that begins with aws.
    if not known or (event.get("source"), event.get("detail-type")) != ("aws.ecr", "ECR Image Action"):
        raise ProjectError(
            f"A message is no event of ECR: {body[:200]!r}",
            kept="It stays in the queue, and goes to the dead letters.",
            hint="Let only the rule of the platform send to the queue.",
        )
    detail = event["detail"]
    if (detail.get("action-type"), detail.get("result")) != ("PUSH", "SUCCESS"):
        return None
    return _push(detail, str(event.get("id", "")), str(event.get("time", "")))


def _push(detail: Mapping[str, Any], event: str, time: str) -> Push | None:
    repository, digest = str(detail.get("repository-name", "")), str(detail.get("image-digest", ""))
    tag = str(detail.get("image-tag", ""))
    if not tag or tag.startswith(candidates.PREFIX) or _BESIDE.fullmatch(tag):
        return None
    if not repository or not _DIGEST.fullmatch(digest):
        raise ProjectError(f"An event of ECR names no image: {dict(detail)!r}")
    return Push(repository, digest, tag, event, _seconds(time) if _DELIVERED.fullmatch(tag) else None)


def _seconds(time: str) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None


def kernel_of(repository: str, prefix: str, bases: Collection[str]) -> str:
    """Return the name of the kernel whose repository this is.

    The repository decides, not what the image says of itself: whoever may push to one repository could
    otherwise have another squad's kernel replaced.

    Parameters
    ----------
    repository
        Name of the ECR repository.
    prefix
        Of all of the platform's repositories.
    bases
        Names of the base images, which no experiment may have.

    Raises
    ------
    ProjectError
        If it is no repository of kernels.

    Examples
    --------
    >>> kernel_of("jsk/kernels/iris", "jsk", ["base"]), kernel_of("jsk/base", "jsk", ["base"])
    ('iris', 'base')
    """
    name = repository.removeprefix(f"{prefix}/")
    if name != repository and name in bases:
        return naming.check_image(name)
    name = repository.removeprefix(f"{prefix}/kernels/")
    if name == repository or "/" in name or name in bases:
        raise ProjectError(
            f"{repository} is no repository of a kernel of this platform.",
            kept="Nothing was published.",
            hint=f"Kernels are {prefix}/kernels/NAME; base images: {', '.join(sorted(bases))}.",
        )
    return naming.check_image(name)
