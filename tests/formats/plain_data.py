"""Plain data of any shape, for the tests of all text formats."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import strategies as st

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
