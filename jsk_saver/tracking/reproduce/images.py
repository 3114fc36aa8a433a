"""Runs in the recorded kernel image, with Docker or Podman."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from jsk_saver import errors
from jsk_saver.errors import CannotReproduce

#: Where the kit that reproduces is in the container.
_KIT = "/opt/jsk-kit"
_PASSED_ON = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def need(engine: str, image: str) -> None:
    """Make sure that an image is here, pulled if need be.

    Raises
    ------
    CannotReproduce
        If it is not to be had.
    """
    if _call(engine, "image", "inspect", image).returncode == 0:
        return
    pulled = _call(engine, "pull", image)
    if pulled.returncode:
        said = (pulled.stderr.strip().splitlines() or ["no answer"])[-1]
        raise CannotReproduce(
            f"The kernel image {image} is not here, and cannot be pulled: {said}",
            hint="--environment=venv    # the recorded packages, without the image",
        )


def command(
    engine: str,
    image: str,
    name: str,
    folder: Path,
    variables: Mapping[str, str],
    mounted: Iterable[Path],
    arguments: Iterable[str],
) -> list[str]:
    """Return the command that runs ``arguments`` in a container, with folders at the same place as here."""
    told = [f"--env={key}={value}" for key, value in variables.items() if key != "PYTHONPATH"]
    told += [f"--env={key}" for key in os.environ if key.startswith(_PASSED_ON)]
    path = os.pathsep.join(filter(None, [_KIT, variables.get("PYTHONPATH", "")]))
    places = [f"--volume={place}:{place}" for place in dict.fromkeys(mounted)]
    return [
        *(engine, "run", "--rm", "--init", f"--name={name}", f"--user={os.getuid()}:{os.getgid()}"),
        f"--volume={Path(errors.__file__).parent}:{_KIT}/jsk_saver:ro",
        *(f"--workdir={folder}", f"--env=PYTHONPATH={path}", "--network=host"),
        *places,
        *told,
        "--entrypoint=",
        image,
        *arguments,
    ]


def stop(engine: str, name: str) -> None:
    """End a container, if it is still there."""
    _call(engine, "rm", "--force", name)


def _call(engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([engine, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess([engine], 1, "", str(error))
