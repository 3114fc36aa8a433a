"""Experiments, trials and trial components, by way of ``sagemaker-experiments``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jsk_saver.stores.s3_errors import code_of
from jsk_saver.tracking.sinks.base import Refusals
from jsk_saver.tracking.sinks.sagemaker import limits
from jsk_saver.tracking.sinks.sagemaker.client import explained, sagemaker_experiments
from jsk_saver.tracking.sinks.sagemaker.content import Artifact, Content, one_line, tags

_Thing = TypeVar("_Thing")
#: What SageMaker may answer for a name that is taken.
_TAKEN = ("ValidationException", "ConflictException", "ResourceInUse", "400")


class Components:
    """Makes and changes them; asking for what is there already changes nothing.

    Parameters
    ----------
    client
        boto3's client of SageMaker.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._package = sagemaker_experiments()

    def experiment(self, said: Mapping[str, Any], refused: Refusals) -> None:
        """Make the experiment, or bring its description and tags up to date."""
        name = said["name"]
        description = one_line(said.get("description") or "")
        if len(description) > limits.DESCRIPTION:
            refused.add(
                "the experiment's description", f"SageMaker takes {limits.DESCRIPTION:,} characters of it."
            )
            description = ""
        wanted = listed(tags(said.get("tags") or {}, refused), "the experiment", refused)
        kind = self._package.experiment.Experiment
        with explained(f"the experiment {name}"):
            experiment, new = _make_or_load(
                lambda: kind.create(
                    experiment_name=name,
                    description=description or None,
                    tags=wanted or None,
                    sagemaker_boto_client=self._client,
                ),
                lambda: kind.load(name, sagemaker_boto_client=self._client),
            )
            if new:
                return
            if description and experiment.description != description:
                experiment.description = description
                experiment.save()
            if wanted:
                self._client.add_tags(ResourceArn=experiment.experiment_arn, Tags=wanted)

    def trial(self, name: str, experiment: str) -> str:
        """Make the trial; return its ARN."""
        kind = self._package.trial.Trial
        with explained(f"the trial {name}"):
            trial, _ = _make_or_load(
                lambda: kind.create(
                    experiment_name=experiment, trial_name=name, sagemaker_boto_client=self._client
                ),
                lambda: kind.load(name, sagemaker_boto_client=self._client),
            )
        return str(trial.trial_arn)

    def component(self, name: str, display_name: str, trial: str) -> bool:
        """Make a component of a trial; tell whether it is new."""
        kind = self._package.trial_component.TrialComponent
        with explained(f"the trial component {name}"):
            _, new = _make_or_load(
                lambda: kind.create(
                    trial_component_name=name, display_name=display_name, sagemaker_boto_client=self._client
                ),
                lambda: kind.load(name, sagemaker_boto_client=self._client),
            )
            owner = self._package.trial.Trial(self._client, trial_name=trial)
            owner.add_trial_component(name)
        return new

    def update(self, name: str, found: Content) -> None:
        """Add to a component. It is loaded first: what an update leaves out may be gone after it."""
        with explained(f"the trial component {name}"):
            component = self._package.trial_component.TrialComponent.load(
                name, sagemaker_boto_client=self._client
            )
            component.parameters = {**(component.parameters or {}), **found.parameters}
            component.input_artifacts = {**(component.input_artifacts or {}), **self._artifacts(found.inputs)}
            component.output_artifacts = {
                **(component.output_artifacts or {}),
                **self._artifacts(found.outputs),
            }
            if found.status is not None:
                word, message = found.status
                status = self._package.api_types.TrialComponentStatus
                component.status = status(primary_status=word, message=message or None)
            component.start_time = _moment(found.started) or component.start_time
            component.end_time = _moment(found.ended) or component.end_time
            component.save()

    def tag(self, arn: str, changes: Mapping[str, str | None], refused: Refusals) -> None:
        """Set tags of a trial, and take others away."""
        gone = [name for name, value in changes.items() if value is None]
        wanted = listed(
            {name: value for name, value in changes.items() if value is not None}, "a trial", refused
        )
        with explained("the trial's tags"):
            if gone:
                self._client.delete_tags(ResourceArn=arn, TagKeys=gone)
            if wanted:
                self._client.add_tags(ResourceArn=arn, Tags=wanted)

    def counts(self, name: str) -> dict[str, int]:
        """Return how many points a component has, by metric."""
        with explained(f"the trial component {name}"):
            answer = self._client.describe_trial_component(TrialComponentName=name)
        return {said["MetricName"]: int(said.get("Count", 0)) for said in answer.get("Metrics", [])}

    def _artifacts(self, artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
        kind = self._package.api_types.TrialComponentArtifact
        return {key: kind(value=said.value, media_type=said.media_type) for key, said in artifacts.items()}


def listed(wanted: Mapping[str, str], whose: str, refused: Refusals) -> list[dict[str, str]]:
    """Return tags as boto3 wants them, as many as SageMaker takes."""
    for name in list(wanted)[limits.TAGS :]:
        refused.add(f"tag {name!r}", f"SageMaker takes {limits.TAGS} tags of {whose}.")
    return [{"Key": name, "Value": value} for name, value in list(wanted.items())[: limits.TAGS]]


def _make_or_load(make: Callable[[], _Thing], load: Callable[[], _Thing]) -> tuple[_Thing, bool]:
    """Return a thing, and whether it is new. A name that is taken is answered as invalid: one has to look."""
    from botocore.exceptions import ClientError

    try:
        return make(), True
    except ClientError as error:
        if code_of(error) not in _TAKEN:
            raise
        try:
            return load(), False
        except ClientError:
            raise error from None


def _moment(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
