"""The MLflow sink, against a real tracking server and SQLite files: all arrives, once, whatever happens."""

from __future__ import annotations

import base64
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jsk_saver import Saver
from jsk_saver.errors import MissingExtra, NotFound, SettingsError
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.sinks import check_address, courier, open_sink, standing
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.courier import Courier
from jsk_saver.tracking.sinks.shipping import cursor_path
from tests.servers.faults import FaultyProxy
from tests.servers.mlflow import MLflowServer
from tests.servers.processes import free_port, stop_by_id
from tests.servers.s3 import S3Server, ServerUnavailable
from tests.servers.threaded import Threaded

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install 'jsk-saver[mlflow]'")
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'jsk-saver[mlflow]'")

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/lab"
LARGEST = 1.7976931348623157e308


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflowServer]:
    """One tracking server for all tests of this module; each makes experiments of its own."""
    try:
        with MLflowServer(tmp_path_factory.mktemp("mlflow")) as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def proxy(server: MLflowServer) -> Iterator[FaultyProxy]:
    """The server, reached through something that goes wrong on demand."""
    with FaultyProxy(server.uri) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no courier but those that tests start; take nothing from the machine's own settings."""
    monkeypatch.setattr(courier, "ensure", lambda journal: None)
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "AWS_", "SAGEMAKER_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def new(request: pytest.FixtureRequest) -> Callable[[str], Experiment]:
    """Make an experiment, named after the test, that is sent to MLflow at a URI."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)[-100:].strip("-")

    def make(uri: str) -> Experiment:
        return Experiment(name, "What is asked.", {"team": "lab"}, sinks=[f"mlflow:{uri}"], saver=Saver())

    return make


def send(experiment: Experiment) -> dict[str, str]:
    """Try everything once, in this process; return what is in the way."""
    work = Courier(experiment.journal, open_sink)
    try:
        return work.round(patient=False)
    finally:
        work.close()


def start_courier(experiment: Experiment) -> subprocess.Popen[bytes]:
    """Start a courier of its own, as the first trial with sinks does."""
    command = [sys.executable, "-m", courier.__name__, str(experiment.journal)]
    with (experiment.journal / "courier.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def stop_couriers(journal: Path) -> None:
    """End the couriers of a journal, which would wait for ever for a server that never comes."""
    words = [courier.__name__, str(journal)]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            stop_by_id(int(folder.name), words)


def wait_for(what: Callable[[], Any]) -> None:
    """Wait until something holds; the test's own time limit ends it otherwise."""
    while not what():
        time.sleep(0.05)


def runs(experiment: Experiment, uri: str) -> dict[str, Any]:
    """Return the runs of an experiment by name, after making sure that none is there twice."""
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.search_runs([client.get_experiment_by_name(experiment.name).experiment_id])
    names = [run.info.run_name for run in found]
    assert len(names) == len(set(names)), names
    return {run.info.run_name: run for run in found}


def points_there(uri: str, run: str, metric: str) -> list[tuple[int, int, float]]:
    history = mlflow.MlflowClient(tracking_uri=uri).get_metric_history(run, metric)
    return sorted((point.step, point.timestamp, repr(point.value)) for point in history)


def points_here(trial: Path, metric: str) -> list[tuple[int, int, float]]:
    """Return the points of the journal as MLflow keeps them: milliseconds, the largest float for infinity."""
    found = []
    for path in layout.writers(trial):
        names: dict[int, str] = {}
        for _, event in reading.events(path):
            if event["kind"] == "metrics":
                names.update(enumerate(event["names"], event["first"]))
        for point in points.read(reading.points_of(path)):
            if names[point.metric] == metric:
                value = math.copysign(LARGEST, point.value) if math.isinf(point.value) else point.value
                value += 0.0  # SQLite has no negative zero
                found.append((point.step, round(point.time * 1000), repr(value)))
    return sorted(found)


def refused(experiment: Experiment) -> dict[str, str]:
    return {
        item["what"]: item["why"] for known in standing.every(experiment.journal) for item in known.refused
    }


