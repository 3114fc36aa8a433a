"""Removing what nothing refers to: image versions, their configurations, images in the registry.

Everything is kept that a domain offers, a space or a running app uses, a trial or a saved object refers to,
that has a release tag, that is one of the newest, or young. What refers goes before what is referred to,
so that a run that is interrupted leaves nothing that points nowhere.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jsk_ci.errors import InUse, NotPublished
from jsk_ci.labels import PREFIX
from jsk_ci.project import Kernel
from jsk_ci.referenced import Referenced
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.studio import forms, naming, uses, waiting
from jsk_ci.studio.client import Studio
from jsk_ci.studio.uses import Use
from jsk_saver.errors import JskError

Kind = Literal["image version", "configuration", "registry image"]
#: Tags of fingerprint and commit; others were given to keep an image: also ``paper-20260131``, a date.
_OWN_TAG = re.compile(
    r"fp-[0-9a-f]{24}|candidate-[0-9a-f]{24}(-[0-9a-f]{12})?|.+-\d+-[0-9a-f]{7,40}|.+-(?=\d*[a-f])[0-9a-f]{7,40}"
)
_CONFIG = re.compile(rf".*-v(\d+)-({'|'.join(form.name for form in forms.ALL)})")
#: Times before this are those that builders are told, so that the same inputs make the same image.
_SINCE = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
_REMOVABLE = ("CREATED", "CREATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True, slots=True)
class Version:
    """One image version in SageMaker."""

    image: str
    number: int
    status: str
    created: dt.datetime
    reference: str

    @property
    def digest(self) -> str:
        """Of the container image; empty if it is not pinned."""
        return self.reference.partition("@")[2]


@dataclass(frozen=True, slots=True)
class Item:
    """Something that could be removed.

    Parameters
    ----------
    kind, name
        What it is.
    why
        Why it is kept; for what is removed, why it may be.
    remove
        The decision.
    created
        When it was made, where that is known.
    version, digest
        Which version it is or belongs to, and the container image.
    """

    kind: Kind
    name: str
    why: str
    remove: bool
    created: dt.datetime | None = None
    version: int = 0
    digest: str = ""

    def kept(self, why: str) -> Item:
        """Return the item as one that is kept after all."""
        return replace(self, remove=False, why=why)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "removed": self.remove,
            "why": self.why,
            "created": self.created.isoformat() if self.created else None,
            "digest": self.digest or None,
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept though nothing refers to it.

    Parameters
    ----------
    newest
        How many of the versions that work.
    days
        What is younger than this.
    now
        The time.
    """

    newest: int = 5
    days: float = 30.0
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def young(self, created: dt.datetime | None) -> bool:
        """Tell whether something is young; what has no date is not known to be old."""
        return created is None or self.now - created < dt.timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Known:
    """All that decides.

    Parameters
    ----------
    image
        Name of the kernel.
    repository
        Of its container images.
    versions
        Of every image in the account: some may be made of this repository under another name.
    configs
        Names of the kernel's AppImageConfigs.
    uses
        Every reference in the account.
    tags
        Digest of each tag in the registry.
    created
        When an image in the registry was made, by digest, where that is known.
    referenced
        By trials and objects.
    children
        For a base: a published image that is made on it, by the base's digest.
    """

    image: str
    repository: str
    versions: Sequence[Version]
    configs: Sequence[str]
    uses: Sequence[Use]
    tags: Mapping[str, str]
    created: Mapping[str, dt.datetime]
    referenced: Referenced
    children: Mapping[str, str] = field(default_factory=dict)

    def tags_of(self, digest: str) -> list[str]:
        """Return the tags of an image in the registry."""
        return sorted(tag for tag, its in self.tags.items() if its == digest)


# Looking ------------------------------------------------------------------------------------------------


def look(studio: Studio, repository: Repository, kernel: Kernel, referenced: Referenced) -> Known:
    """Return all that decides, and change nothing."""
    named = studio.every("list_app_image_configs", "AppImageConfigs")
    versions = list(_versions(studio))
    tags = {tag: digest for tag in repository.tags() if (digest := repository.digest(tag))}
    return Known(
        kernel.name,
        repository.name.name,
        versions,
        [name for item in named if _is_config(name := item["AppImageConfigName"], kernel.name)],
        uses.everywhere(studio),
        tags,
        {digest: when for digest in set(tags.values()) if (when := _created(repository, digest))},
        referenced,
        dict(_children(repository, versions)) if kernel.is_base else {},
    )


def _created(repository: Repository, digest: str) -> dt.datetime | None:
    """Return when an image was built, unless its builder was told a time of its own."""
    try:
        told = repository.configuration(repository.image(digest)).get("created", "")
        when = dt.datetime.fromisoformat(told[:19]).replace(tzinfo=dt.UTC)
    except (JskError, ValueError):
        return None
    return when if when > _SINCE else None


def _children(repository: Repository, versions: Sequence[Version]) -> Iterator[tuple[str, str]]:
    """Yield what published images of the same registry are made on: digest, and which image that is."""
    for one in versions:
        name, _, digest = one.reference.partition("@")
        if digest and name.startswith(f"{repository.name.registry}/"):
            try:
                labels = Repository(Reference.parse(name), repository.connection).labels(digest)
            except JskError:  # an image that is not there is made on nothing
                continue
            if parent := labels.get(f"{PREFIX}parent", "").partition("@")[2]:
                yield parent, f"{one.image} {one.number}"


