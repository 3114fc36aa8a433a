"""The plots of a report: what is worth seeing of its trials, as Plotly's own JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsk_saver.errors import JskError, MissingExtra
from jsk_saver.tracking.plotting.planning import Planner
from jsk_saver.tracking.report.text import escape
from jsk_saver.tracking.state import TrialState

#: Plots of lines, and of single values: what a reader looks through.
_MOST_LINES, _MOST_SINGLE = 8, 4
#: Points of one plot of lines; a page of eight stays below about 5 MB.
_MOST_POINTS = 16_000
#: Trials from which a scatter matrix shows something.
_FEW = 8


class Charts:
    """The plots of some trials.

    Parameters
    ----------
    folder
        The experiment's, in the journal.
    trials, family, goals
        As for :class:`~jsk_saver.tracking.plotting.planning.Planner`.
    """

    def __init__(
        self,
        folder: Path,
        trials: Sequence[TrialState],
        family: Mapping[str, TrialState],
        goals: Mapping[str, Any],
    ) -> None:
        self._planner = Planner(folder, trials, family, goals, _MOST_POINTS)
        self._goals = goals
        self.left_out: list[str] = []

    def html(self) -> str:
        """Return a box for each plot, with what it draws as JSON; a script draws it."""
        boxes = []
        for arguments in self._wanted():
            try:
                boxes.append(self._box(*arguments))
            except MissingExtra:
                raise
            except JskError:
                continue  # nothing to draw, such as a metric with nothing but nan
        said = ""
        if self.left_out:
            names = ", ".join(map(escape, self.left_out[:40]))
            said = f'<p class="quiet">Not drawn: {names}{" …" if len(self.left_out) > 40 else ""}</p>'
        return "".join(boxes) + said

    def _wanted(self) -> Iterator[tuple[list[str], str, str]]:
        """Yield metrics, ``x`` and kind of each plot."""
        columns = self._planner.columns
        metrics = sorted(columns.metrics, key=lambda name: name not in self._goals)
        several = [name for name in metrics if self._planner.has_points(name)]
        single = [name for name in metrics if name not in several]
        self.left_out = several[_MOST_LINES:] + single[_MOST_SINGLE:]
        for name in several[:_MOST_LINES]:
            yield [name], "", "lines"
        if len(columns.trials) < 2:
            return
        for name in single[:_MOST_SINGLE]:
            yield [name], "", "auto"
        if columns.varying and metrics:
            if several and len(columns.varying) == 1:
                yield [several[0]], columns.varying[0], "points"
            yield [], "", "parallel"
            if len(columns.trials) >= _FEW:
                yield [], "", "scatter"

    def _box(self, metrics: list[str], x: str, kind: str) -> str:
        from jsk_saver.tracking.plotting.interactive import draw

        plan = self._planner.plan(metrics, x, kind, "", "")
        figure = draw(replace(plan, title=""))  # the page has its own
        title = escape(_TITLES.get(kind) or (f"{metrics[0]} against {x}" if x else metrics[0]))
        # No "<" in the JSON: it could end the script.
        data = figure.to_json().replace("<", "\\u003c")
        height = int(figure.layout.height)
        return (
            f'<section class="plot"><h3>{title}</h3><div class="draw" style="height:{height}px"></div>'
            f'<script type="application/json">{data}</script></section>'
        )


_TITLES = {"parallel": "Parameters and metrics, side by side", "scatter": "Each against each"}
