"""Plans drawn with Plotly: to hover, zoom and brush, in a notebook, its HTML export and a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.human import one_line
from jsk_saver.tracking.plotting import palette
from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.interactive_lines import lines
from jsk_saver.tracking.plotting.interactive_parts import (
    HEIGHT,
    Traces,
    axis_settings,
    colorbar,
    colorscale,
    hover,
    legend_title,
    marker,
    star,
    text,
)
from jsk_saver.tracking.plotting.panels import Bars, Lines, Matrix, Parallel, Plan, Points, Shade
from jsk_saver.tracking.plotting.ticks import axis
from jsk_saver.tracking.plotting.values import middles

if TYPE_CHECKING:
    import plotly.graph_objects as go

_TOP_LEFT = {"x": 0.01, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 14}}
_GRID = "rgba(128,136,148,.25)"


def draw(plan: Plan) -> go.Figure:
    """Return a figure of a plan."""
    from plotly.subplots import make_subplots

    from jsk_saver.tracking.plotting.alive import figure_class

    first = plan.panels[0]
    if isinstance(first, Parallel | Matrix):
        figure = figure_class()()
        if isinstance(first, Parallel):
            _parallel(figure, first)
        else:
            _matrix(figure, first)
    else:
        figure = make_subplots(1, len(plan.panels), horizontal_spacing=0.09, figure=figure_class()())
        for at, panel in enumerate(plan.panels):
            _DRAW[type(panel)](Traces(figure, at + 1), panel)
    _frame(figure, plan)
    return figure


def _frame(figure: go.Figure, plan: Plan) -> None:
    axes = {"gridcolor": _GRID, "zeroline": False, "linecolor": _GRID, "ticks": "outside"}
    axes |= {"automargin": True, "exponentformat": "power"}
    figure.update_xaxes(**axes)
    figure.update_yaxes(**axes)
    lines = [f"<b>{text(plan.title)}</b>"] if plan.title else []
    below = [f"<span style='color:{palette.BEST}'>★ best: {text(best)}</span>" for best in _bests(plan)]
    below += [text(note) for note in plan.notes]
    if below:
        lines.append(f"<span style='font-size:11px'>{' &nbsp; '.join(below)}</span>")
    parallel = isinstance(plan.panels[0], Parallel)
    top = 22 + 23 * len(lines) + 56 * parallel
    figure.update_layout(
        template="none",
        title={"text": "<br>".join(lines), "font": {"size": 15}, **_TOP_LEFT},
        height=figure.layout.height or HEIGHT,
        margin={"l": 90 if parallel else 60, "r": 30, "t": top, "b": 55},
        hovermode="closest",
        legend={"itemsizing": "constant", "font": {"size": 11}},
        font={"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif", "size": 12},
    )


def _bests(plan: Plan) -> list[str]:
    """Return what the best trials are called."""
    return list(dict.fromkeys(panel.labels[panel.best] for panel in plan.panels if panel.best >= 0))


# Kinds -----------------------------------------------------------------------------------------------


def _points(traces: Traces, panel: Points) -> None:
    shade = panel.shade
    if shade.scale is not None:
        traces.add(_dots(panel, range(len(panel.labels)), -1))
        traces.colorbar(shade.scale)
    for place, entry in enumerate(shade.entries):
        chosen = [at for at, other in enumerate(shade.places) if other == place]
        name = entry if len(shade.entries) > 1 else ""
        if panel.joined:
            x, y = middles(panel.x, panel.y, chosen)
            if 1 < len(x) <= 20:
                line = {"color": palette.color_of(place), "width": 1.2}
                traces.add(
                    {"type": "scatter", "x": x, "y": y, "mode": "lines", "line": line, "opacity": 0.6,
                     "hoverinfo": "skip", "showlegend": False, "legendgroup": text(name)}
                )  # fmt: skip
        traces.add(_dots(panel, chosen, place) | legend_title(shade, name))
    if panel.best >= 0:
        traces.add(star(panel.x.values[panel.best], panel.y.values[panel.best], panel.labels[panel.best]))
    traces.axes(axis_settings(panel.x, "x" in panel.log), axis_settings(panel.y, "y" in panel.log))


def _dots(panel: Points, chosen: Iterable[int], place: int) -> dict[str, Any]:
    chosen = list(chosen)
    colors = palette.shades(panel.shade.scale) if panel.shade.scale is not None else []
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [panel.x.values[at] for at in chosen],
        "y": [panel.y.values[at] for at in chosen],
        "text": [hover(panel.labels[at], (panel.x, panel.y), at) for at in chosen],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker([colors[at] for at in chosen] if colors else palette.color_of(place), place),
        "showlegend": False,
    }


def _bars(traces: Traces, panel: Bars) -> None:
    rows = list(range(len(panel.labels)))
    colors = [palette.BEST if at == panel.best else palette.CYCLE[0] for at in rows]
    points = {"type": "scatter", "mode": "markers+text", "textposition": "middle right", "cliponaxis": False}
    bars = {"type": "bar", "orientation": "h", "textposition": "auto"}
    said = [
        f"{value:.4g}{' best' * (at == panel.best)}" for at, value in zip(rows, panel.y.values, strict=True)
    ]
    traces.add(
        {
            **(points if panel.alike else bars),
            "x": list(panel.y.values),
            "y": rows,
            "text": said,
            "customdata": [text(label) for label in panel.labels],
            "hovertemplate": "%{customdata}: %{x}<extra></extra>",
            "marker": {"color": colors} | ({"size": 10} if panel.alike else {}),
            "showlegend": False,
        }
    )
    column = Column("", tuple(map(float, rows)), panel.labels)
    places = axis_settings(column, False) | {"range": [len(rows) - 0.4, -0.6]}
    places |= {"tickvals": rows, "ticktext": [text(label) for label in panel.labels]}
    traces.axes(axis_settings(panel.y, bool(panel.log)), places)
    traces.figure.update_layout(height=max(HEIGHT - 140, 24 * len(rows) + 120))


def _parallel(figure: go.Figure, panel: Parallel) -> None:
    dimensions = []
    for column in panel.axes:
        scaled = axis(column, bool(panel.log) and column.is_metric)
        low = min([0.0, *(at for at, _ in scaled.marks)])
        dimensions.append(
            {
                "label": text(column.name, 24),
                "values": list(scaled.places),
                "range": [low, 1],
                "tickvals": [at for at, _ in scaled.marks],
                "ticktext": [one_line(said) for _, said in scaled.marks],  # plain text here
            }
        )
    line = _line_of(panel.shade)
    figure.add_trace({"type": "parcoords", "dimensions": dimensions, "line": line, "labelangle": 0})
    figure.update_layout(height=HEIGHT + 40)


def _line_of(shade: Shade) -> dict[str, Any]:
    """Return the colours of the lines of parallel coordinates."""
    if shade.scale is not None:
        where = [0.0 if math.isnan(at) else at for at in palette.positions(shade.scale)]
        bar = colorbar(shade.scale)
        return {
            "color": where,
            "colorscale": colorscale(),
            "cmin": 0,
            "cmax": 1,
            "showscale": True,
            "colorbar": bar,
        }
    count = max(len(shade.entries), 1)
    stops = [(stop / count, palette.color_of(at)) for at in range(count) for stop in (at, at + 1)]
    return {
        "color": list(shade.places),
        "colorscale": stops,
        "cmin": -0.5,
        "cmax": count - 0.5,
        "showscale": count > 1,
        "colorbar": {
            "title": {"text": text(shade.title), "side": "right"},
            "tickvals": list(range(count)),
            "ticktext": [text(entry) for entry in shade.entries],
            "thickness": 14,
        },
    }


def _matrix(figure: go.Figure, panel: Matrix) -> None:
    dimensions = [{"label": text(column.name, 24), "values": list(column.values)} for column in panel.axes]
    said = [hover(label, panel.axes, at) for at, label in enumerate(panel.labels)]
    shade = panel.shade
    groups: list[tuple[Sequence[int], Any, str]] = []
    if shade.scale is not None:
        groups.append((range(len(said)), [], ""))
    else:
        for place, entry in enumerate(shade.entries):
            members = [at for at, other in enumerate(shade.places) if other == place]
            groups.append((members, palette.color_of(place), entry))
    for place, (chosen, color, entry) in enumerate(groups):
        figure.add_trace(
            {
                "type": "splom",
                "dimensions": [one | {"values": [one["values"][at] for at in chosen]} for one in dimensions],
                "text": [said[at] for at in chosen],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": marker(color, place, 5) | (_line_of(shade) if shade.scale is not None else {}),
                "diagonal": {"visible": False},
            }
            | legend_title(shade, entry)
        )
    for at, column in enumerate(panel.axes, 1):
        is_log = column.is_wide or (bool(panel.log) and column.is_metric)
        settings = axis_settings(column, is_log) | {"range": _range(column, is_log)}
        figure.update_layout(
            {f"xaxis{at if at > 1 else ''}": settings, f"yaxis{at if at > 1 else ''}": settings}
        )
    figure.update_layout(height=max(HEIGHT, 150 * len(panel.axes)), dragmode="select")


def _range(column: Column, is_log: bool) -> list[float]:
    """Return the range of an axis of a scatter matrix, which Plotly does not always find by itself."""
    if column.categories:
        return [-0.5, len(column.categories) - 0.5]
    known = [value for value in column.known if value > 0 or not is_log] or [1.0]
    low, high = min(known), max(known)
    if is_log:
        low, high = math.log10(low), math.log10(high)
    room = (high - low) * 0.06 or abs(high) * 0.06 or 0.5
    return [low - room, high + room]


_DRAW: dict[type, Callable[..., None]] = {Lines: lines, Points: _points, Bars: _bars}
