"""The store sink: copies what the journal has of a trial into the store that objects are in.

From there :meth:`Experiment.pull <jsk_saver.Experiment.pull>` of anybody who shares the store brings it into
another journal. See :mod:`jsk_saver.tracking.sinks.shelf` for what lies where.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsk_saver.errors import JskError
from jsk_saver.settings import load
from jsk_saver.stores import Store, open_store
from jsk_saver.tracking import state
from jsk_saver.tracking.journal import layout, points
from jsk_saver.tracking.keeping import PATIENCE
from jsk_saver.tracking.sinks import shelf
from jsk_saver.tracking.sinks.base import Batch, Refusals, SinkDown

#: Largest piece, in bytes: a multiple of a point's.
LARGEST = points.SIZE * 150_000
#: A running trial is sent again after this part of its age: pieces grow with it, and stay few.
_PART_OF_AGE, _SHORTEST, _LONGEST = 0.05, 1.0, 300.0


class StoreSink:
    """Copies trials into a store.

    Parameters
    ----------
    store
        Where to.
    """

    address = "store"
    most_points = 50_000

    def __init__(self, store: Store) -> None:
        self._store = store

    def rest(self, trial: Path) -> float:
        """Return the seconds between two batches of a running trial: a twentieth of its age, at most 300."""
        first = min((path.name for path in layout.writers(trial)), default="0")
        age = time.time() - int(first.partition("-")[0]) / 1e9
        return min(max(age * _PART_OF_AGE, _SHORTEST), _LONGEST)

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:  # noqa: ARG002
        """Copy whatever the trial's folder has more than the store; the batch says that there is more."""
        trial = Path(batch.folder)
        writers = layout.writers(trial)
        first = memory.setdefault("first", writers[0].stem)
        where = shelf.of_trial(batch.experiment["name"], batch.trial, first)
        # How long the events are is asked first, and they go last: what they speak of is there before them.
        ends = {path.name: _whole_lines(path) for path in writers}
        try:
            _wait_for_code(batch)
            self._experiment(trial.parent, memory)
            self._files(trial, where, memory)
            for path in writers:
                of_points = path.with_suffix(layout.POINTS)
                self._grown(of_points, _size(of_points) // points.SIZE * points.SIZE, where, memory, batch)
            for path in writers:
                self._grown(path, ends[path.name], where, memory, batch)
            for event in batch.of("end"):
                if event["status"] == state.LOST:
                    self._store.put_note(where + shelf.lost(event["time"]), b"")
        except JskError as error:
            raise SinkDown(f"The store did not take it: {error.what}", hint=error.hint) from error

    def close(self) -> None:
        """Do nothing: the store has no connection of its own to let go."""

    def _grown(self, path: Path, end: int, where: str, memory: dict[str, Any], batch: Batch) -> None:
        """Send what a file has more than was sent, in pieces."""
        sent: dict[str, int] = memory.setdefault("sent", {})
        start = sent.get(path.name, 0)
        while start < end:
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(min(LARGEST, end - start))
            self._store.put_note(where + shelf.piece(path.name, start, start + len(data)), data)
            start += len(data)
            sent[path.name] = start
            if start < end:
                batch.keep()

    def _files(self, trial: Path, where: str, memory: dict[str, Any]) -> None:
        sent: dict[str, str] = memory.setdefault("files", {})
        for file in _below(trial / layout.FILES):
            name = shelf.relative(file, trial / layout.FILES)
            before = file.stat()
            key = shelf.kept(name, before.st_mtime_ns, before.st_size)
            if sent.get(name) == key:
                continue
            data = file.read_bytes()
            if len(data) == before.st_size and file.stat().st_mtime_ns == before.st_mtime_ns:
                self._store.put_note(where + key, data)
                sent[name] = key

    def _experiment(self, folder: Path, memory: dict[str, Any]) -> None:
        where = shelf.of_experiment(folder.name)
        sent: list[str] = memory.setdefault("experiment", [])
        about = folder / layout.EXPERIMENT
        found = {f"{shelf.EXPERIMENT}/{about.stat().st_mtime_ns}.json": about} if about.exists() else {}
        code = folder / layout.CODE
        found |= {f"{shelf.CODE}/{shelf.relative(file, code)}": file for file in _below(code)}
        for key, file in found.items():
            if key not in sent:
                self._store.keep_note(where + key, file.read_bytes())
                sent.append(key)


def open_sink(address: str, rest: str, settings: dict[str, Any]) -> StoreSink:
    """Return the sink of the store that ``settings`` name."""
    assert not rest, address
    known = load(**settings)
    return StoreSink(open_store(known.store_uri, known))


def _wait_for_code(batch: Batch) -> None:
    """Wait a while for files that a trial speaks of: they are made in the background, perhaps later."""
    until = max((event["time"] + PATIENCE for event in batch.of("end")), default=0.0)
    said = [event["values"] for event in batch.of("recipe")]
    names = [str(one[what]) for one in said for what in ("kept", "changes", "packages") if one.get(what)]
    code = Path(batch.folder).parent / layout.CODE
    while time.time() < until and not all((code / name).exists() for name in names):
        time.sleep(0.1)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _whole_lines(path: Path) -> int:
    """Return where the last whole line ends."""
    end = _size(path)
    with path.open("rb") as file:
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, file) for file in sorted(files) if not file.startswith("."))
