"""Workbooks that somebody else wrote: the first sheet as a table, its types from what is in the cells.

The header is the first row with anything in it. Rows and columns with nothing in them, which Excel keeps
wherever somebody once clicked, are left out. A column of one kind of value has its type; one of several
kinds is text, so that nothing is lost. Formulas count as the values that Excel last saw; its errors
(``#N/A``) as missing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.base import Reading
from jsk_saver.formats.excel_cells import unescape
from jsk_saver.formats.frames.pandas_labels import unique_names
from jsk_saver.formats.tables import Source, positions_of, select

if TYPE_CHECKING:
    import pyarrow as pa

#: Whole numbers that Arrow's integers hold; Excel's end long before.
_INT64 = range(-(2**63), 2**63)


def read_foreign(sheet: Any, reading: Reading) -> Any:
    """Return the table in a sheet that the kit has no record of."""
    names, columns, rows = _columns(sheet)
    if not names:
        return select(Source("", {}, [], [], 0), replace(reading, columns=None)).finish()
    wanted = positions_of(Source("", {}, names, [], 0), reading)
    arrays = [_typed(columns[at]) for at in wanted]
    source = Source("", {}, [names[at] for at in wanted], [array.type for array in arrays], rows)
    selection = select(source, replace(reading, columns=None))
    selection.add(arrays)
    return selection.finish()


def _columns(sheet: Any) -> tuple[list[str], list[list[Any]], int]:
    """Return the names, the values below them, and the number of rows."""
    rows = [row for row in map(_row, sheet.iter_rows()) if any(value is not None for value in row)]
    if not rows:
        return [], [], 0
    width = max(map(len, rows))
    header, *body = [row + [None] * (width - len(row)) for row in rows]
    columns = [[row[at] for row in body] for at in range(width)]
    kept = [at for at in range(width) if header[at] is not None or any(v is not None for v in columns[at])]
    names = [f"column {at + 1}" if header[at] is None else _text(header[at]).strip() for at in kept]
    return unique_names(names), [columns[at] for at in kept], len(body)


def _row(row: Any) -> list[Any]:
    return [None if cell.data_type == "e" else _value(cell.value) for cell in row]


def _value(value: Any) -> Any:
    return unescape(value) or None if isinstance(value, str) else value


def _typed(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value is None or value in _INT64 for value in values):
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds and kinds <= {dt.datetime, dt.date}:
        return pa.array([_moment(value) for value in values], pa.timestamp("us"))
    known = {bool: pa.bool_(), dt.time: pa.time64("us"), dt.timedelta: pa.duration("us")}
    if len(kinds) == 1 and (kind := known.get(next(iter(kinds)))) is not None:
        return pa.array(values, kind)
    return pa.array([None if value is None else _text(value) for value in values], pa.large_string())


def _moment(value: dt.date | None) -> dt.datetime | None:
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time())


def _text(value: Any) -> str:
    """Return a value as Excel shows it, more or less."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return str(value.date())
    return str(value)
