"""Which packages are installed: one digest for the record, one list that is stored once per digest.

Names and versions are read off the folders that installers must create (``name-version.dist-info``; the
"recording installed projects" specification). That takes a millisecond for two hundred packages, where
parsing their metadata takes a quarter of a second, and far longer from a cold network disk.
"""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import hashlib
import os
import re
import sys
import time

#: Seconds for which the list stands before it is looked at again: ``pip install`` in a notebook is seen.
RECHECK = 1.0

_INSTALLERS = ("site-packages", "dist-packages")
_folders: dict[str, tuple[int, dict[str, str]]] = {}
_known: tuple[float, tuple[object, ...], str, str] = (-RECHECK, (), "", "")


def packages() -> tuple[str, str]:
    """Return the digest (32 hexadecimal digits) and the list of installed packages.

    The list has one line ``name==version`` for each, sorted, with normalised names, so that it is also a
    requirements file. The digest is the start of the list's SHA-256.
    """
    global _known
    now = time.monotonic()
    checked, signature, digest, text = _known
    if now - checked < RECHECK:
        return digest, text
    installed, found = _installed()
    if found != signature:
        text = "".join(f"{name}=={version}\n" for name, version in sorted(installed.items()))
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    _known = (now, found, digest, text)
    return digest, text


def _installed() -> tuple[dict[str, str], tuple[object, ...]]:
    """Return the packages of every folder on the path (the first one wins) and what would change them."""
    installed: dict[str, str] = {}
    signature: list[object] = []
    for folder in dict.fromkeys(sys.path):
        if os.path.basename(folder) == "_vendor":
            continue  # setuptools puts its own copies on the path once it is imported; nobody installed them
        try:
            changed = os.stat(folder or ".").st_mtime_ns
        except OSError:
            continue
        known = _folders.get(folder)
        # Only installers' folders are watched: a working folder changes with every file saved there.
        if known is None or (known[0] != changed and os.path.basename(folder) in _INSTALLERS):
            known = _folders[folder] = (changed, _scan(folder or "."))
        signature.append((folder, known[0]))
        installed = {**known[1], **installed}
    return installed, tuple(signature)


def _scan(folder: str) -> dict[str, str]:
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".dist-info", ".egg-info")):
                    name, version = _identity(entry.name, entry.path)
                    if name and version:
                        found[name] = version
    except OSError:  # a zip file, a folder without rights
        pass
    return found


def _identity(folder: str, path: str) -> tuple[str, str]:
    """Return the normalised name and version that the name of a folder (or the file in it) says."""
    stem = folder.rpartition(".")[0]
    name, _, version = stem.partition("-")
    if not version:  # legacy: "name.egg-info" has its version inside
        name, version = _read_identity(path)
    elif folder.endswith(".egg-info"):
        version = re.sub(r"-py\d[\d.]*(-.*)?$", "", version)
    return re.sub(r"[-_.]+", "-", name).lower(), version


def _read_identity(path: str) -> tuple[str, str]:
    from importlib.metadata import PathDistribution
    from pathlib import Path

    try:
        metadata = PathDistribution(Path(path)).metadata
        return metadata["Name"] or "", metadata["Version"] or ""
    except Exception:  # a broken installation is not a reason to know nothing of the others
        return "", ""
