"""The files of a new repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from jsk_ci import lockfile
from jsk_ci.skeleton.wishes import REGISTRY, Wish

_FOLDER = Path(__file__).resolve().parents[1] / "new"
#: Files whose names would mean something to Git and GitLab in the kit's own repository.
_HIDDEN = {"gitignore", "gitattributes", "gitlab-ci.yml"}
#: That of the base.
_PYTHON = "3.11"
_PLACE = re.compile(r"@([a-z_]+)@")
_STRIPPING = """
Notebooks are committed without their output. In a new clone, switch that on once:
`pipx install nbstripout && nbstripout --install --attributes .gitattributes`
"""


def render(wish: Wish) -> dict[str, str]:
    """Return the content of each file by its path, the lock among them."""
    values = {
        "name": wish.name,
        "title": wish.title,
        "base": wish.base,
        "python": _PYTHON,
        "components": wish.components,
        "components_version": wish.components_version,
        "registry": wish.registry,
        "of_notebooks": _inputs("output", "stripped") if wish.strip_output else "",
        "of_release": _inputs("registry", wish.registry) if wish.registry != REGISTRY else "",
        "filter": " filter=nbstripout" if wish.strip_output else "",
        "stripping": _STRIPPING if wish.strip_output else "",
    }
    found = {_path(file): _filled(file, values) for file in sorted(_FOLDER.rglob("*.in"))}
    project = tomllib.loads(found["pyproject.toml"])
    lockfile.check_fresh(lockfile.parse(found["poetry.lock"], "poetry.lock"), project, "pyproject.toml")
    return dict(sorted(found.items()))


def _inputs(name: str, value: str) -> str:
    """Return what a component is told beyond its own defaults."""
    return f"\n    inputs:\n      {name}: {value}"


def _path(file: Path) -> str:
    path = file.relative_to(_FOLDER).with_suffix("").as_posix()
    return f".{path}" if path in _HIDDEN else path


def _filled(file: Path, values: dict[str, str]) -> str:
    """Return a template with its places filled; ``@1`` of a component's version is no place."""
    text = file.read_text(encoding="utf-8")
    return _PLACE.sub(lambda match: values[match[1]], text)
