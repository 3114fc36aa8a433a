"""Whether two tables are the same in everything that should come back: values, types, labels, index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsk_saver.formats.base import is_a
from jsk_saver.formats.frames.objects import same_object

if TYPE_CHECKING:
    import pandas as pd


def difference(one: Any, two: Any) -> str:
    """Return the first place where two tables of the same library differ; empty if they do not.

    Examples
    --------
    >>> import pandas as pd
    >>> difference(pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]}))
    "column 'a' (int64)"
    """
    if type(one) is not type(two):
        return f"the type of the object ({type(one).__name__})"
    if is_a(one, "pyarrow.Table", "pyarrow.RecordBatch"):
        return _arrow(one, two)
    if is_a(one, "polars.DataFrame", "polars.Series"):
        return _polars(one, two)
    return _pandas(one, two)


def _arrow(one: Any, two: Any) -> str:
    if str(one.schema) != str(two.schema) or not one.schema.equals(two.schema, check_metadata=True):
        for field, other in zip(one.schema, two.schema, strict=False):
            if str(field) != str(other) or not field.equals(other, check_metadata=True):
                return f"column {field.name!r} ({field.type})"
        return "the schema"
    for at, name in enumerate(one.schema.names):
        a, b = one.column(at), two.column(at)
        # NaN is unlike itself in Arrow's eyes, and like itself in ours.
        if not a.equals(b) and not same_object(a.to_pylist(), b.to_pylist()):
            return f"column {name!r} ({a.type})"
    return "" if one.num_rows == two.num_rows else "the number of rows"


def _polars(one: Any, two: Any) -> str:
    if is_a(one, "polars.Series"):
        one, two = one.to_frame(), two.to_frame()
    if one.columns != two.columns:
        return "the names of the columns"
    for name in one.columns:
        if one[name].dtype != two[name].dtype or not one[name].equals(two[name], null_equal=True):
            return f"column {name!r} ({one[name].dtype})"
    return "" if one.shape == two.shape else "the number of rows"


def _pandas(one: Any, two: Any) -> str:
    if is_a(one, "pandas.Series"):
        if not same_object(one.name, two.name):
            return "the name of the series"
        place = _attributes(one, two) or _index(one.index, two.index, "the index")
        return place or ("" if _same_column(one, two) else f"the series ({one.dtype})")
    place = _attributes(one, two) or _index(one.columns, two.columns, "the index of the columns")
    if place:
        return place
    for at, label in enumerate(one.columns):
        if not _same_column(one.iloc[:, at], two.iloc[:, at]):
            return f"column {label!r} ({one.dtypes.iloc[at]})"
    return _index(one.index, two.index, "the index")


def _attributes(one: Any, two: Any) -> str:
    if one.shape != two.shape:
        return "the number of rows"
    return "" if one.attrs == two.attrs and one.flags == two.flags else "attrs"


def _same_column(one: pd.Series, two: pd.Series) -> bool:
    if one.dtype != two.dtype:
        return False
    if one.dtype == object:
        return all(map(_same_or_missing, one, two))
    return bool(one.array.equals(two.array) if hasattr(one.array, "equals") else one.equals(two))


def _same_or_missing(one: Any, two: Any) -> bool:
    if type(one) is type(two) and type(one).__name__ in ("NAType", "NaTType"):
        return True
    return same_object(one, two)


def _index(one: pd.Index, two: pd.Index, where: str) -> str:
    if type(one) is not type(two) or list(one.names) != list(two.names) or one.nlevels != two.nlevels:
        return where
    for level in range(one.nlevels):
        a, b = one.get_level_values(level), two.get_level_values(level)
        if not _same_column(a.to_series(), b.to_series()) or getattr(a, "freq", None) != getattr(
            b, "freq", None
        ):
            return f"{where} ({a.dtype})"
    return ""
