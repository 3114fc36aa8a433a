"""What a run has made of file names, for all its processes: a file of JSON lines that only grows."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """What a name stands for from now on.

    Parameters
    ----------
    store, name
        The store that the program names, and the file name in it.
    place, version
        The store where the version lies, and which one it is.
    hidden
        Whether the name was deleted.
    put
        Whether this was a put, and not a restored or deleted name.
    """

    store: str
    name: str
    place: str
    version: str
    hidden: bool = False
    put: bool = True


class Ledger:
    """Entries, read and added under one lock.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: list[Entry] = []
        self._read = 0

    @contextmanager
    def opened(self) -> Iterator[list[Entry]]:
        """Yield all entries; those that are added to the list in the block are kept."""
        # Each opens the file anew: then the lock holds between threads as well as between processes.
        with self._path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            self._known += [Entry(*json.loads(line)) for line in file]
            before = len(self._known)
            try:
                yield self._known
            finally:
                file.seek(0, os.SEEK_END)
                file.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in self._known[before:]))
                file.flush()
                self._read = file.tell()
