"""What cannot be pickled is named with its place, and with a way that works."""

from __future__ import annotations

import functools
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from jsk_saver.errors import CannotRepresent, SettingsError, UnknownFormat
from jsk_saver.formats import Formats
from jsk_saver.formats.unpicklable import culprit
from tests.formats.estimators import X
from tests.formats.roundtrip import trip


class Holder:
    def __init__(self) -> None:
        self.fine = [1, 2]
        self.steps = {"first": [len, lambda x: x]}


@pytest.mark.parametrize("name", ["a.pkl", "a.joblib"])
def test_what_cannot_be_pickled_is_named_with_its_place(name: str) -> None:
    for put, place in (
        ({"a": [0, threading.Lock()]}, r"\$\.a\[1\] is a _thread\.lock"),
        ({"of": functools.partial(print, threading.Lock())}, r"\$\.of\.args\[0\] is a _thread\.lock"),
    ):
        with pytest.raises(CannotRepresent, match=place) as refused:
            trip(name, put)
        assert "cannot be pickled" in str(refused.value)
        assert "Leave it out" in str(refused.value)


@pytest.mark.parametrize("name", ["a.skops", "a.joblib", "a.pkl"])
def test_a_lambda_is_named_with_its_place_and_a_named_function_is_advised_which_works(name: str) -> None:
    put = make_pipeline(FunctionTransformer(lambda x: x), StandardScaler()).fit(X)
    with pytest.raises(CannotRepresent, match=r"\$\.steps\[0\]\[1\]\.func is a lambda") as refused:
        trip(name, put)
    assert "function with a name in a module of your own" in str(refused.value)
    assert "trust(" not in str(refused.value)
    assert "saver.put(" not in str(refused.value)
    formats = Formats()
    formats.trust(doubled)
    named = make_pipeline(FunctionTransformer(doubled), StandardScaler()).fit(X)
    back = trip(name, named, formats=formats).value
    assert np.array_equal(back.transform(X), named.transform(X))


def doubled(x: Any) -> Any:
    return x * 2


@pytest.mark.parametrize("name", ["a.pkl", "a.joblib"])
def test_what_has_no_name_to_be_found_by_says_how_to_give_it_one(name: str) -> None:
    class Inner:
        pass

    for put, place, advice in (
        (Holder(), r"\$\.steps\.first\[1\] is a lambda \(<function Holder", "function with a name"),
        ({"gen": (at for at in range(3))}, r"\$\.gen is a generator", "list(...)"),
        ({"of": functools.partial(lambda x: x)}, r"\$\.of\.func is a lambda", "function with a name"),
        ({"own": Inner()}, r"\$\.own is a .*Inner", "Define Inner at the top level of a module"),
        (threading.Lock(), r"The object is a _thread\.lock", "Save the data"),
    ):
        with pytest.raises(CannotRepresent, match=place) as refused:
            trip(name, put)
        assert advice in str(refused.value)


def test_what_surely_does_not_pickle_is_never_said_to_be_saved_as_a_pickle() -> None:
    for put, advice in (
        (lambda x: x, "function with a name"),
        ((at for at in range(3)), "list(...)"),
        (pickle, "Path(pickle.__file__)"),
    ):
        for name in ("a.csv", "a.pkl", "a.joblib"):
            with pytest.raises(UnknownFormat) as refused:
                trip(name, put)
            assert advice in str(refused.value)
            assert "can be saved as" not in str(refused.value)


def test_what_has_no_name_cannot_be_trusted() -> None:
    with pytest.raises(SettingsError, match="has no name by which it could be found again"):
        Formats().trust("__main__.<lambda>")


def test_the_culprit_is_looked_for_in_bounded_time() -> None:
    put = [[at] for at in range(10_000)] + [threading.Lock()]
    assert culprit(put) == ("$", put)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(CannotRepresent, match="recursion"):
        trip("a.pkl", nested)
