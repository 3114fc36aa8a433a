"""Tables that no format keeps."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

#: What every format refuses: a frame, the column, and the value that the message must name.
UNTOLD: dict[str, tuple[Callable[[], pd.DataFrame], str, str]] = {
    "complex": (lambda: pd.DataFrame({"z": [1 + 2j]}), "'z'", "1+2j"),
    "mixed objects": (lambda: pd.DataFrame({"m": ["a", 1]}, dtype=object), "'m'", "1"),
    "two kinds of missing": (
        lambda: pd.DataFrame({"m": pd.Series(["a", None, float("nan")], dtype=object)}),
        "'m'",
        "nan",
    ),
    "sets": (lambda: pd.DataFrame({"s": [{1}]}), "'s'", "{1}"),
    "uuids": (lambda: pd.DataFrame({"u": [uuid.UUID(int=1)]}), "'u'", "UUID"),
    "huge integers": (lambda: pd.DataFrame({"h": pd.Series([1, 2**70], dtype=object)}), "'h'", str(2**70)),
    "NumPy scalars": (lambda: pd.DataFrame({"n": pd.Series([np.int64(1)], dtype=object)}), "'n'", "int64"),
    "zoned objects": (
        lambda: pd.DataFrame({"t": pd.Series([dt.time(1, tzinfo=dt.UTC)], dtype=object)}),
        "'t'",
        "datetime.time(1, 0",
    ),
    "not a number decimals": (lambda: pd.DataFrame({"d": [Decimal("NaN")]}), "'d'", "NaN"),
    "surrogates": (lambda: pd.DataFrame({"s": pd.Series(["ok", "\ud800"], dtype=object)}), "'s'", "\\ud800"),
    "sparse": (lambda: pd.DataFrame({"s": pd.arrays.SparseArray([0, 1])}), "'s'", "0"),
    "attributes": (lambda: _with_attrs({"when": dt.date(2024, 1, 1)}), "attrs", "datetime.date"),
    "nested names": (lambda: pd.DataFrame([[1]], columns=[dt.time(1)]), "columns", "datetime.time"),
}


def _with_attrs(attrs: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame
