"""Publish: make a container image known to SageMaker, as a version of the kernel's image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jsk_ci.errors import InUse, NotPublished
from jsk_ci.references import Reference
from jsk_ci.studio import forms as studio_forms
from jsk_ci.studio import naming, waiting
from jsk_ci.studio.client import Studio
from jsk_ci.studio.forms import Form, Target

_LIVES = ("CREATED", "CREATING")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be published.

    Parameters
    ----------
    image
        Name of the kernel.
    display_name
        What people see.
    reference
        The container image, with its digest.
    role
        ARN of the role with which SageMaker reads the registry.
    notes
        What is new, in a line.
    """

    image: str
    display_name: str
    reference: Reference
    role: str
    notes: str


@dataclass(frozen=True, slots=True)
class Published:
    """What SageMaker has now.

    Parameters
    ----------
    image, version
        Name and number.
    reference
        Pinned reference of the container image.
    made
        Whether this call made the version; otherwise it was there.
    configs
        What was done to each AppImageConfig by name: ``created``, ``updated``, ``there``.
    """

    image: str
    version: int
    reference: str
    made: bool
    configs: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "image": self.image,
            "version": self.version,
            "reference": self.reference,
            "made": self.made,
            "configs": dict(self.configs),
        }


def publish(studio: Studio, wanted: Wanted, forms: Sequence[Form]) -> Published:
    """Publish an image; what is there already is found and not made again.

    Raises
    ------
    StudioError
        With SageMaker's reason, if the image or the version fails, or is not ready in time.
    """
    reference = naming.base_image(wanted.reference)
    _ensure_image(studio, wanted)
    there = versions(studio, wanted.image)
    number = _same_image(studio, wanted.image, reference, there, _LIVES)
    made = number is None
    if number is None:
        number = _create(studio, wanted, reference, there)
    waiting.version(studio, wanted.image, number)
    target = Target(wanted.image, wanted.display_name, number, reference)
    return Published(wanted.image, number, reference, made, studio_forms.ensure(studio, target, forms))


def look(studio: Studio, wanted: Wanted) -> Published | None:
    """Return what is published of an image already, and change nothing; None if no version is."""
    reference = naming.base_image(wanted.reference)
    there = versions(studio, wanted.image)
    number = _same_image(studio, wanted.image, reference, there, _LIVES)
    return None if number is None else Published(wanted.image, number, reference, made=False)


def versions(studio: Studio, image: str) -> dict[int, dict[str, Any]]:
    """Return what SageMaker lists of an image's versions by number, the newest first; none without image."""
    try:
        listed = list(studio.every("list_image_versions", "ImageVersions", ImageName=image))
    except NotPublished:
        return {}
    return {item["Version"]: item for item in sorted(listed, key=lambda item: -item["Version"])}


def target(studio: Studio, image: str, display_name: str, version: int) -> Target:
    """Return a version that is published, ready to be offered.

    Raises
    ------
    NotPublished
        If there is no such version.
    StudioError
        If it is not one that a domain can offer.
    """
    found = studio.find("describe_image_version", ImageName=image, Version=version)
    if found is None:
        known = ", ".join(map(str, versions(studio, image))) or "none"
        raise NotPublished(
            f"SageMaker has no version {version} of the image {image!r}; it has: {known}.",
            kept="No domain was changed.",
            hint="jsk-ci publish",
        )
    if found["ImageVersionStatus"] not in _LIVES:
        raise waiting.failure(
            f"{image} {version}", found["ImageVersionStatus"], found.get("FailureReason", "")
        )
    found = waiting.version(studio, image, version)
    return Target(image, display_name, version, found["BaseImage"])


def _ensure_image(studio: Studio, wanted: Wanted) -> None:
    name = naming.check_image(wanted.image)
    if studio.find("describe_image", ImageName=name) is None:
        with suppress(InUse):  # a lost answer, or another job at the same time
            studio.ask(
                "create_image",
                ImageName=name,
                RoleArn=wanted.role,
                DisplayName=" ".join(wanted.display_name.split())[:128],
                Description="Made by jsk-ci; its versions are immutable.",
            )
    waiting.image(studio, name)


def _same_image(
    studio: Studio,
    image: str,
    reference: str,
    there: Mapping[int, Mapping[str, Any]],
    statuses: Sequence[str],
) -> int | None:
    """Return the newest version made of ``reference``: lists do not tell, so each is described."""
    for number, listed in there.items():
        if listed["ImageVersionStatus"] in statuses:
            found = studio.find("describe_image_version", ImageName=image, Version=number)
            if found and found.get("BaseImage") == reference:
                return number
    return None


def _create(studio: Studio, wanted: Wanted, reference: str, there: Mapping[int, Mapping[str, Any]]) -> int:
    failed = _same_image(studio, wanted.image, reference, there, ("CREATE_FAILED",))
    said = {
        "ImageName": wanted.image,
        "BaseImage": reference,
        "ClientToken": naming.token(wanted.image, reference, failed or 0),
        "ReleaseNotes": naming.notes(wanted.notes) or "Made by jsk-ci.",
    }
    while True:
        try:
            answer = studio.ask("create_image_version", **said)
        except InUse:  # somebody changes the image at this moment
            if studio.patience.over:
                raise
            studio.patience.pause()
            waiting.image(studio, wanted.image)
        else:
            return naming.version_of(answer["ImageVersionArn"])[1]
