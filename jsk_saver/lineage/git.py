"""Which commit the code stands at, and whether it was changed since.

Two sources: Git's own small files say commit and branch within microseconds, and are watched, so that a
commit made during a long notebook is seen at once; ``git`` itself says what only it knows (remote,
changes), within a time limit and without taking locks. It is asked again when a file of the working tree
has changed (:class:`jsk_saver.lineage.worktree.Watch`) or every few seconds; in trees that are too large
or too slow for that, only every few seconds.
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
from jsk_saver.lineage.worktree import Watch, add_untracked

if TYPE_CHECKING:
    import subprocess

#: Seconds that all calls of git for one look may take together.
TIMEOUT = 0.8
#: Seconds of them for listing what is in untracked folders; beyond, only the folders' names count.
_LISTING_TIMEOUT = 0.2
#: Seconds for which a look at the working tree stands; or this many times what the look itself took.
RECHECK = 5.0
_RECHECK_FACTOR = 20
#: A look that took fewer seconds is repeated as soon as a file changed; a slower one only once so many times
#: what it took have passed.
CHEAP = 0.05
_PATIENCE_FACTOR = 5
#: Untracked files beyond which only the names of untracked folders count.
_MOST_UNTRACKED = 1_000
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
    """What one look at a repository found, until when it stands, and until when even if files change."""

    state: dict[str, str]
    watched: tuple[str, ...]
    stamps: tuple[object, ...]
    until: float
    timed_out: bool = False
    patient: float = 0.0
    tracked: tuple[bytes, ...] = ()
    files: Watch | None = None

    def stands(self) -> bool:
        return (
            time.monotonic() < self.until
            and tuple(map(repository.stamp, self.watched)) == self.stamps
            and not self._edited()
        )

    def _edited(self) -> bool:
        watching = self.files is not None and self.files.works and time.monotonic() >= self.patient
        return watching and self.files is not None and not self.files.same()

    def still(self, path: str, stamps: tuple[object, ...]) -> bool:
        """Tell whether one of Git's own files is as it was at this look, a moment ago."""
        place = self.watched.index(path)
        recent = time.monotonic() < self.until
        return recent and stamps[place] is not None and self.stamps[place] == stamps[place]


_looks: dict[str, _Look] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def describe(repo: Repository) -> dict[str, str]:
    """Return ``remote``, ``commit``, ``branch`` and ``dirty`` of a repository, those that are known.

    ``dirty`` is absent where nothing was changed since the commit; otherwise it is the start (32
    hexadecimal digits) of the SHA-256 of ``git diff HEAD`` and of the untracked files that are not
    ignored (names, and contents up to 1 MB each; of larger ones size and time), or ``unknown`` where git
    could not tell.
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
    import subprocess  # noqa: F401 - importing it is no part of what a look takes

    started = time.monotonic()
    watched = repo.watched()
    stamps = tuple(map(repository.stamp, watched))  # before looking: a change meanwhile means looking again
    state = repository.head(repo)
    if last is not None and last.timed_out and started < last.until:
        # Too slow a moment ago, so too slow now; only commit and branch are new.
        kept = {key: last.state[key] for key in ("remote", "dirty") if key in last.state}
        return _Look(state | kept, watched, stamps, last.until, timed_out=True)
    deadline = started + TIMEOUT
    if last is not None and last.still(f"{repo.git_dir}/index", stamps):
        tracked = last.tracked
    else:
        tracked = _tracked(repo, deadline)
    files = Watch(repo.root)
    files.add(tracked)
    state |= _remote(repo, state.get("branch"), deadline, last, stamps)
    state |= _working_tree(repo, deadline, files)
    ended = time.monotonic()
    took = ended - started
    return _Look(
        state,
        watched,
        stamps,
        until=ended + max(RECHECK, _RECHECK_FACTOR * took),
        timed_out=ended >= deadline,
        patient=ended if took < CHEAP else ended + _PATIENCE_FACTOR * took,
        tracked=tracked,
        files=files,
    )


# What git says -------------------------------------------------------------------------------------


def _remote(
    repo: Repository, branch: str | None, deadline: float, last: _Look | None, stamps: tuple[object, ...]
) -> dict[str, str]:
    """Return the remote that the branch follows, else ``origin``, else the only one there is."""
    same = last is not None and last.still(f"{repo.common_dir}/config", stamps)
    if last is not None and same and branch == last.state.get("branch"):
        return {"remote": last.state["remote"]} if "remote" in last.state else {}
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


def _tracked(repo: Repository, deadline: float) -> tuple[bytes, ...]:
    output = _output(repo, deadline, "ls-files", "-z")
    return tuple(path for path in (output or b"").split(b"\0") if path)


def _working_tree(repo: Repository, deadline: float, files: Watch) -> dict[str, str]:
    output = _output(repo, deadline, *_STATUS)
    if output is None:
        return {"dirty": UNKNOWN}
    state, changed, untracked = _parse_status(output)
    if any(path.endswith(b"/") for path in untracked):
        untracked = _inside(repo, min(deadline, time.monotonic() + _LISTING_TIMEOUT)) or untracked
    files.add(untracked)
    if changed or untracked:
        digest = _digest(repo, deadline, changed, untracked, committed="commit" in state)
        state["dirty"] = digest or UNKNOWN
    return state


def _inside(repo: Repository, deadline: float) -> list[bytes]:
    """Return every untracked file, also in folders of which none is tracked; nothing if they are many."""
    output = _output(repo, deadline, "ls-files", "--others", "--exclude-standard", "-z")
    paths = [path for path in (output or b"").split(b"\0") if path]
    return paths if len(paths) <= _MOST_UNTRACKED else []


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
    add_untracked(sha, repo.root, untracked, deadline)
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
