"""``%kernel``: the environment of the notebook's project, seen and changed from a cell."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import QueryError
from jsk_saver.lineage import notebook

if TYPE_CHECKING:
    from jsk_ci.editing.projects import Project

#: What can follow ``%kernel``.
VERBS = ("add", "install", "remove", "status")
_DRY, _GROUP = "--dry-run", "--group"


def register(ipython: Any) -> None:
    """Make the magic known to a shell."""

    @functools.wraps(kernel_magic)
    def magic(line: str) -> Any:
        return kernel_magic(line)

    ipython.register_magic_function(magic, "line", "kernel")
    _find_what_was_installed()


def unregister(ipython: Any) -> None:
    """Take the magic away."""
    ipython.magics_manager.magics["line"].pop("kernel", None)


def kernel_magic(line: str) -> Any:
    """See and change the environment of the notebook's project.

    ::

        %kernel                         what the kernel lacks, compared with poetry.lock
        %kernel add "polars>=1"         into pyproject.toml, the lock and this kernel
        %kernel remove polars           out of them again
        %kernel install                 what the lock has and this kernel has not

    ``--dry-run`` tells what would be done; ``--group=dev`` is for another group of dependencies. What is
    added or removed is staged in Git, and the line that commits it is shown. If anything fails,
    ``pyproject.toml`` and ``poetry.lock`` are as they were.
    """
    verb, packages, options = _parsed(line)
    project = _project()
    if verb == "status":
        from jsk_ci.editing.status import status

        return status(project)
    from jsk_ci.editing import changes

    dry_run = _DRY in options
    if verb == "install":
        return changes.install(project, dry_run=dry_run, tell=print)
    change = changes.add if verb == "add" else changes.remove
    return change(project, packages, group=options.get(_GROUP, "main"), dry_run=dry_run, tell=print)


def direct_dependencies() -> Iterable[str]:
    """Return what the notebook's project asks for: what can be removed."""
    return _project().direct


def _parsed(line: str) -> tuple[str, list[str], dict[str, str]]:
    try:
        words = shlex.split(line) or ["status"]
    except ValueError as error:
        raise QueryError(f"%kernel {line}: {error}.", hint='%kernel add "polars>=1"') from error
    verb, *rest = words
    told = [word.partition("=") for word in rest if word.startswith("-")]
    options = {name: value for name, _, value in told}
    packages = [word for word in rest if not word.startswith("-")]
    unknown = [name for name in options if name not in (_DRY, _GROUP)] + [verb] * (verb not in VERBS)
    if unknown:
        raise QueryError(
            f"%kernel does not know {unknown[0]!r}: it knows {', '.join(VERBS)}, {_DRY} and {_GROUP}=NAME.",
            hint="%kernel status",
        )
    takes = verb in ("add", "remove")
    if takes != bool(packages) or options.get(_GROUP, "main") == "":
        what = "which package?" if takes else f"it takes no {packages[0]!r}."
        raise QueryError(f"%kernel {line.strip()}: {what}", hint=f"%kernel {verb}{' polars' * takes}")
    return verb, packages, options


def _project() -> Project:
    from jsk_ci.editing import projects

    path = notebook.path() if notebook.kernel_shell() is not None else None  # at a prompt, where that is
    folder = Path(path).parent if path else Path.cwd()
    return projects.find(folder if folder.is_dir() else Path.cwd())


def _find_what_was_installed() -> None:
    """Let packages be imported that an earlier session of this image installed."""
    try:
        from jsk_ci.editing import environment

        environment.use_overlay()
    except (ImportError, OSError, ValueError):  # settings that do not fit are told by what needs them
        return
