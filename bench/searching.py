"""Searching a million records in the embedded index."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.rows import Row, Target, measured

RECORDS = 1_000_000


def search(context: Context) -> Iterator[Row]:
    """Exact value, range and text: :mod:`bench.index_search` measures, the targets are here."""
    from bench.index_search import measure

    raise NotImplementedError(measure)
