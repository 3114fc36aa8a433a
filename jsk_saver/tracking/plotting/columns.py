"""One parameter or metric of many trials, as positions on an axis: numbers, or categories with places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsk_saver.errors import NotFound
from jsk_saver.human import human_value
from jsk_saver.tracking.ranking import Goal, best_value
from jsk_saver.tracking.state import TrialState

#: Ratio of the largest to the smallest from which positive numbers are spread by their logarithm.
_WIDE = 1000.0
#: Ends of what axes reckon with: marks and margins beyond them overflow, in matplotlib and here.
LARGEST, SMALLEST = 1e300, 1e-300
_SUMMARIES = ("last", "min", "max", "count", "step")
_PLAIN = ("seconds", "status", "trial")
#: What trials are seeded with: chosen like a parameter, and known from their environment.
SEED = "seed"


@dataclass(frozen=True, slots=True)
class Column:
    """Values of trials along one axis.

    Parameters
    ----------
    name
        What it is called.
    values
        A number for each trial, ``nan`` where there is none; for categories, their places.
    categories
        What the places stand for.
    is_metric
        Whether it came out, rather than was chosen.
    """

    name: str
    values: tuple[float, ...]
    categories: tuple[str, ...] = ()
    is_metric: bool = False

    @property
    def known(self) -> list[float]:
        """The finite values."""
        return [value for value in self.values if math.isfinite(value)]

    @property
    def is_wide(self) -> bool:
        """Whether its numbers are best told apart by their logarithms, as learning rates are."""
        known = [] if self.categories or self.is_metric else self.known
        return len(set(known)) > 2 and min(known) > 0 and max(known) / min(known) >= _WIDE

    @property
    def differs(self) -> bool:
        """Whether not all trials have the same value."""
        return len({value if math.isfinite(value) else None for value in self.values}) > 1


def effective(trials: Sequence[TrialState], family: Mapping[str, TrialState]) -> list[dict[str, Any]]:
    """Return the parameters that hold for each trial: a nested one's own, and those of what it is in.

    A seed is one of them, unless a parameter is called so.
    """
    return [_with_parents(trial, family) for trial in trials]


def _with_parents(trial: TrialState, family: Mapping[str, TrialState]) -> dict[str, Any]:
    found, seen, at = _chosen(trial), {trial.name}, family.get(trial.parent)
    while at is not None and at.name not in seen:
        found = _chosen(at) | found
        seen.add(at.name)
        at = family.get(at.parent)
    return found


def _chosen(trial: TrialState) -> dict[str, Any]:
    seed = trial.environment.get(SEED)
    return dict(trial.params) if seed is None else {**trial.params, SEED: trial.params.get(SEED, seed)}


def varying(params: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the parameters that are not the same in all trials, in the order they came up."""
    names = dict.fromkeys(name for one in params for name in one)
    return [name for name in names if len({_said(one, name) for one in params}) > 1]


