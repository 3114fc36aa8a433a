"""What a new repository is to be."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from jsk_ci.project import PLACEHOLDER
from jsk_ci.references import Reference
from jsk_saver.errors import AlreadyThere, InvalidName

#: As ``[tool.jsk.kernel]`` takes it, which is narrower than what GitLab and SageMaker take.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
COMPONENTS, COMPONENTS_VERSION = "$CI_SERVER_FQDN/jsk/kit", "1"
REGISTRY = "$CI_REGISTRY_IMAGE"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a new repository is to be.

    Parameters
    ----------
    name
        Of repository, kernel and experiment.
    folder
        Where it is made.
    base
        Reference of the base image.
    registry
        Where its images go; may name GitLab's variables.
    components, components_version
        Path and version of the kit's GitLab components.
    strip_output
        Whether notebooks are committed without their output.
    offline
        Whether Poetry is not asked.
    """

    name: str
    folder: Path
    base: str = PLACEHOLDER
    registry: str = REGISTRY
    components: str = COMPONENTS
    components_version: str = COMPONENTS_VERSION
    strip_output: bool = False
    offline: bool = False

    @property
    def title(self) -> str:
        """The name as a person would write it."""
        return self.name.replace("-", " ").capitalize()

    def check(self) -> None:
        """Make sure that it can be made.

        Raises
        ------
        InvalidName
            If no kernel could be called so.
        AlreadyThere
            If something is in the folder.
        ProjectError
            If the base is no reference of an image.
        """
        if not _NAME.fullmatch(self.name) or "--" in self.name:
            raise InvalidName(
                f"No repository, kernel and experiment can all be called {self.name!r}.",
                kept="Nothing was made.",
                hint=f"jsk new {_near(self.name)}    # at most 63 lower-case letters, digits, hyphens",
            )
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise AlreadyThere(
                f"{self.folder} is there already, and not empty.",
                kept="It stays as it is.",
                hint=f"jsk new {self.name}-2    # or another folder: --folder",
            )
        Reference.parse(self.base)


def known_base() -> str:
    """Return the base of the image this runs in, if it does; otherwise a placeholder."""
    parent, image = os.environ.get("JSK_KERNEL_PARENT", ""), os.environ.get("JSK_KERNEL_IMAGE", "")
    for reference in (parent if "/" in parent else "", image):
        if "@sha256:" in reference and "kernels" in reference:
            return reference
    return PLACEHOLDER


def _near(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:63].rstrip("-")
    return plain or "my-experiment"
