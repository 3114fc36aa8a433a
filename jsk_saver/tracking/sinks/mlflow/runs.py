"""Find the run of a trial, or begin it: once, whoever asks and however often."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.base import SinkDown
from jsk_saver.tracking.sinks.mlflow import naming
from jsk_saver.tracking.sinks.mlflow.address import artifact_root
from jsk_saver.tracking.sinks.mlflow.client import Client, Refused
from jsk_saver.tracking.sinks.mlflow.content import IDENTITY, NOTES

#: Seconds to wait for another process that sends the outer trial.
_PATIENCE = 10.0


class Runs:
    """The experiments and runs at one place.

    Parameters
    ----------
    client
        Of that place.
    lock
        Returns the file whose lock says who sends a trial there.
    """

    def __init__(self, client: Client, lock: Callable[[Path], Path]) -> None:
        self._client, self._lock = client, lock
        self._experiments: dict[str, tuple[str, dict[str, Any]]] = {}

    def experiment(self, said: dict[str, Any]) -> str:
        """Return MLflow's number of an experiment, which has description and tags when this returns."""
        name = said["name"]
        known, told = self._experiments.get(name, ("", {}))
        if not known:
            known = self._find_or_create_experiment(name)
        if told != said:
            tags = {NOTES: said.get("description", ""), **said.get("tags", {})}
            with self._client.asking() as client:
                for key, value in tags.items():
                    if value not in ("", None) and naming.fits(key):
                        client.set_experiment_tag(
                            known, key, naming.cut(naming.text(value), naming.LONGEST_TAG, "", None)
                        )
            self._experiments[name] = known, dict(said)
        return known

    def _find_or_create_experiment(self, name: str) -> str:
        with self._client.asking() as client:
            found = client.get_experiment_by_name(name)
        if found is None:
            root = artifact_root(self._client.uri)
            try:
                with self._client.asking() as client:
                    return str(client.create_experiment(name, artifact_location=root and f"{root}/{name}"))
            except Refused:  # somebody else made it at the same moment
                with self._client.asking() as client:
                    found = client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage == "deleted":
            number = found.experiment_id if found is not None else "…"
            raise SinkDown(
                f"The experiment {name!r} was deleted in MLflow at {self._client.place}.",
                only_this=True,
                hint=f"mlflow experiments restore --experiment-id {number}",
            )
        return str(found.experiment_id)

    def run(self, experiment: str, trial: Path) -> tuple[str, bool]:
        """Return the run of a trial, and whether somebody deleted it in MLflow."""
        from mlflow.entities import ViewType

        whose = naming.identity(trial)
        with self._client.asking() as client:
            found = client.search_runs(
                [experiment],
                f"tags.`{IDENTITY}` = '{whose}'",
                run_view_type=ViewType.ALL,
                max_results=1,
            )
            if found:
                return str(found[0].info.run_id), found[0].info.lifecycle_stage == "deleted"
            run = client.create_run(
                experiment,
                start_time=round(_began(trial) * 1000),
                tags={IDENTITY: whose, "mlflow.source.type": "LOCAL"},
                run_name=trial.name,
            )
            return str(run.info.run_id), False

    def parent(self, experiment: str, trial: Path) -> str:
        """Return the run of an outer trial, begun if need be; nothing where the trial is not here."""
        if not trial.is_dir() or not layout.writers(trial):
            return ""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with cursors.alone(self._lock(trial)) as nobody_else:
                if nobody_else:
                    return self.run(experiment, trial)[0]
            time.sleep(0.05)
        raise SinkDown(f"The outer trial {trial.name} is being sent by another process.", only_this=True)


def _began(trial: Path) -> float:
    for path in layout.writers(trial):
        for _, event in reading.events(path):
            if event["kind"] == "start":
                return float(event["time"])
    return time.time()
