"""Deleted trials and experiments: out of sight, in nobody's way, and back when they are wanted."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import NotAgreed, NotFound, TrialExists, TrialRunning
from jsk_saver.tracking import Experiment, trash
from jsk_saver.tracking.imports.placing import place
from jsk_saver.tracking.journal import copies
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks import pending, standing
from jsk_saver.tracking.sinks.courier import Courier
from jsk_saver.tracking.sinks.shipping import cursor_path, ship
from tests.tracking.recording import RecordingSink


@pytest.fixture
def three(experiment: Experiment) -> Experiment:
    for k in (1, 2, 3):
        with experiment.trial(f"t{k}", k=k) as trial:
            trial.log_metric("loss", 1 / k)
            trial.log_text("report", f"k is {k}")
    return experiment


def names(experiment: Experiment) -> list[str]:
    return [known.name for known in experiment.trials()]


def test_a_deleted_trial_is_seen_nowhere_and_comes_back_as_it_was(three: Experiment) -> None:
    before = three["t2"]
    done = three.delete("t2", yes=True)
    assert (done.what, done.trials, done.stays) == ("iris-kmeans/t2", ["t2"], [])
    assert names(three) == names(Experiment("iris-kmeans", saver=three.saver)) == ["t1", "t3"]
    assert list(three.compare().index) == ["t1", "t3"]
    assert three.best("loss", "max").name == "t1"
    assert three.deleted() == ["t2"]
    assert [known.trials for known in Experiment.list(saver=three.saver)] == [2]
    with pytest.raises(NotFound):
        three["t2"]
    assert three.restore("t2") == ["t2"]
    assert names(three) == ["t1", "t2", "t3"]
    after = three["t2"]
    assert (after.params, after.status, after.ended) == (before.params, before.status, before.ended)
    assert after.file("report").load() == "k is 2"
    assert three.deleted() == []


def test_without_an_answer_nothing_is_deleted(three: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAgreed, match="nobody is here to be asked") as caught:
        three.delete("t1")
    assert caught.value.hint == 'Experiment("iris-kmeans").delete("t1", yes=True)'
    asked = []

    def answer(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    monkeypatch.setattr(trash, "interactive", lambda: True)
    monkeypatch.setattr(trash, "confirm", answer)
    with pytest.raises(NotAgreed, match=r"was not deleted\."):
        three.delete()
    assert names(three) == ["t1", "t2", "t3"]
    three.delete("t1")
    assert names(three) == ["t2", "t3"]
    assert asked == [
        "Delete iris-kmeans and its 3 trials? restore brings it back.",
        "Delete iris-kmeans/t1? restore brings it back.",
    ]


def test_a_whole_experiment_is_deleted_and_comes_back(three: Experiment) -> None:
    assert three.delete(yes=True).trials == ["t1", "t2", "t3"]
    assert Experiment.list(saver=three.saver) == []
    assert names(three) == []
    assert repr(three) == "Experiment('iris-kmeans', 0 trials)"
    again = Experiment("iris-kmeans", saver=three.saver)  # as one who wants it back has to
    assert again.description == ""
    assert again.restore() == ["t1", "t2", "t3"]
    assert names(again) == ["t1", "t2", "t3"]
    assert Experiment("iris-kmeans", saver=three.saver).description == "How many clusters?"


def test_an_experiment_that_was_deleted_can_begin_anew(three: Experiment) -> None:
    three.delete(yes=True)
    with three.trial("fresh"):
        pass
    assert names(three) == ["fresh"]
    assert Experiment.list(saver=three.saver)[0].description == "How many clusters?"
    with pytest.raises(TrialExists, match="another iris-kmeans by now") as caught:
        three.restore()
    first, then = caught.value.hint.split("    # then ")
    assert first == 'Experiment("iris-kmeans").delete()'
    three.delete(yes=True)
    older = then.partition('restore("')[2].removesuffix('")')
    assert three.restore(older) == ["t1", "t2", "t3"]


def test_of_two_that_were_deleted_under_one_name_each_can_come_back(three: Experiment) -> None:
    three.delete("t1", yes=True)
    with three.trial("t1", k=9):
        pass
    with pytest.raises(TrialExists, match="another iris-kmeans/t1 by now") as caught:
        three.restore("t1")
    assert three["t1"].params == {"k": 9}
    three.delete("t1", yes=True)
    assert three.deleted() == ["t1", "t1"]
    older = caught.value.hint.rpartition('restore("')[2].removesuffix('")')
    assert three.restore(older) == ["t1"]
    assert three["t1"].params == {"k": 1}


def test_what_runs_is_not_deleted_nor_what_is_not_there(three: Experiment) -> None:
    with three.trial("running"):
        for name in ("running", ""):
            with pytest.raises(TrialRunning, match="iris-kmeans/running still runs"):
                three.delete(name, yes=True)
    with pytest.raises(NotFound, match="There is no iris-kmeans/t9"):
        three.delete("t9", yes=True)
    with pytest.raises(NotFound, match="no iris-kmeans/t1 in the trash"):
        three.restore("t1")
    assert names(three) == ["t1", "t2", "t3", "running"]


def test_it_is_said_where_copies_stay(three: Experiment, tmp_path: Path) -> None:
    folder = three.folder / "t1"
    assert ship(folder, RecordingSink(tmp_path / "sent", address="store"))
    path = cursor_path(folder, "mlflow:http://ann:secret@127.0.0.1:9")
    url = "http://127.0.0.1:9/#/experiments/1/runs/2"
    said = {"sink": "mlflow:http://127.0.0.1:9", "events": {"a": 1}, "memory": {"url": url}}
    path.write_text(json.dumps(said))
    done = three.delete("t1", yes=True)
    assert sorted(done.stays) == [f"mlflow:http://127.0.0.1:9 ({url})", "store"]
    assert "stays in store" in repr(done)
    assert standing.every(three.journal) == []


def test_what_was_not_sent_waits_in_the_trash_and_is_sent_after(three: Experiment, tmp_path: Path) -> None:
    sink = RecordingSink(tmp_path / "sent")
    pending.add(three.journal, pending.Pending(three.name, "t1", ["store"], {"region": "eu-west-1"}))
    three.delete("t1", yes=True)
    assert list(pending.every(three.journal)) == []
    (noted,) = three.folder.glob(".trash/t1+*/.unsent")
    assert stat.S_IMODE(noted.stat().st_mode) == 0o600
    assert Courier(three.journal, lambda *_: sink).round() == {}
    assert sink.lines() == []
    three.restore("t1")
    (item,) = pending.every(three.journal)
    assert (item.trial, item.sinks, item.settings) == ("t1", ["store"], {"region": "eu-west-1"})
    assert Courier(three.journal, lambda *_: sink).round() == {}
    assert sink.lines() != []
    assert list(pending.every(three.journal)) == []


def test_a_courier_survives_a_trial_that_is_deleted_before_its_turn(
    three: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RecordingSink(tmp_path / "sent")
    gone = pending.Pending(three.name, "t1", ["store"])
    stays = pending.Pending(three.name, "t2", ["store"])
    for item in (gone, stays):
        pending.add(three.journal, item)
    every = pending.every

    def late(journal: Path) -> list[pending.Pending]:
        found = list(every(journal))
        monkeypatch.setattr(pending, "every", every)
        three.delete("t1", yes=True)
        return found

    monkeypatch.setattr(pending, "every", late)
    Courier(three.journal, lambda *_: sink).round()
    assert {json.loads(line)[0] for line in sink.lines()} == {"t2"}


def test_a_pull_does_not_bring_back_what_was_deleted(three: Experiment, saver: Saver) -> None:
    own = sorted((three.folder / "t1").glob("*.events"))[0].stem
    copied = copies.Copy("s3://bucket", "00000000000000000001-0badcafe")
    placed = place(three.folder, "theirs", copied)
    assert placed is not None
    for name in ("t1", "theirs"):
        three.delete(name, yes=True)
    assert place(three.folder, "theirs", copied) is None
    assert place(three.folder, "t1", copies.Copy("s3://bucket", own)) is None
    assert names(three) == ["t2", "t3"]
    three.restore("theirs")
    assert place(three.folder, "theirs", copied) == (three.folder / "theirs", False)
    assert cursors.load(three.folder / "none").sink == ""
