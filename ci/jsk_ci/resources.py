"""Files that the kit brings along: Dockerfiles, pipeline templates, the new repository's skeleton.

They live beside the code in a checkout (``kernels/``, ``ci/templates/``) and inside the package once it is
installed.
"""

from __future__ import annotations

from pathlib import Path

from jsk_ci.errors import ProjectError

_HERE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder ``kernels`` or ``templates``.

    Raises
    ------
    ProjectError
        If this installation is not whole.
    """
    checkout = {"kernels": _HERE.parents[1] / "kernels", "templates": _HERE.parent / "templates"}[name]
    for place in (_HERE / name, checkout):
        if place.is_dir():
            return place
    raise ProjectError(
        f"The folder {name} is missing beside {_HERE}.", hint="pip install --force-reinstall jsk-saver"
    )


def dockerfile(kind: str) -> Path:
    """Return the Dockerfile of a ``base`` or an ``experiment``."""
    return folder("kernels") / kind / "Dockerfile"
