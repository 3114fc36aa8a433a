"""How well an estimator fits what it was trained on: under the names that MLflow's autologging gives."""

from __future__ import annotations

import inspect
import math
import numbers
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

#: Rows that training scores are computed from: of more, so many evenly spaced ones.
MOST_ROWS = 10_000
#: Of which the silhouette takes this many: it compares each with each.
_MOST_PAIRS = 2_000
#: What fitting leaves in an estimator that says how it went (scikit-learn's glossary, "attributes").
_ATTRIBUTES = (  # noqa: SIM905 - as prose it can be read
    "inertia_ n_iter_ best_score_ oob_score_ lower_bound_ reconstruction_err_ kl_divergence_ loss_ stress_ "
    "alpha_ lambda_ noise_variance_ n_components_ n_leaves_ refit_time_"
).split()
#: Parameters that let an estimator write over what it is given.
_MAY_OVERWRITE = ("copy", "copy_X", "copy_x")


@dataclass(frozen=True, slots=True)
class Data:
    """What an estimator was fitted on; rows of it, if there are many."""

    X: Any
    y: Any = None

    def part(self, most: int) -> Data:
        """Return as many rows, evenly spaced."""
        import numpy as np
        from sklearn.utils import _safe_indexing

        count = rows(self.X)
        if count <= most:
            return self
        chosen = np.linspace(0, count - 1, most).astype(int)
        return Data(
            _safe_indexing(self.X, chosen), None if self.y is None else _safe_indexing(self.y, chosen)
        )


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was to come out, and what did."""

    true: Any
    predicted: Any


def data_of(function: Any, estimator: Any, args: Any, kwargs: dict[str, Any]) -> Data | None:
    """Return what a ``fit`` is given; None where that is not known, or may be written over."""
    try:
        bound = inspect.signature(function).bind(estimator, *args, **kwargs).arguments
    except (TypeError, ValueError):
        return None
    own = estimator.get_params(deep=False)
    if bound.get("X") is None or any(own.get(name) is False for name in _MAY_OVERWRITE):
        return None
    return Data(bound["X"], bound.get("y", bound.get("Y")))


def rows(table: Any) -> int:
    """Return how many rows a table, array or list has."""
    shape = getattr(table, "shape", None)
    return int(shape[0]) if shape else len(table)


def attributes(estimator: Any) -> dict[str, float]:
    """Return what fitting left in the estimator, as numbers."""
    found: dict[str, float] = {}
    for name in _ATTRIBUTES:
        value = getattr(estimator, name, None)
        if type(value) is not bool and isinstance(value, numbers.Real) and math.isfinite(value):
            found[name.rstrip("_")] = float(value)
    ratio = getattr(estimator, "explained_variance_ratio_", None)
    if ratio is not None:
        found["explained_variance"] = float(sum(ratio))
    return found


def training(estimator: Any, data: Data) -> tuple[dict[str, float], Predicted | None]:
    """Return the scores of a fitted estimator on what it was trained on, and what they come from."""
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator) and data.y is not None:
        return _classified(estimator, data.part(MOST_ROWS))
    if is_regressor(estimator) and data.y is not None:
        return _regressed(estimator, data.part(MOST_ROWS))
    if _kind(estimator) == "clusterer":
        return _clustered(estimator, data), None
    return {}, None


def _classified(estimator: Any, data: Data) -> tuple[dict[str, float], Predicted | None]:
    from sklearn import metrics
    from sklearn.utils.multiclass import type_of_target

    if type_of_target(data.y) not in ("binary", "multiclass") or not hasattr(estimator, "predict"):
        return _own_score(estimator, data), None
    predicted = estimator.predict(data.X)
    average: dict[str, Any] = {"average": "weighted", "zero_division": 0}
    found = {
        "training_accuracy_score": metrics.accuracy_score(data.y, predicted),
        "training_precision_score": metrics.precision_score(data.y, predicted, **average),
        "training_recall_score": metrics.recall_score(data.y, predicted, **average),
        "training_f1_score": metrics.f1_score(data.y, predicted, **average),
    }
    found |= _own_score(estimator, data, "ClassifierMixin", found["training_accuracy_score"])
    if hasattr(estimator, "predict_proba"):
        found |= _with_probabilities(estimator, data)
    return _floats(found), Predicted(data.y, predicted)


def _own_score(estimator: Any, data: Data, mixin: str = "", usual: float = math.nan) -> dict[str, float]:
    """Return what the estimator itself calls its score; nothing where it has none for such data.

    Parameters
    ----------
    estimator, data
        What was fitted, and on what.
    mixin, usual
        Where its ``score`` is that of this base, it is ``usual``: that saves predicting once more.
    """
    from sklearn import base

    inherited = getattr(getattr(base, mixin, None), "score", None)
    own = getattr(type(estimator), "score", None)
    if inherited is not None and own is not None and inspect.unwrap(own) is inspect.unwrap(inherited):
        return {"training_score": usual}
    with suppress(Exception):
        return {"training_score": float(estimator.score(data.X, data.y))}
    return {}


def _with_probabilities(estimator: Any, data: Data) -> dict[str, Any]:
    """Return the scores that need probabilities; none where a class is missing from the rows."""
    import numpy as np
    from sklearn import metrics

    classes = list(estimator.classes_)
    if len(classes) < 2 or len(np.unique(data.y)) != len(classes):
        return {}
    likely = estimator.predict_proba(data.X)
    found = {"training_log_loss": metrics.log_loss(data.y, likely, labels=classes)}
    sure = likely[:, 1] if len(classes) == 2 else likely
    found["training_roc_auc"] = metrics.roc_auc_score(data.y, sure, multi_class="ovr")
    return found


def _regressed(estimator: Any, data: Data) -> tuple[dict[str, float], Predicted]:
    from sklearn import metrics

    predicted = estimator.predict(data.X)
    squared = metrics.mean_squared_error(data.y, predicted)
    found = {
        "training_r2_score": metrics.r2_score(data.y, predicted),
        "training_mean_absolute_error": metrics.mean_absolute_error(data.y, predicted),
        "training_mean_squared_error": squared,
        "training_root_mean_squared_error": squared**0.5,
    }
    found |= _own_score(estimator, data, "RegressorMixin", found["training_r2_score"])
    return _floats(found), Predicted(data.y, predicted)


def _clustered(estimator: Any, data: Data) -> dict[str, float]:
    import numpy as np
    from sklearn import metrics

    labels = getattr(estimator, "labels_", None)
    if labels is None or len(labels) != rows(data.X):
        return {}
    real = set(np.unique(labels)) - {-1}
    found: dict[str, Any] = {"clusters": len(real), "noise": np.count_nonzero(labels == -1) / len(labels)}
    part = Data(data.X, labels).part(_MOST_PAIRS)
    is_features = getattr(estimator, "metric", None) != "precomputed"
    if is_features and 1 < len(np.unique(part.y)) < rows(part.X):
        found["training_silhouette_score"] = metrics.silhouette_score(part.X, part.y)
    return _floats(found)


def _kind(estimator: Any) -> str:
    """Return ``"clusterer"`` and the like; older scikit-learns keep it in an attribute."""
    try:
        from sklearn.utils import get_tags

        return str(get_tags(estimator).estimator_type or "")
    except ImportError:
        return str(getattr(estimator, "_estimator_type", ""))


def _floats(found: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in found.items()}
