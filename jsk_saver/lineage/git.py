"""Which commit the code stands at, and whether it was changed since.

Two sources: Git's own small files say commit and branch within microseconds, and are watched, so that a
commit made during a long notebook is seen at once; ``git`` itself says what only it knows (remote,
changes), within a time limit, without taking locks, and no more often than every few seconds.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jsk_saver.lineage import repository
from jsk_saver.lineage.repository import Repository

if TYPE_CHECKING:
    import subprocess

#: Seconds that all calls of git for one look may take together.
TIMEOUT = 2.0
#: Seconds for which a look at the working tree stands; or this many times what the look itself took.
RECHECK = 5.0
_RECHECK_FACTOR = 20
#: Bytes of ``git status`` beyond which nobody would call it a working tree with changes.
_STATUS_LIMIT = 32 * 2**20
#: What ``dirty`` says where git could not tell in time, or is not there.
UNKNOWN = "unknown"

#: Variables by which a Git hook would redirect us to its own repository and index.
_REDIRECTING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
)
_OURS = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would go to the network for the other side of a diff
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--no-ahead-behind")
# Spelled out, so that two people with different settings get the same digest for the same changes.
_DIFF = (
    "-c", "core.quotePath=true", "-c", "diff.suppressBlankEmpty=false",
    "diff", "-O/dev/null", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
    "--no-indent-heuristic", "--diff-algorithm=myers", "--unified=3", "--inter-hunk-context=0",
    "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a repository found, and until when it stands."""

    state: dict[str, str]
    watched: tuple[str, ...]
    stamps: tuple[object, ...]
    until: float
    timed_out: bool

    def stands(self) -> bool:
        return time.monotonic() < self.until and tuple(map(repository.stamp, self.watched)) == self.stamps


_looks: dict[str, _Look] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def describe(repo: Repository) -> dict[str, str]:
    """Return ``remote``, ``commit``, ``branch`` and ``dirty`` of a repository, those that are known.

    ``dirty`` is absent where nothing was changed since the commit; otherwise it is the start (32
    hexadecimal digits) of the SHA-256 of ``git diff HEAD`` and the names of untracked files, or
    ``unknown`` where git could not tell.
    """
    look = _looks.get(repo.git_dir)
    if look is not None and look.stands():
        return look.state
    with _lock:
        look = _looks.get(repo.git_dir)
        if look is None or not look.stands():
            look = _looks[repo.git_dir] = _look(repo, look)
    return look.state


def _look(repo: Repository, last: _Look | None) -> _Look:
    started = time.monotonic()
    watched = repo.watched()
    stamps = tuple(map(repository.stamp, watched))  # before looking: a change meanwhile means looking again
    state = repository.head(repo)
    if last is not None and last.timed_out and started < last.until:
        # Too slow a moment ago, so too slow now; only commit and branch are new.
        kept = {key: last.state[key] for key in ("remote", "dirty") if key in last.state}
        return _Look(state | kept, watched, stamps, last.until, True)
    deadline = started + TIMEOUT
    state |= _remote(repo, state.get("branch"), deadline)
    state |= _working_tree(repo, deadline)
    ended = time.monotonic()
    until = ended + max(RECHECK, _RECHECK_FACTOR * (ended - started))
    return _Look(state, watched, stamps, until, timed_out=ended >= deadline)


# What git says -------------------------------------------------------------------------------------


def _remote(repo: Repository, branch: str | None, deadline: float) -> dict[str, str]:
    """Return the remote that the branch follows, else ``origin``, else the only one there is."""
    # --file: git answers even where it refuses the repository because somebody else owns it.
    settings = ("config", "--file", f"{repo.common_dir}/config", "--includes", "-z", "--get-regexp")
    found = _output(repo, deadline, *settings, r"^(remote\..*\.url|branch\..*\.remote)$")
    pairs = [entry.partition("\n")[::2] for entry in (found or b"").decode("utf-8", "replace").split("\0")]
    configured = dict(reversed(pairs))
    urls = {key[7:-4]: url for key, url in configured.items() if key.startswith("remote.")}
    followed = configured.get(f"branch.{branch}.remote", "")
    url = urls.get(followed) or urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None)
    public = public_url(url) if url else None
    return {"remote": public} if public else {}


