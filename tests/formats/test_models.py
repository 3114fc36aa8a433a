"""Models come back with the same predictions, and nothing in a file runs unless the caller says so."""

from __future__ import annotations

import collections
import functools
import io
import json
import pickle
import re
import threading
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
import skops.io
from onnx import TensorProto, helper
from sklearn import metrics, model_selection
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import Birch
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, TweedieRegressor
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from jsk_saver.errors import CannotRepresent, JskError, SettingsError, UnknownFormat, UntrustedObject
from jsk_saver.formats import Formats, Reading, models
from jsk_saver.formats.trusted import ROLES
from jsk_saver.formats.unpicklable import culprit
from jsk_saver.payload import Payload
from tests.formats.estimators import CLASSES, ESTIMATORS, NUMBERS, TEXTS, X, fitted, outcome
from tests.formats.roundtrip import read, trip

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: What skops cannot save, each with the reason it gives.
REFUSED = {"Birch": "Objects of type Birch are not supported yet"}


def same(one: Any, two: Any) -> bool:
    """Tell whether two outcomes are equal in type and every number."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if scipy.sparse.issparse(one):
        return same(one.toarray(), two.toarray())
    if isinstance(one, np.ndarray):
        if one.dtype.hasobject:
            return repr(one.tolist()) == repr(two.tolist())
        return one.dtype == two.dtype and np.array_equal(one, two, equal_nan=one.dtype.kind in "fc")
    return bool(one == two) or repr(one) == repr(two) == "nan"


# Scikit-learn ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_every_estimator_of_scikit_learn_comes_back_with_the_same_predictions(name: str) -> None:
    estimator, data = fitted(name)
    if name in REFUSED:
        with pytest.raises(CannotRepresent, match=REFUSED[name]) as refused:
            trip("model.skops", estimator)
        assert 'saver.put("model.joblib", model)' in str(refused.value)
        assert same(outcome(trip("model.joblib", estimator).value, data), outcome(estimator, data))
        return
    before = outcome(estimator, data)
    assert before, "nothing to compare"
    back = trip("model.skops", estimator)
    assert type(back.value) is type(estimator)
    assert back.value.get_params().keys() == estimator.get_params().keys()
    assert same(outcome(back.value, data), before)
    assert back.encoded.facts["estimator"] == name


def table() -> pd.DataFrame:
    return pd.DataFrame(X, columns=list("abcd")).assign(kind=["x", "y", "z"] * 20)


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "forest": lambda: (RandomForestClassifier(5, random_state=0).fit(X, CLASSES), X),
    "pipeline": lambda: (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, CLASSES), X),
    "boosting": lambda: (GradientBoostingClassifier(n_estimators=3).fit(X, np.arange(60) % 3), X),
    "histograms with categories": lambda: (
        HistGradientBoostingClassifier(max_iter=3, categorical_features=["kind"]).fit(
            table().astype({"kind": "category"}), CLASSES
        ),
        table().astype({"kind": "category"}),
    ),
    "histogram losses": lambda: (
        HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=3).fit(X, NUMBERS),
        X,
    ),
    "columns": lambda: (
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), make_column_selector(dtype_include=np.number)),
                ("kinds", OneHotEncoder(dtype=np.float32), ["kind"]),
            ]
        ).fit(table()),
        table(),
    ),
    "ball tree": lambda: (KNeighborsClassifier(algorithm="ball_tree", metric="canberra").fit(X, CLASSES), X),
    "weighted neighbours": lambda: (
        KNeighborsClassifier(algorithm="ball_tree", metric="mahalanobis", metric_params={"V": np.eye(4)}).fit(
            X, CLASSES
        ),
        X,
    ),
    "scaled neighbours": lambda: (
        KNeighborsClassifier(
            algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.arange(1.0, 5)}
        ).fit(X, CLASSES),
        X,
    ),
    "sparse neighbours": lambda: (KNeighborsClassifier().fit(scipy.sparse.csr_array(X), CLASSES), X),
    "density": lambda: (KernelDensity().fit(X), X),
    "gaussian process": lambda: (
        GaussianProcessRegressor(kernels.Matern() * kernels.DotProduct() + kernels.WhiteKernel()).fit(
            X, NUMBERS
        ),
        X,
    ),
    "search": lambda: (
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [1, 2]},
            cv=KFold(3, shuffle=True, random_state=0),
            scoring=metrics.make_scorer(metrics.fbeta_score, beta=2),
        ).fit(X, CLASSES),
        X,
    ),
    "several scores": lambda: (
        GridSearchCV(LogisticRegression(), {"C": [1]}, scoring=["accuracy", "roc_auc"], refit="roc_auc").fit(
            X, CLASSES
        ),
        X,
    ),
    "network": lambda: (MLPClassifier(solver="sgd", max_iter=5).fit(X, CLASSES), X),
    "linear losses": lambda: (SGDClassifier(loss="modified_huber").fit(X, CLASSES), X),
    "tweedie": lambda: (TweedieRegressor(power=1.5, link="log").fit(X, NUMBERS), X),
    "splines": lambda: (SplineTransformer().fit(X), X),
    "texts": lambda: (TfidfVectorizer(ngram_range=(1, 2), stop_words="english").fit(TEXTS), TEXTS),
    "isolation": lambda: (IsolationForest(n_estimators=5, max_features=0.5, random_state=0).fit(X), X),
    "bagging": lambda: (
        BaggingClassifier(DecisionTreeClassifier(), 3, max_features=2, random_state=0).fit(X, CLASSES),
        X,
    ),
    "functions": lambda: (
        make_pipeline(
            FunctionTransformer(np.log1p), FunctionTransformer(functools.partial(np.clip, a_min=0, a_max=1))
        ).fit(X),
        X,
    ),
    "special functions": lambda: (FunctionTransformer(scipy.special.expit).fit(X), X),
    "random state": lambda: (
        RandomForestClassifier(2, random_state=np.random.RandomState(3)).fit(X, CLASSES),
        X,
    ),
    "text labels": lambda: (LogisticRegression().fit(X, np.array(["no", "yes"])[CLASSES]), X),
    "pandas output": lambda: (StandardScaler().set_output(transform="pandas").fit(table()[list("abcd")]), X),
    "unfitted": lambda: (LogisticRegression(C=3), None),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_models_as_people_build_them_come_back_with_the_same_predictions(name: str) -> None:
    model, data = MODELS[name]()
    back = trip("model.skops", model, on_disk=True).value
    assert type(back) is type(model)
    assert re.sub("0x[0-9A-Fa-f]+", "", repr(back)) == re.sub("0x[0-9A-Fa-f]+", "", repr(model))
    if data is not None:
        one, two = outcome(back, data), outcome(model, data)
        if name == "pandas output":
            assert one.pop("transform").equals(two.pop("transform"))
        assert same(one, two)


@pytest.mark.parametrize("splitter", ["KFold", "TimeSeriesSplit", "ShuffleSplit", "RepeatedStratifiedKFold"])
def test_searches_keep_their_splitters(splitter: str) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=getattr(model_selection, splitter)(n_splits=3))
    assert repr(trip("a.skops", search).value.cv) == repr(search.cv)


def test_every_scorer_of_scikit_learn_comes_back() -> None:
    for name in metrics.get_scorer_names():
        search = GridSearchCV(Ridge(), {"alpha": [1]}, scoring=metrics.get_scorer(name))
        assert repr(trip("a.skops", search).value.scoring) == repr(search.scoring)


def test_the_same_model_is_the_same_bytes_in_every_session() -> None:
    def data() -> bytes:
        return trip("a.skops", RandomForestClassifier(3, random_state=0).fit(X, CLASSES)).data

    assert data() == data()


def test_skops_files_are_read_by_skops_itself(tmp_path: Path) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(X, CLASSES)
    path = tmp_path / "a.skops"
    path.write_bytes(trip("a.skops", model).data)
    loaded = skops.io.load(path, trusted=["sklearn.tree._tree.Tree"])
    assert np.array_equal(loaded.predict(X), model.predict(X))
    skops.io.dump(model, path)
    assert np.array_equal(read("a.skops", path.read_bytes()).predict(X), model.predict(X))


def test_other_objects_are_refused_under_skops_with_what_fits() -> None:
    with pytest.raises(UnknownFormat, match=r"No format for \.skops takes a dict") as refused:
        trip("a.skops", {"model": 1})
    assert ".json" in str(refused.value)


# What cannot be loaded is refused at put -------------------------------------------------------------


class Doubler(TransformerMixin, BaseEstimator):
    """A transformer of one's own."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> Doubler:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X * self.factor


