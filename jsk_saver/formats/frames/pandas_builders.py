"""Arrow slices to the arrays of a pandas column, without ever holding the column twice.

A builder knows the number of rows beforehand, so that each slice is copied straight to its place and can
be let go of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from jsk_saver.formats.frames.arrow_types import plain_string, type_from_text, values_from_json
from jsk_saver.formats.frames.dictionaries import Codes
from jsk_saver.formats.frames.objects import missing_value, to_objects
from jsk_saver.formats.frames.pandas_dtypes import MASKED, string_dtype

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


class Builder(Protocol):
    """Takes the slices of one column in order, and gives the column."""

    def add(self, chunk: pa.Array) -> None:
        """Take in the next slice."""

    def finish(self) -> Any:
        """Return the array that pandas keeps."""


def builder(kind: pa.DataType, note: Any, rows: int, dictionary: pa.Array | None = None) -> Builder:
    """Return the builder of a column of this Arrow type and note."""
    import pyarrow as pa

    if isinstance(note, dict):
        return CategoryBuilder(kind, note, dictionary)
    if note == "arrow":
        return ArrowBuilder(kind, dictionary)
    if note in MASKED:
        return MaskedBuilder(kind, rows)
    if note == "nullable":
        return MaskedBuilder(kind, rows, only_if_needed=True)
    what, _, missing = (note or "").partition(":")
    if what in ("object", "arrays"):
        return ObjectBuilder(rows, missing or "None", arrays=what == "arrays")
    if plain_string(kind):
        dtype = string_dtype(note)
        return (
            ObjectBuilder(rows, "nan")
            if dtype.kind == "O" and dtype.name == "object"
            else ChunksBuilder(dtype, kind)
        )
    if isinstance(kind, pa.BaseExtensionType):
        return ChunksBuilder(None, kind)
    return NumpyBuilder(kind, rows)


class NumpyBuilder:
    """Numbers, booleans, times and durations in a NumPy array."""

    def __init__(self, kind: pa.DataType, rows: int, out: np.ndarray | None = None) -> None:
        import numpy as np

        self._kind = kind
        self._out = np.empty(rows, numpy_dtype(kind)) if out is None else out
        self._at = 0

    def add(self, chunk: pa.Array) -> None:
        """Copy the slice to its place."""
        stop = self._at + len(chunk)
        self._out[self._at : stop] = chunk.to_numpy(zero_copy_only=False)
        self._at = stop

    def finish(self) -> Any:
        """Return the array, in its time zone if it has one."""
        _check_rows(self._at, len(self._out))
        if not getattr(self._kind, "tz", None):
            return self._out
        import pandas as pd

        dtype = pd.DatetimeTZDtype(self._kind.unit, self._kind.tz)
        return pd.DatetimeIndex(self._out, copy=False).tz_localize("UTC").tz_convert(dtype.tz).array


class MaskedBuilder:
    """Nullable numbers and booleans: the values and a mask."""

    def __init__(self, kind: pa.DataType, rows: int, *, only_if_needed: bool = False) -> None:
        import numpy as np

        self._values = np.zeros(rows, numpy_dtype(kind))
        self._mask: Any = np.zeros(rows, bool)
        self._only_if_needed = only_if_needed
        self._at = 0

    def add(self, chunk: pa.Array) -> None:
        """Copy values and mask to their place."""
        stop = self._at + len(chunk)
        if chunk.null_count:
            self._mask[self._at : stop] = chunk.is_null().to_numpy(zero_copy_only=False)
            chunk = chunk.fill_null(False if self._values.dtype == bool else 0)
        self._values[self._at : stop] = chunk.to_numpy(zero_copy_only=False)
        self._at = stop

    def finish(self) -> Any:
        """Return the masked array (a plain one where that was enough)."""
        import pandas as pd

        _check_rows(self._at, len(self._values))
        if self._only_if_needed and not self._mask.any():
            return self._values
        arrays = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}
        return arrays.get(self._values.dtype.kind, pd.arrays.IntegerArray)(self._values, self._mask)


class ObjectBuilder:
    """Python objects."""

    def __init__(self, rows: int, missing: str, *, arrays: bool = False) -> None:
        import numpy as np

        self._out: Any = np.empty(rows, object)
        self._missing, self._arrays = missing, arrays
        self._at = 0

    def add(self, chunk: pa.Array) -> None:
        """Turn the slice into objects, with the right mark where one is missing."""
        stop = self._at + len(chunk)
        part = self._out[self._at : stop]
        for at, value in enumerate(to_objects(chunk, arrays=self._arrays)):
            part[at] = value
        if self._missing != "None" and chunk.null_count:
            part[chunk.is_null().to_numpy(zero_copy_only=False)] = missing_value(self._missing)
        self._at = stop

    def finish(self) -> Any:
        """Return the array of objects."""
        _check_rows(self._at, len(self._out))
        return self._out


class ChunksBuilder:
    """Columns that pandas itself keeps as Arrow: text, periods, intervals and Arrow's own types."""

    def __init__(self, dtype: Any, kind: pa.DataType) -> None:
        self._dtype, self._kind = dtype, kind
        self._chunks: list[pa.Array] = []

    def add(self, chunk: pa.Array) -> None:
        """Keep the slice."""
        # pandas cannot join empty intervals of zoned times.
        if len(chunk):
            self._chunks.append(chunk if chunk.type == self._kind else chunk.cast(self._kind))

    def finish(self) -> Any:
        """Return pandas' array over the slices."""
        import pyarrow as pa

        chunks = pa.chunked_array(self._chunks, self._kind)
        self._chunks = []
        return chunks.to_pandas().array if self._dtype is None else self._dtype.__from_arrow__(chunks)


