"""Apps of Studio, and tags of what they run in; see :mod:`tests.servers.studio_state`."""

from __future__ import annotations

from typing import Any

from tests.servers.studio_lists import Kept, Refused

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"


class Apps:
    """The part of the state that runs."""

    apps: list[Kept]
    tags: dict[str, dict[str, str]]
    now: float
    looks: int

    def start_app(
        self,
        domain: str,
        owner: str,
        *,
        kind: str = "JupyterLab",
        name: str = "default",
        instance: str = "ml.t3.medium",
        in_space: bool = True,
        hours: float = 1.0,
        idle: float | None = None,
        checked: float | None = None,
        status: str = "InService",
    ) -> Kept:
        """Start an app some hours ago; ``idle`` and ``checked`` are hours since a user and a health check."""
        app: Kept = {
            "DomainId": domain,
            "SpaceName" if in_space else "UserProfileName": owner,
            "AppType": kind,
            "AppName": name,
            "Status": status,
            "CreationTime": self.now - 3600 * hours,
            "ResourceSpec": {"InstanceType": instance},
            "_arn": f"{_ARN}app/{domain}/{owner}/{kind}/{name}",
        }
        if idle is not None:
            app["_seen"] = self.now - 3600 * idle
        if checked is not None:
            app["_checked"] = self.now - 3600 * checked
        self.apps.append(app)
        return app

    def tag_space(self, domain: str, space: str, **tags: str) -> None:
        """Give a space cost tags of the kit."""
        self.tags[f"{_ARN}space/{domain}/{space}"] = {f"jsk:{name}": value for name, value in tags.items()}

    def do_describe_app(self, DomainId: str, AppType: str, AppName: str, **owner: str) -> Kept:
        app = self._running(DomainId, AppType, AppName, owner)
        if app["Status"] == "Deleting":
            app["_looks"] = app.get("_looks", self.looks) - 1
            if app["_looks"] < 0:
                self.apps.remove(app)
                raise Refused("ResourceNotFound", f"App {AppName} does not exist.")
        told = {
            "AppArn": "_arn",
            "LastUserActivityTimestamp": "_seen",
            "LastHealthCheckTimestamp": "_checked",
        }
        return {**app, **{name: app[kept] for name, kept in told.items() if kept in app}}

    def do_delete_app(self, DomainId: str, AppType: str, AppName: str, **owner: str) -> Kept:
        app = self._running(DomainId, AppType, AppName, owner)
        if app["Status"] == "Deleting":
            raise Refused("ResourceInUse", f"App {AppName} is being deleted.")
        app["Status"] = "Deleting"
        return {}

    def _running(self, domain: str, kind: str, name: str, owner: Kept) -> Kept:
        if len(owner) != 1:
            raise Refused("ValidationException", "One of SpaceName and UserProfileName is needed.")
        wanted: dict[str, Any] = {"DomainId": domain, "AppType": kind, "AppName": name, **owner}
        for app in self.apps:
            if wanted.items() <= app.items():
                return app
        raise Refused("ResourceNotFound", f"App {name} does not exist.")
