"""Lines of many trials with Plotly: one trace each while they are few, one for each shade of many."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from jsk_saver.tracking.plotting import palette
from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.interactive_parts import (
    HEIGHT,
    Traces,
    axis_settings,
    legend_title,
    star,
    text,
)
from jsk_saver.tracking.plotting.panels import Lines
from jsk_saver.tracking.plotting.values import best_point, has_lone_point

#: Trials up to which each is a trace of its own; a browser takes about a second for 200.
_MOST_TRACES = 60
#: Shades of a scale that many trials are gathered in.
_SHADES = 24
#: Entries of a legend that fit beside a plot of the usual height, and pixels of each more.
_TALL, _ENTRY = 11, 29


def lines(traces: Traces, panel: Lines) -> None:
    """Draw a metric against the step."""
    many = len(panel.curves) > _MOST_TRACES
    for at in range(len(panel.curves)):
        if not many or at == panel.best:
            # Of many, the groups have the entries.
            traces.add(_line(panel, at) | ({"showlegend": False} if many else {}))
    if many:
        for trace in _gathered(panel):
            traces.add(trace)
    if panel.shade.scale is not None:
        traces.colorbar(panel.shade.scale)
    entries = len(panel.shade.entries)
    if entries > _TALL:
        traces.figure.update_layout(height=HEIGHT + _ENTRY * (entries - _TALL))
    found = best_point(panel)
    if found is not None:
        traces.add(star(*found, panel.labels[panel.best]))
    along = Column("step" if panel.x == "step" else "seconds since the start", ())
    traces.axes(
        axis_settings(along, "x" in panel.log), axis_settings(Column(panel.metric, ()), "y" in panel.log)
    )


def _line(panel: Lines, at: int) -> dict[str, Any]:
    curve, shade = panel.curves[at], panel.shade
    has_entry = shade.scale is None
    first = has_entry and shade.places.index(shade.places[at]) == at
    entry = shade.entries[int(shade.places[at])] if has_entry else ""
    width = 3.5 if at == panel.best else 1.6
    named = legend_title(shade, entry if len(panel.curves) > 1 else "")
    return {
        "type": "scatter",
        "x": curve.x,
        "y": curve.y,
        "mode": "lines+markers" if has_lone_point(curve.y) else "lines",
        "marker": {"size": 5},
        "line": {"color": _color(panel, at), "width": width, "dash": _dash(panel, at)},
        "opacity": 1.0 if has_entry or at == panel.best else 0.75,
        "text": [text(panel.labels[at])],
        "meta": text(panel.labels[at]),
        "hovertemplate": f"<b>%{{meta}}</b><br>{panel.x} %{{x}}: %{{y:.6g}}<extra></extra>",
    } | named | ({"showlegend": False} if not first else {})  # fmt: skip


def _color(panel: Lines, at: int) -> str:
    if panel.shade.scale is None:
        return palette.color_of(panel.shade.places[at])
    return palette.blend(palette.positions(panel.shade.scale)[at])


def _dash(panel: Lines, at: int) -> str:
    if panel.shade.scale is not None:
        return "solid"
    return palette.DASHES[palette.round_of(panel.shade.places[at])][0]


def _gathered(panel: Lines) -> list[dict[str, Any]]:
    """Return a trace for each shade: its trials one after another, with gaps between them."""
    import numpy as np

    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    if panel.shade.scale is None:
        looks = [(palette.color_of(place), _dash(panel, at)) for at, place in enumerate(panel.shade.places)]
    else:
        shares = palette.positions(panel.shade.scale)
        looks = [
            (palette.blend(round(share * _SHADES) / _SHADES if share == share else share), "solid")
            for share in shares
        ]
    for at, look in enumerate(looks):
        if at != panel.best:
            groups[look].append(at)
    found = []
    for (color, dash), members in groups.items():
        gap = [np.nan]
        named = [text(panel.labels[at]) for at in members]
        place = int(panel.shade.places[members[0]]) if panel.shade.scale is None else -1
        trace = {
            "type": "scatter",
            "mode": "lines",
            "x": np.concatenate([part for at in members for part in (panel.curves[at].x, gap)]),
            "y": np.concatenate([part for at in members for part in (panel.curves[at].y, gap)]),
            "text": [
                name
                for at, name in zip(members, named, strict=True)
                for _ in range(len(panel.curves[at].x) + 1)
            ],
            "line": {"color": color, "width": 1, "dash": dash},
            "opacity": 0.6,
            "hovertemplate": f"<b>%{{text}}</b><br>{panel.x} %{{x}}: %{{y:.6g}}<extra></extra>",
            "showlegend": False,
        }
        found.append(trace | (legend_title(panel.shade, panel.shade.entries[place]) if place >= 0 else {}))
    return found
