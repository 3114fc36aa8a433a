"""What is installed in the running kernel, and how that is changed: by hash, and no more than is named."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from jsk_ci import delta
from jsk_ci.errors import BuildFailed
from jsk_ci.lockfile import Package, normalise
from jsk_saver import settings

_MOST_LINES = 8


def installed() -> dict[str, str]:
    """Return normalised names and versions of what this Python sees, sorted."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"] if distribution.metadata else None
        if name:
            found.setdefault(normalise(name), distribution.version)  # the first on the path is imported
    return dict(sorted(found.items()))


def imported(names: Iterable[str]) -> list[str]:
    """Return the modules of these packages that were imported already, sorted."""
    return sorted({module for name in names for module in _modules(name) if module in sys.modules})


def needed_by(gone: set[str]) -> dict[str, str]:
    """Return which of ``gone`` something else that is installed needs, and what that is."""
    from packaging.requirements import InvalidRequirement, Requirement

    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        owner = normalise(distribution.metadata["Name"] or "") if distribution.metadata else ""
        if not owner or owner in gone:
            continue
        for line in distribution.requires or ():
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            name = normalise(wanted.name)
            if name in gone and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                found.setdefault(name, owner)
    return found


def install(packages: Mapping[str, Package], *, kept: str) -> None:
    """Install exactly these packages, hashes checked, and nothing that they ask for.

    Raises
    ------
    BuildFailed
        With the installer's own last words; it undoes what it began.
    """
    if not packages:
        return
    with tempfile.TemporaryDirectory(prefix="jsk-kernel-") as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(delta.requirements(packages), encoding="utf-8")
        _call([*_installer("install"), "--no-deps", "--require-hashes", *_target(), "-r", str(file)], kept)
    importlib.invalidate_caches()


def uninstall(names: Iterable[str], *, kept: str) -> None:
    """Remove packages from the running kernel.

    Raises
    ------
    BuildFailed
        With the installer's own last words.
    """
    gone = sorted(names)
    if gone:
        program = _installer("uninstall")
        _call([*program, *(["--yes"] if "pip" in program[2:3] else []), *gone], kept)
        importlib.invalidate_caches()


# Where an environment belongs to somebody else ----------------------------------------------------------


def overlay() -> Path | None:
    """Return the folder that takes packages where the environment itself cannot be written to.

    An image that others made may give its environment to root; the kit's own gives it to Studio's user. The
    folder is in the kit's home and named after the image, so that a new image starts without it.
    """
    packages = sysconfig.get_path("purelib")
    if os.access(packages, os.W_OK):
        return None
    known = os.environ.get("JSK_KERNEL_FINGERPRINT") or hashlib.sha256(sys.prefix.encode()).hexdigest()
    return settings.load().home / "kernels" / known[:24]


def use_overlay() -> None:
    """Let what was installed in an earlier session of this image be imported, before the image's own."""
    folder = overlay()
    if folder is not None and folder.is_dir() and str(folder) not in sys.path:
        packages = sysconfig.get_path("purelib")
        sys.path.insert(sys.path.index(packages) if packages in sys.path else len(sys.path), str(folder))
        importlib.invalidate_caches()


def removable(names: Iterable[str]) -> set[str]:
    """Return which of these can be removed here: all, or those in the overlay."""
    folder = overlay()
    if folder is None:
        return set(names)
    there = importlib.metadata.distributions(path=[str(folder)])
    return set(names) & {normalise(item.metadata["Name"]) for item in there}


def _target() -> list[str]:
    folder = overlay()
    if folder is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    use_overlay()
    return ["--target", str(folder), "--upgrade"]


# Installers ---------------------------------------------------------------------------------------------


def _installer(verb: str) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--no-input", "--disable-pip-version-check"]
        return [sys.executable, "-m", "pip", verb, *quiet]
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if uv is None:
        raise BuildFailed(
            f"{sys.executable} has neither pip nor uv, so nothing can be installed.",
            hint=f"{sys.executable} -m ensurepip    # in a terminal",
        )
    return [uv, "pip", verb, "--python", sys.executable]


def _call(command: list[str], kept: str) -> None:
    folder = overlay()
    path = os.pathsep.join(filter(None, [str(folder or ""), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path} if path else dict(os.environ)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        words = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
        said = "\n    ".join(words[-_MOST_LINES:])
        raise BuildFailed(f"What is installed could not be changed:\n    {said}", kept=kept, hint=_HINT)


_HINT = "The same again, or: %kernel status"


def _modules(name: str) -> set[str]:
    """Return the top-level modules of an installed package."""
    try:
        files = importlib.metadata.distribution(name).files or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    tops = {file.parts[0] for file in files if file.suffix in (".py", ".so", ".pyd") and file.parts}
    return {top.partition(".")[0] for top in tops if not top.endswith((".dist-info", "..")) and top != ".."}
