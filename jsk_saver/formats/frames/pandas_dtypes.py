"""Names of the pandas dtypes whose name in the state is not simply that of an Arrow type."""

from __future__ import annotations

from typing import Any

#: Nullable numbers and booleans, which keep their missing values apart.
MASKED = (
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    "Float32",
    "Float64",
    "boolean",
)


def string_note(dtype: Any) -> str | None:
    """Return what the state says about a string dtype: nothing about pandas 3's usual one.

    The name is ``str`` where NaN marks what is missing and ``string`` where NA does, followed by the
    storage if it is not the usual one.
    """
    import pandas as pd

    name = "string" if dtype.na_value is pd.NA else "str"
    if dtype == string_dtype(name):
        return None if name == "str" else name
    return f"{name}[{dtype.storage}]"


def string_dtype(note: str | None) -> Any:
    """Return the dtype that :func:`string_note` described; pandas 2 has no ``str``, and gives objects."""
    import numpy as np
    import pandas as pd

    name, _, storage = (note or "str").rstrip("]").partition("[")
    if name == "string":
        return pd.StringDtype(storage or None)
    try:
        return pd.StringDtype(storage or None, na_value=np.nan)
    except TypeError:
        return np.dtype(object)


def usual_text_dtype() -> Any:
    """Return the dtype that pandas gives an index of text: ``str``, or ``object`` before pandas 3."""
    import pandas as pd

    return pd.Index(["a"]).dtype
