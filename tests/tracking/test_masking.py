"""Passwords and logins: neither kept where others read, nor shown."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import CannotReproduce, JskError
from jsk_saver.settings import unknown_variables
from jsk_saver.tracking import Experiment, masking, reproduce
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.pulling import pull
from jsk_saver.tracking.sinks import SinkDown, check_address, courier, pending, standing
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.courier import Courier
from jsk_saver.tracking.sinks.shipping import cursor_path
from tests.tracking.recording import RecordingSink
from tests.tracking.reproducing import SCRIPT, Project

LOGIN = "mlflow:http://bob:hunter7@127.0.0.1:9"


def traces(folder: Path, word: str) -> list[str]:
    """Return the files below a folder in which a word stands; this very program may be among what is kept."""
    files = (path for path in folder.rglob("*") if path.is_file() and layout.CODE not in path.parts)
    return sorted(path.name for path in files if word.encode() in path.read_bytes())


# Names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        ["--password", "hunter7"],
        ["-password", "hunter7"],
        ["--password=hunter7"],
        ["--password=hunter7 and more of hunter7"],
        ["--token", "hunter7"],
        ["--token", "-hunter7"],
        ["--hf_token=hunter7"],
        ["--api-key", "hunter7"],
        ["--apiKey=hunter7"],
        ["AWS_SECRET=hunter7"],
        ["AWS_SECRET_ACCESS_KEY=hunter7"],
        ["PGPASSWORD=hunter7"],
        ["db.password=hunter7"],
        ["+db={user: bob, password: hunter7}"],
        ['{"password": "a,hunter7"}'],
        ["Server=h;Password=hunter7;Port=1"],
        ["--db=postgres://bob:hunter7@h/d"],
        ["postgres://bob:p@hunter7@h/d"],
        ["http://h/d?user=bob&token=hunter7"],
        ["-H", "Authorization: Bearer hunter7"],
        ["hf_hunter7hunter7hunter7hunter7"],
    ],
)
def test_an_argument_that_lets_others_in_is_masked(given: list[str]) -> None:
    shown, masked = masking.arguments(["train", *given, "5"])
    assert "hunter7" not in "".join(shown)
    assert masked == [len(given) + 1]
    assert (shown[0], shown[-1]) == ("train", "5")


@pytest.mark.parametrize(
    "given",
    [
        ["--tokenizer", "bert", "--max-tokens=512", "--max-new-tokens", "9"],
        ["--pad-token", "0", "--eos_token=</s>", "tokens_per_batch=4"],
        ["--key", "k", "--password-file=/run/pw", "--secretary", "ann"],
        ["--password", "--epochs", "5"],
        ["--store=s3://lab/x", "http://h:80/a@b", "/home/ann@work/x", "a:b", "C:\\x", "-v", "--", "-"],
        ["k=5", "--lr=1e-3", "optimizer.name=adam", "{'a': 1}", "", "=", "ü=ö"],
    ],
)
def test_other_arguments_stay_as_they_are(given: list[str]) -> None:
    assert masking.arguments(given) == (given, [])


# Addresses ------------------------------------------------------------------------------------------


def test_a_login_stands_in_no_file_but_one_that_nobody_else_may_read(experiment: Experiment) -> None:
    with experiment.trial("t") as trial:
        trial.log_metric("loss", 0.5)
    pending.add(experiment.journal, pending.Pending(experiment.name, "t", [LOGIN]))

    def broken(batch: int) -> None:
        raise ConnectionError(f"no answer from {LOGIN}/api")

    sink = RecordingSink(experiment.journal.parent / "sent", broken, LOGIN)
    trouble = Courier(experiment.journal, lambda *_: sink).round()
    assert "hunter7" not in str(trouble)
    assert list(trouble) == ["mlflow:http://127.0.0.1:9"]
    (told,) = standing.every(experiment.journal)
    assert told.sink == "mlflow:http://127.0.0.1:9"
    assert told.unsent
    assert "no answer from mlflow:http://127.0.0.1:9/api" in told.why
    assert traces(experiment.journal, "hunter7") == [f"{experiment.name}+t"]
    (waiting,) = (experiment.journal / ".unsent").iterdir()
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600


def test_why_a_sink_cannot_be_opened_is_told_without_the_login(experiment: Experiment) -> None:
    with experiment.trial("t"):
        pass
    pending.add(experiment.journal, pending.Pending(experiment.name, "t", [LOGIN]))

    def open_sink(address: str, _: object) -> RecordingSink:
        raise SinkDown(f"{address} is shut.")

    assert "hunter7" not in str(Courier(experiment.journal, open_sink).round())
    assert traces(experiment.journal, "hunter7") == [f"{experiment.name}+t"]


def test_the_position_is_found_again_when_the_login_changes(experiment: Experiment, tmp_path: Path) -> None:
    with experiment.trial("t") as trial:
        for step in range(250):
            trial.log_metric("loss", 0.5, step)
    sinks = [
        RecordingSink(tmp_path / "sent", address=address)
        for address in (LOGIN, LOGIN.replace("hunter7", "hunter8"))
    ]
    for sink in sinks:
        pending.add(experiment.journal, pending.Pending(experiment.name, "t", [sink.address]))
        assert Courier(experiment.journal, lambda *_, sink=sink: sink).round() == {}
    assert [len(sink.batches) for sink in sinks] == [3, 0]
    (path,) = (experiment.folder / "t").glob("*.cursor")
    assert path == cursor_path(experiment.folder / "t", "mlflow:http://127.0.0.1:9")
    assert cursors.load(path).sink == "mlflow:http://127.0.0.1:9"


def test_the_log_of_the_courier_is_for_nobody_else(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = experiment.journal / ".courier.log"
    log.write_text("older\n")
    log.chmod(0o644)
    started: list[list[str]] = []
    monkeypatch.setattr(courier.subprocess, "Popen", lambda command, **_: started.append(command))
    pending.add(experiment.journal, pending.Pending(experiment.name, "t", [LOGIN]))
    courier.ensure(experiment.journal)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text() == "older\n"
    assert len(started) == 1
    assert "hunter7" not in str(started)


@pytest.mark.parametrize("address", ["mlflw:http://bob:hunter7@h", "mlflow:ftp://bob:hunter7@h"])
def test_an_address_that_is_refused_is_told_without_its_login(address: str, experiment: Experiment) -> None:
    for refuse in (check_address, lambda address: pull(experiment, address)):
        with pytest.raises(JskError) as caught:
            refuse(address)
        assert "hunter7" not in str(caught.value)


# Arguments of a program ------------------------------------------------------------------------------

ARGUMENTS = """
import os, sys
open(os.path.join(os.environ["JSK_HOME"], "seen"), "w").write(" ".join(sys.argv[1:]))
open(os.path.join(os.environ["JSK_HOME"], "left"), "w").write(
    " ".join(name for name in os.environ if name.startswith("JSK_ARGUMENT")))
