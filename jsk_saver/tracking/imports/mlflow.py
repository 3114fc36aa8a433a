"""From MLflow: the runs of the experiment of the same name, whoever logged them, with all their points."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import NotFound
from jsk_saver.tracking import state
from jsk_saver.tracking.imports.foreign import Foreign, keep, patiently, value
from jsk_saver.tracking.journal.copies import Copy
from jsk_saver.tracking.pulling import Pulled
from jsk_saver.tracking.sinks.base import Logged
from jsk_saver.tracking.sinks.mlflow.address import tracking_uri
from jsk_saver.tracking.sinks.mlflow.client import Client
from jsk_saver.tracking.sinks.mlflow.content import IDENTITY, NOTES, OWN

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

#: Runs of one page.
_PAGE = 200
_STATUS = {"FINISHED": state.COMPLETED, "FAILED": state.FAILED, "KILLED": state.STOPPED}
_ENVIRONMENT = {
    "mlflow.source.git.commit": "commit",
    "mlflow.source.git.branch": "branch",
    "mlflow.source.name": "notebook",
    "mlflow.user": "user",
}


def from_mlflow(experiment: Experiment, source: str) -> Pulled:
    """Bring in the runs of the experiment of this name that this journal did not send there itself."""
    uri = tracking_uri(source.partition(":")[2])
    client = Client(uri, profile=experiment.saver.settings.profile)
    pulled = Pulled(f"mlflow:{client.place}")
    runs = list(_runs(client, experiment.name))
    names = {run.info.run_id: run.info.run_name or run.info.run_id for run in runs}
    for run in runs:
        tags = run.data.tags
        # Sent by a journal of the kit: its first writer is what tells it from others, here and in a store.
        first = tags.get(IDENTITY, "").rpartition("/")[2]
        copy = Copy(pulled.source, first or run.info.run_id, seen=_digest(run))
        keep(
            experiment.folder,
            names[run.info.run_id],
            copy,
            partial(_foreign, client, run, names),
            pulled,
        )
    return pulled


def _runs(client: Client, name: str) -> Iterator[Any]:
    found = patiently(lambda: _experiment(client, name))
    if found is None:
        raise NotFound(
            f"There is no experiment {name!r} in MLflow at {client.place}.",
            hint='experiment.pull("mlflow:…")',
        )
    token = None
    while True:
        page = patiently(partial(_page, client, found.experiment_id, token))
        yield from page
        token = page.token
        if not token:
            return


def _experiment(client: Client, name: str) -> Any:
    with client.asking() as asked:
        return asked.get_experiment_by_name(name)


def _page(client: Client, experiment: str, token: str | None) -> Any:
    with client.asking() as asked:
        return asked.search_runs(
            [experiment], max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )


def _digest(run: Any) -> str:
    """Return what changes when a run does; MLflow does not say when that was."""
    text = json.dumps(run.to_dictionary(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _foreign(client: Client, run: Any, names: Mapping[str, str]) -> Foreign:
    tags: dict[str, str] = dict(run.data.tags)
    ended = run.info.end_time
    found = Foreign(
        run.info.run_name or run.info.run_id,
        (run.info.start_time or 0) / 1000,
        ended / 1000 if ended else None,
        tags.get(f"{OWN}status") or _STATUS.get(run.info.status, state.RUNNING),
        tags.get(f"{OWN}error", ""),
        tags.get(f"{OWN}host", ""),
        names.get(tags.get("mlflow.parentRunId", ""), ""),
    )
    if run.data.params:
        found.add("params", values={name: value(text) for name, text in run.data.params.items()})
    _tags(found, tags)
    found.add("link", values={"mlflow": run.info.run_id})
    for metric in run.data.metrics:
        found.points += _history(client, run.info.run_id, metric)
    return found


def _tags(found: Foreign, tags: Mapping[str, str]) -> None:
    own = ("mlflow.", OWN, "environment.", "input.", "output.")
    plain = {name: value(text) for name, text in tags.items() if not name.startswith(own)}
    if plain:
        found.add("tags", values=plain)
    environment = {
        name.removeprefix("environment."): value(text)
        for name, text in tags.items()
        if name.startswith("environment.") and "." not in name.removeprefix("environment.")
    }
    environment |= {said: tags[name] for name, said in _ENVIRONMENT.items() if tags.get(name)}
    found.add("environment", values=environment)
    if tags.get(NOTES):
        found.add("note", text=tags[NOTES])
    for direction in ("input", "output"):
        for name, text in tags.items():
            if name.startswith(f"{direction}."):
                _versions(found, direction, name.removeprefix(f"{direction}."), text)


def _versions(found: Foreign, direction: str, name: str, text: str) -> None:
    """Add the versions of a name: a line each, the version and its address."""
    for line in text.splitlines():
        version, _, uri = line.partition(" ")
        found.add(direction, name=name, version=version, uri=uri)


def _history(client: Client, run: str, metric: str) -> list[Logged]:
    def ask() -> Any:
        with client.asking() as asked:
            return asked.get_metric_history(run, metric)

    return [Logged(metric, one.step, one.timestamp / 1000, one.value) for one in patiently(ask)]
