"""A table as Arrow: the schema, any slice of its rows, and what has to be said beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows looked at to guess how many bytes a row takes.
_PROBE = 1024


@dataclass(slots=True)
class ArrowView:
    """A table of any library, seen as Arrow; nothing is converted before a slice is asked for.

    Parameters
    ----------
    type
        What was given and will come back: ``pandas.DataFrame``.
    rows
        How many.
    schema
        Names (each once) and types of the columns; index levels come first.
    columns
        For each column, returns its values from one row to another; safe from many threads.
    state
        What the schema does not say, as JSON.
    headers
        What people see above the columns: one list of texts for each row of the header.
    dictionaries
        Categories of the dictionary columns by position, and whether every one of them is used.
    head
        Returns the table's own first rows, to prove that they come back.
    index_levels
        How many of the columns are levels of an index.
    """

    type: str
    rows: int
    schema: pa.Schema
    columns: list[Callable[[int, int], pa.Array]]
    state: JSON
    headers: list[list[str]]
    head: Callable[[int], Any]
    dictionaries: dict[int, tuple[pa.Array, bool]] = field(default_factory=dict)
    index_levels: int = 0

    def part(self, start: int, stop: int) -> pa.RecordBatch:
        """Return the rows from ``start`` to ``stop``."""
        import pyarrow as pa

        arrays = [column(start, stop) for column in self.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def facts(self) -> JSON:
        """Return what can be searched for."""
        return {"rows": self.rows, "columns": len(self.schema) - self.index_levels}

    def row_bytes(self) -> float:
        """Return about how many bytes a row takes in Arrow."""
        if not self.rows or not len(self.schema):
            return 1.0
        # From the middle: the first rows of sorted data are often unlike the rest.
        start = max(0, self.rows // 2 - _PROBE // 2)
        stop = min(self.rows, start + _PROBE)
        batch = self.part(start, stop)
        codes = sum(self._dictionary_bytes(batch, at) for at in self.dictionaries)
        return float(max(1.0, (batch.nbytes - codes) / (stop - start)))

    @staticmethod
    def _dictionary_bytes(batch: pa.RecordBatch, at: int) -> int:
        return int(batch.column(at).dictionary.nbytes)

    def slices(self, size: int, least: int = 256) -> Iterator[tuple[int, int]]:
        """Yield first and last row (exclusive) of slices of about ``size`` bytes of Arrow."""
        rows = max(least, int(size / self.row_bytes()))
        for start in range(0, self.rows, rows):
            yield start, min(self.rows, start + rows)

    def batches(self, size: int = 8 * 2**20) -> Iterator[pa.RecordBatch]:
        """Yield the whole table in slices of about ``size`` bytes."""
        for start, stop in self.slices(size):
            yield self.part(start, stop)

    def describe(self, at: int) -> str:
        """Return how messages call the column at this position."""
        name = self.headers[-1][at] if self.headers else self.schema.names[at]
        return f"index level {name!r}" if at < self.index_levels else f"column {name!r}"
