"""From SageMaker: the trials of the experiment of the same name, with all their trial components.

Of metrics SageMaker tells their summaries here (last, least and greatest value, how many), not each point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import NotFound
from jsk_saver.stores.s3_errors import code_of
from jsk_saver.tracking import state
from jsk_saver.tracking.imports.foreign import Foreign, keep, patiently, value
from jsk_saver.tracking.journal import copies
from jsk_saver.tracking.journal.copies import Copy
from jsk_saver.tracking.pulling import Pulled
from jsk_saver.tracking.sinks.base import SinkDown
from jsk_saver.tracking.sinks.sagemaker import naming
from jsk_saver.tracking.sinks.sagemaker.client import connect, explained
from jsk_saver.tracking.sinks.sagemaker.content import OWN

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

_STATUS = {"Completed": state.COMPLETED, "Failed": state.FAILED, "Stopped": state.STOPPED}
#: A long parameter, in pieces: its name, which piece, of how many.
_PIECE = re.compile(r"(.*) \[(\d+)/(\d+)\]", re.DOTALL)
_MOST = 100  # of one page
_MISSING = ("ResourceNotFound", "ResourceNotFoundException", "404")


def from_sagemaker(experiment: Experiment) -> Pulled:
    """Bring in the trials of the experiment of this name that this journal did not send there itself.

    One call for a hundred trials, one for each of them, and one for each component that changed.
    """
    settings = {name: text for name, text in experiment.saver.connection.overrides.items() if text}
    clients = connect(settings)
    pulled = Pulled("sagemaker")
    ours, known = _here(experiment)
    try:
        for trial in _trials(clients[0], experiment.name):
            name = trial["TrialName"]
            if name in ours:
                continue
            parts = list(
                _pages(clients[0], "list_trial_components", "TrialComponentSummaries", TrialName=name)
            )
            parts.sort(key=lambda part: (len(part["TrialComponentName"]), part["TrialComponentName"]))
            seen = " ".join(str(part.get("LastModifiedTime")) for part in parts)
            keep(
                experiment.folder,
                known.get(name) or _shown(clients[0], parts) or name,
                Copy("sagemaker", name, seen=seen),
                partial(_foreign, clients[0], trial, parts),
                pulled,
            )
    finally:
        for client in clients:
            client.close()
    return pulled


def _here(experiment: Experiment) -> tuple[set[str], dict[str, str]]:
    """Return the names there of what came from here or the store, and the names here of copies."""
    ours: set[str] = set()
    known: dict[str, str] = {}
    for folder in experiment.folder.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            copy = copies.read(folder)
            if copy is not None and copy.source == "sagemaker":
                known[copy.identity] = folder.name
            else:
                ours.add(naming.trial_name(experiment.name, folder))
    return ours, known


def _shown(client: Any, parts: list[dict[str, Any]]) -> str:
    """Return what Studio shows for a trial's first component: of the kit's, the name of the trial."""
    if not parts:
        return ""
    return str(parts[0].get("DisplayName") or _described(client, parts[0]).get("DisplayName") or "")


def _described(client: Any, part: Mapping[str, Any]) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        with explained("a trial component"):
            answer: dict[str, Any] = client.describe_trial_component(
                TrialComponentName=part["TrialComponentName"]
            )
            return answer

    return patiently(ask)


def _trials(client: Any, name: str) -> Iterator[dict[str, Any]]:
    def ask() -> None:
        with explained(f"the experiment {name}"):
            client.describe_experiment(ExperimentName=name)

    try:
        patiently(ask)
    except SinkDown as error:
        if code_of(error.__cause__) not in _MISSING:
            raise
        raise NotFound(
            f"There is no experiment {name!r} in SageMaker.", hint="aws sagemaker list-experiments"
        ) from None
    yield from _pages(client, "list_trials", "TrialSummaries", ExperimentName=name)


def _pages(client: Any, call: str, what: str, **request: Any) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:

        def ask(token: dict[str, str] = token) -> Any:
            with explained(f"listing ({call})"):
                return getattr(client, call)(MaxResults=_MOST, **request, **token)

        page = patiently(ask)
        yield from page.get(what, [])
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _foreign(client: Any, trial: Mapping[str, Any], parts: list[dict[str, Any]]) -> Foreign:
    """Return one trial, out of its components: those of the kit are one trial, whatever their number."""
    found = Foreign(trial["TrialName"], trial["CreationTime"].timestamp())
    parameters: dict[str, Any] = {}
    for part in parts:
        said = _described(client, part)
        _status(found, said)
        parameters |= {name: _plain(one) for name, one in said.get("Parameters", {}).items()}
        for direction in ("Input", "Output"):
            for name, one in said.get(f"{direction}Artifacts", {}).items():
                _artifact(found, direction.lower(), name, one["Value"])
        for metric in said.get("Metrics", []):
            found.summaries[metric["MetricName"]] = _summary(metric)
        user = said.get("CreatedBy", {}).get("UserProfileName")
        if user:
            found.add("environment", values={"user": user})
    _parameters(found, _joined(parameters))
    found.add("link", values={"sagemaker": trial["TrialName"]})
    return found


def _status(found: Foreign, said: Mapping[str, Any]) -> None:
    status = said.get("Status", {})
    found.status = _STATUS.get(status.get("PrimaryStatus", ""), found.status)
    found.error = status.get("Message") or found.error
    if said.get("StartTime"):
        found.started = said["StartTime"].timestamp()
    if said.get("EndTime"):
        found.ended = said["EndTime"].timestamp()


def _parameters(found: Foreign, parameters: Mapping[str, Any]) -> None:
    """Tell what the kit noted by itself from what the user chose."""
    own = {name.removeprefix(OWN): said for name, said in parameters.items() if name.startswith(OWN)}
    found.host, found.parent = str(own.get("host", "")), str(own.get("parent", ""))
    found.error = str(own.get("error", found.error))
    if own.get("status") == state.LOST:
        found.status = state.LOST
    found.add("params", values={name: said for name, said in parameters.items() if not name.startswith(OWN)})
    for kind, prefix in (("environment", "environment."), ("link", "link.")):
        values = {name.removeprefix(prefix): said for name, said in own.items() if name.startswith(prefix)}
        if values:
            found.add(kind, values=values)
    for name in sorted(own):
        if name.startswith("note."):
            found.add("note", text=str(own[name]))


def _joined(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Put long parameters together again."""
    whole: dict[str, Any] = {}
    pieces: dict[str, dict[int, str]] = {}
    for name, said in parameters.items():
        match = _PIECE.fullmatch(name)
        if match:
            pieces.setdefault(match[1], {})[int(match[2])] = str(said)
        else:
            whole[name] = said
    whole |= {name: "".join(found[number] for number in sorted(found)) for name, found in pieces.items()}
    return {name: value(said) for name, said in whole.items()}


def _plain(said: Mapping[str, Any]) -> Any:
    return said["NumberValue"] if "NumberValue" in said else said.get("StringValue", "")


def _artifact(found: Foreign, direction: str, name: str, uri: str) -> None:
    _, _, version = uri.partition("?versionId=")
    if not version and " " in name:
        version = name.rpartition(" ")[2]
    found.add(direction, name=name.removesuffix(f" {version}"), version=version, uri=uri)


def _summary(metric: Mapping[str, Any]) -> list[Any]:
    """Return a summary as the journal has it; at which steps is not told."""
    time = metric["TimeStamp"].timestamp() if metric.get("TimeStamp") else 0.0
    last = metric.get("Last", metric.get("Avg", 0.0))
    least, greatest = metric.get("Min", last), metric.get("Max", last)
    return [int(metric.get("Count", 1)), last, 0, time, least, 0, greatest, 0]
