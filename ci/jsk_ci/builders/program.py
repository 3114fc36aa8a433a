"""Runs the builders' programs and keeps what they say."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

#: Takes each line of a build's log as it comes.
Log = Callable[[str], None]
#: What ``timeout`` of the shell says of a command that took too long.
TIMED_OUT = 124


def silent(_: str) -> None:
    """Drop a line."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended.

    Parameters
    ----------
    code
        Exit code.
    text
        What it printed as its result.
    log
        What it printed beside.
    """

    code: int
    text: str
    log: str

    @property
    def output(self) -> str:
        """Both, the result last."""
        return self.log + self.text


def call(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> Done:
    """Run a program to its end; code 124 if it took more than ``timeout`` seconds."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Done(TIMED_OUT, _text(error.stdout), _text(error.stderr))
    return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def follow(command: Sequence[str], log: Log, *, environment: Mapping[str, str] | None = None) -> Done:
    """Run a program to its end, both its streams as one, and give every line to ``log`` when it comes."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line)
                log(line.rstrip("\n"))
        except BaseException:
            process.terminate()  # otherwise its end would be waited for
            raise
    return Done(process.returncode, "".join(lines), "")


def options(flag: str, values: Mapping[str, str]) -> list[str]:
    """Return ``flag name=value`` for each of ``values``, as programs take them."""
    return [part for name, value in values.items() for part in (flag, f"{name}={value}")]


class Background:
    """A program that goes on while this one does other things; what it prints goes to a file.

    Parameters
    ----------
    command
        The program.
    on_stop
        Called once when it has ended.
    output
        The file, open for reading and appending; otherwise one without a name.
    """

    def __init__(
        self, command: Sequence[str], on_stop: Callable[[], None], output: IO[bytes] | None = None
    ) -> None:
        self._output = output or tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self._on_stop = on_stop
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def wait(self, timeout: float) -> int:
        """Return its exit code once it has ended; 124 if it still runs after ``timeout`` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return TIMED_OUT

    def output(self) -> str:
        """Return what it printed so far."""
        if self._output.closed:
            return ""
        # Not seek and read: the program writes at the place that this file object is at.
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def stop(self) -> None:
        """End it with all it started; well if it ended before."""
        import signal

        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(timeout=5)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()
        if not self._output.closed:
            self._on_stop()
            self._output.close()


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")
