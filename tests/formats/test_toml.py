"""Settings come back from TOML."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, UnknownFormat
from tests.formats.plain_data import DATETIMES, NUMPY, TEXT, TIMES, nested
from tests.formats.roundtrip import trip

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
