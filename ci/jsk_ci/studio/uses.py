"""Who refers to which image version: domains, user profiles, spaces and running apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsk_ci.errors import NotPublished
from jsk_ci.studio import naming
from jsk_ci.studio.client import Studio

#: What of a domain may refer to images, under which name it is listed, and which name it has.
_HOLDERS = (("user_profile", "UserProfiles", "UserProfileName"), ("space", "Spaces", "SpaceName"))
_ENDED = ("Deleted", "Failed")


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody refers to an image.

    Parameters
    ----------
    where
        ``domain d-1``, ``space s of d-1``, ``app of …``.
    image
        Name of the image, in lower case.
    version
        Its number; None for whichever is the newest, or is not known: then all of them are in use.
    config
        AppImageConfig that is referred to; empty for none.
    """

    where: str
    image: str
    version: int | None
    config: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"where": self.where, "image": self.image, "version": self.version, "config": self.config}

    def covers(self, image: str, version: int) -> bool:
        """Tell whether an image version is what is referred to."""
        return self.image == image.lower() and self.version in (None, version)


def running(studio: Studio, domain_id: str, image: str, *, other_than: int) -> list[Use]:
    """Return the apps of a domain that run another version of an image than a given one."""
    return [
        use
        for use in apps(studio, domain_id)
        if use.image == image.lower() and use.version not in (None, other_than)
    ]


def everywhere(studio: Studio) -> list[Use]:
    """Return all references of the account: to any version of any image, and to configurations."""
    found: list[Use] = []
    for listed in studio.every("list_domains", "Domains"):
        found += in_domain(studio, listed["DomainId"])
    return found


def in_domain(studio: Studio, name: str) -> list[Use]:
    """Return what a domain, its user profiles, spaces and apps refer to."""
    domain = studio.find("describe_domain", DomainId=name)
    if domain is None:  # deleted meanwhile
        return []
    found = list(_inside(domain, f"domain {name}"))
    for kind, plural, key in _HOLDERS:
        for listed in studio.every(f"list_{kind}s", plural, DomainIdEquals=name):
            said = {"DomainId": name, key: listed[key]}
            if details := studio.find(f"describe_{kind}", **said):
                found += _inside(details, f"{kind.replace('_', ' ')} {listed[key]} of {name}")
    return found + apps(studio, name)


def apps(studio: Studio, domain_id: str) -> list[Use]:
    """Return what the apps of a domain run."""
    found: list[Use] = []
    for app in studio.every("list_apps", "Apps", DomainIdEquals=domain_id):
        if app.get("Status") not in _ENDED:
            owner = app.get("SpaceName") or app.get("UserProfileName", "")
            where = f"{app['AppType']} app {app['AppName']} of {owner} in {domain_id}"
            found += _inside(_details(studio, app), where)
    return found


def _details(studio: Studio, app: Mapping[str, Any]) -> Mapping[str, Any]:
    if "ResourceSpec" in app:
        return app
    names = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName")
    said = {name: app[name] for name in names if app.get(name)}
    try:
        return studio.ask("describe_app", **said)
    except NotPublished:
        return {}


def _inside(told: Any, where: str) -> Iterator[Use]:
    """Yield the references anywhere in what SageMaker tells; new kinds of settings are found too."""
    if isinstance(told, list):
        for item in told:
            yield from _inside(item, where)
    if not isinstance(told, Mapping):
        return
    if "ImageName" in told and "AppImageConfigName" in told:
        version, config = told.get("ImageVersionNumber"), told["AppImageConfigName"]
        yield Use(where, told["ImageName"].lower(), version, config)
    if arn := told.get("SageMakerImageVersionArn"):
        image, number = naming.version_of(arn) if "image-version/" in arn else ("", 0)
        yield Use(where, image, number)
    elif arn := told.get("SageMakerImageArn"):
        yield Use(where, arn.rpartition("/")[2].lower(), None)
    for value in told.values():
        yield from _inside(value, where)
