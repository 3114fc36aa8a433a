"""The list of images that trials and saved objects refer to, as ``jsk trials images`` prints it.

One reference a line: an image by digest or tag, or ``fingerprint:<64 digits>``. The last line says how many
there are, so that a list that was cut off is not taken for one that names nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jsk_ci.errors import ProjectError
from jsk_ci.fingerprint import tag as fingerprint_tag
from jsk_ci.references import Reference

FINGERPRINT = "fingerprint:"
_END = re.compile(r"# end: (\d+) references?")
_HINT = "jsk trials images | jsk-ci gc --referenced -    # or say --no-trials"


@dataclass(frozen=True, slots=True)
class Referenced:
    """What is referred to.

    Parameters
    ----------
    digests
        ``sha256:…``
    names
        ``registry/repository:tag``
    tags
        Of fingerprints.
    """

    digests: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def covers(self, digest: str, repository: str, tags: Iterable[str]) -> bool:
        """Tell whether an image is referred to, by whichever of its names."""
        return digest in self.digests or any(
            tag in self.tags or f"{repository}:{tag}" in self.names for tag in tags
        )


def parse(text: str) -> Referenced:
    r"""Return what a list names.

    Lines that are no image of any registry, such as the names of other platforms' images, name nothing here.

    Raises
    ------
    ProjectError
        If the list is not whole.

    Examples
    --------
    >>> sorted(parse("registry.example.org/iris:1.4\n# end: 1 reference").names)
    ['registry.example.org/iris:1.4']
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if not line.startswith("#")]
    end = _END.fullmatch(lines[-1]) if lines else None
    if end is None or int(end[1]) != len(named):
        raise ProjectError(
            "The list of images that are referred to is not whole: its last line must be "
            f"'# end: {len(named)} references'.",
            kept="Nothing was removed.",
            hint=_HINT,
        )
    digests, names, tags = set(), set(), set()
    for line in named:
        if line.startswith(FINGERPRINT):
            tags.add(fingerprint_tag(line.removeprefix(FINGERPRINT)))
        elif image := _reference(line):
            digests |= {image.digest} if image.digest else set()
            names |= {f"{image.name}:{image.tag}"} if image.tag else set()
    return Referenced(frozenset(digests), frozenset(names), frozenset(tags))


def _reference(line: str) -> Reference | None:
    try:
        return Reference.parse(line)
    except ProjectError:
        return None


def missing() -> ProjectError:
    """Return the error for a gc that nobody told what is referred to."""
    return ProjectError(
        "Nobody said which images trials and objects refer to.", kept="Nothing was removed.", hint=_HINT
    )