"""
GIVEN = ("--password", "hunter7", "--db=postgres://u:hunter8@h/d", "--k=1")


@pytest.fixture
def secretive(project: Project) -> Project:
    """A project whose program was given passwords."""
    project.write("train.py", ARGUMENTS + SCRIPT)
    project.commit()
    project.run("train.py", *GIVEN)
    assert (project.home / "seen").read_text() == " ".join(GIVEN)
    (project.home / "seen").unlink()
    return project


def test_secrets_on_the_command_line_are_not_recorded(secretive: Project) -> None:
    assert traces(secretive.home, "hunter") == []
    name = secretive.trial(k=1)
    events = "".join(path.read_text() for path in (secretive.experiment.folder / name).glob("*.events"))
    said = next(json.loads(line) for line in events.splitlines() if '"recipe"' in line)["values"]
    assert said["arguments"] == ["--password", "***", "--db=postgres://***@h/d", "--k=1"]
    assert said["masked"] == [2, 3]


def test_a_program_is_not_run_with_stars_but_its_secrets_are_asked_for(
    secretive: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = secretive.trial(k=1)
    what = [piece.what for piece in reproduce.missing(secretive.experiment, name)]
    assert what == [
        "The argument 2 (--password ***) holds a secret, which is not recorded.",
        "The argument 3 (--db=postgres://***@h/d) holds a secret, which is not recorded.",
    ]
    monkeypatch.setenv("JSK_ARGUMENT_2", "hunter7")
    for anyway in (False, True):
        with pytest.raises(CannotReproduce, match="argument 3") as caught:
            secretive.experiment.reproduce(name, anyway=anyway)
        assert "argument 2" not in caught.value.what
        assert caught.value.hint.startswith("export JSK_ARGUMENT_3=")
    assert not (secretive.home / "seen").exists()
    monkeypatch.setenv("JSK_ARGUMENT_3", "--db=postgres://u:hunter8@h/d")
    assert unknown_variables(os.environ) == []
    assert secretive.experiment.reproduce(name).ok
    assert (secretive.home / "seen").read_text() == " ".join(GIVEN)
    assert (secretive.home / "left").read_text() == ""
    (secretive.home / "seen").unlink()
    assert traces(secretive.home, "hunter") == []


def test_what_a_damaged_record_says_of_its_arguments_harms_nothing(project: Project) -> None:
    project.run("train.py", "5")
    name = project.trial(k=1)
    for path in (project.experiment.folder / name).glob("*.events"):
        text = path.read_text()
        assert '"arguments": ["5"]' in text
        path.write_text(text.replace('"arguments": ["5"]', '"masked": [0, 9, "x", null], "arguments": ["5"]'))
    assert reproduce.missing(project.experiment, name) == []


def test_a_saver_that_reaches_its_store_with_a_password_keeps_it_to_the_user(tmp_path: Path) -> None:
    experiment = Experiment("t", saver=Saver(home=tmp_path), sinks=())
    settings = {"endpoint_url": "http://bob:hunter7@127.0.0.1:9"}
    pending.add(experiment.journal, pending.Pending("t", "x", ["store"], settings))
    (path,) = (experiment.journal / ".unsent").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
