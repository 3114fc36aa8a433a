"""What Studio's control plane lists, page by page; see :mod:`tests.servers.studio_state`."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

#: Small, so that nobody gets away without following pages.
_PAGE = 3
LISTS = {
    "ListImages": "Images",
    "ListImageVersions": "ImageVersions",
    "ListAppImageConfigs": "AppImageConfigs",
    "ListDomains": "Domains",
    "ListSpaces": "Spaces",
    "ListApps": "Apps",
    "ListUserProfiles": "UserProfiles",
    "ListTags": "Tags",
}

Kept = dict[str, Any]


class Refused(Exception):
    """The service's refusal."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Lists:
    """The part of the state that lists what is there."""

    images: dict[str, Kept]
    versions: dict[tuple[str, int], Kept]
    configs: dict[str, Kept]
    domains: dict[str, Kept]
    spaces: dict[tuple[str, str], Kept]
    profiles: dict[tuple[str, str], Kept]
    apps: list[Kept]
    tags: dict[str, dict[str, str]]

    def page(self, operation: str, said: Kept) -> Kept:
        items = getattr(self, f"_{LISTS[operation].lower()}")(said)
        start, size = int(said.get("NextToken", 0)), min(said.get("MaxResults", _PAGE), _PAGE)
        page: Kept = {LISTS[operation]: copy.deepcopy(items[start : start + size])}
        return page if start + size >= len(items) else {**page, "NextToken": str(start + size)}

    def _images(self, said: Kept) -> list[Kept]:
        part = said.get("NameContains", "")
        return [_without(image, "RoleArn") for name, image in self.images.items() if part in name]

    def _imageversions(self, said: Kept) -> list[Kept]:
        if said["ImageName"] not in self.images:
            raise Refused("ResourceNotFound", f"Image {said['ImageName']} does not exist.")
        names = ("ImageArn", "ImageVersionArn", "ImageVersionStatus", "Version", "CreationTime")
        names += ("LastModifiedTime", "FailureReason")
        found = [version for key, version in self.versions.items() if key[0] == said["ImageName"]]
        return [{name: version[name] for name in names if name in version} for version in found]

    def _appimageconfigs(self, said: Kept) -> list[Kept]:
        return [kept for name, kept in self.configs.items() if said.get("NameContains", "") in name]

    def _domains(self, said: Kept) -> list[Kept]:
        names = ("DomainArn", "DomainId", "DomainName", "Status", "CreationTime", "LastModifiedTime")
        return [{name: kept[name] for name in names} for kept in self.domains.values()]

    def _spaces(self, said: Kept) -> list[Kept]:
        told = []
        for kept in _of_domain(self.spaces.values(), said):
            owner = {"OwnershipSettingsSummary": {"OwnerUserProfileName": kept["_owner"]}}
            told.append(_only(kept, "SpaceName") | (owner if kept["_owner"] else {}))
        return told

    def _userprofiles(self, said: Kept) -> list[Kept]:
        return [_only(kept, "UserProfileName") for kept in _of_domain(self.profiles.values(), said)]

    def _apps(self, said: Kept) -> list[Kept]:
        return [_without(app) for app in _of_domain(self.apps, said)]

    def _tags(self, said: Kept) -> list[Kept]:
        return [{"Key": key, "Value": value} for key, value in self.tags.get(said["ResourceArn"], {}).items()]


def _without(kept: Kept, *names: str) -> Kept:
    return {name: value for name, value in kept.items() if name not in names and not name.startswith("_")}


def _only(kept: Kept, name: str) -> Kept:
    """Return what lists tell of a thing in a domain."""
    return {part: kept[part] for part in ("DomainId", name, "Status", "CreationTime", "LastModifiedTime")}


def _of_domain(kept: Iterable[Kept], said: Kept) -> list[Kept]:
    return [item for item in kept if said.get("DomainIdEquals", item["DomainId"]) == item["DomainId"]]