# What arrives ---------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "server"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """MLflow as a SQLite file, and as a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mlflow.db"
    return str(request.getfixturevalue("server").uri)


def test_everything_about_a_trial_arrives(uri: str, new: Callable[[str], Experiment]) -> None:
    experiment = new(uri)
    with experiment.trial("full", k=5, kind="ward", deep={"a": [1]}, flag=True) as trial:
        trial.log_metric("loss", 0.5, step=3, time=1700000000.1234)
        trial.tag(colour="red", gone="soon")
        trial.tag(gone=None)
        trial.note("First.")
        trial.note("Second.")
        trial.log_environment(
            {"commit": "4f2a", "branch": "main", "notebook": "a.ipynb", "hardware": {"cpus": 2}}
        )
        trial.log_text("report", "It works.")
        trial.log_table("confusion", [{"a": 1}])
        saved = trial.put("model.json", {"a": 1})
        trial.get("model.json")
    assert send(experiment) == {}
    client = mlflow.MlflowClient(tracking_uri=uri)
    there = client.get_experiment_by_name(experiment.name)
    assert there.tags["team"] == "lab"
    assert there.tags["mlflow.note.content"] == "What is asked."
    run = runs(experiment, uri)["full"]
    assert run.data.params == {"k": "5", "kind": "ward", "deep": '{"a": [1]}', "flag": "True"}
    assert points_there(uri, run.info.run_id, "loss") == [(3, 1700000000123, "0.5")]
    known = experiment["full"]
    assert run.info.status == "FINISHED"
    assert run.info.start_time == round(known.started * 1000)
    assert run.info.end_time == round((known.ended or 0) * 1000)
    tags = run.data.tags
    assert tags["colour"] == "red"
    assert "gone" not in tags
    assert tags["mlflow.note.content"] == "First.\n\nSecond."
    assert tags["mlflow.source.git.commit"] == "4f2a"
    assert tags["mlflow.source.git.branch"] == "main"
    assert (tags["mlflow.source.name"], tags["mlflow.source.type"]) == ("a.ipynb", "NOTEBOOK")
    assert tags["environment.hardware.cpus"] == "2"
    assert tags["output.model.json"] == tags["input.model.json"] == f"{saved.version} {saved.uri}"
    [dataset] = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("model.json", saved.version)
    assert client.list_artifacts(run.info.run_id, "texts")[0].path == "texts/report.txt"
    assert client.list_artifacts(run.info.run_id, "tables")[0].path == "tables/confusion.csv"
    local = client.download_artifacts(run.info.run_id, "texts/report.txt")
    assert Path(local).read_text() == "It works."
    assert refused(experiment) == {}


def test_every_point_is_there_exactly_as_in_the_journal(uri: str, new: Callable[[str], Experiment]) -> None:
    experiment = new(uri)
    values = [1 / 3, -0.0, 5e-324, math.nan, math.inf, -math.inf, 1e300, 0.1 + 0.2]
    with experiment.trial("points") as trial:
        for number in range(2_300):
            trial.log_metric("loss", values[number % len(values)], step=number - 100)
        trial.log_metric("other", 2.0, step=2**62)
    assert send(experiment) == {}
    run = runs(experiment, uri)["points"].info.run_id
    for metric in ("loss", "other"):
        there = points_there(uri, run, metric)
        assert there == points_here(trial.folder, metric)
    assert len(points_there(uri, run, "loss")) == 2_300


