"""What it means that a table came back the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa


def same_frame(one: Any, two: Any) -> None:
    """Assert that two pandas objects are the same to the last bit, and in every type."""
    if isinstance(one, pd.Series):
        pd.testing.assert_series_equal(two, one, check_exact=True, check_index_type="exact", check_flags=True)
        same_objects(one, two)
        return
    pd.testing.assert_frame_equal(
        two, one, check_exact=True, check_column_type="exact", check_index_type="exact", check_flags=True
    )
    assert two.columns.equals(one.columns)
    assert list(two.columns.names) == list(one.columns.names)
    assert two.attrs == one.attrs
    for at in range(one.shape[1]):
        same_objects(one.iloc[:, at], two.iloc[:, at])


def same_objects(one: pd.Series, two: pd.Series) -> None:
    if one.dtype.kind == "f":
        known = ~np.isnan(one.to_numpy())  # a NaN has no sign that means anything
        assert np.array_equal(np.signbit(one.to_numpy()[known]), np.signbit(two.to_numpy()[known]))
    if one.dtype != object:
        return
    assert list(map(type, one)) == list(map(type, two))
    assert list(map(repr, one)) == list(map(repr, two))


def same_polars(one: pl.DataFrame, two: pl.DataFrame) -> None:
    """Assert that two Polars frames are the same in every type."""
    assert two.schema == one.schema
    assert two.equals(one, null_equal=True)


def same_arrow(one: pa.Table, two: pa.Table) -> None:
    """Assert that two Arrow tables are the same, metadata of their schemas included."""
    assert str(two.schema) == str(one.schema)
    assert two.schema.equals(one.schema, check_metadata=True)
    two.validate(full=True)
    for at in range(one.num_columns):
        assert repr(two.column(at).to_pylist()) == repr(one.column(at).to_pylist())
    assert two.num_rows == one.num_rows
