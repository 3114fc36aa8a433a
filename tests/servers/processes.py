"""Child processes that cannot outlive the tests, and are only ever ended by their own id."""

from __future__ import annotations

import ctypes
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

_PR_SET_PDEATHSIG = 1
_PATIENCE = 10.0  # seconds


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def temporary_folder(prefix: str) -> Path:
    """Make a temporary folder that names its owner, and remove those whose owner was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))


def find_program(name: str) -> str | None:
    """Return where ``name`` is, looking also where servers are kept but users' paths do not lead."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def says_ok(url: str) -> bool:
    """Tell whether a server answers a GET of ``url`` with 200."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=5)
    try:
        connection.request("GET", where.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class ServerFailed(Exception):
    """A server is installed but did not start; the message ends with its last words."""


class Processes:
    """The child processes of one server.

    Parameters
    ----------
    detached
        Whether they go on after this process has ended; otherwise the kernel ends them with it, also
        when it is killed.
    grace
        Seconds they get to end by themselves when asked to stop.
    """

    def __init__(self, detached: bool = False, grace: float = 10.0) -> None:
        self.detached, self.grace = detached, grace
        self._started: list[tuple[subprocess.Popen[bytes], Path]] = []

    @property
    def ids(self) -> list[int]:
        """Process ids, in the order of starting."""
        return [process.pid for process, _ in self._started]

    def start(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Start ``command`` in the background, with everything it says written to ``log``."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, which then stop servers
                preexec_fn=None if self.detached else _die_with_parent(),
            )
        self._started.append((process, log))

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for ``ready`` to say so.

        Raises
        ------
        ServerFailed
            If a process has ended, or ``seconds`` have passed.
        """
        limit = time.monotonic() + seconds
        while not ready():
            for process, log in self._started:
                if process.poll() is not None:
                    raise ServerFailed(f"{what} ended with {process.returncode}:\n{_last_words(log)}")
            if time.monotonic() > limit:
                logs = "\n".join(f"{log.name}:\n{_last_words(log)}" for _, log in self._started)
                raise ServerFailed(f"{what} was not ready after {seconds:.0f} s.\n{logs}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the processes, the last started first."""
        for process, _ in reversed(self._started):
            process.terminate()
        limit = time.monotonic() + self.grace
        for process, _ in reversed(self._started):
            try:
                process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started.clear()


def stop_by_id(pid: int, words: Sequence[str]) -> bool:
    """End process ``pid`` if it still is the one whose command line holds ``words``; tell whether it was.

    Ids are used again: one read from an old file may by now belong to somebody else.
    """
    limit = time.monotonic() + _PATIENCE
    found = False
    while _is_running(pid, words):
        os.kill(pid, signal.SIGTERM if time.monotonic() < limit else signal.SIGKILL)
        found = True
        time.sleep(0.1)
    return found


def _is_running(pid: int, words: Sequence[str]) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return all(word in command for word in words)


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()  # looked up before the fork: it takes locks

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


def _last_words(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
