"""The courier: a process of its own that brings trials to their sinks while others train.

It is started by the first trial that has sinks, serves every process that shares the journal, outlives them,
and goes when there has been nothing to bring for a minute, or when for an hour all has failed and no trial
runs: the next trial, or ``jsk trials sync``, starts another. In a process of its own, because importing the
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
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from jsk_saver.tracking import spawning
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks import ending, pending
from jsk_saver.tracking.sinks.backoff import Backoff
from jsk_saver.tracking.sinks.base import Sink, SinkDown
from jsk_saver.tracking.sinks.shipping import cursor_path, note_trouble, ship

_log = logging.getLogger(__name__)

#: Seconds between two rounds, and without anything to do before it goes.
EVERY, PATIENCE = 1.0, 60.0
#: Seconds of nothing but failures, while no trial runs, after which it goes too.
DESPAIR = 3600.0
#: How often, and with how many seconds between, a courier asks whether another is at work: who starts one, or
#: looks for one, holds the lock for a moment.
_ASKS, _PAUSE = 5, 0.1
_LOCK, _LOG = ".courier.lock", ".courier.log"

Opener = Callable[[str, dict[str, object]], Sink]


def ensure(journal: Path) -> None:
    """Start a courier for a journal, unless one is at work. Takes milliseconds, and never fails."""
    try:
        if is_at_work(journal):
            return
        with _open_log(journal) as log:
            subprocess.Popen(
                spawning.command("jsk_saver.tracking.sinks.courier", str(journal)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError:
        _log.debug("no courier was started", exc_info=True)


def is_at_work(journal: Path) -> bool:
    """Tell whether a journal has a courier now."""
    with (journal / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _open_log(journal: Path) -> BinaryIO:
    """Open the log, which is for nobody else to read: libraries write what they like to it."""
    handle = os.open(journal / _LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(OSError):
        os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


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
        self._there: set[str] = set()
        self._useful = time.monotonic()

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
                there = address not in down and self._ship(address, item, patient, trouble, down)
                self._mind(f"{address} {item.experiment}/{item.trial}", there, over)
                arrived &= there
            if arrived and over:
                pending.done(self._journal, item)
                if not ending.of(folder).over:  # resumed at this very moment
                    pending.add(self._journal, item)
        return trouble

    def _mind(self, what: str, there: bool, over: bool) -> None:
        """Note whether it was of use: a trial runs, or the whole of one has arrived, for the first time."""
        if not over or (there and what not in self._there):
            self._useful = time.monotonic()
        (self._there.add if there and over else self._there.discard)(what)

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
            trouble[without_login(address)] = f"The journal cannot be read or written: {error}."
            of_this.failed()
            return False
        except SinkDown as error:
            # A large trial may have been on its way for hours until then.
            sent = cursors.load(cursor_path(item.folder(self._journal), address)).sent
            self._useful = max(self._useful, time.monotonic() - max(0.0, time.time() - sent))
            trouble[without_login(address)] = without_login(error.what)
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
            except SinkDown as trouble:
                note_trouble(item.folder(self._journal), address, trouble)
                raise
            except Exception as error:
                what, hint = getattr(error, "what", str(error)), getattr(error, "hint", "")
                down = SinkDown(without_login(f"{address} cannot be opened: {what}"), hint=hint)
                note_trouble(item.folder(self._journal), address, down)
                raise down from error
        return self._sinks[key]

    def run(
        self, *, every: float = EVERY, patience: float = PATIENCE, despair: float = DESPAIR
    ) -> frozenset[tuple[str, str]]:
        """Work until there has been nothing to do for a while, or nothing but failures for long.

        Returns
        -------
        The experiments and trials that are left.
        """
        idle_since = self._useful = time.monotonic()
        known: frozenset[tuple[str, str]] = frozenset()
        while time.monotonic() - idle_since < patience:
            waiting = _waiting(self._journal)
            if not waiting <= known:
                self._useful = time.monotonic()
            known = waiting
            if waiting:
                idle_since = time.monotonic()
                for address, why in self.round().items():
                    _log.warning("%s: %s", address, why)
                if time.monotonic() - self._useful > despair:
                    _log.warning("Nothing but failures for %.0f s: jsk trials sync starts again.", despair)
                    return known
            time.sleep(every)
        return frozenset()

    def close(self) -> None:
        """Let go of all sinks."""
        for sink in self._sinks.values():
            sink.close()


def _key(address: str, item: pending.Pending) -> str:
    return f"{address} {sorted(item.settings.items())}"


def _waiting(journal: Path) -> frozenset[tuple[str, str]]:
    return frozenset((item.experiment, item.trial) for item in pending.every(journal))


def main(journal: Path) -> None:
    """Be the courier of a journal, unless there is one."""
    os.nice(10)
    # Once more after letting go: a trial that began just before still saw a courier at work.
    while (left := _serve(journal)) is not None and not _waiting(journal) <= left:
        pass


def _serve(journal: Path) -> frozenset[tuple[str, str]] | None:
    """Work until there is nothing to do, and return what is left; None if somebody else is at it."""
    from jsk_saver.tracking.sinks import open_sink

    with (journal / _LOCK).open("a") as lock:
        if not _take(lock.fileno()):
            return None
        courier = Courier(journal, open_sink)
        try:
            return courier.run()
        finally:
            courier.close()


def _take(lock: int) -> bool:
    for attempt in range(_ASKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt < _ASKS - 1:
                time.sleep(_PAUSE)
        else:
            return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
