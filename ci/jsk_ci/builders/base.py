"""What every builder does, whichever program it drives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jsk_ci.references import Reference


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a builder has.

    Parameters
    ----------
    reference
        What the builder knows it by.
    identifier
        Digest of its configuration.
    layers
        Digests of its uncompressed layers (``diff_ids``), lowest first.
    size
        Bytes on disk.
    labels, variables
        Of its configuration.
    pinned
        By what registries it came from or went to know it: ``registry/repository@sha256:…``.
    """

    reference: str
    identifier: str
    layers: tuple[str, ...]
    size: int
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a build needs, in one folder.

    Parameters
    ----------
    folder
        With the Dockerfile and what it copies.
    arguments
        Build arguments.
    labels
        Of the image.
    secrets
        Files that the build may read and no layer keeps, by the name the Dockerfile mounts them under:
        ``pip`` (``pip.conf``), ``netrc``, ``ca`` (certificates).
    removes
        Whether files of the image it starts from will be gone.
    """

    folder: Path
    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    secrets: Mapping[str, Path] = field(default_factory=dict)
    removes: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """What is to run in a new container, which shares the machine's network.

    Parameters
    ----------
    reference
        The image.
    command
        An empty one is the image's own entry point.
    user
        User and group, by number; Studio's unless said otherwise.
    variables
        Besides those of the image.
    mounts
        Folders of this machine, and where the container sees them.
    """

    reference: str
    command: Sequence[str] = ()
    user: str = "1000:100"
    variables: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command in a container ended.

    Parameters
    ----------
    code
        Exit code.
    output
        What it printed, both streams.
    """

    code: int
    output: str


class Running(Protocol):
    """A container in the background."""

    def alive(self) -> bool:
        """Tell whether it still runs."""
        ...

    def output(self) -> str:
        """Return what it printed so far, both streams."""
        ...

    def stop(self) -> None:
        """End it and remove it; well if it ended before."""
        ...


class Builder(Protocol):
    """Makes images, keeps them, starts them and pushes them.

    Every method raises :class:`~jsk_ci.errors.BuildFailed` with the program's own last words if it fails,
    but for those that say otherwise.
    """

    name: str

    def version(self) -> str:
        """Return the program's name and version, for the log."""
        ...

    def build(
        self, context: Context, reference: str, *, cache: str | None = None, fresh: bool = False
    ) -> Image:
        """Build ``context`` and name the image ``reference``; ``fresh`` ignores every cached step.

        ``cache`` is a registry's repository in which steps are looked up and kept, where the program can.
        """
        ...

    def inspect(self, reference: str) -> Image | None:
        """Return an image that is here; None if it is not."""
        ...

    def pull(self, reference: str) -> Image:
        """Fetch an image from its registry; RegistryError if that fails."""
        ...

    def push(self, source: str, target: Reference) -> str:
        """Push an image that is here under a tag and return its digest; RegistryError if that fails."""
        ...

    def run(self, container: Container, *, timeout: float = 600.0) -> Ran:
        """Run a new container to its end, and remove it; after ``timeout`` seconds it is ended, code 124."""
        ...

    def start(self, container: Container) -> Running:
        """Start a container in the background; as :meth:`run` otherwise."""
        ...

    def remove(self, reference: str) -> None:
        """Forget an image; well if it is not here."""
        ...
