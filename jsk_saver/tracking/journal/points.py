"""Metric points as bytes: 28 each, so that a million of them are written, kept and read in no time.

Little endian: the number of the metric in its writer (unsigned 32 bits; its name is in the writer's events),
the step (signed 64 bits), the time (seconds since 1970 as a 64-bit float) and the value (64-bit float).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

POINT = struct.Struct("<Iqdd")
SIZE = POINT.size
#: The steps that fit.
FIRST_STEP, LAST_STEP = -(2**63), 2**63 - 1


class Point(NamedTuple):
    """One value of one metric."""

    metric: int
    step: int
    time: float
    value: float


def read(path: Path, start: int = 0, count: int = -1) -> list[Point]:
    """Return points of a file from number ``start`` on; what a crash cut short at its end is left out.

    Parameters
    ----------
    path
        A file of points; none there is no point.
    start, count
        The first, and how many at most (all without).
    """
    data = _bytes(path, start, count)
    return [Point(*fields) for fields in POINT.iter_unpack(data)]


def array(path: Path) -> np.ndarray:
    """Return all points of a file as a structured array with fields ``metric, step, time, value``.

    It is mapped, not read: a million points take no memory before they are looked at.
    """
    import numpy as np

    dtype = np.dtype([("metric", "<u4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
    try:
        count = path.stat().st_size // SIZE
    except FileNotFoundError:
        count = 0
    return np.memmap(path, dtype, "r", shape=(count,)) if count else np.empty(0, dtype)


def _bytes(path: Path, start: int, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start * SIZE)
            data = file.read(count * SIZE if count >= 0 else -1)
    except FileNotFoundError:
        return b""
    return data[: len(data) // SIZE * SIZE]