NAME = "tests.formats.test_models.Doubler"


def test_a_class_of_ones_own_is_saved_and_loaded_once_it_is_trusted() -> None:
    formats = Formats()
    model = make_pipeline(Doubler(3), StandardScaler()).fit(X)
    with pytest.raises(CannotRepresent, match="not trusted on loading") as refused:
        trip("a.skops", model, formats=formats)
    assert NAME in str(refused.value)
    assert f'saver.formats.trust("{NAME}")' in str(refused.value)
    assert 'saver.put("a.joblib", model)' in str(refused.value)
    formats.trust(Doubler)
    assert formats.trusted == {NAME}
    back = trip("a.skops", model, formats=formats)
    assert np.array_equal(back.value.transform(X), model.transform(X))
    with pytest.raises(UntrustedObject, match="types that nobody has reviewed") as untrusted:
        read("a.skops", back.data)
    assert f'saver.formats.trust("{NAME}"); saver.get("a.skops")' in str(untrusted.value)
    other = Formats()
    other.trust(NAME)
    assert type(read("a.skops", back.data, formats=other)[0]) is Doubler


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Birch(), "not supported"),
        (make_pipeline(FunctionTransformer(np.load)), "numpy.load"),
        (
            RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform(0, 1)}),
            r"exec\(\) of text from the file",
        ),
        (LogisticRegression(C=1j), "skops cannot save this sklearn.linear_model.LogisticRegression"),
    ],
    ids=["unsupported", "opens files", "runs text", "not loadable"],
)
def test_what_could_not_be_loaded_again_is_refused_at_put(model: Any, why: str) -> None:
    with pytest.raises(CannotRepresent, match=why) as refused:
        trip("models/a.skops", model)
    assert 'saver.put("models/a.joblib", model)' in str(refused.value)


