"""Bring runs of MLflow into a trial."""

from __future__ import annotations

import math
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.imports.foreign import value

if TYPE_CHECKING:
    from jsk_saver.tracking.journal.summary import Metric
    from jsk_saver.tracking.trial import Trial

#: MLflow's tag for the run that a run is nested in.
OUTER = "mlflow.parentRunId"
#: Files that are looked at, not loaded again, by how they are kept.
_KINDS = {
    ".png": "figure",
    ".svg": "figure",
    ".html": "figure",
    ".txt": "text",
    ".json": "text",
    ".csv": "table",
}
#: Larger ones stay behind, in bytes.
_LARGEST = 20_000_000


def take_all(trial: Trial, client: Any, experiment: str, *, nested: bool) -> None:
    """Bring all runs of an experiment into a trial, the oldest first.

    Parameters
    ----------
    trial
        Which.
    client, experiment
        Where the runs are.
    nested
        Whether those inside a run become trials nested in this one; else they are left out.
    """
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    outer = [run for run in runs if OUTER not in run.data.tags]
    for number, run in enumerate(outer, 1):
        _take(trial, client, run, "" if number == 1 else f"-{number}")
    for run in runs:
        if nested and OUTER in run.data.tags:
            inner = trial.trial(links={"mlflow": run.info.run_name})
            try:
                _take(inner, client, run)
            finally:
                inner.finish("failed" if run.info.status == "FAILED" else "completed")


def _take(trial: Trial, client: Any, run: Any, end: str = "") -> None:
    """Bring in a run; ``end`` comes after the names of its files."""
    for name, text in run.data.params.items():
        free = _free(trial.params, name, text)
        if free not in trial.params:
            trial.log_param(free, value(text))
    tags = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
    if tags:
        trial.tag(**tags)
    known = trial.metrics
    for name in run.data.metrics:
        points = client.get_metric_history(run.info.run_id, name)
        if name in known and _is_known(known[name], [point.value for point in points]):
            continue
        for point in points:
            trial.log_metric(name, point.value, point.step, point.timestamp / 1000)
    _take_files(trial, run, end)


def _is_known(metric: Metric, values: list[float]) -> bool:
    """Tell whether the kit's own autologging has logged the one value that MLflow has, too."""
    return metric.count == len(values) == 1 and math.isclose(metric.last, values[0], rel_tol=1e-9)


def _free(known: dict[str, Any], name: str, text: str) -> str:
    """Return a name for a parameter: MLflow's names are short, and may be the user's, or an earlier fit's."""
    names = chain((name, f"mlflow.{name}"), (f"mlflow-{number}.{name}" for number in count(2)))
    return next(one for one in names if one not in known or str(known[one]) == text)


def _take_files(trial: Trial, run: Any, end: str) -> None:
    from urllib.parse import unquote, urlparse

    root = Path(unquote(urlparse(run.info.artifact_uri).path))
    for path in sorted(root.glob("*")):
        kind = _KINDS.get(path.suffix)
        if kind is not None and path.is_file() and path.stat().st_size <= _LARGEST:
            trial.log_file(kind, path.rename(path.with_stem(f"{path.stem}{end}")))
