"""Trials of other people: brought to the store by one, pulled by another."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import SettingsError, TrialExists
from jsk_saver.tracking import Experiment, state
from jsk_saver.tracking.journal import copies, layout, points
from jsk_saver.tracking.keeping import keeper
from jsk_saver.tracking.reproduce import record
from jsk_saver.tracking.sinks import default_sinks, pending, shelf, shipping
from jsk_saver.tracking.sinks.store import LARGEST, StoreSink
from tests.stores.places import Place, real_place

__all__ = ["real_place"]

NAME = "iris-kmeans"


@pytest.fixture
def person(real_place: Place, tmp_path: Path) -> Callable[..., Experiment]:
    """Give the test people who share a store, each with a home of their own."""

    def make(who: str, **more: object) -> Experiment:
        saver = real_place.saver(home=tmp_path / who)
        return Experiment(NAME, saver=saver, sinks=(), **more)  # type: ignore[arg-type]

    return make


def send(experiment: Experiment) -> None:
    """Bring all trials to the store, as the courier does."""
    sink = StoreSink(experiment.saver.store)
    for entry in experiment._folders():
        assert shipping.ship(Path(entry.path), sink)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what a journal has of a trial, without what only its own sinks need."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (layout.EVENTS, layout.POINTS, ".txt", ".csv")
    }


def test_a_trial_of_one_person_is_the_same_for_another(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana", description="How many clusters?", goals={"loss": "min"}), person("bob")
    with ana.trial("first", k=5) as trial:
        for loss in (0.9, 0.2, 0.4):
            trial.log_metric("loss", loss)
        trial.log_text("report", "all well")
        trial.log_table("rows", [{"a": 1}])
        trial.note("lucky")
        trial.put("model.json", {"k": 5})
    with pytest.raises(ZeroDivisionError), ana.trial("second"):
        print(1 / 0)
    send(ana)
    pulled = bob.pull()
    assert sorted(pulled.new) == ["first", "second"]
    assert repr(pulled).startswith("2 new trials from ")
    assert files_of(bob.folder / "first") == files_of(ana.folder / "first")
    mine, theirs = ana["first"], bob["first"]
    assert theirs.pulled == ana.saver.store.uri
    theirs.pulled = ""
    assert str(theirs.metrics["loss"].to_list()) == str(mine.metrics["loss"].to_list())
    mine.metrics = theirs.metrics = {}
    assert theirs == mine
    assert bob["second"].status == state.FAILED
    assert "ZeroDivisionError" in bob["second"].error
    assert (bob.description, bob.goals) == ("How many clusters?", {"loss": "min"})
    assert repr(bob.pull()).startswith("Nothing new in ")


def test_trials_of_others_stand_beside_ours_and_say_whose_they_are(
    person: Callable[..., Experiment],
) -> None:
    ana, bob = person("ana"), person("bob")
    with ana.trial("hers", k=2):
        pass
    with bob.trial("his", k=3):
        pass
    assert "pulled" not in bob.compare().columns
    send(ana)
    bob.pull()
    frame = bob.compare()
    assert list(frame.index) == ["hers", "his"]
    assert list(frame["pulled"].isna()) == [False, True]
    assert list(frame["host"]) == [state.this_host()] * 2
    assert [known.name for known in bob.trials("pulled:*")] == ["hers"]


def test_the_code_that_a_trial_speaks_of_comes_with_it(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana"), person("bob")
    code = ana.folder / layout.CODE / "deep" / "changes.diff"
    with ana.trial("first"):
        code.parent.mkdir(parents=True, exist_ok=True)
        code.write_text("+ a line")
    assert keeper.wait()
    send(ana)
    bob.pull()
    assert (bob.folder / layout.PULLED_CODE / "deep" / "changes.diff").read_text() == "+ a line"
    folders = (ana.folder / layout.CODE, bob.folder / layout.PULLED_CODE)
    below = [{path.name for path in folder.rglob("*.*")} for folder in folders]
    assert below[0] == below[1]
    assert [known.name for known in bob.trials()] == ["first"]


def test_a_trial_that_goes_on_is_brought_up_to_date(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana"), person("bob")
    trial = ana.trial("long")
    counts = []
    for part in range(4):
        for step in range(1000):
            trial.log_metric("loss", part + step / 1000)
        trial.log_text("report", f"part {part}")
        trial.flush()
        send(ana)
        pulled = bob.pull()
        assert (pulled.new, pulled.grown) == ((["long"], []) if part == 0 else ([], ["long"]))
        known = bob["long"]
        assert known.status == state.RUNNING
        counts.append(known.metrics["loss"].count)
        assert (bob.folder / "long" / "files" / "report.txt").read_text() == f"part {part}"
    assert counts == [1000, 2000, 3000, 4000]
    trial.finish()
    send(ana)
    bob.pull()
    assert bob["long"].status == state.COMPLETED
    assert files_of(bob.folder / "long") == files_of(ana.folder / "long")


def test_two_people_with_a_trial_of_the_same_name_keep_both(person: Callable[..., Experiment]) -> None:
    ana, bob, eve = person("ana"), person("bob"), person("eve")
    for who, k in ((ana, 2), (bob, 3)):
        with who.trial("baseline", k=k):
            pass
        send(who)
    (new,) = bob.pull().new
    assert new.startswith("baseline-")
    assert (bob["baseline"].params, bob["baseline"].pulled) == ({"k": 3}, "")
    assert bob[new].params == {"k": 2}
    assert bob.pull().new == []
    assert len(eve.pull().new) == 2
    assert sorted(known.params["k"] for known in eve.trials()) == [2, 3]


def test_a_copy_is_read_only_and_sent_nowhere(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana"), person("bob")
    with ana.trial("hers"):
        pass
    send(ana)
    bob.pull()
    with pytest.raises(TrialExists, match="was pulled from"):
        bob.trial("hers", resume=True)
    before = set(bob.saver.store.notes(shelf.of_experiment(NAME)))
    send(bob)
    after = set(bob.saver.store.notes(shelf.of_experiment(NAME)))
    assert all(shelf.EXPERIMENT in key for key, _ in after ^ before)
    assert list(pending.every(bob.journal)) == []
    assert not list((bob.folder / "hers").glob("*.cursor"))


def test_a_trial_that_was_lost_here_comes_back_from_the_store(person: Callable[..., Experiment]) -> None:
    import shutil

    ana = person("ana")
    with ana.trial("mine", k=5):
        pass
    send(ana)
    assert ana.pull().new == []
    shutil.rmtree(ana.folder / "mine")
    assert ana.pull().new == ["mine"]
    assert ana["mine"].params == {"k": 5}


DYING = """
import os, sys
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
trial = Experiment("iris-kmeans", saver=Saver(sys.argv[1], home=sys.argv[2]), sinks=()).trial("victim")
trial.log_metric("loss", 0.5)
trial.flush()
print("logged", flush=True)
sys.stdin.read()
os._exit(9)
"""


def test_a_copy_is_lost_only_when_its_own_machine_says_so(
    person: Callable[..., Experiment], real_place: Place, tmp_path: Path
) -> None:
    ana, bob = person("ana"), person("bob")
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, real_place.uri, str(tmp_path / "ana")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "logged\n"
    send(ana)
    bob.pull()
    assert bob["victim"].status == state.RUNNING
    process.stdin.close()
    process.wait()
    assert ana["victim"].status == state.LOST
    assert bob["victim"].status == state.RUNNING  # nobody has said anything yet
    send(ana)
    bob.pull()
    assert bob["victim"].status == state.LOST
    assert bob["victim"].ended == pytest.approx(ana["victim"].ended or 0, abs=1e-3)
    with ana.trial("victim", resume=True) as trial:
        trial.log_metric("loss", 0.25)
        trial.flush()
        send(ana)
        bob.pull()
        assert bob["victim"].status == state.RUNNING
    send(ana)
    bob.pull()
    assert bob["victim"].status == state.COMPLETED
    assert bob["victim"].metrics["loss"].count == 2


WRITER = """
import sys
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
experiment = Experiment("iris-kmeans", saver=Saver(sys.argv[1], home=sys.argv[2]), sinks=["store"])
for number in range(10):
    with experiment.trial(number=number) as trial:
        for step in range(50):
            trial.log_metric("loss", step / 2)
