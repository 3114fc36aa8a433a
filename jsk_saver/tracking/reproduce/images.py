"""Runs in the recorded kernel image, with Docker or Podman."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jsk_saver import errors
from jsk_saver.errors import CannotReproduce
from jsk_saver.lineage import kernel

#: Images of Debian have no ``python``; all have this.
PYTHON = "python3"
#: Where the kit that reproduces is in the container.
_KIT = "/opt/jsk-kit"
_PASSED_ON = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_HINT = "--environment=venv    # the recorded packages, without the image"
_ASK = """
import importlib.util, json, sys
from jsk_saver.lineage import packages
known = {"python": sys.version.split()[0].rstrip("+"), "packages": packages()[1].split()}
print(json.dumps(known | {"notebooks": all(map(importlib.util.find_spec, ("nbclient", "ipykernel")))}))
"""


class Inside(NamedTuple):
    """What is in an image: its Python, its packages, and whether it can run a notebook."""

    python: str
    packages: list[str]
    notebooks: bool


def engine() -> str:
    """Return the command of a container engine that answers; nothing if there is none."""
    for name in ("docker", "podman"):
        path = shutil.which(name)
        # The client alone, without its engine, runs nothing.
        if path and _call(path, "version").returncode == 0:
            return path
    return ""


def need(engine: str, image: str, tell: Callable[[str], None]) -> None:
    """Make sure that an image is here, pulled if need be; ``tell`` is told so before.

    Raises
    ------
    CannotReproduce
        If it is not to be had.
    """
    if _call(engine, "image", "inspect", image).returncode == 0:
        return
    tell(f"Pulling the kernel image {image}, which is not here yet; that may take minutes …")
    pulled = _call(engine, "pull", image)
    if pulled.returncode:
        raise CannotReproduce(
            f"The kernel image {image} is not here, and cannot be pulled: {_last(pulled.stderr)}", hint=_HINT
        )


def inside(engine: str, image: str) -> Inside:
    """Return what is in an image, as a container of it says.

    Raises
    ------
    CannotReproduce
        If the kit cannot run in it.
    """
    asked = command(engine, image, "", Path("/"), {}, (), (PYTHON, "-c", _ASK))
    answer = _call(*asked)
    try:
        return Inside(**json.loads(answer.stdout.strip().splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        said = _last(answer.stderr)
        raise CannotReproduce(f"The kit cannot run in the kernel image {image}: {said}", hint=_HINT) from None


def command(
    engine: str,
    image: str,
    name: str,
    folder: Path,
    variables: Mapping[str, str],
    mounted: Iterable[Path],
    arguments: Iterable[str],
) -> list[str]:
    """Return the command that runs ``arguments`` in a container, with folders at the same place as here.

    What it writes belongs to whoever calls, and it reaches what this machine reaches.
    """
    told = [f"--env={key}={value}" for key, value in variables.items() if key != "PYTHONPATH"]
    told += [f"--env={key}" for key in os.environ if key.startswith(_PASSED_ON)]
    # The user has no name in the image, and an image cannot hold its own digest.
    told += [f"--env=LOGNAME={kernel.user()}", f"--env=JSK_KERNEL_IMAGE={image}"]
    path = os.pathsep.join(filter(None, [_KIT, variables.get("PYTHONPATH", "")]))
    places = [f"--volume={place}:{place}" for place in dict.fromkeys(mounted)]
    places += [f"--volume={place}:{place}:ro" for place in _credentials()]
    return [
        *(engine, "run", "--rm", "--init", f"--user={os.getuid()}:{os.getgid()}", *_as_here(engine)),
        *([f"--name={name}"] if name else []),
        f"--volume={Path(errors.__file__).parent}:{_KIT}/jsk_saver:ro",
        *(f"--workdir={folder}", f"--env=PYTHONPATH={path}", "--network=host"),
        *places,
        *told,
        "--entrypoint=",
        image,
        *arguments,
    ]


def own_home(folder: Path) -> tuple[dict[str, str], list[Path]]:
    """Return the variables for a home of the run's own below ``folder``, and what is to be seen there.

    The user's home is not in the container, and the image's may be closed to a user it does not know.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    settings = Path.home() / ".aws"
    if not settings.is_dir():
        return {"HOME": str(home)}, []
    (home / ".aws").symlink_to(settings)
    return {"HOME": str(home)}, [settings]


def stop(engine: str, name: str) -> None:
    """End a container, if it is still there."""
    _call(engine, "rm", "--force", name)


def _credentials() -> Iterator[Path]:
    """Yield the files that AWS's variables, which are passed on, speak of."""
    for name, value in os.environ.items():
        if name.startswith("AWS_") and os.path.isabs(value) and os.path.isfile(value):  # noqa: PTH117, PTH113
            yield Path(value)


def _as_here(engine: str) -> list[str]:
    """Return what has the user's number mean the same inside; Podman without root gives out others."""
    return ["--userns=keep-id"] if Path(engine).name == "podman" and os.getuid() else []


def _call(engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([engine, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess([engine], 1, "", str(error))


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["no answer"])[-1]