def _said(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    if type(value) is str:
        return value
    return repr(value) if type(value) in (int, float) else human_value(value)


class Columns:
    """Finds values by the names people use.

    Parameters
    ----------
    trials
        Whose values.
    family
        All trials of the experiment by name: a nested trial has the parameters of what it is nested in.
    goals
        Which way metrics are to go: of one with a goal, the best value counts, of others the last.
    """

    def __init__(
        self, trials: Sequence[TrialState], family: Mapping[str, TrialState], goals: Mapping[str, Goal]
    ) -> None:
        self.trials, self.goals = trials, goals
        self.params = effective(trials, family)
        self.metrics = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
        self.varying = varying(self.params)
        self._param_names = {name for one in self.params for name in one}

    def outcome(self, name: str) -> Column:
        """Return the values of a metric, and only where there is none of that name of something else."""
        return self._metric(name) or self.find(name)

    def find(self, name: str) -> Column:
        """Return the values of ``k``, ``loss``, ``params.k``, ``metrics.loss.max``, ``tags.stage``, ….

        Raises
        ------
        NotFound
            If no trial has it.
        """
        kind, _, rest = name.partition(".")
        if kind == "params" and rest in self._param_names:
            return self.param(rest)
        if kind == "metrics" and (found := self._metric(rest)) is not None:
            return found
        if kind == "tags" and any(rest in trial.tags for trial in self.trials):
            return placed(rest, [trial.tags.get(rest) for trial in self.trials])
        if name in self._param_names:
            return self.param(name)
        if (found := self._metric(name)) is not None:
            return found
        if name in _PLAIN:
            return placed(name, [_plain(trial, name) for trial in self.trials])
        raise self._unknown(name)

    def param(self, name: str) -> Column:
        """Return the values of a parameter."""
        return placed(name, [params.get(name) for params in self.params])

    def metric(self, name: str) -> Column:
        """Return the best values of a metric with a goal, the last ones of another."""
        goal = self.goals.get(name)
        if goal is not None:
            values = [best_value(trial, name, goal) for trial in self.trials]
        else:
            values = [self._summary(trial, name, "last") for trial in self.trials]
        several = any(name in trial.metrics and trial.metrics[name].count > 1 for trial in self.trials)
        label = f"{name} ({goal or 'last'})" if several else name
        return Column(label, tuple(map(_finite, values)), is_metric=True)

    def _metric(self, name: str) -> Column | None:
        if name in self.metrics:
            return self.metric(name)
        stem, _, which = name.rpartition(".")
        if stem in self.metrics and which in _SUMMARIES:
            values = [self._summary(trial, stem, which) for trial in self.trials]
            return Column(f"{stem} ({which})", tuple(map(_finite, values)), is_metric=True)
        return None

    def _summary(self, trial: TrialState, name: str, which: str) -> float:
        found = trial.metrics.get(name)
        return math.nan if found is None else float(getattr(found, which))

    def _unknown(self, name: str) -> NotFound:
        from jsk_saver.index.closest import closest

        params, metrics = ", ".join(sorted(self._param_names)), ", ".join(self.metrics)
        near = closest(name, [*self._param_names, *self.metrics])
        meant = f" Did you mean {near[0]!r}?" if near else ""
        return NotFound(
            f"None of the {len(self.trials)} trial(s) has a parameter or metric {name!r}.{meant}",
            hint=f"Parameters are: {params or 'none yet'}. Metrics are: {metrics or 'none yet'}.",
        )


def placed(name: str, values: Sequence[Any]) -> Column:
    """Return numbers as they are, and anything else as categories in their natural order.

    Examples
    --------
    >>> placed("k", [5, None, 2]).values
    (5.0, nan, 2.0)
    >>> placed("init", ["random", "k-means++", "random"])
    Column(name='init', values=(1.0, 0.0, 1.0), categories=('k-means++', 'random'), is_metric=False)
    """
    known = [value for value in values if value is not None]
    if all(_is_number(value) for value in known):
        return Column(name, tuple(math.nan if value is None else _finite(_float(value)) for value in values))
    order = sorted(known, key=lambda value: (not _is_number(value), _number_or_0(value), human_value(value)))
    places = {text: float(place) for place, text in enumerate(dict.fromkeys(map(human_value, order)))}
    found = (math.nan if value is None else places[human_value(value)] for value in values)
    return Column(name, tuple(found), tuple(places))


def _plain(trial: TrialState, name: str) -> Any:
    return trial.name if name == "trial" else getattr(trial, name)


def _is_number(value: Any) -> bool:
    # The journal says "nan" and "inf" for what JSON has no number for.
    return (isinstance(value, int | float) and not isinstance(value, bool)) or value in ("nan", "inf", "-inf")


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.nan


def _number_or_0(value: Any) -> float:
    return _float(value) if _is_number(value) else 0.0


def _finite(value: float) -> float:
    """Return what an axis can show of a number: nothing where it is infinite, and nothing beyond its end."""
    if not math.isfinite(value):
        return math.nan
    return 0.0 if abs(value) < SMALLEST else max(-LARGEST, min(value, LARGEST))
