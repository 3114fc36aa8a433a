"""Rollback: let a domain offer the version before the one it offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsk_ci.errors import NotPublished
from jsk_ci.studio import domains, publish, waiting
from jsk_ci.studio.client import Studio
from jsk_ci.studio.forms import Form


def version_before(studio: Studio, image: str, domain_id: str, forms: Sequence[Form]) -> int:
    """Return the version before the one a domain offers.

    Raises
    ------
    NotPublished
        If the domain does not offer the image, or there is no earlier version that works.
    """
    domain = waiting.domain(studio, domain_id, also=("Update_Failed",))
    offered = domains.offered(domain, image, forms)
    if not offered:
        raise NotPublished(
            f"The domain {domain_id} does not offer {image!r}, so there is nothing to roll back.",
            kept="The domain was not changed.",
            hint=f"jsk-ci attach --domain {domain_id} --version 1    # or another one",
        )
    there = publish.versions(studio, image)
    # Not pinned means the newest.
    now = max(max(there, default=0) if version is None else version for version in offered.values())
    earlier = [number for number, listed in there.items() if number < now and _works(listed)]
    if not earlier:
        raise NotPublished(
            f"The domain {domain_id} offers {image} {now}, and no earlier version is there.",
            kept="The domain was not changed.",
            hint=f"jsk-ci attach --domain {domain_id} --version N    # one of: {_list(there, now)}",
        )
    return max(earlier)


def _works(listed: Mapping[str, Any]) -> bool:
    return bool(listed["ImageVersionStatus"] == "CREATED")


def _list(there: Mapping[int, Mapping[str, Any]], now: int) -> str:
    others = [str(number) for number, listed in there.items() if number != now and _works(listed)]
    return ", ".join(sorted(others, key=int)) or "none; publish one first: jsk-ci publish"
