"""One live table for each cell: shown once, brought up to date twice a second from a thread of its own.

Training never waits for it. Whatever goes wrong with showing is no reason to fail a trial: then the table
stands still.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jsk_saver.lineage import notebook
from jsk_saver.tracking.live import table
from jsk_saver.tracking.live.rows import Row

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

#: Seconds between two looks; and between two that found no more than that time has passed.
EVERY, STILL = 0.5, 5.0
#: The part of the time that looking may take: where the disk or the machine is slow, it looks less often.
SHARE = 0.01

_lock = threading.Lock()
_newest: LiveTable | None = None


def follow(trial: Trial) -> None:
    """Show a trial in the table of the cell that runs; nothing happens outside notebooks."""
    global _newest
    shell = notebook.kernel_shell()
    if shell is None:
        return
    # A thread of the user's may not know its cell: then its trials belong to the newest table.
    cell = notebook.running_request(shell).get("header", {}).get("msg_id")
    with _lock:
        fits = _newest is not None and cell in (None, _newest.cell)
        if _newest is None or not fits or _newest.experiment != trial.experiment.name:
            _newest = LiveTable(shell, cell, trial.experiment.name)
        found = _newest
    found.add(trial)


class LiveTable:
    """The trials of one experiment that one cell runs.

    Parameters
    ----------
    shell
        The notebook's shell, whose end of a cell is when the table must be right.
    cell
        Which execution of which cell.
    experiment
        Whose trials.
    """

    def __init__(self, shell: Any, cell: str | None, experiment: str) -> None:
        self.cell, self.experiment = cell, experiment
        self._shell = shell
        self._rows: list[Row] = []
        self._lock = threading.RLock()
        self._handle: Any = None
        self._shown = 0.0
        self._running = False

    def add(self, trial: Trial) -> None:
        """Give a trial a row."""
        with self._lock:
            if any(row.trial is trial for row in self._rows):
                return
            self._rows.append(Row(trial))
            if not self._running:
                self._running = True
                self._shell.events.register("post_execute", self._after_cell)
                threading.Thread(target=self._run, name="jsk-live", daemon=True).start()
            if self._handle is None:
                with suppress(Exception):
                    self._rows[0].look()
                    self._show()

    def _run(self) -> None:
        took = 0.0
        while True:
            time.sleep(max(EVERY, took / SHARE))
            with self._lock:
                if not self._running:
                    return
                began = time.monotonic()
                try:
                    self.update()
                except Exception:  # the interpreter is going, or the disk has gone
                    self._running = False
                    return
                took = time.monotonic() - began

    def _after_cell(self) -> None:
        """Show what stays in the saved notebook before the cell counts as done."""
        with self._lock, suppress(Exception):
            self.update()
            if all(row.final for row in self._rows):
                self._running = False
            if not self._running:
                self._shell.events.unregister("post_execute", self._after_cell)

    def update(self) -> None:
        """Show what has changed, if anything has."""
        with self._lock:
            changed = [row.look() for row in self._rows]
            waited = time.monotonic() - self._shown
            if any(changed) or (waited > STILL and not all(row.final for row in self._rows)):
                self._show()

    def _show(self) -> None:
        from IPython.display import display

        bundle = {
            "text/html": table.html(self.experiment, self._rows),
            "text/plain": table.text(self.experiment, self._rows),
        }
        self._shown = time.monotonic()
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
