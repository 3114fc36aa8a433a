"""From what a user asks to what is to be drawn: which kind of plot, which trials, which colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jsk_saver.errors import InvalidMetadata, NotFound
from jsk_saver.tracking.plotting.columns import LARGEST, SEED, Column, Columns
from jsk_saver.tracking.plotting.curves import MOST_POINTS, Curve, curves
from jsk_saver.tracking.plotting.labels import labels
from jsk_saver.tracking.plotting.palette import CYCLE, DASHES
from jsk_saver.tracking.plotting.panels import Bars, Lines, Matrix, Panel, Parallel, Plan, Points, Shade
from jsk_saver.tracking.plotting.values import reaches_the_end
from jsk_saver.tracking.ranking import Goal, best_value
from jsk_saver.tracking.state import TrialState

KINDS = ("auto", "lines", "points", "bars", "parallel", "scatter")
#: Trials, or values of a parameter, up to which each has a colour and an entry in the legend.
MOST_ENTRIES = 12
#: Lines up to which each has a colour and a dash of its own.
MOST_LINES = len(CYCLE) * len(DASHES)
#: Axes of parallel coordinates and of a scatter matrix: what can be read side by side.
_MOST_AXES, _MOST_CELLS = 10, 5
_MOST_BARS = 40
#: Share of the largest value below which differences are not seen in the lengths of bars.
_ALIKE = 0.25
_TIMES = ("step", "time")


class Planner:
    """Decides what to draw of some trials.

    Parameters
    ----------
    folder
        The experiment's, in the journal.
    trials
        Those to draw.
    family
        All trials of the experiment, by name.
    goals
        Which way metrics are to go.
    most_points
        Points of one plot of lines.
    """

    def __init__(
        self,
        folder: Path,
        trials: Sequence[TrialState],
        family: Mapping[str, TrialState],
        goals: Mapping[str, Goal],
        most_points: int = MOST_POINTS,
    ) -> None:
        self._most_points = most_points
        self._folder, self._family, self._goals = folder, family, goals
        self.trials = list(trials)
        self.columns = Columns(self.trials, family, goals)
        self._notes: list[str] = []

    def _of(self, trials: Sequence[TrialState]) -> Columns:
        if len(trials) == len(self.trials):
            return self.columns
        return Columns(trials, self._family, self._goals)

    def plan(self, metrics: Sequence[str], x: str, kind: str, log: str, color: str) -> Plan:
        """Return what to draw.

        Parameters
        ----------
        metrics
            Names; without one, what is most worth seeing.
        x
            What to draw against: ``"step"``, ``"time"``, a parameter or a metric.
        kind
            One of :data:`KINDS`.
        log
            Axes that go by powers of ten: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
        color
            The parameter or metric that colours stand for.

        Raises
        ------
        NotFound
            If there are no trials, or none has what is asked for.
        InvalidMetadata
            If the kind is none.
        """
        if kind not in KINDS:
            raise InvalidMetadata(
                f"There is no kind of plot {kind!r}; there are {', '.join(KINDS)}.",
                hint='experiment.plot("loss", kind="parallel")',
            )
        if not self.trials:
            raise NotFound("There is no trial to plot.", hint="experiment.trials()    # which ones there are")
        self._notes = []
        if kind in ("parallel", "scatter"):
            panels: list[Panel] = [self._many(metrics, x, kind, log, color)]
        else:
            panels = [self._single(metric, x, kind, log, color) for metric in metrics or [self.main_metric()]]
        if any(map(reaches_the_end, panels)):
            self._notes.append(f"what is beyond ±{LARGEST:g} is drawn there")
        return Plan(self._folder.name, tuple(panels), self._notes)

    def main_metric(self) -> str:
        """Return the metric to show when none is named: one with a goal, else one with several points."""
        metrics = self.columns.metrics
        if not metrics:
            raise NotFound(
                f"None of the {len(self.trials)} trial(s) has a metric.", hint='trial.log_metric("loss", 0.5)'
            )
        wanted = [name for name in self._goals if name in metrics]
        return (wanted or [name for name in metrics if self.has_points(name)] or metrics)[0]

    def has_points(self, metric: str) -> bool:
        """Tell whether a trial has several points of a metric."""
        return any(metric in trial.metrics and trial.metrics[metric].count > 1 for trial in self.trials)

    # Kinds ------------------------------------------------------------------------------------------

    def _single(self, metric: str, x: str, kind: str, log: str, color: str) -> Panel:
        self.columns.outcome(metric)  # names what there is, if there is none of that name
        if kind == "auto":
            kind, x = self._choose(metric, x)
        if kind == "lines":
            return self._lines(metric.removeprefix("metrics."), x or "step", log, color)
        if kind == "points":
            return self._points(metric, x or next(iter(self._chosen()), "trial"), log, color)
        return self._bars(metric, log)

    def _choose(self, metric: str, x: str) -> tuple[str, str]:
        is_known = x in _TIMES and x not in self.columns.varying
        if is_known or (not x and self.has_points(metric.removeprefix("metrics."))):
            return "lines", x
        if x:
            return "points", x
        chosen = self._chosen()
        if len(chosen) == 1 and len(self.trials) > 1:
            return "points", chosen[0]
        return "bars", ""

    def _chosen(self) -> list[str]:
        """Return the parameters that vary, and the seed only where nothing else does."""
        return [name for name in self.columns.varying if name != SEED] or self.columns.varying

    def _lines(self, metric: str, x: str, log: str, color: str) -> Lines:
        if metric not in self.columns.metrics:
            raise NotFound(
                f"{metric!r} has no steps to be drawn against.",
                hint=f"Metrics are: {', '.join(self.columns.metrics) or 'none yet'}.",
            )
        if x not in _TIMES:
            raise InvalidMetadata(
                f'Lines go against "step" or "time", not {x!r}.', hint=f'experiment.plot("{metric}", x="{x}")'
            )
        drawn = curves(self._folder, self.trials, metric, x, self._most_points)
        columns = self._of([curve.trial for curve in drawn])
        named = tuple(labels(columns.trials, columns.params, columns.varying))
        goal = self._goals.get(metric)
        best = _best([best_value(curve.trial, metric, goal) for curve in drawn] if goal else [], goal)
        self._note_gaps(metric, drawn)
        shade = self._shade_of_lines(columns, named, color)
        return Lines(metric, x, tuple(drawn), named, shade, log, best, goal)

    def _note_gaps(self, metric: str, drawn: Sequence[Curve]) -> None:
        gaps = sum(curve.gaps for curve in drawn)
        if gaps:
            self._notes.append(f"{metric}: {gaps:,} value{'s' * (gaps != 1)} nan or infinite, not drawn")

    def _points(self, metric: str, x: str, log: str, color: str) -> Points:
        columns, y = self._with(lambda columns: columns.outcome(metric))
        along = columns.find(x)
        placed = [t for t, value in zip(columns.trials, along.values, strict=True) if math.isfinite(value)]
        missing = len(along.values) - len(placed)
        if missing:
            self._notes.append(f"{missing} trial{'s' * (missing != 1)} without {along.name}")
        if missing and placed:
            columns = self._of(placed)
            along, y = columns.find(x), columns.outcome(metric)
        others = [name for name in columns.varying if name not in (x, x.removeprefix("params."))]
        shade = _shade(columns.find(color)) if color else self._shade_of_points(columns, others)
        log = log + "x" * (along.is_wide and "x" not in log)
        named = tuple(labels(columns.trials, columns.params, columns.varying))
        joined = bool(shade.entries) and len(others) < 2 and not along.categories
        return Points(along, y, named, shade, log, self._best_of(metric, y), joined)

    def _bars(self, metric: str, log: str) -> Bars:
        columns, y = self._with(lambda columns: columns.outcome(metric))
        named = labels(columns.trials, columns.params, columns.varying)
        goal = self._goals.get(metric.removeprefix("metrics."))
        order = sorted(range(len(y.values)), key=y.values.__getitem__, reverse=goal != "min")
        if len(order) > _MOST_BARS:
            which = "best" if goal else "largest"
            self._notes.append(f"the {_MOST_BARS} {which} of {len(order)} trials")
            order = order[:_MOST_BARS]
        y = Column(y.name, tuple(y.values[at] for at in order), is_metric=True)
        return Bars(y, tuple(named[at] for at in order), log, _best(y.values, goal), _are_alike(y.known))

    def _many(self, metrics: Sequence[str], x: str, kind: str, log: str, color: str) -> Parallel | Matrix:
        chosen = list(metrics) or [name for name in self._goals if name in self.columns.metrics]
        chosen = chosen or self.columns.metrics[:2]
        params = [x] if x else self.columns.varying
        most = _MOST_AXES if kind == "parallel" else _MOST_CELLS
        room = max(most - len(chosen), 1)
        if len(params) > room:
            self._notes.append(f"{room} of {len(params)} parameters that vary")
        columns = self.columns if kind == "parallel" else self._having(chosen)
        axes = [*map(columns.find, params[:room]), *map(columns.outcome, chosen)]
        if not axes:
            raise NotFound("Nothing differs between these trials, and they have no metrics.")
        shade = _shade(columns.find(color)) if color else _shade(axes[-1])
        named = tuple(labels(columns.trials, columns.params, columns.varying))
        best = self._best_of(chosen[-1], axes[-1]) if chosen else -1
        made = Parallel if kind == "parallel" else Matrix
        return made(tuple(axes), named, shade, log, best)

    def _with(self, find: Callable[[Columns], Column]) -> tuple[Columns, Column]:
        """Return a column of the trials that have it, and those trials' columns."""
        values = find(self.columns).values
        having = [t for t, value in zip(self.trials, values, strict=True) if math.isfinite(value)]
        if len(having) < len(values):
            left = len(values) - len(having)
            self._notes.append(f"{left} trial{'s' * (left != 1)} without a value left out")
        columns = self._of(having or self.trials)
        return columns, find(columns)

    def _having(self, metrics: Sequence[str]) -> Columns:
        """Return the columns of the trials that have one of some metrics: no other is in a matrix."""
        found = [self.columns.outcome(metric).values for metric in metrics]
        having = [
            trial
            for trial, *values in zip(self.trials, *found, strict=True)
            if any(map(math.isfinite, values))
        ]
        return self._of(having or self.trials)

    def _best_of(self, metric: str, column: Column) -> int:
        return _best(column.values, self._goals.get(metric.removeprefix("metrics.")))

    # Colours ----------------------------------------------------------------------------------------

    def _shade_of_lines(self, columns: Columns, named: tuple[str, ...], color: str) -> Shade:
        if color:
            return _shade(columns.find(color))
        if len(named) <= MOST_LINES:
            return Shade("", named, tuple(map(float, range(len(named)))))
        if len(columns.varying) == 1:
            return _shade(columns.param(columns.varying[0]))
        grouped = (_grouped(columns.param(name)) for name in columns.varying)
        groups = next((one for one in grouped if 1 < len(one.categories) <= MOST_ENTRIES), None)
        if groups is not None:
            return _shade(groups)
        return _shade(Column("order of start", tuple(float(at + 1) for at in range(len(named)))))

    def _shade_of_points(self, columns: Columns, others: Sequence[str]) -> Shade:
        if len(others) == 1:
            return _shade(_grouped(columns.param(others[0])))
        return Shade("", ("",), (0.0,) * len(columns.trials))


