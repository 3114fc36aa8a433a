"""Tables in JSON: one object a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsk_saver.formats.base import Encoded, Reading, is_a

_TABLES = ("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.Series", "pyarrow.Table", "pyarrow.RecordBatch")


def is_table(obj: Any) -> bool:
    """Tell whether ``obj`` is a table or a column of one."""
    return is_a(obj, *_TABLES)


def was_table(reading: Reading) -> bool:
    return reading.type in _TABLES


def wanted(reading: Reading) -> bool:
    return reading.columns is not None or reading.as_ is not None


def from_table(obj: Any, format: str, name: str) -> tuple[Iterator[bytes], Encoded]:
    raise NotImplementedError


def to_table(rows: list[Any], reading: Reading) -> Any:
    raise NotImplementedError


def foreign_table(rows: list[Any], reading: Reading) -> Any:
    raise NotImplementedError
