"""The courier: a process of its own that brings trials to their sinks while others train.

It is started by the first trial that has sinks, serves every process that shares the journal, outlives them,
and goes when there has been nothing to bring for a minute. In a process of its own, because importing the
clients of SageMaker and MLflow takes seconds of processor time that training would wait for.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jsk_saver.tracking.sinks import ending, pending
from jsk_saver.tracking.sinks.backoff import Backoff
from jsk_saver.tracking.sinks.base import Sink, SinkDown
from jsk_saver.tracking.sinks.shipping import note_trouble, ship

_log = logging.getLogger(__name__)

#: Seconds between two rounds, and without anything to do before it goes.
EVERY, PATIENCE = 1.0, 60.0
_LOCK, _LOG = ".courier.lock", ".courier.log"

Opener = Callable[[str, dict[str, object]], Sink]


def ensure(journal: Path) -> None:
    """Start a courier for a journal, unless one is at work. Takes milliseconds, and never fails."""
    try:
        with (journal / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with (journal / _LOG).open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", __name__, str(journal)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError:
        _log.debug("no courier was started", exc_info=True)


class Courier:
    """Brings everything that is pending to where it belongs, with patience.

    Parameters
    ----------
    journal
        The journal's folder.
    open_sink
        Makes a sink from its address and the trial's settings.
    """

    def __init__(self, journal: Path, open_sink: Opener) -> None:
        self._journal, self._open_sink = journal, open_sink
        self._sinks: dict[str, Sink] = {}
        self._waits: dict[str, Backoff] = {}

    def round(self, *, patient: bool = True) -> dict[str, str]:
        """Try each trial once; return what is in the way, by sink.

        Parameters
        ----------
        patient
            Whether to leave alone, for a while, sinks that failed lately.
        """
        trouble: dict[str, str] = {}
        down: set[str] = set()
        for item in list(pending.every(self._journal)):
            folder = item.folder(self._journal)
            # Asked before sending: what is logged between the last batch and the end must not be left.
            over = ending.of(folder).over
            arrived = True
            for address in item.sinks:
                arrived &= address not in down and self._ship(address, item, patient, trouble, down)
            if arrived and over:
                pending.done(self._journal, item)
                if not ending.of(folder).over:  # resumed at this very moment
                    pending.add(self._journal, item)
        return trouble

    def _ship(
        self,
        address: str,
        item: pending.Pending,
        patient: bool,
        trouble: dict[str, str],
        down: set[str],
    ) -> bool:
        """Bring one trial to one sink; tell whether it is all there."""
        of_all = self._waits.setdefault(address, Backoff())
        of_this = self._waits.setdefault(f"{address} {item.experiment}/{item.trial}", Backoff())
        if patient and not (of_all.ready and of_this.ready):
            return False
        try:
            arrived = ship(item.folder(self._journal), self._sink(address, item), patient=patient)
        except OSError as error:  # the journal's own disk is full, or gone
            trouble[address] = f"The journal cannot be read or written: {error}."
            of_this.failed()
            return False
        except SinkDown as error:
            trouble[address] = error.what
            if error.reopen and (closed := self._sinks.pop(_key(address, item), None)):
                closed.close()
            if error.only_this:
                of_this.failed(error.wait)
            else:
                of_all.failed(error.wait)
                down.add(address)
            return False
        of_all.worked()
        of_this.worked()
        return arrived

    def _sink(self, address: str, item: pending.Pending) -> Sink:
        key = _key(address, item)
        if key not in self._sinks:
            try:
                self._sinks[key] = self._open_sink(address, item.settings)
            except Exception as error:
                what, hint = getattr(error, "what", str(error)), getattr(error, "hint", "")
                down = SinkDown(f"{address} cannot be opened: {what}", hint=hint)
                note_trouble(item.folder(self._journal), address, down)
                raise down from error
        return self._sinks[key]

    def run(self, *, every: float = EVERY, patience: float = PATIENCE) -> None:
        """Work until there has been nothing to do for a while."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < patience:
            if any(pending.every(self._journal)):
                idle_since = time.monotonic()
                for address, why in self.round().items():
                    _log.warning("%s: %s", address, why)
            time.sleep(every)

    def close(self) -> None:
        """Let go of all sinks."""
        for sink in self._sinks.values():
            sink.close()


def _key(address: str, item: pending.Pending) -> str:
    return f"{address} {sorted(item.settings.items())}"


def main(journal: Path) -> None:
    """Be the courier of a journal, unless there is one."""
    os.nice(10)
    # Once more after letting go: a trial that began just before still saw a courier at work.
    while _serve(journal) and any(pending.every(journal)):
        pass


def _serve(journal: Path) -> bool:
    """Work until there is nothing to do; tell whether nobody else was at it."""
    from jsk_saver.tracking.sinks import open_sink

    with (journal / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        courier = Courier(journal, open_sink)
        try:
            courier.run()
        finally:
            courier.close()
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
