"""Arrow types as short text, and Arrow values as JSON: how a table's state is written down."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]")
_DECIMAL = re.compile(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)")
_BINARY = re.compile(r"fixed_size_binary\[(\d+)\]")
_DICTIONARY = re.compile(r"dictionary<(\w+), (.+?)(, ordered)?>")
#: Prefix of types that have no short text; the rest is an Arrow schema in base 64.
_SCHEMA = "arrow:"
#: Prefix of pandas' own Arrow types.
_PANDAS = "pandas."
_INTERVAL = re.compile(r"interval\[(.+), (\w+)\]")
#: The width of the integers below dates, times and durations, by type name.
_TICKS_32 = ("date32[day]", "time32[s]", "time32[ms]")


def type_to_text(kind: pa.DataType) -> str:
    """Return a short text from which :func:`type_from_text` makes exactly this type again.

    Examples
    --------
    >>> import pyarrow as pa
    >>> type_to_text(pa.dictionary(pa.int8(), pa.string(), ordered=True))
    'dictionary<int8, string, ordered>'
    >>> type_from_text("timestamp[ns, tz=Europe/Berlin]")
    TimestampType(timestamp[ns, tz=Europe/Berlin])
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        ordered = ", ordered" if kind.ordered else ""
        return f"dictionary<{kind.index_type}, {type_to_text(kind.value_type)}{ordered}>"
    name = kind.extension_name if isinstance(kind, pa.BaseExtensionType) else ""
    if name == "pandas.period":
        return f"{name}[{kind.freq}]"
    if name == "pandas.interval":
        return f"{name}[{type_to_text(kind.subtype)}, {kind.closed}]"
    text = str(kind)
    try:
        if _flat_type(text) == kind and not isinstance(kind, pa.BaseExtensionType):
            return text
    except (ValueError, pa.ArrowException):
        pass
    schema = pa.schema([pa.field("", kind)]).serialize().to_pybytes()
    return _SCHEMA + base64.b64encode(schema).decode()


def type_from_text(text: str) -> pa.DataType:
    """Return the type that :func:`type_to_text` wrote down."""
    import pyarrow as pa

    if text.startswith(_SCHEMA):
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text.removeprefix(_SCHEMA))))
        return schema.field(0).type
    if text.startswith(_PANDAS):
        return _pandas_type(text.removeprefix(_PANDAS))
    if match := _DICTIONARY.fullmatch(text):
        index, value, ordered = match.groups()
        return pa.dictionary(type_from_text(index), type_from_text(value), ordered=bool(ordered))
    return _flat_type(text)


def _pandas_type(text: str) -> pa.DataType:
    import pandas as pd
    import pyarrow as pa

    if match := _INTERVAL.fullmatch(text):
        ends = pd.Index(pa.array([], type_from_text(match[1])).to_pandas())
        return pa.array(pd.arrays.IntervalArray.from_arrays(ends, ends, closed=match[2])).type
    return pa.array(pd.array([], dtype=pd.api.types.pandas_dtype(text))).type


def _flat_type(text: str) -> pa.DataType:
    import pyarrow as pa

    if match := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(match[1], match[2])
    if match := _DECIMAL.fullmatch(text):
        return getattr(pa, f"decimal{match[1]}")(int(match[2]), int(match[3]))
    if match := _BINARY.fullmatch(text):
        return pa.binary(int(match[1]))
    if text in ("string_view", "binary_view"):
        return getattr(pa, text)()
    return pa.type_for_alias(text)


def empty(kind: pa.DataType) -> pa.Array:
    """Return an array of this type without values."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, empty(kind.storage_type))
    return pa.array([], kind)


def plain_string(kind: pa.DataType) -> bool:
    """Tell whether a type is text, whatever its layout."""
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view"


def plain_binary(kind: pa.DataType) -> bool:
    """Tell whether a type is bytes, whatever its layout."""
    import pyarrow as pa

    known = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return known or str(kind) == "binary_view"


def ticks(kind: pa.DataType) -> pa.DataType:
    """Return the integer type below a date, time, timestamp or duration."""
    import pyarrow as pa

    return pa.int32() if str(kind) in _TICKS_32 else pa.int64()


def values_to_json(array: pa.Array) -> list[Any]:
    """Return the values as JSON, from which :func:`values_from_json` makes exactly the same array.

    Dates, times and durations are written as the integers they are stored as, decimals as text, bytes in
    base 64; numbers that JSON has no word for as ``"nan"``, ``"inf"``, ``"-inf"``.

    Raises
    ------
    TypeError
        For lists, maps and unions.
    """
    import pyarrow as pa

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return values_to_json(array.storage)
    if pa.types.is_dictionary(kind):
        return values_to_json(array.dictionary_decode())
    if pa.types.is_temporal(kind):
        return list(array.view(ticks(kind)).to_pylist())
    if pa.types.is_struct(kind):
        parts = [values_to_json(part) for part in array.flatten()]
        rows: list[Any] = [list(row) for row in zip(*parts, strict=True)]
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    if pa.types.is_nested(kind):
        raise TypeError(f"{kind} has no place in a table's state")
    return [_to_json(value) for value in array.to_pylist()]


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if type(value).__name__ == "Decimal":
        return str(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def values_from_json(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return the array that :func:`values_to_json` wrote down.

    Examples
    --------
    >>> import pyarrow as pa
    >>> values_from_json([0, None], pa.date32()).to_pylist()
    [datetime.date(1970, 1, 1), None]
    """
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, values_from_json(values, kind.storage_type))
    if pa.types.is_dictionary(kind):
        return values_from_json(values, kind.value_type)
    if pa.types.is_temporal(kind):
        return pa.array(values, ticks(kind)).view(kind)
    if pa.types.is_struct(kind):
        return _structs(values, kind)
    if plain_binary(kind):
        return pa.array([None if value is None else base64.b64decode(value) for value in values], kind)
    if pa.types.is_decimal(kind):
        from decimal import Decimal

        return pa.array([None if value is None else Decimal(value) for value in values], kind)
    if pa.types.is_floating(kind):
        numbers = [None if value is None else float(value) for value in values]
        return pa.array(numbers, pa.float64()).cast(kind)
    return pa.array(values, kind)


def _structs(values: list[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    columns = [
        values_from_json([None if row is None else row[at] for row in values], kind.field(at).type)
        for at in range(kind.num_fields)
    ]
    missing = pa.array([row is None for row in values], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=list(kind), mask=missing)
