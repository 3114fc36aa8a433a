"""Logins that only this process knows of, lent to builders while they work.

``registry_login`` also finds what GitLab gives to jobs (``CI_REGISTRY_PASSWORD``) and what AWS makes for ECR;
Docker's client and buildah know files alone. So they are given one, which nobody else can read, and which is
gone when they are done.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsk_ci import registry_login
from jsk_ci.references import DEFAULT_REGISTRY
from jsk_ci.registry_login import Login

_CONFIG, _AUTH = "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"


@contextmanager
def logins(names: Iterable[str]) -> Iterator[None]:
    """Let builders push to and pull from where some images are.

    Parameters
    ----------
    names
        Of images, or registries with a path.

    Raises
    ------
    RegistryError
        If a login that is there cannot be read, or AWS refuses.
    """
    hosts = sorted(set(map(_host, names)))
    if not any(registry_login.missing(host) for host in hosts):
        yield
        return
    found = {host: login for host in hosts if (login := registry_login.find(host))}
    before = {name: os.environ.get(name) for name in (_CONFIG, _AUTH)}
    place = Path(before[_CONFIG] or Path.home() / ".docker")
    with tempfile.TemporaryDirectory(prefix="jsk-login-") as folder:
        _beside(place, Path(folder))
        told = _told(place / "config.json")
        told.pop("credsStore", None)  # it would be asked instead of the file, as a host's own helper would
        helpers = told.get("credHelpers") or {}
        told["credHelpers"] = {name: helper for name, helper in helpers.items() if name not in found}
        told["auths"] = {**(told.get("auths") or {}), **_auths(found)}
        file = Path(folder, "config.json")
        file.touch(mode=0o600)
        file.write_text(json.dumps(told), encoding="utf-8")
        try:
            os.environ[_CONFIG] = folder
            os.environ.pop(_AUTH, None)
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _host(name: str) -> str:
    head, slash, _ = name.partition("/")
    named = slash and (":" in head or "." in head or head == "localhost")
    return head if named else DEFAULT_REGISTRY


def _auths(found: Mapping[str, Login]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for host, login in found.items():
        if login.is_token:
            told[host] = {"username": login.user, "identitytoken": login.password}
        else:
            told[host] = {"auth": login.basic.removeprefix("Basic ")}
    return told


def _told(file: Path) -> dict[str, Any]:
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return told if isinstance(told, dict) else {}


def _beside(place: Path, folder: Path) -> None:
    """Show what else the client keeps there: its plug-ins and contexts, sockets and gigabytes of caches."""
    if place.is_dir():
        for path in place.resolve().iterdir():
            if path.name != "config.json":
                (folder / path.name).symlink_to(path)
