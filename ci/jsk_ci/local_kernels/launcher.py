"""What Jupyter starts for a kernel that runs in an image; lives as long as the container.

``python -m jsk_ci.local_kernels.launcher --engine=docker --image=sha256:… --pinned=… --kernel=NAME FILE``
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsk_ci.local_kernels import container
from jsk_saver import settings
from jsk_saver.errors import JskError


def main() -> int:
    """Run the container and return the kernel's exit code."""
    told = _arguments()
    file = told.connection_file.absolute()
    _remove_others(told.engine, file)
    guard = Path(__file__).with_name("guard.py").read_text(encoding="utf-8")
    connection = json.loads(file.read_text(encoding="utf-8"))
    command = container.command(
        told.engine,
        told.image,
        told.pinned,
        told.kernel,
        file,
        container.mounts(file, connection, _places()),
        container.variables(),
        guard,
    )
    name = next(part.partition("=")[2] for part in command if part.startswith("--name="))
    # Only this process holds the other end: when it ends, in whatever way, so does the container's input.
    read, write = os.pipe()
    process = subprocess.Popen(command, stdin=read, start_new_session=True)
    os.close(read)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _letting_go(write))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = process.wait()
    # The engine removes it; unless its command line was killed and its server is slow.
    _call(told.engine, "rm", "--force", name)
    return code


def _letting_go(write: int) -> Callable[..., None]:
    def let_go(*_: object) -> None:
        with suppress(OSError):  # a second time
            os.close(write)

    return let_go


def _arguments() -> Any:
    parser = argparse.ArgumentParser()
    for option in ("--engine", "--image", "--pinned", "--kernel"):
        parser.add_argument(option, required=True)
    parser.add_argument("connection_file", type=Path)
    return parser.parse_args()


def _places() -> list[Path]:
    """Return the kit's home, made if need be, and a store that is a folder."""
    try:
        known = settings.load()
        known.home.mkdir(parents=True, exist_ok=True)
    except (JskError, OSError):  # the kernel itself will tell
        return []
    store = Path(known.store_uri).expanduser().absolute()
    return [known.home, store] if "://" not in known.store_uri else [known.home]


def _remove_others(engine: str, connection_file: Path) -> None:
    """Remove what an earlier launcher of the same kernel may have left: it holds the kernel's ports."""
    told = _call(engine, "ps", "--all", "--quiet", f"--filter=label={container.LABEL}={connection_file}")
    if told.split():
        _call(engine, "rm", "--force", *told.split())


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
