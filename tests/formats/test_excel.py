"""Workbooks: what was put comes back, and what a sheet cannot hold is refused by name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, MissingExtra, QueryError
from jsk_saver.formats.excel_cells import escape, unescape
from tests.formats.roundtrip import read, trip
from tests.formats.table_cases import CASES, UNTOLD, same_frame

#: Cases with a column that a workbook refuses, and that column; the rest of the frame is kept.
REFUSED = {"python_objects": ["bytes"], "arrow_dtypes": ["bytes"]}
ILLEGAL = [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]


def kept_case(name: str) -> pd.DataFrame:
    frame = CASES[name]().drop(columns=REFUSED.get(name, []))
    if name == "strings":
        frame = frame[frame["usual"] != "\x00"].reset_index(drop=True)
    return frame


# There and back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_pandas_frame_comes_back_the_same(case):
    frame = kept_case(case)
    same_frame(frame, trip("x.xlsx", frame).value)


@pytest.mark.parametrize("case", CASES)
def test_a_series_comes_back_the_same(case):
    frame = kept_case(case)
    for at in range(min(frame.shape[1], 2)):
        same_frame(frame.iloc[:, at], trip("x.xlsx", frame.iloc[:, at]).value)


def test_a_polars_frame_comes_back_the_same():
    frame = pl.DataFrame(
        {
            "n": pl.Series([1, None, 2**63 - 1], dtype=pl.Int64),
            "f": [0.1, float("nan"), None],
            "text": ["", None, "007"],
            "day": [dt.date(2024, 2, 29), None, dt.date(1066, 10, 14)],
            "at": [dt.time(23, 59, 59, 999_999), None, dt.time(0)],
            "when": pl.Series([dt.datetime(2024, 1, 1, 1, 2, 3), None, None], dtype=pl.Datetime("ms")),
            "zoned": pl.Series([dt.datetime(2024, 1, 1)] * 3).dt.replace_time_zone("Asia/Tokyo"),
            "long": [dt.timedelta(microseconds=1), None, -dt.timedelta(days=400)],
            "kind": pl.Series(["b", "a", None], dtype=pl.Categorical),
            "choice": pl.Series(["b", "a", None], dtype=pl.Enum(["z", "b", "a"])),
            "money": pl.Series([Decimal("1.10"), None, Decimal("-0.01")], dtype=pl.Decimal(12, 2)),
            "nothing": pl.Series([None, None, None], dtype=pl.Null),
        }
    )
    back = trip("x.xlsx", frame).value
    assert back.schema == frame.schema
    assert back.equals(frame)
    series = frame["kind"]
    assert trip("x.xlsx", series).value.equals(series, check_dtypes=True, check_names=True)


def test_an_arrow_table_comes_back_the_same_with_metadata_and_repeated_names():
    arrays = [
        pa.array([1, None], pa.uint64()),
        pa.array(["x", None]).dictionary_encode(),
        pa.array([1.5, float("inf")], pa.float32()),
        pa.array([Decimal("1.5"), None], pa.decimal256(60, 3)),
    ]
    fields = [pa.field("a", each.type, metadata={"unit": "m"}) for each in arrays]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"source": "ü"}))
    back = trip("x.xlsx", table).value
    assert back.schema.equals(table.schema, check_metadata=True)
    assert back.equals(table)


@pytest.mark.parametrize("on_disk", [False, True])
def test_many_rows_come_back_in_order(on_disk):
    rows = 9000
    frame = pd.DataFrame({"n": np.arange(rows), "t": [f"row {number}" for number in range(rows)]})
    same_frame(frame, trip("x.xlsx", frame, on_disk=on_disk).value)


def test_rows_without_any_value_are_kept_at_the_end_and_between():
    frame = pd.DataFrame({"a": [None, "x", None, None], "b": [np.nan, np.nan, 1.0, np.nan]})
    same_frame(frame, trip("x.xlsx", frame).value)


def test_columns_without_any_value_are_kept():
    frame = pd.DataFrame({"a": [1, 2], "empty": [np.nan, np.nan], "": [None, None]})
    same_frame(frame, trip("x.xlsx", frame).value)


@pytest.mark.parametrize(
    "text",
    [
        "_x000D_",
        "_x000d_",
        "_x005F\r",
        "__x0041__",
        "a\rb",
        "a\r\nb",
        "\n",
        "\t",
        " ",
        "  x ",
        "\x85\u2028",
        "'=1",
    ],
)
def test_text_that_excel_has_its_own_ideas_about_comes_back(text):
    frame = pd.DataFrame({text: [text, "", None]})
    same_frame(frame, trip("x.xlsx", frame).value)


def test_numbers_come_back_to_the_last_bit():
    frame = pd.DataFrame(
        {"f": [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345678.0, -0.0]}
    )
    same_frame(frame, trip("x.xlsx", frame).value)


def test_times_come_back_whatever_excel_makes_of_them():
    whole = ["1900-03-01", "2024-02-29 23:59:59.999", "9999-12-31 23:59:59.999"]
    fine = ["2024-01-01 00:00:00.000001", "1900-03-01"]
    for times in (whole, [*whole[:2], "1900-02-28"], fine, ["1904-01-01", None], [None, None]):
        frame = pd.DataFrame({"t": np.array([time or "NaT" for time in times], "M8[us]")})
        same_frame(frame, trip("x.xlsx", frame).value)


def test_wanted_columns_come_alone_in_the_wanted_order_and_as_the_wanted_type():
    frame = pd.DataFrame(
        {"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]}, index=pd.Index(["r", "s"], name="key")
    )
    same_frame(frame[["c", "a"]], trip("x.xlsx", frame, columns=["c", "a"]).value)
    table = trip("x.xlsx", frame, columns=["b", "key"], as_="arrow").value
    assert table.to_pydict() == {"b": ["x", None], "key": ["r", "s"]}
    assert trip("x.xlsx", frame, as_="polars").value.columns == ["key", "a", "b", "c"]
    with pytest.raises(QueryError, match="no column 'd'"):
        trip("x.xlsx", frame, columns=["d"])


_texts = st.text(
    st.one_of(
        st.sampled_from("_x00Dd5F\r\n\t ='\"<&>]"),
        st.characters(exclude_categories=["Cs"], exclude_characters=list(map(chr, ILLEGAL))),
    ),
    max_size=12,
)
_naive = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31))
_kinds = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): _texts,
    pa.timestamp("us"): st.one_of(
        _naive, _naive.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))
    ),
    pa.timestamp("us", "Europe/Berlin"): st.datetimes(
        dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)
    ),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5)),
    pa.decimal128(20, 5): st.decimals(-(10**12), 10**12, places=5),
}


@st.composite
def _tables(draw):
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(_texts, max_size=4))
    kinds = [draw(st.sampled_from(list(_kinds))) for _ in names]
    columns = [
        pa.array(draw(st.lists(st.none() | _kinds[kind], min_size=rows, max_size=rows)), kind)
        for kind in kinds
    ]
    return pa.Table.from_arrays(columns, names=names)


@given(_tables())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_any_table_comes_back_the_same(table):
    back = trip("x.xlsx", table).value
    assert back.schema.equals(table.schema)
    assert back.equals(table)


@given(_texts)
@settings(max_examples=300, deadline=None)
def test_any_text_is_unescaped_to_what_it_was(text):
    escaped = escape(text)
    assert unescape(escaped) == text
    assert "\r" not in escaped


# Refused ---------------------------------------------------------------------------------------------


REFUSALS = {
    "control characters": (lambda: pd.DataFrame({"t": ["ok", "a\x1bb"]}), "column 't'", r"a\x1bb", ".csv"),
    "no character": (lambda: pd.DataFrame({"t": ["\uffff"]}), "column 't'", r"\uffff", ".csv"),
    "in a category": (lambda: pd.DataFrame({"t": pd.Categorical(["\x00"])}), "column 't'", r"\x00", ".csv"),
    "in the index": (
        lambda: pd.DataFrame({"n": [1]}, index=pd.Index(["\x01"], name="k")),
        "'k'",
        r"\x01",
        ".csv",
    ),
    "in a name": (lambda: pd.DataFrame({"a\x02": [1]}), "the name of column", r"a\x02", ".csv"),
    "long text": (lambda: pd.DataFrame({"t": ["ok", "y" * 32_768]}), "column 't'", "yyyy", ".csv"),
    "long in Excel's eyes": (lambda: pd.DataFrame({"t": ["🎉" * 16_384]}), "column 't'", "🎉", ".csv"),
    "long as escaped": (lambda: pd.DataFrame({"t": ["\r" * 5000]}), "column 't'", r"\r", ".csv"),
    "lists": (lambda: pd.DataFrame({"v": [[1, 2]]}), "column 'v'", "[1, 2]", ".parquet"),
    "structs": (lambda: pl.DataFrame({"v": [{"a": 1}]}), "column 'v'", "{'a': 1}", ".parquet"),
    "bytes": (lambda: pd.DataFrame({"v": [b"\x00\x01"]}), "column 'v'", r"b'\x00\x01'", ".parquet"),
    "rows": (
        lambda: pd.DataFrame({"n": np.zeros(1_048_576, "int8")}),
        "1,048,576 rows",
        "1,048,575",
        ".parquet",
    ),
    "columns": (lambda: pd.DataFrame(np.zeros((1, 16_385))), "16,385 columns", "16,384", ".parquet"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_a_workbook_cannot_hold_is_refused_with_column_value_and_remedy(what):
    make, where, value, instead = REFUSALS[what]
    with pytest.raises(CannotRepresent) as caught:
        trip("x.xlsx", make())
    assert where in caught.value.what
    assert value in caught.value.what
    assert f"x{instead}" in caught.value.hint


@pytest.mark.parametrize("what", UNTOLD)
def test_what_no_table_format_keeps_is_refused(what):
    make, column, value = UNTOLD[what]
    with pytest.raises(CannotRepresent) as caught:
        trip("x.xlsx", make())
    assert column in str(caught.value)
    assert value in str(caught.value)


def test_the_value_is_found_however_far_down():
    texts = ["fine"] * 5000
    texts[4321] = "bell\x07"
    with pytest.raises(CannotRepresent, match=r"column 't'.*bell"):
        trip("x.xlsx", pd.DataFrame({"n": range(5000), "t": texts}))


@pytest.mark.parametrize("code", ILLEGAL)
def test_every_character_that_xml_cannot_say_is_refused(code):
    with pytest.raises(CannotRepresent):
        trip("x.xlsx", pd.DataFrame({"t": [chr(code)]}))


def test_the_longest_texts_are_kept():
    frame = pd.DataFrame({"t": ["x" * 32_767, "\r" * 4681]})
    same_frame(frame, trip("x.xlsx", frame).value)


def test_without_openpyxl_the_command_that_installs_it_is_told(monkeypatch):
    data = trip("x.xlsx", pd.DataFrame({"a": [1]})).data
    monkeypatch.setattr("jsk_saver.formats.excel.find_spec", lambda name: None)
    for act in (lambda: trip("x.xlsx", pd.DataFrame({"a": [1]})), lambda: read("x.xlsx", data)):
        with pytest.raises(MissingExtra) as caught:
            act()
        assert "needs openpyxl" in caught.value.what
        assert caught.value.hint == "pip install 'jsk-saver[excel]'"
