"""User profiles, private spaces and code repositories, as Terraform makes them.

See :mod:`tests.servers.studio_state`.
"""

from __future__ import annotations

from typing import Any

from tests.servers.studio_lists import Kept, Refused

_SETTINGS = ("SpaceSettings", "OwnershipSettings", "SpaceSharingSettings", "SpaceDisplayName")


class People:
    """The part of the state that belongs to somebody, and what code they work on."""

    domains: dict[str, Kept]
    profiles: dict[tuple[str, str], Kept]
    spaces: dict[tuple[str, str], Kept]
    repositories: dict[str, Kept]
    apps: list[Kept]
    tags: dict[str, dict[str, str]]
    now: float
    arn: str

    # User profiles ----------------------------------------------------------------------------------

    def do_create_user_profile(
        self, DomainId: str, UserProfileName: str, Tags: Any = (), **more: Any
    ) -> Kept:
        self._check_new(self.profiles, DomainId, UserProfileName, "UserProfile")
        arn = f"{self.arn}user-profile/{DomainId}/{UserProfileName.lower()}"
        kept = {"DomainId": DomainId, "UserProfileName": UserProfileName, "UserProfileArn": arn, **more}
        self.profiles[DomainId, UserProfileName] = self._begun(kept)
        self._tag(arn, Tags)
        return {"UserProfileArn": arn}

    def do_describe_user_profile(self, DomainId: str, UserProfileName: str) -> Kept:
        return self._look(self.profiles, (DomainId, UserProfileName), f"User profile {UserProfileName}")

    def do_update_user_profile(self, DomainId: str, UserProfileName: str, **more: Any) -> Kept:
        kept = self._there(self.profiles, (DomainId, UserProfileName), f"User profile {UserProfileName}")
        kept["UserSettings"] = {**kept.get("UserSettings", {}), **more.get("UserSettings", {})}
        self._slow(kept, "Status", "Updating", "InService")
        return {"UserProfileArn": kept["UserProfileArn"]}

    def do_delete_user_profile(self, DomainId: str, UserProfileName: str) -> Kept:
        kept = self._there(self.profiles, (DomainId, UserProfileName), f"User profile {UserProfileName}")
        owned = [
            name
            for (domain, name), space in self.spaces.items()
            if (domain, space["_owner"]) == (DomainId, UserProfileName)
        ]
        self._check_free(f"User profile {UserProfileName}", owned)
        self._slow(kept, "Status", "Deleting", "")
        return {}

    # Spaces -----------------------------------------------------------------------------------------

    def do_create_space(self, DomainId: str, SpaceName: str, Tags: Any = (), **more: Any) -> Kept:
        self._check_new(self.spaces, DomainId, SpaceName, "Space")
        owner = more.get("OwnershipSettings", {}).get("OwnerUserProfileName", "")
        if owner:
            self._there(self.profiles, (DomainId, owner), f"User profile {owner}")
        arn = f"{self.arn}space/{DomainId}/{SpaceName}"
        kept = {"DomainId": DomainId, "SpaceName": SpaceName, "SpaceArn": arn, "_owner": owner, **more}
        self.spaces[DomainId, SpaceName] = self._begun(kept)
        self._tag(arn, Tags)
        return {"SpaceArn": arn}

    def do_describe_space(self, DomainId: str, SpaceName: str) -> Kept:
        return self._look(self.spaces, (DomainId, SpaceName), f"Space {SpaceName}")

    def do_update_space(self, DomainId: str, SpaceName: str, **more: Any) -> Kept:
        kept = self._there(self.spaces, (DomainId, SpaceName), f"Space {SpaceName}")
        for name in _SETTINGS:
            if name in more:
                kept[name] = (
                    {**kept.get(name, {}), **more[name]} if isinstance(more[name], dict) else more[name]
                )
        self._slow(kept, "Status", "Updating", "InService")
        return {"SpaceArn": kept["SpaceArn"]}

    def do_delete_space(self, DomainId: str, SpaceName: str) -> Kept:
        kept = self._there(self.spaces, (DomainId, SpaceName), f"Space {SpaceName}")
        running = [
            str(app["AppName"])
            for app in self.apps
            if (app["DomainId"], app.get("SpaceName")) == (DomainId, SpaceName)
            and app["Status"] == "InService"
        ]
        self._check_free(f"Space {SpaceName}", running)
        self._slow(kept, "Status", "Deleting", "")
        return {}

    # Code repositories, whose errors name no code of their own ------------------------------------------

    def do_create_code_repository(self, CodeRepositoryName: str, GitConfig: Kept, Tags: Any = ()) -> Kept:
        if CodeRepositoryName in self.repositories:
            raise Refused("ValidationException", f"CodeRepository {CodeRepositoryName} already exists.")
        arn = f"{self.arn}code-repository/{CodeRepositoryName}"
        kept = {"CodeRepositoryName": CodeRepositoryName, "CodeRepositoryArn": arn, "GitConfig": GitConfig}
        self.repositories[CodeRepositoryName] = self._dated(kept)
        self._tag(arn, Tags)
        return {"CodeRepositoryArn": arn}

    def do_describe_code_repository(self, CodeRepositoryName: str) -> Kept:
        if CodeRepositoryName not in self.repositories:
            arn = f"{self.arn}code-repository/{CodeRepositoryName}"
            raise Refused("ValidationException", f"Cannot find CodeRepository: {arn}")
        return self.repositories[CodeRepositoryName]

    def do_update_code_repository(self, CodeRepositoryName: str, GitConfig: Kept) -> Kept:
        kept = self.do_describe_code_repository(CodeRepositoryName)
        kept["GitConfig"] = {**kept["GitConfig"], **GitConfig}
        return {"CodeRepositoryArn": kept["CodeRepositoryArn"]}

    def do_delete_code_repository(self, CodeRepositoryName: str) -> Kept:
        self.do_describe_code_repository(CodeRepositoryName)
        del self.repositories[CodeRepositoryName]
        return {}

    # Tags -------------------------------------------------------------------------------------------

    def do_add_tags(self, ResourceArn: str, Tags: Any) -> Kept:
        self.tags.setdefault(ResourceArn, {}).update({tag["Key"]: tag["Value"] for tag in Tags})
        return {"Tags": Tags}

    def do_delete_tags(self, ResourceArn: str, TagKeys: list[str]) -> Kept:
        for key in TagKeys:
            self.tags.get(ResourceArn, {}).pop(key, None)
        return {}

    def _tag(self, arn: str, tags: Any) -> None:
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}

    # What all of them need --------------------------------------------------------------------------

    def _check_new(self, kind: dict[Any, Kept], domain: str, name: str, what: str) -> None:
        self._there(self.domains, domain, f"Domain {domain}")
        if (domain, name) in kind:
            raise Refused("ResourceInUse", f"{what} {name} already exists.")

    @staticmethod
    def _check_free(what: str, users: list[str]) -> None:
        if users:
            raise Refused("ResourceInUse", f"{what} is in use by {', '.join(users)}.")

    def _begun(self, kept: Kept) -> Kept:
        return self._dated(self._slow(kept, "Status", "Pending", "InService"))

    def _dated(self, kept: Kept) -> Kept:
        raise NotImplementedError

    def _slow(self, kept: Kept, name: str, during: str, after: str) -> Kept:
        raise NotImplementedError

    def _look(self, kind: dict[Any, Kept], key: Any, what: str) -> Kept:
        raise NotImplementedError

    def _there(self, kind: dict[Any, Kept], key: Any, what: str) -> Kept:
        raise NotImplementedError
