"""Attach: make a domain offer one version of an image, and lose nothing of what it offers besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from jsk_ci.errors import InUse, StudioBusy, StudioError
from jsk_ci.studio import domains, forms, waiting
from jsk_ci.studio.client import Studio
from jsk_ci.studio.forms import Form, Target
from jsk_ci.studio.leases import Lease
from jsk_ci.studio.uses import Use, running


@dataclass(frozen=True, slots=True)
class Attached:
    """What a domain offers now.

    Parameters
    ----------
    domain, image, version
        What was attached where.
    before
        The version that was offered by place; None where it was not pinned.
    changed
        Blocks of the domain's settings that were changed.
    running
        Apps that keep another version until they are started anew; None where nobody may ask.
    taken_over_from
        Who held the lease and was gone.
    """

    domain: str
    image: str
    version: int
    before: Mapping[str, int | None] = field(default_factory=dict)
    changed: Sequence[str] = ()
    running: Sequence[Use] | None = ()
    taken_over_from: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "domain": self.domain,
            "image": self.image,
            "version": self.version,
            "before": dict(self.before),
            "changed": list(self.changed),
            "running": None if self.running is None else [use.to_dict() for use in self.running],
            "taken_over_from": self.taken_over_from,
        }


def attach(
    studio: Studio, target: Target, domain_id: str, wanted: Sequence[Form], lease: Lease | None
) -> Attached:
    """Make a domain offer ``target``, pinned.

    Parameters
    ----------
    studio
        SageMaker.
    target
        A version that is there (:func:`jsk_ci.studio.publish.target`).
    domain_id
        ``d-…``
    wanted
        In which forms.
    lease
        Whose turn it is; None where something else sees to that.

    Raises
    ------
    StudioError
        With SageMaker's reason, if the domain fails to change, or does not in time.
    LeaseError
        If one's turn does not come, or is lost.
    """
    forms.ensure(studio, target, wanted)
    turn: AbstractContextManager[Any] = lease or nullcontext()
    with turn:
        studio.meanwhile = lease.keep if lease else studio.meanwhile
        try:
            before, changed = _offer(studio, target, domain_id, wanted, lease)
        finally:
            studio.meanwhile = lambda: None
    return Attached(
        domain_id,
        target.image,
        target.version,
        before,
        changed,
        _running(studio, domain_id, target),
        lease.taken_over_from if lease else "",
    )


def look(studio: Studio, target: Target, domain_id: str, wanted: Sequence[Form]) -> Attached:
    """Return what :func:`attach` would do, and change nothing."""
    domain = waiting.domain(studio, domain_id, also=("Update_Failed",))
    return Attached(
        domain_id,
        target.image,
        target.version,
        domains.offered(domain, target.image, wanted),
        _blocks(domains.change(domain, target.image, target.version, wanted)),
        _running(studio, domain_id, target),
    )


def _offer(
    studio: Studio, target: Target, domain_id: str, wanted: Sequence[Form], lease: Lease | None
) -> tuple[dict[str, int | None], list[str]]:
    """Read, merge, write; and read again until nothing is left to write."""
    before: dict[str, int | None] | None = None
    written: list[str] = []
    while True:
        # A domain that could not be changed the last time can be changed; not if the last time was ours.
        also = () if written else ("Update_Failed",)
        domain = waiting.domain(studio, domain_id, also=also)
        before = domains.offered(domain, target.image, wanted) if before is None else before
        change = domains.change(domain, target.image, target.version, wanted)
        if not change:
            return before, written
        if studio.patience.over:
            raise StudioError(
                f"The domain {domain_id} does not keep {target.image} {target.version}: "
                "somebody else changes it again and again.",
                kept="What the domain offers besides was not changed.",
                hint="Let all that changes the domain use one lease; then run the same again.",
            )
        if lease:
            lease.renew()
        try:
            studio.ask_once("update_domain", DomainId=domain_id, **change)
            written = sorted({*written, *_blocks(change)})
        except (InUse, StudioBusy):  # somebody changes it now, or nobody knows: look at it again
            studio.patience.pause()


def _running(studio: Studio, domain_id: str, target: Target) -> list[Use] | None:
    """Return the apps that run another version; what is attached is not undone because that is unknown."""
    try:
        return running(studio, domain_id, target.image, other_than=target.version)
    except StudioError:
        return None


def _blocks(change: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [f"{scope}.{block}" for scope, blocks in change.items() for block in blocks]
