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
