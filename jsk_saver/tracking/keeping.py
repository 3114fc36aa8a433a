"""Files that many trials share, kept once by digest: changes, notebooks, scripts, lists of packages.

They are made and written by a thread of their own, for which no trial waits; only the end of the process
does, for a while.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

#: Seconds that the end of a process waits for what is under way.
PATIENCE = 15.0

Make = Callable[[], bytes | None]


class Keeper:
    """Keeps files, one after the other, in the background."""

    def __init__(self) -> None:
        self._renew()
        self._owner = 0
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._asked: set[Path] = set()
        self._jobs: deque[tuple[Path, Make]] = deque()
        self._busy = False
        self._changed = threading.Condition()

    def keep(self, path: Path, make: Make) -> None:
        """Write what ``make`` returns to ``path``, soon, unless it is there; None is nothing to keep."""
        if path in self._asked:
            return
        self._finish_at_exit()
        with self._changed:
            self._asked.add(path)
            self._jobs.append((path, make))
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run, name="jsk-keeper", daemon=True).start()

    def wait(self, seconds: float = PATIENCE) -> bool:
        """Wait until all is kept, and tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def _finish_at_exit(self) -> None:
        if self._owner == os.getpid():
            return
        self._owner = os.getpid()
        # Processes of multiprocessing end without what atexit was told.
        workers = sys.modules.get("multiprocessing.process")
        if workers is not None and workers.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(None, self.wait, exitpriority=1)
        else:
            atexit.register(self.wait)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._jobs:
                    self._busy = False
                    self._changed.notify_all()
                    return
                path, make = self._jobs.popleft()
            try:
                if not path.exists():
                    _write(path, make())
            except Exception:
                self._asked.discard(path)  # the next trial may have more luck
                logging.getLogger(__name__).warning("%s was not kept", path, exc_info=True)


keeper = Keeper()


def _write(path: Path, data: bytes | None) -> None:
    if data is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
