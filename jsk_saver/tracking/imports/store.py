"""From the store: what the store sink of others brought there."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.imports.placing import place, put_file
from jsk_saver.tracking.journal import copies, layout
from jsk_saver.tracking.journal.copies import Copy
from jsk_saver.tracking.pulling import Pulled
from jsk_saver.tracking.sinks import shelf

if TYPE_CHECKING:
    from jsk_saver.stores import Store
    from jsk_saver.tracking.experiment import Experiment

#: Notes under way at once, for each connection: the next are asked for while the last are written.
_AHEAD = 4


@dataclass(slots=True)
class _There:
    """One trial in the store."""

    pieces: dict[str, list[shelf.Piece]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, shelf.Kept] = field(default_factory=dict)
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class _Job:
    """A note to be fetched, and what to do with it."""

    key: str
    write: Callable[[bytes], None]


def from_store(experiment: Experiment) -> Pulled:
    """Bring in the trials of an experiment that lie in the saver's store."""
    store = experiment.saver.store
    prefix = shelf.of_experiment(experiment.name)
    trials: dict[tuple[str, str], _There] = defaultdict(_There)
    shared: list[str] = []
    for key, size in store.notes(prefix):
        rest = key[len(prefix) :]
        said = shelf.parse_trial(rest)
        if said is None:
            shared.append(rest)
        else:
            _note(trials[said[:2]], said[2], key, size)
    pulled = Pulled(store.uri)
    jobs: list[_Job] = list(_of_experiment(experiment, shared))
    for (trial, first), there in sorted(trials.items()):
        jobs += _of_trial(experiment.folder, trial, Copy(store.uri, first), there, pulled)
    _fetch(store, jobs, experiment.saver.settings.connections)
    return pulled


def _note(there: _There, rest: str, key: str, size: int) -> None:
    piece, kept = shelf.parse_piece(rest, key, size), shelf.parse_kept(rest, key, size)
    if piece is not None:
        there.pieces[piece.file].append(piece)
    elif kept is not None:
        before = there.files.get(kept.path)
        there.files[kept.path] = kept if before is None else max(before, kept, key=lambda one: one.time)
    there.lost = max(there.lost, shelf.parse_lost(rest))


def _of_trial(experiment: Path, name: str, copy: Copy, there: _There, pulled: Pulled) -> list[_Job]:
    """Return what is to be fetched of one trial; points before events, which tell of their end."""
    if not there.pieces:
        return []
    placed = place(experiment, name, copy)
    if placed is None:
        return []
    folder, is_new = placed
    jobs = [_file(folder, kept) for kept in there.files.values() if _is_other(folder, kept)]
    for file in sorted(there.pieces, key=lambda name: (name.endswith(layout.EVENTS), name)):
        jobs += _pieces(folder / file, there.pieces[file])
    known = copies.read(folder)
    if known is not None and there.lost > known.lost:
        copies.write(folder, replace(known, lost=there.lost))
    if is_new:
        pulled.new.append(folder.name)
    elif jobs:
        pulled.grown.append(folder.name)
    return jobs


def _pieces(path: Path, pieces: Sequence[shelf.Piece]) -> Iterator[_Job]:
    """Yield what a file lacks: of pieces that begin early enough, always the one that leads farthest."""
    at = path.stat().st_size if path.exists() else 0
    while fitting := [piece for piece in pieces if piece.start <= at < piece.end]:
        chosen = max(fitting, key=lambda piece: piece.end)
        yield _Job(chosen.key, _writer(path, chosen, at))
        at = chosen.end


def _writer(path: Path, piece: shelf.Piece, at: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        if len(data) != piece.end - piece.start:
            return  # was replaced since it was listed; the next pull looks anew
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with os.fdopen(handle, "wb") as file:
            if file.seek(0, os.SEEK_END) >= at:  # no gap, where the piece before was left out
                file.seek(at)
                file.write(data[at - piece.start :])

    return write


def _is_other(folder: Path, kept: shelf.Kept) -> bool:
    try:
        found = (folder / layout.FILES / kept.path).stat()
    except OSError:
        return True
    return (found.st_size, found.st_mtime_ns) != (kept.size, kept.time)


def _file(folder: Path, kept: shelf.Kept) -> _Job:
    def write(data: bytes) -> None:
        path = folder / layout.FILES / kept.path
        put_file(path, data)
        os.utime(path, ns=(kept.time, kept.time))

    return _Job(kept.key, write)


def _of_experiment(experiment: Experiment, shared: list[str]) -> Iterator[_Job]:
    """Yield the code that is not here, and what others said of the experiment that is not known here."""
    start = shelf.of_experiment(experiment.name)
    for rest in sorted(shared, reverse=True):  # the newest description first
        kind, _, name = rest.partition("/")
        if not shelf.is_inside(name):
            continue
        if kind == shelf.CODE:
            folders = (layout.CODE, layout.PULLED_CODE)
            if not any((experiment.folder / folder / name).exists() for folder in folders):
                yield _Job(start + rest, _code(experiment.folder / layout.PULLED_CODE / name))
        elif kind == shelf.EXPERIMENT:
            yield _Job(start + rest, lambda data: experiment.learn(_described(data)))


def _code(path: Path) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        digest = layout.digest_in(path.name)
        if not digest or hashlib.sha256(data).hexdigest().startswith(digest):
            put_file(path, data)

    return write


def _described(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _fetch(store: Store, jobs: Sequence[_Job], connections: int) -> None:
    """Fetch notes in parallel, some at a time; what is done with them happens in order, in this thread."""
    from concurrent.futures import ThreadPoolExecutor

    window = connections * _AHEAD
    with ThreadPoolExecutor(connections) as pool:
        for start in range(0, len(jobs), window):
            some = jobs[start : start + window]
            for job, data in zip(some, pool.map(lambda job: store.get_note(job.key), some), strict=True):
                job.write(data)
