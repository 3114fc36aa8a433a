"""What cross-validation and searches over parameters found, under scikit-learn's names for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.autolog import naming

if TYPE_CHECKING:
    from jsk_saver.tracking.autolog.naming import Called
    from jsk_saver.tracking.trial import Trial

_SPLIT = re.compile(r"split(\d+)_(.+)")
_SUMMARIES = ("mean_", "std_", "rank_")


def log_folds(trial: Trial, its: Called, what: str, scoring: Any, result: Any) -> None:
    """Log the scores of a cross-validation: each fold as a step, their mean and deviation.

    Parameters
    ----------
    trial, its
        Where to, and what the estimator is called there.
    what
        The function's name.
    scoring
        What it was told to score by: a name stands in the names of the scores.
    result
        What it returned.
    """
    import numpy as np

    found = {"test_score": result} if what == "cross_val_score" else result
    if not isinstance(found, Mapping):  # predictions
        return
    for key, scores in found.items():
        name = _named(str(key), scoring)
        if not name.startswith(("test_", "train_")):  # how long it took, and the estimators themselves
            continue
        numbers = np.asarray(scores, dtype=float)
        for step, number in enumerate(numbers):
            trial.log_metric(its.name(name), float(number), step)
        trial.log_metrics(
            {its.name(f"mean_{name}"): float(numbers.mean()), its.name(f"std_{name}"): float(numbers.std())}
        )


def log_search(trial: Trial, its: Called, search: Any, most: int) -> None:
    """Log what a search found: the best parameters, all results as a table, the best ones as trials.

    Parameters
    ----------
    trial, its
        Where to, and what the search is called there.
    search
        Fitted.
    most
        How many of the best combinations become trials nested in this one.
    """
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, dict):
        return
    best = getattr(search, "best_params_", None) or {}
    new = {its.name(f"best.{name}"): naming.plain(value) for name, value in best.items()}
    known = trial.params
    trial.log_params({name: value for name, value in new.items() if name not in known})
    _log_tables(trial, its.label, results)
    for number in _best(search, results, most):
        _log_combination(trial, its.label, search, results, number)


def _log_tables(trial: Trial, label: str, results: dict[str, Any]) -> None:
    import pandas as pd

    table = pd.DataFrame({name: list(column) for name, column in results.items() if name != "params"})
    for name in table.columns:
        if table[name].dtype == object:
            table[name] = [str(naming.plain(value)) for value in table[name]]
    # Apart from what came out, which is the same when it is run again.
    times = [name for name in table.columns if str(name).endswith("_time")]
    trial.log_table(f"{label}-search", table.drop(columns=times))
    trial.log_table(f"{label}-search-times", table[times])


def _best(search: Any, results: dict[str, Any], most: int) -> list[int]:
    """Return the numbers of the best combinations, the best first; of equals the first."""
    refit = getattr(search, "refit", None)
    ranks = results.get(f"rank_test_{refit}", results.get("rank_test_score"))
    if ranks is None:  # several measures, none of which decides
        return []
    return sorted(range(len(ranks)), key=lambda number: ranks[number])[:most]


def _log_combination(trial: Trial, label: str, search: Any, results: dict[str, Any], number: int) -> None:
    child = trial.trial(links={"search": label})
    try:
        params = {name: naming.plain(value) for name, value in results["params"][number].items()}
        child.log_params({naming.MAIN: type(search.estimator).__name__} | params)
        scoring = getattr(search, "scoring", None)
        for key, column in results.items():
            split = _SPLIT.fullmatch(key)
            if not key.endswith("_time") and (split or key.startswith(_SUMMARIES)):
                name, step = (split[2], int(split[1])) if split else (key, None)
                child.log_metric(_named(name, scoring), float(column[number]), step)
    finally:
        child.finish()


def _named(key: str, scoring: Any) -> str:
    """Return the name of a score: scikit-learn says ``test_score`` whatever it was told to score by.

    Examples
    --------
    >>> _named("test_score", None), _named("mean_test_score", "f1"), _named("test_r2", ["r2"])
    ('test_score', 'mean_test_f1', 'test_r2')
    """
    by_name = isinstance(scoring, str) and key.endswith("_score")
    return f"{key.removesuffix('score')}{scoring}" if by_name else key
