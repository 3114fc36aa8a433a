"""Any table file gives the wanted columns, as a table of the wanted library."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jsk_saver.errors import QueryError
from tests.formats.roundtrip import trip
from tests.formats.table_cases import BINARY, CASES, TEXT, same_frame


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"]), "d": [0.5, np.nan]},
        index=pd.Index([10, 20], name="key"),
    )


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_only_the_wanted_columns_come_back_in_the_wanted_order(name, frame):
    same_frame(frame[["c", "a"]], trip(name, frame, columns=["c", "a"]).value)


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_a_missing_column_is_named_with_those_that_are_close(name):
    with pytest.raises(QueryError, match="no column 'chanel'") as caught:
        trip(name, pd.DataFrame({"channel": [1]}), columns=["chanel"])
    assert "'channel'" in caught.value.hint


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_deep_and_numeric_labels_are_found_by_their_text(name):
    deep = CASES["deep_names"]()
    same_frame(deep[["a"]], trip(name, deep, columns=["a"]).value)
    numbers = CASES["integer_names_out_of_order"]()
    same_frame(numbers[[2020]], trip(name, numbers, columns=["2020"]).value)


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_a_pandas_frame_is_read_as_polars_and_as_arrow(name, frame):
    expected = pl.DataFrame({"key": [10, 20], "a": [1, 2], "b": ["x", None], "d": [0.5, None]})
    read = trip(name, frame, as_="polars").value
    assert read["c"].dtype == pl.Categorical
    assert read.drop("c").equals(expected)
    table = trip(name, frame, as_="arrow").value
    assert table.column_names == ["key", "a", "b", "c", "d"]
    assert table.to_pylist()[1] == {"key": 20, "a": 2, "b": None, "c": "v", "d": None}


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_integers_with_gaps_stay_integers_when_polars_is_read_as_pandas(name):
    read = trip(name, pl.DataFrame({"n": [1, None], "b": [True, None], "s": ["a", None]}), as_="pandas").value
    assert read["n"].dtype == "Int64"
    assert read["b"].dtype == "boolean"
    assert read["n"].tolist() == [1, pd.NA]


def test_polars_categories_are_read_as_pandas_categories():
    frame = pl.DataFrame({"e": pl.Series(["low", None], dtype=pl.Enum(["low", "high"]))})
    read = trip("x.parquet", frame, as_="pandas").value
    assert read["e"].cat.categories.tolist() == ["low", "high"]
    assert read["e"].cat.ordered


def test_periods_are_read_by_others_as_times():
    read = trip(
        "x.parquet", pd.DataFrame({"p": pd.period_range("2024-01", periods=2, freq="M")}), as_="polars"
    ).value
    assert [when.isoformat() for when in read["p"].to_list()] == [
        "2024-01-01T00:00:00",
        "2024-02-01T00:00:00",
    ]


def test_what_was_read_can_be_changed_in_place(frame):
    numbers = frame[["d"]].assign(e=1.5)
    for name in TEXT + BINARY:
        for one in (frame, numbers):
            read = trip(name, one).value
            read.loc[10, "d"] = 7.0
            assert read["d"].tolist()[0] == 7.0


def test_the_state_of_an_ordinary_frame_is_small():
    import json

    frame = pd.DataFrame({f"column {at}": [at, at] for at in range(4)})
    frame["when"] = pd.date_range("2024-01-01", periods=2, tz="UTC")
    frame["kind"] = pd.Categorical(["a", "b"])
    frame["maybe"] = pd.array([1, None], "Int64")
    frame["title"] = ["x", "y"]
    for name, limit in (("x.csv", 400), ("x.parquet", 2), ("x.feather", 2)):
        assert len(json.dumps(trip(name, frame).encoded.state, separators=(",", ":"))) <= limit


def test_facts_count_rows_and_columns_without_the_index(frame):
    assert trip("x.csv", frame).encoded.facts == {"rows": 2, "columns": 4}


@pytest.mark.parametrize("missing", ["pandas", "polars"])
def test_the_users_of_one_library_need_not_have_the_other(missing):
    import subprocess
    import sys

    put = {"pandas": "import polars as lib", "polars": "import pandas as lib"}[missing]
    script = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "{missing}":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
{put}
from tests.formats.roundtrip import trip
for name in ("x.csv", "x.parquet", "x.feather"):
    frame = lib.DataFrame({{"a": [1, 2], "b": ["x", ""]}})
    assert trip(name, frame).value.equals(frame)
    assert trip(name, frame, as_="arrow").value.column_names == ["a", "b"]
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
