"""The table of a report: a row per trial, to sort and to filter; what is the same in all is said once."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.human import one_line, shorten
from jsk_saver.tracking import table
from jsk_saver.tracking.compare import compare, metric_columns
from jsk_saver.tracking.report.text import escape
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    import pandas as pd

    from jsk_saver.tracking.ranking import Goal

#: Cells that a browser lays out and sorts without a wait.
_MOST_CELLS, _FEWEST_COLUMNS = 30_000, 12
_LONGEST = 48
_NUMBERS = ("seconds", "started")


def overview(trials: Sequence[TrialState], goals: dict[str, Goal]) -> str:
    """Return the table as HTML."""
    frame = compare(trials, goals)
    names = _in_order(frame, goals)
    same = [name for name in names if name != "started" and len(trials) > 1]
    same = [name for name in same if table.is_said_once(frame, name)]
    names = [name for name in names if name not in same]
    most = max(_FEWEST_COLUMNS, _MOST_CELLS // max(len(trials), 1))
    shown, left = names[:most], names[most:]
    metrics = {column: metric for column, (metric, _) in metric_columns(trials, goals).items()}
    columns = [_Column(frame, name, trials, metrics.get(name, "")) for name in shown]
    named = _Trial(frame)
    head = named.head + "".join(column.head for column in columns)
    rows = "".join(
        f"<tr>{named.cell(at)}{''.join(column.cell(at) for column in columns)}</tr>"
        for at in range(len(trials))
    )
    told = {
        called: table.said(frame, name, 0)
        for name in same
        for called in dict.fromkeys((name, table.short(name)))
    }
    inner = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    body = f'<table id="trials" data-same="{escape(json.dumps(told))}">{inner}</table>'
    return (
        '<div class="tools"><input type="search" id="filter" placeholder="k:>=3 accuracy:>0.9 OR failed" '
        'aria-label="filter trials" autocomplete="off"> <span id="count" role="status"></span></div>'
        f'<div class="wide">{body}</div>'
        f"{_said_once(frame, same)}{_left_out(left)}"
    )


def _in_order(frame: pd.DataFrame, goals: dict[str, Goal]) -> list[str]:
    """Return the columns, those first that a reader looks for first."""
    wanted = {f"metrics.{name}.best": 0 for name in goals} | {f"metrics.{name}": 1 for name in goals}

    def rank(name: str) -> int:
        if name == "status":
            return -1
        if name in wanted:
            return wanted[name]
        if table.is_chosen(name):
            return 2
        if name.startswith("metrics."):
            return 4 if name.endswith((".min", ".max")) else 3
        return 5 if name in (*_NUMBERS, "parent") or name.startswith("tags.") else 6

    return sorted(frame.columns, key=rank)


class _Column:
    """One column: its head, and a cell for each trial."""

    def __init__(self, frame: pd.DataFrame, name: str, trials: Sequence[TrialState], metric: str) -> None:
        self.name, self.values = name, list(frame[name])
        self._frame = frame
        if metric:  # a frame says nan where there is none, too
            self.values = [
                value if metric in trial.metrics else None
                for trial, value in zip(trials, self.values, strict=True)
            ]
        self._best = table.best_row(frame, name) if name.startswith("metrics.") else -1
        self._differs = table.is_chosen(name) and len(frame) > 1
        self._numeric = all(_is_number(value) for value in self.values if value is not None)

    @property
    def head(self) -> str:
        shown = shorten(one_line(table.short(self.name)), _LONGEST)
        return f'<th scope="col" title="{escape(self.name)}"><button>{escape(shown)}</button></th>'

    def cell(self, at: int) -> str:
        value = self.values[at]
        classes = [
            *(["n"] if self._numeric else []),
            *(["d"] if self._differs else []),
            *(["best"] if self._best == at else []),
            *([f"s-{value}"] if self.name == "status" else []),
        ]
        said = f"{value:%Y-%m-%d %H:%M}" if self.name == "started" else table.said(self._frame, self.name, at)
        shown = shorten(one_line(said), _LONGEST)
        tip = f' title="{escape(shorten(said, 1000))}"' if shown != said else ""
        named = f' class="{" ".join(classes)}"' if classes else ""
        whole = f' data-s="{escape(shorten(said, 1000))}"' if shown != said else ""
        return f"<td{named}{_sort_key(value)}{whole}{tip}>{escape(shown)}</td>"


class _Trial:
    """The first column: names that lead to the trial."""

    head = '<th scope="col"><button>trial</button></th>'

    def __init__(self, frame: pd.DataFrame) -> None:
        self._names = list(frame.index)

    def cell(self, at: int) -> str:
        name = escape(self._names[at])
        return f'<td class="name"><a href="#trial-{name}">{name}</a></td>'


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sort_key(value: Any) -> str:
    if _is_number(value) and not math.isnan(value):
        return f' data-v="{value!r}"'
    if hasattr(value, "timestamp"):
        return f' data-v="{value.timestamp()}"'
    return ""


def _said_once(frame: pd.DataFrame, names: Sequence[str]) -> str:
    said = [
        f"{escape(table.short(name))} <b>{escape(shorten(table.said(frame, name, 0), 60))}</b>"
        for name in names
    ]
    return f'<p class="quiet">The same in all: {", ".join(said)}</p>' if said else ""


def _left_out(names: Sequence[str]) -> str:
    if not names:
        return ""
    said = ", ".join(escape(table.short(name)) for name in names[:40])
    more = " …" if len(names) > 40 else ""
    return f'<p class="quiet">{len(names)} more columns are told with each trial: {said}{more}</p>'
