"""Tables in JSON: one object a row, which any other tool reads, and the same table again on the way back.

Times are written as ISO 8601 (zoned ones in UTC), decimals as text, durations as the integers they are,
bytes in base 64; the types of the columns are kept in the record. A missing value is ``null``; so is NaN,
where a column has no other missing values. Infinity, and a column that has both NaN and missing values, are
refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import JskError
from jsk_saver.formats import tables
from jsk_saver.formats.base import Encoded, Reading
from jsk_saver.formats.frames.arrow_types import values_from_json, values_to_json
from jsk_saver.formats.frames.refusal import refusal
from jsk_saver.formats.naming import article, type_name
from jsk_saver.formats.streams import write_lines

if TYPE_CHECKING:
    import pyarrow as pa

    from jsk_saver.formats.frames.view import ArrowView
    from jsk_saver.payload import Payload
    from jsk_saver.record import JSON

#: Rows that become a slice of the table at a time.
_ROWS = 20_000

is_table = tables.is_table


def was_table(reading: Reading) -> bool:
    """Tell whether what was put was a table."""
    return reading.type.partition(".")[0] in ("pandas", "polars", "pyarrow") and "types" in reading.state


def wanted(reading: Reading) -> bool:
    """Tell whether ``get`` asks for a table."""
    return reading.columns is not None or reading.as_ is not None


def write_table(obj: Any, payload: Payload, name: str, *, array: bool) -> Encoded:
    """Write a table's rows as JSON, one a line, and return what must be kept beside them.

    Raises
    ------
    CannotRepresent
        Naming the column and the value that JSON cannot hold.
    """
    view = tables.as_arrow(obj, name)
    tables.check_dictionaries(view, name)
    nan = _columns_with_nan(view, name)

    def there_and_back(start: ArrowView) -> Any:
        rows = [json.loads(line) for line in _lines(start, name)]
        return to_table(rows, Reading(name, view.type, _state(start, nan)))

    tables.prove(view, name, there_and_back, instead="parquet")
    write_lines(payload, _lines(view, name), array=array)
    # Some of a table's state is only known once all of its rows have been seen.
    return tables.encoded(view, _state(view, nan))


def to_table(rows: Iterable[Any], reading: Reading) -> Any:
    """Return the table whose rows these are, as it was put or as ``get`` wants it."""
    state = reading.state
    names, kinds = state["columns"], tables.types_from_json(state["types"])
    source = tables.Source(reading.type, state, names, kinds, state["rows"])
    selection = tables.select(source, reading)
    nan = set(state["nan"])
    rows = iter(rows)
    while some := list(islice(rows, _ROWS)):
        selection.add(
            [_from_json([row[names[at]] for row in some], kinds[at], at in nan) for at in selection.positions]
        )
    return selection.finish()


def foreign_table(rows: Iterable[Any], reading: Reading) -> Any:
    """Return a table of JSON objects that were not put as a table; types are what the values look like."""
    import pyarrow as pa

    rows = list(rows)
    odd = next((row for row in rows if not isinstance(row, dict)), None)
    if odd is not None:
        raise JskError(
            f"{reading.name!r} is not a table: it holds {article(type_name(odd))} where a row should be.",
            hint=f'saver.get("{reading.name}")',
        )
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = [pa.array([row.get(name) for row in rows]) for name in names]
    source = tables.Source("", {}, names, [column.type for column in columns], len(rows))
    selection = tables.select(source, reading)
    selection.add([columns[at] for at in selection.positions])
    return selection.finish()


# Inside ----------------------------------------------------------------------------------------------


def _state(view: ArrowView, nan: list[int]) -> JSON:
    return tables.full_state(view) | {
        "columns": view.schema.names,
        "types": tables.types_to_json(view),
        "nan": nan,
    }


def _lines(view: ArrowView, name: str) -> Iterator[bytes]:
    names = view.schema.names
    for batch in view.batches():
        columns = [_to_json(view, at, batch.column(at), name) for at in range(len(names))]
        # A table may have rows and no columns.
        rows: Iterable[tuple[Any, ...]] = zip(*columns, strict=True) if columns else [()] * batch.num_rows
        for row in rows:
            text = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
            yield text.encode("utf-8")


def _columns_with_nan(view: ArrowView, name: str) -> list[int]:
    """Return the positions of the columns in which ``null`` stands for NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    floats = [at for at, kind in enumerate(view.schema.types) if pa.types.is_floating(kind)]
    nan, null = set(), set()
    for batch in view.batches() if floats else ():
        for at in floats:
            column = batch.column(at).cast(pa.float64())
            if pc.any(pc.is_inf(column)).as_py():
                raise _refused(
                    view, at, name, "holds infinity", pc.filter(column, pc.is_inf(column))[0].as_py()
                )
            nan.update([at] if pc.any(pc.is_nan(column)).as_py() else [])
            null.update([at] if column.null_count else [])
    for at in sorted(nan & null):
        raise _refused(view, at, name, "holds both NaN and missing values", float("nan"))
    return sorted(nan)


def _to_json(view: ArrowView, at: int, column: pa.Array, name: str) -> list[Any]:
    """Return a slice of a column as JSON values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind):
        # NaN is the one number that differs from itself.
        return [None if value != value else value for value in column.to_pylist()]
    if _as_text(kind):
        written_as = pa.timestamp(kind.unit, "UTC") if getattr(kind, "tz", None) else kind
        text = pc.replace_substring(column.cast(written_as).cast(pa.string()), " ", "T")
        if not _from_text(text, kind).equals(column):
            raise _refused(
                view, at, name, f"holds a {kind} that ISO 8601 has no way to write", column[0].as_py()
            )
        written: list[Any] = text.to_pylist()
        return written
    if isinstance(kind, pa.BaseExtensionType) or not _is_plain(kind):
        try:
            return values_to_json(column)
        except TypeError:
            raise _refused(view, at, name, f"holds {kind}", column[0].as_py()) from None
    values: list[Any] = column.to_pylist()
    if pa.types.is_nested(kind):
        try:
            json.dumps(values, allow_nan=False)
        except ValueError:
            raise _refused(
                view, at, name, f"holds NaN or infinity in its {kind}", column[0].as_py()
            ) from None
    return values


def _from_json(values: list[Any], kind: pa.DataType, nan: bool) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _from_json(values, kind.value_type, nan)
    if pa.types.is_floating(kind):
        missing = float("nan") if nan else None
        return pa.array([missing if value is None else value for value in values], pa.float64()).cast(kind)
    if _as_text(kind):
        return _from_text(pa.array(values, pa.string()), kind)
    if isinstance(kind, pa.BaseExtensionType) or not _is_plain(kind):
        return values_from_json(values, kind)
    return pa.array(values, kind)


def _from_text(text: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_time(kind):
        return text.cast(kind)
    # Arrow reads no times of day, only moments.
    return pc.binary_join_element_wise("1970-01-01T", text, "").cast(pa.timestamp(kind.unit)).cast(kind)


def _as_text(kind: pa.DataType) -> bool:
    """Tell whether values are written as the text that Arrow makes of them."""
    import pyarrow as pa

    moment = pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind)
    return bool(moment or pa.types.is_decimal(kind))


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether Python's own view of the values is JSON, and says all about them."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_plain(kind.field(at).type) for at in range(kind.num_fields))
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or str(kind) in ("string", "large_string", "string_view")
    )


def _refused(view: ArrowView, at: int, name: str, why: str, value: Any) -> JskError:
    return refusal(name, view.describe(at), why, value=value, instead="parquet")