def test_how_a_trial_ended_is_told(new: Callable[[str], Experiment], tmp_path: Path) -> None:
    experiment = new(f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(ZeroDivisionError), experiment.trial("failed"):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), experiment.trial("stopped"):
        raise KeyboardInterrupt
    running = experiment.trial("running")
    running.flush()
    lost = (
        "import os\nfrom jsk_saver import Experiment\n"
        f"trial = Experiment({experiment.name!r}, sinks=()).trial('lost')\n"
        "trial.log_metric('loss', 1.0)\ntrial.flush()\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", lost], cwd=tmp_path)
    from jsk_saver.tracking.sinks import pending

    pending.add(experiment.journal, pending.Pending(experiment.name, "lost", experiment.sinks))
    assert send(experiment) == {}
    uri = experiment.sinks[0].removeprefix("mlflow:")
    found = runs(experiment, uri)
    said = {name: (run.info.status, run.data.tags["jsk.status"]) for name, run in found.items()}
    assert said == {
        "failed": ("FAILED", "failed"),
        "stopped": ("KILLED", "stopped"),
        "running": ("RUNNING", "running"),
        "lost": ("FAILED", "lost"),
    }
    assert "ZeroDivisionError" in found["failed"].data.tags["jsk.error"]
    assert found["lost"].info.end_time is not None
    running.finish()
    assert send(experiment) == {}
    assert runs(experiment, uri)["running"].info.status == "FINISHED"


