"""What is needed to run a trial again: which program, on which files, with what read before.

Noted when a trial starts, from what this process knows; the files it speaks of are kept in the background.
"""

# No pathlib where it is called for every trial: it costs several times what it wraps.
# ruff: noqa: PTH109, PTH120, PTH123

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jsk_saver.lineage import git, notebook, reads, repository
from jsk_saver.lineage.repository import Repository
from jsk_saver.tracking import masking
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.keeping import keeper

#: Bytes beyond which a notebook or script is not kept.
MOST_BYTES = 32 * 2**20
#: How many versions that were read before are named; the newest.
MOST_READS = 500
#: Environment variables that change what comes out.
VARIABLES = (
    "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "MKL_NUM_THREADS",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_DETERMINISTIC_OPS", "TZ",
)  # fmt: skip

_process = (0, "")
_programs: dict[str, tuple[object, str]] = {}
_imports: dict[str, tuple[object, list[str]]] = {}


def collect(experiment: Path, environment: dict[str, Any], packages: str) -> dict[str, Any]:
    """Return what is needed to run again what runs now, and have kept what that speaks of.

    Keys, each absent where it is not known: ``process`` (the same in all trials of a process), ``program``
    (path; from the repository's root if it is in it), ``kept`` (its content), ``module`` (of ``python -m``),
    ``arguments``, ``masked`` (which of them have stars for a secret, counted from 1), ``folder`` (working
    folder), ``root`` (of the repository), ``shared`` (of a further worktree, the folder its history is in),
    ``code`` (its commit, …), ``beside`` (without one, the files beside the program that it imports),
    ``paths`` (where in it modules are found), ``changes`` and ``packages`` (files that are kept),
    ``variables``, ``read`` (versions read in this process before) and ``left_out`` (how many more those are).

    Parameters
    ----------
    experiment
        Folder of the experiment in the journal.
    environment
        What was noted, for the digest of the packages.
    packages
        The list of packages.
    """
    # A script that a notebook starts is run again, not that notebook.
    place = notebook.path() if notebook.kernel_shell() is not None else notebook.script()
    repo = (repository.find(os.path.dirname(place)) if place else None) or repository.find(os.getcwd())
    given, masked = masking.arguments(sys.argv[1:])
    found: dict[str, Any] = {"process": _this_process(), "arguments": given, "masked": masked}
    found |= _where(place, repo)
    folder = experiment / layout.CODE
    if place:
        found["kept"] = _keep_program(folder, place)
    if repo is not None:
        # Not always what lineage says: it speaks of the notebook, which may have started a script elsewhere.
        code = found["code"] = dict(git.describe(repo))
        if code.get("dirty") and code.get("commit"):
            found["changes"] = _keep_changes(folder, repo, code["commit"], code["dirty"])
    if place and not found.get("code", {}).get("commit"):
        found["beside"] = _beside(place)
    if environment.get("packages"):
        found["packages"] = f"{environment['packages']}.txt"
        keeper.keep(folder / found["packages"], packages.encode)
    found["variables"] = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    found |= _read_before()
    return {name: value for name, value in found.items() if value}


def _this_process() -> str:
    """Return a name that all trials of this process share, and of no other."""
    global _process
    if _process[0] != os.getpid():
        _process = (os.getpid(), secrets.token_hex(8))
    return _process[1]


def _where(place: str | None, repo: Repository | None) -> dict[str, Any]:
    if repo is None:
        return {"program": place, "folder": os.getcwd(), "module": _module(place)}
    paths = [_inside(path, repo.root) for path in [*_python_path(), *sys.path]]
    return {
        "program": _inside(place, repo.root) or place if place else None,
        "module": _module(place),
        "folder": _inside(os.getcwd(), repo.root) or os.getcwd(),
        "root": repo.root,
        "shared": _shared(repo),
        "paths": list(dict.fromkeys(path for path in paths if path and not _is_installed(path))),
    }


def _shared(repo: Repository) -> str | None:
    """Return where a further worktree has its history from, which is there when that one is long gone."""
    place = os.path.realpath(repo.common_dir)
    return None if os.path.dirname(place) == repo.root else place


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _is_installed(path: str) -> bool:
    return any(part in path for part in ("site-packages", "dist-packages", "/lib/python", ".zip"))


def _inside(path: str | None, root: str) -> str | None:
    """Return a path as seen from the root of the repository; None if it lies elsewhere."""
    if not path:
        return None
    real = os.path.realpath(path)
    if real == root:
        return "."
    return real[len(root) + 1 :] if real.startswith(f"{root}/") else None


def _module(place: str | None) -> str | None:
    """Return what ``python -m`` was given."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)
    same = place and os.path.abspath(getattr(main, "__file__", None) or "") == place  # noqa: PTH100
    return str(name).removesuffix(".__main__") if name and same else None


# Kept ------------------------------------------------------------------------------------------------


def _keep_program(folder: Path, place: str) -> str | None:
    """Have the notebook or script kept as it is now; read again only if it has changed."""
    stamp = repository.stamp(place)
    known = _programs.get(place)
    if stamp is None or not isinstance(stamp, tuple) or stamp[1] > MOST_BYTES:
        return None
    data: bytes | None = None
    if known is None or known[0] != stamp:
        with open(place, "rb") as file:
            data = file.read()
        name = hashlib.sha256(data).hexdigest()[:32] + os.path.splitext(place)[1]  # noqa: PTH122
        known = _programs[place] = (stamp, name)
    keeper.keep(folder / known[1], lambda: data if data is not None else Path(place).read_bytes())
    return known[1]


def _beside(place: str) -> list[str]:
    """Return the files that the program imports from beside it; looked for again only if it has changed."""
    from jsk_saver.tracking import beside

    stamp = repository.stamp(place)
    known = _imports.get(place)
    if stamp is None:
        return []
    if known is None or known[0] != stamp:
        known = _imports[place] = (stamp, beside.modules(place, Path(place).read_bytes()))
    return known[1]


def _keep_changes(folder: Path, repo: Repository, commit: str, dirty: str) -> str:
    """Have the uncommitted changes kept, under the digest that lineage knows them by."""
    if dirty == git.UNKNOWN:  # git was too slow to tell; what it takes a minute for is new for each process
        dirty = f"unknown-{_this_process()}"
    name = f"{commit[:12]}-{dirty}.patch"

    def make() -> bytes | None:
        from jsk_saver.lineage import changes

        return changes.patch(repo, commit, dirty)

    keeper.keep(folder / name, make)
    return name


def _read_before() -> dict[str, Any]:
    known = reads.of_process()
    newest = list(known.items())[-MOST_READS:]
    return {
        "read": [{**read._asdict(), **({"asked": how} if how else {})} for read, how in newest],
        "left_out": len(known) - len(newest),
    }
