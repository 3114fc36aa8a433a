"""Kernelspecs that start images: one folder each, where Jupyter looks for the user's own kernels."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsk_ci.errors import ProjectError
from jsk_ci.local_kernels.engine import Engine, LocalImage
from jsk_saver.errors import AlreadyThere, MissingExtra

#: As Jupyter takes it for kernels.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
#: How the engine is reached; Jupyter may be started where these are not set.
_ENGINE_VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
)
_OURS = "jsk"


@dataclass(frozen=True, slots=True)
class Installed:
    """A kernel of the local Jupyter that runs in an image.

    Parameters
    ----------
    name
        Jupyter's for it.
    display_name
        What is shown.
    folder
        Of the kernelspec.
    image
        Its tag, or what else it was called when it was installed.
    identifier
        ``sha256:…`` of the image.
    pinned
        What lineage will name.
    fingerprint
        Of the image.
    engine
        The program that runs it.
    """

    name: str
    display_name: str
    folder: str
    image: str
    identifier: str
    pinned: str
    fingerprint: str
    engine: str

    def to_dict(self) -> dict[str, str]:
        """Return it as plain JSON."""
        return asdict(self)


def kernels_folder() -> Path:
    """Return where the user's own kernels are.

    Raises
    ------
    MissingExtra
        If there is no Jupyter.
    """
    try:
        from jupyter_core.paths import jupyter_data_dir
    except ImportError as error:
        raise MissingExtra(
            "Jupyter is not installed beside the kit.", hint='pip install "jsk-saver[notebook]"'
        ) from error
    return Path(jupyter_data_dir()) / "kernels"


def plan(image: LocalImage, engine: Engine, name: str | None = None) -> Installed:
    """Return the kernel that an image would be.

    Raises
    ------
    ProjectError
        If it cannot be called so.
    """
    name = name or f"jsk-{image.identity.name}"
    if not _NAME.fullmatch(name):
        raise ProjectError(f"No kernel can be called {name!r}.", hint="Letters, digits, - _ and . only.")
    name = name.lower()  # Jupyter compares in lower case
    return Installed(
        name=name,
        display_name=f"{image.identity.display_name} (image)",
        folder=str(kernels_folder() / name),
        image=image.shown,
        identifier=image.identifier,
        pinned=image.pinned,
        fingerprint=image.identity.fingerprint,
        engine=engine.program,
    )


def write(kernel: Installed, kernel_name: str) -> None:
    """Write the kernelspec of ``kernel`` at once, over an older one of this kit's.

    Parameters
    ----------
    kernel
        As planned.
    kernel_name
        Of the kernelspec inside the image.

    Raises
    ------
    AlreadyThere
        If a kernel of that name is somebody else's.
    """
    folder = Path(kernel.folder)
    if folder.exists() and _read(folder) is None:
        raise AlreadyThere(
            f"There is a kernel {kernel.name!r} already, in {folder}, which does not run in an image.",
            kept="It stays as it is.",
            hint=f"jsk kernels install {kernel.image} --name {kernel.name}-image",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{kernel.name}-", dir=folder.parent) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        text = json.dumps(_spec(kernel, kernel_name), indent=1)
        (new / "kernel.json").write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        new.rename(folder)


def _spec(kernel: Installed, kernel_name: str) -> dict[str, Any]:
    launch = [
        *(sys.executable, "-P", "-m", "jsk_ci.local_kernels.launcher", f"--engine={kernel.engine}"),
        *(f"--image={kernel.identifier}", f"--pinned={kernel.pinned}", f"--kernel={kernel_name}"),
    ]
    return {
        "argv": [*launch, "{connection_file}"],
        "display_name": kernel.display_name,
        "language": "python",
        # A signal would reach the launcher; the kernel is in a container.
        "interrupt_mode": "message",
        "env": {name: value for name in _ENGINE_VARIABLES if (value := os.environ.get(name))},
        "metadata": {"debugger": True, _OURS: kernel.to_dict()},
    }


def installed() -> list[Installed]:
    """Return the kernels that run in images, sorted by name."""
    folder = kernels_folder()
    found = [_read(place) for place in sorted(folder.iterdir())] if folder.is_dir() else []
    return [kernel for kernel in found if kernel is not None]


def remove(kernel: Installed) -> None:
    """Remove a kernelspec; the image stays."""
    shutil.rmtree(kernel.folder)


def _read(folder: Path) -> Installed | None:
    """Return what a kernelspec says if it is one of these."""
    try:
        told = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))["metadata"][_OURS]
        return Installed(**{**told, "name": folder.name, "folder": str(folder)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
