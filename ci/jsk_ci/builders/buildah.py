"""buildah, which needs no daemon and no privileges that a CI container lacks."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsk_ci.builders import program, words
from jsk_ci.builders.base import Container, Context, Image, Ran
from jsk_ci.builders.program import Background, Done, Log, options, silent
from jsk_ci.context import TIME
from jsk_ci.errors import BuildFailed
from jsk_ci.references import Reference

#: As the Docker engine has it: these speak HTTP.
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
#: Works in a container without privileges; nothing is isolated that an own build would need isolated.
_ISOLATION = "chroot"
#: It ends with an error if the file in the folder that this names is missing; see :func:`_login`.
_ENVIRONMENT = {"DOCKER_CONFIG": ""}
#: What it adds to the words of a command that fails.
_OWN_WORDS = re.compile(r"(?m)^(?:subprocess exited with status|Error: exit status) \d+\n?")
#: A file that commands in a container print to. Their pipes are no good: with its own isolation, buildah
#: copies what they carry in a thread that it does not wait for when the command ends (chroot/run_common.go,
#: runUsingChrootMain), so that the last words are lost, or all, if that thread or its reader is slow.
_PRINTED = "/.jsk-printed"
_PRINTING = ("/bin/sh", "-c", f'exec "$@" >>{_PRINTED} 2>&1', "sh")


class Buildah:
    """Drives ``buildah``; where it keeps images is what its own settings (``storage.conf``) say.

    Parameters
    ----------
    log
        Takes each line of a build's log.
    """

    name = "buildah"

    def __init__(self, log: Log = silent) -> None:
        self._log = log

    @staticmethod
    def available() -> bool:
        """Tell whether it is installed and its storage can be used."""
        try:
            return program.call(["buildah", "images", "--quiet"], timeout=60).code == 0
        except OSError:
            return False

    def version(self) -> str:
        """Return the program's version."""
        return self._call("--version").text.strip()

    def build(
        self, context: Context, reference: str, *, cache: str | None = None, fresh: bool = False
    ) -> Image:
        """Build; steps come from and go to ``cache`` as well as the local storage."""
        # The newest format that every part of SageMaker takes is Docker's own.
        command = ["buildah", "build", "--format", "docker", "--isolation", _isolation(), "--layers"]
        command += ["--timestamp", str(TIME), "--tag", reference, "--network", "host", *_login()]
        command += _trust(context.arguments.get("BASE_IMAGE", ""), cache or "")
        command += options("--build-arg", context.arguments) + options("--label", context.labels)
        for name, file in context.secrets.items():
            command += ["--secret", f"id={name},src={file}"]
        if fresh:
            command.append("--no-cache")
        elif cache:
            command += ["--cache-from", cache, "--cache-to", cache]
        done = program.follow([*command, str(context.folder)], self._log, environment=_ENVIRONMENT)
        if done.code:
            raise words.failed(f"buildah could not build {reference}", done.output)
        image = self.inspect(reference)
        if image is None:
            raise BuildFailed(f"buildah built {reference}, and does not have it.")
        return image

    def inspect(self, reference: str) -> Image | None:
        """Return an image of the local storage."""
        done = program.call(["buildah", "inspect", "--type", "image", reference])
        if done.code:
            if "image not known" in done.log or "no such image" in done.log.lower():
                return None
            raise words.failed(f"buildah cannot tell about {reference}", done.output)
        return _image(reference, json.loads(done.text))

    def pull(self, reference: str) -> Image:
        """Fetch an image."""
        done = program.call(
            ["buildah", "pull", *_login(), *_trust(reference), reference], environment=_ENVIRONMENT
        )
        image = None if done.code else self.inspect(reference)
        if image is None:
            raise words.refused(f"{reference} could not be fetched", done)
        return image

    def push(self, source: str, target: Reference) -> str:
        """Push an image."""
        with tempfile.TemporaryDirectory(prefix="jsk-push-") as folder:
            file = Path(folder, "digest")
            command = ["buildah", "push", "--format", "v2s2", "--digestfile", str(file), *_login()]
            command += [*_trust(str(target)), source, f"docker://{target}"]
            done = program.call(command, environment=_ENVIRONMENT)
            if done.code or not file.exists():
                raise words.refused(f"{target} could not be pushed", done)
            return file.read_text(encoding="utf-8").strip()

    def run(self, container: Container, *, timeout: float = 600.0) -> Ran:
        """Run a command in a new container, and remove it."""
        running = self.start(container)
        try:
            code = running.wait(timeout)
            return Ran(code, _OWN_WORDS.sub("", running.output()))
        finally:
            running.stop()

    def start(self, container: Container) -> Background:
        """Start a container in the background."""
        name, folder = self._make(container.reference), Path(tempfile.mkdtemp(prefix="jsk-printed-"))

        def discard() -> None:
            program.call(["buildah", "rm", name])
            shutil.rmtree(folder, ignore_errors=True)

        try:
            printed = folder / "printed"
            printed.touch()
            printed.chmod(0o666)  # the container's user is another one; the folder lets nobody else in
            return Background(self._asked(name, container, printed), discard, printed.open("a+b"))
        except BaseException:
            discard()
            raise

    def remove(self, reference: str) -> None:
        """Forget an image."""
        program.call(["buildah", "rmi", "--force", reference])

    def _make(self, reference: str) -> str:
        return self._call("from", "--pull-never", reference).text.strip()

    def _asked(self, name: str, container: Container, printed: Path) -> list[str]:
        asked = ["buildah", "run", "--isolation", _isolation(), "--user", container.user]
        asked += options("--env", container.variables)
        for source, target in {**container.mounts, printed: _PRINTED}.items():
            asked += ["--volume", f"{source.resolve()}:{target}"]
        command = container.command or self._entry(container.reference)
        return [*asked, name, "--", *_PRINTING, *command]

    def _entry(self, reference: str) -> list[str]:
        """Return an image's own entry point, which ``buildah run`` does not know."""
        config = _config(json.loads(self._call("inspect", "--type", "image", reference).text))
        return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]

    def _call(self, *arguments: str) -> Done:
        done = program.call(["buildah", *arguments], environment=_ENVIRONMENT)
        if done.code:
            raise words.failed(f"buildah {arguments[0]} failed", done.output)
        return done


