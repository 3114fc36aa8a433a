"""Rows of a live table as HTML and as text: one trial takes a line a metric, several a line each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jsk_saver.display import escape, text_table
from jsk_saver.human import human_value, one_line, shorten
from jsk_saver.tracking import state as states
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.live.rows import Row
from jsk_saver.tracking.live.sparkline import NARROW, WIDTH
from jsk_saver.tracking.showing import said as told

#: What is shown at most: trials (the newest), metrics of one trial, metrics and parameters of several.
MOST_TRIALS, _MOST_LINES, _MOST_METRICS, _MOST_PARAMS = 50, 40, 6, 6
_LONGEST = 40
_COLOURS = {
    states.RUNNING: "#2a78c8",
    states.COMPLETED: "#2a8c4a",
    states.FAILED: "#c0392b",
    states.STOPPED: "#b9770e",
}
_TABLE = "border-collapse:collapse;font-size:.9em;font-variant-numeric:tabular-nums;border:none"
_CELL = "padding:2px 8px;border:none;white-space:nowrap;color:inherit;vertical-align:middle"
_NAME = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)"


def html(experiment: str, rows: Sequence[Row]) -> str:
    """Return the table of an experiment's trials."""
    shown = rows[-MOST_TRIALS:]
    if len(shown) == 1:
        title, head, body = _title(experiment, shown[0]), *_one(shown[0])
    else:
        more = f", the newest {MOST_TRIALS} of them shown" if len(rows) > MOST_TRIALS else ""
        title, (head, body) = f"{escape(experiment)}: {len(rows)} trials{more}", _several(shown)
    table = f'<table class="jsk-live" style="{_TABLE}">{_line(head, "th")}{"".join(map(_line, body))}</table>'
    return f'<div style="overflow-x:auto"><div style="padding:2px 10px">{title}</div>{table}</div>'


def text(experiment: str, rows: Sequence[Row]) -> str:
    """Return the same without colours and curves."""
    shown = rows[-MOST_TRIALS:]
    columns = ["trial", "status", "seconds", "metric", "last", "min", "max", "step"]
    lines = [
        [row.name, row.status, round(row.seconds, 1), name, *map(_number, _summary(metric)), metric.step]
        for row in shown
        for name, metric in row.metrics.items()
    ]
    lines += [[row.name, row.status, round(row.seconds, 1), *[""] * 5] for row in shown if not row.metrics]
    return text_table(columns, lines, title=one_line(experiment))


Cells = list[tuple[str, str]]


def _one(row: Row) -> tuple[Cells, list[Cells]]:
    names = ("metric", "last", "min", "max", "", "step")
    head = [(name, "left" if name in ("metric", "") else "right") for name in names]
    body = [
        [
            (_escaped(name), "left"),
            *((_number(value), "right") for value in _summary(metric)),
            (row.curve(name, WIDTH), "left"),
            (f"{metric.step:,}", "right"),
        ]
        for name, metric in list(row.metrics.items())[:_MOST_LINES]
    ]
    if len(row.metrics) > _MOST_LINES:
        body.append([(f"… and {len(row.metrics) - _MOST_LINES} more", "left")])
    return head if body else [], body


def _several(rows: Sequence[Row]) -> tuple[Cells, list[Cells]]:
    params = [name for name in _names([row.params for row in rows]) if _differs(name, rows)][:_MOST_PARAMS]
    metrics = _names([row.metrics for row in rows])[:_MOST_METRICS]
    head = [("trial", "left"), *((_escaped(name), "right") for name in params), ("status", "left")]
    head += [("elapsed", "right"), ("step", "right")]
    head += [(_escaped(name), "left") for name in metrics]
    return head, [_trial(row, params, metrics) for row in rows]


def _trial(row: Row, params: Sequence[str], metrics: Sequence[str]) -> Cells:
    chosen = {name: _escaped(told(value)) for name, value in row.params.items()}
    return [
        (f'<span style="{_NAME}">{_escaped(row.name)}</span>', "left"),
        *((chosen.get(name, ""), "right") for name in params),
        (_status(row), "left"),
        (_elapsed(row), "right"),
        ("" if row.step is None else f"{row.step:,}", "right"),
        *((_metric(row, name), "left") for name in metrics),
    ]


def _metric(row: Row, name: str) -> str:
    metric = row.metrics.get(name)
    if metric is None:
        return ""
    if metric.count == 1:
        return _number(metric.last)
    span = f'<small style="opacity:.7">{metric.min:.3g}…{metric.max:.3g}</small>'
    return f"{_number(metric.last)} {row.curve(name, NARROW)} {span}"


def _title(experiment: str, row: Row) -> str:
    params = ", ".join(f"{name} = {told(value)}" for name, value in row.params.items())
    name = f'{escape(experiment)} / <span style="{_NAME}">{escape(row.name)}</span>'
    said = [name, *([escape(shorten(params, 120))] if params else []), _status(row), _elapsed(row)]
    return " · ".join(said)


def _status(row: Row) -> str:
    why = row.error.strip().splitlines()[-1:]
    tip = f' title="{escape(why[0])}"' if why else ""
    return f'<span style="color:{_COLOURS.get(row.status, "inherit")}"{tip}>{escape(row.status)}</span>'


def _elapsed(row: Row) -> str:
    if row.seconds < 1:
        return f"{max(0.0, row.seconds) * 1000:.0f} ms"
    minutes, seconds = divmod(row.seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {int(seconds)} s" if minutes else f"{seconds:.1f} s"


def _summary(metric: Metric) -> tuple[float, float, float]:
    return metric.last, metric.min, metric.max


def _number(value: float) -> str:
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e9
    return f"{value:,.0f}" if whole else f"{value:.6g}"


def _escaped(name: str) -> str:
    return escape(shorten(one_line(name), _LONGEST, middle=True))


def _names(sources: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for source in sources for name in source))


def _differs(name: str, rows: Sequence[Row]) -> bool:
    return len({human_value(row.params.get(name)) for row in rows}) > 1


def _line(cells: Cells, tag: str = "td") -> str:
    rule = ";border-bottom:1px solid rgba(128,128,128,.55)" if tag == "th" else ""
    inner = "".join(f'<{tag} style="{_CELL}{rule};text-align:{side}">{said}</{tag}>' for said, side in cells)
    return f"<tr>{inner}</tr>" if cells else ""
