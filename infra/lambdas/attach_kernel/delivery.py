"""From a push to an attachment: publish, wait for one's turn, decide, attach, note it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from attach_kernel import order
from attach_kernel.events import Push, kernel_of
from attach_kernel.order import Moment
from jsk_ci import labels
from jsk_ci.errors import ProjectError
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.studio import attach, client, domains, forms, naming, rollback, waiting
from jsk_ci.studio import publish as publishing
from jsk_ci.studio.client import Studio
from jsk_ci.studio.conditional import Conditional, place
from jsk_ci.studio.leases import LONGEST_PAUSE, Lease
from jsk_ci.studio.patience import Patience


@dataclass(frozen=True)
class Platform:
    """What Terraform tells the function in its environment.

    Parameters
    ----------
    domain
        Studio's: ``d-…``.
    lease
        Where whoever changes the domain takes turns: ``s3://bucket/jsk-ci/``.
    role
        With which SageMaker reads images.
    registry
        Host of ECR.
    prefix
        Of all of the platform's repositories.
    bases
        Names of the base images.
    """

    domain: str
    lease: str
    role: str
    registry: str
    prefix: str
    bases: Sequence[str] = field(default=("base",))

    @classmethod
    def from_environment(cls) -> Platform:
        """Return what the environment says.

        Raises
        ------
        ProjectError
            If a variable is missing.
        """
        names = {
            "domain": "JSK_CI_DOMAIN",
            "lease": "JSK_CI_LEASE",
            "role": "JSK_CI_STUDIO_ROLE",
            "registry": "JSK_CI_REGISTRY",
            "prefix": "JSK_PLATFORM",
        }
        found = {field: os.environ.get(name, "") for field, name in names.items()}
        if missing := [names[field] for field, value in found.items() if not value]:
            raise ProjectError(f"The function's environment lacks {', '.join(missing)}.")
        return cls(**found, bases=tuple(os.environ.get("JSK_BASES", "base").split(",")))

    @cached_property
    def ecr(self) -> Any:
        """boto3's client of ECR."""
        import boto3
        from botocore.config import Config

        return boto3.client("ecr", config=Config(retries={"total_max_attempts": 8, "mode": "standard"}))

    def mark(self, image: str) -> Conditional:
        """Return where it is noted which image of a kernel was attached last."""
        return place(f"{self.lease.rstrip('/')}/attached/{image}.json")

    def turn(self, purpose: str, patience: Patience) -> Lease:
        """Return the lease."""
        return Lease(place(f"{self.lease.rstrip('/')}/"), purpose, patience)


@dataclass(frozen=True, slots=True)
class Kernel:
    """An image that is to be published.

    Parameters
    ----------
    name, display_name
        Of the kernel.
    reference
        Of the container image, with its digest.
    pushed
        When, or when it was delivered since.
    commit
        Of the repository that it was built from.
    """

    name: str
    display_name: str
    reference: Reference
    pushed: Moment
    commit: str


def identify(platform: Platform, push: Push) -> Kernel | None:
    """Return what was pushed; None if it is not in the registry any more.

    Raises
    ------
    ProjectError
        If it is not an image to publish: trying again does not help.
    RegistryError
        If the registry does not tell.
    """
    name = kernel_of(push.repository, platform.prefix, platform.bases)
    when = order.pushed(platform.ecr, push.repository, push.digest)
    if when is None:
        return None
    if push.delivered and push.delivered > when.pushed:  # an image that was there is delivered once more
        when = Moment(push.delivered, push.digest)
    reference = Reference(platform.registry, push.repository, digest=push.digest)
    naming.base_image(reference)
    told = labels.parse(Repository(reference).labels(push.digest), str(reference))
    if told.name != name:
        raise ProjectError(
            f"{reference} says that it is {told.name!r}, and its repository is that of {name!r}.",
            kept="Nothing was published.",
            hint=f'[tool.jsk.kernel] name = "{name}", or push it to the repository of {told.name!r}.',
        )
    return Kernel(name, told.display_name, reference, when, told.commit)


