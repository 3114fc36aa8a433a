"""Names of container images, as registries and builders understand them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from jsk_ci.errors import ProjectError

#: Where a name without a registry lives, as every container engine reads it.
DEFAULT_REGISTRY = "docker.io"

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of one image: ``registry/repository``, and a tag, a digest, both or neither.

    Parameters
    ----------
    registry
        Host and port.
    repository
        Path within the registry, in lower case.
    tag
        At most 128 characters.
    digest
        ``sha256:`` and 64 hexadecimal digits.

    Examples
    --------
    >>> image = Reference.parse("registry.example.org:5000/kernels/base:1.4")
    >>> image.registry, image.repository, image.tag
    ('registry.example.org:5000', 'kernels/base', '1.4')
    >>> str(Reference.parse("debian"))
    'docker.io/library/debian'
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the reference that ``text`` spells.

        Raises
        ------
        ProjectError
            For what no registry would understand.
        """
        name, _, digest = text.strip().partition("@")
        head, slash, rest = name.partition("/")
        if not slash or not (":" in head or "." in head or head == "localhost"):
            head, rest = DEFAULT_REGISTRY, name if slash else f"library/{name}"
        repository, _, tag = rest.partition(":")
        fits = (
            _REPOSITORY.fullmatch(repository)
            and (not tag or _TAG.fullmatch(tag))
            and (not digest or _DIGEST.fullmatch(digest))
            and "@" not in digest
        )
        if not fits:
            raise ProjectError(
                f"{text!r} is no name of an image.",
                hint="Write registry/repository:tag or registry/repository@sha256:…, in lower case.",
            )
        return cls(head, repository, tag or None, digest or None)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def pinned(self) -> str:
        """Registry, repository and digest: what never means another image."""
        if self.digest is None:
            raise ProjectError(
                f"{self} names no digest, and a tag may move.", hint=f"Write {self.name}@sha256:…"
            )
        return f"{self.name}@{self.digest}"

    def with_tag(self, tag: str) -> Reference:
        """Return the same repository under ``tag``, with no digest."""
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: str) -> Reference:
        """Return the same repository at ``digest``, with no tag."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"
