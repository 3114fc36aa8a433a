"""Delimited text that the kit wrote: read in parallel, one segment of the file at a time.

Each segment is parsed by a thread of its own and copied to its place in the table, so that neither the
text nor a second copy of the table is ever whole in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jsk_saver.formats import csv_text
from jsk_saver.formats.ahead import in_order
from jsk_saver.formats.base import Reading
from jsk_saver.formats.frames.pandas_labels import unique_names
from jsk_saver.formats.tables import Source, select, types_from_json
from jsk_saver.payload import Payload

if TYPE_CHECKING:
    import pyarrow as pa

#: Bytes of text parsed at a time.
_SEGMENT = 2**21


def read_own(payload: Payload, reading: Reading, delimiter: str) -> Any:
    """Return the table that :class:`~jsk_saver.formats.delimited.Csv` wrote."""
    state = reading.state
    kinds = types_from_json(state["types"])
    depth = len(state.get("labels", {}).get("levels", ())) or 1
    header, start = read_header(payload, delimiter, depth)
    names = column_names(header) if kinds else []
    if len(names) != len(kinds):
        raise ValueError(f"the header names {len(names)} columns where {len(kinds)} were saved")
    source = Source(reading.type, state, names, kinds, state["rows"], header=header[-1] if kinds else [])
    selection = select(source, reading)
    if selection.positions:
        parser = _Parser(kinds, selection.positions, delimiter, newlines=bool(state.get("newlines")))
        rows = 0
        for columns in in_order(parser.columns, segments(payload, start, quoted=bool(state.get("newlines")))):
            rows += len(columns[0])
            selection.add(columns)
        if rows != state["rows"]:
            raise ValueError(f"{rows:,} rows were found where {state['rows']:,} were saved")
    return selection.finish()


class _Parser:
    """Parses segments; safe from many threads."""

    def __init__(
        self, kinds: list[pa.DataType], positions: list[int], delimiter: str, *, newlines: bool
    ) -> None:
        import pyarrow.csv as pacsv

        self._kinds = [kinds[at] for at in positions]
        self._names = [str(at) for at in range(len(kinds))]
        self._parse = pacsv.ParseOptions(
            delimiter=delimiter, newlines_in_values=newlines, ignore_empty_lines=False
        )
        wanted = [str(at) for at in positions]
        # A column that is asked for twice is read once.
        self._places = [list(dict.fromkeys(wanted)).index(name) for name in wanted]
        self._convert = pacsv.ConvertOptions(
            column_types={name: csv_text.reading_kind(kinds[int(name)]) for name in wanted},
            include_columns=list(dict.fromkeys(wanted)),
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def columns(self, text: memoryview) -> list[pa.Array]:
        """Return the wanted columns of a segment."""
        import pyarrow as pa
        import pyarrow.csv as pacsv

        options = pacsv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=self._names)
        table = pacsv.read_csv(pa.BufferReader(text), options, self._parse, self._convert)
        arrays = [_one(table.column(place)) for place in self._places]
        return [csv_text.from_text(array, kind) for array, kind in zip(arrays, self._kinds, strict=True)]


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def segments(payload: Payload, start: int, *, quoted: bool) -> Iterator[memoryview]:
    """Yield the text from ``start`` in segments that end where a row does.

    Parameters
    ----------
    payload
        The file.
    start
        Where the rows begin.
    quoted
        Whether line ends inside quotes are to be expected.
    """
    at, size = start, _SEGMENT
    while at < payload.size:
        text = payload.read_at(at, size)
        if at + len(text) < payload.size:
            end = _last_row_end(text, quoted)
            if end == 0:
                size *= 2
                continue
        else:
            end = len(text)
        yield memoryview(text)[:end]
        at, size = at + end, _SEGMENT


def _last_row_end(text: bytes, quoted: bool) -> int:
    """Return where the last whole row ends, 0 if there is none.

    Quotes inside of quotes are doubled, so that a line end lies outside exactly where the number of
    quotes before it is even.
    """
    end = text.rfind(b"\n") + 1
    if not quoted:
        return end
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        quotes -= text.count(b'"', before, end)
        end = before
    return end


def read_header(payload: Payload, delimiter: str, depth: int = 1) -> tuple[list[list[str]], int]:
    """Return the rows of the header, and where the data begins."""
    import csv
    import io

    size = 2**16
    while True:
        text = payload.read_at(0, size)
        end = _rows_end(text, depth)
        if end or len(text) == payload.size:
            end = end or len(text)
            break
        size *= 4
    lines = io.StringIO(text[:end].removeprefix(csv_text.BOM).decode(), newline="")
    return [row or [""] for row in csv.reader(lines, delimiter=delimiter, strict=True)], end


def _rows_end(text: bytes, rows: int) -> int:
    """Return where the first ``rows`` rows end, 0 if that is further on."""
    end = quotes = 0
    while rows:
        line = text.find(b"\n", end) + 1
        if line == 0:
            return 0
        quotes += text.count(b'"', end, line)
        end = line
        rows -= quotes % 2 == 0
    return end


def column_names(header: list[list[str]]) -> list[str]:
    """Return one name for each column, each once, from the rows of a header."""
    if len(header) == 1:
        return unique_names(header[0])
    return unique_names([str(cells) if any(cells[:-1]) else cells[-1] for cells in zip(*header, strict=True)])
