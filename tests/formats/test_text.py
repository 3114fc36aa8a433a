"""Text and plain data come back exactly, or are refused with the place that would not."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import json
import math
import tomllib
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats import Formats
from jsk_saver.formats.shapes import MAX_DEPTH
from tests.formats import table_cases
from tests.formats.roundtrip import read, trip

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
WHOLE_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
DATETIMES = st.datetimes(timezones=st.none() | WHOLE_ZONES).map(lambda time: time.replace(fold=0))
NUMPY = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 255).map(np.uint8),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32),
    st.floats(allow_nan=False, allow_infinity=False).map(np.float64),
    st.booleans().map(np.bool_),
    TEXT.map(np.str_).filter(lambda text: not text.endswith("\0")),
)
TIMES = st.times().map(lambda time: time.replace(fold=0))
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT | NUMPY | st.dates() | DATETIMES | TIMES


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any] = TEXT) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
        ),
        max_leaves=12,
    )


def same(one: Any, two: Any) -> bool:
    """Tell whether two values are equal in every type, however deep."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), two.items(), strict=True)
        return len(one) == len(two) and all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return repr(one) == repr(two)


# JSON ------------------------------------------------------------------------------------------------


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
        ([Colour.RED], "$[0] is a tests.formats.test_text.Colour", ".value"),
        ([Level.LOW], "$[0] is a tests.formats.test_text.Level", ".value"),
        ([Pair(1, 2)], "$[0] is a tests.formats.test_text.Pair", "._asdict()"),
        ([Point(1)], "$[0] is a tests.formats.test_text.Point", "dataclasses.asdict"),
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


# Tables in JSON --------------------------------------------------------------------------------------


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": [1, -2, 2**62],
            "nullable": pd.array([1, None, 3], "Int64"),
            "float": [0.1, np.nan, -0.0],
            "single": np.array([0.1, 0.2, 0.3], "float32"),
            "text": ["007", None, 'quoted "ü"\n'],
            "zoned": pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin", unit="ns"),
            "naive": pd.to_datetime(["2024-01-01", None, "0001-01-01 00:00:00.000001"], format="ISO8601"),
            "span": pd.to_timedelta([1, None, 3], unit="s"),
            "kind": pd.Categorical(["b", None, "a"], categories=["c", "b", "a"], ordered=True),
            "flag": [True, False, True],
            "month": pd.period_range("2024-01", periods=3, freq="M"),
        },
        index=pd.Index([10, 5, 7], name="id"),
    )


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("rows", [3, 0])
def test_pandas_frames_come_back_from_json_with_types_and_index(name: str, rows: int) -> None:
    pd.testing.assert_frame_equal(trip(name, frame().head(rows)).value, frame().head(rows))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_polars_and_arrow_tables_come_back_from_json_as_themselves(name: str) -> None:
    polars = pl.DataFrame(
        {
            "a": [1, None],
            "b": [dt.date(2024, 1, 1), None],
            "c": [[1.5], []],
            "d": pl.Series(["x", "y"], dtype=pl.Categorical),
        }
    )
    back = trip(name, polars).value
    assert back.schema == polars.schema
    assert back.equals(polars)
    arrow = pa.table(
        {
            "decimal": pa.array(["1.20", None]).cast(pa.decimal128(5, 2)),
            "struct": [{"x": 1, "y": ["a"]}, None],
            "bytes": [b"\xff", None],
            "time": pa.array([1, 2], pa.time64("us")),
            "clock": pa.array([1, None], pa.timestamp("ns", "America/New_York")),
        }
    )
    back = trip(name, arrow).value
    assert back.schema == arrow.schema
    assert back.equals(arrow)


def test_a_table_is_plain_records_for_every_other_tool() -> None:
    data = trip("a.json", frame()[["text", "nullable", "zoned"]]).data
    assert json.loads(data)[1] == {
        "id": 5,
        "text": None,
        "nullable": None,
        "zoned": "2024-03-30T23:00:00.000000000Z",
    }
    assert len(trip("a.jsonl", frame()).data.splitlines()) == 3


def test_columns_and_kind_of_a_json_table_can_be_chosen() -> None:
    back = trip("a.jsonl", frame(), columns=["text", "whole"], as_="polars").value
    assert back.columns == ["text", "whole"]
    assert back["text"].to_list() == [*frame()["text"].to_list()[:1], None, 'quoted "ü"\n']


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ([1.0, np.inf], "holds infinity"),
        (pd.array([1.0, None, float("nan")], pd.ArrowDtype(pa.float64())), "both NaN and missing"),
        ([[float("nan")]], "NaN or infinity in its list"),
    ],
)
def test_numbers_that_json_cannot_hold_are_refused_with_the_column(column: Any, why: str) -> None:
    if "both" in why:
        table = pa.table({"ok": [1, 2], "price": pa.array([float("nan"), None])})
    else:
        table = pd.DataFrame({"price": column})
    with pytest.raises(CannotRepresent, match=why) as refused:
        trip("a.json", table)
    assert "'price'" in str(refused.value)
    assert "a.parquet" in str(refused.value)


def test_json_objects_that_were_not_put_as_a_table_can_be_read_as_one() -> None:
    table = read("a.json", b'[{"a": 1, "b": "x"}, {"a": 2}]', as_="pandas")
    assert table["a"].tolist() == [1, 2]
    assert trip("a.jsonl", [{"a": 1}, {"a": 2}], as_="arrow").value.column_names == ["a"]
    with pytest.raises(JskError, match="not a table"):
        trip("a.json", {"a": 1}, as_="pandas")
    with pytest.raises(JskError, match="an int where a row"):
        read("a.jsonl", b"1\n", columns=["a"])


