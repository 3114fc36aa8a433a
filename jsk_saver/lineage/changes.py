"""The uncommitted changes of a working tree as a patch that brings them back: untracked files included.

Git is asked with an index and an object folder of its own, so that nothing in the repository is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from jsk_saver.lineage.git import _OURS, _REDIRECTING, _working_tree, describe
from jsk_saver.lineage.repository import Repository, find
from jsk_saver.lineage.worktree import MOST_BYTES, MOST_BYTES_IN_ALL, Watch

#: Seconds that one call of git may take; nobody waits for it.
TIMEOUT = 60.0
#: Bytes beyond which changes are no code.
MOST_BYTES_OF_PATCH = 64 * 2**20
_HEAD = b"# jsk "
_DIFF = (
    "diff", "--cached", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color",
    "--no-renames", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules", "HEAD", "--",
)  # fmt: skip


def patch(repo: Repository, commit: str, dirty: str) -> bytes | None:
    """Return the changes since ``commit``: a line of JSON about them, then what ``git apply`` takes.

    The line says ``commit``; ``left_out``, the untracked files that are too large (path, size,
    modification time in ns); and ``moved``, true if the working tree was no longer as ``dirty`` says.
    None if git could not tell, or the changes are too large.
    """
    with tempfile.TemporaryDirectory(prefix="jsk-changes-", ignore_cleanup_errors=True) as folder:
        git = _Git(repo, Path(folder))
        try:
            git("add", "--update", "--", ":/")
            kept, left_out = _untracked(repo, git("ls-files", "--others", "--exclude-standard", "-z"))
            if kept:
                names = ("--pathspec-from-file=-", "--pathspec-file-nul")
                git("--literal-pathspecs", "add", *names, stdin=b"\0".join(kept))
            diff = git(*_DIFF)
        except (OSError, subprocess.SubprocessError):
            return None
    if len(diff) > MOST_BYTES_OF_PATCH:
        return None
    now = describe(repo)
    moved = now.get("commit") != commit or now.get("dirty", "") != dirty
    about = {"commit": commit, "left_out": left_out, "moved": moved}
    return _HEAD + json.dumps(about).encode() + b"\n" + diff


def digest(root: str | os.PathLike[str]) -> str:
    """Return what :func:`describe` calls ``dirty`` of a working tree as it is now, however long git takes."""
    repo = find(os.path.realpath(root))
    assert repo is not None, root
    return _working_tree(repo, time.monotonic() + TIMEOUT, Watch(repo.root)).get("dirty", "")


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what :func:`patch` says about the changes, and what ``git apply`` takes."""
    line, _, diff = data.partition(b"\n")
    if not line.startswith(_HEAD):
        return {}, data
    about = json.loads(line[len(_HEAD) :])
    return (about if isinstance(about, dict) else {}), diff


class _Git:
    def __init__(self, repo: Repository, folder: Path) -> None:
        self._root = repo.root
        index = folder / "index"
        if Path(repo.git_dir, "index").exists():  # with it comes what git knows of unchanged files
            shutil.copy2(Path(repo.git_dir, "index"), index)
        (folder / "objects").mkdir()
        inherited = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
        self._environment = {
            **inherited,
            **_OURS,
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{repo.common_dir}/objects",
        }

    def __call__(self, *arguments: str, stdin: bytes = b"") -> bytes:
        # A session of its own: Ctrl-C in the terminal is meant for the training.
        return subprocess.run(
            ["git", "-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false", *arguments],
            cwd=self._root,
            env=self._environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=True,
            start_new_session=True,
        ).stdout


def _untracked(repo: Repository, output: bytes) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Return the untracked files that are small enough to be kept, and those that are not."""
    kept: list[bytes] = []
    left_out: list[dict[str, Any]] = []
    room = MOST_BYTES_IN_ALL
    for path in sorted(filter(None, output.split(b"\0"))):
        place = Path(repo.root, os.fsdecode(path))
        try:
            found = place.lstat()
        except OSError:  # gone meanwhile
            continue
        if path.endswith(b"/") or found.st_size > min(MOST_BYTES, room):
            shown = path.decode("utf-8", "replace")
            left_out.append({"path": shown, "size": found.st_size, "modified": found.st_mtime_ns})
        else:
            room -= found.st_size
            kept.append(path)
    return kept, left_out
