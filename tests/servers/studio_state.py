"""What an account has in Studio: the state behind :class:`tests.servers.studio.Studio`."""

from __future__ import annotations

import copy
import re
import time
from typing import Any

from tests.servers.studio_apps import Apps
from tests.servers.studio_domains import Domains
from tests.servers.studio_lists import LISTS, Kept, Lists, Refused
from tests.servers.studio_people import People

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_ROLE = "arn:aws:iam::123456789012:role/studio"
_CONTAINER_FORMS = ("JupyterLabAppImageConfig", "CodeEditorAppImageConfig")
_FORMS = ("KernelGatewayImageConfig", *_CONTAINER_FORMS)


class State(Apps, Domains, Lists, People):
    """Everything an account has; see :class:`tests.servers.studio.Studio` for the parameters."""

    def __init__(self, looks: int, guards: bool, region: str = "us-east-1") -> None:
        self.looks, self.guards = looks, guards
        #: What names of things begin with that are made here, in place of those a test puts.
        self.arn = f"arn:aws:sagemaker:{region}:123456789012:"
        self.images: dict[str, Kept] = {}
        self.versions: dict[tuple[str, int], Kept] = {}
        self.configs: dict[str, Kept] = {}
        self.domains: dict[str, Kept] = {}
        self.spaces: dict[tuple[str, str], Kept] = {}
        self.profiles: dict[tuple[str, str], Kept] = {}
        self.repositories: dict[str, Kept] = {}
        self.apps: list[Kept] = []
        #: Tags by the name of what carries them.
        self.tags: dict[str, dict[str, str]] = {}
        #: What was deleted though something refers to it.
        self.harm: list[str] = []
        #: Base images that no version can be made of, and why.
        self.bad_images: dict[str, str] = {}
        #: Why the next update of a domain fails.
        self.bad_update = ""
        #: Where the clock stands.
        self.now = time.time()
        self._tokens: dict[str, tuple[Kept, str]] = {}
        self._last_version: dict[str, int] = {}

    def knows(self, operation: str) -> bool:
        """Tell whether an operation is written here."""
        return operation in LISTS or hasattr(self, _method(operation))

    def carry_out(self, operation: str, said: Kept) -> Kept:
        """Do one call and return its answer."""
        self.now += 1
        if operation in LISTS:
            return self.page(operation, said)
        answer: Kept = copy.deepcopy(getattr(self, _method(operation))(**said))
        return {name: value for name, value in answer.items() if not name.startswith("_")}

    # What is there from the start ---------------------------------------------------------------------

    def add_domain(self, name: str, user: Kept | None = None, space: Kept | None = None) -> str:
        """Make a domain and return its id."""
        domain = self._dated({"DomainId": name, "DomainArn": f"{_ARN}domain/{name}", "Status": "InService"})
        domain["DomainName"] = name
        domain["DefaultUserSettings"] = {"ExecutionRole": _ROLE, **(user or {})}
        if space is not None:
            domain["DefaultSpaceSettings"] = {"ExecutionRole": _ROLE, **space}
        self.domains[name] = domain
        return name

    def add_space(self, domain: str, name: str, settings: Kept | None = None, owner: str = "") -> None:
        """Make a space; a private one belongs to a user profile."""
        kept = self._dated({"DomainId": domain, "SpaceName": name, "Status": "InService", "_owner": owner})
        self.spaces[domain, name] = {**kept, "SpaceSettings": settings or {}}

    def add_profile(self, domain: str, name: str, settings: Kept | None = None) -> None:
        """Make a user profile."""
        kept = self._dated({"DomainId": domain, "UserProfileName": name, "Status": "InService"})
        self.profiles[domain, name] = {**kept, "UserSettings": settings or {}}

    def add_app(self, domain: str, space: str, version_arn: str, status: str = "InService") -> None:
        """Start an app of an image version."""
        spec = {"SageMakerImageVersionArn": version_arn, "InstanceType": "ml.t3.medium"}
        app = {"DomainId": domain, "SpaceName": space, "AppType": "JupyterLab", "AppName": "default"}
        self.apps.append({**app, "Status": status, "CreationTime": self.now, "ResourceSpec": spec})

    def version_arn(self, image: str, version: int) -> str:
        """Return the name of an image version."""
        return f"{_ARN}image-version/{image.lower()}/{version}"

    # Images -----------------------------------------------------------------------------------------

    def do_create_image(self, ImageName: str, RoleArn: str, Tags: Any = None, **more: Any) -> Kept:
        if ImageName in self.images:
            raise Refused("ResourceInUse", f"Image {ImageName} already exists.")
        arn = f"{_ARN}image/{ImageName}"
        kept = {"ImageName": ImageName, "ImageArn": arn, "RoleArn": RoleArn, **more}
        self.images[ImageName] = self._dated(self._slow(kept, "ImageStatus", "CREATING", "CREATED"))
        return {"ImageArn": arn}

    def do_describe_image(self, ImageName: str) -> Kept:
        return self._look(self.images, ImageName, f"Image {ImageName}")

    def do_update_image(self, ImageName: str, DeleteProperties: Any = (), **more: Any) -> Kept:
        image = self._there(self.images, ImageName, f"Image {ImageName}")
        for name in DeleteProperties:
            image.pop(name, None)
        image |= self._slow({**more, "LastModifiedTime": self.now}, "ImageStatus", "UPDATING", "CREATED")
        return {"ImageArn": image["ImageArn"]}

    def do_delete_image(self, ImageName: str) -> Kept:
        image = self._there(self.images, ImageName, f"Image {ImageName}")
        for name, number in self.versions:
            if name == ImageName:
                self._check_unused(name, number)
        image |= self._slow({}, "ImageStatus", "DELETING", "")
        self.versions = {key: kept for key, kept in self.versions.items() if key[0] != ImageName}
        return {}

    def do_create_image_version(self, ImageName: str, BaseImage: str, ClientToken: str, **more: Any) -> Kept:
        image = self._there(self.images, ImageName, f"Image {ImageName}")
        said = {"ImageName": ImageName, "BaseImage": BaseImage, **more}
        if ClientToken in self._tokens:
            before, arn = self._tokens[ClientToken]
            if before != said:
                raise Refused("ValidationException", "ClientToken was used with other parameters.")
            return {"ImageVersionArn": arn}
        if image["ImageStatus"] != "CREATED":
            raise Refused("ResourceInUse", f"Image {ImageName} is {image['ImageStatus']}.")
        number = self._last_version[ImageName] = self._last_version.get(ImageName, 0) + 1
        arn = self.version_arn(ImageName, number)
        kept = {**more, "BaseImage": BaseImage, "ImageArn": image["ImageArn"], "ImageVersionArn": arn}
        kept.pop("Aliases", None)
        self._slow(kept, "ImageVersionStatus", "CREATING", "CREATED", self.bad_images.get(BaseImage, ""))
        self.versions[ImageName, number] = self._dated({**kept, "Version": number})
        self._tokens[ClientToken] = said, arn
        return {"ImageVersionArn": arn}

    def do_describe_image_version(self, ImageName: str, Version: int | None = None, Alias: str = "") -> Kept:
        numbers = [number for name, number in self.versions if name == ImageName]
        if Alias or (Version is None and not numbers):
            raise Refused("ResourceNotFound", f"Image version {ImageName} {Alias} does not exist.")
        number = max(numbers) if Version is None else Version
        return self._look(self.versions, (ImageName, number), f"Image version {ImageName}/{number}")

    def do_delete_image_version(self, ImageName: str, Version: int | None = None, Alias: str = "") -> Kept:
        if Version is None:
            raise Refused("ValidationException", "Version is needed here.")
        key = (ImageName, Version)
        version = self._there(self.versions, key, f"Image version {ImageName}/{Version}")
        self._check_unused(*key)
        version |= self._slow({}, "ImageVersionStatus", "DELETING", "")
        return {}

    def _check_unused(self, image: str, number: int) -> None:
        arn = self.version_arn(image, number)
        users = [
            where
            for where, entry in self._custom_images()
            if entry["ImageName"] == image and entry.get("ImageVersionNumber", number) == number
        ]
        users += [f"space {name}" for (_, name), space in self.spaces.items() if _holds(space, arn)]
        users += [f"app of {app['SpaceName']}" for app in self.apps if _holds(app, arn) and _lives(app)]
        if users and self.guards:
            raise Refused("ResourceInUse", f"Image version {arn} is in use by {', '.join(users)}.")
        self.harm += [f"image version {image}/{number} deleted, which {user} refers to" for user in users]

    def _custom_images(self) -> list[tuple[str, Kept]]:
        holders = [(f"domain {name}", domain) for name, domain in self.domains.items()]
        holders += [(f"user {name}", profile) for (_, name), profile in self.profiles.items()]
        holders += [(f"space {name}", space) for (_, name), space in self.spaces.items()]
        return [(where, entry) for where, kept in holders for entry in _entries(kept)]

    # Configurations ---------------------------------------------------------------------------------

    def do_create_app_image_config(self, AppImageConfigName: str, Tags: Any = None, **forms: Any) -> Kept:
        if AppImageConfigName in self.configs:
            raise Refused("ResourceInUse", f"AppImageConfig {AppImageConfigName} already exists.")
        _check_forms(forms)
        arn = f"{_ARN}app-image-config/{AppImageConfigName.lower()}"
        kept = {"AppImageConfigName": AppImageConfigName, "AppImageConfigArn": arn, **forms}
        self.configs[AppImageConfigName] = self._dated(kept)
        return {"AppImageConfigArn": arn}

    def do_update_app_image_config(self, AppImageConfigName: str, **forms: Any) -> Kept:
        config = self._there(self.configs, AppImageConfigName, f"AppImageConfig {AppImageConfigName}")
        _check_forms(forms)
        config |= {**forms, "LastModifiedTime": self.now}
        return {"AppImageConfigArn": config["AppImageConfigArn"]}

    def do_describe_app_image_config(self, AppImageConfigName: str) -> Kept:
        return self._there(self.configs, AppImageConfigName, f"AppImageConfig {AppImageConfigName}")

    def do_delete_app_image_config(self, AppImageConfigName: str) -> Kept:
        self._there(self.configs, AppImageConfigName, f"AppImageConfig {AppImageConfigName}")
        self.harm += [
            f"config {AppImageConfigName} deleted, which {where} refers to"
            for where, entry in self._custom_images()
            if entry["AppImageConfigName"] == AppImageConfigName
        ]
        del self.configs[AppImageConfigName]
        return {}

    # Domains ----------------------------------------------------------------------------------------

    def do_describe_domain(self, DomainId: str) -> Kept:
        domain = self._look(self.domains, DomainId, f"Domain {DomainId}")
        if domain["Status"] == "InService" and "_next" in domain:
            domain |= domain.pop("_next")
        return domain

    def do_update_domain(self, DomainId: str, **change: Any) -> Kept:
        domain = self._there(self.domains, DomainId, f"Domain {DomainId}")
        if domain["Status"] not in ("InService", "Update_Failed"):
            raise Refused("ResourceInUse", f"Domain {DomainId} is {domain['Status']}.")
        unknown = set(change) - {"DefaultUserSettings", "DefaultSpaceSettings"}
        if unknown:
            raise Refused("ValidationException", f"{sorted(unknown)} cannot be changed here.")
        for name, settings in change.items():
            self._check_settings(name, settings)
        domain.pop("FailureReason", None)
        # Each block that is named is replaced whole, the others stay; to be seen only when all is done.
        domain["_next"] = {
            name: {**domain.get(name, {}), **copy.deepcopy(settings)} for name, settings in change.items()
        }
        self._slow(domain, "Status", "Updating", "InService", self.bad_update, failed="Update_Failed")
        if self.bad_update:
            del domain["_next"]
            self.bad_update = ""
        return {"DomainArn": domain["DomainArn"]}

    def _check_settings(self, name: str, settings: Kept) -> None:
        for entry in _entries({name: settings}):
            image, config = entry["ImageName"], entry["AppImageConfigName"]
            number = entry.get("ImageVersionNumber", self._last_version.get(image))
            version = self.versions.get((image, number)) if number else None
            if version is None or version["ImageVersionStatus"] != "CREATED":
                raise Refused("ValidationException", f"Image version {image}/{number} does not exist.")
            if config not in self.configs:
                raise Refused("ValidationException", f"AppImageConfig {config} does not exist.")

    # What takes time --------------------------------------------------------------------------------

    def _dated(self, kept: Kept) -> Kept:
        return {**kept, "CreationTime": self.now, "LastModifiedTime": self.now}

    def _slow(
        self, kept: Kept, name: str, during: str, after: str, why: str = "", *, failed: str = "CREATE_FAILED"
    ) -> Kept:
        kept[name] = during
        kept["_looks"], kept["_then"], kept["_why"] = self.looks, (name, failed if why else after), why
        return kept

    def _look(self, kind: dict[Any, Kept], key: Any, what: str) -> Kept:
        """Return what is described, one look further."""
        kept = self._there(kind, key, what)
        if "_then" not in kept:
            return kept
        kept["_looks"] -= 1
        if kept["_looks"] < 0:
            name, status = kept.pop("_then")
            kept[name] = status
            if why := kept.pop("_why"):
                kept["FailureReason"] = why
            if not status:
                del kind[key]
                raise Refused("ResourceNotFound", f"{what} does not exist.")
        return kept

    def _there(self, kind: dict[Any, Kept], key: Any, what: str) -> Kept:
        if key not in kind:
            raise Refused("ResourceNotFound", f"{what} does not exist.")
        return kind[key]


def _method(operation: str) -> str:
    return "do" + re.sub("([A-Z])", r"_\1", operation).lower()


def _check_forms(forms: Kept) -> None:
    if len(forms) != 1 or not set(forms) <= set(_FORMS):
        raise Refused("ValidationException", f"One of {', '.join(_FORMS)} is needed.")
    for name in _CONTAINER_FORMS:
        if "FileSystemConfig" in forms.get(name, {}):
            raise Refused("ValidationException", f"FileSystemConfig is not supported for {name}.")


def _entries(kept: Any) -> list[Kept]:
    """Return every entry of CustomImages anywhere in what is kept."""
    if isinstance(kept, dict):
        own = list(kept.get("CustomImages", ()))
        return own + [entry for name, value in kept.items() if name != "_next" for entry in _entries(value)]
    return []


def _holds(kept: Any, arn: str) -> bool:
    if isinstance(kept, dict):
        return any(_holds(value, arn) for value in kept.values())
    return bool(kept == arn)


def _lives(app: Kept) -> bool:
    return app["Status"] not in ("Deleted", "Failed")
