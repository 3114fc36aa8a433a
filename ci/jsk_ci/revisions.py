"""A kernel's folder as it was at a commit, in a temporary folder: the work tree is never touched."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jsk_ci import explain, project, sources
from jsk_ci.errors import ProjectError
from jsk_ci.explain import Change, Described


def compare(folder: Path, old: str, new: str | None = None) -> list[Change]:
    """Return what changed in a kernel between two revisions; the second is the work tree by default.

    Raises
    ------
    ProjectError
        If there is no repository, no such revision, or no kernel in the folder then.
    LockError
        If one of them has a lock that nothing can be told from.
    """
    after = explain.describe(project.read(folder)) if new is None else at(folder, new)
    return explain.between(at(folder, old), after)


def at(folder: Path, revision: str) -> Described:
    """Return what a kernel's folder said at a revision."""
    with checked_out(folder, revision) as there:
        if not (there / "pyproject.toml").exists():
            raise ProjectError(f"At {revision} there was no {folder / 'pyproject.toml'}.")
        return explain.describe(project.read(there))


@contextmanager
def checked_out(folder: Path, revision: str) -> Iterator[Path]:
    """Yield where ``folder`` lies in a temporary copy of its repository at a revision.

    Not ``git archive``, which leaves out and rewrites files as ``.gitattributes`` says for releases. The
    copy has an index, so that it lists the same files as a clone would.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel")).resolve()
    commit = _git(
        folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", what=revision
    )
    with tempfile.TemporaryDirectory(prefix="jsk-revision-") as temporary:
        tree = Path(temporary, "tree")
        _git(root, "init", "--quiet", str(tree))
        index = {"GIT_INDEX_FILE": str(tree / ".git" / "index")}
        _git(root, "read-tree", commit, **index)
        _git(root, "checkout-index", "--all", f"--prefix={tree}/", **index)
        yield tree / folder.resolve().relative_to(root)


def ancestors(folder: Path, most: int = 200, *, merged: bool = False) -> list[str]:
    """Return the newest commits of the branch, the last first; none outside a repository.

    Those that were merged into it only if ``merged`` says so.

    Raises
    ------
    ProjectError
        If Git does not trust the repository's owner.
    """
    which = "--date-order" if merged else "--first-parent"
    return _git_or_nothing(folder, "rev-list", which, f"--max-count={most}", "HEAD").split()


def _git_or_nothing(folder: Path, *words: str) -> str:
    try:
        done = _run(folder, words)
    except FileNotFoundError:
        return ""
    sources.check_trust(done.stderr)
    return "" if done.returncode else done.stdout.strip()


def _git(folder: Path, *words: str, what: str = "", **extra: str) -> str:
    try:
        ran = _run(folder, words, **extra)
    except FileNotFoundError as error:
        raise ProjectError("Git is not installed.", hint="apt-get install git") from error
    if ran.returncode == 0:
        return ran.stdout.strip()
    sources.check_trust(ran.stderr)
    if what:
        raise ProjectError(
            f"{folder} has no revision {what!r}.", hint="git fetch --unshallow    # if the clone is shallow"
        )
    raise ProjectError(f"git {words[0]} failed in {folder}: {ran.stderr.strip()}")


def _run(folder: Path, words: Sequence[str], **extra: str) -> subprocess.CompletedProcess[str]:
    # Inside a hook, Git's own variables name the repository and the index that the hook runs for.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "CONFIG" in name
    }
    return subprocess.run(
        ["git", "-C", folder, *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        env={**kept, "LC_ALL": "C", **extra},
    )
