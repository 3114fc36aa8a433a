"""A real MLflow tracking server, with a SQLite file behind it and a folder for artifacts."""

from __future__ import annotations

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.servers.processes import Processes, free_port, says_ok
from tests.servers.s3 import ServerUnavailable

#: What ``mlflow server`` imports beside what the kit itself needs for MLflow.
_NEEDED = ("mlflow", "sqlalchemy", "alembic", "flask", "flask_cors", "graphene", "aiohttp")


class MLflowServer:
    """``mlflow server`` on loopback. What it holds outlives a stop and a start; its address too.

    Parameters
    ----------
    folder
        Where it keeps its database and artifacts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"http://127.0.0.1:{free_port()}"
        self._processes = Processes()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait for its answer.

        Raises
        ------
        ServerUnavailable
            If something is not installed that it needs.
        """
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            raise ServerUnavailable(f"mlflow server needs {', '.join(missing)}")
        self.folder.mkdir(exist_ok=True)
        where = urlsplit(self.uri)
        # fmt: off
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(where.port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
            "--artifacts-destination", str(self.folder / "artifacts"),
        ]
        # fmt: on
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "_MLFLOW_", "JSK_", "AWS_"))
        }
        environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        self._processes.start(command, self.folder / "server.log", environment)
        self._processes.wait_until(lambda: says_ok(f"{self.uri}/health"), "mlflow server", 120)

    def stop(self) -> None:
        """End it at once: it is a group of processes, whose first one may leave the others behind."""
        for pid in self._processes.ids:
            os.killpg(pid, signal.SIGKILL)
        self._processes.stop()

    def client(self) -> Any:
        """Return MLflow's own client of this server."""
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking_uri=self.uri)
