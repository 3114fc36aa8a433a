"""Tables come back from JSON with all their types, and are plain records for everybody else."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jsk_saver.errors import CannotRepresent, JskError
from tests.formats import table_cases
from tests.formats.roundtrip import read, trip


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": [1, -2, 2**62],
            "nullable": pd.array([1, None, 3], "Int64"),
            "float": [0.1, np.nan, -0.0],
            "single": np.array([0.1, 0.2, 0.3], "float32"),
            "text": ["007", None, 'quoted "ü"\n'],
            "zoned": pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin", unit="ns"),
            "naive": pd.to_datetime(["2024-01-01", None, "0001-01-01 00:00:00.000001"], format="ISO8601"),
            "span": pd.to_timedelta([1, None, 3], unit="s"),
            "kind": pd.Categorical(["b", None, "a"], categories=["c", "b", "a"], ordered=True),
            "flag": [True, False, True],
            "month": pd.period_range("2024-01", periods=3, freq="M"),
        },
        index=pd.Index([10, 5, 7], name="id"),
    )


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("rows", [3, 0])
def test_pandas_frames_come_back_from_json_with_types_and_index(name: str, rows: int) -> None:
    pd.testing.assert_frame_equal(trip(name, frame().head(rows)).value, frame().head(rows))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_polars_and_arrow_tables_come_back_from_json_as_themselves(name: str) -> None:
    polars = pl.DataFrame(
        {
            "a": [1, None],
            "b": [dt.date(2024, 1, 1), None],
            "c": [[1.5], []],
            "d": pl.Series(["x", "y"], dtype=pl.Categorical),
        }
    )
    back = trip(name, polars).value
    assert back.schema == polars.schema
    assert back.equals(polars)
    arrow = pa.table(
        {
            "decimal": pa.array(["1.20", None]).cast(pa.decimal128(5, 2)),
            "struct": [{"x": 1, "y": ["a"]}, None],
            "bytes": [b"\xff", None],
            "time": pa.array([1, 2], pa.time64("us")),
            "clock": pa.array([1, None], pa.timestamp("ns", "America/New_York")),
        }
    )
    back = trip(name, arrow).value
    assert back.schema == arrow.schema
    assert back.equals(arrow)


def test_a_table_is_plain_records_for_every_other_tool() -> None:
    data = trip("a.json", frame()[["text", "nullable", "zoned"]]).data
    assert json.loads(data)[1] == {
        "id": 5,
        "text": None,
        "nullable": None,
        "zoned": "2024-03-30T23:00:00.000000000Z",
    }
    assert len(trip("a.jsonl", frame()).data.splitlines()) == 3


def test_columns_and_kind_of_a_json_table_can_be_chosen() -> None:
    back = trip("a.jsonl", frame(), columns=["text", "whole"], as_="polars").value
    assert back.columns == ["text", "whole"]
    assert back["text"].to_list() == [*frame()["text"].to_list()[:1], None, 'quoted "ü"\n']


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ([1.0, np.inf], "holds infinity"),
        (pd.array([1.0, None, float("nan")], pd.ArrowDtype(pa.float64())), "both NaN and missing"),
        ([[float("nan")]], "NaN or infinity in its list"),
    ],
)
def test_numbers_that_json_cannot_hold_are_refused_with_the_column(column: Any, why: str) -> None:
    if "both" in why:
        table = pa.table({"ok": [1, 2], "price": pa.array([float("nan"), None])})
    else:
        table = pd.DataFrame({"price": column})
    with pytest.raises(CannotRepresent, match=why) as refused:
        trip("a.json", table)
    assert "'price'" in str(refused.value)
    assert "a.parquet" in str(refused.value)


def test_json_objects_that_were_not_put_as_a_table_can_be_read_as_one() -> None:
    table = read("a.json", b'[{"a": 1, "b": "x"}, {"a": 2}]', as_="pandas")
    assert table["a"].tolist() == [1, 2]
    assert trip("a.jsonl", [{"a": 1}, {"a": 2}], as_="arrow").value.column_names == ["a"]
    with pytest.raises(JskError, match="not a table"):
        trip("a.json", {"a": 1}, as_="pandas")
    with pytest.raises(JskError, match="an int where a row"):
        read("a.jsonl", b"1\n", columns=["a"])


#: Tables that JSON cannot hold, and why.
NOT_JSON = {"floats": "holds infinity", "python_objects": "both NaN and missing"}


@pytest.mark.parametrize("case", table_cases.CASES)
def test_tables_that_other_libraries_change_come_back_from_json_or_are_refused(case: str) -> None:
    table = table_cases.CASES[case]()
    if case in NOT_JSON:
        with pytest.raises(CannotRepresent, match=NOT_JSON[case]):
            trip("a.jsonl", table)
        return
    table_cases.same_frame(table, trip("a.jsonl", table).value)