# Crafted files ---------------------------------------------------------------------------------------


def rewritten(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a skops file whose schema was changed by hand."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            new.writestr(name, content)
    return buffer.getvalue()


def test_a_file_that_names_other_types_is_refused_with_their_names() -> None:
    def change(schema: dict[str, Any]) -> None:
        schema["content"]["content"]["C"] = {
            "__class__": "system",
            "__module__": "os",
            "__loader__": "FunctionNode",
        }

    with pytest.raises(UntrustedObject, match=r"os\.system"):
        read("a.skops", rewritten(trip("a.skops", LogisticRegression()).data, change))


def test_a_trusted_function_can_be_mentioned_but_not_called() -> None:
    called: dict[str, Any] = {
        "__class__": "mean",
        "__module__": "numpy",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [
                {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "[1, 2]"}
            ],
        },
    }

    def change(schema: dict[str, Any]) -> None:
        schema["content"]["content"]["C"] = called

    data = rewritten(trip("a.skops", LogisticRegression()).data, change)
    # skops itself would call it as soon as the name is trusted.
    assert skops.io.loads(data, trusted=["numpy.mean"]).C == 1.5
    with pytest.raises(UntrustedObject, match=r"numpy\.mean as ConstructorFromReduceNode"):
        read("a.skops", data)


def test_distributions_of_scipy_are_not_trusted_because_loading_them_runs_text_from_the_file() -> None:
    search = RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform(0, 1)})
    data = skops.io.dumps(search)
    with pytest.raises(UntrustedObject, match=r"uniform_gen \(rebuilds itself with exec\(\)"):
        read("a.skops", data)


def out_of_bounds_tree() -> Any:
    tree = DecisionTreeClassifier(random_state=0).fit(X, CLASSES)
    state = tree.tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10**9
    tree.tree_.__setstate__(state)
    return tree


def circular_tree() -> Any:
    tree = DecisionTreeClassifier(random_state=0).fit(X, CLASSES)
    state = tree.tree_.__getstate__()
    state["nodes"]["right_child"][0] = 0
    tree.tree_.__setstate__(state)
    return tree


def foreign_feature_tree() -> Any:
    tree = DecisionTreeClassifier(random_state=0).fit(X, CLASSES)
    state = tree.tree_.__getstate__()
    state["nodes"]["feature"][0] = 4
    tree.tree_.__setstate__(state)
    return tree


def forest_of_wider_trees() -> Any:
    forest = RandomForestClassifier(2, random_state=0).fit(X, CLASSES)
    forest.estimators_[1] = DecisionTreeClassifier().fit(np.c_[X, X], CLASSES)
    return forest


def boosting_with_more_columns_than_it_says() -> Any:
    boosting = GradientBoostingClassifier(n_estimators=2).fit(X, np.arange(60) % 3)
    boosting.n_trees_per_iteration_ = 1
    return boosting


def out_of_bounds_histogram() -> Any:
    boosting = HistGradientBoostingClassifier(max_iter=2).fit(X, CLASSES)
    boosting._predictors[0][0].nodes["left"][0] = 2**31
    return boosting


def histogram_of_a_foreign_feature() -> Any:
    boosting = HistGradientBoostingClassifier(max_iter=2).fit(X, CLASSES)
    boosting._predictors[1][0].nodes["feature_idx"][0] = 99
    return boosting


def out_of_bounds_neighbours() -> Any:
    model = KNeighborsClassifier(algorithm="kd_tree").fit(X, CLASSES)
    state = list(model._tree.__getstate__())
    state[1] = state[1] + 1000
    model._tree.__setstate__(tuple(state))
    return model


