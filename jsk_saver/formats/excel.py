"""Excel workbooks: what a person expects on the sheet, and a table that comes back with all it had.

One sheet with a header, index columns first; numbers, booleans, text, dates and times are Excel's own.
What a cell cannot say exactly is text, and what the sheet cannot say (types, categories, labels that are
not text) travels in the record. Equal tables give equal bytes: no time of saving stands in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.errors import MissingExtra
from jsk_saver.formats import csv_text, excel_cells
from jsk_saver.formats.base import Encoded, Reading
from jsk_saver.formats.csv_reading import column_names
from jsk_saver.formats.excel_writing import SLICE, write
from jsk_saver.formats.frames.arrow_types import plain_binary
from jsk_saver.formats.frames.refusal import example, refusal
from jsk_saver.formats.streams import opened
from jsk_saver.formats.tables import (
    Source,
    Tabular,
    as_arrow,
    check_dictionaries,
    encoded,
    full_state,
    need_pyarrow,
    prove,
    select,
    types_from_json,
    types_to_json,
)
from jsk_saver.payload import Payload

if TYPE_CHECKING:
    import pyarrow as pa

    from jsk_saver.formats.excel_cells import Plan
    from jsk_saver.formats.frames.view import ArrowView

#: What a sheet of Excel holds.
MOST_ROWS, MOST_COLUMNS = 2**20, 2**14
#: Rows of cells that become Arrow at a time, if they are this many columns wide at most.
_ROWS, _USUAL_COLUMNS = 8192, 32


class Excel(Tabular):
    """A workbook with one sheet."""

    name: ClassVar[str] = "xlsx"
    extensions: ClassVar[tuple[str, ...]] = (".xlsx",)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write a table as a workbook.

        Raises
        ------
        CannotRepresent
            If the sheet cannot hold the table exactly, naming the column and the value.
        MissingExtra
            If openpyxl is not installed.
        """
        _need_openpyxl("Saving")
        view = as_arrow(obj, name)
        _check_size(view, name)
        _check_headers(view, name)
        _check_types(view, name)
        check_dictionaries(view, name)
        plans = _plans(view, name)
        prove(view, name, lambda start: self._there_and_back(start, name), instead="parquet")
        write(view, plans, payload)
        return encoded(view, _state(view))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the table; without a record of ours, that of the first sheet.

        Raises
        ------
        MissingExtra
            If openpyxl is not installed.
        """
        _need_openpyxl("Reading")
        need_pyarrow(reading.name)
        with _first_sheet(payload) as sheet:
            if reading.state and reading.type:
                return _read_own(sheet, reading)
            from jsk_saver.formats.excel_foreign import read_foreign

            return read_foreign(sheet, reading)

    def _there_and_back(self, view: ArrowView, name: str) -> Any:
        with Payload() as payload:
            write(view, _plans(view, name), payload)
            return self.decode(payload.finish(), Reading(name, view.type, _state(view)))


def _need_openpyxl(doing: str) -> None:
    if find_spec("openpyxl") is None:
        raise MissingExtra(
            f"{doing} .xlsx needs openpyxl, which is not installed.", hint="pip install 'jsk-saver[excel]'"
        )


def _state(view: ArrowView) -> dict[str, Any]:
    """Return what the sheet does not say: with the types, the names that its header does not tell."""
    shown = column_names(view.headers) if len(view.schema) else []
    pairs = enumerate(zip(view.schema.names, shown, strict=True))
    names = {str(at): name for at, (name, seen) in pairs if name != seen}
    state = full_state(view) | {"types": types_to_json(view)}
    return state | ({"header": names} if names else {})


# Refusing --------------------------------------------------------------------------------------------


def _check_size(view: ArrowView, name: str) -> None:
    most = MOST_ROWS - len(view.headers)
    if view.rows > most:
        why = f"has {view.rows:,} rows, and a sheet holds {most:,} below its header"
        raise refusal(name, "the table", why, instead="parquet")
    if len(view.schema) > MOST_COLUMNS:
        why = f"has {len(view.schema):,} columns, and a sheet holds {MOST_COLUMNS:,}"
        raise refusal(name, "the table", why, instead="parquet")


def _check_headers(view: ArrowView, name: str) -> None:
    for header in view.headers:
        for at, text in enumerate(header):
            try:
                excel_cells.check_text(text)
            except csv_text.OutOfReachError as error:
                where = f"the name of {view.describe(at)}"
                raise refusal(name, where, error.why, value=error.value, instead="csv") from None


def _check_types(view: ArrowView, name: str) -> None:
    """Refuse columns of types that a cell cannot hold."""
    import pyarrow as pa

    for at, kind in enumerate(view.schema.types):
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if csv_text.reading_kind(inner) is not None and not plain_binary(inner):
            continue
        common = plain_binary(inner) or (pa.types.is_nested(inner) and not pa.types.is_union(inner))
        instead = "parquet" if common else "feather"
        why = f"holds values of the type {inner}"
        raise refusal(name, view.describe(at), why, value=example(view, at), instead=instead)


def _plans(view: ArrowView, name: str) -> list[Plan]:
    """Return how to write each column.

    Raises
    ------
    CannotRepresent
        If a cell cannot hold a value.
    """
    slices, plans = list(view.slices(SLICE)), []
    for at, (kind, column) in enumerate(zip(view.schema.types, view.columns, strict=True)):
        try:
            plans.append(excel_cells.plan(kind, partial(_parts, column, slices)))
        except csv_text.OutOfReachError as error:
            instead = "csv" if isinstance(error, excel_cells.UnfitTextError) else "parquet"
            where = view.describe(at)
            raise refusal(name, where, error.why, value=error.value, instead=instead) from None
    return plans


def _parts(column: Callable[[int, int], pa.Array], slices: list[tuple[int, int]]) -> Iterator[pa.Array]:
    return (column(start, stop) for start, stop in slices)


# Reading ---------------------------------------------------------------------------------------------


@contextmanager
def _first_sheet(payload: Payload) -> Iterator[Any]:
    from openpyxl import load_workbook

    with opened(payload) as file:
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = workbook.worksheets[0]
            # What a workbook says about the size of its sheets is often wrong.
            sheet.reset_dimensions()
            yield sheet
        finally:
            workbook.close()


def _read_own(sheet: Any, reading: Reading) -> Any:
    state = reading.state
    kinds = types_from_json(state["types"])
    source = Source(reading.type, state, [], kinds, state["rows"])
    rows = sheet.iter_rows(max_col=len(kinds)) if kinds else iter(())
    if kinds:
        depth = len(state.get("labels", {}).get("levels", ())) or 1
        header = [[excel_cells.unescape(cell.value or "") for cell in row] for row in islice(rows, depth)]
        names = state.get("header", {})
        source.names = [names.get(str(at), name) for at, name in enumerate(column_names(header))]
    selection = select(source, reading)
    found = 0
    for columns in _blocks(rows, kinds, selection.positions):
        found += len(columns[0])
        selection.add(columns)
    if selection.positions and found != state["rows"]:
        raise ValueError(f"{found:,} rows were found where {state['rows']:,} were saved")
    return selection.finish()


def _blocks(rows: Iterator[Any], kinds: list[pa.DataType], positions: list[int]) -> Iterator[list[pa.Array]]:
    """Yield the wanted columns, some rows at a time."""
    if not positions:
        return
    size = max(256, _ROWS * _USUAL_COLUMNS // max(_USUAL_COLUMNS, len(kinds)))
    while block := list(islice(rows, size)):
        arrays = {}
        for at in dict.fromkeys(positions):
            cells = [(row[at].value, row[at].data_type == "inlineStr") for row in block]
            arrays[at] = excel_cells.values(cells, kinds[at])
        yield [arrays[at] for at in positions]
