"""Send one trial to one sink, from where it was left to where the journal ends."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from jsk_saver.errors import JskError
from jsk_saver.tracking import state
from jsk_saver.tracking.journal import copies
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks import ending
from jsk_saver.tracking.sinks.base import SYNC, Batch, Sink, SinkDown
from jsk_saver.tracking.sinks.batching import experiment_of, next_batch


def cursor_path(trial: Path, address: str) -> Path:
    """Return where the position of a sink in a trial is kept: the same whoever logs in there."""
    import hashlib

    public = without_login(address)
    kind = public.partition(":")[0]
    return trial / f"{kind}-{hashlib.sha256(public.encode()).hexdigest()[:12]}.cursor"


def ship(trial: Path, sink: Sink, *, patient: bool = False) -> bool:
    """Send all that is new about a trial; tell whether it is all there now.

    Killed at any moment, it goes on at the batch it was at: the sink is told that this one may have arrived.

    Parameters
    ----------
    trial
        Its folder in the journal.
    sink
        Where to.
    patient
        Whether to leave alone, while the trial runs, a sink that wants to rest between batches.

    Raises
    ------
    SinkDown
        If the sink does not take it now. What has arrived until then counts.
    """
    if copies.read(trial) is not None:  # it came from elsewhere, and is there
        return True
    path = cursor_path(trial, sink.address)
    with cursors.alone(path) as nobody_else:
        if not nobody_else:
            return False
        cursor = cursors.load(path)
        if patient and _rests(trial, sink, cursor):
            return False
        cursor.sink = without_login(sink.address)
        while (found := next_batch(trial, cursor, sink.most_points)) is not None:
            batch, reached = found
            cursor.sending = reached
            cursors.save(path, cursor)
            _send(sink, batch, path, cursor)
            cursor.events, cursor.points, cursor.sending = reached["events"], reached["points"], {}
            cursor.sent = time.time()
            cursors.save(path, cursor)
        if cursor.forgotten:
            cursor.forgotten = False
            cursors.save(path, cursor)
        _tell_if_lost(trial, sink, path, cursor)
        return True


def _rests(trial: Path, sink: Sink, cursor: cursors.Cursor) -> bool:
    rest = getattr(sink, "rest", None)
    if rest is None or cursor.sending or not cursor.sent:
        return False
    return 0 <= time.time() - cursor.sent < rest(trial) and not ending.of(trial).over


def _send(sink: Sink, batch: Batch, path: Path, cursor: cursors.Cursor) -> None:
    batch = replace(batch, keep=lambda: cursors.save(path, cursor))
    try:
        sink.send(batch, cursor.memory, cursor.refusals)
    except Exception as error:
        _note(path, cursor, error)
        raise _down(sink, error) from error
    cursor.trouble, cursor.since = "", 0.0


def _tell_if_lost(trial: Path, sink: Sink, path: Path, cursor: cursors.Cursor) -> None:
    """Give the sink an end of a trial whose process died without leaving one."""
    died = ending.of(trial).died
    if not died or died == cursor.lost:
        return
    end = {"kind": "end", "time": died, "status": state.LOST, "error": "The process died.", "metrics": {}}
    batch = Batch(experiment_of(trial), trial.name, str(trial), [end], again=True)
    _send(sink, batch, path, cursor)
    cursor.lost = died
    cursors.save(path, cursor)


def note_trouble(trial: Path, address: str, error: JskError) -> None:
    """Note why a trial could not even be tried, for ``jsk trials status``."""
    path = cursor_path(trial, address)
    with cursors.alone(path) as nobody_else:
        if nobody_else:
            cursor = cursors.load(path)
            cursor.sink = without_login(address)
            _note(path, cursor, error)


def _note(path: Path, cursor: cursors.Cursor, error: Exception) -> None:
    cursor.since = cursor.since or time.time()
    cursor.trouble = without_login(str(getattr(error, "what", "") or error or type(error).__name__))
    hint = getattr(error, "hint", "")
    if hint and hint != SYNC:  # which is what everybody is told who sees this
        cursor.trouble += f" Next: {hint}"
    cursors.save(path, cursor)


def _down(sink: Sink, error: Exception) -> SinkDown:
    if isinstance(error, SinkDown):
        return error
    what = f"{sink.address} did not take it: {type(error).__name__}: {error}"
    return SinkDown(without_login(what), only_this=True)
