"""Random tables of all three libraries, through all four formats."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.formats.roundtrip import trip
from tests.formats.table_cases import same_arrow, same_frame

NAMES = ["x.csv", "x.tsv", "x.parquet", "x.feather"]
SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1))
#: Type, values, and whether NaN and None are told apart.
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint8": (pa.uint8(), st.integers(0, 255)),
    "float64": (pa.float64(), st.floats()),
    "float32": (pa.float32(), st.floats(width=32)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.large_string(), TEXT),
    "bytes": (pa.binary(), st.binary(max_size=6)),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "moment": (pa.timestamp("us"), MOMENTS),
    "zoned": (pa.timestamp("ns", "Europe/Berlin"), MOMENTS),
    "span": (pa.duration("us"), st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5))),
    "decimal": (pa.decimal128(20, 4), st.decimals(-(10**10), 10**10, places=4)),
}


PANDAS_KINDS = ["int", "float", "bool", "Int64", "boolean", "Float64", "str", "object", "string"]
PANDAS_KINDS += ["category", "moment", "zoned", "span", "date", "decimal", "intcat"]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 6))
    columns = {}
    for at in range(draw(st.integers(1, 4))):
        kind, values = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[draw(TEXT) + str(at)] = pa.array(cells, kind)
    return pa.table(columns)


@pytest.mark.parametrize("name", NAMES)
@SOME
@given(table=tables())
def test_random_arrow_tables_come_back(name, table):
    same_arrow(table, trip(name, table).value)


@pytest.mark.parametrize("name", NAMES)
@SOME
@given(table=tables())
def test_random_polars_frames_come_back(name, table):
    frame = pl.DataFrame({name: pl.from_arrow(table[name]) for name in table.column_names})
    back = trip(name, frame).value
    assert back.schema == frame.schema
    assert back.equals(frame, null_equal=True)


@st.composite
def pandas_columns(draw: st.DrawFn, rows: int) -> Any:
    def cells(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    kind = draw(st.sampled_from(PANDAS_KINDS))
    if kind in ("int", "intcat"):
        numbers = np.array(cells(st.integers(-(2**63), 2**63 - 1)), "int64")
        return pd.Categorical(numbers) if kind == "intcat" else numbers
    if kind == "float":
        return np.array(cells(st.floats()), "float64")
    if kind == "bool":
        return np.array(cells(st.booleans()), bool)
    if kind in ("Int64", "boolean", "Float64"):
        values = {"Int64": st.integers(-(2**63), 2**63 - 1), "boolean": st.booleans()}
        return pd.array(cells(st.none() | values.get(kind, st.floats(allow_nan=False))), kind)
    if kind in ("str", "object", "string"):
        missing = {"str": math.nan, "object": None, "string": pd.NA}[kind]
        return pd.Series(cells(st.just(missing) | TEXT), dtype=kind).array
    if kind == "category":
        return pd.Categorical(cells(st.none() | TEXT), ordered=draw(st.booleans()))
    if kind in ("date", "decimal"):
        values = {"date": st.dates(), "decimal": st.decimals(-(10**6), 10**6, places=2).map(Decimal)}[kind]
        return pd.Series(cells(st.none() | values), dtype=object).array
    if kind == "span":
        spans = cells(st.none() | st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5)))
        return pd.array(spans, "timedelta64[us]")
    unit = draw(st.sampled_from(["ms", "us", "ns"]))
    index = pd.DatetimeIndex(cells(st.none() | MOMENTS), dtype=f"datetime64[{unit}]")
    return index if kind == "moment" else index.tz_localize("UTC").tz_convert("America/New_York")


@st.composite
def pandas_frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 6))
    width = draw(st.integers(0, 4))
    frame = pd.DataFrame({at: draw(pandas_columns(rows)) for at in range(width)}, index=range(rows))
    frame.columns = draw(
        st.one_of(
            st.lists(TEXT, min_size=width, max_size=width),
            st.lists(st.integers(-5, 5), min_size=width, max_size=width),
        )
    )
    if draw(st.booleans()):
        names = draw(st.lists(st.none() | TEXT, min_size=1, max_size=2))
        levels = [draw(pandas_columns(rows)) for _ in names]
        frame.index = (
            pd.MultiIndex.from_arrays(levels, names=names)
            if len(names) > 1
            else pd.Index(levels[0], name=names[0])
        )
    return frame


@pytest.mark.parametrize("name", NAMES)
@SOME
@given(frame=pandas_frames())
def test_random_pandas_frames_come_back(name, frame):
    same_frame(frame, trip(name, frame).value)
