"""The SageMaker sink: everything arrives once, within SageMaker's limits, or is said to be refused."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jsk_saver import Saver
from jsk_saver.tracking import Experiment, state
from jsk_saver.tracking.sinks import SinkDown, open_sink, pending
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.sagemaker import SageMakerSink, limits, naming
from jsk_saver.tracking.sinks.shipping import cursor_path, ship
from jsk_saver.tracking.trial import Trial
from tests.servers.s3 import S3Server
from tests.servers.sagemaker import SageMaker, violation

HERE = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("smexperiments") and importlib.util.find_spec("pkg_resources")),
    reason="sagemaker-experiments is not installed, or its pkg_resources: pip install 'jsk-saver[sagemaker]'",
)


@pytest.fixture(scope="module")
def relay(moto: S3Server) -> Iterator[SageMaker]:
    with SageMaker(moto) as started:
        yield started


@pytest.fixture
def aws(relay: SageMaker, monkeypatch: pytest.MonkeyPatch) -> Iterator[SageMaker]:
    relay.forget()
    for name, value in relay.environment().items():
        monkeypatch.setenv(name, value)
    yield relay
    assert relay.violations == []


@pytest.fixture(scope="module")
def opened(relay: SageMaker) -> Iterator[SageMakerSink]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in relay.environment().items():
            patch.setenv(name, value)
        sink = SageMakerSink({}, settle=0.0)
    yield sink
    sink.close()


@pytest.fixture
def sink(aws: SageMaker, opened: SageMakerSink) -> SageMakerSink:
    return opened


@pytest.fixture
def experiment(saver: Saver) -> Experiment:
    return Experiment(f"Iris-{uuid.uuid4().hex[:10]}", description="How many clusters?", saver=saver)


def sent_name(trial: Trial) -> str:
    return naming.trial_name(trial.experiment.name, trial.folder)


def component(aws: SageMaker, trial: Trial, number: int = 0) -> dict[str, Any]:
    name = naming.component_name(sent_name(trial), number)
    return aws.client.describe_trial_component(TrialComponentName=name)


def values(aws: SageMaker, trial: Trial, metric: str, number: int = 0) -> list[float]:
    points = aws.points.get(naming.component_name(sent_name(trial), number), [])
    return [point["Value"] for point in points if point["MetricName"] == metric]


def cursor(trial: Trial) -> cursors.Cursor:
    return cursors.load(cursor_path(trial.folder, "sagemaker"))


# What arrives ---------------------------------------------------------------------------------------


def test_a_trial_arrives_with_parameters_metrics_status_and_times(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    with experiment.trial(k=5, init="k-means++", tol=1e-4, flag=True, nothing=None, sizes=[1, 2]) as trial:
        for step in range(25):
            trial.log_metric("inertia", 100 / (step + 1))
        trial.log_metric("score", 0.5, step=7)
    assert ship(trial.folder, sink)
    there = component(aws, trial)
    assert (
        there["Parameters"].items()
        >= {
            "k": {"NumberValue": 5.0},
            "init": {"StringValue": "k-means++"},
            "tol": {"NumberValue": 1e-4},
            "flag": {"StringValue": "true"},
            "nothing": {"StringValue": "null"},
            "sizes": {"StringValue": "[1, 2]"},
            "jsk.status": {"StringValue": "completed"},
        }.items()
    )
    assert there["Status"] == {"PrimaryStatus": "Completed"}
    assert there["StartTime"].timestamp() == pytest.approx(trial.state.started, abs=1)
    assert there["EndTime"].timestamp() == pytest.approx(trial.state.ended, abs=1)
    assert there["DisplayName"] == trial.name
    assert values(aws, trial, "inertia") == [100 / (step + 1) for step in range(25)]
    assert aws.points[there["TrialComponentName"]][-1]["Step"] == 7
    assert aws.count("BatchPutMetrics") == 3
    sent = next(call for call in aws.calls if call.operation == "CreateExperiment").said
    assert sent == {"ExperimentName": experiment.name, "Description": "How many clusters?"}
    listed = aws.client.list_trial_components(TrialName=sent_name(trial))["TrialComponentSummaries"]
    assert [said["TrialComponentName"] for said in listed] == [there["TrialComponentName"]]


def test_saved_objects_are_artifacts_with_their_address_and_version(
    aws: SageMaker, moto: S3Server, sink: SageMakerSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)
    bucket = moto.new_bucket()
    experiment = Experiment(
        f"objects-{uuid.uuid4().hex[:10]}", saver=Saver(f"s3://{bucket}/lab", home=tmp_path / "home")
    )
    first = experiment.saver.put("data.json", {"x": 1})
    with experiment.trial() as trial:
        trial.get("data.json")
        models = [trial.put("model.json", {"k": k}) for k in (1, 2)]
        trial.log_text("report", "fine")
    for direction, versions in (("input", [first]), ("output", models)):
        said = [(e["name"], e["version"]) for e in getattr(trial.state, direction + "s")]
        if not said:  # linking is the saver's business; the sink's is what is in the journal
            resumed = experiment.trial(trial.name, resume=True)
            for saved in versions:
                resumed.link(direction, name=saved.name, version=saved.version, uri=saved.uri)
            resumed.finish()
    assert ship(trial.folder, sink)
    there = component(aws, trial)
    inputs = [said["Value"] for said in there["InputArtifacts"].values()]
    assert inputs == [f"s3://{bucket}/lab/data.json?versionId={first.version}"]
    outputs = {key: said["Value"] for key, said in there["OutputArtifacts"].items()}
    assert outputs == {
        f"model.json {models[0].version}": f"s3://{bucket}/lab/model.json?versionId={models[0].version}",
        f"model.json {models[1].version}": f"s3://{bucket}/lab/model.json?versionId={models[1].version}",
        "text/report.txt": (trial.folder / "files" / "report.txt").as_uri(),
    }
    assert there["OutputArtifacts"][f"model.json {models[0].version}"]["MediaType"] == "application/json"


def test_what_comes_later_is_added_to_what_is_there(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = experiment.trial(k=1)
    trial.flush()
    assert ship(trial.folder, sink)
    assert component(aws, trial)["Status"]["PrimaryStatus"] == "InProgress"
    trial.log_param("depth", 3)
    trial.note("two\nlines")
    trial.log_metric("loss", 1.0)
    trial.flush()
    assert ship(trial.folder, sink)
    trial.log_metric("loss", 0.5)
    trial.finish("failed", "Traceback …\n  " + "x" * 3000 + "\nValueError: no")
    assert ship(trial.folder, sink)
    there = component(aws, trial)
    parameters = there["Parameters"]
    assert (parameters["k"]["NumberValue"], parameters["depth"]["NumberValue"]) == (1.0, 3.0)
    notes = [said["StringValue"] for key, said in parameters.items() if key.startswith("jsk.note.")]
    assert notes == [r"two\nlines"]
    assert there["Status"]["PrimaryStatus"] == "Failed"
    assert there["Status"]["Message"].endswith(r"\nValueError: no")
    error = parameters["jsk.error [1/2]"]["StringValue"] + parameters["jsk.error [2/2]"]["StringValue"]
    assert error.startswith("Traceback …")
    assert error.endswith("ValueError: no")
    assert values(aws, trial, "loss") == [1.0, 0.5]
    assert cursor(trial).refused == []


def test_a_trial_whose_process_died_is_told_as_failed(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    script = (
        "import sys, os\nfrom jsk_saver import Saver\nfrom jsk_saver.tracking import Experiment\n"
        "trial = Experiment(sys.argv[1], saver=Saver(home=sys.argv[2])).trial('victim', k=1)\n"
        "trial.log_metric('loss', 0.5)\ntrial.flush()\nos.kill(os.getpid(), 9)\n"
    )
    home = str(experiment.saver.settings.home)
    subprocess.run([sys.executable, "-c", script, experiment.name, home], cwd=HERE, check=False)
    folder = experiment.folder / "victim"
    assert ship(folder, sink)
    name = naming.component_name(naming.trial_name(experiment.name, folder), 0)
    there = aws.client.describe_trial_component(TrialComponentName=name)
    assert there["Status"] == {"PrimaryStatus": "Failed", "Message": "The process died."}
    assert there["Parameters"]["jsk.status"]["StringValue"] == "lost"
    calls = len(aws.calls)
    assert ship(folder, sink)
    assert len(aws.calls) == calls  # told once
    with experiment.trial("victim", resume=True) as trial:
        trial.log_metric("loss", 0.25)
    assert ship(folder, sink)
    assert component(aws, trial)["Status"] == {"PrimaryStatus": "Completed"}
    assert values(aws, trial, "loss") == [0.5, 0.25]


def test_tags_are_set_and_taken_away(aws: SageMaker, sink: SageMakerSink, saver: Saver) -> None:
    name = f"tags-{uuid.uuid4().hex[:10]}"
    experiment = Experiment(name, saver=saver, tags={"team": "blue", "bad": "a*b", "long": "x" * 257})
    trial = experiment.trial("first")
    trial.tag(good="yes", stage="draft", odd="50 %")
    trial.flush()
    assert ship(trial.folder, sink)
    trial.tag(stage=None)
    trial.finish()
    assert ship(trial.folder, sink)
    operations = [(call.operation, call.said) for call in aws.calls if "Tags" in call.operation]
    assert [operation for operation, _ in operations] == ["AddTags", "DeleteTags"]
    assert operations[0][1]["Tags"] == [
        {"Key": "good", "Value": "yes"},
        {"Key": "stage", "Value": "draft"},
    ]
    assert operations[1][1]["TagKeys"] == ["stage"]
    created = next(call for call in aws.calls if call.operation == "CreateExperiment").said
    assert created["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert {item["what"] for item in cursor(trial).refused} == {"tag 'bad'", "tag 'long'", "tag 'odd'"}
    # Another trial of the same experiment: it is known by now, and its description has changed.
    with Experiment(name, "Now with words", saver=saver).trial("second") as second:
        pass
    assert ship(second.folder, sink)
    updated = next(call for call in aws.calls if call.operation == "UpdateExperiment").said
    assert updated["Description"] == "Now with words"


# Names ----------------------------------------------------------------------------------------------


def test_names_fit_and_are_nobody_elses(tmp_path: Path) -> None:
    folders = [
        tmp_path / "a" / "b-c",
        tmp_path / "a-b" / "c",
        tmp_path / "A" / "b-c",
        tmp_path / "other" / "a" / "b-c",
        tmp_path / ("e" * 120) / ("t" * 120),
    ]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / f"{number}.events").touch()
    names = [naming.trial_name(folder.parent.name, folder) for folder in folders]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        for number in (0, 1, limits.COMPONENTS - 1):
            sent = naming.component_name(name, number)
            assert not violation("CreateTrial", {"TrialName": name, "ExperimentName": "e"})
            assert not violation(
                "BatchPutMetrics",
                {
                    "TrialComponentName": sent,
                    "MetricData": [{"MetricName": "m", "Timestamp": 0, "Value": 1.0}],
                },
            )
    assert naming.display_name("t" * 120, 1) == "t" * 118 + "-2"


def test_two_people_may_have_a_trial_of_the_same_name(
    aws: SageMaker, sink: SageMakerSink, tmp_path: Path
) -> None:
    name = f"shared-{uuid.uuid4().hex[:10]}"
    trials = []
    for person in ("ada", "bob"):
        with Experiment(name, saver=Saver(home=tmp_path / person)).trial("baseline", who=person) as trial:
            trial.log_metric("loss", 1.0)
        assert ship(trial.folder, sink)
        trials.append(trial)
    assert [component(aws, trial)["Parameters"]["who"]["StringValue"] for trial in trials] == ["ada", "bob"]
    assert [values(aws, trial, "loss") for trial in trials] == [[1.0], [1.0]]


# Limits ---------------------------------------------------------------------------------------------


def test_more_than_a_component_takes_is_spread_over_more(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = experiment.trial(**{f"p{number}": number for number in range(250)})
    for number in range(20):
        trial.link("output", name=f"o{number}", version="v", uri=f"s3://b/o{number}")
    trial.flush()
    assert ship(trial.folder, sink)
    trial.log_params({f"q{number}": number for number in range(400)})
    for number in range(20, 65):
        trial.link("output", name=f"o{number}", version="v", uri=f"s3://b/o{number}")
        trial.link("input", name=f"i{number}", version="v", uri=f"s3://b/i{number}")
    trial.finish()
    assert ship(trial.folder, sink)
    parts = [component(aws, trial, number) for number in range(3)]
    found = {key: said for part in parts for key, said in part["Parameters"].items()}
    own = {key: said for key, said in found.items() if not key.startswith("jsk.")}
    expected = {f"p{n}": n for n in range(250)} | {f"q{n}": n for n in range(400)}
    assert {key: said["NumberValue"] for key, said in own.items()} == expected
    assert sum(len(part["Parameters"]) for part in parts) == len(found)  # each once
    outputs = [value["Value"] for part in parts for value in part["OutputArtifacts"].values()]
    assert sorted(outputs) == sorted(f"s3://b/o{number}?versionId=v" for number in range(65))
    assert [part["Status"]["PrimaryStatus"] for part in parts] == ["Completed"] * 3
    assert [part["DisplayName"] for part in parts] == [trial.name, f"{trial.name}-2", f"{trial.name}-3"]
    assert cursor(trial).refused == []


def test_long_texts_are_sent_in_pieces_and_too_long_ones_refused_by_name(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    text = "".join(chr(0x4E00 + number % 5000) for number in range(6000))
    with experiment.trial(prompt=text, book="x" * 100_001, huge=10**400, exact=2**53 + 1) as trial:
        trial.link("output", name="far", version="v", uri="s3://b/" + "k" * 2048)
        trial.link("output", name="n" * 200, version="v", uri="s3://b/k")
    assert ship(trial.folder, sink)
    there = component(aws, trial)
    pieces = [there["Parameters"][f"prompt [{number}/3]"]["StringValue"] for number in (1, 2, 3)]
    assert "".join(pieces) == text
    assert there["Parameters"]["huge"]["StringValue"] == str(10**400)
    assert there["Parameters"]["exact"]["StringValue"] == str(2**53 + 1)
    (key,) = there["OutputArtifacts"]
    assert len(key) == 128
    refused = {item["what"]: item["why"] for item in cursor(trial).refused}
    assert set(refused) == {"parameter 'book'", "artifact 'far'"}
    assert "2,500" in refused["parameter 'book'"]
    assert "2,048" in refused["artifact 'far'"]


def test_points_that_sagemaker_has_no_place_for_are_refused_by_metric_and_the_others_arrive(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    with experiment.trial() as trial:
        for step, value in enumerate([1.0, float("nan"), 2.0, float("inf"), 3.0]):
            trial.log_metric("loss", value, step)
        trial.log_metric("early", 1.0, step=-1)
        trial.log_metric("late", 1.0, step=2**31)
        trial.log_metric("edge", 1.0, step=2**31 - 1)
        trial.log_metric("times", 1.0, time=-5.0)
    assert ship(trial.folder, sink)
    assert values(aws, trial, "loss") == [1.0, 2.0, 3.0]
    assert values(aws, trial, "edge") == [1.0]
    refused = {item["what"]: item["why"] for item in cursor(trial).refused}
    assert {what.split("'")[1] for what in refused} == {"loss", "early", "late", "times"}
    assert "finite" in refused["some values of the metric 'loss'"]
    assert "2,147,483,647" in refused["some values of the metric 'late'"]


def test_metrics_beyond_the_limit_of_a_component_go_to_the_next(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    aws.metric_limit = 12
    with experiment.trial() as trial:
        for step in range(3):
            trial.log_metrics({f"m{number}": number + step / 10 for number in range(30)}, step)
    assert ship(trial.folder, sink)
    for number in range(30):
        spread = [value for part in range(3) for value in values(aws, trial, f"m{number}", part)]
        assert spread == [number + step / 10 for step in range(3)]
    assert component(aws, trial, 2)["Status"]["PrimaryStatus"] == "Completed"
    assert cursor(trial).refused == []


# What goes wrong ------------------------------------------------------------------------------------


def logged(experiment: Experiment, points: int = 57) -> Trial:
    with experiment.trial(k=1) as trial:
        for step in range(points):
            trial.log_metric("loss" if step % 3 else "score", float(step), step)
    return trial


def everything_once(aws: SageMaker, trial: Trial, points: int = 57) -> None:
    sent = aws.points[naming.component_name(sent_name(trial), 0)]
    expected = [("loss" if step % 3 else "score", step, float(step)) for step in range(points)]
    assert Counter((said["MetricName"], said["Step"], said["Value"]) for said in sent) == Counter(expected)
    assert component(aws, trial)["Parameters"]["k"] == {"NumberValue": 1.0}
    assert component(aws, trial)["Status"]["PrimaryStatus"] == "Completed"


def until_sent(trial: Trial, sink: SageMakerSink) -> list[SinkDown]:
    troubles: list[SinkDown] = []
    while len(troubles) < 20:
        try:
            assert ship(trial.folder, sink)
        except SinkDown as error:
            troubles.append(error)
            noted = cursor(trial).trouble
        else:
            assert cursor(trial).trouble == ""
            return troubles
        assert noted.startswith(troubles[-1].what)
    raise AssertionError(troubles)


@pytest.mark.parametrize("call", [1, 2, 6])
@pytest.mark.parametrize("done", [True, False], ids=["answer-lost", "request-lost"])
def test_a_cut_in_the_middle_of_a_batch_sends_nothing_twice(
    call: int, done: bool, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.act_next("BatchPutMetrics", lambda _: None, times=call - 1)
    aws.cut_next("BatchPutMetrics", done=done)
    assert len(until_sent(trial, sink)) == 1
    everything_once(aws, trial)


def test_the_same_step_logged_twice_is_there_twice_after_a_cut(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    with experiment.trial(k=1) as trial:
        for step in (0, 1, 2, 1, 2, 3):
            trial.log_metric("loss", 0.5, step)
    aws.cut_next("BatchPutMetrics", done=True)
    assert len(until_sent(trial, sink)) == 1
    sent = aws.points[naming.component_name(sent_name(trial), 0)]
    assert [said["Step"] for said in sent] == [0, 1, 2, 1, 2, 3]


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_throttled_metrics_are_sent_later_without_asking_what_arrived(
    code: str, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.act_next("BatchPutMetrics", lambda _: None, times=2)
    aws.fail_next("BatchPutMetrics", status=400, code=code, times=3)
    strict = SageMakerSink({}, settle=1e9)  # would wait for ever, were anything in doubt
    troubles = until_sent(trial, strict)
    assert [error.what for error in troubles] == [f"SageMaker is throttling (metrics: {code})."] * 3
    assert not any(error.only_this for error in troubles)
    assert all("journal" in error.kept for error in troubles)
    everything_once(aws, trial)


@pytest.mark.parametrize("status", [500, 503])
def test_errors_of_the_server_leave_nothing_twice(
    status: int, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)

    def after_all(call: Any) -> None:
        aws.points.setdefault(call.said["TrialComponentName"], []).extend(call.said["MetricData"])

    def done_but_failed(call: Any) -> tuple[int, dict[str, Any]]:
        after_all(call)
        return status, {"__type": "InternalFailure", "message": "Oh."}

    aws.act_next("BatchPutMetrics", done_but_failed)
    aws.fail_next("BatchPutMetrics", status=status, code="InternalFailure")
    troubles = until_sent(trial, sink)
    assert len(troubles) == 2
    assert all("in trouble" in error.what and str(status) in error.what for error in troubles)
    everything_once(aws, trial)


def test_what_may_not_be_counted_yet_is_asked_again_before_it_is_sent_again(
    aws: SageMaker, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.cut_next("BatchPutMetrics", done=False)
    with pytest.raises(SinkDown, match="could not be asked"):
        ship(trial.folder, SageMakerSink({}, settle=1000.0))
    with pytest.raises(SinkDown, match="counted") as caught:
        ship(trial.folder, SageMakerSink({}, settle=1000.0))
    assert 900.0 < (caught.value.wait or 0.0) <= 1000.0
    assert caught.value.only_this
    assert ship(trial.folder, SageMakerSink({}, settle=0.0))
    everything_once(aws, trial)


def test_points_that_fail_alone_are_sent_again_alone(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)

    def some(call: Any) -> tuple[int, dict[str, Any]]:
        data = call.said["MetricData"]
        failed = {1: "INTERNAL_ERROR", 4: "CONFLICT_ERROR"}
        kept = [point for index, point in enumerate(data) if index not in failed]
        aws.points.setdefault(call.said["TrialComponentName"], []).extend(kept)
        return 200, {"Errors": [{"MetricIndex": index, "Code": code} for index, code in failed.items()]}

    def none(call: Any) -> tuple[int, dict[str, Any]]:
        errors = [
            {"MetricIndex": index, "Code": "INTERNAL_ERROR"} for index in range(len(call.said["MetricData"]))
        ]
        return 200, {"Errors": errors}

    aws.act_next("BatchPutMetrics", some)
    aws.act_next("BatchPutMetrics", none)
    (trouble,) = until_sent(trial, sink)
    assert "INTERNAL_ERROR" in trouble.what
    everything_once(aws, trial)


def test_a_point_that_sagemaker_finds_invalid_is_refused_and_the_others_arrive(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment, points=5)

    def first(call: Any) -> tuple[int, dict[str, Any]]:
        aws.points.setdefault(call.said["TrialComponentName"], []).extend(call.said["MetricData"][1:])
        return 200, {"Errors": [{"MetricIndex": 0, "Code": "VALIDATION_ERROR"}]}

    aws.act_next("BatchPutMetrics", first)
    assert ship(trial.folder, sink)
    assert values(aws, trial, "loss") == [1.0, 2.0, 4.0]
    assert values(aws, trial, "score") == [3.0]
    assert cursor(trial).refused == [
        {"what": "some values of the metric 'score'", "why": "SageMaker answered VALIDATION_ERROR"}
    ]


@pytest.mark.parametrize(
    "operation",
    [
        "CreateExperiment",
        "CreateTrial",
        "CreateTrialComponent",
        "AssociateTrialComponent",
        "UpdateTrialComponent",
        "DescribeTrialComponent",
    ],
)
def test_structure_survives_throttling_errors_and_cuts_at_every_call(
    operation: str, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.fail_next(operation, status=400, code="ThrottlingException", times=1)
    aws.fail_next(operation, status=503, code="ServiceUnavailable", times=1)
    aws.cut_next(operation, done=True, times=1)
    assert until_sent(trial, sink) == []  # tried again at once: a name is there once
    everything_once(aws, trial)


def test_structure_that_stays_throttled_is_sent_later(
    aws: SageMaker, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jsk_saver.tracking.sinks.sagemaker.client.ATTEMPTS", 1)
    trial = logged(experiment)
    aws.fail_next("CreateTrial", status=400, code="ThrottlingException")
    aws.fail_next("UpdateTrialComponent", status=400, code="ThrottlingException", times=2)
    troubles = until_sent(trial, SageMakerSink({}, settle=1e9))
    assert len(troubles) == 3
    assert all("throttling" in error.what for error in troubles)
    everything_once(aws, trial)


@pytest.mark.parametrize(
    "message",
    [
        "Trial Component creation is currently restricted to the SageMaker runtime. Try supplying an "
        "experiment config when creating a job instead.",
        "CreateTrialComponent cannot be called from this context.",
    ],
)
def test_an_account_that_refuses_trial_components_outside_sagemaker_is_told_and_synced_later(
    message: str, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.fail_next("CreateTrialComponent", status=400, code="ValidationException", message=message)
    with pytest.raises(SinkDown, match="outside SageMaker") as caught:
        ship(trial.folder, sink)
    assert message in caught.value.what
    assert "journal" in caught.value.kept
    assert caught.value.hint.startswith("jsk trials sync")
    assert not caught.value.only_this
    assert cursor(trial).trouble == f"{caught.value.what} Next: {caught.value.hint}"
    assert until_sent(trial, sink) == []
    everything_once(aws, trial)


@pytest.mark.parametrize(
    ("code", "status", "hint", "only_this"),
    [
        ("ExpiredTokenException", 400, "aws sso login", False),
        ("UnrecognizedClientException", 400, "aws sso login", False),
        ("AccessDeniedException", 400, "sagemaker:CreateTrial;", False),
        ("ResourceLimitExceeded", 400, "quota", False),
        ("ValidationException", 400, "jsk trials sync", True),
    ],
)
def test_a_refusal_says_what_to_do(
    code: str,
    status: int,
    hint: str,
    only_this: bool,
    aws: SageMaker,
    sink: SageMakerSink,
    experiment: Experiment,
) -> None:
    trial = logged(experiment)
    aws.fail_next("CreateTrial", status=status, code=code, message="No.")
    (trouble,) = until_sent(trial, sink)
    assert code in trouble.what
    assert hint in trouble.hint
    assert trouble.only_this is only_this
    everything_once(aws, trial)


def test_without_region_credentials_or_network_it_says_so(
    aws: SageMaker, experiment: Experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trial = logged(experiment)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", "http://127.0.0.1:9")
    with pytest.raises(SinkDown, match="could not be asked"):
        ship(trial.folder, SageMakerSink({}))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SinkDown, match=r"[Cc]redentials") as caught:
        ship(trial.folder, SageMakerSink({"region": "eu-central-1"}))
    assert "JSK_PROFILE" in caught.value.hint


def test_a_forgotten_position_sends_nothing_twice(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    assert ship(trial.folder, sink)
    path = cursor_path(trial.folder, "sagemaker")
    for damage in (b'{"events": {"', b"[]", b""):
        path.write_bytes(damage)
        assert ship(trial.folder, sink)
    path.unlink()
    resumed = experiment.trial(trial.name, resume=True)
    for step in range(57, 60):
        resumed.log_metric("loss" if step % 3 else "score", float(step), step)
    resumed.finish()
    assert ship(trial.folder, sink)
    everything_once(aws, trial, points=60)


KILLED = """
import os, sys
from pathlib import Path
from jsk_saver.tracking.sinks.sagemaker import SageMakerSink
from jsk_saver.tracking.sinks.shipping import ship
sink = SageMakerSink({}, settle=0.0)
sink.most_points = 100
client = sink._metrics._client
put, calls = client.batch_put_metrics, 0
def fatal(**said):
    global calls
    calls += 1
    if sys.argv[2] == "before" and calls == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
    put(**said)
    if sys.argv[2] == "after" and calls == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
    return {"Errors": []}
