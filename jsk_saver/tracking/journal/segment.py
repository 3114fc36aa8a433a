"""What one process writes to one trial: events and metric points, buffered, appended, never changed."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsk_saver.errors import InvalidMetadata, JskError, StoreError, StoreFull, TrialEnded
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.journal.flusher import flusher
from jsk_saver.tracking.journal.points import FIRST_STEP, LAST_STEP, POINT
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.values import check_key, number

_now = time.time
_pack = POINT.pack


class _Series:
    """One metric of one writer."""

    __slots__ = ("metric", "next_step", "number")

    def __init__(self, number: int) -> None:
        self.number, self.next_step, self.metric = number, 0, Metric()


class Segment:
    """The events and points of one writer of a trial.

    A writer holds a lock on its events as long as it lives: that is how others know that it does.

    Parameters
    ----------
    trial
        The trial's folder, which exists.

    Examples
    --------
    >>> import tempfile
    >>> segment = Segment(Path(tempfile.mkdtemp()))
    >>> segment.event("param", name="k", value=5)
    >>> segment.point("loss", 0.25)
    >>> segment.close()
    """

    def __init__(self, trial: Path) -> None:
        self.writer = layout.new_writer()
        self._path = trial / (self.writer + layout.EVENTS)
        self._points_path = trial / (self.writer + layout.POINTS)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._events: list[bytes] = []
        self._points = bytearray()
        self._series: dict[str, _Series] = {}
        #: Metrics whose names are not written yet; their numbers follow those that are.
        self._unnamed: list[str] = []
        self._failed: str = ""
        self._closing = False
        self._points_file = -1
        self._file = self._open(self._path)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # waits for who looks, this very moment, whether it lives
        flusher.add(self)

    # Writing ----------------------------------------------------------------------------------------

    def event(self, kind: str, **said: Any) -> None:
        """Add an event; JSON, with the time.

        Raises
        ------
        InvalidMetadata
            If something in it is no JSON.
        """
        try:
            line = json.dumps({"kind": kind, "time": _now(), **said}, ensure_ascii=False, allow_nan=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidMetadata(
                f"{kind} {said.get('name', '')!r} cannot be kept: {error}.",
                hint="Log numbers, text, booleans, None, lists and dictionaries of them; str(value) else.",
            ) from None
        with self._lock:
            self._events.append(line.encode("utf-8", "surrogatepass") + b"\n")

    def point(self, metric: str, value: float, step: int | None = None, at: float | None = None) -> None:
        """Add a value of a metric; without a step, the one after the last."""
        at = _now() if at is None else number("time", at)
        with self._lock:
            if self._closing:
                raise TrialEnded("The trial is being finished; nothing more can be logged to it.")
            series = self._series.get(metric)
            if series is None:
                series = self._new_series(metric)
            if step is None:
                step = series.next_step
            elif not FIRST_STEP <= step < LAST_STEP:
                raise InvalidMetadata(f"The step {step} of {metric!r} is no 64-bit whole number.")
            series.next_step = step + 1
            series.metric.add(value, step, at)
            self._points += _pack(series.number, step, at, value)

    def _new_series(self, metric: str) -> _Series:
        check_key(metric, "metric")
        series = self._series[metric] = _Series(len(self._series))
        self._unnamed.append(metric)
        return series

    def follow(self, metric: str, step: int) -> None:
        """Let the next point of a metric, if it names no step, have this one: a resumed trial goes on."""
        with self._lock:
            (self._series.get(metric) or self._new_series(metric)).next_step = step

    def summaries(self) -> dict[str, list[Any]]:
        """Return the summary of every metric that this writer logged, as JSON."""
        with self._lock:
            return {name: series.metric.to_list() for name, series in self._series.items()}

    # To the disk ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Append what has come; what the disk does not take is kept and tried again."""
        with self._writing:
            with self._lock:
                if self._unnamed:
                    self._events.append(self._names())
                events, self._events = self._events, []
                points, self._points = self._points, bytearray()
            if not events and not points:
                return
            try:
                # Names first: a point whose metric has no name yet would be nobody's.
                _append(self._file, b"".join(events))
                events = []
                if points:
                    if self._points_file < 0:
                        self._points_file = self._open(self._points_path)
                    _append(self._points_file, points)
                    points = bytearray()
                self._failed = ""
            except OSError as error:
                self._keep(events, points, error)

    def _names(self) -> bytes:
        """Return the event that gives new metrics their numbers."""
        first = len(self._series) - len(self._unnamed)
        line = json.dumps({"kind": "metrics", "first": first, "names": self._unnamed}, ensure_ascii=False)
        self._unnamed = []
        return line.encode("utf-8", "surrogatepass") + b"\n"

    def _keep(self, events: list[bytes], points: bytearray, error: OSError) -> None:
        with self._lock:
            self._events[:0] = events
            self._points[:0] = points
        if not self._failed:  # once, not twice a second
            self._failed = str(error.strerror)
            warnings.warn(
                f"The journal in {self._path.parent} cannot be written ({error.strerror}). "
                "What is logged stays in memory, and is written as soon as it can be.",
                stacklevel=2,
            )

    def close(self, *, last: Mapping[str, Any] | None = None) -> None:
        """Take no more points, write everything, then the ``last`` event, and let go of the files.

        Parameters
        ----------
        last
            The event's kind and what it says; the summaries of all points (``metrics``) are added to it.

        Raises
        ------
        StoreError
            If the disk does not take it; closing again tries again.
        """
        flusher.remove(self)
        with self._lock:  # threads that still log are told so: what is summed up below is all there is
            self._closing = True
        self.flush()
        if last is not None and not self._failed:
            self.event(**last, metrics=self.summaries())
            self.flush()
        with self._writing:
            if self._failed:
                flusher.add(self)
                raise StoreError(
                    f"The journal in {self._path.parent} cannot be written: {self._failed}.",
                    kept="What was logged, in this process.",
                    hint="Make room, then finish the trial again: trial.finish()",
                )
            self._let_go()

    def beat(self) -> None:
        """Set the file's time: the process lives."""
        with self._writing:
            if self._file >= 0:
                os.utime(self._file)

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise explain(error, path.parent) from error

    def abandon(self) -> None:
        """Leave the parent's files to the parent, after a fork."""
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._events, self._points, self._unnamed = [], bytearray(), []
        self._let_go()

    def _let_go(self) -> None:
        for handle in (self._file, self._points_file):
            if handle >= 0:
                os.close(handle)
        self._file = self._points_file = -1

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more, at least by this process."""
        return self._file < 0


def _append(handle: int, data: bytes | bytearray) -> None:
    """Append all or nothing, so that what is tried again is not there twice."""
    view = memoryview(data)
    end = os.lseek(handle, 0, os.SEEK_END)
    try:
        while view:
            view = view[os.write(handle, view) :]
    except OSError:
        os.ftruncate(handle, end)
        raise


def explain(error: OSError, folder: Path) -> JskError:
    """Return what to tell about a journal that cannot be written."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"No room left in {folder}.", hint="Free some space, or point JSK_HOME elsewhere.")
    return StoreError(
        f"Cannot write the journal in {folder}: {error.strerror}.",
        hint="Choose a folder you may write to: JSK_HOME.",
    )
