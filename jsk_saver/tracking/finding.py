"""Find trials with the saver's own search language: what is said about versions is said about trials too.

A path such as ``k`` or ``accuracy`` is looked up in the parameters, the tags, the last values of the metrics,
what the trial itself says (``status``, ``seconds``, ``parent``, ``error``, ``notes``) and its environment
(``commit``, ``user``, ``notebook``, …). ``params.k``, ``tags.k`` and ``metrics.loss.min`` (or ``.max``,
``.last``, ``.count``, ``.step``) say which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsk_saver.index.query import query
from jsk_saver.record import Record
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.state import TrialState


def matching(trials: Iterable[TrialState], pattern: Any = None, **search: Any) -> list[TrialState]:
    """Return the trials that match, in the order they came.

    Parameters
    ----------
    trials
        Among these.
    pattern
        A line (``'k:>=3 accuracy:>0.9 OR status:failed'``), a dictionary, ``any_of``, ``not_`` or None.
    **search
        As in :meth:`jsk_saver.Saver.search`: ``since``, ``user``, ``commit``, …

    Raises
    ------
    QueryError
        If the pattern cannot be understood.
    """
    if pattern is None and not search:
        return list(trials)
    condition = query(pattern, **search).everything
    return [trial for trial in trials if condition.matches(as_record(trial))]


def as_record(trial: TrialState) -> Record:
    """Return a trial in the shape of a version's record, which the search language knows."""
    said = {
        "experiment": trial.experiment,
        "trial": trial.name,
        "status": trial.status,
        "seconds": trial.seconds,
        "parent": trial.parent,
        "host": trial.host,
        "pulled": trial.pulled,
        "error": trial.error,
        "notes": list(trial.notes),
        "inputs": list(trial.inputs),
        "outputs": list(trial.outputs),
        **trial.links,
    }
    metrics = {name: _all_of(metric) for name, metric in trial.metrics.items()}
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
            "metrics": nested(metrics),
            "tags": nested(trial.tags),
            **nested(trial.tags),
            **nested(trial.params),
        },
        facts={**nested({name: metric.last for name, metric in trial.metrics.items()}), **_known(said)},
        lineage=dict(trial.environment),
    )


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


def _all_of(metric: Metric) -> dict[str, Any]:
    return {
        "last": metric.last,
        "min": metric.min,
        "max": metric.max,
        "count": metric.count,
        "step": metric.step,
    }


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in (None, "", [])}
