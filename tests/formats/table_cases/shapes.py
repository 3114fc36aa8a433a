"""Tables that lack rows or columns, or have many, and what hangs on the whole table."""

from __future__ import annotations

import pandas as pd

from tests.formats.table_cases.cases import case
from tests.formats.table_cases.indexes import multi_index
from tests.formats.table_cases.values import categories, integers, periods, strings


@case
def no_rows() -> pd.DataFrame:
    everything = [integers(), strings(), periods(), categories()]
    return pd.concat([frame.head(0).reset_index(drop=True) for frame in everything], axis=1)


@case
def no_rows_with_index() -> pd.DataFrame:
    return multi_index().head(0)


@case
def no_columns() -> pd.DataFrame:
    return pd.DataFrame(index=pd.RangeIndex(3))


@case
def no_columns_but_an_index() -> pd.DataFrame:
    return pd.DataFrame(index=pd.Index(["x", "y"], name="key"))


@case
def nothing_at_all() -> pd.DataFrame:
    return pd.DataFrame()


@case
def one_missing_value() -> pd.DataFrame:
    return pd.DataFrame({"a": [None]})


@case
def wide() -> pd.DataFrame:
    return pd.DataFrame({f"c{number}": [number, 0.5 * number] for number in range(150)} | {"t": ["x", "y"]})


@case
def attributes_and_flags() -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"source": "sensor ü", "levels": [1, 2.5, None], "nested": {"k": True}}
    return frame
