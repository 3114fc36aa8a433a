"""Arrow values as the text of a cell, and back exactly: what Arrow's own CSV does not do, or not exactly.

=====================  ==========================================================================
type                   text
=====================  ==========================================================================
missing                nothing (an empty text is ``""``)
time with a zone       local, with its offset from UTC: ``2024-05-01 12:00:00.000+0200``
duration               seconds: ``93784.000000001``
bytes                  base 64
period (pandas)        its first moment
interval (pandas)      ``(0.5, 1.5]``
category               its value
=====================  ==========================================================================
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from jsk_saver.formats.frames.arrow_types import plain_binary, plain_string

if TYPE_CHECKING:
    import pyarrow as pa

#: Stands before text that is not plain ASCII: without it, Excel would not see that it is UTF-8.
BOM = b"\xef\xbb\xbf"
#: Digits after the point of a second, by unit.
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
#: First and last second of the years that ISO 8601 writes with four digits.
_FIRST, _LAST = -62135596800, 253402300799
#: Seconds that local time may be away from UTC.
_ZONE = 86400
#: 1 January of the year 1 and 31 December 9999, in days since 1970.
_FIRST_DAY, _LAST_DAY = -719162, 2932896


class OutOfReachError(ValueError):
    """A value that the text of a cell cannot say.

    Parameters
    ----------
    why
        What is the matter, as the rest of a sentence.
    value
        The value.
    """

    def __init__(self, why: str, value: object) -> None:
        self.why, self.value = why, value
        super().__init__(why)


def reading_kind(kind: pa.DataType) -> pa.DataType | None:
    """Return the type as which Arrow should read the cells of a column; None if cells cannot hold it."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        inner = reading_kind(kind.value_type)
        return pa.dictionary(pa.int32(), pa.string()) if plain_string(kind.value_type) else inner
    if isinstance(kind, pa.BaseExtensionType):
        own = {"pandas.period": _period_time(kind), "pandas.interval": pa.large_string()}
        return own.get(kind.extension_name)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_duration(kind):
        return pa.decimal128(38, _DIGITS[kind.unit])
    if plain_binary(kind) or str(kind) == "string_view":
        return pa.large_string()
    if pa.types.is_decimal(kind):
        return kind if pa.types.is_decimal128(kind) else pa.string()
    is_other = pa.types.is_nested(kind) or str(kind) == "month_day_nano_interval"
    return None if is_other or str(kind).startswith("run_end") else kind


