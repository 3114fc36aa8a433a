"""Pictures of a fitted estimator, drawn without touching any figure of the user's."""

from __future__ import annotations

from typing import Any

#: Bars of an importance plot, and classes of a confusion matrix with numbers in it, that can be read.
_MOST_BARS, _MOST_NUMBERS, _MOST_CLASSES = 20, 20, 100
_LONGEST = 30


def confusion(true: Any, predicted: Any) -> Any:
    """Return the confusion matrix as a figure; None if it has too many classes to be looked at."""
    from matplotlib.figure import Figure
    from sklearn.metrics import confusion_matrix
    from sklearn.utils.multiclass import unique_labels

    names = [_short(name) for name in unique_labels(true, predicted)]
    if len(names) > _MOST_CLASSES:
        return None
    counts = confusion_matrix(true, predicted)
    size = min(12.0, 3.5 + 0.4 * len(names))
    figure = Figure(figsize=(size + 0.5, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(counts, cmap="Blues")
    figure.colorbar(image, ax=axes, shrink=0.8)
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true", title="On what it was trained on")
    if len(names) <= _MOST_NUMBERS:
        dark = counts.max() / 2
        for (row, column), count in [((r, c), counts[r, c]) for r, c in _pairs(len(names))]:
            colour = "white" if count > dark else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour)
    return figure


def residuals(true: Any, predicted: Any) -> Any:
    """Return what was predicted against what was true, as a figure; None for several outputs."""
    import numpy as np
    from matplotlib.figure import Figure

    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.squeeze().ndim != 1:
        return None
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(true, predicted, s=8, alpha=0.5)
    ends = [float(np.min(true)), float(np.max(true))]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set(xlabel="true", ylabel="predicted", title="On what it was trained on")
    return figure


def importance(estimator: Any) -> Any:
    """Return the most important features as a figure; None where the estimator does not know any."""
    import numpy as np
    from matplotlib.figure import Figure

    last = getattr(estimator, "best_estimator_", estimator)
    before, last = (last[:-1], last[-1]) if hasattr(last, "steps") else (None, last)
    found = getattr(last, "feature_importances_", None)
    what = "importance"
    if found is None:
        found, what = getattr(last, "coef_", None), "size of the coefficient"
    if found is None:
        return None
    found = np.abs(found.toarray() if hasattr(found, "toarray") else np.asarray(found, dtype=float))
    found = found.mean(axis=0) if found.ndim > 1 else found
    if not 0 < found.size <= 1_000_000:
        return None
    names = _features(before, last, found.size)
    chosen = np.argsort(found)[-_MOST_BARS:]
    figure = Figure(figsize=(6, 1.2 + 0.28 * len(chosen)), layout="constrained")
    axes = figure.subplots()
    axes.barh([_short(names[at]) for at in chosen], found[chosen])
    axes.set(xlabel=what, title=f"{type(last).__name__}: {len(chosen)} of {found.size} features")
    return figure


def _features(before: Any, last: Any, count: int) -> list[str]:
    """Return the names of the features that reach the last step."""
    names = getattr(last, "feature_names_in_", None)
    if names is None and before is not None:
        try:
            names = before.get_feature_names_out()
        except (AttributeError, ValueError, TypeError):
            names = None
    if names is None or len(names) != count or len(set(names)) != count:
        names = [f"feature {number}" for number in range(count)]
    return [str(name) for name in names]


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(count) for column in range(count)]


def _short(name: Any) -> str:
    text = str(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
