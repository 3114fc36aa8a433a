"""CSV and TSV as files: what a person, a spreadsheet and other programs find in them, and write."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jsk_saver.errors import CannotRepresent, JskError
from tests.formats.roundtrip import read, trip
from tests.formats.table_cases import same_frame

BOM = b"\xef\xbb\xbf"


def cells(data: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return the cells as any other program sees them."""
    text = data.removeprefix(BOM).decode()
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def test_the_text_reads_naturally_with_the_index_first():
    frame = pd.DataFrame(
        {"score": [0.1, np.nan], "ok": [True, False], "when": pd.to_datetime(["2024-05-01 12:00", None])},
        index=pd.Index(["a", "b"], name="key"),
    )
    assert cells(trip("x.csv", frame).data) == [
        ["key", "score", "ok", "when"],
        ["a", "0.1", "true", "2024-05-01 12:00:00"],
        ["b", "", "false", ""],
    ]


def test_quotes_delimiters_and_line_ends_are_read_by_the_standard_library():
    texts = ['He said "x"', "a,b", "two\nlines", "a\r\nb", "tab\there", "", "007", " x "]
    frame = pd.DataFrame({'na"me': texts, "other\nname": range(8)})
    for name, delimiter in (("x.csv", ","), ("x.tsv", "\t")):
        found = cells(trip(name, frame).data, delimiter)
        assert found[0] == ['na"me', "other\nname"]
        assert [row[0] for row in found[1:]] == texts


def test_missing_text_is_nothing_and_empty_text_is_quoted():
    assert trip("x.csv", pd.DataFrame({"t": ["", None], "n": [1, 2]})).data == b't,n\n"",1\n,2\n'


def test_a_byte_order_mark_stands_only_where_excel_needs_it():
    plain = pd.DataFrame({"a": ["x"]})
    assert not trip("x.csv", plain).data.startswith(BOM)
    categories = plain.astype("category")
    categories["a"] = categories["a"].cat.rename_categories(["ü"])
    for frame in (plain.replace("x", "ü"), plain.rename(columns={"a": "ü"}), categories):
        assert trip("x.csv", frame).data.startswith(BOM)
    late = pd.DataFrame({"a": ["x"] * 40_000 + ["ü"]})
    assert trip("x.csv", late).data.startswith(BOM)


def test_zoned_times_are_written_as_local_time_with_their_offset():
    when = pd.DataFrame(
        {"t": pd.to_datetime(["2024-07-01 10:00", "2024-01-01 10:00"], utc=True).tz_convert("Europe/Berlin")}
    )
    assert cells(trip("x.csv", when).data)[1:] == [["2024-07-01 12:00:00+0200"], ["2024-01-01 11:00:00+0100"]]


def test_durations_are_written_as_seconds_and_bytes_in_base_64():
    frame = pd.DataFrame({"d": pd.to_timedelta([1_500_000_001, -1], unit="ns"), "b": [b"\x00\xff", None]})
    assert cells(trip("x.csv", frame).data)[1:] == [["1.500000001", "AP8="], ["-1E-9", ""]]


def test_periods_and_intervals_are_written_for_people():
    frame = pd.DataFrame(
        {"p": pd.PeriodIndex(["2024-03"], freq="M"), "i": pd.arrays.IntervalArray.from_tuples([(0.5, 1.5)])}
    )
    assert cells(trip("x.csv", frame).data)[1] == ["2024-03-01 00:00:00", "(0.5, 1.5]"]


def test_levels_of_labels_are_rows_of_the_header():
    columns = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    frame = pd.DataFrame([[1, 2]], columns=columns, index=pd.Index(["x"], name="key"))
    assert cells(trip("x.csv", frame).data) == [["", "a", "b"], ["key", "1", "2"], ["x", "1", "2"]]


def test_pandas_and_polars_read_the_file_without_the_kit():
    frame = pd.DataFrame({"n": [1, 2], "f": [0.1, 1 / 3], "t": ["ü", 'a"b\nc']})
    data = trip("x.csv", frame).data
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(data)), frame)
    assert pl.read_csv(data).rows() == [(1, 0.1, "ü"), (2, 1 / 3, 'a"b\nc')]


@pytest.mark.parametrize(
    ("values", "value"),
    [
        (np.array(["-0044-03-15", "2024-01-01"], "M8[s]"), "-044-03-15"),
        (np.array(["2024-01-01", "12024-01-01"], "M8[s]"), "12024-01-01"),
    ],
)
def test_times_without_iso_text_are_refused_naming_column_value_and_parquet(values, value):
    with pytest.raises(CannotRepresent, match="column 'when'") as caught:
        trip("x.csv", pd.DataFrame({"when": values}))
    assert value in str(caught.value)
    assert "x.parquet" in caught.value.hint
    same_frame(pd.DataFrame({"when": values}), trip("x.parquet", pd.DataFrame({"when": values})).value)


def test_a_value_that_is_refused_far_down_is_found():
    times = np.full(100_000, "2024-01-01", "M8[s]")
    times[-1] = np.datetime64("12024-01-01")
    with pytest.raises(CannotRepresent, match="column 'when' holds a time outside"):
        trip("x.csv", pd.DataFrame({"when": times}))


