"""How a kernel's container is run: what it sees of this machine, as whom, and under which names."""

from __future__ import annotations

import csv
import getpass
import io
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Where the image's environment is, and its kernelspecs (docs/kernels.md).
PYTHON = "/opt/jsk/env/bin/python"
SPECS = "/usr/local/share/jupyter/kernels"
#: By which containers of one kernel are found.
LABEL = "io.jsk.local.connection"
#: Variables of this machine that the kernel sees, too.
_PREFIXES = ("AWS_", "JSK_", "MLFLOW_", "GIT_")
_NAMES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("JPY_SESSION_NAME", "TZ"),
)
#: What the image says of itself.
_OF_THE_IMAGE = "JSK_KERNEL_"
_AWS_FILES = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CA_BUNDLE",
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of this machine that the container sees under the same path."""

    place: Path
    readonly: bool = False

    def option(self) -> str:
        """Return it as ``--mount`` takes it: a line of CSV."""
        fields = ["type=bind", f"source={self.place}", f"target={self.place}"]
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([*fields, *(["readonly"] if self.readonly else [])])
        return text.getvalue()


def command(
    program: str,
    image: str,
    pinned: str,
    kernel: str,
    connection_file: Path,
    mounts: list[Mount],
    variables: Mapping[str, str],
    guard: str,
) -> list[str]:
    """Return the command that runs a kernel in an image and ends with it.

    Parameters
    ----------
    program
        Docker's or Podman's command line.
    image, pinned
        What the engine knows the image by, and what lineage is to name.
    kernel
        Name of the kernelspec in the image.
    connection_file
        Jupyter's.
    mounts
        What the container sees.
    variables
        Those that are set to something else than here; others are passed on by name, so that no secret
        shows in the list of processes.
    guard
        Source of the container's first process.
    """
    podman = Path(program).name.startswith("podman")
    passed = sorted({*variables, *filter(_passed_on, os.environ)})
    return [
        *(program, "run", "--rm", "--interactive", "--network=host", "--pull=never"),
        f"--name=jsk-{kernel}-{os.getpid()}-{secrets.token_hex(4)}",
        f"--label={LABEL}={connection_file}",
        f"--user={os.getuid()}:{os.getgid()}",
        # Rootless Podman gives another user's number to everybody; SELinux would hide the home folder.
        *(["--userns=keep-id", "--security-opt=label=disable"] if podman and os.getuid() else []),
        f"--workdir={Path.cwd()}",
        *(f"--mount={mount.option()}" for mount in mounts),
        f"--env=JSK_KERNEL_IMAGE={pinned}",
        *(f"--env={name}={variables[name]}" if name in variables else f"--env={name}" for name in passed),
        f"--entrypoint={PYTHON}",
        image,
        *("-I", "-c", guard, f"{SPECS}/{kernel}/kernel.json", str(connection_file)),
    ]


def variables() -> dict[str, str]:
    """Return what is set otherwise than on this machine."""
    return {
        "HOME": str(Path.home()),
        # The image may have no name for the user's number.
        **dict.fromkeys(("USER", "LOGNAME"), getpass.getuser()),
        # Packages of the home folder are another Python's, and not what Studio has.
        "PYTHONNOUSERSITE": "1",
    }


def mounts(connection_file: Path, connection: Mapping[str, Any], places: list[Path]) -> list[Mount]:
    """Return what a kernel needs to see.

    Parameters
    ----------
    connection_file, connection
        Jupyter's file and what it says.
    places
        The kit's home and a local store.
    """
    home, here = Path.home(), Path.cwd()
    wanted = [Mount(place) for place in (home, _repository(here), *places) if _mountable(place)]
    wanted.append(Mount(connection_file))
    if connection.get("transport") == "ipc":  # sockets beside that path instead of ports
        wanted.append(Mount(Path(connection["ip"]).absolute().parent))
    told = (Path(place) for name in _AWS_FILES if (place := os.environ.get(name)))
    wanted += [Mount(place, readonly=True) for place in (home / ".aws", *told) if place.exists()]
    return _without_those_within_others(wanted)


def _passed_on(name: str) -> bool:
    return (name.startswith(_PREFIXES) or name in _NAMES) and not name.startswith(_OF_THE_IMAGE)


def _mountable(place: Path) -> bool:
    return place != Path(place.anchor) and place.is_dir()


def _repository(here: Path) -> Path:
    """Return the repository that the working folder is in: lineage looks for its commit."""
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _without_those_within_others(wanted: list[Mount]) -> list[Mount]:
    kept: list[Mount] = []
    for mount in sorted(set(wanted), key=lambda mount: (len(mount.place.parts), mount.readonly)):
        around = [other for other in kept if other.place == mount.place or other.place in mount.place.parents]
        if not around or (mount.readonly and not around[-1].readonly):
            kept.append(mount)
    return kept
