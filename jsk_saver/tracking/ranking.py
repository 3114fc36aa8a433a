"""Which trial is the best, by a metric whose good direction somebody has said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from jsk_saver.errors import InvalidMetadata, NotFound
from jsk_saver.tracking.state import TrialState

Goal = Literal["min", "max"]


def check_goals(goals: Mapping[str, str]) -> dict[str, Goal]:
    """Return which way each metric is to go.

    Raises
    ------
    InvalidMetadata
        If one is neither ``"min"`` nor ``"max"``.
    """
    for metric, goal in goals.items():
        if goal not in ("min", "max"):
            raise InvalidMetadata(
                f"The goal of {metric!r} is 'min' or 'max', not {goal!r}.",
                hint=f'Experiment(…, goals={{"{metric}": "min"}})',
            )
    return dict(goals)  # type: ignore[arg-type]


def originals(trials: list[TrialState]) -> list[TrialState]:
    """Return the trials that reproduce no other; all of them, if there are none but reproductions."""
    return [trial for trial in trials if not trial.reproduces] or trials


def best_value(trial: TrialState, metric: str, goal: Goal) -> float:
    """Return the best a trial reached at any step, ``nan`` where it has no value."""
    found = trial.metrics.get(metric)
    if found is None:
        return math.nan
    return found.min if goal == "min" else found.max


def known_metric(metric: str, trials: Sequence[TrialState], goals: Mapping[str, Goal]) -> str:
    """Return the name of a metric, also where it is said as a column of a comparison.

    Raises
    ------
    NotFound
        If trials have metrics, but none of that name.
    """
    known = {name for trial in trials for name in trial.metrics} | goals.keys()
    plain = metric.removeprefix("metrics.")
    if metric in known or not known:
        return metric
    if plain in known or any(name.startswith(f"{plain}.") for name in known):  # score.X_test
        return plain
    raise _without_value(metric, trials, goals)


def _without_value(
    metric: str, trials: Sequence[TrialState], goals: Mapping[str, Goal] | None = None
) -> NotFound:
    from jsk_saver.index.closest import closest

    known = sorted({name for trial in trials for name in trial.metrics})
    said = f"None of the {len(trials)} trial(s) has a value of {metric!r}."
    near = closest(metric.removeprefix("metrics."), known)
    if not near:
        return NotFound(said, hint=f"Metrics are: {', '.join(known) or 'none yet'}.")
    goal = ")" if near[0] in (goals or {}) else ', "max")    # or "min"'
    return NotFound(f"{said} Did you mean {near[0]!r}?", hint=f'experiment.best("{near[0]}"{goal}')


def best(trials: Iterable[TrialState], metric: str, goal: Goal) -> TrialState:
    """Return the trial that reached the best value of a metric; of equals the first.

    Autologging names scores after their data: where that is the only one, ``score`` means ``score.X_test``.

    Raises
    ------
    InvalidMetadata
        If several are meant.
    NotFound
        If no trial has a value of it.
    """
    trials = list(trials)
    metric = _meant(trials, metric, goal)
    values = [(best_value(trial, metric, goal), trial) for trial in trials]
    values = [(value, trial) for value, trial in values if not math.isnan(value)]
    if not values:
        raise _without_value(metric, trials)
    choose = min if goal == "min" else max
    return choose(values, key=lambda pair: pair[0])[1]


def _meant(trials: list[TrialState], metric: str, goal: Goal) -> str:
    """Return the name of the metric that is meant: it, or the only one that goes on after a dot."""
    known = {name for trial in trials for name in trial.metrics}
    longer = sorted(name for name in known if name.startswith(f"{metric}."))
    if metric in known or not longer:
        return metric
    if len(longer) > 1:
        raise InvalidMetadata(
            f"There are several metrics {metric!r}: {', '.join(longer)}.",
            hint=f'experiment.best("{longer[0]}", "{goal}")',
        )
    return longer[0]
