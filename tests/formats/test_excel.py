"""Workbooks: what was put comes back, people see what they expect, and the rest is refused by name."""

from __future__ import annotations

import datetime as dt
import io
import os
import subprocess
import sys
import zipfile
from decimal import Decimal

import numpy as np
import openpyxl
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


def sheet_of(data: bytes, **options):
    return openpyxl.load_workbook(io.BytesIO(data), **options).worksheets[0]


def workbook(*rows, **sheets) -> bytes:
    """Return a workbook that the kit has not written, with these rows on its first sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title, others in sheets.items():
        sheet = book.create_sheet(title)
        for row in others:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


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


# What people see -------------------------------------------------------------------------------------


def test_a_person_sees_the_table_they_expect():
    frame = pd.DataFrame(
        {
            "count": [1, 2],
            "share": [0.25, np.nan],
            "done": [True, False],
            "zip": ["00123", "=1+1"],
            "day": pd.to_datetime(["2024-02-29", "2024-03-01"]),
            "when": pd.to_datetime(["2024-02-29 12:30:00.5", None]),
            "at": [dt.time(8, 15), None],
            "kind": pd.Categorical(["low", "high"]),
            "error": ["#N/A", "TRUE"],
        },
        index=pd.Index(["r1", "r2"], name="key"),
    )
    sheet = sheet_of(trip("x.xlsx", frame).data)
    assert [[cell.value for cell in row] for row in sheet] == [
        ["key", "count", "share", "done", "zip", "day", "when", "at", "kind", "error"],
        [
            *("r1", 1, 0.25, True, "00123", dt.datetime(2024, 2, 29)),
            *(dt.datetime(2024, 2, 29, 12, 30, 0, 500_000), dt.time(8, 15), "low", "#N/A"),
        ],
        ["r2", 2, None, False, "=1+1", dt.datetime(2024, 3, 1), None, None, "high", "TRUE"],
    ]
    assert [cell.data_type for cell in sheet[2]] == ["s", "n", "n", "b", "s", "d", "d", "d", "s", "s"]
    assert [cell.data_type for cell in sheet[3]][4] == "s"
    assert sheet["F2"].number_format == "yyyy-mm-dd"
    assert sheet["G2"].number_format == "yyyy-mm-dd hh:mm:ss.000"
    assert sheet["B1"].font.bold
    assert sheet.freeze_panes == "B2"
    assert sheet.column_dimensions["G"].width > 20


def test_pandas_reads_the_workbook_without_the_kit():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "=y"], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    back = pd.read_excel(io.BytesIO(trip("x.xlsx", frame).data))
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_deep_names_are_rows_of_the_header():
    sheet = sheet_of(trip("x.xlsx", CASES["deep_names"]()).data)
    assert [[cell.value for cell in row] for row in sheet][:3] == [
        [None, "a", "a", "b"],
        ["key", "1", "2", "1"],
        ["x", 1, 2, 3],
    ]


def test_what_excel_would_change_is_text_that_people_can_read():
    frame = pd.DataFrame(
        {
            "id": [2**53 + 1, 7],
            "zoned": pd.to_datetime(["2024-01-01 12:00", "2024-07-01 00:00"]).tz_localize("Europe/Berlin"),
            "fine": np.array(["2024-01-01 00:00:00.000001", "2024-01-02"], "M8[us]"),
            "old": np.array(["1066-10-14", "2024-01-02"], "M8[s]"),
            "money": [Decimal("1.10"), Decimal("22.05")],
            "long": pd.to_timedelta(["1 day", "1.5 s"]),
            "limit": [np.inf, 1.5],
        }
    )
    values = [[cell.value for cell in row] for row in sheet_of(trip("x.xlsx", frame).data)]
    assert values[1][:2] == ["9007199254740993", "2024-01-01 12:00:00+0100"]
    assert values[1][2].startswith("2024-01-01 00:00:00.000001")
    assert values[1][3].startswith("1066-10-14")
    assert values[1][4] == "1.10"
    assert float(values[1][5]) == 86400
    assert values[1][6] == "inf"
    assert values[2][0] == "7"
    assert values[2][6] == 1.5


def test_equal_tables_give_equal_bytes_in_any_process():
    frame = CASES["categories"]()
    code = (
        "import hashlib; from tests.formats.roundtrip import trip;"
        "from tests.formats.table_cases import CASES;"
        "print(hashlib.sha256(trip('y.xlsx', CASES['categories']()).data).hexdigest())"
    )
    digests = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": f"Etc/GMT-{seed}"}
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout)
    assert len(digests) == 1
    data = trip("x.xlsx", frame).data
    assert {info.date_time for info in zipfile.ZipFile(io.BytesIO(data)).infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None


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


# Somebody else's -------------------------------------------------------------------------------------


def test_a_foreign_workbook_is_read_from_its_first_sheet_with_sensible_types():
    data = workbook(
        ["n", "f", "text", "flag", "day", "at", "mixed", "n", None],
        [1, 0.5, "007", True, dt.date(2024, 1, 1), dt.time(8), 1, 10, None],
        [2, 1, None, False, dt.datetime(2024, 1, 2, 3), None, "x", None, None],
        [],
        [None, None, "#N/A", None, None, None, None, 30, None],
        other=[["wrong"], [1]],
    )
    frame = read("x.xlsx", data)
    assert list(frame.columns) == ["n", "f", "text", "flag", "day", "at", "mixed", "n.1"]
    assert frame["n"].dtype == "Int64"
    assert frame["n"].tolist() == [1, 2, pd.NA]
    assert frame["f"].dtype == "float64"
    assert frame["text"].isna().tolist() == [False, True, True]
    assert frame["text"][0] == "007"
    assert frame["flag"].dtype == "boolean"
    assert frame["day"].tolist()[:2] == [pd.Timestamp(2024, 1, 1), pd.Timestamp(2024, 1, 2, 3)]
    assert frame["at"][0] == dt.time(8)
    assert frame["mixed"].tolist()[:2] == ["1", "x"]
    assert frame["n.1"].tolist() == [10, pd.NA, 30]


def test_a_foreign_table_may_begin_further_down_and_to_the_right():
    data = workbook([], [], [None, "a", "b"], [None, 1, "x"], [None, 2, "y"], [])
    frame = read("x.xlsx", data)
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_wanted_columns_and_type_of_a_foreign_workbook():
    data = workbook(["a", None, "c"], [1, 2.5, "x"])
    assert read("x.xlsx", data, columns=["c", "a"], as_="arrow").to_pydict() == {"c": ["x"], "a": [1]}
    frame = read("x.xlsx", data, as_="polars")
    assert frame.to_dict(as_series=False) == {"a": [1], "column 2": [2.5], "c": ["x"]}
    with pytest.raises(QueryError, match="no column 'b'"):
        read("x.xlsx", data, columns=["b"])


def test_an_empty_foreign_workbook_is_an_empty_table():
    assert read("x.xlsx", workbook()).shape == (0, 0)
    only_names = read("x.xlsx", workbook(["a", "b"]))
    assert only_names.shape == (0, 2)
    assert list(only_names.columns) == ["a", "b"]


def test_our_own_workbook_without_its_record_is_read_like_a_foreign_one():
    frame = pd.DataFrame({"a": [1, 2], "t": ["a\r\nb", "x"], "f": [0.5, np.nan]})
    back = read("x.xlsx", trip("x.xlsx", frame).data)
    assert back.to_dict("list") | {"f": [0.5]} == {"a": [1, 2], "t": ["a\r\nb", "x"], "f": [0.5]}
    assert back["f"].isna().tolist() == [False, True]
