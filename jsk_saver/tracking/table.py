"""A comparison as a table for a notebook: what differs stands out, what is the same is said once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.display import escape
from jsk_saver.human import human_value, one_line, shorten
from jsk_saver.tracking.compare import differs

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are shown; the frame has all.
MOST_ROWS = 100
_LONGEST = 40
#: Colours that are seen on light pages and dark ones.
_DIFFERENT, _BEST = "background:rgba(255,180,0,.18)", "font-weight:700;color:#2a8c4a"
_STATUS = {"failed": "#c0392b", "lost": "#c0392b", "stopped": "#b9770e", "running": "#2471a3"}


def html(frame: pd.DataFrame) -> str:
    """Return the HTML of a comparison: a caption, the rows, and what is the same in all of them."""
    shown = frame.head(MOST_ROWS)
    names = [name for name in shown.columns if name != "started"]
    constant = [name for name in names if len(shown) > 1 and is_said_once(shown, name)]
    names = [name for name in names if name not in constant]
    best = {name: best_row(shown, name) for name in names if name.startswith("metrics.")}
    head = "".join(_th(short(name)) for name in ("trial", *names))
    rows = "".join(_row(shown, at, names, best) for at in range(len(shown)))
    more = f", the first {MOST_ROWS} of them shown" if len(frame) > MOST_ROWS else ""
    count = f"{len(frame)} trial{'s' * (len(frame) != 1)}{more}"
    return (
        f'<div style="overflow-x:auto"><table style="border-collapse:collapse;font-size:.9em">'
        f'<caption style="text-align:left;opacity:.7;caption-side:top">{count}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{_same(shown, constant)}</div>"
    )


def is_said_once(frame: pd.DataFrame, name: str) -> bool:
    """Tell whether a column says the same for all trials, and is no result."""
    if name in ("status", "seconds") or name.startswith("metrics."):
        return False
    logged = frame.attrs.get("logged", {}).get(name)
    if logged is not None and not set(frame.index) <= set(logged):  # None in some, and nothing in others
        return False
    return not differs(list(frame[name]))


def short(name: str) -> str:
    """Return a column's name as people say it: without what the order tells already."""
    for prefix in ("params.", "metrics.", "tags."):
        name = name.removeprefix(prefix)
    return name


def _th(text: str) -> str:
    return (
        f'<th style="text-align:left;padding:2px 10px;border-bottom:1px solid currentColor">'
        f"{escape(shorten(one_line(text), _LONGEST))}</th>"
    )


def _row(frame: pd.DataFrame, at: int, names: Sequence[str], best: dict[str, int]) -> str:
    cells = [_cell(str(frame.index[at]), "white-space:nowrap;font-family:monospace")]
    for name in names:
        value = frame[name].iloc[at]
        value = value.item() if hasattr(value, "item") else value
        style = "text-align:right" if isinstance(value, int | float) else ""
        if name == "status":
            style = f"color:{_STATUS.get(value, 'inherit')}"
        elif is_chosen(name) and len(frame) > 1:
            style += f";{_DIFFERENT}"
        elif best.get(name) == at:
            style += f";{_BEST}"
        cells.append(_cell(said(frame, name, at), style))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, style: str = "") -> str:
    shown = shorten(one_line(text), _LONGEST)
    tip = f' title="{escape(one_line(text))}"' if shown != text else ""
    return f'<td style="text-align:left;padding:2px 10px;{style}"{tip}>{escape(shown)}</td>'


def text(name: str, value: Any) -> str:
    """Return what stands in a cell."""
    if hasattr(value, "item"):  # NumPy's scalars, which JSON would put in quotes
        value = value.item()
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value) and not name.startswith("metrics."):
            return ""
        return f"{value:.1f}" if name == "seconds" else f"{value:.6g}"
    if isinstance(value, list) and not name.startswith(("params.", "tags.")):
        return ", ".join(map(str, value))
    return human_value(value)


def said(frame: pd.DataFrame, name: str, at: int) -> str:
    """Return what stands in a cell of a comparison: nothing where a trial has nothing."""
    shown = text(name, frame[name].iloc[at])
    if shown not in ("", "nan"):
        return shown
    was_logged = frame.index[at] in frame.attrs.get("logged", {}).get(name, ())
    if name.startswith("metrics."):
        return "nan" if was_logged else ""
    return "None" if was_logged else shown


def is_chosen(name: str) -> bool:
    """Tell whether a column says what was chosen, rather than what came out."""
    return name.startswith("params.") or name == "seed"


def best_row(frame: pd.DataFrame, name: str) -> int:
    """Return the row with the best value of a metric whose goal is known; -1 where there is none."""
    goal = frame.attrs.get("goals", {}).get(name)
    values = list(frame[name])
    known = [at for at, value in enumerate(values) if not math.isnan(value)]
    if goal is None or len(known) < 2:
        return -1
    choose = min if goal == "min" else max
    return choose(known, key=values.__getitem__)


def _same(frame: pd.DataFrame, names: Sequence[str]) -> str:
    if not names:
        return ""
    told = ", ".join(
        f"{escape(short(name))} <b>{escape(shorten(one_line(said(frame, name, 0)), 60))}</b>"
        for name in names
    )
    return f'<div style="font-size:.85em;opacity:.8;padding-top:4px">The same in all: {told}</div>'
