"""A sink that writes what it is sent to a file, as a server would keep it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsk_saver.tracking.sinks.base import Batch, Refusals


class RecordingSink:
    """Keeps each event and point as a line; of a batch that may have arrived it looks what is there.

    Parameters
    ----------
    file
        Where to.
    on_line
        Called before each line with how many were written.
    """

    most_points = 100

    def __init__(
        self, file: Path, on_line: Callable[[int], object] = lambda _: None, address: str = "store"
    ) -> None:
        self.address, self._file, self._on_line = address, file, on_line
        self.batches: list[Batch] = []
        self.written = 0

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        self.batches.append(batch)
        there = set(self.lines()) if batch.again else set()
        memory["batches"] = memory.get("batches", 0) + 1
        with self._file.open("a") as file:
            for line in _lines(batch):
                if line not in there:
                    self._on_line(self.written)
                    self.written += 1
                    file.write(line + "\n")
                    file.flush()

    def close(self) -> None:
        """Nothing to close."""

    def lines(self) -> list[str]:
        return self._file.read_text().splitlines() if self._file.exists() else []


def points_in(lines: list[str], trial: str) -> list[list[Any]]:
    return [said[2] for said in map(json.loads, lines) if said[0] == trial and said[1] == "point"]


def events_in(lines: list[str], trial: str) -> list[dict[str, Any]]:
    return [said[2] for said in map(json.loads, lines) if said[0] == trial and said[1] == "event"]


def die() -> None:
    """End this process at once, as the kernel does when memory runs out."""
    os.kill(os.getpid(), 9)


def _lines(batch: Batch) -> list[str]:
    events = [[batch.trial, "event", event] for event in batch.events if event["kind"] != "end"]
    points = [[batch.trial, "point", list(point)] for point in batch.points]
    ends = [[batch.trial, "event", event] for event in batch.events if event["kind"] == "end"]
    return [json.dumps(said) for said in (*events, *points, *ends)]
