"""Which builder: the one that was asked for, or the first that is there."""

from __future__ import annotations

import os

from jsk_ci.builders.base import Builder
from jsk_ci.builders.buildah import Buildah
from jsk_ci.builders.docker import Docker
from jsk_ci.builders.program import Log, silent
from jsk_ci.errors import NoBuilder, ProjectError

#: Names a builder where no option does.
VARIABLE = "JSK_CI_BUILDER"
_BUILDERS: dict[str, type[Docker] | type[Buildah]] = {"docker": Docker, "buildah": Buildah}


def choose(name: str | None = None, log: Log = silent) -> Builder:
    """Return a builder that can be used here.

    Parameters
    ----------
    name
        ``docker`` or ``buildah``; without it the variable ``JSK_CI_BUILDER`` is asked, and without that
        what is there, Docker first, because its engine keeps steps and layers between builds.
    log
        Takes each line of a build's log.

    Raises
    ------
    NoBuilder
        If none, or not the one that was asked for, can be used.
    ProjectError
        For another name.
    """
    wanted = name or os.environ.get(VARIABLE, "")
    if wanted and wanted not in _BUILDERS:
        raise ProjectError(f"There is no builder {wanted!r}.", hint="--builder docker, or --builder buildah")
    for kind in [_BUILDERS[wanted]] if wanted else _BUILDERS.values():
        if kind.available():
            return kind(log)
    if wanted == "docker":
        raise NoBuilder(
            "No Docker engine answers, or no client is there that can build.",
            hint="Start the engine, name it (export DOCKER_HOST=…), or take the other: --builder buildah",
        )
    raise NoBuilder(
        "buildah is not there, or may not be used."
        if wanted
        else "Neither a Docker engine nor buildah is there.",
        hint="apt-get install buildah    # or name a Docker engine: export DOCKER_HOST=…",
    )
