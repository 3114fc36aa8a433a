"""Honour MLflow's own autologging: what it logs while a trial runs becomes the trial's.

``mlflow.xgboost.autolog()`` and its siblings log to the active run of this process. The run that the trial
is in MLflow cannot be that: another process makes it, later. So, while autologging is on for a trial that
goes to MLflow, the active run is one in a SQLite file, in a temporary folder: no server is waited for. At the
end its parameters, metrics, tags and pictures go into the journal, and from there, as everything, to the one
run of the trial, and to its other sinks. Models stay behind: ``trial.put`` keeps them, with their version.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.imports.foreign import value

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

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


def wanted(trial: Trial) -> bool:
    """Tell whether a trial goes to MLflow, and whoever runs it uses MLflow."""
    to_mlflow = any(address.partition(":")[0] == "mlflow" for address in trial.experiment.sinks)
    return to_mlflow and "mlflow" in sys.modules


class Capture:
    """Takes what MLflow logs in this process, from now on.

    Parameters
    ----------
    trial
        Whose it becomes.
    """

    def __init__(self, trial: Trial) -> None:
        import mlflow

        self._mlflow, self._trial = mlflow, trial
        self._folder = Path(tempfile.mkdtemp(prefix="jsk-mlflow-"))
        self._before = mlflow.get_tracking_uri()
        self._uri = f"sqlite:///{self._folder / 'mlflow.db'}"
        try:
            mlflow.set_tracking_uri(self._uri)
            number = mlflow.create_experiment(trial.name, artifact_location=self._folder.as_uri())
            self._run = mlflow.start_run(experiment_id=number)
        except BaseException:
            self._leave()
            raise

    def finish(self) -> None:
        """Bring it into the trial, and let MLflow log where it did before."""
        try:
            active = self._mlflow.active_run()
            if active is not None and active.info.run_id == self._run.info.run_id:
                self._mlflow.end_run()
            if not self._trial.ended:
                for run in self._runs():
                    self._take(run)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._mlflow.get_tracking_uri() == self._uri:
            self._mlflow.set_tracking_uri(self._before)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _runs(self) -> Iterator[Any]:
        """Yield the runs, those of other threads too; not those inside a run, such as a search's."""
        client = self._mlflow.MlflowClient(tracking_uri=self._uri)
        numbers = [experiment.experiment_id for experiment in client.search_experiments()]
        for run in client.search_runs(numbers, order_by=["attributes.start_time ASC"]):
            if "mlflow.parentRunId" not in run.data.tags:
                yield run

    def _take(self, run: Any) -> None:
        trial, known = self._trial, self._trial.params
        for name, text in run.data.params.items():
            said = value(text)
            taken = known.get(name, said) != said  # MLflow's names are short, and may be the user's
            trial.log_params({f"mlflow.{name}" if taken else name: said})
        tags = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
        if tags:
            trial.tag(**tags)
        client = self._mlflow.MlflowClient(tracking_uri=self._uri)
        for name in run.data.metrics:
            for point in client.get_metric_history(run.info.run_id, name):
                trial.log_metric(name, point.value, point.step, point.timestamp / 1000)
        self._files(run)

    def _files(self, run: Any) -> None:
        from urllib.parse import unquote, urlparse

        root = Path(unquote(urlparse(run.info.artifact_uri).path))
        for path in sorted(root.glob("*")):
            kind = _KINDS.get(path.suffix)
            if kind is not None and path.is_file() and path.stat().st_size <= _LARGEST:
                self._trial.log_file(kind, path)