def test_a_trial_that_is_resumed_runs_again_in_the_same_run(
    new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    experiment = new(f"sqlite:///{tmp_path}/mlflow.db")
    trial = experiment.trial("resumed", k=1)
    trial.log_metric("loss", 2.0)
    trial.finish("failed", "It broke.")
    assert send(experiment) == {}
    with experiment.trial("resumed", resume=True) as trial:
        trial.log_metric("loss", 1.0)
    assert send(experiment) == {}
    uri = experiment.sinks[0].removeprefix("mlflow:")
    run = runs(experiment, uri)["resumed"]
    assert run.info.status == "FINISHED"
    assert points_there(uri, run.info.run_id, "loss") == points_here(trial.folder, "loss")


def test_nested_trials_are_nested_runs_whichever_is_sent_first(
    new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    experiment = new(f"sqlite:///{tmp_path}/mlflow.db")
    with experiment.trial("outer") as outer:
        for name in ("a-inner", "z-inner"):
            with outer.trial(name):
                pass
    assert send(experiment) == {}
    found = runs(experiment, experiment.sinks[0].removeprefix("mlflow:"))
    assert set(found) == {"outer", "a-inner", "z-inner"}
    for name in ("a-inner", "z-inner"):
        assert found[name].data.tags["mlflow.parentRunId"] == found["outer"].info.run_id
    assert "mlflow.parentRunId" not in found["outer"].data.tags


def test_trials_of_the_same_name_on_two_machines_are_two_runs(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for machine in ("one", "two"):
        saver = Saver(home=tmp_path / machine)
        experiment = Experiment("shared", sinks=[f"mlflow:{uri}"], saver=saver)
        with experiment.trial("baseline", machine=machine):
            pass
        assert send(experiment) == {}
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.search_runs([client.get_experiment_by_name("shared").experiment_id])
    assert sorted(run.data.params["machine"] for run in found) == ["one", "two"]


# Limits ---------------------------------------------------------------------------------------------


def test_many_parameters_and_tags_arrive_in_parts(uri: str, new: Callable[[str], Experiment]) -> None:
    experiment = new(uri)
    params = {f"p{number}": number for number in range(450)}
    with experiment.trial("many") as trial:
        trial.log_params(params)
        trial.tag(**{f"t{number}": number for number in range(230)})
    assert send(experiment) == {}
    run = runs(experiment, uri)["many"]
    assert run.data.params == {name: str(value) for name, value in params.items()}
    assert {name for name in run.data.tags if name[0] == "t"} == {f"t{number}" for number in range(230)}


def test_what_mlflow_does_not_take_is_told_and_the_rest_arrives(
    uri: str, new: Callable[[str], Experiment]
) -> None:
    experiment = new(uri)
    with experiment.trial("odd", long="x" * 7_000, most="y" * 6_000) as trial:
        trial.log_metric("f1@5 (test)", 0.5)
        trial.log_metric("../up", 1.0)
        trial.log_metric("loss", 1.0, time=math.nan)
        trial.log_metric("loss", 2.0)
        trial.log_param("ü/ñ: b", 1)
    assert send(experiment) == {}
    run = runs(experiment, uri)["odd"]
    assert len(run.data.params["long"]) == 6_000
    assert run.data.params["most"] == "y" * 6_000
    assert run.data.params["ü/ñ: b"] == "1"
    assert run.data.metrics["loss"] == 2.0
    assert sorted(run.data.metrics.values()) == [0.5, 1.0, 2.0]
    told = refused(experiment)
    assert "6,000" in told["the parameter 'long'"]
    assert "MLflow takes letters" in told["the name of the metric 'f1@5 (test)'"]
    assert "the name of the metric '../up'" in told
    assert "nan" in told["the metric 'loss' at step 0"]
    assert len(told) == 4


def test_a_parameter_that_has_another_value_there_is_told(uri: str, new: Callable[[str], Experiment]) -> None:
    experiment = new(uri)
    trial = experiment.trial("again", k=1)
    trial.flush()
    assert send(experiment) == {}
    trial._segment.event("params", values={"k": 2, "m": 3})  # another process, which knew nothing of k
    trial.finish()
    assert send(experiment) == {}
    assert runs(experiment, uri)["again"].data.params == {"k": "1", "m": "3"}
    [(what, why)] = refused(experiment).items()
    assert what == "the parameter 'k' = '2'"
    assert "not allowed" in why


def test_a_long_note_and_traceback_are_whole_among_the_artifacts(
    new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    experiment = new(f"sqlite:///{tmp_path}/mlflow.db")
    trial = experiment.trial("long")
    trial.note("n" * 6_000)
    trial.finish("failed", "z" * 9_000)
    assert send(experiment) == {}
    uri = experiment.sinks[0].removeprefix("mlflow:")
    run = runs(experiment, uri)["long"]
    client = mlflow.MlflowClient(tracking_uri=uri)
    assert Path(client.download_artifacts(run.info.run_id, "notes.md")).read_text() == "n" * 6_000
    assert "z" * 9_000 in Path(client.download_artifacts(run.info.run_id, "error.txt")).read_text()


# Once and only once ---------------------------------------------------------------------------------


def test_sending_everything_twice_changes_nothing(uri: str, new: Callable[[str], Experiment]) -> None:
    experiment = new(uri)
    with experiment.trial("twice", k=1) as trial:
        for number in range(1_500):
            trial.log_metric("loss", number / 7)
        trial.note("Once.")
        trial.put("model.json", 1)
        trial.get("model.json")
        trial.log_text("report", "Once.")
    assert send(experiment) == {}
    before = runs(experiment, uri)["twice"].to_dictionary()
    from jsk_saver.tracking.sinks import pending

    cursor_path(trial.folder, experiment.sinks[0]).unlink()
    pending.add(experiment.journal, pending.Pending(experiment.name, "twice", experiment.sinks))
    assert send(experiment) == {}
    run = runs(experiment, uri)["twice"]
    assert run.to_dictionary() == before
    assert points_there(uri, run.info.run_id, "loss") == points_here(trial.folder, "loss")


def test_an_answer_that_is_lost_makes_no_second_run(
    server: MLflowServer, proxy: FaultyProxy, new: Callable[[str], Experiment]
) -> None:
    experiment = new(proxy.endpoint)
    with experiment.trial("lost-answer", k=1) as trial:
        for number in range(50):
            trial.log_metric("loss", float(number))
    proxy.cut_next("POST", path="*/runs/create")
    assert "MLflow at" in send(experiment)[experiment.sinks[0]]
    proxy.cut_next("POST", path="*/runs/log-batch", times=3)
    for _ in range(3):
        assert send(experiment) != {}
    assert send(experiment) == {}
    run = runs(experiment, server.uri)["lost-answer"]
    assert points_there(server.uri, run.info.run_id, "loss") == points_here(trial.folder, "loss")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "nth"),
    [("POST", "*/runs/create", 1), ("POST", "*/runs/log-batch", 3), ("POST", "*/runs/log-batch", 8)],
)
def test_a_courier_that_is_killed_in_the_middle_is_followed_by_one_that_ends_it_exactly(
    method: str,
    path: str,
    nth: int,
    server: MLflowServer,
    proxy: FaultyProxy,
    new: Callable[[str], Experiment],
) -> None:
    experiment = new(proxy.endpoint)
    with experiment.trial("killed", k=1) as trial:
        for number in range(12_000):
            trial.log_metric("loss" if number % 3 else "score", number / 7)
    process = start_courier(experiment)
    seen = []

    def strike(_: Any) -> None:
        seen.append(1)
        if len(seen) == nth:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    proxy.call_next(method, strike, times=nth, path=path)
    assert process.wait() == -signal.SIGKILL
    assert cursors.load(cursor_path(trial.folder, experiment.sinks[0])).sending  # it was under way
    follower = start_courier(experiment)
    try:
        wait_for(lambda: not any(standing.of(trial.folder, sink).unsent for sink in experiment.sinks))
    finally:
        follower.kill()
        follower.wait()
    assert send(experiment) == {}
    run = runs(experiment, server.uri)["killed"]
    for metric in ("loss", "score"):
        assert points_there(server.uri, run.info.run_id, metric) == points_here(trial.folder, metric)
    assert run.info.status == "FINISHED"


# Bad days -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_goes_and_comes_back_has_everything_in_the_end(
    tmp_path: Path, server: MLflowServer, new: Callable[[str], Experiment]
) -> None:
    own = MLflowServer(tmp_path / "own")
    experiment = new(own.uri)
    with own:
        process = start_courier(experiment)
        try:
            trial = experiment.trial("through", k=1)
            for number in range(1_000):
                trial.log_metric("loss", number / 3)
            trial.flush()
            wait_for(lambda: not standing.of(trial.folder, experiment.sinks[0]).points)
            own.stop()
            for number in range(1_000):
                trial.log_metric("loss", number / 9)
            trial.finish()
            wait_for(lambda: standing.of(trial.folder, experiment.sinks[0]).why)
            told = standing.of(trial.folder, experiment.sinks[0])
            assert told.points == 1_000
            assert "connection refused" in told.why
            own.start()
            wait_for(lambda: not standing.of(trial.folder, experiment.sinks[0]).unsent)
        finally:
            process.kill()
            process.wait()
        assert send(experiment) == {}
        run = runs(experiment, own.uri)["through"]
        assert points_there(own.uri, run.info.run_id, "loss") == points_here(trial.folder, "loss")
        assert run.info.status == "FINISHED"


def test_training_goes_on_unharmed_when_the_server_is_dead(
    new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from jsk_saver import Experiment\n"
        f"experiment = Experiment('dead', sinks=['mlflow:http://127.0.0.1:{free_port()}'])\n"
        "with experiment.trial('unharmed', k=1) as trial:\n"
        "    for step in range(20_000):\n"
        "        trial.log_metric('loss', 1 / (step + 1))\n"
        "assert 'mlflow' not in sys.modules\n"
        "print(experiment['unharmed'].status, experiment['unharmed'].metrics['loss'].count)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "completed 20000\n", "")
    journal = Path(os.environ["JSK_HOME"]) / "journal"
    [sink] = next(iter(courier.pending.every(journal))).sinks
    try:
        wait_for(
            lambda: standing.of(journal / "dead" / "unharmed", sink).why
        )  # of the courier it has started
    finally:
        stop_couriers(journal)
    told = standing.of(journal / "dead" / "unharmed", sink)
    assert told.points == 20_000
    assert "does not answer: connection refused" in told.why


@pytest.mark.parametrize(("status", "word"), [(429, "429"), (503, "503"), (500, "500")])
def test_a_server_that_is_overwhelmed_is_tried_again(
    status: int, word: str, server: MLflowServer, proxy: FaultyProxy, new: Callable[[str], Experiment]
) -> None:
    experiment = new(proxy.endpoint)
    with experiment.trial("patient") as trial:
        trial.log_metric("loss", 1.0)
    proxy.fail_next("POST", status=status, code="SlowDown", path="*/runs/log-batch")
    assert word in send(experiment)[experiment.sinks[0]]
    assert refused(experiment) == {}
    assert send(experiment) == {}
    assert runs(experiment, server.uri)["patient"].data.metrics == {"loss": 1.0}


def test_a_store_for_files_that_refuses_keeps_nothing_else_from_arriving(
    server: MLflowServer, proxy: FaultyProxy, new: Callable[[str], Experiment]
) -> None:
    experiment = new(proxy.endpoint)
    with experiment.trial("files") as trial:
        trial.log_text("report", "It works.")
        trial.log_metric("loss", 1.0)
    proxy.fail_next("PUT", status=403, code="AccessDenied", path="*report.txt")
    assert send(experiment) == {}
    run = runs(experiment, server.uri)["files"]
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 1.0})
    assert "403" in refused(experiment)["the text 'report'"]


