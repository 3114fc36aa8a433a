"""One fitted example of every estimator that scikit-learn has, and what it tells about data."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.discovery import all_estimators

ESTIMATORS: dict[str, type] = dict(all_estimators())

X = np.abs(np.random.default_rng(0).random((60, 4))) + 0.1
CLASSES = np.array([0, 1] * 30)
NUMBERS = X @ [1.0, 2.0, 3.0, 4.0] + 0.5
TEXTS = ["a bird in the hand", "two in the bush", "the early bird"] * 5

#: What the ones that cannot be made without arguments are given.
_MAKE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        [
            "ClassifierChain",
            "FixedThresholdClassifier",
            "MultiOutputClassifier",
            "OneVsOneClassifier",
            "OneVsRestClassifier",
            "OutputCodeClassifier",
            "RFE",
            "RFECV",
            "SelectFromModel",
            "SelfTrainingClassifier",
            "SequentialFeatureSelector",
            "TunedThresholdClassifierCV",
        ],
        lambda cls: cls(LogisticRegression()),
    ),
    **dict.fromkeys(["MultiOutputRegressor", "RegressorChain"], lambda cls: cls(Ridge())),
    **dict.fromkeys(
        ["GridSearchCV", "HalvingGridSearchCV"], lambda cls: cls(LogisticRegression(), {"C": [0.1, 1]})
    ),
    **dict.fromkeys(
        ["RandomizedSearchCV", "HalvingRandomSearchCV"],
        lambda cls: cls(LogisticRegression(), {"C": [0.1, 1]}, random_state=0),
    ),
    **dict.fromkeys(
        ["StackingClassifier", "VotingClassifier"], lambda cls: cls([("a", LogisticRegression())])
    ),
    **dict.fromkeys(["StackingRegressor", "VotingRegressor"], lambda cls: cls([("a", Ridge())])),
    "Pipeline": lambda cls: cls([("scale", StandardScaler()), ("model", LogisticRegression())]),
    "FeatureUnion": lambda cls: cls([("scale", StandardScaler())]),
    "ColumnTransformer": lambda cls: cls([("scale", StandardScaler(), [0, 1])], remainder="passthrough"),
    "FrozenEstimator": lambda cls: cls(LogisticRegression().fit(X, CLASSES)),
    "SparseCoder": lambda cls: cls(dictionary=np.eye(4)),
    **dict.fromkeys(
        ["GaussianRandomProjection", "SparseRandomProjection"], lambda cls: cls(2, random_state=0)
    ),
    "PatchExtractor": lambda cls: cls(patch_size=(2, 2)),
    "BernoulliRBM": lambda cls: cls(n_components=3, n_iter=2, random_state=0),
}

#: What each is fitted to, tried in this order; few take anything but the first two.
_DATA: tuple[tuple[Any, ...], ...] = (
    (X, CLASSES),
    (X, NUMBERS),
    (X, np.c_[CLASSES, 1 - CLASSES]),
    (X, np.c_[NUMBERS, NUMBERS]),
    (X[:, 0], NUMBERS),
    (CLASSES,),
    ([[1, 2], [2, 3]],),
)
_ODD: dict[str, tuple[Any, ...]] = {
    "CountVectorizer": (TEXTS,),
    "TfidfVectorizer": (TEXTS,),
    "HashingVectorizer": (TEXTS,),
    "DictVectorizer": ([{"a": 1, "b": "x"}, {"a": 2}] * 5,),
    "FeatureHasher": ([{"a": 1}, {"b": 2}],),
    "PatchExtractor": (np.zeros((2, 8, 8)),),
}


def fitted(name: str) -> tuple[Any, Any]:
    """Return an estimator of this name, fitted, and data that it takes.

    Raises
    ------
    ValueError
        If it fits none of the data.
    """
    cls = ESTIMATORS[name]
    for data in (_ODD[name],) if name in _ODD else _DATA:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = _MAKE.get(name, lambda cls: cls())(cls)
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimator.fit(*data)
        except (TypeError, ValueError, AttributeError, IndexError):
            continue
        return estimator, data[0]
    raise ValueError(f"{name} fits none of the data")


def outcome(estimator: Any, data: Any) -> dict[str, Any]:
    """Return all that an estimator can tell about data, and what it has learnt."""
    told = {}
    # Some keep the very array they were fitted to, and multiply it with itself in another way than with an
    # equal one, which changes the last bit.
    data = copy.deepcopy(data)
    for method in ("predict", "predict_proba", "decision_function", "transform", "score_samples"):
        # A restricted Boltzmann machine draws a random sample for its score.
        if hasattr(estimator, method) and (type(estimator).__name__, method) != (
            "BernoulliRBM",
            "score_samples",
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                told[method] = getattr(estimator, method)(data)
    learnt = {key: value for key, value in vars(estimator).items() if key.endswith("_") and key[0] != "_"}
    return told | {key: value for key, value in learnt.items() if _is_comparable(value)}


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


def _is_comparable(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject or all(isinstance(item, str) for item in value.ravel())
    return isinstance(value, float | int | str)
