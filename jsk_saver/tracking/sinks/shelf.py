"""How a trial lies in a store, as notes of the kit's own that never change.

::

    journal/iris-kmeans/                             below .jsk/ of the store
      .experiment/<time>.json                        description, tags, goals, as they were then
      .code/…                                        the experiment's code, as its journal has it
      20261120-233915-amber-k7f2q/<first writer>/    a trial; two people may both have a "baseline"
        <writer>.events.0-512                        bytes 0 to 512 of a writer's events
        <writer>.events.512-1024                     what came after
        <writer>.points.0-2800
        files/<time>-<size>/curve.png                a file, as it was then
        lost.<time>                                  its process died, last seen then

A piece is named by its position, so sending it twice changes nothing. Pieces may overlap, after a crash: the
journal only grows, so that the same bytes are at the same position.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from jsk_saver.errors import InvalidName
from jsk_saver.tracking.journal import layout

ROOT = "journal"
EXPERIMENT, CODE = ".experiment", layout.CODE

_WRITER = r"\d{20}-[0-9a-f]{8}"
_PIECE = re.compile(rf"({_WRITER}\.(?:events|points))\.(\d+)-(\d+)", re.ASCII)
_FILE = re.compile(rf"{layout.FILES}/(\d+)-(\d+)/(.+)", re.ASCII)
_LOST = re.compile(r"lost\.(\d+)", re.ASCII)


class Piece(NamedTuple):
    """Some bytes of a writer's file."""

    file: str
    start: int
    end: int
    key: str


class Kept(NamedTuple):
    """A file of a trial, as it was at some time (nanoseconds since 1970)."""

    path: str
    time: int
    size: int
    key: str


def of_experiment(experiment: str) -> str:
    """Return the key below which an experiment lies."""
    return f"{ROOT}/{experiment}/"


def of_trial(experiment: str, trial: str, first: str) -> str:
    """Return the key below which a trial lies."""
    return f"{ROOT}/{experiment}/{trial}/{first}/"


def piece(file: str, start: int, end: int) -> str:
    """Return the end of the key of a piece."""
    return f"{file}.{start}-{end}"


def kept(path: str, time: int, size: int) -> str:
    """Return the end of the key of a file."""
    return f"{layout.FILES}/{time}-{size}/{path}"


def lost(time: float) -> str:
    """Return the end of the key that says that a process died: whole microseconds, none before ``time``."""
    return f"lost.{int(time * 1e6) + 1}"


def parse_trial(key: str) -> tuple[str, str, str] | None:
    """Return trial, first writer and the rest of a key below an experiment; None if it is no trial's."""
    trial, _, rest = key.partition("/")
    first, _, rest = rest.partition("/")
    try:
        layout.check_name(trial, "trial")
    except InvalidName:
        return None
    return (trial, first, rest) if re.fullmatch(_WRITER, first, re.ASCII) and rest else None


def parse_piece(rest: str, key: str, size: int) -> Piece | None:
    """Return the piece that a key means; None if it means none, or the piece is not as long as it says."""
    found = _PIECE.fullmatch(rest)
    if not found or int(found[3]) - int(found[2]) != size:
        return None
    return Piece(found[1], int(found[2]), int(found[3]), key)


def parse_kept(rest: str, key: str, size: int) -> Kept | None:
    """Return the file that a key means, if it means one that may be written below a trial's folder."""
    found = _FILE.fullmatch(rest)
    if not found or int(found[2]) != size or not is_inside(found[3]):
        return None
    return Kept(found[3], int(found[1]), size, key)


def parse_lost(rest: str) -> float:
    """Return when the process was last seen, which a key says; 0 if it says nothing of that."""
    found = _LOST.fullmatch(rest)
    return int(found[1]) / 1e6 if found else 0.0


def is_inside(path: str) -> bool:
    """Tell whether a relative path stays below the folder it is joined to; others may have written it.

    Examples
    --------
    >>> is_inside("plots/curve.png"), is_inside("../curve.png"), is_inside("/etc/passwd")
    (True, False, False)
    """
    parts = path.split("/")
    return all(part not in ("", ".", "..") and "\\" not in part and "\0" not in part for part in parts)


def relative(file: Path, folder: Path) -> str:
    """Return the path of a file below a folder, as keys have it."""
    return file.relative_to(folder).as_posix()
