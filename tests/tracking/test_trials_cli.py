"""``jsk trials``: what it lists, shows, sends and tells, and what it exits with."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jsk_saver import Saver
from jsk_saver.cli.app import app
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.sinks import courier
from jsk_saver.tracking.sinks.base import Batch, Refusals, SinkDown


class Box:
    """A sink in this process that can be down."""

    most_points = 100

    def __init__(self) -> None:
        self.down = ""
        self.batches: list[Batch] = []

    def open(self, address: str, settings: dict[str, Any]) -> Box:
        self.address = address
        return self

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        if self.down:
            raise SinkDown(self.down)
        self.batches.append(batch)
        memory["url"] = f"http://box/{batch.trial}"
        for event in batch.of("tags"):
            for name in event["values"]:
                refused.add(f"the tag {name!r}", "This box takes no tags.")

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    """Put every sink into a box, and let no courier of its own start."""
    from jsk_saver.cli import syncing

    box = Box()
    monkeypatch.setenv("JSK_LINEAGE", "off")
    monkeypatch.setattr(courier, "ensure", lambda journal: None)
    monkeypatch.setattr(syncing, "open_sink", box.open)
    return box


@pytest.fixture
def experiment() -> Experiment:
    experiment = Experiment("iris", sinks=["mlflow:http://ann:secret@127.0.0.1:9"], saver=Saver())
    with experiment.trial("first", k=2) as trial:
        for step in range(250):
            trial.log_metric("loss", 1 / (step + 1))
    with experiment.trial("second", k=5) as trial:
        trial.log_metric("loss", float("nan"))
        trial.tag(colour="red")
        trial.note("A note.")
    return experiment


def jsk(*arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["trials", *arguments], catch_exceptions=False)
    assert done.exit_code == code, (done.exit_code, done.stdout, done.stderr)
    return done


def answer(*arguments: str, code: int = 0) -> Any:
    return json.loads(jsk(*arguments, "--json", code=code).stdout)


def test_list_tells_of_every_trial_or_of_those_that_match(experiment: Experiment) -> None:
    assert [known["name"] for known in answer("list")] == ["first", "second"]
    assert [known["name"] for known in answer("list", "iris", "k:>=3")] == ["second"]
    printed = jsk("list", "iris").stdout
    assert "first" in printed
    assert "k=2" in printed
    assert "loss=0.004" in printed


def test_list_of_nothing_is_not_found(experiment: Experiment) -> None:
    assert answer("list", "iris", "k:99", code=3) == []
    assert "no experiment 'flowers'" in jsk("list", "flowers", code=3).stderr


def test_looking_for_an_experiment_makes_none(experiment: Experiment) -> None:
    jsk("list", "flowers", code=3)
    jsk("compare", "flowers", code=3)
    assert not (experiment.journal / "flowers").exists()


def test_nothing_at_all_is_told_as_such() -> None:
    assert "no trial yet" in jsk("list", code=3).stderr
    assert answer("status") == []
    assert answer("sync") == {"sent": [], "left": []}


def test_show_tells_everything_about_a_trial(experiment: Experiment) -> None:
    known = answer("show", "iris/second")
    assert known["params"] == {"k": 5}
    assert known["tags"] == {"colour": "red"}
    assert known["metrics"]["loss"]["last"] is None  # JSON has no nan
    printed = jsk("show", "iris/first").stdout
    assert "250 points" in printed
    assert "secret" not in printed


def test_show_of_an_unknown_trial_is_not_found(experiment: Experiment) -> None:
    jsk("show", "iris/third", code=3)
    jsk("show", "iris", code=2)


def test_compare_puts_trials_side_by_side(experiment: Experiment) -> None:
    rows = answer("compare", "iris")
    assert [(row["trial"], row["params.k"]) for row in rows] == [("first", 2), ("second", 5)]
    printed = jsk("compare", "iris").stdout.splitlines()
    assert printed[0].split()[:6] == ["trial", "status", "started", "seconds", "k", "loss"]
    assert answer("compare", "iris", "k:99", code=3) == []


def test_a_comparison_is_printed_as_people_read_it() -> None:
    experiment = Experiment("cancer", sinks=(), saver=Saver())
    for k in (2, 5):
        with experiment.trial(f"t{k}", k=k, depth=None if k == 2 else 3, kind="rf") as trial:
            trial.log_metric("accuracy", 0.9370629370629371 + k / 1000)
            trial.put("model.json", [k])
    done = jsk("compare", "cancer", "sort:-k")
    head, *rows = done.stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["t5", "t2"]
    assert "0.939063" in rows[1]
    assert "None" in rows[1]
    assert not any(sign in done.stdout for sign in ("+00:00", '["', "0.93906293"))
    assert "kind" not in head
    assert "The same in all: kind rf" in done.stderr
    assert answer("compare", "cancer")[0]["metrics.accuracy"] == 0.9370629370629371 + 2 / 1000


def test_list_sorts_and_limits(experiment: Experiment) -> None:
    assert [known["name"] for known in answer("list", "iris", "sort:-k", "limit:1")] == ["second"]


def test_a_mistyped_name_says_what_to_type_in_the_shell(experiment: Experiment) -> None:
    said = jsk("list", "iris", "los:<0.1", code=2).stderr
    assert "Did you mean 'loss'?" in said
    assert "jsk trials list iris 'loss:<0.1'" in said
    assert "jsk trials compare iris 'k:2 OR k:5'" in jsk("compare", "iris", "k:2 or k:5", code=2).stderr


def test_show_takes_the_beginning_of_a_name_and_says_where_that_trial_was_sent(
    experiment: Experiment,
) -> None:
    assert answer("show", "iris/fir")["name"] == "first"
    assert [item["trial"] for item in answer("show", "iris/k=5")["sinks"]] == ["second"]
    assert "jsk trials show iris/second" in jsk("show", "iris/secnd", code=3).stderr


def test_status_tells_what_is_unsent_and_sync_sends_it(experiment: Experiment, box: Box) -> None:
    waiting = answer("status")
    assert [(item["trial"], item["points"]) for item in waiting] == [("first", 250), ("second", 1)]
    assert all(item["events"] > 0 for item in waiting)
    done = answer("sync")
    assert done["left"] == []
    assert [(item["trial"], item["points"]) for item in done["sent"]] == [("first", 250), ("second", 1)]
    assert sum(len(batch.points) for batch in box.batches) == 251
    assert answer("sync") == {"sent": [], "left": []}
    assert "Everything has been sent" in jsk("status").stdout
    assert answer("show", "iris/first")["sinks"][0]["url"] == "http://box/first"


def test_what_is_refused_for_good_is_told_also_when_all_is_sent(experiment: Experiment) -> None:
    jsk("sync")
    [item] = answer("status")
    assert (item["trial"], item["events"], item["points"]) == ("second", 0, 0)
    assert item["refused"] == [{"what": "the tag 'colour'", "why": "This box takes no tags."}]
    assert "refused  iris/second" in jsk("status").stdout


def test_a_sink_that_is_down_is_told_with_why_and_since_when(experiment: Experiment, box: Box) -> None:
    box.down = "The box is shut."
    done = answer("sync", code=6)
    assert done["sent"] == []
    assert "secret" not in str(done)
    assert {item["why"] for item in done["left"]} == {"The box is shut."}
    first, second = answer("status")
    assert first["why"] == "The box is shut."
    assert second["why"] == "It waits for the sink: The box is shut."
    assert first["since"] == second["since"] is not None
    printed = jsk("sync", code=6)
    assert "waits  2 trials of iris" in printed.stdout
    assert "jsk trials sync" in printed.stderr
    assert "secret" not in printed.stdout + jsk("status").stdout
    box.down = ""
    assert answer("sync")["left"] == []
    assert [item["why"] for item in answer("status")] == [""]


def test_that_nobody_sends_any_more_is_told_with_what_to_type(
    experiment: Experiment, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = jsk("status").stderr
    assert "Nobody is sending now" in told
    assert "Next: jsk trials sync" in told
    with (experiment.journal / ".courier.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Nobody is sending now" not in jsk("status").stderr
    started: list[Path] = []
    monkeypatch.setattr(courier, "ensure", started.append)
    box.down = "The box is shut."
    jsk("sync", code=6)
    assert started == [experiment.journal]
    box.down = ""
    jsk("sync")
    assert started == [experiment.journal]


def test_sending_anew_logs_in_as_the_settings_say(
    experiment: Experiment, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    jsk("sync")
    assert box.address == "mlflow:http://ann:secret@127.0.0.1:9"
    jsk("sync", "iris/first", "--anew")
    assert box.address == "mlflow:http://127.0.0.1:9"  # where it was sent is known, not as whom
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:new@127.0.0.1:9")
    jsk("sync", "iris/first", "--anew")
    assert box.address == "mlflow:http://ann:new@127.0.0.1:9"
    monkeypatch.setenv("JSK_SINKS", "store,mlflow:http://ann:newer@127.0.0.1:9/")
    jsk("sync", "iris/first", "--anew")
    assert box.address == "mlflow:http://ann:newer@127.0.0.1:9"
    assert len(list((experiment.folder / "first").glob("*.cursor"))) == 1


def test_sending_anew_gives_all_of_it_again_as_what_may_have_arrived(
    experiment: Experiment, box: Box
) -> None:
    jsk("sync")
    box.batches.clear()
    done = answer("sync", "iris/first", "--anew")
    assert [(item["trial"], item["points"]) for item in done["sent"]] == [("first", 250)]
    assert {(batch.trial, batch.again) for batch in box.batches} == {("first", True)}
    jsk("sync", "iris/nobody", "--anew", code=3)
    jsk("sync", "iris/first", code=2)


def test_trials_that_had_no_sink_can_be_sent_later(box: Box, tmp_path: Path) -> None:
    with Experiment("offline", sinks=(), saver=Saver()).trial("lonely", k=1) as trial:
        trial.log_metric("loss", 0.5)
    assert answer("sync") == {"sent": [], "left": []}
    done = answer("sync", "offline", "--to", f"mlflow:sqlite:///{tmp_path}/mlflow.db")
    assert [(item["trial"], item["points"]) for item in done["sent"]] == [("lonely", 1)]
    assert box.address == f"mlflow:sqlite:///{tmp_path}/mlflow.db"
    jsk("sync", "offline", "--to", "floppy", code=2)


def test_what_a_running_trial_logs_meanwhile_does_not_keep_sync_waiting(box: Box) -> None:
    experiment = Experiment("iris", sinks=["mlflow:http://127.0.0.1:9"], saver=Saver())
    trial = experiment.trial("running", k=1)
    trial.flush()
    real = box.send

    def send(batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        real(batch, memory, refused)
        if len(box.batches) < 3:
            trial.log_metric("loss", 1.0)
            trial.flush()

    box.send = send  # type: ignore[method-assign]
    assert answer("sync")["left"] == []
    trial.finish()


# What others tracked --------------------------------------------------------------------------------


@pytest.fixture
def others(tmp_path: Path) -> Experiment:
    """Give the test an experiment of somebody else, whose trials are in the store that both share."""
    from jsk_saver.tracking.sinks import shipping
    from jsk_saver.tracking.sinks.store import StoreSink

    hers = Experiment("shared", sinks=(), saver=Saver(tmp_path / "store", home=tmp_path / "ana"))
    with hers.trial("first", k=3):
        pass
    assert shipping.ship(hers.folder / "first", StoreSink(hers.saver.store))
    return hers


def test_pull_brings_trials_of_others_and_says_which(others: Experiment) -> None:
    store = f"--store={others.saver.store.uri}"
    assert jsk("pull", "shared", store).stdout.startswith("shared: 1 new trial from ")
    (brought,) = answer("pull", store)
    assert brought == {"experiment": "shared", "from": others.saver.store.uri, "new": [], "grown": []}
    assert [known["pulled"] for known in answer("list", "shared", "k:3")] == [others.saver.store.uri]


def test_pull_of_what_nobody_has_is_not_found_and_makes_nothing(others: Experiment) -> None:
    place = others.saver.store.uri
    said = jsk("pull", "nothing", f"--store={place}", code=3).stderr
    assert f"There is no experiment 'nothing' in {place}." in said
    assert "nothing" not in os.listdir(Saver().settings.home / "journal")


def test_pull_from_an_unknown_place_says_what_to_type(experiment: Experiment) -> None:
    said = jsk("pull", "iris", "--from=floppy", code=2).stderr
    assert "Trials cannot be pulled from 'floppy'" in said
    assert "jsk trials pull iris --from=store" in said
    jsk("pull", "new", "--from=floppy", code=2)
    assert not (experiment.journal / "new").exists()


def test_pull_without_any_experiment_asks_for_one() -> None:
    assert "jsk trials pull EXPERIMENT" in jsk("pull").stderr


def test_a_trial_and_an_experiment_are_deleted_and_brought_back(experiment: Experiment) -> None:
    assert [(one["experiment"], one["trials"]) for one in answer("experiments")] == [("iris", 2)]
    done = jsk("delete", "iris/first", code=5)
    assert "nobody could be asked" in done.stderr
    assert "jsk trials delete iris/first --yes" in done.stderr
    done = jsk("delete", "iris/first", "--yes")
    assert done.stdout == "iris/first is deleted (1 trial).\n"
    assert "jsk trials restore iris/first" in done.stderr
    assert [known["name"] for known in answer("list", "iris")] == ["second"]
    assert answer("restore", "iris/first") == {"restored": "iris/first", "trials": ["first"]}
    assert answer("delete", "iris", "-y") == {"deleted": "iris", "trials": ["first", "second"], "stays": []}
    assert answer("experiments") == []
    jsk("restore", "iris")
    assert [known["name"] for known in answer("list", "iris")] == ["first", "second"]


def test_what_cannot_be_deleted_or_brought_back_says_what_to_type(experiment: Experiment) -> None:
    assert "Next: jsk trials experiments" in jsk("delete", "iris/third", "--yes", code=3).stderr
    assert "no iris/first in the trash" in jsk("restore", "iris/first", code=3).stderr
    jsk("delete", "iris/first", "--yes")
    experiment.trial("first").finish()
    said = jsk("restore", "iris/first", code=1).stderr
    assert "jsk trials delete iris/first    # then jsk trials restore iris/first+" in said
    jsk("delete", "iris/first", "--yes")
    jsk("restore", said.strip().rpartition(" ")[2])
    assert experiment["first"].params == {"k": 2}


def test_a_trial_that_was_to_be_sent_is_not_while_it_is_deleted(experiment: Experiment, box: Box) -> None:
    jsk("delete", "iris/first", "--yes")
    assert [item["trial"] for item in answer("sync")["sent"]] == ["second"]
    jsk("restore", "iris/first")
    assert [item["trial"] for item in answer("sync")["sent"]] == ["first"]
    done = answer("delete", "iris/first", "--yes")
    assert done["stays"] == ["mlflow:http://127.0.0.1:9 (http://box/first)"]


# What is not to be sent after all -------------------------------------------------------------------

WRONG = "mlflow:http://127.0.0.1:5999"


@pytest.fixture
def mistyped(box: Box) -> Experiment:
    """Give the test trials that wait for a sink that never comes, beside one that is all right."""
    study = Experiment("study", sinks=["mlflow:http://127.0.0.1:9"], saver=Saver())
    for number in range(12):
        with study.trial(f"t{number}") as trial:
            trial.log_metric("loss", number)
    jsk("sync")
    box.down = "The box is shut."
    jsk("sync", "study", "--to", "mlflow:http://ann:secret@127.0.0.1:5999", code=6)
    return study


def test_status_is_a_line_for_each_sink_and_reason(mistyped: Experiment) -> None:
    printed = jsk("status")
    lines = [line for line in printed.stdout.splitlines() if "5999" in line or "The box" in line]
    assert len(lines) == 1
    assert "12 trials of study" in lines[0]
    assert f"jsk trials sync --forget {WRONG}" in printed.stderr
    assert len(answer("status")) == 12
    waits = [line for line in jsk("sync", code=6).stdout.splitlines() if line.startswith("waits")]
    assert len(waits) == 1
    assert waits[0].startswith("waits  12 trials of study")


def test_what_several_trials_were_refused_is_told_once(box: Box) -> None:
    study = Experiment("study", sinks=["mlflow:http://127.0.0.1:9"], saver=Saver())
    for _ in range(5):
        with study.trial() as trial:
            trial.tag(colour="red")
    jsk("sync")
    told = [line for line in jsk("status").stdout.splitlines() if line.startswith("refused")]
    assert told == [
        "refused  5 trials of study  mlflow:http://127.0.0.1:9  the tag 'colour': This box takes no tags."
    ]


def test_a_sink_that_was_a_mistake_is_forgotten(mistyped: Experiment, box: Box) -> None:
    assert jsk("sync", "study/t3", "--forget", WRONG).stdout.startswith("forgot study/t3  for")
    assert {item["trial"] for item in answer("status")} == {f"t{number}" for number in range(12)} - {"t3"}
    done = answer("sync", "study", "--forget", f"{WRONG}/")
    assert (len(done["forgotten"]), done["sent"], done["left"]) == (11, [], [])
    assert answer("status") == []
    assert "Everything has been sent" in jsk("status").stdout
    box.batches.clear()
    box.down = ""
    assert answer("sync") == {"sent": [], "left": []}
    assert box.batches == []
    assert not list((mistyped.journal / ".unsent").glob("[!.]*"))


def test_forgetting_one_sink_leaves_the_others_and_can_name_the_right_one(
    mistyped: Experiment, box: Box
) -> None:
    box.down = ""
    done = answer("sync", "study", "--forget", WRONG, "--to", "mlflow:http://127.0.0.1:5000")
    assert {item["sink"] for item in done["sent"]} == {"mlflow:http://127.0.0.1:5000"}
    assert {item["sink"] for item in done["forgotten"]} == {WRONG}
    assert len(done["sent"]) == len(done["forgotten"]) == 12
    assert answer("status") == []


def test_forgetting_a_sink_that_nothing_waits_for_names_those_that_do(mistyped: Experiment) -> None:
    told = jsk("sync", "--forget", "mlflow:http://127.0.0.1:5998", code=3).stderr
    assert "to be sent to 'mlflow:http://127.0.0.1:5998'" in told
    assert f"jsk trials sync --forget {WRONG}" in told
    assert "secret" not in told
    assert len(answer("status")) == 12