def test_a_run_that_was_deleted_in_mlflow_stays_deleted_and_is_told(
    uri: str, new: Callable[[str], Experiment]
) -> None:
    experiment = new(uri)
    trial = experiment.trial("deleted")
    trial.log_metric("loss", 1.0)
    trial.flush()
    assert send(experiment) == {}
    client = mlflow.MlflowClient(tracking_uri=uri)
    client.delete_run(runs(experiment, uri)["deleted"].info.run_id)
    trial.log_metric("loss", 2.0)
    trial.finish()
    assert send(experiment) == {}
    assert runs(experiment, uri) == {}
    assert refused(experiment) == {"the rest of the trial": "Its run was deleted in MLflow."}


def test_another_database_behind_the_server_is_told_with_what_to_type(
    new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    experiment = new(f"sqlite:///{tmp_path}/mlflow.db")
    with experiment.trial("known"):
        pass
    cursor = cursors.Cursor(memory={"run": "0" * 32})
    cursors.save(cursor_path(experiment.folder / "known", experiment.sinks[0]), cursor)
    assert "does not know the run of known" in send(experiment)[experiment.sinks[0]]


# Addresses ------------------------------------------------------------------------------------------


def test_the_plain_file_store_is_refused_with_what_works(tmp_path: Path) -> None:
    for address in (f"mlflow:{tmp_path}/mlruns", f"mlflow:file://{tmp_path}/mlruns", "mlflow:mlruns"):
        with pytest.raises(SettingsError, match="plain folder") as caught:
            check_address(address)
        assert "sqlite:///" in caught.value.hint


def test_mlflow_alone_means_the_tracking_uri_of_the_process_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="MLFLOW_TRACKING_URI"):
        check_address("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    assert check_address("mlflow") == f"mlflow:sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(SettingsError, match="not the ARN"):
        check_address("mlflow:arn:aws:s3:::bucket")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match="needs sqlalchemy") as caught:
        open_sink(f"mlflow:sqlite:///{tmp_path}/mlflow.db", {})
    assert "jsk-saver[mlflow]" in caught.value.hint


