"""Trials in words and as JSON, for the ``jsk trials`` commands."""

from __future__ import annotations

import datetime as dt
import math
import re
import shlex
from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jsk_saver.display import Column
from jsk_saver.errors import JskError
from jsk_saver.human import shorten
from jsk_saver.tracking import table
from jsk_saver.tracking.showing import said
from jsk_saver.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from jsk_saver.tracking.sinks.standing import Standing
    from jsk_saver.tracking.state import TrialState


#: Characters of a text in a table.
_LONGEST = 60
#: Significant digits of a number in a table.
_DIGITS = 6
_CALL = re.compile(r"""experiment\.(?:trials|compare)\((?P<line>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")?\)""")
_TRIAL = re.compile(r"""experiment\["(?P<name>[^"]*)"\]""")


def cell(value: Any) -> Any:
    """Return a value as it stands in a table: nothing is empty, and a long text is shortened."""
    if value is None:
        return ""
    return shorten(value, _LONGEST) if isinstance(value, str) else value


def row(known: TrialState) -> dict[str, Any]:
    """Return one line of a list of trials."""
    return {
        "experiment": known.experiment,
        "trial": known.name,
        "status": known.status,
        "started": known.created,
        "params": ", ".join(f"{name}={cell(said(value))}" for name, value in known.params.items()),
        "metrics": ", ".join(f"{name}={metric.last:.6g}" for name, metric in known.metrics.items()),
    }


def side_by_side(frame: pd.DataFrame) -> tuple[list[Column | str], list[dict[str, Any]], str]:
    """Return a comparison as a terminal shows it: columns, rows, and what is the same in all rows."""
    names = [str(name) for name in frame.columns]
    same = [name for name in names if name != "started" and len(frame) > 1]
    same = [name for name in same if table.is_said_once(frame, name)]
    names = [name for name in names if name not in same]
    rows = [
        {"trial": str(frame.index[at])} | {name: _in_a_cell(frame, name, at) for name in names}
        for at in range(len(frame))
    ]
    columns: list[Column | str] = [Column("trial", narrowest=20), *map(_column, names)]
    told = (f"{table.short(name)} {cell(table.said(frame, name, 0))}" for name in same)
    return columns, rows, ", ".join(told)


def _column(name: str) -> Column:
    is_asked_for = name == "status" or table.is_chosen(name)
    is_asked_for = is_asked_for or (name.startswith("metrics.") and not name.endswith((".min", ".max")))
    kind: Any = "time" if name == "started" else "text"
    return Column(name, kind, optional=not is_asked_for, title=table.short(name), digits=_DIGITS)


def _in_a_cell(frame: pd.DataFrame, name: str, at: int) -> Any:
    value = frame[name].iloc[at]
    if isinstance(value, dt.datetime):  # pandas' own, which has times as people do
        return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    value = value.item() if hasattr(value, "item") else value
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if is_number:
        # Beside a missing one, pandas makes floats of whole numbers.
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 10.0**_DIGITS
        return round(value, 1) if name == "seconds" else int(value) if whole else value
    return cell(table.said(frame, name, at))


@contextmanager
def in_the_shell(command: str, experiment: str) -> Iterator[None]:
    """Have errors say what to type in a shell, where they say it in Python."""
    try:
        yield
    except JskError as error:
        error.hint = shell_hint(error.hint, command, experiment)
        raise


def shell_hint(hint: str, command: str, experiment: str) -> str:
    """Return a hint with the calls of an experiment as commands.

    Examples
    --------
    >>> shell_hint("experiment.trials('k:2 OR k:3')", "list", "iris")
    "jsk trials list iris 'k:2 OR k:3'"
    >>> shell_hint('experiment["first"]', "list", "iris")
    'jsk trials show iris/first'
    """

    def searched(call: re.Match[str]) -> str:
        line = [literal_eval(call["line"])] if call["line"] else []
        return shlex.join(["jsk", "trials", command, experiment, *line])

    hint = _CALL.sub(searched, hint)
    return _TRIAL.sub(
        lambda call: shlex.join(["jsk", "trials", "show", f"{experiment}/{call['name']}"]), hint
    )


def as_json(known: TrialState) -> dict[str, Any]:
    """Return everything known about a trial as plain JSON."""
    fields = ("count", "last", "step", "time", "min", "min_step", "max", "max_step")
    said = {name: getattr(known, name) for name in known.__dataclass_fields__}
    said["metrics"] = {
        name: {field: getattr(metric, field) for field in fields} for name, metric in known.metrics.items()
    }
    return {name: plain(value) for name, value in {**said, "seconds": known.seconds}.items()}


def plain(value: Any) -> Any:
    """Return a value as JSON; what is no number is nothing, and infinity its name."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def standing_json(item: Standing) -> dict[str, Any]:
    """Return how a trial stands with a sink as plain JSON."""
    return {
        "experiment": item.experiment,
        "trial": item.trial,
        "sink": public(item.sink),
        "events": item.events,
        "points": item.points,
        "since": dt.datetime.fromtimestamp(item.since, dt.UTC).isoformat() if item.since else None,
        "why": item.why,
        "refused": item.refused,
        "url": item.memory.get("url"),
    }


def public(sink: str) -> str:
    """Return the address of a sink without what would let others in."""
    from jsk_saver.doctor.report import without_login

    return without_login(sink)


def amount(item: Standing) -> str:
    """Return how much of a trial it is about."""
    return f"{count(item.events, 'event')}, {count(item.points, 'point')}"


def told(item: Standing) -> str:
    """Return how a trial stands with a sink in words."""
    if item.unsent:
        return f"{amount(item)} unsent: {item.why or 'on their way'}"
    return item.why or "all is there"
