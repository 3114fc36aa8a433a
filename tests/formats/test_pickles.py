"""Nothing in a pickle runs unless the caller says so, and then every object comes back."""

from __future__ import annotations

import collections
import pickle
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from jsk_saver.errors import JskError, UntrustedObject
from jsk_saver.formats import Formats, Reading
from jsk_saver.payload import Payload
from tests.formats.estimators import CLASSES, X, same
from tests.formats.roundtrip import read, trip


class Canary:
    """Tells when it was unpickled."""

    woken = 0

    def __reduce__(self) -> Any:
        return _wake, ()


def _wake() -> Canary:
    Canary.woken += 1
    return Canary()


CODE = ["a.pkl", "a.pickle", "a.joblib", "a.pt", "a.pth"]


@pytest.mark.parametrize("name", CODE)
def test_nothing_runs_without_allow_pickle_and_the_error_shows_the_risk_and_the_call(name: str) -> None:
    if name.endswith(("pt", "pth")):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    formats = Formats()
    chosen = formats.choose(name, {"a": Canary()})
    assert chosen.runs_code
    with Payload() as payload:
        encoded = formats.encode(chosen, {"a": Canary()}, payload, name)
        payload.finish()
        before = Canary.woken
        with pytest.raises(UntrustedObject) as refused:
            formats.decode(chosen, payload, Reading(name, encoded.type))
        assert "loading a pickle runs whatever code its author put in it" in str(refused.value)
        assert f'saver.get("{name}", allow_pickle=True)' in str(refused.value)
        assert Canary.woken == before
        formats.decode(chosen, payload, Reading(name, encoded.type), allow_pickle=True)
        assert Canary.woken == before + 1


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize("name", ["a.pkl", "a.joblib"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_any_object_that_pickles_comes_back(name: str, on_disk: bool) -> None:
    put = {
        "set": {1, "a"},
        "point": Point(1, (2,)),
        "array": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "object": np.array([{}, None], dtype=object),
        "frame": pd.DataFrame({"a": [1, None]}),
        "model": LogisticRegression().fit(X, CLASSES),
        "ordered": collections.OrderedDict(b=1, a=2),
        ("a", 1): b"x" * 3_000_000,
    }
    back = trip(name, put, on_disk=on_disk).value
    assert back["set"] == put["set"]
    assert back["point"] == put["point"]
    assert type(back["point"]) is Point
    assert same(back["array"], put["array"])
    assert back["array"].flags.f_contiguous
    assert back["object"].tolist() == [{}, None]
    pd.testing.assert_frame_equal(back["frame"], put["frame"])
    assert same(back["model"].predict(X), put["model"].predict(X))
    assert list(back["ordered"]) == ["b", "a"]
    assert back["a", 1] == put["a", 1]


def test_pickles_are_plain_pickles_of_protocol_5(tmp_path: Path) -> None:
    data = trip("a.pkl", [np.arange(3)]).data
    assert data[:2] == b"\x80\x05"
    assert pickle.loads(data)[0].tolist() == [0, 1, 2]
    path = tmp_path / "a.joblib"
    path.write_bytes(trip("a.joblib", {"a": np.arange(3)}).data)
    assert joblib.load(path)["a"].tolist() == [0, 1, 2]


def test_a_large_array_in_a_pickle_needs_no_second_one_in_memory(tmp_path: Path) -> None:
    put = {"a": np.random.default_rng(0).random(4_000_000), "b": np.zeros((1000, 1000), order="F")}  # 40 MB
    for name in ("a.pkl", "a.joblib"):
        chosen = Formats().choose(name, put)
        tracemalloc.start()
        with Payload(tmp_path) as payload:
            chosen.encode(put, payload, name)
            payload.finish()
            writing = tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
            back = chosen.decode(payload, Reading(name))
            reading = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(back["a"], put["a"])
        assert writing < 60 * 2**20, name
        assert reading < 40_000_000 + 36 * 2**20, name


class Fitted:
    """A class that goes by another name in a pickle of it."""


def test_a_pickle_of_a_class_that_is_not_here_says_what_to_define() -> None:
    data = pickle.dumps(Fitted()).replace(b"Fitted", b"Absent")
    with pytest.raises(JskError, match="Can't get attribute 'Absent'") as refused:
        read("a.pkl", data, allow_pickle=True)
    assert "import the module" in str(refused.value)
    data = b"\x80\x04\x8c\x0cno_such_pkg_\x8c\x05Model\x93."
    with pytest.raises(JskError, match="needs the module 'no_such_pkg_'"):
        read("a.pkl", data, allow_pickle=True)
    with pytest.raises(JskError, match=r"'a\.pkl' cannot be read as pickle: UnpicklingError"):
        read("a.pkl", b"\xff", allow_pickle=True)


@pytest.mark.parametrize("name", ["a.pkl", "a.joblib"])
def test_a_class_of_the_notebook_is_saved_with_a_warning_that_only_its_name_is(name, monkeypatch):
    monkeypatch.setattr(Canary, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Canary", Canary, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "_wake", _wake, raising=False)
    with pytest.warns(UserWarning, match="a pickle holds only its name"), Payload() as payload:
        Formats().choose(name, Canary()).encode(Canary(), payload, name)
