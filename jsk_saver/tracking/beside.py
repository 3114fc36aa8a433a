"""What a program imports from the files beside it, which are not kept where no commit holds them."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from jsk_saver.lineage import notebook
from jsk_saver.settings import REPRODUCE
from jsk_saver.warning import warn

_MAGIC = ("%", "!", "?")
_said: set[str] = set()


def modules(program: str, source: bytes) -> list[str]:
    """Return the modules beside a script or notebook that it imports, each as the file it was found in.

    Parameters
    ----------
    program
        Its path; there need not be anything by now.
    source
        Its content.
    """
    folder = os.path.dirname(program)  # noqa: PTH120
    found = (_file(name, folder) for name in _imported(program, source))
    return sorted({file for file in found if file and file != os.path.basename(program)})  # noqa: PTH119


def is_on_path(file: str, path: Iterable[str]) -> bool:
    """Tell whether a module that once was found as ``file`` is in one of these folders."""
    name = file.partition("/")[0].partition(".")[0]
    return PathFinder.find_spec(name, list(path)) is not None


def _file(name: str, folder: str) -> str:
    """Return the file or folder of a module that lies in a folder, as seen from there."""
    spec = PathFinder.find_spec(name, [folder])
    if spec is None:
        return ""
    if spec.origin is not None:
        return Path(spec.origin).relative_to(folder).as_posix()
    # A mere folder: whatever is installed under that name goes before it.
    others = [place for place in sys.path if os.path.realpath(place or ".") != os.path.realpath(folder)]
    return "" if PathFinder.find_spec(name, others) is not None else f"{name}/"


def _imported(program: str, source: bytes) -> set[str]:
    found: set[str] = set()
    for text in _code(program, source):
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.update([node.module] if node.module else [alias.name for alias in node.names])
    return {name.partition(".")[0] for name in found}


def _code(program: str, source: bytes) -> Iterator[str]:
    if not program.endswith(".ipynb"):
        yield source.decode("utf-8", "replace")
        return
    for cell in json.loads(source).get("cells", ()):
        if cell.get("cell_type") == "code":
            lines = "".join(cell.get("source", "")).splitlines()
            yield "\n".join(line for line in lines if not line.lstrip().startswith(_MAGIC))


def warn_once(recipe: dict[str, Any]) -> None:
    """Warn, once in a process, that its trials cannot be run again, and say what to type."""
    workers = sys.modules.get("multiprocessing.process")
    if os.environ.get(REPRODUCE) or (workers is not None and workers.parent_process() is not None):
        return
    said = _problem(recipe)
    if said and said not in _said:
        _said.add(said)
        warn(f"This trial cannot be run again: {said}")


def _problem(recipe: dict[str, Any]) -> str:
    if not recipe.get("program"):
        # Who types at a prompt knows that there is no file; who is in a notebook thinks that there is one.
        if notebook.kernel_shell() is None:
            return ""
        return "which notebook this is, is not known. Next: %env JSK_NOTEBOOK=/where/it/is.ipynb"
    files = recipe.get("beside")
    if not files:
        return ""
    shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    keep = "git add -A && git commit -m 'As it runs'"
    if recipe.get("root"):
        return f"it imports {shown}, and its repository has no commit yet. Next: {keep}"
    return f"it imports {shown}, which no Git repository holds. Next: git init && {keep}"
