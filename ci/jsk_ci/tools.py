"""What a base holds beside its environment: Poetry, for ``%kernel``, with all that it needs."""

from __future__ import annotations

import re

from jsk_ci import resources
from jsk_ci.lockfile import Package, normalise
from jsk_ci.project import Kernel

#: Where it is in the image; in no list of packages, and not on ``PATH``.
PLACE = "/opt/poetry"
_PINNED = re.compile(r"^([\w.-]+)==(\S+)((?:\s*\\\n\s+--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


def packages(kernel: Kernel) -> dict[str, Package]:
    """Return what the kit's Dockerfile of a base installs beside the lock, by name; nothing otherwise."""
    if not kernel.is_base or kernel.dockerfile is not None:
        return {}
    (file,) = (path for path in resources.recipe() if path.name == "poetry.txt")
    found = {}
    for name, version, hashes in _PINNED.findall(file.read_text(encoding="utf-8")):
        listed = tuple(sorted(re.findall(r"sha256:[0-9a-f]{64}", hashes)))
        found[normalise(name)] = Package(normalise(name), version, listed, {}, {})
    return found
