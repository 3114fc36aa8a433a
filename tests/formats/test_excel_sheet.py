"""What people see on the sheet of a workbook, and what other programs read from it."""

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

from tests.formats.roundtrip import trip
from tests.formats.table_cases import CASES


def sheet_of(data: bytes, **options):
    return openpyxl.load_workbook(io.BytesIO(data), **options).worksheets[0]


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
