"""A base with as little as a notebook can run with: the whole one takes minutes to build."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

from jsk_ci import resources
from jsk_ci.skeleton import locks

ROOT = Path(__file__).parents[2]
#: Of the kit's repository, what a base's lock names and what jobs need.
_PARTS = ("LICENSE", "README.md", "ci/jsk_ci", "ci/templates", "jsk_saver", "kernels", "pyproject.toml")
_BASE = """\
[project]
name = "jsk-kernel-base"
version = "1.0.0"
requires-python = ">=3.11,<3.12"
dependencies = ["ipykernel", "jsk-saver", "jupyterlab"]

[tool.jsk.kernel]
name = "base"
display-name = "Base (Python 3.11)"
from = "{debian}"
python = "3.11"

[tool.jsk.kernel.sources]
jsk-saver = {sources}

[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
jsk-saver = {{ path = "../.." }}
"""


def write(folder: Path, debian: str) -> Path:
    """Write a copy of the kit with such a base, and return the base's folder.

    Parameters
    ----------
    folder
        Where the kit's files go, as in its repository.
    debian
        The container image that the base starts from.
    """
    for part in _PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    base = folder / "kernels" / "base"
    sources = tomllib.loads((base / "pyproject.toml").read_text())["tool"]["jsk"]["kernel"]["sources"]
    text = _BASE.format(debian=debian, sources=json.dumps(sources["jsk-saver"]))
    (base / "pyproject.toml").write_text(text)
    whole = (resources.folder("kernels") / "base" / "poetry.lock").read_text()
    (base / "poetry.lock").write_text(locks.derive(whole, tomllib.loads(text)))
    return base
