"""Parquet and Feather as files: what other programs find in them, and write."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.formats.columnar import Feather, Parquet
from tests.formats.roundtrip import read, trip
from tests.formats.table_cases import same_frame


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": pd.array([1, None, 3], "Int64"),
            "kind": pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"], ordered=True),
            "when": pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin"),
        },
        index=pd.Index(["x", "y", "z"], name="key"),
    )


def test_nothing_is_kept_in_the_record(frame):
    for name in ("x.parquet", "x.feather"):
        assert trip(name, frame).encoded.state == {}


@pytest.mark.parametrize("name", ["x.parquet", "x.feather"])
def test_a_copy_of_the_file_alone_brings_the_same_frame_back(name, frame):
    same_frame(frame, read(name, trip(name, frame).data))


@pytest.mark.parametrize("index", [None, pd.RangeIndex(3, 9, 2), pd.RangeIndex(3, name="row")])
def test_pandas_reads_the_files_without_the_kit(frame, index):
    frame = frame.astype({"kind": str})
    frame = frame if index is None else frame.set_axis(index)
    written = io.BytesIO(trip("x.parquet", frame).data)
    pd.testing.assert_frame_equal(pd.read_parquet(written), frame, check_freq=False)
    written = io.BytesIO(trip("x.feather", frame).data)
    pd.testing.assert_frame_equal(pd.read_feather(written), frame, check_freq=False)


def test_polars_reads_the_files_without_the_kit(frame):
    data = trip("x.parquet", frame[["n"]]).data
    assert pl.read_parquet(data).rows() == [("x", 1), ("y", None), ("z", 3)]
    assert pl.read_ipc(trip("x.feather", frame[["n"]]).data).rows() == [("x", 1), ("y", None), ("z", 3)]


@pytest.mark.parametrize("name", ["x.parquet", "x.feather"])
def test_equal_tables_make_equal_bytes(name, frame):
    assert trip(name, frame).data == trip(name, frame.copy()).data


def test_python_lists_dictionaries_and_arrays_come_back_as_what_they_were():
    frame = pd.DataFrame(
        {
            "lists": [[1, 2], None, []],
            "texts": [["a", None], ["b"], None],
            "dictionaries": [{"a": 1, "b": [0.5]}, {"a": 2, "b": []}, None],
            "vectors": [np.array([1, 2], "float32"), None, np.array([], "float32")],
        }
    )
    for name in ("x.parquet", "x.feather"):
        back = trip(name, frame).value
        for label in ("lists", "texts", "dictionaries"):
            assert back[label].tolist() == frame[label].tolist()
        assert [None if v is None else (v.dtype, v.tolist()) for v in back["vectors"]] == [
            (np.dtype("float32"), [1.0, 2.0]),
            None,
            (np.dtype("float32"), []),
        ]


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2.5]],
        [[1], ["a"]],
        [{"a": 1}, {"b": 2}],
        [(1, 2)],
        [np.zeros((2, 2))],
        [np.zeros(1), np.zeros(1, int)],
    ],
)
def test_nested_objects_that_arrow_would_change_are_refused(values):
    column = pd.Series([None] * len(values), dtype=object)
    for at, value in enumerate(values):
        column[at] = value
    with pytest.raises(CannotRepresent, match="column 'o'") as caught:
        trip("x.parquet", pd.DataFrame({"o": column}))
    assert "x.pkl" in caught.value.hint


def test_dictionaries_without_keys_are_refused_by_parquet_naming_feather():
    with pytest.raises(CannotRepresent, match="dictionaries without keys") as caught:
        trip("x.parquet", pd.DataFrame({"o": [{}, {}]}))
    assert "x.feather" in caught.value.hint


def test_only_the_wanted_columns_are_read():
    frame = pd.DataFrame(np.random.default_rng(0).random((2000, 3)), columns=["a", "b", "c"])
    data = bytearray(trip("x.parquet", frame).data)
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(0)
    for at in (0, 2):
        chunk = group.column(at)
        data[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size] = bytes(
            chunk.total_compressed_size
        )
    same_frame(frame[["b"]], read("x.parquet", bytes(data), columns=["b"]))
    with pytest.raises(JskError):
        read("x.parquet", bytes(data), columns=["a"])


def test_row_groups_are_bounded_and_numbers_have_no_useless_dictionaries():
    rows = 400_000
    frame = pd.DataFrame(
        {"unique": np.random.default_rng(0).random(rows), "kind": pd.Categorical(["a"] * rows)}
    )
    frame["other"] = frame["unique"] * 2
    metadata = pq.ParquetFile(io.BytesIO(trip("x.parquet", frame).data)).metadata
    assert metadata.num_row_groups > 1
    encodings = {
        metadata.row_group(0).column(at).path_in_schema: metadata.row_group(0).column(at).encodings
        for at in range(3)
    }
    assert not any("DICTIONARY" in encoding for encoding in encodings["unique"])
    assert any("DICTIONARY" in encoding for encoding in encodings["kind"])


def test_many_unsorted_categories_stay_in_the_file():
    names = [f"name {(at * 7919) % 5000}" for at in range(5000)]
    frame = pd.DataFrame({"c": pd.Categorical(names[:10], categories=names)})
    done = trip("x.parquet", frame)
    same_frame(frame, done.value)
    assert done.encoded.state == {}


# Other people's files --------------------------------------------------------------------------------


def test_a_foreign_parquet_file_of_pandas_has_its_index(frame):
    written = io.BytesIO()
    frame.to_parquet(written)
    pd.testing.assert_frame_equal(read("x.parquet", written.getvalue()), frame, check_freq=False)
    assert read("x.parquet", written.getvalue(), columns=["n"]).columns.tolist() == ["n"]
    assert read("x.parquet", written.getvalue(), as_="polars").columns == ["n", "kind", "when", "key"]


def test_a_foreign_parquet_file_of_arrow_or_polars_is_read_as_pandas_without_losing_integers():
    written = io.BytesIO()
    pq.write_table(pa.table({"n": [1, None], "s": ["a", None]}), written)
    back = read("x.parquet", written.getvalue())
    assert back["n"].dtype == "Int64"
    pl.DataFrame({"n": [1, None]}).write_parquet(written := io.BytesIO())
    assert read("x.parquet", written.getvalue(), as_="polars").rows() == [(1,), (None,)]


@pytest.mark.parametrize("version", [1, 2])
def test_foreign_feather_files_of_both_versions_are_read(version):
    written = io.BytesIO()
    feather.write_feather(pd.DataFrame({"n": [1, 2]}), written, version=version)
    assert read("x.feather", written.getvalue())["n"].tolist() == [1, 2]
    assert read("x.feather", written.getvalue(), as_="arrow").to_pydict() == {"n": [1, 2]}


def test_memory_goes_back_to_arrows_usual_pool(frame):
    before = pa.default_memory_pool().backend_name
    trip("x.parquet", frame)
    with pytest.raises(CannotRepresent):
        trip("x.feather", pd.DataFrame({"z": [1j]}))
    assert pa.default_memory_pool().backend_name == before


def test_formats_accept_tables_and_nothing_else():
    for one in (Parquet(), Feather()):
        assert one.accepts(pd.Series([1]))
        assert one.accepts(pl.DataFrame())
        assert one.accepts(pa.record_batch({"a": [1]}))
        assert not one.accepts({"a": [1]})
