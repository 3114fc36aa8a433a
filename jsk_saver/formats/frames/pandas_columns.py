"""One column of pandas as Arrow, slice by slice: which Arrow type stands for which dtype.

Most Arrow types say which pandas dtype they came from. Where one does not, the column's *note* does:
the name of the dtype, ``"object"``, or what there is to know about a categorical.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.frames.arrow_types import plain_string, type_to_text, values_to_json
from jsk_saver.formats.frames.objects import Objects
from jsk_saver.formats.frames.pandas_dtypes import MASKED, string_note
from jsk_saver.formats.frames.refusal import NOTHING, refusal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


@dataclass(slots=True)
class Column:
    """One column on its way to Arrow.

    Parameters
    ----------
    where
        The place, for messages: ``column 'x'``.
    type
        The Arrow type of every slice.
    part
        Returns the values from one row to another.
    note
        What the Arrow type does not say; JSON.
    dictionary
        The categories, where it is categorical.
    complete
        Whether every category is used.
    """

    where: str
    type: pa.DataType
    part: Callable[[int, int], pa.Array]
    note: Any = None
    dictionary: pa.Array | None = None
    complete: bool = False


def column_of(values: pd.Series | pd.Index, where: str, name: str, label: Any = None) -> Column:
    """Return a column (or index level) ready to be converted.

    Parameters
    ----------
    values
        The column.
    where, name, label
        Its place, the file name and its label, for messages.

    Raises
    ------
    CannotRepresent
        If its dtype would not come back the same; also from ``part``, if a value would not.
    """
    try:
        column = _column(values, where, name, label)
    except _UnknownError:
        raise _unknown(values, where, name, label) from None
    convert = column.part

    def part(start: int, stop: int) -> pa.Array:
        try:
            return convert(start, stop)
        except CannotRepresent:
            raise
        except (ValueError, TypeError, ArithmeticError, NotImplementedError) as error:
            value = _culprit(convert, values, start, stop)
            why = f"holds a value that Arrow refuses ({str(error).splitlines()[0][:80]})"
            raise refusal(name, where, why, value=value, instead="pkl") from error

    column.part = part
    return column


class _UnknownError(Exception):
    """Arrow has no type for this dtype."""


def _column(values: pd.Series | pd.Index, where: str, name: str, label: Any) -> Column:
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if dtype.name == "object":
        objects = Objects(values.to_numpy(), where, name, label)
        return Column(where, objects.type, objects.part, note=objects.note())
    if isinstance(dtype, np.dtype):
        return _numpy(values.to_numpy(), where)
    for kind, make in (
        (pd.DatetimeTZDtype, _zoned),
        (pd.CategoricalDtype, _categorical),
        (pd.StringDtype, _strings),
        (pd.ArrowDtype, _arrow),
        (pd.PeriodDtype, _as_it_is),
        (pd.IntervalDtype, _as_it_is),
    ):
        if isinstance(dtype, kind):
            return make(values.array, where, name)
    if dtype.name not in MASKED:
        raise _UnknownError
    column = _as_it_is(values.array, where, name)
    column.note = dtype.name
    return column


def _unknown(values: Any, where: str, name: str, label: Any) -> CannotRepresent:
    example = {"value": values.array[0]} if len(values) else {}
    sparse = str(values.dtype).startswith("Sparse")
    or_else = f"df[{label!r}] = df[{label!r}].sparse.to_dense()" if sparse else ""
    return refusal(name, where, f"has the dtype {values.dtype}", instead="pkl", or_else=or_else, **example)


def _culprit(convert: Callable[[int, int], Any], values: Any, start: int, stop: int) -> Any:
    for at in range(start, stop):
        try:
            convert(at, at + 1)
        except Exception:
            return values.array[at]
    return NOTHING


# Dtypes ----------------------------------------------------------------------------------------------


def _numpy(values: np.ndarray, where: str) -> Column:
    import numpy as np
    import pyarrow as pa

    try:
        if values.dtype.kind not in "biufmM" or not values.dtype.isnative:
            raise _UnknownError
        if values.dtype.kind in "mM":
            unit = np.datetime_data(values.dtype)[0]
            kind = pa.timestamp(unit) if values.dtype.kind == "M" else pa.duration(unit)
        else:
            kind = pa.from_numpy_dtype(values.dtype)
    except pa.ArrowNotImplementedError:
        raise _UnknownError from None
    # NaN and NaT are how NumPy's types mark what is missing, so they become Arrow's nulls, and back.
    return Column(where, kind, lambda start, stop: pa.array(values[start:stop], kind, from_pandas=True))


def _zoned(values: Any, where: str, name: str) -> Column:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    refused = refusal(
        name,
        where,
        f"has the time zone {values.dtype.tz!r}, which has no name or is not in whole minutes",
        instead="pkl",
        or_else='df["…"] = df["…"].dt.tz_convert("UTC")',
    )
    try:
        kind = pa.array(pd.Series(values[:0])).type
        if pd.DatetimeTZDtype(kind.unit, kind.tz) != values.dtype:
            raise refused
    except (pa.ArrowException, ValueError, KeyError):
        raise refused from None

    def part(start: int, stop: int) -> pa.Array:
        utc = np.asarray(values[start:stop].tz_convert(None))
        return pa.array(utc, pa.timestamp(kind.unit)).view(kind)

    return Column(where, kind, part)


def _strings(values: Any, where: str, name: str) -> Column:  # noqa: ARG001
    import pyarrow as pa

    kind = pa.large_string()
    return Column(where, kind, lambda a, b: _one(pa.array(values[a:b]), kind), note=string_note(values.dtype))


def _arrow(values: Any, where: str, name: str) -> Column:  # noqa: ARG001
    import pyarrow as pa

    kind = values.dtype.pyarrow_dtype
    array = pa.chunked_array(values.__arrow_array__())
    if pa.types.is_dictionary(kind):
        array = array.unify_dictionaries()
        dictionary = array.chunk(0).dictionary if array.num_chunks else pa.array([], kind.value_type)
        column = Column(where, kind, lambda a, b: _one(array.slice(a, b - a), kind), note="arrow")
        column.dictionary, column.complete = dictionary, is_complete(array, dictionary)
        return column
    return Column(where, kind, lambda a, b: _one(array.slice(a, b - a), kind), note="arrow")


def _as_it_is(values: Any, where: str, name: str) -> Column:  # noqa: ARG001
    import pyarrow as pa

    try:
        kind = pa.array(values[:0]).type
    except (TypeError, pa.ArrowException):
        raise _UnknownError from None
    return Column(where, kind, lambda start, stop: pa.array(values[start:stop]))


def _categorical(values: Any, where: str, name: str) -> Column:
    import numpy as np
    import pyarrow as pa

    inner = column_of(values.categories, f"the categories of {where}", name)
    dictionary = inner.part(0, len(values.categories))
    note: dict[str, Any] = {"category": inner.note}
    if not _encodable(dictionary.type):
        # Anything else is shown as text in the file, and the real categories are kept in the state.
        note |= {"type": type_to_text(dictionary.type), "values": _json(dictionary, where, name)}
        dictionary = _texts(values.categories, where, name)
    codes = values.codes
    kind = pa.dictionary(pa.from_numpy_dtype(codes.dtype), dictionary.type, ordered=values.ordered)

    def part(start: int, stop: int) -> pa.Array:
        some = codes[start:stop]
        missing = some < 0
        indices = pa.array(some, mask=missing) if missing.any() else pa.array(some)
        return pa.DictionaryArray.from_arrays(indices, dictionary, ordered=values.ordered, safe=False)

    column = Column(where, kind, part, note=note, dictionary=dictionary)
    used = np.bincount(codes.astype(np.int64) + 1, minlength=len(dictionary) + 1)[1:]
    column.complete = bool((used > 0).all())
    return column


def _encodable(kind: pa.DataType) -> bool:
    """Tell whether values of a type can be looked up and sorted by Arrow, and so be categories."""
    import pyarrow as pa

    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    is_time = pa.types.is_timestamp(kind) or pa.types.is_date32(kind)
    return plain_string(kind) or is_time or (is_number and not pa.types.is_float16(kind))


def _json(dictionary: pa.Array, where: str, name: str) -> list[Any]:
    try:
        return values_to_json(dictionary)
    except TypeError:
        raise refusal(name, where, "has nested values as categories", instead="pkl") from None


def _texts(categories: pd.Index, where: str, name: str) -> pa.Array:
    import pyarrow as pa

    texts = [str(category) for category in categories]
    if len(set(texts)) != len(texts):
        raise refusal(name, where, "has different categories that look the same as text", instead="pkl")
    return pa.array(texts, pa.large_string())


def is_complete(array: pa.ChunkedArray, dictionary: pa.Array) -> bool:
    """Tell whether every entry of the ``dictionary`` that all chunks share is used."""
    import pyarrow.compute as pc

    used: set[int] = set()
    for chunk in array.chunks:
        used.update(pc.unique(chunk.indices.drop_null()).to_pylist())
        if len(used) == len(dictionary):
            return True
    return len(used) == len(dictionary)


def _one(array: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Return a single array of this type."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        if array.num_chunks == 1:
            array = array.chunk(0)
        elif array.num_chunks == 0:
            array = pa.array([], array.type)
        else:
            array = pa.concat_arrays(array.chunks)
    return array if array.type == kind else array.cast(kind)
