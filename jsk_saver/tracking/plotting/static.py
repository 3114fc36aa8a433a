"""Plans drawn with matplotlib: figures that belong to no window, to save or to show in a notebook."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.human import one_line, shorten
from jsk_saver.tracking.plotting import palette
from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.panels import Bars, Lines, Matrix, Panel, Parallel, Plan, Points
from jsk_saver.tracking.plotting.static_parts import (
    FAINT,
    MOST_TICKS,
    categories,
    colors_of,
    dots,
    grid,
    legend,
    log_of,
    say_best,
    set_scales,
    star,
    text,
    whole_marks,
)
from jsk_saver.tracking.plotting.ticks import axis
from jsk_saver.tracking.plotting.values import best_point, has_lone_point, middles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL, _LEGEND, _HEIGHT = 6.2, 2.2, 4.2  # inches
_INK = "#22262b"
#: Entries of a legend that fit beside a plot of the usual height.
_TALL = 20


def draw(plan: Plan) -> Figure:
    """Return a figure of a plan."""
    import matplotlib as mpl

    with mpl.rc_context({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10}):
        figure = _figure(plan)
        panel = plan.panels[0]
        if isinstance(panel, Matrix):
            _matrix(figure, panel)
        else:
            axes = figure.subplots(1, len(plan.panels), squeeze=False)[0]
            for ax, one in zip(axes, plan.panels, strict=True):
                _DRAW[type(one)](ax, one)
            _one_legend(list(axes), plan.panels)
        figure.suptitle(text(plan.title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        if plan.notes:
            figure.supxlabel(text("; ".join(plan.notes)), x=0.01, ha="left", fontsize=8, color="#5b626c")
    return figure


def _figure(plan: Plan) -> Figure:
    from matplotlib.figure import Figure

    class TrialsFigure(Figure):
        """A figure that a notebook shows, also where pyplot was never imported."""

        def _repr_png_(self) -> bytes:
            import io

            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    first = plan.panels[0]
    width, height = _PANEL * len(plan.panels) + _LEGEND, _HEIGHT
    if isinstance(first, Parallel):
        width = max(width, 1.5 * len(first.axes) + _LEGEND)
    elif isinstance(first, Matrix):
        side = max(5.5, 2.0 * len(first.axes))
        width, height = side + _LEGEND, side
    elif isinstance(first, Lines) and len(first.shade.entries) > _TALL:
        height = _HEIGHT + 0.17 * (len(first.shade.entries) - _TALL)
    elif isinstance(first, Bars):
        height = max(2.2, 0.26 * max(len(one.labels) for one in plan.panels if isinstance(one, Bars)) + 1.0)
    return TrialsFigure(figsize=(width, height), dpi=100, layout="constrained")


def _one_legend(axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """Say once what colours stand for, where all panels would say the same."""
    entries = [() if isinstance(one, Bars) else one.shade.entries for one in panels]
    for ax, mine, following in zip(axes, entries, entries[1:], strict=False):
        found = ax.get_legend()
        if found is not None and mine == following:
            found.remove()


# Kinds -----------------------------------------------------------------------------------------------


def _lines(ax: Axes, panel: Lines) -> None:
    colors, many = colors_of(panel.shade), len(panel.curves) > len(palette.CYCLE) * len(palette.DASHES)
    handles = []
    for at, curve in enumerate(panel.curves):
        in_turn = 0 if panel.shade.scale is not None else palette.round_of(panel.shade.places[at])
        dash = palette.DASHES[in_turn][1]
        is_best = at == panel.best
        single = len(curve.x) == 1 or has_lone_point(curve.y)
        (handle,) = ax.plot(
            curve.x,
            curve.y,
            dash,
            color=colors[at],
            linewidth=2.6 if is_best else 0.9 if many else 1.5,
            alpha=1.0 if is_best or not many else 0.65,
            marker="o" if single else None,
            markersize=4,
            zorder=3 if is_best else 2,
        )
        handles.append(handle)
    found = best_point(panel)
    if found is not None:
        star(ax, *found)
        say_best(ax, panel.labels[panel.best])
    ax.set_xlabel("step" if panel.x == "step" else "seconds since the start")
    ax.set_ylabel(text(panel.metric))
    set_scales(ax, panel.log)
    grid(ax)
    if len(panel.curves) > 1:
        legend(ax, panel.shade, handles)
    elif panel.labels:
        ax.set_title(text(panel.labels[0]), loc="left", fontsize=9)


def _points(ax: Axes, panel: Points) -> None:
    colors = colors_of(panel.shade)
    if panel.joined:
        for place in sorted(set(panel.shade.places)):
            chosen = [at for at, other in enumerate(panel.shade.places) if other == place]
            x, y = middles(panel.x, panel.y, chosen)
            if len(x) > 1 and len(x) <= MOST_TICKS:
                ax.plot(x, y, color=palette.color_of(place), linewidth=1.1, alpha=0.6, zorder=1.5)
    handles = dots(ax, panel.x.values, panel.y.values, panel.shade, colors, 34)
    if panel.best >= 0:
        star(ax, panel.x.values[panel.best], panel.y.values[panel.best])
        say_best(ax, panel.labels[panel.best])
    ax.set_xlabel(text(panel.x.name))
    ax.set_ylabel(text(panel.y.name))
    whole_marks(ax, panel.x)
    set_scales(ax, panel.log)
    categories(ax, panel.x, panel.y)
    grid(ax)
    legend(ax, panel.shade, handles)


def _bars(ax: Axes, panel: Bars) -> None:
    rows = range(len(panel.labels))
    colors = [palette.BEST if at == panel.best else palette.CYCLE[0] for at in rows]
    values = [value if math.isfinite(value) else 0.0 for value in panel.y.values]
    if panel.alike:
        ax.hlines(rows, 0, 1, transform=ax.get_yaxis_transform(), color=FAINT, linewidth=0.8)
        ax.scatter(values, rows, c=colors, s=46, zorder=3)
    else:
        ax.barh(rows, values, color=colors, height=0.7)
    for row, value in zip(rows, panel.y.values, strict=True):
        said = f"{value:.4g}" + "  best" * (row == panel.best)
        ax.annotate(
            said,
            (value, row),
            (8 if panel.alike else 4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )
    ax.set_yticks(rows, [text(label) for label in panel.labels], fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(text(panel.y.name))
    if panel.log and max(values) > 0:
        ax.set_xscale("log")
    ax.grid(True, axis="x", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)


def _parallel(ax: Axes, panel: Parallel) -> None:
    scaled = [axis(column, bool(panel.log) and column.is_metric) for column in panel.axes]
    colors, many = colors_of(panel.shade), len(panel.labels) > 40
    for at in range(len(panel.labels)):
        is_best = at == panel.best
        ax.plot(
            range(len(scaled)),
            [one.places[at] for one in scaled],
            color=colors[at],
            linewidth=3.0 if is_best else 0.8 if many else 1.5,
            alpha=1.0 if is_best else 0.5 if many else 0.85,
            zorder=3 if is_best else 2,
        )
    for place, (column, one) in enumerate(zip(panel.axes, scaled, strict=True)):
        low = min([0.0, *(mark for mark, _ in one.marks)])
        ax.plot([place, place], [low, 1], color=_INK, linewidth=1, zorder=4)
        for mark, said in one.marks:
            ax.plot([place - 0.02, place], [mark, mark], color=_INK, linewidth=1, zorder=4)
            box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6}
            ax.annotate(
                text(said), (place, mark), (-5, 0), textcoords="offset points", ha="right", va="center",
                fontsize=7.5, color=_INK, bbox=box, zorder=5,
            )  # fmt: skip
        ax.annotate(
            text(shorten(one_line(column.name), 24)), (place, 1.05), ha="center", va="bottom", fontsize=9,
            fontweight="bold" if column.is_metric else "normal", color=_INK, annotation_clip=False,
        )  # fmt: skip
    if panel.best >= 0:
        say_best(ax, panel.labels[panel.best], pad=24)
    ax.set_xlim(-0.4, len(scaled) - 1 + 0.1)
    ax.set_axis_off()
    legend(ax, panel.shade, None)


def _matrix(figure: Figure, panel: Matrix) -> None:
    size = len(panel.axes)
    cells: Any = figure.subplots(size, size, squeeze=False, sharex="col")
    _share_rows(cells)
    colors = colors_of(panel.shade)
    dot = 26 if len(panel.labels) <= 60 else 9
    for row, y in enumerate(panel.axes):
        for at, x in enumerate(panel.axes):
            ax = cells[row][at]
            if row == at:
                _histogram(ax, x, panel.log)
            else:
                dots(ax, x.values, y.values, panel.shade, colors, dot)
                if panel.best >= 0:
                    star(ax, x.values[panel.best], y.values[panel.best])
                set_scales(ax, log_of(x, "x", panel.log) + log_of(y, "y", panel.log))
                categories(ax, x, y)
            _edges(ax, row, at, size, x, y)
    legend(cells[0][size - 1], panel.shade, None, axes=cells.ravel().tolist())


def _share_rows(cells: Any) -> None:
    """Give the cells of a row one scale, all but that on the diagonal, whose height counts trials."""
    for row, members in enumerate(cells):
        first, *others = [ax for at, ax in enumerate(members) if at != row] or [None]
        for other in others:
            other.sharey(first)


def _edges(ax: Axes, row: int, at: int, size: int, x: Column, y: Column) -> None:
    """Leave names and marks at the left and the bottom only; where a count of trials is, right beside it."""
    outermost = int(row == 0)
    ax.tick_params(labelsize=7, labelbottom=row == size - 1, labelleft=at == outermost and row != at)
    if row == size - 1:
        ax.set_xlabel(text(shorten(one_line(x.name), 24)), fontsize=9)
        for mark in ax.get_xticklabels():
            mark.set_rotation(30 if x.categories else 0)
    if at == 0:
        ax.set_ylabel(text(shorten(one_line(y.name), 24)), fontsize=9)


def _histogram(ax: Axes, column: Column, log: str) -> None:
    import numpy as np

    known = np.array(column.known)
    by_power = bool(log_of(column, "x", log)) and len(known) > 0 and known.min() > 0
    bins: Any = np.arange(-0.5, len(column.categories)) if column.categories else 12
    if by_power and known.min() < known.max():
        bins = np.geomspace(known.min(), known.max(), 13)
        ax.set_xscale("log")
    elif len(known) and np.ptp(known) <= np.abs(known).max() * 1e-12:  # too near for bins of floats
        room = abs(known[0]) * 0.01 or 0.5
        bins = [known[0] - room, known[0] + room]
    ax.hist(known, bins=bins, color=FAINT, edgecolor="white")
    ax.set_yticks([])
    if column.categories:
        categories(ax, column, None)


_DRAW: dict[type, Callable[..., None]] = {Lines: _lines, Points: _points, Bars: _bars, Parallel: _parallel}