def to_text(array: pa.Array) -> pa.Array:
    """Return an array that Arrow writes as the text we want.

    Raises
    ------
    OutOfReachError
        If a value has no such text.
    """
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        is_text = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
        return array if is_text else to_text(array.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return _period_text(array) if kind.extension_name == "pandas.period" else _interval_text(array)
    if pa.types.is_timestamp(kind):
        _check_years(array)
        array = _whole_seconds(array)
        return array if kind.tz is None else _zoned_text(array)
    if pa.types.is_date(kind):
        return _date_text(array)
    if pa.types.is_duration(kind):
        return _reinterpreted(array.view(pa.int64()).cast(pa.decimal128(38, 0)), reading_kind(kind))
    if plain_binary(kind):
        texts = [None if value is None else base64.b64encode(value).decode() for value in array.to_pylist()]
        return pa.array(texts, pa.large_string())
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    return array.cast(pa.large_string()) if str(kind) == "string_view" else array


def from_text(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return what :func:`to_text` made text of, from cells read as :func:`reading_kind` says.

    Categories are left as the dictionary, or the values, that were read.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return array if pa.types.is_dictionary(array.type) else from_text(array, kind.value_type)
    if array.type == kind:
        return array
    if isinstance(kind, pa.BaseExtensionType):
        return _period(array, kind) if kind.extension_name == "pandas.period" else _interval(array, kind)
    if pa.types.is_duration(kind):
        return _reinterpreted(array, pa.decimal128(38, 0)).cast(pa.int64()).view(kind)
    if plain_binary(kind):
        return pa.array([None if v is None else base64.b64decode(v) for v in array.to_pylist()], kind)
    return array.cast(kind)


# Times -----------------------------------------------------------------------------------------------


def _check_years(array: pa.Array) -> None:
    """Refuse moments outside the years 1 to 9999, which have no ISO 8601 text."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.type.unit == "ns":
        return
    per_second = 10 ** _DIGITS[array.type.unit]
    margin = 0 if array.type.tz is None else _ZONE
    first, end = (_FIRST + margin) * per_second, (_LAST + 1 - margin) * per_second
    limits = pc.min_max(array.view(pa.int64()))
    for value in (limits["min"].as_py(), limits["max"].as_py()):
        if value is not None and not first <= value < end:
            when = np.datetime64(value, array.type.unit)
            raise OutOfReachError("holds a time outside the years 1 to 9999", when)


def _whole_seconds(array: pa.Array) -> pa.Array:
    """Return the times in seconds if none has a fraction, which spreadsheets may take for text."""
    import pyarrow as pa

    try:
        return array.cast(pa.timestamp("s", array.type.tz))
    except pa.ArrowInvalid:
        return array


def _zoned_text(array: pa.Array) -> pa.Array:
    """Return times as local text with the offset from UTC.

    Offsets with seconds, as before 1972, have no text that can be read back; such slices are in UTC.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    utc = array.view(pa.timestamp(kind.unit))
    local = pc.local_timestamp(array)
    seconds = pc.divide(pc.subtract(local.cast(pa.int64()), utc.cast(pa.int64())), 10 ** _DIGITS[kind.unit])
    offsets = seconds.dictionary_encode()
    found = offsets.dictionary.to_pylist()
    if any(offset is not None and offset % 60 for offset in found):
        return pc.binary_join_element_wise(utc.cast(pa.string()), "Z", "")
    texts = pa.array([None if offset is None else _offset_text(offset) for offset in found], pa.string())
    return pc.binary_join_element_wise(local.cast(pa.string()), texts.take(offsets.indices), "")


def _offset_text(seconds: int) -> str:
    sign, minutes = ("-" if seconds < 0 else "+"), abs(seconds) // 60
    return f"{sign}{minutes // 60:02}{minutes % 60:02}"


def _date_text(array: pa.Array) -> pa.Array:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    days = array if pa.types.is_date32(array.type) else array.cast(pa.date32(), safe=False)
    if pa.types.is_date64(array.type) and not days.cast(array.type).equals(array):
        raise OutOfReachError("holds a date with a time of day", pc.min(array.view(pa.int64())).as_py())
    limits = pc.min_max(days.view(pa.int32()))
    for value in (limits["min"].as_py(), limits["max"].as_py()):
        if value is not None and not _FIRST_DAY <= value <= _LAST_DAY:
            raise OutOfReachError("holds a date outside the years 1 to 9999", np.datetime64(value, "D"))
    return days


def _reinterpreted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the same decimal digits with the point elsewhere."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(array), array.buffers(), array.null_count, array.offset)


# pandas' own -----------------------------------------------------------------------------------------


def _period_time(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("ns" if kind.extension_name == "pandas.period" and kind.freq.endswith("ns") else "us")


def _period_text(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    try:
        times = pa.array(array.to_pandas().dt.to_timestamp()).cast(_period_time(array.type))
        _check_years(times)
    except (ValueError, OverflowError):
        raise OutOfReachError(
            "holds a period outside the years that times can have", array[0].as_py()
        ) from None
    if not _period(times, array.type).equals(array):
        raise OutOfReachError("holds a period that its first moment does not tell", array[0].as_py())
    return _whole_seconds(times)


def _period(array: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    return pa.array(array.to_pandas().dt.to_period(kind.freq).array)


def _interval_text(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    first = "[" if array.type.closed in ("left", "both") else "("
    last = "]" if array.type.closed in ("right", "both") else ")"
    ends = [_end_text(end).cast(pa.string()) for end in array.storage.flatten()]
    left = pc.binary_join_element_wise(first, ends[0], "")
    return pc.binary_join_element_wise(left, pc.binary_join_element_wise(ends[1], last, ""), ", ")


def _end_text(end: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_timestamp(end.type):
        _check_years(end)
        return end.view(pa.timestamp(end.type.unit))
    return end.view(pa.int64()) if pa.types.is_duration(end.type) else end


def _interval(array: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    storage = kind.storage_type
    ends = pc.split_pattern(pc.utf8_slice_codeunits(array, 1, -1), ", ")
    parts = []
    for at in range(2):
        text, target = pc.list_element(ends, at), storage.field(at).type
        if pa.types.is_timestamp(target):
            parts.append(text.cast(pa.timestamp(target.unit)).view(target))
        elif pa.types.is_duration(target):
            parts.append(text.cast(pa.int64()).view(target))
        else:
            parts.append(text.cast(target))
    struct = pa.StructArray.from_arrays(parts, fields=list(storage), mask=array.is_null())
    return pa.ExtensionArray.from_storage(kind, struct)
