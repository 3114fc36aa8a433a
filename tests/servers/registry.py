"""A real image registry (Debian's docker-registry), with a configuration and a folder of its own.

>>> with Registry(user="ada", password="secret") as registry:  # doctest: +SKIP
...     print(registry.host)
127.0.0.1:40531
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
from pathlib import Path
from typing import Self

from tests.servers.processes import Processes, find_program, free_port, temporary_folder
from tests.servers.s3 import ServerUnavailable


class Registry:
    """A ``docker-registry serve`` on a free loopback port.

    Parameters
    ----------
    user, password
        Who may come in; everybody without them.
    tls
        Files of its certificate and its key.
    settings
        Sections of its configuration file, which is YAML, instead of ours: ``{"auth": {...}}``.
    """

    def __init__(
        self,
        user: str = "",
        password: str = "",
        tls: tuple[Path, Path] | None = None,
        settings: dict[str, object] | None = None,
    ) -> None:
        self.user, self.password, self.tls, self._settings = user, password, tls, settings or {}
        self._processes = Processes()
        self.host = f"127.0.0.1:{free_port()}"

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def __enter__(self) -> Self:
        self._program = find_program("docker-registry")
        if self._program is None:
            raise ServerUnavailable(
                "docker-registry is not installed (Debian: docker-registry): make servers"
            )
        self.folder = temporary_folder("jsk-registry-")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._processes.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, or start it again on what is in its folder."""
        file = self.folder / "config.yml"
        file.write_text(json.dumps({**self._configuration(), **self._settings}))  # JSON is YAML
        command = [str(self._program), "serve", str(file)]
        environment = {"PATH": os.environ.get("PATH", ""), "OTEL_TRACES_EXPORTER": "none"}
        self._processes.start(command, self.folder / "log", environment)
        self._processes.wait_until(self._answers, "docker-registry", 30)

    def stop(self) -> None:
        """End it; what it keeps stays."""
        self._processes.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        for pid in self._processes.ids:
            os.kill(pid, signal.SIGKILL)
        self._processes.stop()

    def docker_config(self, folder: Path) -> Path:
        """Write what ``docker login`` would leave, and return the folder for ``DOCKER_CONFIG``."""
        import base64

        folder.mkdir(parents=True, exist_ok=True)
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": login}}}))
        return folder

    def _configuration(self) -> dict[str, object]:
        found: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host},
        }
        if self.tls:
            tls = {"certificate": str(self.tls[0]), "key": str(self.tls[1])}
            found["http"] = {"addr": self.host, "tls": tls}
        if self.user:
            file = self.folder / "htpasswd"
            file.write_text(f"{self.user}:{_bcrypt(self.password)}\n")
            found["auth"] = {"htpasswd": {"realm": "tests", "path": str(file)}}
        return found

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, timeout=5)
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls[0]))
            connection = http.client.HTTPSConnection(self.host, timeout=5, context=context)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _bcrypt(password: str) -> str:
    """Hash a password as htpasswd files of the registry must hold it."""
    import ctypes
    import ctypes.util

    library = ctypes.CDLL(ctypes.util.find_library("crypt"))
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), b"$2b$05$abcdefghijklmnopqrstuu")
    return bytes(hashed).decode()
