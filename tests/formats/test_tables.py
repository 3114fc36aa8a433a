"""What holds for every table format: what is put comes back, or is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jsk_saver.errors import CannotRepresent
from tests.formats.roundtrip import trip
from tests.formats.table_cases import BINARY, CASES, TEXT, UNTOLD, same_arrow, same_frame, same_polars


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
