"""Only reviewed or trusted types are loaded from a skops file, also from a crafted one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import Birch
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from jsk_saver.errors import CannotRepresent, UntrustedObject
from jsk_saver.formats import Formats
from jsk_saver.formats.trusted import ROLES
from tests.formats.estimators import CLASSES, X
from tests.formats.roundtrip import read, trip

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


NAME = "tests.formats.test_untrusted_models.Doubler"


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


def tree_with(field: str, number: int) -> Any:
    """Return a fitted tree with another number in its root."""
    tree = DecisionTreeClassifier(random_state=0).fit(X, CLASSES)
    state = tree.tree_.__getstate__()
    state["nodes"][field][0] = number
    tree.tree_.__setstate__(state)
    return tree


def out_of_bounds_tree() -> Any:
    return tree_with("left_child", 10**9)


def circular_tree() -> Any:
    return tree_with("right_child", 0)


def foreign_feature_tree() -> Any:
    return tree_with("feature", 4)


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
