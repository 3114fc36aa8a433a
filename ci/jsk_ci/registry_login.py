"""Who we are to a registry: what ``docker login`` left, what GitLab gives its jobs, or AWS for ECR.

In this order:

1. ``config.json`` in ``DOCKER_CONFIG`` or ``~/.docker``, and the file that ``REGISTRY_AUTH_FILE`` names
   (buildah's): a credential helper for the host, then what is written there, then the general helper.
2. ``CI_REGISTRY_USER`` and ``CI_REGISTRY_PASSWORD`` if the host is ``CI_REGISTRY``.
3. For a host of ECR, ``ecr:GetAuthorizationToken`` with the AWS credentials at hand, good for 12 hours.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsk_ci.errors import RegistryError
from jsk_saver.errors import MissingExtra

_ECR = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")
#: How Docker's own registry is called in files that `docker login` writes.
_DOCKER_HUB = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
#: Seconds that a credential helper may think.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password.

    Parameters
    ----------
    user
        Name.
    password
        Never shown.
    is_token
        Whether the password is an OAuth refresh token, as some credential helpers keep instead.
    """

    user: str
    password: str = field(repr=False)
    is_token: bool = False

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find(host: str) -> Login | None:
    """Return the login for a registry's host (and port); None if there is none.

    Raises
    ------
    RegistryError
        If a file or helper that is there cannot be used, or AWS refuses.
    """
    return _in_files(host) or _elsewhere(host)


def missing(host: str) -> Login | None:
    """Return the login for a host that no file holds, in which builders would find it.

    Raises
    ------
    RegistryError
        As :func:`find`.
    """
    return None if _in_files(host) else _elsewhere(host)


def _in_files(host: str) -> Login | None:
    return next(filter(None, (_from_file(file, host) for file in _files())), None)


def _elsewhere(host: str) -> Login | None:
    if host == os.environ.get("CI_REGISTRY") and os.environ.get("CI_REGISTRY_PASSWORD"):
        return Login(os.environ.get("CI_REGISTRY_USER", ""), os.environ["CI_REGISTRY_PASSWORD"])
    if ecr_region(host):
        return _from_ecr(host)
    return None


def ecr_region(host: str) -> str | None:
    """Return the AWS region if the host is one of ECR's private registries.

    Examples
    --------
    >>> ecr_region("123456789012.dkr.ecr.eu-central-1.amazonaws.com")
    'eu-central-1'
    """
    match = _ECR.fullmatch(host)
    return match[2] if match else None


def ecr_client(host: str) -> Any:
    """Return boto3's client for an ECR host.

    Raises
    ------
    MissingExtra
        Without boto3.
    """
    try:
        import boto3
    except ImportError as error:
        raise MissingExtra(f"{host} needs boto3.", hint='pip install "jsk-saver[ci]"') from error
    return boto3.client("ecr", region_name=ecr_region(host))


def _files() -> Iterator[Path]:
    folder = os.environ.get("DOCKER_CONFIG")
    yield (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)


def _from_file(file: Path, host: str) -> Login | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RegistryError(f"The logins in {file} cannot be read: {error}.", hint=_login(host)) from error
    if not isinstance(told, dict):
        raise RegistryError(f"{file} holds no logins.", hint=_login(host))
    names = _DOCKER_HUB if host in _DOCKER_HUB else (host, f"https://{host}", f"http://{host}")
    for name in names:
        if helper := _mapping(told, "credHelpers").get(name):
            return _from_helper(str(helper), name)
    for name in names:
        if login := _written(_mapping(_mapping(told, "auths"), name), file, host):
            return login
    if helper := told.get("credsStore"):
        return next(filter(None, (_from_helper(str(helper), name) for name in names)), None)
    return None


def _mapping(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = told.get(key)
    return found if isinstance(found, dict) else {}


def _written(entry: Mapping[str, Any], file: Path, host: str) -> Login | None:
    try:
        user, _, password = base64.b64decode(entry.get("auth", ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, TypeError) as error:
        raise RegistryError(f"The login for {host} in {file} is damaged.", hint=_login(host)) from error
    if token := entry.get("identitytoken"):
        return Login(user, str(token), is_token=True)
    user, password = entry.get("username") or user, entry.get("password") or password.rstrip("\0")
    return Login(user, password) if user or password else None


def _from_helper(helper: str, name: str) -> Login | None:
    """Ask ``docker-credential-<helper>``, which says so if it knows nothing."""
    program = f"docker-credential-{helper}"
    try:
        ran = subprocess.run(
            [program, "get"], input=name, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
        told = json.loads(ran.stdout) if ran.returncode == 0 else None
    except FileNotFoundError as error:
        raise RegistryError(f"The login for {name} is kept by {program}, which is not there.") from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise RegistryError(f"{program} did not give the login for {name}: {error}.") from error
    if told is None:
        if "not found" in (ran.stdout + ran.stderr).lower():
            return None
        words = (ran.stderr or ran.stdout).strip()
        raise RegistryError(f"{program} did not give the login for {name}: {words}.", hint=_login(name))
    user, password = str(told.get("Username", "")), str(told.get("Secret", ""))
    return Login(user, password, is_token=user == "<token>")


def _from_ecr(host: str) -> Login:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = ecr_client(host).get_authorization_token()
        text = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    except (BotoCoreError, ClientError) as error:
        raise RegistryError(
            f"AWS gave no login for {host}: {error}",
            hint=_hint(error, host),
        ) from error
    user, _, password = text.partition(":")
    return Login(user, password)


def _hint(error: Exception, host: str) -> str:
    if getattr(error, "operation_name", "") == "AssumeRoleWithWebIdentity":
        return (
            "The trust of the job's role names other branches than this one. For branches that are not "
            "protected say other-branches: none among the inputs of the component kernel."
        )
    return f"aws ecr get-login-password --region {ecr_region(host)}    # shows what is missing"


def _login(host: str) -> str:
    return f"docker login {host}"
