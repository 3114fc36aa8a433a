"""Which trial is the best, by a metric whose good direction somebody has said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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


def best_value(trial: TrialState, metric: str, goal: Goal) -> float:
    """Return the best a trial reached at any step, ``nan`` where it has no value."""
    found = trial.metrics.get(metric)
    if found is None:
        return math.nan
    return found.min if goal == "min" else found.max


def best(trials: Iterable[TrialState], metric: str, goal: Goal) -> TrialState:
    """Return the trial that reached the best value of a metric; of equals the first.

    Raises
    ------
    NotFound
        If no trial has a value of it.
    """
    trials = list(trials)
    values = [(best_value(trial, metric, goal), trial) for trial in trials]
    values = [(value, trial) for value, trial in values if not math.isnan(value)]
    if not values:
        known = sorted({name for trial in trials for name in trial.metrics})
        raise NotFound(
            f"None of the {len(trials)} trial(s) has a value of {metric!r}.",
            hint=f"Metrics are: {', '.join(known) or 'none yet'}.",
        )
    choose = min if goal == "min" else max
    return choose(values, key=lambda pair: pair[0])[1]
