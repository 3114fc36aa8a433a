"""Versions of released images, and from which branch each may come (GitFlow).

``develop`` and the branches that lead to a release make candidates, ``1.4.0-rc.2``; a Git tag on ``main``
makes the release, ``1.4.0``, of what was a candidate before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jsk_ci.errors import ProjectError

_VERSION = re.compile(r"v?((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*))(?:-rc(?:\.([1-9]\d*))?)?")
_MAKES_CANDIDATES = re.compile(r"develop|(?:release|hotfix)/.+")
_OF_BRANCH = re.compile(r"(?:release|hotfix)/v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Version:
    """A version that an image is promoted to.

    Parameters
    ----------
    release
        ``1.4.0``.
    is_final
        Whether it is the release itself.
    number
        Of the candidate; None for the next one.

    Examples
    --------
    >>> Version.parse("1.4.0-rc.2")
    Version(release='1.4.0', is_final=False, number=2)
    >>> str(Version.parse("v1.4.0"))
    '1.4.0'
    """

    release: str
    is_final: bool = True
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that ``text`` spells.

        Raises
        ------
        ProjectError
            For anything but ``1.4.0``, ``1.4.0-rc.2`` and ``1.4.0-rc`` (the next candidate).
        """
        match = _VERSION.fullmatch(text)
        if not match:
            raise ProjectError(
                f"{text!r} is no version of a release.", hint="--to 1.4.0, --to 1.4.0-rc.2, or --to 1.4.0-rc"
            )
        return cls(match[1], "-rc" not in text, int(match[2]) if match[2] else None)

    def candidate(self, number: int) -> Version:
        """Return candidate ``number`` of this release."""
        return Version(self.release, False, number)

    def __str__(self) -> str:
        if self.is_final:
            return self.release
        return f"{self.release}-rc" + (f".{self.number}" if self.number else "")


def candidates(tags: Iterable[str], release: str) -> list[Version]:
    """Return the candidates of a release among tags, the first one first."""
    found = re.compile(re.escape(release) + r"-rc\.([1-9]\d*)")
    numbers = sorted(int(match[1]) for tag in tags if (match := found.fullmatch(tag)))
    return [Version(release, False, number) for number in numbers]


def asked(text: str | None, environment: Mapping[str, str], project_version: str) -> Version:
    """Return the version to promote to: the one that was asked for, or what this pipeline is for.

    Parameters
    ----------
    text
        What was asked for, if anything.
    environment
        GitLab's variables ``CI_COMMIT_TAG`` and ``CI_COMMIT_BRANCH``.
    project_version
        ``version`` of ``pyproject.toml``, for a candidate on ``develop``.

    Raises
    ------
    ProjectError
        If that is not said, or this branch or tag does not make such a version.
    """
    tag, branch = environment.get("CI_COMMIT_TAG", ""), environment.get("CI_COMMIT_BRANCH", "")
    version = Version.parse(text or _meant(tag, branch, project_version))
    if version.is_final and (tag or branch) and not _is(tag, version):
        raise ProjectError(
            f"{version} is released by a pipeline for the Git tag {version} on main, and this one is for "
            f"{'the tag ' + tag if tag else 'the branch ' + branch}.",
            kept="No tag was changed.",
            hint=f"git tag {version} main && git push origin {version}",
        )
    if not version.is_final and branch and not _MAKES_CANDIDATES.fullmatch(branch):
        raise ProjectError(
            f"The branch {branch} makes no release candidates.",
            kept="No tag was changed.",
            hint="Merge it into develop first.",
        )
    return version


def _meant(tag: str, branch: str, project_version: str) -> str:
    if tag:
        return tag
    if match := _OF_BRANCH.match(branch):
        return f"{match[1]}-rc"
    if branch == "develop" and project_version:
        return f"{project_version}-rc"
    raise ProjectError("It is not said which version this is to be.", hint="--to 1.4.0-rc, or --to 1.4.0")


def _is(tag: str, version: Version) -> bool:
    return bool(tag) and _VERSION.fullmatch(tag) is not None and Version.parse(tag) == version
