"""What cannot be saved as it was asked for is refused with the call that can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jsk_saver.errors import UnknownFormat
from jsk_saver.formats import Formats, translate
from tests.formats.roundtrip import trip


def said_of(name: str, obj: Any, wish: str | None = None) -> str:
    with pytest.raises(UnknownFormat) as refused:
        Formats().choose(name, obj, wish)
    return str(refused.value)


@pytest.mark.parametrize("name", ["a.csv", "a.log", "a.py", "notes", "a.parquet"])
def test_text_under_any_name_can_be_saved_as_the_text_it_is(name: str) -> None:
    assert f'saver.put("{name}", …, format="txt")' in said_of(name, "a,b\n1,2\n")
    assert "can be saved as .txt, .json" in said_of(name, "a,b")
    assert Formats().choose(name, "a,b", "txt").name == "txt"


def test_text_that_is_the_path_of_a_file_is_refused_with_the_path(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"frames")
    assert f'saver.put("v.mp4", Path({str(file)!r}))' in said_of("v.mp4", str(file))
    assert Formats().choose("v.mp4", file).name == "file"
    for text in (f"{file}x", "two\nlines", "a\0b", "", "x" * 5_000):
        assert "Path(" not in said_of("v.mp4", text)
    assert Formats().choose("v.txt", str(file)).name == "txt"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.feather", "a.xlsx"])
@pytest.mark.parametrize(
    "obj",
    [
        [{"a": 1}, {"a": 2}],
        [1, 2],
        [(1, "x"), (2, "y")],
        {"a": [1, 2], "b": ["x", "y"]},
        {"a": 1, "b": "x"},
        np.eye(2),
        np.arange(3),
    ],
    ids=["rows", "values", "tuples", "columns", "one row", "matrix", "vector"],
)
def test_what_could_be_a_table_is_refused_with_the_call_that_makes_it_one(name: str, obj: Any) -> None:
    said = said_of(name, obj)
    assert f'saver.put("{name}", pd.DataFrame(' in said
    assert "register(" not in said
    made = pd.DataFrame([obj] if "pd.DataFrame([…])" in said else obj)
    assert isinstance(trip(name, made).value, pd.DataFrame)


@pytest.mark.parametrize("obj", [{"a": [1], "b": [1, 2]}, {}, [], [object()], np.zeros((2, 2, 2)), {"a": {}}])
def test_what_is_no_table_is_not_said_to_be_one(obj: Any) -> None:
    assert "DataFrame" not in said_of("a.csv", obj)


def test_only_what_can_be_written_here_is_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    there = translate.is_installed
    lacking = {"joblib", "torch", "pandas", "PIL"}
    monkeypatch.setattr(translate, "is_installed", lambda package: package not in lacking and there(package))
    said = said_of("a.csv", [1, 2])
    assert ".joblib" not in said
    assert ".pt" not in said
    assert "pip install 'jsk-saver[tables]'" in said
    assert "pip install 'jsk-saver[plots]'" in said_of("a.png", np.zeros((2, 2), np.uint8))


def test_an_unknown_format_is_refused_with_those_that_are_known() -> None:
    said = said_of("a.txt", "text", "text")
    assert "The format 'text' is not known here." in said
    assert 'format="txt"?' in said
    assert "csv, feather, file" in said
    assert "The version, as it is" not in said
