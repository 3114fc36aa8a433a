"""Column names of every kind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.formats.table_cases.cases import case


@case
def duplicate_names() -> pd.DataFrame:
    return pd.DataFrame([[1, "x", 2.5], [2, "y", 3.5]], columns=["a", "a", "a.1"])


@case
def odd_names() -> pd.DataFrame:
    names = ["", " ", 'q"u', "new\nline", "a,b", "a\tb", "ü", "__index_level_0__", "a.b", "\r"]
    return pd.DataFrame([range(len(names))], columns=names)


@case
def integer_names() -> pd.DataFrame:
    return pd.DataFrame(np.arange(6).reshape(2, 3))


@case
def integer_names_out_of_order() -> pd.DataFrame:
    return pd.DataFrame([[1, 2, 3]], columns=[2024, 2023, 2020])


@case
def mixed_names() -> pd.DataFrame:
    return pd.DataFrame([[1, 2, 3, 4, 5]], columns=["a", 1, None, 2.5, ("t", 1)])


@case
def dates_as_names() -> pd.DataFrame:
    return pd.DataFrame([[1, 2]], columns=pd.date_range("2024-01-01", periods=2, name="day"))


@case
def categories_as_names() -> pd.DataFrame:
    return pd.DataFrame(
        [[1, 2]], columns=pd.CategoricalIndex(["b", "a"], categories=["a", "b", "c"], name="kind")
    )


@case
def intervals_as_names() -> pd.DataFrame:
    return pd.DataFrame([[1, 2]], columns=pd.interval_range(0, 2))


@case
def deep_names() -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["letter", None])
    return pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=columns, index=pd.Index(["x", "y"], name="key"))


@case
def name_of_the_columns() -> pd.DataFrame:
    return pd.DataFrame({"a": [1]}).rename_axis(columns="things")


@case
def object_names() -> pd.DataFrame:
    return pd.DataFrame([[1, 2]], columns=pd.Index(["a", "b"], dtype=object))
