"""Every kind of row index."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.formats.table_cases.cases import case


@case
def range_index() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3]}, index=pd.RangeIndex(10, 4, -2))


@case
def named_range_index() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3]}, index=pd.RangeIndex(3, name="row"))


@case
def text_index() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))


@case
def unnamed_index() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2]}, index=[5, 3])


@case
def index_named_like_a_column() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 3], name="a"))


@case
def daily_index() -> pd.DataFrame:
    return pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=pd.date_range("2024-01-01", periods=3, name="day"))


@case
def zoned_index_with_frequency() -> pd.DataFrame:
    index = pd.date_range("2024-03-30", periods=4, freq="6h", tz="Europe/Berlin")
    return pd.DataFrame({"a": range(4)}, index=index)


@case
def business_index() -> pd.DataFrame:
    return pd.DataFrame({"a": range(4)}, index=pd.bdate_range("2024-03-29", periods=4))


@case
def duration_index() -> pd.DataFrame:
    return pd.DataFrame({"a": range(3)}, index=pd.timedelta_range("1h", periods=3, freq="15min"))


@case
def period_index() -> pd.DataFrame:
    return pd.DataFrame({"a": range(3)}, index=pd.period_range("2024-01", periods=3, freq="M", name="month"))


@case
def interval_index() -> pd.DataFrame:
    return pd.DataFrame({"a": range(3)}, index=pd.interval_range(0, 3))


@case
def categorical_index() -> pd.DataFrame:
    return pd.DataFrame(
        {"a": range(3)}, index=pd.CategoricalIndex(["x", "y", "x"], categories=["y", "x", "z"])
    )


@case
def multi_index() -> pd.DataFrame:
    arrays = [["a", "a", "b"], [1, 2, 1], pd.to_datetime(["2024-01-01", "2024-01-02", None])]
    return pd.DataFrame(
        {"v": [1.0, 2.0, 3.0]}, index=pd.MultiIndex.from_arrays(arrays, names=["k", None, "when"])
    )


@case
def multi_index_of_categories() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([pd.Categorical(["x", "y"]), [0.5, 1.5]], names=["c", "f"])
    return pd.DataFrame({"v": range(4)}, index=index)


@case
def index_with_duplicates_and_missing() -> pd.DataFrame:
    return pd.DataFrame({"v": range(4)}, index=[1.5, np.nan, 1.5, -0.0])
