"""Plain data comes back from YAML, which never makes objects that a file asks for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError
from tests.formats.plain_data import DATETIMES, NUMPY, TEXT, TIMES, nested, same
from tests.formats.roundtrip import read, trip

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