from jsk_saver.tracking.sinks import open_sink
from jsk_saver.tracking.sinks.courier import Courier
courier = Courier(experiment.journal, open_sink)
while courier.round(patient=False) or any((experiment.journal / ".unsent").iterdir()):
    pass
"""


def test_many_write_at_once_and_everybody_gets_everything(
    person: Callable[..., Experiment], real_place: Place, tmp_path: Path
) -> None:
    eve = person("eve")
    people = [
        subprocess.Popen([sys.executable, "-c", WRITER, real_place.uri, str(tmp_path / who)], cwd=tmp_path)
        for who in ("ana", "bob", "cid")
    ]
    while any(process.poll() is None for process in people):
        eve.pull()
        time.sleep(0.1)
    assert [process.returncode for process in people] == [0, 0, 0]
    eve.pull()
    known = eve.trials()
    assert len(known) == 30
    assert {trial.status for trial in known} == {state.COMPLETED}
    assert {trial.metrics["loss"].count for trial in known} == {50}
    folders = [eve.folder / trial.name for trial in known]
    for folder in folders:
        (path,) = folder.glob("*.points")
        assert len(points.read(path)) == 50


def test_what_was_sent_before_a_crash_is_not_there_twice(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana"), person("bob")
    trial = ana.trial("crash")
    trial.log_metric("loss", 0.5)
    trial.flush()
    send(ana)
    # The process died before it could write down how far it had come; meanwhile the trial went on.
    (path,) = trial.folder.glob("store-*.cursor")
    path.unlink()
    trial.log_metric("loss", 0.25)
    trial.finish()
    send(ana)
    bob.pull()
    assert bob["crash"].metrics["loss"].count == 2
    assert files_of(bob.folder / "crash") == files_of(ana.folder / "crash")


def test_a_copy_that_was_cut_short_is_completed(person: Callable[..., Experiment]) -> None:
    ana, bob = person("ana"), person("bob")
    with ana.trial("cut") as trial:
        for step in range(100):
            trial.log_metric("loss", float(step))
    send(ana)
    bob.pull()
    for path in (bob.folder / "cut").glob("*.[ep]*s"):
        path.write_bytes(path.read_bytes()[:37])
    assert bob.pull().grown == ["cut"]
    assert files_of(bob.folder / "cut") == files_of(ana.folder / "cut")


def test_many_points_go_in_pieces_that_memory_can_hold(saver: Saver, tmp_path: Path) -> None:
    ana = Experiment("large", saver=saver)
    count = LARGEST // points.SIZE * 2 + 5
    with ana.trial("big") as trial:
        for step in range(count):
            trial.log_metric("loss", 0.5, step)
    send(ana)
    keys = [key for key, _ in saver.store.notes("journal/large/") if ".points." in key]
    assert len(keys) == 3
    bob = Experiment("large", saver=Saver(saver.store.uri, home=tmp_path / "bob"))
    bob.pull()
    assert bob["big"].metrics["loss"].count == count


def test_names_that_lead_out_of_the_folder_are_left_alone(saver: Saver, tmp_path: Path) -> None:
    first = f"{1:020d}-0a1b2c3d"
    for key in (
        f"t/{first}/files/1-1/a",
        f"t/{first}/files/1-1/x/../../../../escaped",
        f".hidden/{first}/{first}.events.0-1",
        f"t/{first}/{first}.events.0-1",
        "../x/y.events.0-1",
    ):
        path = Path(saver.store.uri) / ".jsk/notes/journal/climb" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert not shelf.is_inside("a/../../b")
    assert shelf.parse_kept("files/1-1/../../../b", "", 1) is None
    bob = Experiment("climb", saver=Saver(saver.store.uri, home=tmp_path / "bob"))
    assert bob.pull().new == ["t"]
    found = sorted(
        path.relative_to(bob.folder).as_posix() for path in bob.folder.rglob("*") if path.is_file()
    )
    assert found == [".pull.lock", "experiment.json", "t/.pulled", f"t/{first}.events", "t/files/a"]


def test_a_damaged_mark_is_still_no_trial_of_this_machine(experiment: Experiment) -> None:
    with experiment.trial("t"):
        pass
    (experiment.folder / "t" / ".pulled").write_text("rubbish")
    assert copies.read(experiment.folder / "t") == copies.Copy("?", "")
    with pytest.raises(TrialExists):
        experiment.trial("t", resume=True)


def test_a_running_trial_is_sent_now_and_then_and_its_end_at_once(experiment: Experiment) -> None:
    class Resting(StoreSink):
        sent = 0

        def rest(self, _: Path) -> float:
            return 1e6

        def send(self, *batch: object) -> None:
            self.sent += 1
            super().send(*batch)  # type: ignore[arg-type]

    sink = Resting(experiment.saver.store)
    trial = experiment.trial("long")
    trial.flush()
    assert shipping.ship(trial.folder, sink, patient=True)
    trial.log_metric("loss", 0.5)
    trial.flush()
    assert not shipping.ship(trial.folder, sink, patient=True)
    assert sink.sent == 1
    assert shipping.ship(trial.folder, sink)  # by hand: now
    assert sink.sent == 2
    trial.finish()
    assert shipping.ship(trial.folder, sink, patient=True)
    assert sink.sent == 3


def test_the_longer_a_trial_runs_the_larger_are_its_pieces(saver: Saver, tmp_path: Path) -> None:
    sink = StoreSink(saver.store)
    rests = []
    for age in (0, 1_000, 1_000_000):
        folder = tmp_path / str(age)
        folder.mkdir()
        (folder / f"{time.time_ns() - age * 10**9:020d}-0a1b2c3d.events").touch()
        rests.append(sink.rest(folder))
    assert rests[0] >= 1.0
    assert 50 <= rests[1] <= 60
    assert rests[2] == 300.0


def test_trials_go_to_the_store_on_their_own_where_it_is_shared(tmp_path: Path) -> None:
    from jsk_saver.settings import load

    assert default_sinks(load(store="s3://lab/x", home=tmp_path)) == ["store"]
    assert default_sinks(load(store=str(tmp_path), home=tmp_path)) == []
    assert default_sinks(load(store="s3://lab/x", home=tmp_path, sinks="none")) == []
    assert default_sinks(load(store="s3://lab/x", home=tmp_path, sinks="mlflow")) == ["mlflow"]


def test_a_process_is_never_said_to_have_died_before_its_last_word() -> None:
    for moment in (0.0, 1795222810.123456, 1795222810.9999999, 1795222810.0000004):
        assert moment <= shelf.parse_lost(shelf.lost(moment)) <= moment + 2e-6


def test_what_is_no_source_is_refused_with_those_that_are(experiment: Experiment) -> None:
    with pytest.raises(SettingsError, match="cannot be pulled from 'wandb'") as caught:
        experiment.pull("wandb")
    assert "experiment.pull()" in caught.value.hint


# Code that others brought ----------------------------------------------------------------------------


def replace_note(who: Experiment, key: str, data: bytes) -> None:
    """Write a note as somebody does who has the folder or the bucket, without the kit."""
    path = Path(who.saver.store.uri) / ".jsk/notes" / key
    if path.exists():
        path.chmod(0o644)
        path.write_bytes(data)
    else:
        who.saver.store.put_note(key, data)


def test_a_pull_fills_no_gap_in_what_trials_of_this_machine_had_run(
    person: Callable[..., Experiment],
) -> None:
    ana, bob = person("ana"), person("bob")
    with ana.trial("hers"), bob.trial("his"):
        pass
    assert keeper.wait()
    lost = [path.name for path in (bob.folder / layout.CODE).iterdir()]
    assert lost
    send(ana)
    for name in lost:
        (bob.folder / layout.CODE / name).unlink()
        replace_note(bob, f"{shelf.of_experiment(NAME)}{shelf.CODE}/{name}", b"print('somebody')")
    bob.saver.store.put_note(f"{shelf.of_experiment(NAME)}{shelf.CODE}/0a1b-unknown.patch", b"somebody's")
    bob.pull()
    assert list((bob.folder / layout.CODE).iterdir()) == []
    brought = {path.name for path in (bob.folder / layout.PULLED_CODE).iterdir()}
    assert "0a1b-unknown.patch" in brought
    assert [name for name in brought if layout.digest_in(name)] == []
    wanted = record.load(bob, "his")
    assert [wanted.read(what) for what in ("kept", "packages")] == [None, None]


def test_code_whose_digest_is_another_is_not_brought_and_the_right_one_is(
    person: Callable[..., Experiment],
) -> None:
    ana, bob = person("ana"), person("bob")
    with ana.trial("hers"):
        pass
    assert keeper.wait()
    send(ana)
    name = str(record.load(ana, "hers").recipe["packages"])
    key = f"{shelf.of_experiment(NAME)}{shelf.CODE}/{name}"
    right = bob.saver.store.get_note(key)
    assert right is not None
    replace_note(bob, key, b"malware==1.0\n")
    bob.pull()
    assert record.load(bob, "hers").read("packages") is None
    replace_note(bob, key, right)
    bob.pull()
    assert record.load(bob, "hers").read("packages") == right
