"""Workbooks that somebody else has written are read with sensible types."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import openpyxl
import pandas as pd
import pytest

from jsk_saver.errors import QueryError
from tests.formats.roundtrip import read, trip


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
