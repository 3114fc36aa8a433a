"""What holds for every table format: what is put comes back, or is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jsk_saver.errors import CannotRepresent, QueryError
from tests.formats.roundtrip import trip
from tests.formats.table_cases import CASES, UNTOLD, same_frame

TEXT = ["x.csv", "x.tsv"]
BINARY = ["x.parquet", "x.feather"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", TEXT + BINARY)
def test_a_pandas_frame_comes_back_the_same(name, case):
    frame = CASES[case]()
    same_frame(frame, trip(name, frame).value)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_every_column_comes_back_as_a_series(name, case):
    frame = CASES[case]()
    for at in range(min(frame.shape[1], 3)):
        same_frame(frame.iloc[:, at], trip(name, frame.iloc[:, at]).value)


@pytest.mark.parametrize("what", UNTOLD)
@pytest.mark.parametrize("name", TEXT + BINARY)
def test_what_no_table_format_keeps_is_refused_with_column_value_and_remedy(name, what):
    make, column, value = UNTOLD[what]
    with pytest.raises(CannotRepresent) as caught:
        trip(name, make())
    assert column in str(caught.value)
    assert value in str(caught.value)
    assert ".pkl" in caught.value.hint


@pytest.mark.parametrize("name", TEXT + BINARY)
@pytest.mark.parametrize(
    "case", ["integers", "strings", "zoned_times", "intervals", "categories", "multi_index"]
)
def test_a_frame_without_rows_comes_back_with_its_types(name, case):
    frame = CASES[case]().iloc[:0]
    same_frame(frame, trip(name, frame).value)


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_a_long_frame_comes_back_the_same_beyond_the_first_slice(name):
    rows = 60_000
    numbers = np.arange(rows)
    frame = pd.DataFrame(
        {
            "id": numbers,
            "share": np.where(numbers % 7 == 0, np.nan, numbers / 7),
            "title": [f'row "{number}"\nü' for number in numbers],
            "late": pd.Series([None] * (rows - 1) + ["only here"], dtype=object),
            "kind": pd.Categorical((numbers % 3).astype(str), categories=["2", "1", "0", "never"]),
            "when": pd.Timestamp("2024-01-01", tz="Europe/Berlin") + pd.to_timedelta(numbers, unit="min"),
        },
        index=pd.Index(numbers[::-1], name="back"),
    )
    same_frame(frame, trip(name, frame, on_disk=True).value)


def polars_frame() -> pl.DataFrame:
    import datetime as dt
    from decimal import Decimal

    return pl.DataFrame(
        {
            "integers": pl.Series([1, None, -(2**63)], dtype=pl.Int64),
            "bytes8": pl.Series([255, None, 0], dtype=pl.UInt8),
            "floats": pl.Series([0.1, None, float("nan")]),
            "singles": pl.Series([0.1, float("inf"), -0.0], dtype=pl.Float32),
            "text": pl.Series(["", None, 'a"b\n,ü']),
            "flags": pl.Series([True, None, False]),
            "dates": pl.Series([dt.date(2024, 2, 29), None, dt.date(1, 1, 1)]),
            "times": pl.Series([dt.time(1, 2, 3, 4), None, dt.time(0)]),
            "moments": pl.Series(
                [dt.datetime(2024, 1, 1), None, dt.datetime(1960, 1, 1)], dtype=pl.Datetime("ns")
            ),
            "zoned": pl.Series([dt.datetime(2024, 7, 1)] * 3, dtype=pl.Datetime("us")).dt.replace_time_zone(
                "Asia/Tokyo"
            ),
            "spans": pl.Series(
                [dt.timedelta(seconds=-1), None, dt.timedelta(days=9)], dtype=pl.Duration("ms")
            ),
            "decimals": pl.Series([Decimal("1.10"), None, Decimal("-2.05")], dtype=pl.Decimal(12, 2)),
            "binary": pl.Series([b"\x00\xff", None, b""]),
            "category": pl.Series(["b", None, "a"], dtype=pl.Categorical),
            "enum": pl.Series(["low", None, "low"], dtype=pl.Enum(["low", "high"])),
            "nothing": pl.Series([None, None, None]),
        }
    )


def polars_nested() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "lists": pl.Series([[1, 2], None, []], dtype=pl.List(pl.Int64)),
            "structs": pl.Series([{"a": 1, "b": "x"}, {"a": None, "b": None}, {"a": 2, "b": ""}]),
            "arrays": pl.Series([[1.0, 2.0], [3.0, 4.0], None], dtype=pl.Array(pl.Float64, 2)),
        }
    )


def same_polars(one: pl.DataFrame, two: pl.DataFrame) -> None:
    assert two.schema == one.schema
    assert two.equals(one, null_equal=True)


@pytest.mark.parametrize("name", TEXT + BINARY)
@pytest.mark.parametrize("rows", [0, 3])
def test_a_polars_frame_comes_back_the_same(name, rows):
    frame = polars_frame().head(rows)
    same_polars(frame, trip(name, frame).value)


@pytest.mark.parametrize("name", BINARY)
def test_nested_polars_columns_come_back_from_files_with_types(name):
    same_polars(polars_nested(), trip(name, polars_nested()).value)


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("column", ["lists", "structs", "arrays"])
def test_nested_columns_are_refused_in_text_naming_parquet(name, column):
    with pytest.raises(CannotRepresent, match=f"column '{column}' holds") as caught:
        trip(name, polars_nested().select(column))
    assert "x.parquet" in caught.value.hint


def test_polars_series_come_back_as_series():
    series = pl.Series("s", ["a", None], dtype=pl.Categorical)
    back = trip("x.csv", series).value
    assert isinstance(back, pl.Series)
    same_polars(series.to_frame(), back.to_frame())


def test_a_lazy_frame_is_refused_with_the_call_that_collects_it():
    with pytest.raises(CannotRepresent, match="LazyFrame") as caught:
        trip("x.parquet", pl.LazyFrame({"a": [1]}))
    assert ".collect()" in caught.value.hint


def test_objects_in_polars_are_refused_by_name():
    frame = pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(CannotRepresent, match="column 'o' has the dtype Object"):
        trip("x.parquet", frame)


# Arrow -----------------------------------------------------------------------------------------------


def arrow_flat() -> pa.Table:
    import datetime as dt
    from decimal import Decimal

    kinds_values = {
        "null": (pa.null(), [None, None]),
        "flag": (pa.bool_(), [True, None]),
        "half": (pa.float16(), [0.5, None]),
        "single": (pa.float32(), [0.1, None]),
        "double": (pa.float64(), [float("nan"), None]),
        "string": (pa.string(), ["", None]),
        "large": (pa.large_string(), ["a\nb", None]),
        "view": (pa.string_view(), ["long enough not to be inlined", None]),
        "binary": (pa.binary(), [b"\x00", None]),
        "fixed": (pa.binary(2), [b"ab", None]),
        "decimal": (pa.decimal128(10, 2), [Decimal("1.10"), None]),
        "wide": (pa.decimal256(60, 3), [Decimal("1.100"), None]),
        "day": (pa.date32(), [dt.date(2024, 1, 1), None]),
        "day64": (pa.date64(), [dt.date(2024, 1, 1), None]),
        "seconds": (pa.time32("s"), [dt.time(1, 2, 3), None]),
        "nanos": (pa.time64("ns"), [dt.time(1, 2, 3), None]),
        "zoned": (pa.timestamp("s", "Europe/Berlin"), [dt.datetime(2024, 7, 1), None]),
        "offset": (pa.timestamp("ms", "+01:30"), [dt.datetime(2024, 7, 1), None]),
        "span": (pa.duration("ns"), [dt.timedelta(microseconds=1), None]),
    }
    columns = {name: pa.array(values, kind) for name, (kind, values) in kinds_values.items()}
    columns["words"] = pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), ["never", "used"])
    columns["numbers"] = pa.DictionaryArray.from_arrays(
        pa.array([1, 0], pa.uint16()), pa.array([7, 5]), ordered=True
    )
    return pa.table(columns)


def arrow_nested() -> pa.Table:
    return pa.table(
        {
            "list": pa.array([[1, 2], None]),
            "large_list": pa.array([["a"], []], pa.large_list(pa.string())),
            "pair": pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
            "struct": pa.array([{"a": 1, "b": [1.5]}, None]),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        }
    )


def same_arrow(one: pa.Table, two: pa.Table) -> None:
    assert str(two.schema) == str(one.schema)
    assert two.schema.equals(one.schema, check_metadata=True)
    two.validate(full=True)
    for at in range(one.num_columns):
        assert repr(two.column(at).to_pylist()) == repr(one.column(at).to_pylist())
    assert two.num_rows == one.num_rows


@pytest.mark.parametrize("name", TEXT + BINARY)
@pytest.mark.parametrize("rows", [0, 2])
def test_an_arrow_table_comes_back_with_its_exact_schema(name, rows):
    schema = arrow_flat().schema.with_metadata({"unit": "mm", b"\xff": b"\x00"})
    schema = schema.set(1, schema.field(1).with_metadata({"why": "ü"}))
    table = arrow_flat().cast(schema).slice(0, rows)
    same_arrow(table, trip(name, table).value)


@pytest.mark.parametrize("name", BINARY)
def test_nested_arrow_columns_come_back_from_files_with_types(name):
    same_arrow(arrow_nested(), trip(name, arrow_nested()).value)


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_dictionaries_of_arrow_keep_order_and_unused_entries(name):
    back = trip(name, arrow_flat()).value
    assert back["words"].chunk(0).dictionary.to_pylist() == ["never", "used"]
    assert back["numbers"].chunk(0).dictionary.to_pylist() == [7, 5]


@pytest.mark.parametrize("name", TEXT + BINARY)
def test_arrow_columns_may_share_a_name_and_forbid_missing_values(name):
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("a", pa.string())])
    table = pa.Table.from_arrays([pa.array([1, 2]), pa.array(["x", None])], schema=schema)
    same_arrow(table, trip(name, table).value)


@pytest.mark.parametrize("name", TEXT + BINARY)
@pytest.mark.parametrize("rows", [0, 3, 5_000])
def test_a_record_batch_comes_back_as_one(name, rows):
    kinds = pa.array(["x", "y", None, "x", "y"] * (rows // 5 + 1)).dictionary_encode().slice(0, rows)
    batch = pa.record_batch({"n": pa.array(range(rows), pa.int32()), "kind": kinds})
    batch = batch.replace_schema_metadata({"from": "a sensor"})
    for put in (batch, batch.select([]), batch.slice(rows // 2)):
        back = trip(name, put)
        assert back.encoded.type == "pyarrow.RecordBatch"
        assert type(back.value) is pa.RecordBatch
        assert back.value.equals(put, check_metadata=True)
    assert type(trip(name, batch, columns=["n"]).value) is pa.RecordBatch


@pytest.mark.parametrize("name", [*TEXT, "x.parquet"])
@pytest.mark.parametrize(("entries", "why"), [(["x", None, "y"], "a missing"), (["x", "x", "y"], "twice")])
def test_a_dictionary_that_cells_do_not_tell_is_refused_and_kept_by_feather(name, entries, why):
    column = pa.DictionaryArray.from_arrays(pa.array([2] * 100 + [0, 1, None], pa.int8()), pa.array(entries))
    table = pa.table({"kind": column})
    with pytest.raises(CannotRepresent, match=f"column 'kind' has .*{why}") as refused:
        trip(name, table)
    assert ".feather" in str(refused.value)
    assert trip("x.feather", table).value.equals(table)


def test_intervals_of_months_are_refused_by_parquet_and_kept_by_feather():
    table = pa.table({"span": pa.array([pa.MonthDayNano([1, 2, 3])], pa.month_day_nano_interval())})
    for name in ("x.parquet", "x.csv"):
        with pytest.raises(CannotRepresent, match="column 'span'") as caught:
            trip(name, table)
        assert "x.feather" in caught.value.hint
    same_arrow(table, trip("x.feather", table).value)


# Selecting and converting ----------------------------------------------------------------------------


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
