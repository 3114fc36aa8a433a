"""Trials in words and as JSON, for the ``jsk trials`` commands."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from jsk_saver.human import human_value, shorten
from jsk_saver.wording import count, flatten

if TYPE_CHECKING:
    from jsk_saver.tracking.journal.summary import Metric
    from jsk_saver.tracking.sinks.standing import Standing
    from jsk_saver.tracking.state import TrialState


#: Characters of a text in a table.
_LONGEST = 60


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
        "params": ", ".join(f"{name}={cell(human_value(value))}" for name, value in known.params.items()),
        "metrics": ", ".join(f"{name}={metric.last:.6g}" for name, metric in known.metrics.items()),
    }


def story(known: TrialState) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is known about a trial, part by part, as names and values."""
    seconds = "" if known.seconds is None else f"{known.seconds:.1f} s"
    when = [("started", human_value(known.created)), ("took", seconds), ("nested in", known.parent)]
    metrics = [(name, _metric(metric)) for name, metric in known.metrics.items()]
    return [
        ("When", [(name, value) for name, value in when if value]),
        ("Parameters", [(name, human_value(value)) for name, value in known.params.items()]),
        ("Metrics", metrics),
        ("Inputs", [(item["name"], item.get("version", "")) for item in known.inputs]),
        ("Outputs", [(item["name"], item.get("version", "")) for item in known.outputs]),
        ("Files", [(item["name"], item["what"]) for item in known.files]),
        ("Tags", [(name, human_value(value)) for name, value in known.tags.items()]),
        ("Notes", [(text, "") for text in known.notes]),
        ("Environment", [(name, human_value(value)) for name, value in flatten(known.environment)]),
        ("Links", [(name, human_value(value)) for name, value in known.links.items()]),
    ]


def _metric(metric: Metric) -> str:
    several = f"  ({metric.min:.6g} to {metric.max:.6g}, {metric.count:,} points)"
    return f"{metric.last:.6g}{several if metric.count > 1 else ''}"


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


def unsent_row(item: Standing) -> dict[str, Any]:
    """Return one line of a list of what is unsent."""
    since = dt.datetime.fromtimestamp(item.since, dt.UTC) if item.since else ""
    why = item.why or "It has not been tried yet, or is on its way."
    return {
        "trial": f"{item.experiment}/{item.trial}",
        "sink": public(item.sink),
        "events": item.events,
        "points": item.points,
        "since": since,
        "why": why,
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