def deliver(platform: Platform, kernel: Kernel, seconds: float) -> dict[str, Any]:
    """Publish an image, and attach it unless a later one was; tell what was done.

    An older image is published all the same: nothing that was pushed is lost, and it can be attached by hand.

    Parameters
    ----------
    platform
        Where.
    kernel
        What.
    seconds
        Bound of all waiting.

    Raises
    ------
    JskError
        If something failed; the same event, handled again, goes on from there.
    """
    patience = Patience(seconds)
    studio = Studio(client.connect(), patience)
    notes = f"commit {kernel.commit or 'unknown'}: {kernel.display_name}"
    wanted = publishing.Wanted(kernel.name, kernel.display_name, kernel.reference, platform.role, notes)
    found = publishing.publish(studio, wanted, forms.ALL)
    target = forms.Target(kernel.name, kernel.display_name, found.version, found.reference)
    return {
        "image": kernel.name,
        "version": found.version,
        "published": found.made,
        **_offer(platform, studio, target, kernel.pushed, patience),
    }


def by_hand(platform: Platform, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Attach the version that somebody asks for, or the one before: ``{"image": "iris", "version": 4}``.

    Raises
    ------
    ProjectError
        If it is not said which image.
    JskError
        If it cannot be attached.
    """
    image, version = asked.get("image"), asked.get("version")
    right = version is None or (type(version) is int and version > 0)
    if not isinstance(image, str) or not right or asked.keys() - {"image", "version"}:
        raise ProjectError(
            f"What is asked for is not understood: {dict(asked)!r}", hint='{"image": "iris", "version": 4}'
        )
    patience = Patience(seconds)
    studio = Studio(client.connect(), patience)
    number = version or rollback.version_before(studio, image, platform.domain, forms.ALL)
    base = studio.ask("describe_image", ImageName=image)
    target = publishing.target(studio, image, base.get("DisplayName", image), number)
    lease = platform.turn(f"attach {image} {number} by hand", _turns(patience))
    done = attach.attach(studio, target, platform.domain, forms.ALL, lease)
    return {"image": image, "version": number, **_told(done)}


def _offer(
    platform: Platform, studio: Studio, target: forms.Target, when: Moment, patience: Patience
) -> dict[str, Any]:
    """Decide and attach while nobody else changes the domain."""
    mark = platform.mark(target.image)
    lease = platform.turn(f"attach {target.image} {target.version}", _turns(patience))
    with lease:
        # Renewed before each call once a third of it has passed: what is left is longer than any call.
        studio.meanwhile = lease.keep
        offered = _offered(platform, studio, target.image)
        if why := order.why_not(when, offered, order.read(mark)):
            return {"outcome": "older", "why": why}
        done = attach.attach(studio, target, platform.domain, forms.ALL, None)
        order.write(mark, when)
    return {**_told(done), "taken_over_from": lease.taken_over_from}


def _turns(patience: Patience) -> Patience:
    return Patience(patience.left, longest=LONGEST_PAUSE)


def _told(done: attach.Attached) -> dict[str, Any]:
    # A change whose answer was lost is in neither list of changes, and was made all the same.
    was_so = not done.changed and bool(done.before) and set(done.before.values()) == {done.version}
    return {
        "outcome": "already" if was_so else "attached",
        "changed": list(done.changed),
        "before": dict(done.before),
        "running_another": None if done.running is None else len(done.running),
    }


def _offered(platform: Platform, studio: Studio, image: str) -> list[Moment]:
    """Return when the images were pushed that the domain offers of a kernel."""
    domain = waiting.domain(studio, platform.domain, also=("Update_Failed",))
    numbers = set(domains.offered(domain, image, forms.ALL).values())
    # Not pinned means the newest.
    newest = max(publishing.versions(studio, image)) if None in numbers else 0
    found = (_moment(platform, studio, image, number or newest) for number in numbers)
    return [moment for moment in found if moment]


def _moment(platform: Platform, studio: Studio, image: str, number: int) -> Moment | None:
    found = studio.find("describe_image_version", ImageName=image, Version=number)
    if found is None or "@" not in found["BaseImage"]:  # made by hand: there is nothing to compare
        return None
    reference = Reference.parse(found["BaseImage"])
    digest, ours = str(reference.digest), reference.registry == platform.registry
    when = order.pushed(platform.ecr, reference.repository, digest) if ours else None
    # Of an image that was removed, or never was here, the version's own time is the best that is known.
    return when or Moment(found["CreationTime"].timestamp(), digest)
