"""CSV and TSV: plain files that Excel opens, and that come back with everything they had.

The text is what a person would write: a header, UTF-8 (with a byte-order mark where Excel needs one to
see that), index columns first, nothing for what is missing. What the text cannot say (types, categories,
labels that are not text) travels in the record.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.formats import csv_text
from jsk_saver.formats.ahead import in_order
from jsk_saver.formats.base import Encoded, Reading
from jsk_saver.formats.frames.arrow_types import plain_string
from jsk_saver.formats.frames.memory import lean_memory
from jsk_saver.formats.frames.refusal import example, refusal
from jsk_saver.formats.tables import (
    Tabular,
    as_arrow,
    check_dictionaries,
    encoded,
    full_state,
    need_pyarrow,
    prove,
    types_to_json,
)
from jsk_saver.payload import Payload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from jsk_saver.formats.frames.view import ArrowView

#: Bytes of Arrow that become text at a time; a few of them are under way at once.
_SLICE = 768 * 1024
_BATCH_ROWS = 8192


class Csv(Tabular):
    """Comma-separated text."""

    name: ClassVar[str] = "csv"
    extensions: ClassVar[tuple[str, ...]] = (".csv",)
    delimiter: ClassVar[str] = ","

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write a table as text, in parallel slices.

        Raises
        ------
        CannotRepresent
            If a cell of text cannot hold a value exactly, naming the column and the value.
        """
        view = as_arrow(obj, name)
        _check_types(view, name)
        check_dictionaries(view, name)
        prove(view, name, lambda start: self._there_and_back(start, name), instead="parquet")
        with lean_memory():
            return encoded(view, self._write(view, payload, name))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the table; without a record of ours, types are inferred from the text."""
        need_pyarrow(reading.name)
        if not reading.state or not reading.type:
            from jsk_saver.formats.csv_foreign import read_foreign

            return read_foreign(payload, reading, self.delimiter)
        from jsk_saver.formats.csv_reading import read_own

        with lean_memory():
            return read_own(payload, reading, self.delimiter)

    def _there_and_back(self, view: ArrowView, name: str) -> Any:
        with Payload() as payload:
            state = self._write(view, payload, name)
            payload.finish()
            return self.decode(payload, Reading(name, view.type, state))

    def _write(self, view: ArrowView, payload: Payload, name: str) -> dict[str, Any]:
        """Write the text and return the state it needs."""
        header = "".join(_header_line(row, self.delimiter) for row in view.headers) or "\n"
        if not header.isascii() or not _is_ascii(view):
            payload.write(csv_text.BOM)
        payload.write(header.encode())
        writer = _Writer(view, self.delimiter, name)
        newlines = any(_has_line_ends(dictionary) for dictionary, _ in view.dictionaries.values())
        parts = view.slices(_SLICE) if len(view.schema) else iter(())
        for text, has_line_ends in in_order(writer.text, parts):
            newlines = newlines or has_line_ends
            payload.write(text)
        state = full_state(view) | {"types": types_to_json(view)}
        return state | ({"newlines": True} if newlines else {})


class Tsv(Csv):
    """Tab-separated text."""

    name: ClassVar[str] = "tsv"
    extensions: ClassVar[tuple[str, ...]] = (".tsv", ".tab")
    delimiter: ClassVar[str] = "\t"


class _Writer:
    """Makes text of slices; safe from many threads."""

    def __init__(self, view: ArrowView, delimiter: str, name: str) -> None:
        import pyarrow.csv as pacsv

        self._view, self._name = view, name
        self._options = pacsv.WriteOptions(
            include_header=False, batch_size=_BATCH_ROWS, delimiter=delimiter, quoting_style="needed"
        )

    def text(self, rows: tuple[int, int]) -> tuple[bytes, bool]:
        """Return the text of some rows, and whether a cell of them (categories aside) has a line end."""
        import pyarrow as pa
        import pyarrow.csv as pacsv

        start, stop = rows
        cells = []
        for at, column in enumerate(self._view.columns):
            try:
                cells.append(csv_text.to_text(column(start, stop)))
            except csv_text.OutOfReachError as error:
                where = self._view.describe(at)
                raise refusal(self._name, where, error.why, value=error.value, instead="parquet") from None
        batch = pa.record_batch(cells, names=[str(at) for at in range(len(cells))])
        sink = io.BytesIO()
        pacsv.write_csv(batch, sink, self._options)
        return sink.getvalue(), any(map(_has_line_ends, cells))


def _check_types(view: ArrowView, name: str) -> None:
    """Refuse columns of types that the text of a cell cannot hold."""
    import pyarrow as pa

    for at, kind in enumerate(view.schema.types):
        if csv_text.reading_kind(kind) is not None:
            continue
        known = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_struct(kind)
        known = known or pa.types.is_fixed_size_list(kind) or pa.types.is_map(kind)
        instead = "parquet" if known else "feather"
        why = f"holds values of the type {kind}"
        raise refusal(name, view.describe(at), why, value=example(view, at), instead=instead)


def _header_line(cells: list[str], delimiter: str) -> str:
    special = (delimiter, '"', "\n", "\r")
    quoted = [
        '"' + cell.replace('"', '""') + '"'
        if any(mark in cell for mark in special) or cell != cell.strip() or cells == [""]
        else cell
        for cell in cells
    ]
    return delimiter.join(quoted) + "\n"


def _is_ascii(view: ArrowView) -> bool:
    """Tell whether all text is plain ASCII; ends at the first that is not."""
    texts = []
    for at, kind in enumerate(view.schema.types):
        if at in view.dictionaries:
            if not ascii_only(view.dictionaries[at][0]):
                return False
        elif plain_string(kind):
            texts.append(view.columns[at])
    if not texts:
        return True
    return all(ascii_only(column(start, stop)) for start, stop in view.slices(_SLICE) for column in texts)


def ascii_only(array: pa.Array) -> bool:
    """Tell whether an array of text is plain ASCII; an array of anything else is."""
    text = _utf8(array)
    return not len(text) or int(text.max()) < 128


def _has_line_ends(array: pa.Array) -> bool:
    """Tell whether a text has a line end; an array of anything else has none."""
    text = _utf8(array)
    # The first question is answered at the speed of memory, and most text has no control characters.
    return bool(len(text) and text.min() < 32 and ((text == 10) | (text == 13)).any())


def _utf8(array: pa.Array) -> np.ndarray:
    """Return all of an array's text as bytes, without a copy; none for an array of anything else."""
    import numpy as np
    import pyarrow as pa

    nothing: np.ndarray = np.empty(0, np.uint8)
    if not plain_string(array.type) or not len(array):
        return nothing
    if not pa.types.is_large_string(array.type):
        array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    if data is None:
        return nothing
    ends = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    text: np.ndarray = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return text
