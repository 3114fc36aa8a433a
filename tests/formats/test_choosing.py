"""The right format is chosen by wish, extension and type."""

from __future__ import annotations

import datetime as dt
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.linear_model import Ridge

from jsk_saver.errors import UnknownFormat
from jsk_saver.formats import Formats
from tests.formats.roundtrip import read


@pytest.mark.parametrize(
    ("name", "obj", "expected"),
    [
        ("a.json", {"a": 1}, "json"),
        ("deep/er/A.JSON", [1], "json"),
        ("a.jsonl", [1], "jsonl"),
        ("a.yml", {"a": 1}, "yaml"),
        ("a.toml", {"a": 1}, "toml"),
        ("README.md", "# x", "md"),
        ("a.csv", pd.DataFrame({"a": [1]}), "csv"),
        ("a.tsv", pl.DataFrame({"a": [1]}), "tsv"),
        ("a.parquet", pa.table({"a": [1]}), "parquet"),
        ("a.arrow", pa.table({"a": [1]}), "feather"),
        ("a.xlsx", pd.DataFrame({"a": [1]}), "xlsx"),
        ("a.json", pd.DataFrame({"a": [1]}), "json"),
        ("a.npy", np.zeros(1), "npy"),
        ("a.npz", {"a": np.zeros(1)}, "npz"),
        ("a.safetensors", {"a": np.zeros(1)}, "safetensors"),
        ("a.png", matplotlib.figure.Figure(), "png"),
        ("a.jpeg", Image.new("RGB", (1, 1)), "jpg"),
        ("a.skops", Ridge(), "skops"),
        ("a.joblib", Ridge(), "joblib"),
        ("a.pkl", object(), "pickle"),
        ("a.zip", {"a": b""}, "zip"),
        ("a.b.c.json", [1], "json"),
        ("a.csv", b"raw", "bytes"),
        ("no extension", b"raw", "bytes"),
        (".json", b"raw", "bytes"),
        ("a.unknown", bytearray(), "bytes"),
    ],
)
def test_the_extension_and_the_type_choose_the_format(name: str, obj: Any, expected: str) -> None:
    assert Formats().choose(name, obj).name == expected


def test_a_named_format_wins_over_the_extension() -> None:
    formats = Formats()
    assert formats.choose("settings.conf", {"a": 1}, "toml").name == "toml"
    assert formats.choose("a.json", {"a": 1}, formats.by_name("yaml")).name == "yaml"
    with pytest.raises(UnknownFormat, match=r"The format 'toml' does not hold a list"):
        formats.choose("a.json", [1], "toml")
    with pytest.raises(UnknownFormat, match="'tomll' is not known here"):
        formats.choose("a.json", [1], "tomll")


def test_a_type_that_the_extension_does_not_hold_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnknownFormat) as refused:
        Formats().choose("deep/model.json", pd.Series([1]).values)
    text = str(refused.value)
    assert "No format for .json takes a numpy.ndarray. Use .tolist()." in text
    assert 'saver.put("deep/model.npy", …)    # a numpy.ndarray can be saved as .npy' in text
    with pytest.raises(UnknownFormat, match=r"No format for \.parquet takes a dict") as refused:
        Formats().choose("a.parquet", {"a": 1})
    assert ".json, .yaml, .toml" in str(refused.value)


def test_an_unknown_or_missing_extension_is_refused_with_what_fits_and_how_to_add_one() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(UnknownFormat, match=r"\.xyz is not an extension that is known here") as refused:
        Formats().choose("data.xyz", frame)
    text = str(refused.value)
    assert "a pandas.DataFrame can be saved as .parquet, .csv, .tsv, .feather, .xlsx, .json" in text
    assert 'saver.formats.register("xyz", extensions=(".xyz",), types=(DataFrame,)' in text
    with pytest.raises(UnknownFormat, match="'data' has no extension") as refused:
        Formats().choose("data", frame)
    assert 'saver.put("data.parquet", …)' in str(refused.value)
    with pytest.raises(UnknownFormat, match="no extension"):
        Formats().choose("folder.with.dots/data", frame)
    with pytest.raises(UnknownFormat, match="no extension"):
        Formats().choose("folder/.csv", frame)


@pytest.mark.parametrize(
    ("obj", "first"),
    [
        (pd.DataFrame({"a": [1]}), ".parquet"),
        ({"a": 1}, ".json"),
        ("text", ".json"),
        (np.zeros(1), ".npy"),
        ({"w": np.zeros(1)}, ".npz"),
        (Image.new("L", (1, 1)), ".png"),
        (Ridge(), ".skops"),
        (b"raw", ".bin"),
        (dt.date(2024, 1, 1), ".json"),
        (object(), ".joblib"),
    ],
)
def test_what_fits_an_object_comes_in_a_sensible_order(obj: Any, first: str) -> None:
    found = Formats().fits(obj)
    assert found[-1] in (".pkl", ".bin")
    assert first in found[:7]


def test_files_the_kit_did_not_write_are_read_by_their_extension_or_as_bytes() -> None:
    formats = Formats()
    assert formats.for_extension("a/b.YAML").name == "yaml"
    assert formats.for_extension("a.tar.gz").name == "bytes"
    assert formats.for_extension("README").name == "bytes"
    assert read("x.unknown", b"\x00") == b"\x00"


def test_a_format_by_name_that_is_not_here_says_what_is_missing() -> None:
    with pytest.raises(UnknownFormat, match="The format 'geojson' is not known here") as refused:
        Formats().by_name("geojson")
    assert 'saver.formats.register("geojson"' in str(refused.value)
    with pytest.raises(UnknownFormat, match="comes with the package 'jsk-geo'") as refused:
        Formats().by_name("geojson", plugin="jsk-geo")
    assert "pip install --upgrade jsk-geo" in str(refused.value)
