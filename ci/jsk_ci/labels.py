"""How an image knows itself: labels for registries and engines, variables for what runs in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsk_ci.errors import ProjectError
from jsk_ci.fingerprint import Inputs
from jsk_ci.project import Kernel

#: Reverse domain name, as the OCI image specification asks of labels.
PREFIX = "io.jsk.kernel."
#: Where the package list lies in an image.
PACKAGES_FILE = "/opt/jsk/packages.txt"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an image says of itself.

    Parameters
    ----------
    name, display_name
        Of its kernelspec.
    kind
        ``base`` or ``experiment``.
    fingerprint
        64 hexadecimal digits.
    commit
        Of the repository it was built from; empty outside one.
    parent
        Pinned reference of the image it starts from.
    python
        As asked for.
    packages
        ``name==version`` of everything installed, a line each.
    """

    name: str
    display_name: str
    kind: str
    fingerprint: str
    commit: str
    parent: str
    python: str
    packages: str = ""

    def labels(self) -> dict[str, str]:
        """Return the image's labels, with those that the OCI specification names."""
        own = {
            "name": self.name,
            "display-name": self.display_name,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "commit": self.commit,
            "parent": self.parent,
            "python": self.python,
            "packages": self.packages,
        }
        name, _, digest = self.parent.partition("@")
        return {
            **{PREFIX + key: value for key, value in own.items()},
            "org.opencontainers.image.title": self.display_name,
            "org.opencontainers.image.revision": self.commit,
            "org.opencontainers.image.base.name": name,
            "org.opencontainers.image.base.digest": digest,
        }

    def variables(self) -> dict[str, str]:
        """Return the environment variables that tell the same to a process in the image."""
        return {
            "JSK_KERNEL_NAME": self.name,
            "JSK_KERNEL_FINGERPRINT": self.fingerprint,
            "JSK_KERNEL_COMMIT": self.commit,
            "JSK_KERNEL_PARENT": self.parent,
            "JSK_KERNEL_PACKAGES": PACKAGES_FILE,
        }


def identity(kernel: Kernel, inputs: Inputs, parent: str, commit: str, packages: str) -> Identity:
    """Return what the image of a kernel is to say of itself."""
    kind = "base" if kernel.is_base else "experiment"
    return Identity(
        kernel.name, kernel.display_name, kind, inputs.fingerprint, commit, parent, kernel.python, packages
    )


def parse(labels: Mapping[str, Any] | None, reference: str) -> Identity:
    """Return what an image with these labels says of itself.

    Raises
    ------
    ProjectError
        If it is not an image of this kit.
    """
    told = {
        key.removeprefix(PREFIX): value for key, value in (labels or {}).items() if key.startswith(PREFIX)
    }
    if "fingerprint" not in told or "name" not in told:
        raise ProjectError(
            f"{reference} is not a kernel image: it has no label {PREFIX}fingerprint.",
            hint="Name an image that jsk-ci build made; jsk-ci plan tells the base's.",
        )
    return Identity(
        name=told["name"],
        display_name=told.get("display-name", told["name"]),
        kind=told.get("kind", "experiment"),
        fingerprint=told["fingerprint"],
        commit=told.get("commit", ""),
        parent=told.get("parent", ""),
        python=told.get("python", ""),
        packages=told.get("packages", ""),
    )
