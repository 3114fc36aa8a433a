"""What an estimator is called in a trial, and its parameters and metrics there.

A trial is mostly about one estimator: its names stand alone (``C``, ``training_accuracy_score``), so that
trials of other models have the same columns, and ``estimator_name`` says which it is. Those of transformers
before it, and of further ones, follow their class: ``PCA.n_components``, ``SVC-2.C``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from jsk_saver.tracking import values

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

#: Longest value that is kept, in characters: an array as a parameter is not what anybody compares.
_LONGEST = 500
#: The parameter that says what the trial is about; MLflow calls a tag so.
MAIN = "estimator_name"
_lock = threading.Lock()


def params(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator and of those in it, as JSON."""
    said = estimator.get_params(deep=True)
    return {
        name: plain(value)
        for name, value in said.items()
        if not _is_list_of_estimators(value) and len(name) <= values.LONGEST_NAME // 2
    }


class Called(NamedTuple):
    """What an estimator is called in a trial.

    Parameters
    ----------
    label
        Its class, and a number if another of that class was there.
    is_main
        Whether the trial is about it: then its names stand alone.
    """

    label: str
    is_main: bool

    def name(self, what: str) -> str:
        """Return the name of something of it."""
        return what if self.is_main else f"{self.label}.{what}"


def called(trial: Trial, estimator: Any) -> Called:
    """Return what an estimator is called in a trial.

    The same class with the same parameters is the same, so that fitting it again adds to its metrics.
    """
    kind, said, known = type(estimator).__name__, params(estimator), trial.params
    is_main = known.get(MAIN) == kind
    if is_main and all(_agrees(known, (f"{kind}.{name}", name), value) for name, value in said.items()):
        return Called(kind, True)
    if MAIN not in known and _is_what_it_is_about(estimator):
        return Called(kind, True)
    number, label = (2, f"{kind}-2") if is_main else (1, kind)
    while not all(_agrees(known, (f"{label}.{name}",), value) for name, value in said.items()):
        number += 1
        label = f"{kind}-{number}"
    return Called(label, False)


def log_params(trial: Trial, estimator: Any) -> Called:
    """Log the parameters of an estimator; return what it is called."""
    said = params(estimator)
    with _lock:
        its, known = called(trial, estimator), trial.params
        new = {MAIN: its.label} if its.is_main else {}
        for name, value in said.items():
            # The trial may have been told another value under this name, which then means something else.
            taken = its.is_main and not _agrees(known, (name,), value)
            new[f"{its.label}.{name}" if taken else its.name(name)] = value
        trial.log_params({name: value for name, value in new.items() if name not in known})
    return its


def _agrees(known: dict[str, Any], names: tuple[str, ...], value: Any) -> bool:
    """Tell whether the first of the names that is known has this value, or none is known."""
    return next((values.same(known[name], value) for name in names if name in known), True)


def _is_what_it_is_about(estimator: Any) -> bool:
    """Tell whether a trial may be about an estimator; one that only transforms prepares for another."""
    predicts = hasattr(estimator, "predict") or hasattr(estimator, "fit_predict")
    return predicts or not hasattr(estimator, "transform")


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