class ArrowBuilder(ChunksBuilder):
    """Columns of an ``ArrowDtype``."""

    def __init__(self, kind: pa.DataType, dictionary: pa.Array | None) -> None:
        import pandas as pd
        import pyarrow as pa

        super().__init__(pd.ArrowDtype(kind), kind)
        self._codes = Codes(kind.value_type, dictionary) if pa.types.is_dictionary(kind) else None

    def add(self, chunk: pa.Array) -> None:
        """Keep the slice, or its codes."""
        if self._codes is None:
            super().add(chunk)
        else:
            self._codes.add(chunk)

    def finish(self) -> Any:
        """Return pandas' array over the slices."""
        if self._codes is not None:
            self._chunks = dictionary_arrays(self._codes, self._kind)
        return super().finish()


class CategoryBuilder:
    """Categoricals: the codes of each slice, and the categories."""

    def __init__(self, kind: pa.DataType, note: dict[str, Any], dictionary: pa.Array | None) -> None:
        self._note, self._ordered = note, kind.ordered
        self._codes = Codes(kind.value_type, dictionary)

    def add(self, chunk: pa.Array) -> None:
        """Keep the codes of the slice."""
        self._codes.add(chunk)

    def finish(self) -> pd.Categorical:
        """Return the categorical."""
        import numpy as np
        import pandas as pd

        codes, dictionary = self._codes.finish()
        if "values" in self._note:
            dictionary = values_from_json(self._note["values"], type_from_text(self._note["type"]))
        inner = builder(dictionary.type, self._note["category"], len(dictionary))
        inner.add(dictionary)
        categories = index_of(inner.finish())
        dtype = pd.CategoricalDtype(categories, ordered=self._ordered)
        return pd.Categorical.from_codes(np.concatenate([np.empty(0, np.int32), *codes]), dtype=dtype)


def dictionary_arrays(codes: Codes, kind: pa.DataType) -> list[pa.Array]:
    """Return the collected slices as dictionary arrays of this type."""
    import pyarrow as pa

    parts, dictionary = codes.finish()
    arrays = []
    for part in parts:
        indices = pa.array(part, mask=part < 0).cast(kind.index_type)
        arrays.append(pa.DictionaryArray.from_arrays(indices, dictionary, ordered=kind.ordered))
    return arrays


def index_of(array: Any, name: Any = None) -> pd.Index:
    """Return an index over ``array`` that keeps its dtype."""
    import pandas as pd

    return pd.Index(array, dtype=array.dtype, name=name, tupleize_cols=False)


def numpy_dtype(kind: pa.DataType) -> np.dtype:
    """Return the NumPy dtype of an Arrow type of numbers, booleans, times or durations."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return np.dtype(f"M8[{kind.unit}]")
    if pa.types.is_duration(kind):
        return np.dtype(f"m8[{kind.unit}]")
    dtype: np.dtype = np.dtype(kind.to_pandas_dtype())
    return dtype


def _check_rows(found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(f"{found:,} rows were found where {expected:,} were saved")
