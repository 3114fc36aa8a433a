"""The files of a working tree: whether any changed since a look at them, and what untracked ones hold.

Asking the file system about a few hundred files takes a fraction of a millisecond, where starting git
takes several: that is what lets every put notice an edit made a moment before it.
"""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH115, PTH118, PTH120, PTH123

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

#: Files and folders beyond which a tree is not watched, and seconds that asking about them may take.
MOST_WATCHED = 5_000
WATCH_BUDGET = 0.008
#: Bytes of an untracked file, and of all of them, that a digest covers; of others it covers size and time.
MOST_BYTES = 2**20
MOST_BYTES_IN_ALL = 8 * 2**20


class Watch:
    """Notices when a file in a working tree, or the list of files in a watched folder, changes.

    Gives up, and then says so, where the files are too many or the disk is too slow to ask every time.

    Parameters
    ----------
    root
        The working tree.
    """

    def __init__(self, root: str) -> None:
        self._root = os.fsencode(root)
        self._stamps: dict[bytes, object] = {}
        self.works = True

    def add(self, paths: Iterable[bytes]) -> None:
        """Watch these paths (below the root) as they are now, and the folders they are in."""
        places: dict[bytes, None] = {self._root: None}
        for path in paths:
            place = os.path.join(self._root, path.rstrip(b"/"))
            places[place] = None
            while (place := os.path.dirname(place)) not in places and len(place) > len(self._root):
                places[place] = None
        self.works = self.works and len(self._stamps) + len(places) <= MOST_WATCHED
        if self.works:
            self._stamps |= {place: _stamp(place) for place in places if place not in self._stamps}
            self.same()  # the first time may have been slow because nobody had asked for long

    def same(self) -> bool:
        """Tell whether nothing that is watched has changed."""
        began = time.monotonic()
        same = all(_stamp(place) == stamp for place, stamp in self._stamps.items())
        self._mind(began)
        return same

    def _mind(self, began: float) -> None:
        # A disk far away answers from memory for a while and then does not: then once was too often.
        if time.monotonic() - began > WATCH_BUDGET:
            self.works = False


def _stamp(path: bytes) -> object:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def add_untracked(sha: _Hash, root: str, paths: Iterable[bytes], deadline: float) -> None:
    """Add the names of untracked files to a digest, and what is in them as far as that is little."""
    left = MOST_BYTES_IN_ALL
    for path in sorted(paths):
        told, read = b"", 0
        if time.monotonic() < deadline:
            told, read = _told(os.path.join(os.fsencode(root), path), left)
        left -= read
        sha.update(b"\0" + path + b"\0" + told)


def _told(path: bytes, most: int) -> tuple[bytes, int]:
    """Return what tells a file from another of its name, and how many bytes were read for it."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return os.readlink(path), 0
        if not stat.S_ISREG(found.st_mode):
            return b"", 0
        if found.st_size > min(MOST_BYTES, most):
            return b"%d %d" % (found.st_size, found.st_mtime_ns), 0
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES)
    except OSError:  # gone, or not ours to read
        return b"", 0
    return hashlib.sha256(data).digest(), len(data)
