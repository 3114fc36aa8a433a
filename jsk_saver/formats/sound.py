"""Whether a loaded model's compiled parts stay within their own memory.

skops checks which classes a file is made of, not what is in them, and scikit-learn's compiled trees follow
the numbers in their arrays without looking (https://github.com/scikit-learn/scikit-learn/pull/34558). A
crafted file could so read or write memory that is not the model's. Before a loaded model is handed out,
everything compiled that :mod:`jsk_saver.formats.trusted` admits is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jsk_saver.formats.base import is_a

_SCALARS = (str, bytes, int, float, bool, type(None), type)


def unsound(model: Any) -> str:
    """Return what in ``model`` reaches outside its own memory; empty if nothing does."""
    seen: set[int] = set()
    rest = [model]
    while rest:
        part = rest.pop()
        if isinstance(part, _SCALARS) or id(part) in seen:
            continue
        seen.add(id(part))
        problem = _problem(part)
        if problem:
            return problem
        rest.extend(_children(part))
    return ""


def _children(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.keys()
        yield from part.values()
    elif isinstance(part, list | tuple | set | frozenset):
        yield from part
    elif is_a(part, "numpy.ndarray"):
        if part.dtype.hasobject:
            yield from part.ravel().tolist()
    elif is_a(part, "functools.partial"):
        yield from (part.func, part.args, part.keywords)
    yield from getattr(part, "__dict__", {}).values()


def _problem(part: Any) -> str:
    for names, check in _CHECKS:
        if is_a(part, *names):
            try:
                sound = check(part)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                sound = False
            if not sound:
                return f"a {type(part).__name__} whose numbers point outside of it"
    return ""


def _tree(tree: Any) -> bool:
    import numpy as np

    left, right, feature = tree.children_left, tree.children_right, tree.feature
    at = np.flatnonzero(left != -1)
    return bool(tree.node_count > 0 and _forward(at, left, right) and _within(feature[at], tree.n_features))


def _forward(at: Any, left: Any, right: Any) -> bool:
    """Tell whether every inner node leads to two later ones: no way out, and no way round in circles."""
    return bool(
        (left[at] > at).all()
        and (right[at] > at).all()
        and _within(left[at], len(left))
        and _within(right[at], len(left))
    )


def _within(numbers: Any, end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())


def _tree_owner(estimator: Any) -> bool:
    tree = getattr(estimator, "tree_", None)
    return tree is None or (is_a(tree, "sklearn.Tree") and tree.n_features == estimator.n_features_in_)


def _ensemble(ensemble: Any) -> bool:
    """Tell whether the trees of an ensemble, which it runs unchecked, have as many columns as it expects."""
    if not hasattr(ensemble, "estimators_"):
        return True
    trees = ensemble.estimators_
    if is_a(ensemble, "sklearn.BaseGradientBoosting"):
        each = getattr(ensemble, "n_trees_per_iteration_", trees.shape[1])
        if trees.shape[1] != each or not all(is_a(tree.tree_, "sklearn.Tree") for tree in trees.ravel()):
            return False
    flat = list(trees.ravel()) if is_a(trees, "numpy.ndarray") else list(trees)
    columns = getattr(ensemble, "estimators_features_", None)
    widths = [ensemble.n_features_in_] * len(flat) if columns is None else [len(some) for some in columns]
    return all(
        tree.tree_.n_features == width
        for tree, width in zip(flat, widths, strict=True)
        if hasattr(tree, "tree_")
    )


def _histogram(ensemble: Any) -> bool:
    import numpy as np

    for predictor in (each for stage in getattr(ensemble, "_predictors", []) for each in stage):
        nodes = predictor.nodes
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        split = nodes[inner]
        categories = split["bitset_idx"][split["is_categorical"] != 0]
        bitsets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
        left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
        if not (
            len(nodes)
            and _forward(inner, left, right)
            and _within(split["feature_idx"], ensemble.n_features_in_)
            and _within(categories.astype(np.int64), bitsets)
        ):
            return False
    return True


def _neighbours(tree: Any) -> bool:
    """Check a ball tree or k-d tree, a full binary tree over ranges of points."""
    import numpy as np

    state = tree.__getstate__()
    data, points, nodes, bounds, count, metric = state[0], state[1], state[2], state[3], state[6], state[11]
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    return bool(
        len(points) == len(data)
        and count == len(nodes) == bounds.shape[1]
        and bounds.shape[2] == data.shape[1]
        and _within(points, len(data))
        and (starts >= 0).all()
        and (starts <= ends).all()
        and (ends <= len(data)).all()
        and (2 * inner + 2 < len(nodes)).all()
        and _distance(metric, data.shape[1])
    )


def _distance(metric: Any, columns: int) -> bool:
    name = type(metric).__name__
    _, weights, matrix = metric.__getstate__()[:3]
    if name.startswith("Mahalanobis"):
        return bool(matrix.shape == (columns, columns))
    return (not name.startswith("SEuclidean") and len(weights) == 1) or len(weights) == columns


def _spline(spline: Any) -> bool:
    import numpy as np

    knots, degree = spline.t, spline.k
    return bool(
        knots.ndim == 1
        and degree >= 0
        and len(knots) >= 2 * degree + 2
        and (np.diff(knots) >= 0).all()
        and len(spline.c) >= len(knots) - degree - 1
    )


def _sparse(matrix: Any) -> bool:
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    return True


_CHECKS: list[tuple[tuple[str, ...], Callable[[Any], bool]]] = [
    (("sklearn.Tree",), _tree),
    (("sklearn.BaseDecisionTree",), _tree_owner),
    (("sklearn.BaseHistGradientBoosting",), _histogram),
    (("sklearn.BaseForest", "sklearn.BaseGradientBoosting", "sklearn.BaseBagging"), _ensemble),
    (("sklearn.KDTree", "sklearn.BallTree", "sklearn.BinaryTree32", "sklearn.BinaryTree64"), _neighbours),
    (("scipy.BSpline",), _spline),
    (("scipy.spmatrix", "scipy.sparray"), _sparse),
]
