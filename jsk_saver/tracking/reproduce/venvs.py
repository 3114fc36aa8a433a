"""Virtual environments with exactly the recorded packages: made once, used again while they are the same."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from jsk_saver import errors
from jsk_saver.errors import CannotReproduce

#: The kit that reproduces runs in it too; pip comes with the environment.
_LEFT_OUT = ("jsk-saver", "pip")
_REFUSED = re.compile(r"No matching distribution found for (\S+)")
_READY = ".ready"


class Built(NamedTuple):
    """An environment: its interpreter, and whether it was there already."""

    python: Path
    reused: bool


def make(
    folder: Path, python: str, packages: tuple[str, ...], version: str, tell: Callable[[str], None]
) -> Built:
    """Return an environment with these packages.

    Parameters
    ----------
    folder
        Where environments are kept.
    python
        The interpreter to make it with.
    packages
        Lines ``name==version``.
    version
        Of Python, as recorded.
    tell
        Is told what takes long.

    Raises
    ------
    CannotReproduce
        If packages cannot be installed; names each.
    """
    wanted = sorted(line for line in packages if line.partition("==")[0] not in _LEFT_OUT)
    minor = ".".join(version.split(".")[:2])
    digest = hashlib.sha256("\n".join([minor, *wanted]).encode()).hexdigest()[:32]
    place = folder / digest
    interpreter = place / "bin" / "python"
    with _alone(folder, digest):
        reused = (place / _READY).exists() and interpreter.exists()
        if not reused:
            tell(f"Making an environment with the {len(wanted)} recorded packages …")
            shutil.rmtree(place, ignore_errors=True)
            try:
                _call([python, "-P", "-m", "venv", str(place)], "A virtual environment could not be made")
                _install(interpreter, wanted)
                (place / _READY).touch()
            finally:
                if not (place / _READY).exists():
                    shutil.rmtree(place, ignore_errors=True)
        _add_kit(place)
    return Built(interpreter, reused)


@contextmanager
def _alone(folder: Path, digest: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{digest}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(python: Path, wanted: list[str]) -> None:
    """Install all; what cannot be had is left out and tried without, so that all of it can be named."""
    left, refused = list(wanted), []
    while left:
        done = _pip(python, left)
        if done.returncode == 0:
            break
        found = [line for line in _REFUSED.findall(done.stderr) if line in left]
        if not found:
            said = done.stderr.strip().splitlines()[-8:]
            raise CannotReproduce(
                "The recorded packages could not be installed:\n  " + "\n  ".join(said), hint=_HINT
            )
        refused += found
        left = [line for line in left if line not in found]
    if refused:
        lines = "".join(f"\n  - {line}" for line in refused)
        raise CannotReproduce(f"These recorded packages cannot be installed from here:{lines}", hint=_HINT)


_HINT = "--environment=here    # with what is installed here"


def _pip(python: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-P", "-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check",
         "-r", "/dev/stdin"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def _call(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotReproduce(f"{what}: {(done.stderr or done.stdout).strip()[-500:]}", hint=_HINT)


def _add_kit(place: Path) -> None:
    """Let the environment import the kit that reproduces, and nothing else of where that is installed."""
    (packages,) = place.glob("lib/python*/site-packages")
    kit = place / "kit"
    kit.mkdir(exist_ok=True)
    link, target = kit / "jsk_saver", Path(errors.__file__).parent
    if link.is_symlink() and link.readlink() != target:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(target)
    (packages / "jsk_kit.pth").write_text(f"{kit}\n", encoding="utf-8")
