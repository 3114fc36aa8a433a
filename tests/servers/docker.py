"""A Docker engine and an image registry of our own, on this machine, that end with the tests."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.servers.processes import Processes, ServerFailed, find_program, free_port, temporary_folder
from tests.servers.s3 import ServerUnavailable

#: What is started, and the Debian package that brings it.
PROGRAMS = {"dockerd": "docker.io", "docker-registry": "docker-registry"}
_REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: "{folder}"}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Docker:
    """A Docker engine with no image, no network of its own, and everything in a temporary folder."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start it.

        Raises
        ------
        ServerUnavailable
            If no engine can run here; says why.
        """
        _need("dockerd")
        if not sys.platform.startswith("linux") or os.geteuid():
            raise ServerUnavailable("a Docker engine is only started by root, on Linux")
        with ExitStack() as stack:
            self._folder = temporary_folder("jsk-docker-")  # short: the socket's path has 107 characters
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            stack.callback(_unmount, self._folder)
            self._processes = Processes(grace=30.0)
            stack.callback(self._processes.stop)
            try:
                self._start()
            except ServerFailed as error:
                raise ServerUnavailable(f"a Docker engine cannot run here: {error}") from None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        return {"DOCKER_HOST": f"unix://{self._folder / 's'}", "DOCKER_CONFIG": str(self._folder / "client")}

    def call(self, *arguments: str, stdin: Path | None = None) -> str:
        """Run a command of the client, and return what it prints."""
        with (stdin or Path(os.devnull)).open("rb") as given:
            done = subprocess.run(
                ["docker", *arguments],
                env={**os.environ, **self.environment},
                stdin=given,
                capture_output=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode().strip()

    def registry(self) -> str:
        """Start a registry beside it, and return its address."""
        _need("docker-registry")
        port = free_port()
        settings = self._folder / "registry.yml"
        settings.write_text(_REGISTRY.format(folder=self._folder / "registry", port=port))
        program = str(find_program("docker-registry"))
        self._processes.start([program, "serve", str(settings)], self._folder / "registry.log", os.environ)
        self._processes.wait_until(lambda: _answers(port), "docker-registry", 30)
        return f"127.0.0.1:{port}"

    def _start(self) -> None:
        folder = self._folder
        command = [
            *(str(find_program("dockerd")), "--host", f"unix://{folder / 's'}", "--group", str(os.getgid())),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "run")),
            *("--pidfile", str(folder / "pid"), "--config-file", str(folder / "none.json")),
            # Containers share this machine's network: its firewall is left as it is.
            *("--bridge=none", "--iptables=false", "--ip6tables=false"),
        ]
        (folder / "none.json").write_text("{}")
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        self._processes.start(command, folder / "dockerd.log", {**kept, "PATH": path})
        self._processes.wait_until(self._answers, "dockerd", 60)

    def _answers(self) -> bool:
        asked = subprocess.run(
            ["docker", "version"], env={**os.environ, **self.environment}, capture_output=True, check=False
        )
        return asked.returncode == 0


def _unmount(folder: Path) -> None:
    """Take away what the engine leaves mounted: the network of containers that shared this machine's."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted((place for place in places if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", place], capture_output=True, check=False)


def _need(program: str) -> None:
    if find_program(program) is None:
        how = f"make servers, or apt-get install {PROGRAMS[program]}"
        raise ServerUnavailable(f"not installed: {program} ({how})")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
