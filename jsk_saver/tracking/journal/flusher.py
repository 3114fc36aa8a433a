"""The thread that brings what was logged to the disk, at most half a second later.

One a process, for all its trials. Training never waits for it, and it never holds the interpreter: it sleeps,
takes what has come, writes it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Protocol

_log = logging.getLogger(__name__)

#: Seconds between two rounds: what a killed process can lose.
EVERY = 0.5
#: Seconds after which a trial that logs nothing tells that it is still alive.
_BEAT = 30.0
#: Rounds without anything to do after which the thread ends, until something is logged again.
_IDLE = 240


class Flushable(Protocol):
    """Something with a buffer."""

    def flush(self) -> None:
        """Write what has come since the last time."""

    def beat(self) -> None:
        """Show that the process is alive."""

    def abandon(self) -> None:
        """Forget what is not written, in a forked child: the parent writes it."""


class Flusher:
    """Flushes what was added, until it is removed."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._in_child)
        atexit.register(self.flush)
        self._owner = os.getpid()

    def _renew(self) -> None:
        self._open: set[Flushable] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def _in_child(self) -> None:
        for buffer in self._open:
            buffer.abandon()
        self._renew()

    def add(self, buffer: Flushable) -> None:
        """Flush this from now on."""
        with self._lock:
            self._open.add(buffer)
            self._finish_at_exit()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="jsk-journal", daemon=True)
                self._thread.start()

    def _finish_at_exit(self) -> None:
        """Have a worker of multiprocessing write its rest: it ends without what atexit was told."""
        if self._owner == os.getpid():
            return
        self._owner = os.getpid()
        workers = sys.modules.get("multiprocessing.process")
        if workers is not None and workers.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(None, self.flush, exitpriority=1)

    def remove(self, buffer: Flushable) -> None:
        """Flush this no more."""
        with self._lock:
            self._open.discard(buffer)

    def flush(self) -> None:
        """Write everything now."""
        with self._lock:
            buffers = list(self._open)
        for buffer in buffers:
            try:
                buffer.flush()
            except Exception:  # one trial's trouble is not the others'
                _log.warning("a trial could not be written", exc_info=True)

    def _run(self) -> None:
        beaten, idle = time.monotonic(), 0
        while True:
            time.sleep(EVERY)
            self.flush()
            if time.monotonic() - beaten > _BEAT:
                beaten = time.monotonic()
                with self._lock:
                    buffers = list(self._open)
                for buffer in buffers:
                    with suppress(OSError):
                        buffer.beat()
            with self._lock:
                idle = 0 if self._open else idle + 1
                if idle > _IDLE:
                    self._thread = None
                    return


flusher = Flusher()
