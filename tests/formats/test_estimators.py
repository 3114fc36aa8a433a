"""Models of scikit-learn come back with the same predictions, also in skops itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
import skops.io
from sklearn import metrics, model_selection
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
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from jsk_saver.errors import CannotRepresent, UnknownFormat
from tests.formats.estimators import CLASSES, ESTIMATORS, NUMBERS, TEXTS, X, fitted, outcome, same
from tests.formats.roundtrip import read, trip

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: What skops cannot save, each with the reason it gives.
REFUSED = {"Birch": "Objects of type Birch are not supported yet"}


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
