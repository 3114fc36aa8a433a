"""The sink: one batch of a trial, brought to MLflow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jsk_saver.tracking.sinks.base import Batch, Logged, Refusals, SinkDown
from jsk_saver.tracking.sinks.mlflow import naming
from jsk_saver.tracking.sinks.mlflow.client import Client, Gone, Refused
from jsk_saver.tracking.sinks.mlflow.content import Content, Upload, content
from jsk_saver.tracking.sinks.mlflow.runs import Runs

_Item = TypeVar("_Item")


class _Deleted(Exception):
    """Somebody deleted the run in MLflow."""


class MLflowSink:
    """Copies trials to MLflow.

    What it remembers of a trial: ``run`` (its identifier there), ``url`` (its page, of a tracking server) and
    ``deleted`` (whether somebody deleted it there). Nothing of a batch is there twice, because MLflow keeps a
    point, parameter or tag once, however often it is sent (``SqlAlchemyStore.log_batch``).

    Parameters
    ----------
    address
        As it stands in the settings.
    client
        Talks to MLflow.
    """

    most_points = 10_000

    def __init__(self, address: str, client: Client) -> None:
        from jsk_saver.tracking.sinks.shipping import cursor_path

        self.address, self._client = address, client
        self._runs = Runs(client, lambda trial: cursor_path(trial, address))

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        """Send a batch; see :class:`jsk_saver.tracking.sinks.base.Sink`."""
        if memory.get("deleted"):
            return
        try:
            self._send(batch, memory, refused)
        except Gone as error:
            raise SinkDown(
                f"MLflow at {self._client.place} does not know the run of {batch.trial} any more: {error}",
                only_this=True,
                hint=f"jsk trials sync --anew {batch.experiment['name']}/{batch.trial}",
            ) from error
        except _Deleted:
            memory["deleted"] = True
            refused.add("the rest of the trial", "Its run was deleted in MLflow.")

    def close(self) -> None:
        """Let go of connections: MLflow keeps them itself, for all who use it in a process."""

    def _send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        run = self._open(batch, memory)
        found = content(batch, refused)
        for event in batch.of("start"):
            if event.get("parent"):
                parent = self._parent(batch, event["parent"])
                found.tags |= {"mlflow.parentRunId": parent} if parent else {}
        self._describe(run, found, refused)
        self._points(run, batch.points, refused)
        self._inputs(run, found, refused)
        for upload in found.uploads:
            self._upload(run, upload, refused)
        if found.status:  # last: whoever sees the end has all that came before
            self._status(run, found)

    # The run ----------------------------------------------------------------------------------------

    def _open(self, batch: Batch, memory: dict[str, Any]) -> str:
        if "run" not in memory:
            experiment = self._runs.experiment(batch.experiment)
            memory["run"], deleted = self._runs.run(experiment, Path(batch.folder))
            if self._client.uri.startswith("http"):
                memory["url"] = f"{self._client.place}/#/experiments/{experiment}/runs/{memory['run']}"
            if deleted:
                raise _Deleted
            batch.keep()
        return str(memory["run"])

    def _parent(self, batch: Batch, name: str) -> str:
        experiment = self._runs.experiment(batch.experiment)
        return self._runs.parent(experiment, Path(batch.folder).parent / name)

    def _status(self, run: str, found: Content) -> None:
        with self._client.asking() as client:
            if found.ended is None:
                client.update_run(run, status=found.status)
            else:
                client.set_terminated(run, found.status, round(found.ended * 1000))

    # What it holds ----------------------------------------------------------------------------------

    def _describe(self, run: str, found: Content, refused: Refusals) -> None:
        from mlflow.entities import Param, RunTag

        params = [Param(name, value) for name, value in found.params.items()]
        tags = [RunTag(name, value) for name, value in found.tags.items() if value is not None]
        self._all(
            run, params, naming.MOST_PARAMS, lambda to, it: to.log_batch(run, params=it), _param, refused
        )
        self._all(run, tags, naming.MOST_TAGS, lambda to, it: to.log_batch(run, tags=it), _tag, refused)
        for name in [name for name, value in found.tags.items() if value is None]:
            try:
                with self._client.asking() as client:
                    client.delete_tag(run, name)
            except Gone:
                self._check(run)

    def _points(self, run: str, points: list[Logged], refused: Refusals) -> None:
        from mlflow.entities import Metric

        names: dict[str, str] = {}
        metrics = []
        for metric, step, at, value in points:
            if metric not in names:
                names[metric] = naming.key(metric, "metric", refused)
            if math.isfinite(at):
                metrics.append(Metric(names[metric], value, round(at * 1000), step))
            else:
                refused.add(f"the metric {metric!r} at step {step}", f"MLflow takes no time that is {at}.")
        most = naming.MOST_METRICS
        self._all(run, metrics, most, lambda to, it: to.log_batch(run, metrics=it), _metric, refused)

    def _inputs(self, run: str, found: Content, refused: Refusals) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        used = [InputTag("mlflow.data.context", "input")]
        datasets = [
            DatasetInput(Dataset(name, digest, "jsk", source), used) for name, digest, source in found.inputs
        ]
        most = naming.MOST_INPUTS
        self._all(run, datasets, most, lambda to, it: to.log_inputs(run, it), _dataset, refused)

    def _upload(self, run: str, upload: Upload, refused: Refusals) -> None:
        try:
            with self._client.uploading() as client:
                if upload.source is None:
                    client.log_text(run, upload.text, upload.path)
                else:
                    client.log_artifact(run, str(upload.source), upload.path)
        except Refused as error:
            self._check(run)
            refused.add(upload.what, str(error))

    # Refusals ---------------------------------------------------------------------------------------

    def _all(
        self,
        run: str,
        items: Sequence[_Item],
        most: int,
        log: Callable[[Any, Sequence[_Item]], None],
        name: Callable[[_Item], str],
        refused: Refusals,
    ) -> None:
        """Send items, so many at once; what MLflow refuses is found by halves, and told."""
        waiting = [items[at : at + most] for at in range(0, len(items), most)][::-1]
        while waiting:
            some = waiting.pop()
            try:
                with self._client.asking() as client:
                    log(client, some)
            except Refused as error:
                if len(some) > 1:
                    middle = len(some) // 2
                    waiting += [some[middle:], some[:middle]]
                    continue
                self._check(run)
                refused.add(name(some[0]), str(error))

    def _check(self, run: str) -> None:
        """Make sure that what was refused was not the whole run."""
        with self._client.asking() as client:
            if client.get_run(run).info.lifecycle_stage == "deleted":
                raise _Deleted


def _param(param: Any) -> str:
    return f"the parameter {param.key!r} = {param.value[:80]!r}"


def _tag(tag: Any) -> str:
    return f"the tag {tag.key!r}"


def _metric(metric: Any) -> str:
    return f"the metric {metric.key!r} at step {metric.step}"


def _dataset(dataset: Any) -> str:
    return f"the input {dataset.dataset.name!r}"
