"""Columns of Python objects: which Arrow type gives every one of them back, type and all.

Such a column is kept only if its values are all of one type, beside one kind of missing value. Looking at
the types takes a pass over the column; types whose Arrow values may differ from what went in (decimals,
lists, dictionaries, arrays) are compared value by value as well.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.refusal import refusal, shown

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

#: What marks a missing value in a column of objects, by its name in the state.
MISSING = {"NoneType": "None", "float": "nan", "NAType": "NA", "NaTType": "NaT"}
_HINTS = {
    "mixed": "df[{0}] = df[{0}].astype(str)",
    "missing": "df[{0}] = df[{0}].where(df[{0}].notna(), None)",
    "scalars": "df[{0}] = df[{0}].infer_objects()",
}


def missing_value(name: str) -> Any:
    """Return the value that stands for a missing one, by its name in :data:`MISSING`."""
    if name == "None":
        return None
    if name == "nan":
        return math.nan
    import pandas as pd

    return pd.NA if name == "NA" else pd.NaT


class Objects:
    """A column of objects of one type, ready to be converted slice by slice.

    Parameters
    ----------
    values
        One-dimensional, of dtype ``object``.
    where, name, label
        The place, the file name and the column's label, for messages.

    Raises
    ------
    CannotRepresent
        If its values are of several types, or of one that Arrow would change.
    """

    def __init__(self, values: np.ndarray, where: str, name: str, label: Any) -> None:
        self._values, self._where, self._name, self._label = values, where, name, label
        self._whole: pa.Array | None = None
        kinds, self.missing = self._kinds()
        self.kind = self._only(kinds)
        #: Whether the values are NumPy arrays.
        self.arrays = self.kind.__name__ == "ndarray"
        self.type = self._arrow_type()

    def part(self, start: int, stop: int) -> pa.Array:
        """Return the values from ``start`` to ``stop`` as Arrow."""
        import pyarrow as pa

        if self._whole is not None:
            return self._whole.slice(start, stop - start)
        values = self._values[start:stop]
        if self.kind is not float:
            return pa.array(values, self.type, from_pandas=True)
        import numpy as np

        # Here NaN is a value, and only None, NA or NaT stand for a missing one.
        missing = np.fromiter((type(value) is not float for value in values), dtype=bool, count=len(values))
        return pa.array(values, self.type, from_pandas=False, mask=missing)

    def note(self) -> str:
        """Return what the state must say about it."""
        kind = "arrays" if self.arrays else "object"
        return kind if self.missing == "None" else f"{kind}:{self.missing}"

    # Which types ------------------------------------------------------------------------------------

    def _kinds(self) -> tuple[set[type], str]:
        """Return the types of the values that are not missing, and the name of what marks the others."""
        kinds = set(map(type, self._values))
        missing = {kind for kind in kinds if kind.__name__ in MISSING and kind is not float}
        rest = kinds - missing
        if float in rest and len(rest) > 1 and all(math.isnan(v) for v in self._values if type(v) is float):
            rest.discard(float)
            missing.add(float)
        elif rest == {float} and not missing and all(map(math.isnan, self._values)):
            return set(), "nan"
        if len(missing) > 1:
            marks = " and ".join(sorted(MISSING[kind.__name__] for kind in missing))
            raise self._refused(f"marks missing values with {marks}", hint="missing")
        return rest, MISSING[missing.pop().__name__] if missing else "None"

    def _only(self, kinds: set[type]) -> type:
        if not kinds:
            return type(None)
        if len(kinds) > 1:
            names = " and ".join(sorted(kind.__name__ for kind in kinds))
            first = type(next(v for v in self._values if type(v) in kinds))
            other = next(v for v in self._values if type(v) in kinds and type(v) is not first)
            raise self._refused(f"mixes {names}", other, hint="mixed")
        return kinds.pop()

    def _arrow_type(self) -> pa.DataType:
        import pyarrow as pa

        simple: dict[type, Callable[[], pa.DataType]] = {
            type(None): pa.null,
            str: pa.large_string,
            bytes: pa.large_binary,
            bool: pa.bool_,
            int: pa.int64,
            float: pa.float64,
            dt.date: pa.date32,
            dt.time: lambda: pa.time64("us"),
            dt.datetime: lambda: pa.timestamp("us"),
            dt.timedelta: lambda: pa.duration("us"),
        }
        if self.kind in simple:
            if self.kind in (dt.time, dt.datetime):
                self._refuse_zones()
            return simple[self.kind]()
        if self.kind in (Decimal, list, dict) or self.arrays:
            self._whole = self._converted()
            return self._whole.type
        hint = "scalars" if self.kind.__module__ == "numpy" or self.kind.__name__ == "Timestamp" else "mixed"
        raise self._refused(f"holds values of the type {self.kind.__name__}", self._first(), hint=hint)

    def _refuse_zones(self) -> None:
        for value in self._values:
            if isinstance(value, dt.time | dt.datetime) and (value.tzinfo is not None or value.fold):
                raise self._refused("holds times with a time zone as Python objects", value)

    # Whole columns ----------------------------------------------------------------------------------

    def _converted(self) -> pa.Array:
        import pyarrow as pa

        try:
            array = pa.array(self._values, from_pandas=self.kind is Decimal)
            if isinstance(array, pa.ChunkedArray):
                array = array.combine_chunks()
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise self._refused(
                f"holds {self.kind.__name__} values of several shapes", self._first()
            ) from None
        for value, back in zip(self._values, to_objects(array, arrays=self.arrays), strict=True):
            if type(value) is self.kind and not same_object(value, back):
                raise self._refused(f"holds a {self.kind.__name__} that would become {shown(back)}", value)
        return array

    def _first(self) -> Any:
        return next(value for value in self._values if type(value) is self.kind)

    def _refused(self, why: str, *value: Any, hint: str = "") -> Exception:
        or_else = _HINTS[hint].format(repr(self._label)) if hint else ""
        example = {"value": value[0]} if value else {}
        return refusal(self._name, self._where, why, instead="pkl", or_else=or_else, **example)


# Back ------------------------------------------------------------------------------------------------


def to_objects(array: pa.Array, *, arrays: bool = False) -> Iterable[Any]:
    """Return Arrow values as the Python objects they were, None where they are missing."""
    import pyarrow as pa

    if arrays:
        import numpy as np

        return [None if value is None else np.array(value) for value in array.to_numpy(zero_copy_only=False)]
    if pa.types.is_large_string(array.type):
        return array.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def same_object(one: Any, two: Any) -> bool:
    """Tell whether two Python objects are equal in type and value, all the way down."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return list(one) == list(two) and all(same_object(value, two[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same_object, one, two))
    if type(one).__name__ == "ndarray":
        return bool(one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes())
    if isinstance(one, float):
        return repr(one) == repr(two)
    if isinstance(one, Decimal):
        return bool(one == two and one.is_signed() == two.is_signed())
    return bool(one == two)
