"""What an estimator is called in a trial, and its parameters there: ``KMeans.n_clusters``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking import values

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

#: Longest value that is kept, in characters: an array as a parameter is not what anybody compares.
_LONGEST = 500
_lock = threading.Lock()


def params(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator and of those in it, as JSON."""
    said = estimator.get_params(deep=True)
    return {
        name: plain(value)
        for name, value in said.items()
        if not _is_list_of_estimators(value) and len(name) <= values.LONGEST_NAME // 2
    }


def label(trial: Trial, estimator: Any) -> str:
    """Return what an estimator is called in a trial: its class, and a number if another of it was there.

    The same class with the same parameters is the same, so that fitting it again adds to its metrics.
    """
    name, said = type(estimator).__name__, params(estimator)
    number, called = 1, name
    while not _fits(trial, called, said):
        number += 1
        called = f"{name}-{number}"
    return called


def log_params(trial: Trial, estimator: Any) -> str:
    """Log the parameters of an estimator; return what it is called."""
    said = params(estimator)
    with _lock:
        called = label(trial, estimator)
        known = trial.params
        new = {f"{called}.{name}": value for name, value in said.items()}
        trial.log_params({name: value for name, value in new.items() if name not in known})
    return called


def _fits(trial: Trial, called: str, said: dict[str, Any]) -> bool:
    known = trial.params
    return all(known.get(f"{called}.{name}", value) == value for name, value in said.items())


def plain(value: Any) -> Any:
    """Return a parameter as JSON that people compare: estimators and functions by their names."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value).__name__
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    if isinstance(value, list | tuple):
        found: Any = [plain(item) for item in value]
    elif isinstance(value, dict):
        found = {str(key): plain(item) for key, item in value.items()}
    else:
        found = values.plain(value)
    text = found if isinstance(found, str) else repr(found)
    return text[:_LONGEST] + "…" if len(text) > _LONGEST else found


def _is_list_of_estimators(value: Any) -> bool:
    """Tell whether it is the steps of a pipeline or the like: each of them is a parameter of its own."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, tuple) and len(item) >= 2 and isinstance(item[0], str) for item in value)
    )
