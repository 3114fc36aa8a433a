"""Honour MLflow's own autologging: what it logs while a trial runs becomes the trial's.

``mlflow.xgboost.autolog()`` and its siblings log to the active run of this process. The run that the trial
is in MLflow cannot be that: another process makes it, later. So, from the first time they log in a trial that
goes to MLflow, the active run is one in a SQLite file, in a temporary folder: no server is waited for, and
nothing is left where MLflow would log by default. At the end its parameters, metrics, tags and pictures go
into the journal, and from there, as everything, to the one run of the trial, and to its other sinks; runs
inside it, such as a search's, become trials nested in it. Models stay behind: ``trial.put`` keeps them, with
their version. A run that the user has begun is left alone: that is where they want it.
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.tracking import active
from jsk_saver.tracking.autolog import mlflow_hook, patching
from jsk_saver.tracking.autolog import mlflow_place as place
from jsk_saver.tracking.autolog import mlflow_taking as taking
from jsk_saver.tracking.autolog.mlflow_taking import OUTER
from jsk_saver.tracking.autolog.recorder import harmless

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial


def listen(trial: Trial) -> None:
    """Hear of what MLflow's autologging does from now on, if the trial goes to MLflow."""
    if goes_to_mlflow(trial):
        with harmless("MLflow's autologging"):
            mlflow_hook.listen(_hear)


def conclude(trial: Trial) -> None:
    """Bring into a trial that ends what MLflow's autologging has logged in it."""
    for capture in Capture.of(trial):
        with harmless("what MLflow has logged"):
            capture.finish()


def goes_to_mlflow(trial: Trial) -> bool:
    """Tell whether a trial is copied to MLflow."""
    return any(address.partition(":")[0] == "mlflow" for address in trial.experiment.sinks)


def _hear(flavour: str, what: str, session: Any) -> None:
    from mlflow import ml_package_versions

    trial = active.current()
    traced = getattr(ml_package_versions, "GENAI_FLAVOR_TO_MODULE_NAME", {})  # those leave traces, not runs
    if trial is None or trial.ended or flavour in traced or not goes_to_mlflow(trial):
        return
    with harmless("MLflow's autologging"):
        capture = Capture.begin(trial)
        if capture is not None and what.startswith(("fit", "train")):
            capture.begin_fit(session)


class Capture:
    """Takes what MLflow logs in this thread, from now on.

    Parameters
    ----------
    trial
        Whose it becomes.
    """

    #: Those of this process that have not finished, and runs that were left active in other threads.
    _all: ClassVar[list[Capture]] = []
    _left: ClassVar[set[str]] = set()
    _lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, trial: Trial) -> None:
        import mlflow

        self.trial = trial
        self._mlflow, self._pid = mlflow, os.getpid()
        self._session: Any = None
        #: Whether runs nested in it become trials; the kit's own autologging makes those of a search.
        self._nested = True
        with self._lock:
            if not self._all:
                place.redirect()
            self._all.append(self)
        try:
            self._folder = place.new_folder()
            where = self._folder.as_uri()
            self._number = mlflow.create_experiment(self._folder.name, artifact_location=where)
            self._begin_run()
        except BaseException:
            self._leave()
            raise

    @classmethod
    def begin(cls, trial: Trial) -> Capture | None:
        """Return what takes MLflow's runs for a trial in this thread; None where the user has begun one."""
        import mlflow

        run = mlflow.active_run()
        if run is not None and run.info.run_id in cls._left:
            _end_run(mlflow)
            run = mlflow.active_run()
        whose = next((one for one in cls._all if run is not None and one.run == run.info.run_id), None)
        if run is not None and whose is None:
            return None
        return whose if whose is not None and whose.trial is trial else cls(trial)

    @classmethod
    def of(cls, trial: Trial) -> list[Capture]:
        """Return those of a trial that this process began."""
        return [one for one in cls._all if one.trial is trial and one._pid == os.getpid()]

    def begin_fit(self, session: Any) -> None:
        """Give each fit a run: MLflow takes one value of a parameter for a run."""
        self._nested &= not patching.is_on()
        if self._session is not None and self._session is not session:
            _end_run(self._mlflow)
            self._begin_run()
        self._session = session

    def _begin_run(self) -> None:
        run = self._mlflow.start_run(experiment_id=self._number, nested=True)
        if OUTER in run.data.tags:  # that of another trial, in which this one is nested
            self._mlflow.MlflowClient().delete_tag(run.info.run_id, OUTER)
        self.run: str = run.info.run_id

    def finish(self) -> None:
        """Bring it into the trial, and let MLflow log where it did before."""
        if self not in self._all:
            return
        try:
            run = self._mlflow.active_run()
            if run is not None and run.info.run_id == self.run:
                _end_run(self._mlflow)
            else:
                self._left.add(self.run)
            if not self.trial.ended:
                taking.take_all(self.trial, self._mlflow.MlflowClient(), self._number, nested=self._nested)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._all.remove(self)
            if not self._all:
                place.put_back()
        shutil.rmtree(getattr(self, "_folder", ""), ignore_errors=True)


def _end_run(mlflow: Any) -> None:
    with suppress(Exception):  # where its database is gone, it is over all the same
        mlflow.end_run()