#: Tables that JSON cannot hold, and why.
NOT_JSON = {"floats": "holds infinity", "python_objects": "both NaN and missing"}


@pytest.mark.parametrize("case", table_cases.CASES)
def test_tables_that_other_libraries_change_come_back_from_json_or_are_refused(case: str) -> None:
    table = table_cases.CASES[case]()
    if case in NOT_JSON:
        with pytest.raises(CannotRepresent, match=NOT_JSON[case]):
            trip("a.jsonl", table)
        return
    table_cases.same_frame(table, trip("a.jsonl", table).value)


# YAML ------------------------------------------------------------------------------------------------

YAML_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    NUMPY,
    st.dates(),
    DATETIMES,
    TIMES,
    st.binary(max_size=8),
    st.sets(st.integers() | TEXT, max_size=3),
)
YAML_KEYS = TEXT | st.integers() | st.booleans() | st.none() | st.dates()


@settings(max_examples=150)
@given(nested(YAML_LEAVES, YAML_KEYS))
@example(["no", "1e3", "0o7", "1:30", "~", "2024-01-01", "=", "<<", "- a", " lead", "tail ", "\x85\u2028"])
@example({"a": float("inf"), "b": [1e16, -0.0], "c": {1: "int", "1": "text"}})
def test_plain_data_comes_back_from_yaml(value: Any) -> None:
    assert _same_but_sets(trip("a.yaml", value).value, value)


def _same_but_sets(one: Any, two: Any) -> bool:
    """Compare like :func:`same`, and sets without the order that ``repr`` gives them."""
    if isinstance(one, set) and isinstance(two, set):
        return one == two
    if isinstance(one, dict) and isinstance(two, dict):
        return list(map(repr, one)) == list(map(repr, two)) and all(
            map(_same_but_sets, one.values(), two.values())
        )
    if isinstance(one, list | tuple) and type(one) is type(two):
        return len(one) == len(two) and all(map(_same_but_sets, one, two))
    return same(one, two)


def test_yaml_files_are_made_for_people() -> None:
    data = trip("a.yaml", {"model": {"name": "größe", "layers": [1, 2]}, "since": dt.date(2024, 5, 1)}).data
    assert data.decode() == "model:\n  name: größe\n  layers:\n  - 1\n  - 2\nsince: 2024-05-01\n"
    assert yaml.safe_load(data)["since"] == dt.date(2024, 5, 1)


def test_yaml_never_makes_objects_that_a_file_asks_for() -> None:
    with pytest.raises(JskError, match="could not determine a constructor"):
        read("a.yaml", b"!!python/object/apply:os.system ['true']")


def test_keys_that_yaml_would_change_are_refused() -> None:
    with pytest.raises(CannotRepresent, match=r"The key \(1, 2\) in \$ is a tuple"):
        trip("a.yaml", {(1, 2): "x"})


# TOML ------------------------------------------------------------------------------------------------

TOML_LEAVES = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT, NUMPY, st.dates(), DATETIMES, TIMES
)


@settings(max_examples=100)
@given(st.dictionaries(TEXT, nested(TOML_LEAVES), max_size=4))
@example({"b": {"x": 1}, "a": 2})
def test_settings_come_back_from_toml(value: dict[str, Any]) -> None:
    back = trip("a.toml", value).value
    assert back == value
    assert _sorted(back) == _sorted(value)


def _sorted(value: Any) -> Any:
    """Return a value as text with types, whatever the order of its keys: TOML writes tables last."""
    if isinstance(value, dict):
        return sorted((key, _sorted(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, [_sorted(item) for item in value]
    return repr(value)


def test_toml_files_are_plain_toml() -> None:
    data = trip("a.toml", {"k": 5, "paths": {"in": "a"}}).data
    assert tomllib.loads(data.decode()) == {"k": 5, "paths": {"in": "a"}}


def test_toml_refuses_none_and_anything_but_a_dictionary() -> None:
    with pytest.raises(CannotRepresent, match=r"\$\.a\[1\]\.b is None"):
        trip("a.toml", {"a": [1, {"b": None}]})
    with pytest.raises(UnknownFormat, match=r"No format for \.toml takes a list"):
        trip("a.toml", [1])


# Text ------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\ufeffone\r\ntwo\rthree\n\x0b\x00\u2029")
def test_text_comes_back_with_every_character(text: str) -> None:
    assert trip("a.txt", text).value == text
    assert trip("notes.md", text).value == text


def test_subclasses_of_text_are_refused() -> None:
    with pytest.raises(CannotRepresent, match=r"a numpy\.str_.*plain text"):
        trip("a.txt", np.str_("x"))


def test_foreign_text_loses_its_byte_order_mark_and_other_encodings_are_named() -> None:
    assert read("a.txt", b"\xef\xbb\xbfhello") == "hello"
    with pytest.raises(JskError, match=r"'a\.txt' cannot be read as txt: UnicodeDecodeError"):
        read("a.txt", "größe".encode("latin-1"))


def test_every_plain_format_works_from_memory_and_from_disk() -> None:
    for name, value in (
        ("a.json", [1, "ü"]),
        ("a.jsonl", [[1], {}]),
        ("a.yaml", {"a": 1}),
        ("a.toml", {"a": 1}),
        ("a.txt", "x"),
        ("a.md", "# x"),
    ):
        assert trip(name, value, on_disk=True).value == trip(name, value).value == value


def test_facts_say_how_much_is_in_a_file() -> None:
    assert trip("a.json", {"a": 1, "b": 2}).encoded.facts == {"items": 2}
    assert trip("a.txt", "one\ntwo").encoded.facts == {"characters": 7, "lines": 2}
    assert trip("a.jsonl", frame()).encoded.facts == {"rows": 3, "columns": 11}
    assert Formats().choose("a.ndjson", [1]).name == "jsonl"