client.batch_put_metrics = fatal
ship(Path(sys.argv[1]), sink)
"""


def killed(trial: Trial, moment: str, call: int) -> None:
    command = [sys.executable, "-c", KILLED, str(trial.folder), moment, str(call)]
    assert subprocess.run(command, cwd=HERE, check=False).returncode == -9


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_in_the_middle_of_a_batch_it_goes_on_where_it_was(
    moment: str, aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment, points=334)
    killed(trial, moment, call=14)  # in the second batch
    killed(trial, moment, call=4)
    assert ship(trial.folder, sink)
    everything_once(aws, trial, points=334)


@pytest.mark.slow
def test_killed_after_it_was_throttled_it_does_not_rely_on_what_it_knew_then(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    aws.act_next("BatchPutMetrics", lambda _: None, times=2)
    aws.fail_next("BatchPutMetrics", status=400, code="ThrottlingException")
    with pytest.raises(SinkDown, match="throttling"):
        ship(trial.folder, sink)
    killed(trial, "after", call=1)
    assert ship(trial.folder, sink)
    everything_once(aws, trial)


@pytest.mark.slow
def test_the_courier_brings_trials_while_they_run_and_credentials_are_renewed(
    aws: SageMaker, saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(command: Any, **said: Any) -> subprocess.Popen[bytes]:
        process = real(command, **said, cwd=HERE)
        if "jsk_saver.tracking.sinks.courier" in command:
            started.append(process)
        return process

    monkeypatch.setattr("jsk_saver.tracking.sinks.courier.subprocess.Popen", popen)
    aws.fail_next("CreateTrial", status=400, code="ExpiredTokenException")
    aws.fail_next("BatchPutMetrics", status=400, code="ThrottlingException")
    experiment = Experiment(f"e2e-{uuid.uuid4().hex[:10]}", saver=saver, sinks=["sagemaker"])
    try:
        with experiment.trial(k=1) as trial:
            for step in range(1057):
                trial.log_metric("loss" if step % 3 else "score", float(step), step)
        until = time.monotonic() + 120
        while any(pending.every(experiment.journal)):
            assert time.monotonic() < until, (experiment.journal / ".courier.log").read_text()
            time.sleep(0.1)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert len(started) == 1
    everything_once(aws, trial, points=1057)
    said = (experiment.journal / ".courier.log").read_text()
    assert "ExpiredTokenException" in said
    assert "pkg_resources" not in said


# Opening --------------------------------------------------------------------------------------------


def test_opening_it_prints_no_warning() -> None:
    script = "from jsk_saver.tracking.sinks.sagemaker import open_sink; open_sink('sagemaker', '', {})"
    command = [sys.executable, "-W", "always", "-c", script]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "PATH": "", "PYTHONPATH": str(HERE)}
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=True)
    assert "pkg_resources" not in done.stderr
    assert done.stdout == ""


def test_without_its_package_it_says_what_to_install(aws: SageMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    from jsk_saver.errors import MissingExtra

    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("smexperiments", "pkg_resources")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    with pytest.raises(MissingExtra, match="setuptools below 81") as caught:
        open_sink("sagemaker", {})
    assert caught.value.hint == "pip install 'jsk-saver[sagemaker]'"


def test_the_state_of_a_trial_is_what_it_was_before_it_was_sent(
    aws: SageMaker, sink: SageMakerSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    before = state.read(trial.folder)
    assert ship(trial.folder, sink)
    after = state.read(trial.folder)
    assert (after.params, after.status, after.ended) == (before.params, before.status, before.ended)
    assert {name: metric.to_list() for name, metric in after.metrics.items()} == {
        name: metric.to_list() for name, metric in before.metrics.items()
    }
