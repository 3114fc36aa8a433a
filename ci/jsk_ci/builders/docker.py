"""A Docker engine, which builds with BuildKit."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from typing import Any

from jsk_ci.builders import program, settling, words
from jsk_ci.builders.base import Container, Context, Image, Ran
from jsk_ci.builders.program import Done, Log, options, silent
from jsk_ci.errors import BuildFailed, NoBuilder
from jsk_ci.references import Reference
from jsk_ci.targets import PLATFORM

_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")
#: From this client on, BuildKit is a plug-in (buildx), which may not be there.
_NEEDS_PLUGIN = 23


class Docker:
    """Drives the ``docker`` client; the engine is the one that the client's own settings name.

    Parameters
    ----------
    log
        Takes each line of a build's log.
    """

    name = "docker"

    def __init__(self, log: Log = silent) -> None:
        self._log = log
        self._client = _client()

    @staticmethod
    def available() -> bool:
        """Tell whether a client is there that can build, and an engine that answers it."""
        try:
            client = _client()
        except NoBuilder:
            return False
        return program.call([client, "version"], timeout=20).code == 0

    def version(self) -> str:
        """Return the engine's version."""
        done = self._call("version", "--format", "{{.Server.Version}}")
        return f"Docker {done.text.strip()} with BuildKit"

    def build(
        self, context: Context, reference: str, *, cache: str | None = None, fresh: bool = False
    ) -> Image:
        """Build with BuildKit. ``cache`` holds the final stage, which is all that engines give."""
        command = [self._client, "build", "--progress", "plain", "--network", "host", "--tag", reference]
        command += ["--platform", PLATFORM]
        command += options("--build-arg", context.arguments) + options("--label", context.labels)
        for name, file in context.secrets.items():
            command += ["--secret", f"id={name},src={file}"]
        if fresh:
            command.append("--no-cache")
        if cache:
            command += ["--cache-from", f"{cache}:docker", "--build-arg", "BUILDKIT_INLINE_CACHE=1"]
        done = program.follow(
            [*command, str(context.folder)], self._log, environment={"DOCKER_BUILDKIT": "1"}
        )
        if done.code:
            raise words.failed(f"Docker could not build {reference}", done.output)
        if context.removes:
            self._settle(reference)
        if cache:
            self.push(reference, Reference.parse(cache).with_tag("docker"))
        return self._built(reference)

    def _settle(self, reference: str) -> None:
        image = self._built(reference)
        if settling.settle(self._client, image):
            program.call([self._client, "image", "rm", image.identifier])
        else:
            self._log("This engine's layers of removed files hold the time of day; buildah's do not.")

    def _built(self, reference: str) -> Image:
        image = self.inspect(reference)
        if image is None:
            raise BuildFailed(f"Docker built {reference}, and does not have it.")
        return image

    def inspect(self, reference: str) -> Image | None:
        """Return an image that the engine has."""
        done = program.call([self._client, "image", "inspect", reference])
        if done.code:
            if "No such image" in done.log:
                return None
            raise words.failed(f"Docker cannot tell about {reference}", done.output)
        return _image(reference, json.loads(done.text)[0])

    def pull(self, reference: str) -> Image:
        """Fetch an image."""
        done = program.call([self._client, "pull", "--platform", PLATFORM, reference])
        image = None if done.code else self.inspect(reference)
        if image is None:
            raise words.refused(f"{reference} could not be fetched", done)
        return image

    def push(self, source: str, target: Reference) -> str:
        """Push an image."""
        if str(target) != source:
            self._call("tag", source, str(target))
        done = program.call([self._client, "push", str(target)])
        found = _DIGEST.search(done.output)
        if done.code or not found:
            raise words.refused(f"{target} could not be pushed", done)
        return found[1]

    def run(self, container: Container, *, timeout: float = 600.0) -> Ran:
        """Run a command in a new container, and remove it."""
        name = f"jsk-{uuid.uuid4().hex}"
        asked = ["run", "--rm", "--name", name, *_asked(container)]
        done = program.call([self._client, *asked], timeout=timeout)
        if done.code == program.TIMED_OUT:
            program.call([self._client, "rm", "--force", name])
        return Ran(done.code, done.output)

    def start(self, container: Container) -> DockerContainer:
        """Start a container in the background."""
        done = self._call("run", "--detach", *_asked(container))
        return DockerContainer(self._client, done.text.strip())

    def remove(self, reference: str) -> None:
        """Forget an image."""
        program.call([self._client, "image", "rm", "--force", reference])

    def _call(self, *arguments: str) -> Done:
        done = program.call([self._client, *arguments])
        if done.code:
            raise words.failed(f"docker {arguments[0]} failed", done.output)
        return done


class DockerContainer:
    """A container of a Docker engine that runs in the background."""

    def __init__(self, client: str, identifier: str) -> None:
        self._client, self._identifier = client, identifier

    def alive(self) -> bool:
        """Tell whether it still runs."""
        asked = [self._client, "inspect", "--format", "{{.State.Running}}", self._identifier]
        return program.call(asked).text.strip() == "true"

    def output(self) -> str:
        """Return what it printed so far."""
        return program.call([self._client, "logs", self._identifier]).output

    def stop(self) -> None:
        """End it and remove it."""
        program.call([self._client, "rm", "--force", "--volumes", self._identifier])


def _asked(container: Container) -> list[str]:
    asked = ["--network", "host", "--user", container.user, *options("--env", container.variables)]
    for source, target in container.mounts.items():
        asked += ["--mount", f"type=bind,source={source.resolve()},target={target}"]
    if container.command:
        asked += ["--entrypoint", container.command[0]]
    return [*asked, container.reference, *container.command[1:]]


def _image(reference: str, told: Mapping[str, Any]) -> Image:
    config = told.get("Config") or {}
    variables = (pair.partition("=") for pair in config.get("Env") or ())
    return Image(
        reference=reference,
        identifier=told["Id"],
        layers=tuple((told.get("RootFS") or {}).get("Layers") or ()),
        size=int(told.get("Size", 0)),
        labels=dict(config.get("Labels") or {}),
        variables={name: value for name, _, value in variables},
        pinned=tuple(told.get("RepoDigests") or ()),
    )


def _client() -> str:
    """Return a client that can build.

    Raises
    ------
    NoBuilder
        If there is none; a client that has lost its BuildKit plug-in is none.
    """
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin"]:
        found = shutil.which("docker", path=folder)
        if found and _can_build(found):
            return found
    raise NoBuilder(
        "There is no docker client that can build with BuildKit.",
        hint="apt-get install docker.io    # or buildah",
    )


def _can_build(client: str) -> bool:
    version = re.search(r"version (\d+)\.", program.call([client, "--version"], timeout=20).text)
    if version is None:
        return False
    return (
        int(version[1]) < _NEEDS_PLUGIN or program.call([client, "buildx", "version"], timeout=20).code == 0
    )
