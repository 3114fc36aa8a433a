"""Plain data comes back from JSON exactly, or is refused with the place that would not."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import json
import math
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats.shapes import MAX_DEPTH
from tests.formats.plain_data import LEAVES, nested, same
from tests.formats.roundtrip import read, trip


@settings(max_examples=150)
@given(nested(LEAVES))
@example({"a": [(), ((1,),), {"b": (np.float64(0.1), 2)}]})
@example([-0.0, 1e308, 2**80, "\u2028\x00\r\n", True, 1, 1.0])
def test_plain_data_with_tuples_numpy_scalars_and_dates_comes_back_from_json(value: Any) -> None:
    assert same(trip("a.json", value).value, value)


@settings(max_examples=75)
@given(st.lists(nested(LEAVES), max_size=5))
def test_lists_come_back_from_jsonl(value: Any) -> None:
    assert same(trip("a.jsonl", value).value, value)


def test_json_files_are_plain_json_for_every_other_tool() -> None:
    data = trip("a.json", {"size": (3, np.int64(4)), "when": dt.date(2024, 5, 1), "ü": None}).data
    assert json.loads(data) == {"size": [3, 4], "when": "2024-05-01", "ü": None}
    assert "ü".encode() in data
    assert data.startswith(b'{\n  "size"')


def test_large_json_is_written_compactly_in_blocks_and_comes_back() -> None:
    for value in ({str(at): at for at in range(12_000)}, [{"a": (at, 1.5)} for at in range(12_000)]):
        back = trip("a.json", value)
        assert same(back.value, value)
        assert len(back.data) < len(json.dumps(value))
        assert json.loads(back.data)


def test_a_thousand_numpy_numbers_cost_the_record_a_few_bytes() -> None:
    scores = {"scores": [np.float64(at) for at in range(1000)]}
    back = trip("a.json", scores)
    assert same(back.value, scores)
    assert len(json.dumps(back.encoded.state)) < 100


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "place", "remedy"),
    [
        ({"a": [0, {"b": float("nan")}]}, "$.a[1].b is nan", ".yaml"),
        ([np.float32("inf")], "$[0] is inf", "None"),
        ({"a": {1: "x"}}, "The key 1 in $.a is an int", 'Write it as "1", or save the object as .yaml'),
        ({("a", 1): "x"}, "The key ('a', 1) in $ is a tuple", "as .pkl"),
        ({"two words": {3, 1}}, "$['two words'] is a set", "sorted(...), or save the object as .yaml"),
        ([Colour.RED], "$[0] is a tests.formats.test_json.Colour", ".value"),
        ([Level.LOW], "$[0] is a tests.formats.test_json.Level", ".value"),
        ([Pair(1, 2)], "$[0] is a tests.formats.test_json.Pair", "._asdict()"),
        ([Point(1)], "$[0] is a tests.formats.test_json.Point", "dataclasses.asdict"),
        ([np.arange(3)], "$[0] is a numpy.ndarray", ".tolist()"),
        ([np.longdouble(1)], "$[0] is a numpy.longdouble", ".tolist()"),
        ([collections.OrderedDict(a=1)], "$[0] is a collections.OrderedDict", "dict("),
        ([pd.Timestamp("2024-01-01")], "Timestamp", ".isoformat()"),
        ([dt.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))], "datetime", ".isoformat()"),
        ([dt.datetime(2024, 1, 1, fold=1)], "datetime", ".isoformat()"),
        ([pd.DataFrame({"a": [1]})], "$[0] is a pandas.DataFrame", ".parquet"),
        ([b"x"], "$[0] is a bytes", "name of their own"),
        ([1j], "$[0] is a complex", ".pkl"),
    ],
)
def test_what_json_would_change_is_refused_with_place_and_remedy(value: Any, place: str, remedy: str) -> None:
    with pytest.raises(CannotRepresent) as refused:
        trip("a.json", value)
    assert place in str(refused.value)
    assert remedy in str(refused.value)


def test_a_dataclass_by_itself_is_refused_with_the_call_that_turns_it_into_a_dict() -> None:
    with pytest.raises(UnknownFormat, match=r"dataclasses.asdict"):
        trip("a.json", Point(1))


def test_lone_surrogates_are_refused_by_every_text_format() -> None:
    for name, value, place in (
        ("a.json", {"a": ["fine", "\ud800"]}, "$.a[1]"),
        ("a.jsonl", [{"b": "\ud800"}], "$[0].b"),
        ("a.json", {"\udfff": 1}, "the keys of $"),
        ("a.yaml", ["\ud800"], "$[0]"),
        ("a.toml", {"a": "\ud800"}, "$.a"),
        ("a.txt", "x\ud800", "character 1"),
    ):
        with pytest.raises(CannotRepresent, match="surrogate") as refused:
            trip(name, value)
        assert place in str(refused.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)
    for name in ("a.json", "a.yaml", "a.toml"):
        with pytest.raises(CannotRepresent, match=r"\$\.a\[0\] contains itself"):
            trip(name, value)


def test_nesting_that_could_not_be_read_back_is_refused() -> None:
    value: list[Any] = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert same(trip("a.json", value).value, value)
    with pytest.raises(CannotRepresent, match="nested deeper"):
        trip("a.json", [value])


def test_integers_too_long_for_python_to_print_are_refused_by_name() -> None:
    with pytest.raises(CannotRepresent, match="4300 digits"):
        trip("a.json", [10**5000])


def test_a_shape_too_long_for_the_record_is_refused() -> None:
    mixed = [1 if at % 3 else (at, str(at)) for at in range(40_000)]
    with pytest.raises(CannotRepresent, match="too many different places"):
        trip("a.json", mixed)


def test_foreign_json_is_read_with_byte_order_mark_nan_and_empty_lines() -> None:
    assert read("a.json", b'\xef\xbb\xbf{"a": [1]}') == {"a": [1]}
    assert math.isnan(read("a.json", b"[NaN]")[0])
    assert read("a.jsonl", b'{"a": 1}\r\n\r\n{"a": 2}') == [{"a": 1}, {"a": 2}]


def test_damaged_json_is_an_error_that_names_file_format_and_cause() -> None:
    with pytest.raises(JskError, match=r"'a\.json' cannot be read as json: JSONDecodeError"):
        read("a.json", b'{"a": ')