@pytest.mark.parametrize("on_disk", [False, True])
def test_line_ends_in_texts_do_not_confuse_the_segments(on_disk):
    rows = 40_000
    frame = pd.DataFrame({"t": ['a\n"b",\n' * (at % 9) + "\r\n" for at in range(rows)], "n": range(rows)})
    same_frame(frame, trip("x.csv", frame, on_disk=on_disk).value)


def test_a_row_longer_than_a_segment_comes_back():
    frame = pd.DataFrame({"t": ["x" * 3_000_000, "short", "y\n" * 1_000_000]})
    same_frame(frame, trip("x.csv", frame).value)


def test_only_wanted_columns_are_parsed():
    data = b'bad,good\n"not a number",1\n'
    assert read("x.csv", data, columns=["good"])["good"].tolist() == [1]


def test_a_file_that_lost_rows_is_an_error():
    from jsk_saver.formats.base import Reading
    from jsk_saver.formats.delimited import Csv
    from jsk_saver.payload import Payload

    done = trip("x.csv", pd.DataFrame({"a": [1, 2]}))
    wish = Reading("x.csv", done.encoded.type, done.encoded.state)
    with pytest.raises(ValueError, match="1 rows were found where 2 were saved"):
        Csv().decode(Payload.of_bytes(b"a\n1\n"), wish)


# Other people's files --------------------------------------------------------------------------------


def test_types_of_foreign_files_are_inferred_without_losing_digits():
    data = (
        b"id,zip,huge,n,x,day,flag,t\n1,00123,12345678901234567890,1,0.5,2024-05-01,true,a\n2,10115,1,,,,,\n"
    )
    frame = read("x.csv", data)
    assert frame.dtypes.map(str).to_dict() == {
        "id": "int64", "zip": str(pd.Series(["a"]).dtype), "huge": str(pd.Series(["a"]).dtype), "n": "Int64",
        "x": "float64", "day": "datetime64[s]", "flag": "boolean", "t": str(pd.Series(["a"]).dtype),
    }  # fmt: skip
    assert frame["zip"].tolist() == ["00123", "10115"]
    assert frame["huge"].tolist() == ["12345678901234567890", "1"]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [("name;n\nJörg;1,5\n", "utf-8-sig"), ("name;n\nJörg;1,5\n", "cp1252"), ("name;n\nJörg;1,5\n", "utf-16")],
)
def test_what_european_spreadsheets_write_is_understood(data, encoding):
    assert read("x.csv", data.encode(encoding)).to_dict("list") == {"name": ["Jörg"], "n": [1.5]}


def test_foreign_text_that_turns_out_not_to_be_utf_8_is_read():
    data = b"name\n" + b"plain\n" * 20_000 + "Jörg\n".encode("cp1252")
    assert read("x.csv", data)["name"].iloc[-1] == "Jörg"


def test_foreign_files_give_the_wanted_library_and_columns():
    data = b"a,b\n1,x\n"
    assert read("x.csv", data, as_="polars").rows() == [(1, "x")]
    assert read("x.csv", data, as_="arrow", columns=["b"]) == pa.table({"b": ["x"]})


def test_foreign_files_with_quotes_duplicates_and_tabs_are_read():
    assert read("x.csv", b'a,a\n"x\ny",2\n').to_dict("list") == {"a": ["x\ny"], "a.1": [2]}
    assert read("x.tsv", b"a\tb\n1\t2,5\n").to_dict("list") == {"a": [1], "b": ["2,5"]}


@pytest.mark.parametrize("data", [b"", b"\n", BOM])
def test_an_empty_foreign_file_is_an_empty_frame(data):
    assert read("x.csv", data).shape == (0, 0)


def test_a_ragged_foreign_file_is_a_clear_error():
    with pytest.raises(JskError, match=r"x\.csv"):
        read("x.csv", b"a,b\n1,2\n1,2,3\n")


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_without_a_zone_reach_from_the_first_to_the_last_moment_of_four_digit_years(unit):
    ends = ["0001-01-01T00:00:00", "9999-12-31T00:00:00", "9999-12-31T23:59:59"]
    if unit == "us":
        ends.append("9999-12-31T23:59:59.999999")
    frame = pd.DataFrame({"when": np.array(ends, f"M8[{unit}]")})
    same_frame(trip("x.csv", frame).value, frame)


@pytest.mark.parametrize("beyond", ["0000-12-31T23:59:59", "10000-01-01T00:00:00"])
def test_times_of_other_years_are_refused(beyond):
    with pytest.raises(CannotRepresent, match="outside the years 1 to 9999"):
        trip("x.csv", pd.DataFrame({"when": np.array([beyond], "M8[s]")}))


def test_line_ends_in_cells_are_noted_wherever_they_are():
    plain = pd.DataFrame({"t": ["x"] * 60_000, "n": range(60_000)})
    assert "newlines" not in trip("x.csv", plain).encoded.state
    late, carriage = plain.copy(), plain.astype({"t": object})
    late.loc[59_999, "t"] = "two\nlines"
    carriage.loc[30_000, "t"] = "a\rb"
    category = pd.DataFrame({"c": pd.Categorical(["x", "y\nz", "x"])})
    for frame in (late, carriage, category):
        back = trip("x.csv", frame)
        assert back.encoded.state["newlines"]
        same_frame(back.value, frame)