# SageMaker-managed ----------------------------------------------------------------------------------


def test_a_managed_server_is_asked_with_its_arn_and_a_valid_signature(
    server: MLflowServer, moto: S3Server, new: Callable[[str], Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sagemaker_mlflow", reason="sagemaker-mlflow is not installed")
    from tests.servers.signatures import SignatureChecker

    with SignatureChecker(server.uri, "AKIDEXAMPLE", "secret") as checker:
        monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", checker.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", moto.endpoint)
        experiment = new(ARN)
        bucket = moto.new_bucket()
        server.client().create_experiment(experiment.name, artifact_location=f"s3://{bucket}/artifacts")
        with experiment.trial("managed", k=1) as trial:
            trial.log_metric("loss", 0.5)
            trial.log_text("report", "It works.")
        assert send(experiment) == {}
        assert refused(experiment) == {}
        kept = moto.client().list_objects_v2(Bucket=bucket)["Contents"]
        assert {Path(item["Key"]).name for item in kept} == {"environment.json", "report.txt"}
        assert checker.valid > 5
        assert checker.wrong == []
        assert checker.headers("x-mlflow-sm-tracking-server-arn") == {ARN}
        assert checker.scopes == {"eu-west-1/sagemaker-mlflow"}
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        with experiment.trial("unsigned"):
            pass
        assert "does not let us in" in send(experiment)[experiment.sinks[0]]
    run = runs(experiment, server.uri)["managed"]
    assert (run.data.params, run.data.metrics) == ({"k": "1"}, {"loss": 0.5})


# Logins ---------------------------------------------------------------------------------------------


def test_a_login_in_the_address_stands_nowhere(
    server: MLflowServer, new: Callable[[str], Experiment], tmp_path: Path
) -> None:
    uri = server.uri.replace("http://", "http://bob:hunter7@")
    experiment = new(uri)
    with experiment.trial("t", k=1) as trial:
        trial.log_metric("loss", 0.5)
    assert send(experiment) == {}
    [there] = standing.every(experiment.journal)
    assert there.memory["url"].startswith(f"{server.uri}/#/")
    other = Experiment(experiment.name, saver=Saver(home=tmp_path / "other"), sinks=())
    pulled = other.pull(f"mlflow:{uri}")
    assert (pulled.new, pulled.source) == (["t"], f"mlflow:{server.uri}")
    assert list(other.compare()["pulled"]) == [f"mlflow:{server.uri}"]
    other.report(tmp_path / "report.html")
    assert other.pull(f"mlflow:{uri.replace('hunter7', 'hunter8')}").new == []
    assert other.pull(f"mlflow:{server.uri}").new == []
    with pytest.raises(NotFound) as caught:
        Experiment("not-there", saver=Saver(), sinks=()).pull(f"mlflow:{uri}")
    assert "hunter7" not in str(caught.value)
    for folder in (experiment.journal, tmp_path):
        files = [path for path in folder.rglob("*") if path.is_file() and layout.CODE not in path.parts]
        assert files
        assert [path.name for path in files if b"hunter" in path.read_bytes()] == []


class _Door(BaseHTTPRequestHandler):
    """Lets nobody in, and remembers who asked."""

    asked: ClassVar[set[str | None]] = set()

    def do_GET(self) -> None:
        if self.path != "/health":  # asked by nobody in particular
            self.asked.add(self.headers["Authorization"])
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_whoever_sends_later_logs_in_as_the_address_says(new: Callable[[str], Experiment]) -> None:
    with Threaded(ThreadingHTTPServer(("127.0.0.1", 0), _Door)) as door:
        experiment = new(door.endpoint.replace("http://", "http://bob:hunter7@"))
        with experiment.trial("t"):
            pass
        trouble = send(experiment)
    assert _Door.asked == {f"Basic {base64.b64encode(b'bob:hunter7').decode()}"}
    assert list(trouble) == [f"mlflow:{door.endpoint}"]
    assert "401" in trouble[f"mlflow:{door.endpoint}"]
    assert "hunter7" not in str((trouble, standing.every(experiment.journal)))


def test_a_courier_that_fails_with_a_login_writes_none_to_its_log(new: Callable[[str], Experiment]) -> None:
    experiment = new(f"http://bob:hunter7@127.0.0.1:{free_port()}")
    with experiment.trial("t"):
        pass
    process = start_courier(experiment)
    try:
        wait_for(lambda: standing.of(experiment.folder / "t", experiment.sinks[0]).why)
        wait_for(lambda: "does not answer" in (experiment.journal / "courier.log").read_text())
    finally:
        process.kill()
        process.wait()
    assert "hunter7" not in (experiment.journal / "courier.log").read_text()
    [told] = standing.every(experiment.journal)
    assert "hunter7" not in str(told)
    assert b"hunter7" not in cursor_path(experiment.folder / "t", experiment.sinks[0]).read_bytes()
