"""What the file system under an index allows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

#: SQLite's write-ahead log needs memory shared between processes, which these cannot give it
#: (sqlite.org/wal.html). EFS is NFS.
_NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.gcsfuse", "fuse.glusterfs"),
        *("fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
        *("orangefs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs"),
    )
)


def is_network(path: Path, table: Path = Path("/proc/self/mountinfo")) -> bool:
    """Tell whether ``path`` lies on a network file system, as far as this machine says.

    Parameters
    ----------
    path
        A file, which need not exist.
    table
        Linux's list of mounts; elsewhere there is none, and the answer is no.
    """
    return file_system(path, table) in _NETWORK


def file_system(path: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the file system that ``path`` lies on, such as ``ext4``; empty if unknown."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real, longest, kind = os.path.realpath(path), -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        # The kernel writes blanks and backslashes in octal (proc(5)).
        mount = fields[4].replace(r"\040", " ").replace(r"\011", "\t").replace(r"\134", "\\").rstrip("/")
        if (real == mount or real.startswith(mount + "/")) and len(mount) >= longest:
            longest, kind = len(mount), right.split(" ")[0]
    return kind


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock beside ``path``, so that two processes never create or replace it at the same time."""
    try:
        import fcntl
    except ImportError:  # Windows, where a file in use cannot be replaced anyway
        yield
        return
    with path.with_name(path.name + ".lock").open("w") as lock:
        with contextlib.suppress(OSError):  # some network file systems have no locks; then hope
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
