"""Trials of SageMaker and MLflow, pulled into a journal."""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jsk_saver import Saver
from jsk_saver.errors import NotFound
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.imports import foreign
from jsk_saver.tracking.sinks import open_sink, shipping
from tests.servers.s3 import S3Server
from tests.servers.sagemaker import SageMaker

needs_mlflow = pytest.mark.skipif(
    not (importlib.util.find_spec("mlflow") and importlib.util.find_spec("sqlalchemy")),
    reason="MLflow is not installed: pip install 'jsk-saver[mlflow]'",
)
needs_sagemaker = pytest.mark.skipif(
    not (importlib.util.find_spec("smexperiments") and importlib.util.find_spec("pkg_resources")),
    reason="sagemaker-experiments is not installed, or its pkg_resources: pip install 'jsk-saver[sagemaker]'",
)


@pytest.fixture
def person(tmp_path: Path) -> Callable[[str], Experiment]:
    """Give the test people with a home and a store of their own, and one experiment."""
    name = f"Iris-{uuid.uuid4().hex[:10]}"
    return lambda who: Experiment(name, saver=Saver(home=tmp_path / who), sinks=())


def some_trials(experiment: Experiment) -> None:
    with experiment.trial("first", k=5, init="k-means++", ready=True) as trial:
        for loss in (0.9, 0.2, 0.4):
            trial.log_metric("loss", loss)
        trial.tag(stage="draft")
        trial.note("lucky")
        trial.put("model.json", {"k": 5})
        with experiment.trial("inner"):
            pass
    with pytest.raises(ZeroDivisionError), experiment.trial("second"):
        print(1 / 0)


def send(experiment: Experiment, address: str) -> None:
    sink = open_sink(address, {})
    for entry in experiment._folders():
        assert shipping.ship(Path(entry.path), sink)


def same(mine: Experiment, theirs: Experiment) -> None:
    hers, his = mine["first"], theirs["first"]
    assert his.params == {"k": 5, "init": "k-means++", "ready": True}
    loss = his.metrics["loss"]
    assert (loss.count, loss.last, loss.min, loss.max) == (3, 0.4, 0.2, 0.9)
    assert (his.status, his.notes, his.host) == ("completed", ["lucky"], hers.host)
    assert his.started == pytest.approx(hers.started, abs=0.002)
    assert his.ended == pytest.approx(hers.ended, abs=0.002)
    (output,), (sent,) = his.outputs, hers.outputs
    assert (output["name"], output["version"]) == (sent["name"], sent["version"])
    assert theirs["inner"].parent == "first"
    assert theirs["second"].status == "failed"
    assert "ZeroDivisionError" in theirs["second"].error


@needs_mlflow
def test_runs_of_mlflow_become_trials(person: Callable[[str], Experiment], tmp_path: Path) -> None:
    address = f"mlflow:sqlite:///{tmp_path / 'mlflow.db'}"
    ana, bob = person("ana"), person("bob")
    some_trials(ana)
    send(ana, address)
    assert sorted(bob.pull(address).new) == ["first", "inner", "second"]
    same(ana, bob)
    assert bob["first"].tags == {"stage": "draft"}
    assert bob["first"].metrics["loss"].min_step == 1
    assert bob["first"].pulled == address
    again = bob.pull(address)
    assert (again.new, again.grown) == ([], [])
    assert ana.pull(address).new == []  # she has them


@needs_mlflow
def test_runs_of_others_than_the_kit_are_pulled_and_go_on(
    person: Callable[[str], Experiment], tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    uri, bob = f"sqlite:///{tmp_path / 'mlflow.db'}", person("bob")
    client = MlflowClient(tracking_uri=uri)
    number = client.create_experiment(bob.name, artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(number, run_name="bold_lynx 5").info.run_id
    client.log_param(run, "depth", "7")
    client.log_metric(run, "auc", 0.5, step=3)
    assert bob.pull(f"mlflow:{uri}").new == ["bold-lynx-5"]
    known = bob["bold-lynx-5"]
    assert (known.status, known.params) == ("running", {"depth": 7})
    assert (known.metrics["auc"].last, known.metrics["auc"].step) == (0.5, 3)
    client.log_metric(run, "auc", 0.75, step=4)
    client.set_terminated(run, "KILLED")
    assert bob.pull(f"mlflow:{uri}").grown == ["bold-lynx-5"]
    known = bob["bold-lynx-5"]
    assert (known.status, known.metrics["auc"].count) == ("stopped", 2)
    assert known.links["mlflow"] == run


@needs_mlflow
def test_an_experiment_that_mlflow_does_not_have_is_not_found(
    person: Callable[[str], Experiment], tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no experiment"):
        person("bob").pull(f"mlflow:sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture(scope="module")
def relay(moto: S3Server) -> Iterator[SageMaker]:
    with SageMaker(moto) as started:
        yield started


@pytest.fixture
def aws(relay: SageMaker, monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    relay.forget()
    for name, value in relay.environment().items():
        monkeypatch.setenv(name, value)
    return relay


@needs_sagemaker
def test_trials_of_sagemaker_are_pulled(person: Callable[[str], Experiment], aws: SageMaker) -> None:
    ana, bob = person("ana"), person("bob")
    some_trials(ana)
    send(ana, "sagemaker")
    assert sorted(bob.pull("sagemaker").new) == ["first", "inner", "second"]
    same(ana, bob)
    assert bob["first"].pulled == "sagemaker"
    described = aws.count("DescribeTrialComponent")
    assert bob.pull("sagemaker").new == []
    assert aws.count("DescribeTrialComponent") == described  # what has not changed is not asked for
    assert ana.pull("sagemaker").new == []


@needs_sagemaker
def test_a_throttled_sagemaker_is_asked_again_later(
    person: Callable[[str], Experiment], aws: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign.Backoff, "FIRST", 0.01)
    ana, bob = person("ana"), person("bob")
    some_trials(ana)
    send(ana, "sagemaker")
    aws.fail_next("ListTrials", status=400, code="ThrottlingException", times=12)
    assert len(bob.pull("sagemaker").new) == 3


@needs_sagemaker
def test_an_experiment_that_sagemaker_does_not_have_is_not_found(
    person: Callable[[str], Experiment], aws: SageMaker
) -> None:
    with pytest.raises(NotFound, match="no experiment"):
        person("bob").pull("sagemaker")


def test_an_error_that_waiting_does_not_mend_is_not_waited_for() -> None:
    from jsk_saver.tracking.sinks import SinkDown

    asked: list[int] = []

    def ask() -> Any:
        asked.append(1)
        raise SinkDown("no login", hint="Renew the credentials")

    with pytest.raises(SinkDown, match="no login"):
        foreign.patiently(ask)
    assert len(asked) == 1