def _working_tree(repo: Repository, deadline: float) -> dict[str, str]:
    output = _output(repo, deadline, *_STATUS)
    if output is None:
        return {"dirty": UNKNOWN}
    state, changed, untracked = _parse_status(output)
    if changed or untracked:
        digest = _digest(repo, deadline, changed, untracked, committed="commit" in state)
        state["dirty"] = digest or UNKNOWN
    return state


def _parse_status(output: bytes) -> tuple[dict[str, str], bool, list[bytes]]:
    """Return what the head is, whether tracked files are changed, and the untracked paths."""
    state: dict[str, str] = {}
    changed, untracked = False, []
    entries = iter(output.split(b"\0"))
    for entry in entries:
        if entry.startswith(b"# branch.oid ") and not entry.endswith(b"(initial)"):
            state["commit"] = entry[13:].decode()
        elif entry.startswith(b"# branch.head ") and not entry.endswith(b"(detached)"):
            state["branch"] = entry[14:].decode("utf-8", "replace")
        elif entry.startswith(b"? "):
            untracked.append(entry[2:])
        elif entry[:2] in (b"1 ", b"2 ", b"u "):
            changed = True
            if entry.startswith(b"2 "):
                next(entries, None)  # a renamed file's old path follows as an entry of its own
    return state, changed, untracked


def _digest(
    repo: Repository, deadline: float, changed: bool, untracked: list[bytes], committed: bool
) -> str | None:
    sha = hashlib.sha256()
    # Before the first commit there is no HEAD to compare with: index and working tree, one by one.
    for against in () if not changed else (("HEAD",),) if committed else (("--cached",), ()):
        if not _git(repo, deadline, sha.update, *_DIFF, *against, "--"):
            return None
    for path in sorted(untracked):
        sha.update(b"\0" + path)
    return sha.hexdigest()[:32]


def public_url(url: str) -> str | None:
    """Return the address of a remote without user, password, token or query; None if unsure.

    Examples
    --------
    >>> public_url("https://ana:s3cret@git.example.org/team/churn.git")
    'https://git.example.org/team/churn.git'
    >>> public_url("git@git.example.org:team/churn.git")
    'git@git.example.org:team/churn.git'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return None if "::" in url or re.match(r"[^/@]*:[^/@]*@", url) else url
    if scheme == "file":
        return url
    authority, slash, path = re.sub(r"[?#].*", "", rest, flags=re.DOTALL).partition("/")
    user, _, address = authority.rpartition("@")
    if not re.fullmatch(r"(\[[^]]*\]|[^:]*)(:\d*)?", address):
        return None  # a password with a "/" in it: what looks like host and path is a part of it
    login = f"{user.partition(':')[0]}@" if "ssh" in scheme and user else ""
    return f"{scheme}://{login}{address}{slash}{path}"


# Calling git ---------------------------------------------------------------------------------------


def _output(repo: Repository, deadline: float, *arguments: str) -> bytes | None:
    blocks: list[bytes] = []
    size = 0

    def keep(block: bytes) -> None:
        nonlocal size
        size += len(block)
        if size > _STATUS_LIMIT:
            raise OverflowError
        blocks.append(block)

    try:
        return b"".join(blocks) if _git(repo, deadline, keep, *arguments) else None
    except OverflowError:
        return None


def _git(repo: Repository, deadline: float, sink: Callable[[bytes], object], *arguments: str) -> bool:
    """Give git's output to ``sink`` as it comes; tell whether git succeeded before the deadline."""
    import signal
    import subprocess

    environment = {key: value for key, value in os.environ.items() if key not in _REDIRECTING} | _OURS
    try:
        # A session of its own: filters that git starts end with it, and Ctrl-C does not reach it.
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=repo.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # git is not installed
        return False
    with process:
        try:
            return _drain(process, deadline, sink) and process.wait(_left(deadline)) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)


def _drain(process: subprocess.Popen[bytes], deadline: float, sink: Callable[[bytes], object]) -> bool:
    import select

    assert process.stdout is not None
    pipe = process.stdout.fileno()
    ready = select.poll()
    ready.register(pipe, select.POLLIN | select.POLLHUP)
    while ready.poll(_left(deadline) * 1000):
        block = os.read(pipe, 2**16)
        if not block:
            return True
        sink(block)
    return False


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
