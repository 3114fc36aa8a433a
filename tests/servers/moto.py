"""AWS in miniature (moto), in a process of its own: for what Ceph cannot do on demand."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.servers.processes import free_port, says_ok
from tests.servers.s3 import S3Server


class Moto(S3Server):
    """A ``moto_server``. It checks no signatures and forgets everything when it ends."""

    name = "moto"
    #: What is run.
    program: tuple[str, ...] = ("-m", "moto.server")

    def start(self) -> None:
        """Start the server and wait for its answer."""
        port = free_port()
        descriptor, log = tempfile.mkstemp(prefix="jsk-moto-", suffix=".log")
        os.close(descriptor)
        self._log = Path(log)
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "MOTO_", "JSK_"))
        }
        command = [sys.executable, *self.program, "-H", "127.0.0.1", "-p", str(port)]
        self.processes.start(command, self._log, environment)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.processes.wait_until(lambda: says_ok(f"{self.endpoint}/moto-api/data.json"), "moto_server", 60)

    def stop(self) -> None:
        """End the server and remove its log."""
        super().stop()
        if log := getattr(self, "_log", None):
            log.unlink(missing_ok=True)


class MendedMoto(Moto):
    """The same where moto's answers are not those of AWS; see :mod:`tests.servers.moto_mended`."""

    #: Without this folder on the path, where moto.py is not moto.
    program = ("-P", str(Path(__file__).with_name("moto_mended.py")))
