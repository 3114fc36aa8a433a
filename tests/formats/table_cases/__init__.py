"""Tables with everything in them that other libraries lose, for the tests of all table formats."""

from __future__ import annotations

from tests.formats.table_cases import indexes, labels, shapes, values  # noqa: F401 (each adds its cases)
from tests.formats.table_cases.cases import CASES
from tests.formats.table_cases.sameness import same_arrow, same_frame, same_polars
from tests.formats.table_cases.untold import UNTOLD

__all__ = ["BINARY", "CASES", "TEXT", "UNTOLD", "same_arrow", "same_frame", "same_polars"]

#: A file name of each format that keeps tables as text, and of each with types of its own.
TEXT = ["x.csv", "x.tsv"]
BINARY = ["x.parquet", "x.feather"]
