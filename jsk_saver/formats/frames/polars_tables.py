"""Polars frames and series as Arrow slices, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.arrow_types import plain_string
from jsk_saver.formats.frames.assembling import Wanted, as_kind, plain_kind
from jsk_saver.formats.frames.refusal import refusal
from jsk_saver.formats.frames.view import ArrowView
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


def polars_view(obj: pl.DataFrame | pl.Series, name: str) -> ArrowView:
    """Return a Polars frame or series as Arrow; categories travel as text.

    Raises
    ------
    CannotRepresent
        If Arrow has no type for a column.
    """
    import polars as pl
    import pyarrow as pa

    is_series = isinstance(obj, pl.Series)
    series: list[pl.Series] = [obj] if is_series else obj.get_columns()
    notes: dict[str, Any] = {}
    fields = []
    for at, column in enumerate(series):
        kind, note = _type(column, name)
        fields.append(pa.field(column.name, kind))
        if note is not None:
            notes[str(at)] = note
    schema = pa.schema(fields)

    state: JSON = {"rows": len(obj)}
    if notes:
        state["notes"] = notes
    return ArrowView(
        type="polars.Series" if is_series else "polars.DataFrame",
        rows=len(obj),
        schema=schema,
        columns=[_part(column, kind) for column, kind in zip(series, schema.types, strict=True)],
        state=state,
        headers=[schema.names],
        head=obj.head,
    )


def _part(column: pl.Series, kind: pa.DataType) -> Callable[[int, int], pa.Array]:
    return lambda start, stop: _arrow(column.slice(start, stop - start), kind)


def _type(column: pl.Series, name: str) -> tuple[pa.DataType, Any]:
    """Return the Arrow type of a column, and what it does not say about the Polars dtype."""
    import polars as pl
    import pyarrow as pa

    dtype = column.dtype
    note = _note(dtype)
    if note is not None:
        return pa.large_string(), note
    where = f"column {column.name!r}"
    example = {"value": column[0]} if len(column) else {}
    refused = refusal(name, where, f"has the dtype {dtype}", instead="pkl", **example)
    try:
        kind = _view_free(column.clear().alias("").to_arrow().type)
        back = pl.from_arrow(pa.array([], kind)).dtype
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError):
        raise refused from None
    if back != dtype:
        raise refused
    return kind, None


def _note(dtype: Any) -> Any:
    import polars as pl

    if isinstance(dtype, pl.Enum):
        return {"enum": dtype.categories.to_list()}
    if not isinstance(dtype, pl.Categorical):
        return None
    if dtype == pl.Categorical():
        return "categorical"
    categories = dtype.categories
    return {"categories": [categories.name(), categories.namespace()]}


def _dtype(note: Any) -> Any:
    import polars as pl

    if note == "categorical":
        return pl.Categorical()
    if "enum" in note:
        return pl.Enum(note["enum"])
    name, namespace = note["categories"]
    return pl.Categorical(pl.Categories(name, namespace=namespace))


def _view_free(kind: pa.DataType) -> pa.DataType:
    """Return the type with plain text and bytes instead of views, which older readers do not know."""
    import pyarrow as pa

    return {"string_view": pa.large_string(), "binary_view": pa.large_binary()}.get(str(kind), kind)


def _arrow(column: pl.Series, kind: pa.DataType) -> pa.Array:
    import polars as pl
    import pyarrow as pa

    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    # Without its name, on which Polars would stumble if it held a NUL.
    array = column.alias("").to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if array.type == kind else array.cast(kind)


class PolarsAssembler:
    """Builds a Polars frame (or series) from slices, each of which it lets go of at once.

    Parameters
    ----------
    wanted
        The columns, with notes only if they were put as Polars.
    series
        Whether to return the only column as a series.
    """

    def __init__(self, wanted: list[Wanted], *, series: bool = False) -> None:
        self._wanted, self._series = wanted, series
        self._parts: list[list[pl.Series]] = [[] for _ in wanted]

    def add_to(self, at: int, column: pa.Array) -> None:
        """Take in the next slice of the column at this place."""
        self._parts[at].append(_series(column, self._wanted[at]))

    def finish(self) -> Any:
        """Return the frame or series."""
        import polars as pl
        import pyarrow as pa

        columns = []
        for parts, wanted in zip(self._parts, self._wanted, strict=True):
            kind = wanted.kind if wanted.note is not None else plain_kind(wanted.kind)
            whole = pl.concat(parts, rechunk=False) if parts else _series(pa.array([], kind), wanted)
            columns.append(whole.alias(wanted.name))
            parts.clear()
        return columns[0] if self._series else pl.DataFrame(columns)


def _series(column: pa.Array, wanted: Wanted) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    kind = wanted.kind
    if pa.types.is_dictionary(kind):
        # Slices have categories of their own; Polars unites them as text.
        kind = kind.value_type
    series: Any = pl.from_arrow(as_kind(column, plain_kind(kind)))
    if wanted.note is not None:
        return series.cast(_dtype(wanted.note))
    if pa.types.is_dictionary(wanted.kind) and plain_string(kind):
        return series.cast(pl.Categorical)
    return series
