"""Takes the time of day out of a layer that removes files.

A removed file is an entry of its own in a layer's tar (``.wh.NAME``), and Docker's engine gives it the time
at which it wrote the tar: nothing inside the build can reach it. BuildKit 0.13 can (``rewrite-timestamp``),
but engines with it are not everywhere. So the layer is taken out, its removals get the time of its youngest
file, and it is put back; layers below it are neither changed nor loaded again. buildah needs none of this:
``--timestamp`` covers removals.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

from jsk_ci.builders.base import Image

_REMOVED = ".wh."
_CHUNK = 1 << 20


def settle(client: str, image: Image) -> bool:
    """Replace an image of a Docker engine by one whose last layer depends on files alone.

    Parameters
    ----------
    client
        The docker program.
    image
        Just built.

    Returns
    -------
    bool
        False if the engine's archive is of a form that this does not know; the image stays as it was.
    """
    with tempfile.TemporaryDirectory(prefix="jsk-layer-") as place:
        folder = Path(place)
        config = _take_out(client, image, folder)
        if config is None or not (folder / "old.tar").exists():
            return False
        digest = _rewrite(folder / "old.tar", folder / "new.tar")
        config["rootfs"]["diff_ids"][-1] = f"sha256:{digest}"
        return _put_back(client, image, config, folder)


def _take_out(client: str, image: Image, folder: Path) -> dict[str, Any] | None:
    """Write the image's last layer to a file, and return its configuration."""
    config: dict[str, Any] | None = None
    wanted = image.layers[-1]
    with subprocess.Popen(
        [client, "save", image.reference], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is None:
                        continue
                    if member.name == f"{image.identifier.removeprefix('sha256:')}.json":
                        config = json.load(file)
                    elif member.name.endswith("/layer.tar") and _keep(file, folder / "part") == wanted:
                        (folder / "part").rename(folder / "old.tar")
        except tarfile.TarError:
            return None
    return config


def _keep(file: IO[bytes], target: Path) -> str:
    """Write a file and return its digest."""
    total = hashlib.sha256()
    with target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
            out.write(chunk)
    return f"sha256:{total.hexdigest()}"


def _rewrite(source: Path, target: Path) -> str:
    """Write a layer with settled removals, and return its digest in hexadecimal digits."""
    with tarfile.open(source) as old:
        time = max((int(item.mtime) for item in old if not _is_removal(item)), default=0)
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
            for item in old:
                if _is_removal(item):
                    removal = tarfile.TarInfo(item.name)
                    removal.mtime, removal.mode = time, 0o600
                    new.addfile(removal)
                else:
                    new.addfile(item, old.extractfile(item) if item.isreg() else None)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_removal(item: tarfile.TarInfo) -> bool:
    return Path(item.name).name.startswith(_REMOVED)


def _put_back(client: str, image: Image, config: dict[str, Any], folder: Path) -> bool:
    """Load the image with its new last layer; the engine has the others, and does not ask for them."""
    text = json.dumps(config, separators=(",", ":")).encode()
    name = hashlib.sha256(text).hexdigest()
    count = len(config["rootfs"]["diff_ids"])
    layers = [f"{number}/layer.tar" for number in range(count)]
    manifest = [{"Config": f"{name}.json", "RepoTags": [image.reference], "Layers": layers}]
    with subprocess.Popen(
        [client, "load", "--quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
                _add(archive, f"{name}.json", text)
                _add(archive, "manifest.json", json.dumps(manifest).encode())
                archive.add(folder / "new.tar", layers[-1])
            process.stdin.close()
        except BrokenPipeError:
            return False
    return process.returncode == 0


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
