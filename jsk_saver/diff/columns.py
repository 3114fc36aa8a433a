"""Tables of any kind as named Arrow columns, and which of two columns' values differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jsk_saver.formats.base import is_a

#: Rows compared at once where Arrow has no comparison of its own (lists, structures).
_CHUNK = 1024
#: Categories of a type that are shown.
_SHOWN_CATEGORIES = 5
#: What a pandas index without a name is called.
UNNAMED = "(index)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column (or level of the index) of a table.

    Parameters
    ----------
    label
        Its name, made unique.
    values
        A ``pyarrow.ChunkedArray``.
    kind
        The type as the table's own library knows it.
    index
        Whether it is a level of a pandas index.
    """

    label: str
    values: Any
    kind: Any
    index: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of any library as columns.

    Parameters
    ----------
    library
        ``pandas``, ``polars`` or ``pyarrow``.
    rows
        How many.
    columns
        By label, those of an index first.
    """

    library: str
    rows: int
    columns: dict[str, Column]

    def values(self, label: str, rows: Any = None) -> Any:
        """Return the values of one column, in these rows only if some are given."""
        values = self.columns[label].values
        return values if rows is None else values.take(_indices(rows))


def is_table(obj: Any) -> bool:
    """Tell whether ``obj`` is a table or a single column of one."""
    return is_a(obj, *_PANDAS, *_POLARS, *_ARROW)


_PANDAS = ("pandas.DataFrame", "pandas.Series")
_POLARS = ("polars.DataFrame", "polars.Series")
_ARROW = ("pyarrow.Table", "pyarrow.RecordBatch")


def tables_of(old: Any, new: Any) -> tuple[Table, Table]:
    """Return both tables as columns; an index counts where either has one that means something."""
    pandas = [is_a(side, *_PANDAS) for side in (old, new)]
    index = any(_has_index(side) for side, is_pandas in zip((old, new), pandas, strict=True) if is_pandas)
    one, other = (
        _of_pandas(side, index) if is_pandas else _of_arrow(side)
        for side, is_pandas in zip((old, new), pandas, strict=True)
    )
    return one, other


def _has_index(table: Any) -> bool:
    index = table.index
    default = is_a(index, "pandas.RangeIndex") and index.start == 0 and index.step == 1
    return not default or index.name is not None


def _of_pandas(table: Any, index: bool) -> Table:
    frame = table.to_frame() if is_a(table, "pandas.Series") else table
    found: list[tuple[str, Any, Any, bool]] = []
    if index:
        for level in range(frame.index.nlevels):
            values = frame.index.get_level_values(level)
            name = UNNAMED if values.name is None else str(values.name)
            found.append((name, _pandas_values(values.to_series()), values.dtype, True))
    for place, name in enumerate(frame.columns):
        series = frame.iloc[:, place]
        found.append((str(name), _pandas_values(series), series.dtype, False))
    return Table("pandas", len(frame), _labelled(found))


def _pandas_values(series: Any) -> Any:
    import pyarrow as pa

    try:
        return _chunked(pa.array(series, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        # Objects that Arrow has no type for are compared by how they show themselves.
        missing = series.isna()
        shown = [None if gone else repr(value) for value, gone in zip(series, missing, strict=True)]
        return _chunked(pa.array(shown, pa.large_string()))


def _of_arrow(table: Any) -> Table:
    library = "polars" if is_a(table, *_POLARS) else "pyarrow"
    if library == "polars":
        frame = table.to_frame() if is_a(table, "polars.Series") else table
        kinds, arrow = list(frame.dtypes), frame.to_arrow()
    else:
        kinds, arrow = list(table.schema.types), table
    found = [
        (str(name), _chunked(arrow.column(place)), kind, False)
        for place, (name, kind) in enumerate(zip(arrow.schema.names, kinds, strict=True))
    ]
    return Table(library, arrow.num_rows, _labelled(found))


def _labelled(found: list[tuple[str, Any, Any, bool]]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name, values, kind, index in found:
        label, number = name, 1
        while label in columns:
            number += 1
            label = f"{name} ({number})"
        columns[label] = Column(label, values, kind, index)
    return columns


def _chunked(values: Any) -> Any:
    """Return values of a type that Arrow compares: categories, extension types and views made plain."""
    import pyarrow as pa

    array = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    if isinstance(array.type, pa.BaseExtensionType):
        storage = [chunk.storage for chunk in array.chunks]
        array = pa.chunked_array(storage, array.type.storage_type)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_binary(array.type) or pa.types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return array


def _indices(rows: Any) -> Any:
    import pyarrow as pa

    return pa.array(rows, pa.int64())


# Types ----------------------------------------------------------------------------------------------


def type_texts(old: Column, new: Column, *, same_library: bool) -> tuple[str, str]:
    """Return the types of two columns as text: equal where the types are."""
    one, other = (_type_text(column, same_library) for column in (old, new))
    if one == other and same_library and (old.kind != new.kind or _names(old.kind) != _names(new.kind)):
        one, other = _categories(old.kind, new.kind)
    elif one == other == "object" and old.values.type != new.values.type:
        one, other = (f"object of {column.values.type}" for column in (old, new))
    return tuple(f"{text} (index)" if column.index else text for text, column in ((one, old), (other, new)))  # type: ignore[return-value]


def _type_text(column: Column, own: bool) -> str:
    text = str(column.kind) if own else str(column.values.type)
    return text if own else text.removeprefix("large_")


def _categories(old: Any, new: Any) -> tuple[str, str]:
    """Return two types with their categories, from a little before the first that differs."""
    one, other = _names(old), _names(new)
    pairs = enumerate(zip(one, other, strict=False))
    start = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)) if one != other else 0)
    # All are shown from the start where the first few tell them apart.
    start = 0 if start < _SHOWN_CATEGORIES else start - 1
    return _with_categories(old, one, start), _with_categories(new, other, start)


def _with_categories(kind: Any, names: list[str], start: int) -> str:
    some = names[start : start + _SHOWN_CATEGORIES]
    before = "…, " if start else ""
    after = f", … {len(names):,} in all" if start + len(some) < len(names) else ""
    shown = f" ({before}{', '.join(some)}{after})" if names else ""
    return f"{'ordered ' * bool(getattr(kind, 'ordered', False))}{kind}{shown}"


def _names(kind: Any) -> list[str]:
    """Return the categories of a type in their order; none where it keeps none."""
    try:
        return [str(name) for name in getattr(kind, "categories", ())]
    except TypeError:  # Polars' open categories are an object of their own, and in no order
        return []


# Values ---------------------------------------------------------------------------------------------


def differing(old: Any, new: Any, *, nan_is_missing: bool) -> Any:
    """Return the places (a NumPy array) at which two columns of the same length differ.

    NaN equals NaN, and missing equals missing. Types may differ: ``1`` equals ``1.0``, a time equals the
    same time in another zone, and what has no common type is compared as text.

    Parameters
    ----------
    old, new
        ``pyarrow.ChunkedArray``.
    nan_is_missing
        Whether NaN also equals missing, as in pandas.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if old.equals(new):
        return np.empty(0, dtype=np.int64)
    if pa.types.is_nested(old.type) or pa.types.is_nested(new.type):
        return np.array(_differing_one_by_one(old, new), dtype=np.int64)
    missing = [pc.is_null(side, nan_is_null=nan_is_missing) for side in (old, new)]
    unequal = pc.fill_null(_unequal(old, new), False)
    if not nan_is_missing and pa.types.is_floating(old.type) and pa.types.is_floating(new.type):
        both_nan = pc.fill_null(pc.and_(pc.is_nan(old), pc.is_nan(new)), False)
        unequal = pc.and_not(unequal, both_nan)
    unequal = pc.and_not(unequal, pc.or_(*missing))
    return np.flatnonzero(pc.or_(unequal, pc.xor(*missing)).to_numpy())