def _shade(column: Column) -> Shade:
    """Return a colour for each category while they are few, else a scale."""
    if column.categories and len(column.categories) <= MOST_ENTRIES:
        missing = any(math.isnan(value) for value in column.values)
        entries = column.categories + ("none",) * missing
        places = (float(len(entries) - 1) if math.isnan(value) else value for value in column.values)
        return Shade(column.name, entries, tuple(places))
    return Shade(column.name, (), column.values, column)


def _grouped(column: Column) -> Column:
    """Return a column of few numbers as categories, in the order of the numbers."""
    known = sorted(set(column.known))
    if column.categories or len(known) > MOST_ENTRIES:
        return column
    places = {value: float(place) for place, value in enumerate(known)}
    values = tuple(places.get(value, math.nan) for value in column.values)
    return Column(column.name, values, tuple(f"{value:g}" for value in known))


def _are_alike(values: Sequence[float]) -> bool:
    """Tell whether bars of these lengths could hardly be told apart."""
    if len(values) < 2 or min(values) * max(values) <= 0:
        return False
    largest = max(map(abs, values))
    return max(values) - min(values) < largest * _ALIKE


def _best(values: Sequence[float], goal: Goal | None) -> int:
    known = [at for at, value in enumerate(values) if math.isfinite(value)]
    if goal is None or len(known) < 2:
        return -1
    return (min if goal == "min" else max)(known, key=values.__getitem__)
