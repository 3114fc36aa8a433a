"""Trials side by side: a pandas frame that shows itself as a readable table in a notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import MissingExtra
from jsk_saver.human import human_value
from jsk_saver.tracking.ranking import Goal, best_value
from jsk_saver.tracking.state import TrialState
from jsk_saver.tracking.values import own

if TYPE_CHECKING:
    import pandas as pd

#: Of a metric with a goal, what tells which trial is best.
_RANKED = ("last", "best")
#: Of the environment, what tells trials apart.
_ENVIRONMENT = ("commit", "branch", "dirty", "image", "notebook", "user")


def compare(trials: Sequence[TrialState], goals: Mapping[str, Goal]) -> pd.DataFrame:
    """Return a frame with a row per trial.

    Columns: ``status``, ``started``, ``seconds``, ``parent``, ``reproduces`` (the trial that this one was
    run again from); ``params.*``; ``seed``; of each metric the last value as ``metrics.NAME``, and where it
    has several points ``.min``, ``.max`` and, if its goal is known, ``.best``; ``inputs`` and ``outputs`` as
    ``name@version``; ``commit`` and what else of the environment is known; ``host`` and ``pulled`` (where
    from) where trials of others are among them; ``tags.*``. The index holds the names of the trials.

    A metric's own name goes before that of a summary: beside a metric ``loss.min``, the least value of
    ``loss`` is in ``metrics.loss (min)``.

    Parameters
    ----------
    trials
        In the order they are to stand.
    goals
        Which way metrics are to go.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra(
            "Comparing trials needs pandas, which is not installed.", hint="pip install pandas"
        ) from None
    columns: dict[str, Any] = {
        "status": [trial.status for trial in trials],
        "started": pd.to_datetime([trial.started for trial in trials], unit="s", utc=True).floor("ms"),
        "seconds": [math.nan if trial.seconds is None else trial.seconds for trial in trials],
    }
    _add(columns, "parent", [trial.parent or None for trial in trials])
    _add(columns, "reproduces", [trial.reproduces or None for trial in trials])
    _add_each(columns, "params.", [trial.params for trial in trials])
    _add(columns, "seed", [own(trial.environment.get("seed")) for trial in trials])
    named = metric_columns(trials, goals)
    for column, (name, which) in named.items():
        columns[column] = [_number(trial, name, which, goals) for trial in trials]
    _add(columns, "inputs", [_versions(trial.inputs) for trial in trials])
    _add(columns, "outputs", [_versions(trial.outputs) for trial in trials])
    for name in _ENVIRONMENT:
        _add(columns, name, [own(trial.environment.get(name)) for trial in trials])
    if any(trial.pulled for trial in trials):
        _add(columns, "host", [trial.host or None for trial in trials])
        _add(columns, "pulled", [trial.pulled or None for trial in trials])
    _add_each(columns, "tags.", [trial.tags for trial in trials])
    frame: pd.DataFrame = _class()(columns, index=pd.Index([trial.name for trial in trials], name="trial"))
    frame.attrs["goals"] = {
        column: goals[name] for column, (name, which) in named.items() if name in goals and which in _RANKED
    }
    # A frame says nan of those without a value, too, and of a None beside numbers.
    frame.attrs["logged"] = {
        **{column: found for column, (name, _) in named.items() if (found := _logged_nan(trials, name))},
        **{f"params.{name}": found for name, found in _logged_none(trials).items()},
    }
    return frame


def _logged_nan(trials: Sequence[TrialState], metric: str) -> list[str]:
    having = (trial for trial in trials if metric in trial.metrics)
    return [trial.name for trial in having if math.isnan(trial.metrics[metric].last)]


def _logged_none(trials: Sequence[TrialState]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            if value is None:
                found.setdefault(name, []).append(trial.name)
    return found


def metric_columns(trials: Sequence[TrialState], goals: Mapping[str, Goal]) -> dict[str, tuple[str, str]]:
    """Return what stands in each column of the metrics: which one, and what of it."""
    names = _names([trial.metrics for trial in trials])
    taken = {f"metrics.{name}" for name in names}
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        found[f"metrics.{name}"] = (name, "last")
        if any(name in trial.metrics and trial.metrics[name].count > 1 for trial in trials):
            for which in ("min", "max", *(["best"] if name in goals else [])):
                found[_free(taken, name, which)] = (name, which)
    return found


def _free(taken: set[str], name: str, which: str) -> str:
    """Return the column of a summary; one that no metric is called like."""
    column, said = f"metrics.{name}.{which}", which
    while column in taken:
        said = f"({said})"
        column = f"metrics.{name} {said}"
    return column


def _number(trial: TrialState, name: str, which: str, goals: Mapping[str, Goal]) -> float:
    if name not in trial.metrics:
        return math.nan
    if which == "best":
        return best_value(trial, name, goals[name])
    return float(getattr(trial.metrics[name], which))


def _add(columns: dict[str, Any], name: str, values: list[Any]) -> None:
    if any(value is not None for value in values):
        columns[name] = values


def _add_each(columns: dict[str, Any], prefix: str, sources: list[dict[str, Any]]) -> None:
    for name in _names(sources):
        columns[prefix + name] = [own(source.get(name)) for source in sources]


def _names(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys of all, in the order they came up."""
    return list(dict.fromkeys(name for source in sources for name in source))


def _versions(artifacts: list[dict[str, Any]]) -> list[str] | None:
    return [f"{item['name']}@{item['version']}" for item in artifacts] or None


# In a notebook ---------------------------------------------------------------------------------------


@cache
def _class() -> Any:
    """Return the frame's class; made once pandas is imported. What is derived from it is a plain frame."""
    import pandas as pd

    class Comparison(pd.DataFrame):  # type: ignore[misc]
        """Trials side by side."""

        @property
        def _constructor(self) -> type[pd.DataFrame]:
            return pd.DataFrame  # type: ignore[no-any-return]

        def _repr_html_(self) -> str:
            from jsk_saver.tracking.table import html

            return html(self)

    return Comparison


def differs(values: Sequence[Any]) -> bool:
    """Tell whether not all values look the same."""
    return len({human_value(value) for value in values}) > 1