def _unequal(old: Any, new: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    old, new = (side.cast(pa.int8()) if pa.types.is_boolean(side.type) else side for side in (old, new))
    if pa.types.is_integer(old.type) and pa.types.is_floating(new.type):
        return _integers_unequal(old, new)
    if pa.types.is_floating(old.type) and pa.types.is_integer(new.type):
        return _integers_unequal(new, old)
    try:
        old, new = (_in_utc(side) for side in (old, new))
        return pc.not_equal(old, new)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pc.not_equal(*(side.cast(pa.large_string()) for side in (old, new)))


def _in_utc(values: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        return values.cast(pa.timestamp(values.type.unit, "UTC"))
    return values


def _integers_unequal(integers: Any, floats: Any) -> Any:
    """Compare exactly: above 2^53 a float stands for several integers, which is how identifiers get lost."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = np.asarray(pc.fill_null(integers, 0).to_numpy())
    real = np.asarray(pc.fill_null(floats, math.nan).to_numpy(), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        equal = (whole.astype(np.float64) == real) & (real.astype(whole.dtype) == whole)
    return pa.chunked_array([pa.array(~equal)])


def _differing_one_by_one(old: Any, new: Any) -> list[int]:
    from jsk_saver.diff.trees import changes

    places: list[int] = []
    for start in range(0, len(old), _CHUNK):
        one, other = old.slice(start, _CHUNK), new.slice(start, _CHUNK)
        if one.equals(other):
            continue
        pairs = enumerate(zip(one.to_pylist(), other.to_pylist(), strict=True), start)
        places += [place for place, (a, b) in pairs if changes(a, b)]
    return places


def value_at(values: Any, place: int) -> Any:
    """Return one value as a Python object."""
    import pyarrow as pa

    scalar = values[place]
    try:
        return scalar.as_py()
    except (ValueError, ImportError):  # nanoseconds, without pandas to hold them
        return str(scalar.cast(pa.string()))


def largest_difference(old: Any, new: Any) -> float | None:
    """Return the largest absolute difference of two columns of numbers; None for anything else."""
    import numpy as np
    import pyarrow as pa

    if not all(pa.types.is_integer(side.type) or pa.types.is_floating(side.type) for side in (old, new)):
        return None
    one, other = (np.asarray(side.cast(pa.float64(), safe=False).to_numpy()) for side in (old, new))
    with np.errstate(invalid="ignore"):
        apart = np.abs(other - one)
    return None if not len(apart) or np.isnan(apart).all() else float(np.nanmax(apart))
