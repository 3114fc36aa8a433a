"""How far a trial has been sent to a sink: a small file beside the trial's events."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jsk_saver.tracking.sinks.base import Refusals


@dataclass(slots=True)
class Cursor:
    """Where a sink is with one trial.

    Parameters
    ----------
    sink
        Its address, without who logs in there.
    events, points
        By writer: the byte in its events, and the number of its point, that come next.
    sending
        Positions after the batch that is under way; it may have arrived. Empty between batches.
    memory
        What the sink remembers.
    refused
        What it will never take.
    trouble
        Why the last attempt failed; empty after one that did not.
    since
        When that trouble began, in seconds since 1970.
    lost
        Last sign of life of a process that died, in seconds since 1970, once the sink was told of its end.
    forgotten
        Whether an earlier position was damaged: whatever is sent until the end is reached may have arrived.
    """

    sink: str = ""
    events: dict[str, int] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    sending: dict[str, dict[str, int]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    refused: list[dict[str, str]] = field(default_factory=list)
    trouble: str = ""
    since: float = 0.0
    lost: float = 0.0
    sent: float = 0.0
    forgotten: bool = False

    @property
    def refusals(self) -> Refusals:
        """A view to add refusals to."""
        return Refusals(self.refused)


def load(path: Path) -> Cursor:
    """Return the cursor in a file; one at the beginning where there is none, or none that can be read."""
    try:
        said = json.loads(path.read_bytes())
        return Cursor(**said)
    except FileNotFoundError:
        return Cursor()
    except (OSError, ValueError, TypeError):
        return Cursor(forgotten=True)


def save(path: Path, cursor: Cursor) -> None:
    """Write a cursor in one step."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(cursor)), encoding="utf-8")
    part.replace(path)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Keep others from sending the same trial to the same sink; yield whether nobody else is at it."""
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            try:
                yield True
            finally:
                # Closing is not enough: a child that is just being started holds the file a moment longer.
                fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)
