"""Columns of every type, with the values at their limits."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.formats.table_cases.cases import case


@case
def integers() -> pd.DataFrame:
    limits = {}
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        info = np.iinfo(name)
        limits[name] = np.array([info.min, 0, info.max], name)
    return pd.DataFrame(limits)


@case
def floats() -> pd.DataFrame:
    values = [0.1, -0.0, 0.0, 1e300, 5e-324, np.inf, -np.inf, np.nan, 1 / 3, 2**53 + 2.0]
    single = np.array([0.1, -0.0, 3.4e38, 1e-45, np.inf, -np.inf, np.nan, 1 / 3, 16777216, 7], "float32")
    half = np.array([0.1, -0.0, 65504, 6e-8, np.inf, -np.inf, np.nan, 1 / 3, 2048, 7], "float16")
    return pd.DataFrame({"double": values, "single": single, "half": half})


@case
def booleans() -> pd.DataFrame:
    return pd.DataFrame({"yes": [True, False], "maybe": pd.array([True, None], "boolean")})


@case
def nullable_numbers() -> pd.DataFrame:
    kinds = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"]
    return pd.DataFrame({kind: pd.array([1, None, 100], kind) for kind in kinds})


@case
def nullable_int64_limits() -> pd.DataFrame:
    return pd.DataFrame({"n": pd.array([2**63 - 1, None, -(2**63)], "Int64")})


@case
def strings() -> pd.DataFrame:
    values = [
        "",
        " ",
        "007",
        "plain",
        'He said "x"',
        "two\nlines",
        "a\r\nb",
        "\r",
        "a,b",
        "a\tb",
        "naïve 🎉",
        "NaN",
    ]
    values += [
        "null",
        "NA",
        "None",
        "true",
        "1e5",
        "=1+1",
        "'",
        '"',
        '""',
        "\x00",
        "\ufeff",
        "-",
        "\\N",
        " x ",
    ]
    return pd.DataFrame(
        {
            "usual": pd.Series([*values, None]),
            "string": pd.Series([*values, None], dtype="string"),
            "python": pd.Series([*values, None], dtype="string[python]"),
            "object": pd.Series([*values, None], dtype=object),
        }
    )


@case
def leading_zeros() -> pd.DataFrame:
    return pd.DataFrame({"zip": ["00123", "04109", "10115"], "big": ["12345678901234567890", "0", "1"]})


@case
def empty_text_and_missing_text() -> pd.DataFrame:
    return pd.DataFrame({"only": ["", None, "x"]})


@case
def one_column_of_missing_numbers() -> pd.DataFrame:
    return pd.DataFrame({"only": [np.nan, 1.0, np.nan]})


@case
def naive_times() -> pd.DataFrame:
    frame = pd.DataFrame()
    for unit in ("s", "ms", "us", "ns"):
        times = np.array(["1969-12-31T23:59:59", "2024-02-29T12:00:00", "NaT", "2200-01-01"], f"M8[{unit}]")
        times[1] += np.timedelta64(1, unit)
        frame[unit] = times
    frame["far"] = np.array(["0001-01-02", "9999-12-30", "NaT", "1500-01-01"], "M8[s]")
    return frame


@case
def zoned_times() -> pd.DataFrame:
    utc = pd.DatetimeIndex(
        ["2024-01-01 12:00", "2024-10-27 00:30", None, "2024-10-27 01:30:00.123456789"], tz="UTC"
    )
    zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "+05:45", "-09:30"]
    frame = pd.DataFrame({zone: utc.tz_convert(zone) for zone in zones})
    frame["seconds"] = utc.tz_convert("Asia/Tokyo").floor("s").as_unit("s")
    return frame


@case
def zoned_times_of_old() -> pd.DataFrame:
    # Berlin was 53 minutes and 28 seconds ahead of Greenwich until 1893.
    times = pd.DatetimeIndex(["1880-01-01", "1980-01-01 00:00:00.000001"], tz="UTC")
    return pd.DataFrame({"when": times.tz_convert("Europe/Berlin")})


@case
def durations() -> pd.DataFrame:
    frame = pd.DataFrame()
    for unit in ("s", "ms", "us", "ns"):
        frame[unit] = np.array([-1, 10**9 + 1, "NaT", 0], f"m8[{unit}]")
    frame["longest"] = np.array([2**63 - 1, -(2**63) + 1, 0, "NaT"], "m8[ns]")
    return frame


@case
def periods() -> pd.DataFrame:
    return pd.DataFrame(
        {
            freq: pd.PeriodIndex(["2020-03-01", None, "1999-12-31"], freq=freq)
            for freq in ("Y", "Q", "Q-NOV", "M", "W", "D", "h", "min", "s", "ms", "us", "ns")
        }
    )


@case
def intervals() -> pd.DataFrame:
    utc = pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")
    arrays = pd.arrays.IntervalArray
    return pd.DataFrame(
        {
            "floats": arrays.from_tuples([(0.1, 1.0), None, (-np.inf, np.inf)], closed="right"),
            "integers": arrays.from_breaks([0, 1, 2, 3], closed="both"),
            "times": arrays.from_breaks(
                pd.date_range("2024-01-01 00:00:00.000001", periods=4), closed="left"
            ),
            "zoned": arrays.from_arrays(utc, utc + pd.Timedelta("1h"), closed="neither"),
            "durations": arrays.from_breaks(pd.to_timedelta([0, 1, 2, 3], unit="s")),
        }
    )


@case
def categories() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plain": pd.Categorical(["b", "a", None, "b"]),
            "unused": pd.Categorical(["b", "a", None, "b"], categories=["a", "b", "c"]),
            "unsorted": pd.Categorical(["b", "a", None, "b"], categories=["b", "a"]),
            "ordered": pd.Categorical(["low", "high", None, "low"], categories=["low", "high"], ordered=True),
            "integers": pd.Categorical([3, 1, None, 3]),
            "integers_unsorted": pd.Categorical([3, 1, None, 3], categories=[3, 2, 1]),
            "floats": pd.Categorical([0.5, 1.5, None, 0.5]),
            "booleans": pd.Categorical([True, False, None, True]),
            "times": pd.Categorical(pd.to_datetime(["2024-01-01", "2023-01-01", None, "2024-01-01"])),
            "zoned": pd.Categorical(
                pd.to_datetime(["2024-01-01", "2023-01-01", None, "2024-01-01"], utc=True)
            ),
            "intervals": pd.cut([0.5, 1.5, np.nan, 0.7], [0, 1, 2]),
            "periods": pd.Categorical(pd.PeriodIndex(["2020", "2019", None, "2020"], freq="M")),
            "objects": pd.Categorical(pd.Series(["b", "a", None, "b"], dtype=object)),
            "strings": pd.Categorical(pd.Series(["b", "a", None, "b"], dtype="string")),
            "nullable": pd.Categorical(pd.array([3, 1, None, 3], "Int64")),
            "none": pd.Categorical([None, None, None, None]),
            "never": pd.Categorical([None, None, None, None], categories=["x", "y"]),
            "empty_text": pd.Categorical(["", "a", None, ""]),
        }
    )


@case
def many_categories() -> pd.DataFrame:
    names = [f"name {number:05}" for number in range(3000)]
    return pd.DataFrame({"c": pd.Categorical(names[::-1], categories=names)})


@case
def python_objects() -> pd.DataFrame:
    frame = pd.DataFrame(index=range(3))
    columns: dict[str, list[Any]] = {
        "text": ["a", None, "c"],
        "text_nan": ["a", float("nan"), "c"],
        "text_na": ["a", pd.NA, "c"],
        "text_nat": ["a", pd.NaT, "c"],
        "bytes": [b"\x00\xff", None, b""],
        "bools": [True, None, False],
        "all_bools": [True, True, False],
        "integers": [1, None, -(2**63)],
        "all_integers": [1, 2, 3],
        "floats": [0.1, None, float("nan")],
        "decimals": [Decimal("1.10"), None, Decimal("-22.05")],
        "dates": [dt.date(2024, 2, 29), None, dt.date(1, 1, 1)],
        "times": [dt.time(1, 2, 3, 4), None, dt.time(0)],
        "datetimes": [dt.datetime(2024, 1, 1, 1, 2, 3, 4), None, dt.datetime(1900, 1, 1)],
        "timedeltas": [dt.timedelta(days=1, microseconds=1), None, -dt.timedelta(1)],
        "nothing": [None, None, None],
        "nan": [float("nan")] * 3,
        "na": [pd.NA] * 3,
    }
    for name, values in columns.items():
        frame[name] = pd.Series(values, dtype=object)
    return frame


@case
def arrow_dtypes() -> pd.DataFrame:
    kinds = {
        "integers": pa.int64(),
        "text": pa.string(),
        "decimals": pa.decimal128(10, 2),
        "dates": pa.date32(),
        "times": pa.time64("us"),
        "moments": pa.timestamp("us", "UTC"),
        "durations": pa.duration("ms"),
        "flags": pa.bool_(),
        "bytes": pa.binary(),
    }
    values: dict[str, list[Any]] = {
        "integers": [1, None],
        "text": ["", None],
        "decimals": [Decimal("1.10"), None],
        "dates": [dt.date(2024, 1, 1), None],
        "times": [dt.time(1, 2, 3), None],
        "moments": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None],
        "durations": [dt.timedelta(seconds=-1), None],
        "flags": [True, None],
        "bytes": [b"x", None],
    }
    return pd.DataFrame({name: pd.array(values[name], pd.ArrowDtype(kind)) for name, kind in kinds.items()})