def _versions(studio: Studio) -> Iterator[Version]:
    for image in studio.every("list_images", "Images"):
        name = image["ImageName"]
        try:
            listed = list(studio.every("list_image_versions", "ImageVersions", ImageName=name))
        except NotPublished:  # deleted meanwhile
            continue
        for item in listed:
            found = studio.find("describe_image_version", ImageName=name, Version=item["Version"])
            if found:
                status, created = found["ImageVersionStatus"], found["CreationTime"]
                yield Version(name, item["Version"], status, created, found.get("BaseImage", ""))


def _is_config(name: str, image: str) -> bool:
    match = _CONFIG.fullmatch(name)
    return match is not None and naming.config(image, int(match[1]), match[2]) == name


# Deciding -----------------------------------------------------------------------------------------------


def decide(known: Known, rules: Rules) -> list[Item]:
    """Return everything that could be removed, in the order of removal, each with its reason."""
    own = sorted((one for one in known.versions if one.image == known.image), key=lambda one: -one.number)
    newest = [one.number for one in own if one.status == "CREATED"][: rules.newest]
    versions = [_version_item(one, known, rules, newest) for one in own]
    kept = {item.version for item in versions if not item.remove}
    configs = [_config_item(name, known, kept) for name in sorted(known.configs)]
    removed = {(known.image, item.version) for item in versions if item.remove}
    staying = [one for one in known.versions if (one.image, one.number) not in removed]
    ages = {one.digest: one.created for one in own} | dict(known.created)
    digests = sorted(set(known.tags.values()))
    return [*versions, *configs, *(_registry_item(one, known, rules, staying, ages) for one in digests)]


def _version_item(one: Version, known: Known, rules: Rules, newest: Sequence[int]) -> Item:
    why = ""
    if users := [use.where for use in known.uses if use.covers(one.image, one.number)]:
        why = f"used by {_some(users)}"
    elif one.status not in _REMOVABLE:
        why = f"is {one.status}"
    elif known.referenced.covers(one.digest, known.repository, known.tags_of(one.digest)):
        why = "trials or objects refer to it"
    elif one.number in newest:
        why = f"one of the newest {rules.newest}"
    elif rules.young(one.created):
        why = f"younger than {rules.days:g} days"
    told = why or ("never worked" if one.status == "CREATE_FAILED" else "nothing refers to it")
    name = f"{one.image} {one.number}"
    return Item("image version", name, told, not why, one.created, one.number, one.digest)


def _config_item(name: str, known: Known, kept: set[int]) -> Item:
    match = _CONFIG.fullmatch(name)
    number = int(match[1]) if match else 0
    if users := [use.where for use in known.uses if use.config == name]:
        return Item("configuration", name, f"used by {_some(users)}", False, version=number)
    if number in kept:
        return Item("configuration", name, f"belongs to {known.image} {number}", False, version=number)
    return Item("configuration", name, "nothing refers to it", True, version=number)


def _registry_item(
    digest: str,
    known: Known,
    rules: Rules,
    staying: Sequence[Version],
    ages: Mapping[str, dt.datetime],
) -> Item:
    tags, created = known.tags_of(digest), ages.get(digest)
    given = [tag for tag in tags if not _OWN_TAG.fullmatch(tag)]
    users = [f"{one.image} {one.number}" for one in staying if one.digest == digest]
    why = ""
    if users:
        why = f"{_some(users)} is made of it"
    elif known.referenced.covers(digest, known.repository, tags):
        why = "trials or objects refer to it"
    elif digest in known.children:
        why = f"{known.children[digest]} is made on it"
    elif given:
        why = f"has the tag {_some(given)}"
    elif rules.young(created):
        why = f"younger than {rules.days:g} days" if created else "nobody knows how old it is"
    name = ", ".join(tags) or digest
    return Item("registry image", name, why or "nothing refers to it", not why, created, digest=digest)


def _some(names: Sequence[str]) -> str:
    first = list(dict.fromkeys(names))
    return first[0] if len(first) == 1 else f"{first[0]} and {len(first) - 1} more"


# Doing --------------------------------------------------------------------------------------------------


def carry_out(
    studio: Studio, repository: Repository, items: Sequence[Item], image: str, again: Callable[[], list[Item]]
) -> list[Item]:
    """Remove what was decided, and return what became of each: the service may know of further uses.

    What is to go from the registry is decided ``again`` right before: meanwhile an image may have been
    published or promoted, which waits for nobody, and no registry knows what refers to it.
    """
    done: list[Item] = []
    now: dict[str, Item] | None = None
    held: dict[str, str] = {}
    stuck: set[int] = set()
    for item in items:
        after = item
        if item.remove and item.kind == "image version":
            after = _remove_version(studio, image, item)
        elif item.remove and item.kind == "configuration" and item.version in stuck:
            after = item.kept(f"belongs to {image} {item.version}")
        elif item.remove and item.kind == "configuration":
            _remove_config(studio, item)
        elif item.remove and item.digest in held:
            after = item.kept(f"{held[item.digest]} is made of it")
        elif item.remove:
            now = {one.digest: one for one in again() if one.kind == item.kind} if now is None else now
            after = now.get(item.digest, item)
            if after.remove:
                repository.delete(item.digest)
        if item.kind == "image version" and not after.remove:
            held[item.digest] = item.name
            stuck.add(item.version)
        done.append(after)
    return done


def _remove_version(studio: Studio, image: str, item: Item) -> Item:
    try:
        studio.ask("delete_image_version", ImageName=image, Version=item.version)
        waiting.gone(studio, image, item.version)
    except InUse as error:
        return item.kept(f"SageMaker keeps it: {error.what}")
    except NotPublished:
        pass
    return item


def _remove_config(studio: Studio, item: Item) -> None:
    with suppress(NotPublished):
        studio.ask("delete_app_image_config", AppImageConfigName=item.name)
