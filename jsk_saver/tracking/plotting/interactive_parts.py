"""What Plotly figures of trials are made of: text that is only text, axes, colours, hovering."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from jsk_saver.human import one_line, shorten
from jsk_saver.tracking.plotting import palette
from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.labels import LONGEST
from jsk_saver.tracking.plotting.panels import Shade
from jsk_saver.tracking.plotting.ticks import axis, tick_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Of a figure, in pixels.
HEIGHT = 440
_MOST_TICKS = 24


class Traces:
    """Adds to one panel of a figure.

    Parameters
    ----------
    figure
        The whole.
    number
        Of the panel, from 1; 0 where the figure has no panels.
    """

    def __init__(self, figure: go.Figure, number: int) -> None:
        self.figure, self._number = figure, number

    @property
    def is_first(self) -> bool:
        """Whether legends and scales stand here: once for all panels."""
        return self._number <= 1

    def add(self, trace: dict[str, Any]) -> None:
        """Add a trace."""
        if not self.is_first:
            trace = trace | {"showlegend": False}
        if self._number:
            self.figure.add_trace(trace, row=1, col=self._number)
        else:
            self.figure.add_trace(trace)

    def axes(self, x: dict[str, Any], y: dict[str, Any]) -> None:
        """Set up the panel's axes."""
        self.figure.update_xaxes(**x, row=1, col=self._number)
        self.figure.update_yaxes(**y, row=1, col=self._number)

    def colorbar(self, column: Column) -> None:
        """Show what the colours of a scale stand for."""
        if not self.is_first:
            return
        marks = {"color": [0.0], "colorscale": colorscale(), "cmin": 0, "cmax": 1, "showscale": True,
                 "colorbar": colorbar(column), "opacity": 0}  # fmt: skip
        self.add(
            {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "marker": marks,
             "hoverinfo": "skip", "showlegend": False}
        )  # fmt: skip


def text(said: str, longest: int = 200) -> str:
    """Return text that Plotly shows as it is: neither HTML nor a formula."""
    shown = shorten(one_line(said), longest)
    # Quotes stay: Plotly knows no name for them, and they end nothing outside a tag.
    return escape(shown, quote=False).replace("$", "&#36;")


def colorscale() -> list[tuple[float, str]]:
    """Return the colours of a scale, as Plotly takes them."""
    return [(at / (len(palette.SCALE) - 1), color) for at, color in enumerate(palette.SCALE)]


def colorbar(column: Column) -> dict[str, Any]:
    """Return the marks beside a scale."""
    marks = [(at, said) for at, said in axis(column).marks if at >= 0]
    return {
        "title": {"text": text(column.name, LONGEST), "side": "right"},
        "tickvals": [at for at, _ in marks],
        "ticktext": [text(said) for _, said in marks],
        "thickness": 14,
        "outlinewidth": 0,
    }


def axis_settings(column: Column, is_log: bool) -> dict[str, Any]:
    """Return what an axis needs to know of its column."""
    settings: dict[str, Any] = {"title": {"text": text(column.name, LONGEST), "standoff": 10}}
    if column.categories:
        every = -(-len(column.categories) // _MOST_TICKS)
        places = range(0, len(column.categories), every)
        settings |= {
            "tickvals": list(places),
            "ticktext": [text(tick_text(column.categories[at])) for at in places],
            "range": [-0.5, len(column.categories) - 0.5],
        }
    elif is_log:
        settings |= {"type": "log", "dtick": 1}
    return settings


def hover(label: str, columns: Sequence[Column], at: int) -> str:
    """Return what is said about a trial when its point is hovered over."""
    lines = [f"<b>{text(label)}</b>"]
    lines += [f"{text(column.name, LONGEST)}: {text(_said(column, at))}" for column in columns]
    return "<br>".join(lines)


def _said(column: Column, at: int) -> str:
    value = column.values[at]
    if math.isnan(value):
        return "none"
    return column.categories[int(value)] if column.categories else f"{value:.6g}"


def marker(color: Any, place: int, size: int = 9) -> dict[str, Any]:
    """Return the look of a point."""
    symbol = palette.MARKERS[palette.round_of(max(place, 0))][0]
    return {"color": color, "size": size, "symbol": symbol, "opacity": 0.85, "line": {"width": 0}}


def legend_title(shade: Shade, entry: str) -> dict[str, Any]:
    """Return the place of an entry in the legend; none for an entry without a name."""
    if not entry:
        return {"showlegend": False}
    return {"name": text(entry), "legendgroup": text(entry), "showlegend": True, "legendgrouptitle": {}} | (
        {"legend": "legend", "legendgrouptitle": {}} if not shade.title else {}
    )


def star(x: float, y: float, label: str) -> dict[str, Any]:
    """Return the mark of the best trial."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x],
        "y": [y],
        "marker": {
            "symbol": "star",
            "size": 15,
            "color": palette.BEST,
            "line": {"width": 1, "color": "white"},
        },
        "text": [text(f"best: {label}")],
        "hovertemplate": "<b>%{text}</b><br>%{y}<extra></extra>",
        "showlegend": False,
    }
