"""Plots of trials: what is worth seeing is chosen by itself, and drawn with matplotlib or Plotly.

``planning.py`` decides what to draw, from ``columns.py`` (parameters and metrics of many trials) and
``curves.py`` (points from the journal, thinned out by ``downsample.py``); ``static.py`` (matplotlib) and
``interactive.py`` (Plotly) draw it, alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import InvalidMetadata, MissingExtra
from jsk_saver.tracking.ranking import originals

if TYPE_CHECKING:
    from jsk_saver.tracking.browsing import Trials

_LOG = {False: "", True: "y", "": "", "x": "x", "y": "y", "xy": "xy"}


def plot(
    experiment: Trials,
    metric: str | Sequence[str] | None,
    pattern: Any,
    search: dict[str, Any],
    *,
    x: str = "",
    kind: str = "auto",
    interactive: bool = False,
    log: bool | str = False,
    color: str = "",
    reproductions: bool = False,
) -> Any:
    """Return a figure of an experiment's trials; see :meth:`jsk_saver.Experiment.plot`."""
    from jsk_saver.tracking.plotting.planning import Planner

    if log not in _LOG:
        raise InvalidMetadata(f'log is True, False, "x", "y" or "xy", not {log!r}.', hint="log=True")
    draw = _drawing(interactive)
    trials = experiment.trials(pattern, **search)
    everyone = trials if pattern is None and not search else experiment.trials()
    family = {trial.name: trial for trial in everyone}
    shown = list(trials) if reproductions else originals(trials)
    metrics = [metric] if isinstance(metric, str) else list(metric or [])
    plan = Planner(experiment.folder, shown, family, experiment.goals)
    return draw(plan.plan(metrics, x, kind, _LOG[log], color))


def _drawing(interactive: bool) -> Any:
    import importlib

    package, module = ("plotly", "interactive") if interactive else ("matplotlib", "static")
    try:
        importlib.import_module(package)
    except ImportError:
        raise MissingExtra(
            f"This plot needs {package}, which is not installed.", hint=f"pip install {package}"
        ) from None
    return importlib.import_module(f"{__name__}.{module}").draw