def _isolation() -> str:
    return os.environ.get("BUILDAH_ISOLATION", _ISOLATION)


def _trust(*references: str) -> list[str]:
    """Return the option that makes a registry on this machine do without TLS."""
    hosts = [reference.partition("/")[0].rpartition(":")[0] for reference in references]
    return ["--tls-verify=false"] if any(host in _LOOPBACK for host in hosts) else []


def _login() -> list[str]:
    """Return the option that shows the file of passwords which the docker client writes."""
    if os.environ.get("REGISTRY_AUTH_FILE"):
        return []
    file = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "config.json")
    return ["--authfile", str(file)] if file.is_file() else []


def _config(told: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (told.get("Docker") or {}).get("config") or {}
    return found


def _image(reference: str, told: Mapping[str, Any]) -> Image:
    config, manifest = _config(told), json.loads(told.get("Manifest") or "{}")
    variables = (pair.partition("=") for pair in config.get("Env") or ())
    name, digest = told.get("FromImage", ""), told.get("FromImageDigest", "")
    return Image(
        reference=reference,
        identifier="sha256:" + told["FromImageID"],
        layers=tuple(((told.get("Docker") or {}).get("rootfs") or {}).get("diff_ids") or ()),
        size=sum(int(layer.get("size", 0)) for layer in manifest.get("layers", ())),
        labels=dict(config.get("Labels") or {}),
        variables={key: value for key, _, value in variables},
        pinned=(f"{_untagged(name)}@{digest}",) if digest and not name.startswith("localhost/") else (),
    )


def _untagged(name: str) -> str:
    head, slash, last = name.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]
