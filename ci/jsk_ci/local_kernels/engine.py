"""The container engine of this machine, through Docker's command line or Podman's, which takes the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_ci import labels
from jsk_ci.errors import NoBuilder, ProjectError, RegistryError

#: The first that is there is used.
PROGRAMS = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class LocalImage:
    """A kernel image that the engine has.

    Parameters
    ----------
    identifier
        ``sha256:…`` of its configuration; names it on this machine.
    pinned
        ``registry/repository@sha256:…``, or the identifier for an image that no registry has.
    names
        Its tags.
    created
        When it was built, as the engine says; sorts.
    identity
        What it says of itself.
    """

    identifier: str
    pinned: str
    names: tuple[str, ...]
    created: str
    identity: labels.Identity

    @property
    def shown(self) -> str:
        """The name that says most to a person."""
        return self.names[0] if self.names else self.pinned


class Engine:
    """Docker or Podman.

    Parameters
    ----------
    program
        Where its command line is.
    """

    def __init__(self, program: str) -> None:
        self.program = program

    @classmethod
    def find(cls) -> Engine:
        """Return the engine of this machine.

        Raises
        ------
        NoBuilder
            If there is none.
        """
        found = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if found is None:
            raise NoBuilder(
                "No container engine is here: neither docker nor podman is on PATH.",
                hint="Install Docker or Podman, then: jsk kernels install",
            )
        return cls(found)

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which maps users in a way of its own."""
        return Path(self.program).name.startswith("podman")

    def kernel_images(self) -> list[LocalImage]:
        """Return the kernel images that are here, the newest first.

        Raises
        ------
        NoBuilder
            If the engine does not answer.
        """
        told = self._call(
            "image", "ls", "--quiet", "--no-trunc", f"--filter=label={labels.PREFIX}fingerprint"
        )
        identifiers = list(dict.fromkeys(told.split()))
        found = json.loads(self._call("image", "inspect", *identifiers)) if identifiers else []
        return sorted(map(_image, found), key=lambda image: image.created, reverse=True)

    def image(self, name: str) -> LocalImage:
        """Return an image by any name the engine takes, fetched from its registry if it is not here.

        Raises
        ------
        RegistryError
            If it is neither here nor to be had.
        ProjectError
            If it is no kernel image.
        """
        done = self._run("image", "inspect", "--", name)
        if done.returncode:
            self._call("version")  # an engine that does not answer is another error
            pulled = self._run("pull", "--", name)
            if pulled.returncode:
                said = (pulled.stderr.strip().splitlines() or ["no answer"])[-1]
                raise RegistryError(
                    f"The image {name} is not here, and cannot be pulled: {said}",
                    hint="jsk kernels list --images",
                )
            done = self._run("image", "inspect", "--", name)
        return _image(json.loads(done.stdout)[0])

    def has(self, identifier: str) -> bool:
        """Tell whether an image is here."""
        return self._run("image", "inspect", "--", identifier).returncode == 0

    def _call(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
            raise NoBuilder(
                f"{self.program} does not answer: {said}", hint=f"{self.program} version    # does it run?"
            )
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.program, *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", str(error))


def _image(told: Mapping[str, Any]) -> LocalImage:
    names = tuple(name for name in told.get("RepoTags") or () if "<none>" not in name)
    digests = [name for name in told.get("RepoDigests") or () if "<none>" not in name]
    identifier = str(told["Id"])
    identifier = identifier if identifier.startswith("sha256:") else f"sha256:{identifier}"
    config = told.get("Config") or {}
    name = names[0] if names else identifier
    identity = labels.parse(config.get("Labels"), name)
    if not identity.name.replace("-", "").isalnum():
        raise ProjectError(f"{name} calls its kernel {identity.name!r}, which no kernel can be called.")
    return LocalImage(
        identifier, _pinned(names, digests, identifier), names, str(told.get("Created", "")), identity
    )


def _pinned(names: tuple[str, ...], digests: list[str], identifier: str) -> str:
    """Return the digest under the name that the image also has a tag of, if there are several."""
    repositories = [name.rpartition(":")[0] for name in names]
    of_tags = [digest for digest in digests if digest.partition("@")[0] in repositories]
    return next(iter([*of_tags, *digests]), identifier)