def out_of_bounds_spline() -> Any:
    model = SplineTransformer().fit(X)
    model.bsplines_[0].k = 50
    return model


def out_of_bounds_sparse() -> Any:
    model = KNeighborsClassifier().fit(scipy.sparse.csr_array(X), CLASSES)
    model._fit_X.indices[0] = 10**6
    return model


@pytest.mark.parametrize(
    "make",
    [
        out_of_bounds_tree,
        circular_tree,
        foreign_feature_tree,
        forest_of_wider_trees,
        boosting_with_more_columns_than_it_says,
        out_of_bounds_histogram,
        histogram_of_a_foreign_feature,
        out_of_bounds_neighbours,
        out_of_bounds_spline,
        out_of_bounds_sparse,
    ],
)
def test_models_whose_numbers_reach_outside_of_them_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(UntrustedObject, match="could crash Python"):
        read("a.skops", skops.io.dumps(make()))


def test_every_reviewed_name_that_exists_here_is_what_its_role_says() -> None:
    import importlib

    found = 0
    for name, roles in ROLES.items():
        module, _, attribute = name.rpartition(".")
        try:
            thing = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            continue  # of another release
        found += 1
        assert isinstance(thing, type) == ("FunctionNode" not in roles), name
    assert found > 200


# Formats that run code -------------------------------------------------------------------------------


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


def test_a_pickle_of_a_class_that_is_not_here_says_what_to_define() -> None:
    data = pickle.dumps(Holder.__new__(Holder)).replace(b"Holder", b"Absent")
    with pytest.raises(JskError, match="Can't get attribute 'Absent'") as refused:
        read("a.pkl", data, allow_pickle=True)
    assert "import the module" in str(refused.value)
    data = b"\x80\x04\x8c\x0cno_such_pkg_\x8c\x05Model\x93."
    with pytest.raises(JskError, match="needs the module 'no_such_pkg_'"):
        read("a.pkl", data, allow_pickle=True)
    with pytest.raises(JskError, match=r"'a\.pkl' cannot be read as pickle: UnpicklingError"):
        read("a.pkl", b"\xff", allow_pickle=True)


# PyTorch ---------------------------------------------------------------------------------------------


def test_torch_modules_tensors_and_checkpoints_come_back() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    sample = torch.ones(2, 4)
    for on_disk in (False, True):
        back = trip("a.pt", model, on_disk=on_disk).value
        assert torch.equal(back(sample), model(sample))
        tensor = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).t()
        assert torch.equal(trip("a.pth", tensor, on_disk=on_disk).value, tensor)
        put = {"epoch": 3, "state": model.state_dict(), "best": (0.5, None)}
        checkpoint = trip("a.pt", put, on_disk=on_disk).value
        assert checkpoint["best"] == (0.5, None)
        assert torch.equal(checkpoint["state"]["0.weight"], model[0].weight)
    assert trip("a.pt", model).data == trip("a.pt", model).data


def test_torch_refuses_what_is_no_checkpoint_and_names_what_cannot_be_pickled() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(UnknownFormat, match=r"No format for \.pt takes a sklearn"):
        trip("a.pt", LogisticRegression())
    with pytest.raises(CannotRepresent, match=r"\$\.hook is a lambda"):
        trip("a.pt", {"w": torch.ones(1), "hook": lambda x: x})


# ONNX ------------------------------------------------------------------------------------------------


def network() -> onnx.ModelProto:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    node = helper.make_node("Add", ["x", "w"], ["y"])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    return helper.make_model(helper.make_graph([node], "g", inputs, outputs, [weights]))


def test_onnx_models_come_back_the_same() -> None:
    for on_disk in (False, True):
        back = trip("a.onnx", network(), on_disk=on_disk)
        assert type(back.value) is onnx.ModelProto
        assert back.value == network()
        assert back.encoded.facts["inputs"] == ["x"]
    onnx.checker.check_model(back.value)


def test_onnx_models_that_one_file_cannot_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = network()
    outside.graph.initializer[0].raw_data = b"\0" * 8
    onnx.external_data_helper.set_external_data(outside.graph.initializer[0], location="weights.bin")
    with pytest.raises(CannotRepresent, match="weights in another file"):
        trip("a.onnx", outside)
    monkeypatch.setattr(models, "_PROTOBUF_LIMIT", 10)
    with pytest.raises(CannotRepresent, match="larger than 2 GB") as refused:
        trip("a.onnx", network())
    assert "save_as_external_data=True" in str(refused.value)


def test_damaged_model_files_are_clear_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("a.onnx", "a.skops", "a.joblib", "a.pt"):
            with pytest.raises(JskError, match=rf"'{name}' cannot be read as"):
                read(name, b"\xffnot a model", allow_pickle=True)
