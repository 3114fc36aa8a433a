"""Find trials with the saver's own search language: what is said about versions is said about trials too.

A path such as ``k`` or ``accuracy`` is looked up in the parameters, the tags, the last values of the metrics,
what the trial itself says (``status``, ``started``, ``seconds``, ``parent``, ``error``, ``notes``) and its
environment (``seed``, ``commit``, ``user``, ``notebook``, …). ``params.k``, ``tags.k``, ``metrics.loss`` and
``metrics.loss.min`` (or ``.max``, ``.best``, ``.last``, ``.count``, ``.step``) say which one is meant, as the
columns of a comparison do. ``input:data/iris.csv`` and ``output:model.skops`` (or ``…@version``, or a version
alone) tell which trials read or made it. ``sort:-accuracy limit:3`` orders; else the oldest comes first.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jsk_saver.index.paths import look_up, unlisted
from jsk_saver.record import Record
from jsk_saver.tracking.asking import SUMMARIES, asked
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.ranking import Goal
from jsk_saver.tracking.state import TrialState


def matching(
    trials: Sequence[TrialState],
    pattern: Any = None,
    goals: Mapping[str, Goal] | None = None,
    **search: Any,
) -> list[TrialState]:
    """Return the trials that match, sorted as asked, else in the order they came.

    Parameters
    ----------
    trials
        All of the experiment: what none of them has is a mistyped name.
    pattern
        A line (``'k:>=3 accuracy:>0.9 OR status:failed'``), a dictionary, ``any_of``, ``not_`` or None.
    goals
        Which way metrics are to go: then they have a best value, too.
    **search
        As in :meth:`jsk_saver.Saver.search`: ``since``, ``user``, ``commit``, ``sort``, ``limit``, …

    Raises
    ------
    QueryError
        If the pattern cannot be understood, or asks for a name that no trial has.
    """
    if pattern is None and not search:
        return list(trials)
    records = [as_record(trial, goals) for trial in trials]
    query = asked(trials, records, goals or {}, pattern, search)
    condition = query.everything
    found = [
        (trial, record) for trial, record in zip(trials, records, strict=True) if condition.matches(record)
    ]
    if query.sort is not None:
        found = _sorted(found, query.sort)
    end = None if query.limit is None else query.offset + query.limit
    return [trial for trial, _ in found[query.offset : end]]


def _sorted(found: list[tuple[TrialState, Record]], sort: str) -> list[tuple[TrialState, Record]]:
    """Return trials in the order of what is at a path: numbers, then text, then those without it."""
    path, backwards = sort.removeprefix("-"), sort.startswith("-")
    choose = max if backwards else min
    numbers, texts, others = [], [], []
    for pair in found:
        values = [_comparable(value) for value in unlisted(look_up(pair[1], path, first=True))]
        if known := [value for value in values if isinstance(value, float)]:
            numbers.append((choose(known), pair))
        elif said := [value for value in values if isinstance(value, str)]:
            texts.append((choose(said), pair))
        else:
            others.append(pair)
    numbers.sort(key=lambda item: item[0], reverse=backwards)
    texts.sort(key=lambda item: item[0], reverse=backwards)
    return [pair for _, pair in numbers] + [pair for _, pair in texts] + others


def _comparable(value: Any) -> float | str | None:
    if isinstance(value, dt.datetime):
        return value.timestamp()
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf


def as_record(trial: TrialState, goals: Mapping[str, Goal] | None = None) -> Record:
    """Return a trial in the shape of a version's record, which the search language knows."""
    summaries = {name: _all_of(metric, (goals or {}).get(name)) for name, metric in trial.metrics.items()}
    # The last value goes by the metric's own name, the others by names below it.
    metrics = nested({name: [said["last"], said] for name, said in summaries.items()})
    return Record(
        name=trial.name,
        version="",
        format="",
        type="trial",
        size=0,
        digest="",
        created=trial.created,
        metadata={
            "params": nested(trial.params),
            "metrics": metrics,
            "tags": nested(trial.tags),
            **nested(trial.tags),
            **nested(trial.params),
        },
        facts={**metrics, **_known(_said(trial)), SUMMARIES: summaries},
        lineage=dict(trial.environment),
    )


def _said(trial: TrialState) -> dict[str, Any]:
    """Return what a trial says of itself."""
    ended = None if trial.ended is None else dt.datetime.fromtimestamp(trial.ended, dt.UTC)
    inputs, outputs = _versions(trial.inputs), _versions(trial.outputs)
    return {
        "experiment": trial.experiment,
        "trial": trial.name,
        "status": trial.status,
        "started": trial.created,
        "ended": ended,
        "seconds": trial.seconds,
        "parent": trial.parent,
        "host": trial.host,
        "pulled": trial.pulled,
        "error": trial.error,
        "notes": list(trial.notes),
        "input": inputs,
        "output": outputs,
        "inputs": [*trial.inputs, *inputs],
        "outputs": [*trial.outputs, *outputs],
        **trial.links,
    }


def _versions(artifacts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return all that a saved version goes by: its name, its version, and both as a comparison has them."""
    found: list[str] = []
    for item in artifacts:
        name, version = str(item.get("name", "")), str(item.get("version", ""))
        found += [text for text in (name, version, f"{name}@{version}") if text]
    return found


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Return names with dots in them as paths as well: autologging notes ``KMeans.n_clusters``.

    Where there is something already, both stand in a list, in which a search finds either.

    Examples
    --------
    >>> nested({"k": 1, "KMeans.init": "random"})
    {'k': 1, 'KMeans.init': 'random', 'KMeans': {'init': 'random'}}
    >>> nested({"loss": 3, "loss.min": 99})
    {'loss': [3, {'min': 99}], 'loss.min': 99}
    """
    found = dict(values)
    for name, value in values.items():
        *way, last = name.split(".")
        place = found
        for key in way:
            inner = place.get(key, {})
            below = dict(inner) if isinstance(inner, dict) else {}
            place[key] = below if isinstance(inner, dict) else [inner, below]
            place = below
        if way:
            place[last] = [place[last], value] if last in place else value
    return found


def _all_of(metric: Metric, goal: Goal | None) -> dict[str, Any]:
    said = {
        "last": metric.last,
        "min": metric.min,
        "max": metric.max,
        "count": metric.count,
        "step": metric.step,
    }
    return said if goal is None else {**said, "best": metric.min if goal == "min" else metric.max}


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in (None, "", [])}
