"""From the journal to a sink: all of it, in order, once, whatever is killed or damaged on the way."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jsk_saver.tracking import Experiment, active, spawning
from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.journal.segment import Segment
from jsk_saver.tracking.sinks import SinkDown, backoff, courier, pending
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.backoff import Backoff
from jsk_saver.tracking.sinks.base import Batch
from jsk_saver.tracking.sinks.courier import Courier
from jsk_saver.tracking.sinks.shipping import cursor_path, ship
from jsk_saver.tracking.trial import Trial
from tests.tracking.recording import RecordingSink, events_in, points_in

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept.jsonl"


@pytest.fixture
def sink(kept: Path) -> RecordingSink:
    return RecordingSink(kept)


def logged(experiment: Experiment, points: int = 250, name: str = "") -> Trial:
    with experiment.trial(name, k=5) as trial:
        for step in range(points):
            trial.log_metric("loss", step / 2, step)
    return trial


def expect(experiment: Experiment, trial: Trial, sinks: list[str] | None = None) -> None:
    pending.add(experiment.journal, pending.Pending(experiment.name, trial.name, sinks or ["store"]))


def steps(sink: RecordingSink, trial: Trial) -> list[int]:
    return [point[1] for point in points_in(sink.lines(), trial.name)]


def kinds(sink: RecordingSink, trial: Trial) -> list[str]:
    return [event["kind"] for event in events_in(sink.lines(), trial.name)]


def failing(times: int, error: Callable[[], Exception]) -> Callable[[int], None]:
    left = [times]

    def strike(_: int) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise error()

    return strike


# Batches --------------------------------------------------------------------------------------------


def test_thousands_of_points_arrive_in_order_and_once_in_batches_and_the_end_last(
    sink: RecordingSink, experiment: Experiment
) -> None:
    trial = logged(experiment, points=2503)
    assert ship(trial.folder, sink)
    assert steps(sink, trial) == list(range(2503))
    assert [len(batch.points) for batch in sink.batches] == [100] * 25 + [3]
    assert [any(batch.of("end")) for batch in sink.batches] == [False] * 25 + [True]
    assert kinds(sink, trial)[0] == "start"
    assert kinds(sink, trial)[-1] == "end"
    assert not any(batch.again for batch in sink.batches)
    assert sink.batches[0].experiment["description"] == "How many clusters?"
    assert ship(trial.folder, sink)
    assert len(sink.batches) == 26  # nothing new


def test_what_was_sent_before_a_batch_can_be_asked(sink: RecordingSink, experiment: Experiment) -> None:
    trial = logged(experiment)
    assert ship(trial.folder, sink)
    for number, batch in enumerate(sink.batches):
        assert [point.step for point in batch.earlier()] == list(range(100 * number))


def test_more_than_a_batch_of_events_arrives(sink: RecordingSink, experiment: Experiment) -> None:
    with experiment.trial() as trial:
        for number in range(1200):
            trial.note(f"note {number}")
    assert ship(trial.folder, sink)
    notes = [event["text"] for event in events_in(sink.lines(), trial.name) if event["kind"] == "note"]
    assert notes == [f"note {number}" for number in range(1200)]


def test_a_batch_in_doubt_is_given_again_exactly_as_it_was_cut(
    sink: RecordingSink, experiment: Experiment, kept: Path
) -> None:
    trial = experiment.trial("long", k=1)
    trial.log_metric("loss", 1.0)
    trial.flush()
    broken = RecordingSink(kept, failing(1, ConnectionError))
    with pytest.raises(SinkDown):
        ship(trial.folder, broken)
    # Meanwhile more is logged, and another process goes on with the trial.
    trial.log_metric("accuracy", 0.5)
    trial.log_param("depth", 3)
    trial.finish()
    with experiment.trial("long", resume=True) as resumed:
        resumed.log_metric("loss", 0.5)
    assert ship(trial.folder, sink)
    (first,) = broken.batches
    again, *rest = sink.batches
    assert again.again
    assert (again.events, again.points) == (first.events, first.points)
    assert not any(batch.again for batch in rest)
    assert [point[0] for point in points_in(sink.lines(), "long")] == ["loss", "accuracy", "loss"]


def test_points_whose_name_was_damaged_hold_nothing_up(sink: RecordingSink, experiment: Experiment) -> None:
    trial = logged(experiment)
    (events,) = trial.folder.glob("*.events")
    assert b'"metrics", "first"' in events.read_bytes()
    events.write_bytes(events.read_bytes().replace(b'"metrics", "first"', b'"me\xff\xffics", "first"'))
    assert ship(trial.folder, sink)
    assert kinds(sink, trial)[-1] == "end"
    assert steps(sink, trial) == []


# Positions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"unknown": 1}', b"\xff\xfe"])
def test_with_a_damaged_position_all_is_given_again_and_nothing_is_there_twice(
    damage: bytes, sink: RecordingSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    assert ship(trial.folder, sink)
    before = sink.lines()
    path = cursor_path(trial.folder, sink.address)
    path.write_bytes(damage)
    sink.batches.clear()
    assert ship(trial.folder, sink)
    assert sink.lines() == before
    assert all(batch.again for batch in sink.batches)
    assert not cursors.load(path).forgotten  # what comes from now on is new


def test_a_sinks_memory_and_refusals_survive_a_failure(experiment: Experiment, kept: Path) -> None:
    class Forgetful(RecordingSink):
        def send(self, batch: Batch, memory: dict[str, Any], refused: Any) -> None:
            memory["run"] = "abc"
            refused.add("parameter 'k'", "too long")
            refused.add("parameter 'k'", "too long")
            raise TimeoutError("no answer")

    trial = logged(experiment)
    broken = Forgetful(kept)
    for _ in range(2):
        with pytest.raises(SinkDown, match="TimeoutError: no answer") as caught:
            ship(trial.folder, broken)
    assert caught.value.only_this
    cursor = cursors.load(cursor_path(trial.folder, "store"))
    assert cursor.memory == {"run": "abc"}
    assert cursor.refused == [{"what": "parameter 'k'", "why": "too long"}]
    assert cursor.trouble == "no answer"
    assert cursor.since > 0
    assert ship(trial.folder, RecordingSink(kept))
    cursor = cursors.load(cursor_path(trial.folder, "store"))
    assert (cursor.trouble, cursor.since) == ("", 0.0)
    assert cursor.refused == [{"what": "parameter 'k'", "why": "too long"}]


def test_what_a_sink_keeps_in_the_middle_of_a_batch_is_on_the_disk(
    experiment: Experiment, kept: Path
) -> None:
    trial = logged(experiment, points=1)
    path = cursor_path(trial.folder, "store")
    seen = []

    class Careful(RecordingSink):
        def send(self, batch: Batch, memory: dict[str, Any], refused: Any) -> None:
            memory["half"] = True
            batch.keep()
            seen.append(cursors.load(path))

    assert ship(trial.folder, Careful(kept))
    assert seen[0].memory == {"half": True}
    assert seen[0].sending  # and the batch is still under way


def test_one_at_a_time_sends_a_trial_to_a_sink(sink: RecordingSink, experiment: Experiment) -> None:
    trial = logged(experiment)
    with cursors.alone(cursor_path(trial.folder, sink.address)) as nobody_else:
        assert nobody_else
        assert not ship(trial.folder, sink)
    assert sink.batches == []
    assert ship(trial.folder, sink)


def test_a_child_that_was_started_meanwhile_does_not_hold_the_trial(
    sink: RecordingSink, experiment: Experiment
) -> None:
    trial = logged(experiment)
    path = cursor_path(trial.folder, sink.address)
    with cursors.alone(path):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        assert ship(trial.folder, sink)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_trial_starts_although_somebody_looks_whether_it_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "new_writer", lambda: "writer")
    with (tmp_path / "writer.events").open("a") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.2, fcntl.flock, (looking.fileno(), fcntl.LOCK_UN)).start()
        segment = Segment(tmp_path)
        segment.close(last={"kind": "end"})
    assert [event["kind"] for _, event in reading.events(tmp_path / "writer.events")] == ["end"]


# The end --------------------------------------------------------------------------------------------


def test_a_trial_whose_process_died_gets_an_end_once(sink: RecordingSink, experiment: Experiment) -> None:
    script = (
        "import sys\nfrom jsk_saver import Saver\nfrom jsk_saver.tracking import Experiment\n"
        "from tests.tracking.recording import die\n"
        "trial = Experiment(sys.argv[1], saver=Saver(home=sys.argv[2])).trial('victim', k=1)\n"
        "trial.log_metric('loss', 0.5)\ntrial.flush()\ndie()\n"
    )
    home = str(experiment.saver.settings.home)
    subprocess.run([sys.executable, "-c", script, experiment.name, home], cwd=HERE, check=False)
    folder = experiment.folder / "victim"
    for _ in range(2):
        assert ship(folder, sink)
    ends = [event for event in events_in(sink.lines(), "victim") if event["kind"] == "end"]
    assert [end["status"] for end in ends] == ["lost"]
    assert ends[0]["time"] == pytest.approx(experiment["victim"].ended)
    with experiment.trial("victim", resume=True) as trial:
        trial.log_metric("loss", 0.25)
    assert ship(folder, sink)
    ends = [event for event in events_in(sink.lines(), "victim") if event["kind"] == "end"]
    assert [end["status"] for end in ends] == ["lost", "completed"]


def test_a_trial_stays_pending_until_its_end_has_arrived(sink: RecordingSink, experiment: Experiment) -> None:
    trial = experiment.trial(k=1)
    trial.flush()
    expect(experiment, trial)
    at_work = Courier(experiment.journal, lambda *_: sink)
    assert at_work.round() == {}
    assert [item.trial for item in pending.every(experiment.journal)] == [trial.name]
    trial.log_metric("loss", 1.0)
    trial.finish()
    assert at_work.round() == {}
    assert list(pending.every(experiment.journal)) == []
    assert kinds(sink, trial)[-1] == "end"


def test_what_is_logged_just_after_the_last_batch_is_not_forgotten(
    sink: RecordingSink, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = experiment.trial(k=1)
    trial.flush()
    expect(experiment, trial)

    def ship_then_end(*said: Any, **more: Any) -> bool:
        arrived = ship(*said, **more)
        if not trial.ended:  # between the last look at the journal and the look whether the trial is over
            trial.log_metric("last", 1.0)
            trial.finish()
        return arrived

    monkeypatch.setattr(courier, "ship", ship_then_end)
    at_work = Courier(experiment.journal, lambda *_: sink)
    at_work.round()
    assert trial.ended
    assert [item.trial for item in pending.every(experiment.journal)] == [trial.name]
    at_work.round()
    assert list(pending.every(experiment.journal)) == []
    assert kinds(sink, trial)[-1] == "end"
    assert [point[0] for point in points_in(sink.lines(), trial.name)] == ["last"]


def test_a_trial_that_is_resumed_while_its_end_is_sent_stays_pending(
    experiment: Experiment, kept: Path
) -> None:
    trial = logged(experiment, points=3, name="again")
    expect(experiment, trial)
    resumed: list[Trial] = []

    class Interrupted(RecordingSink):
        def send(self, batch: Batch, memory: dict[str, Any], refused: Any) -> None:
            super().send(batch, memory, refused)
            if not resumed:
                resumed.append(experiment.trial("again", resume=True))
                expect(experiment, trial)

    sink = Interrupted(kept)
    at_work = Courier(experiment.journal, lambda *_: sink)
    at_work.round()
    assert [item.trial for item in pending.every(experiment.journal)] == ["again"]
    resumed[0].log_metric("loss", 9.0)
    resumed[0].finish()
    at_work.round()
    assert list(pending.every(experiment.journal)) == []
    assert steps(sink, trial) == [0, 1, 2, 3]


# Couriers -------------------------------------------------------------------------------------------

COURIER = """
import sys
from pathlib import Path
from jsk_saver.tracking.sinks import courier
from tests.tracking.recording import RecordingSink, die
journal, kept, dies_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
def strike(written):
    if written == dies_at:
        die()
sink = RecordingSink(kept, strike)
at_work = courier.Courier(journal, lambda *_: sink)
at_work.run(every=0.01, patience=0.2)
"""


@pytest.mark.parametrize("dies_at", [0, 1, 57, 150])
def test_a_courier_killed_in_the_middle_of_a_batch_leaves_nothing_out_and_nothing_twice(
    dies_at: int, sink: RecordingSink, experiment: Experiment, kept: Path
) -> None:
    trials = [logged(experiment, name=f"trial-{number}") for number in range(3)]
    for trial in trials:
        expect(experiment, trial)
    command = [sys.executable, "-c", COURIER, str(experiment.journal), str(kept)]
    for _ in range(2):
        assert subprocess.run([*command, str(dies_at)], cwd=HERE, check=False).returncode == -9
    assert subprocess.run([*command, "-1"], cwd=HERE, check=False).returncode == 0
    assert list(pending.every(experiment.journal)) == []
    for trial in trials:
        assert steps(sink, trial) == list(range(250))
        assert kinds(sink, trial)[-1] == "end"
    assert len(set(sink.lines())) == len(sink.lines())


def test_two_couriers_at_once_send_nothing_twice(
    sink: RecordingSink, experiment: Experiment, kept: Path
) -> None:
    trials = [logged(experiment, points=1050, name=f"trial-{number}") for number in range(4)]
    for trial in trials:
        expect(experiment, trial)
    command = [sys.executable, "-c", COURIER, str(experiment.journal), str(kept), "-1"]
    processes = [subprocess.Popen(command, cwd=HERE) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert list(pending.every(experiment.journal)) == []
    for trial in trials:
        assert steps(sink, trial) == list(range(1050))
    assert len(set(sink.lines())) == len(sink.lines())


def test_the_second_courier_of_a_journal_goes_at_once(experiment: Experiment) -> None:
    experiment.journal.mkdir(exist_ok=True)
    with (experiment.journal / ".courier.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "jsk_saver.tracking.sinks.courier", str(experiment.journal)]
        assert subprocess.run(command, cwd=HERE, check=False).returncode == 0


def test_a_trial_that_begins_while_the_courier_goes_is_still_served(
    sink: RecordingSink, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = logged(experiment)
    real = Courier.run
    runs = []

    def run(self: Courier, **said: Any) -> frozenset[tuple[str, str]]:
        runs.append(self)
        left = real(self, every=0.01, patience=0.05)
        if len(runs) == 1:
            expect(experiment, trial)  # after the last look, before the lock is let go
        return left

    monkeypatch.setattr(Courier, "run", run)
    monkeypatch.setattr("jsk_saver.tracking.sinks.open_sink", lambda *_: sink)
    monkeypatch.setattr("os.nice", lambda _: 0)
    courier.main(experiment.journal)
    assert len(runs) == 2
    assert kinds(sink, trial)[-1] == "end"


def test_a_sink_that_is_down_is_left_alone_and_the_other_goes_on(
    experiment: Experiment, tmp_path: Path
) -> None:
    trials = [logged(experiment, points=3) for _ in range(3)]
    for trial in trials:
        expect(experiment, trial, ["mlflow", "store"])
    down = RecordingSink(tmp_path / "mlflow", failing(99, lambda: SinkDown("It is closed.")), "mlflow")
    up = RecordingSink(tmp_path / "store")
    at_work = Courier(experiment.journal, lambda address, _: {"mlflow": down, "store": up}[address])
    assert at_work.round() == {"mlflow": "It is closed."}
    assert len(down.batches) == 1
    assert [kinds(up, trial)[-1] for trial in trials] == ["end"] * 3
    assert at_work.round() == {}  # not yet time to ask again
    assert len(down.batches) == 1
    assert len(list(pending.every(experiment.journal))) == 3
    assert at_work.round(patient=False) == {"mlflow": "It is closed."}
    assert len(down.batches) == 2


def test_a_trial_that_a_sink_refuses_does_not_hold_up_the_others(experiment: Experiment, kept: Path) -> None:
    first, second = (logged(experiment, points=3, name=name) for name in ("a", "b"))
    for trial in (first, second):
        expect(experiment, trial)
    sink = RecordingSink(kept, failing(1, lambda: SinkDown("Not this one.", only_this=True)))
    at_work = Courier(experiment.journal, lambda *_: sink)
    assert at_work.round() == {"store": "Not this one."}
    assert kinds(sink, second)[-1] == "end"
    assert [item.trial for item in pending.every(experiment.journal)] == ["a"]
    assert at_work.round() == {}
    assert at_work.round(patient=False) == {}
    assert kinds(sink, first)[-1] == "end"


def test_why_a_sink_cannot_be_opened_is_noted_with_the_trial(experiment: Experiment) -> None:
    from jsk_saver.errors import MissingExtra

    trial = logged(experiment)
    expect(experiment, trial)

    def open_sink(*_: object) -> RecordingSink:
        raise MissingExtra("It needs a package.", hint="pip install package")

    trouble = Courier(experiment.journal, open_sink).round()
    assert trouble == {"store": "store cannot be opened: It needs a package."}
    noted = cursors.load(cursor_path(trial.folder, "store")).trouble
    assert noted == f"{trouble['store']} Next: pip install package"


def test_a_sink_whose_credentials_expired_is_opened_anew(experiment: Experiment, kept: Path) -> None:
    trial = logged(experiment, points=3)
    expect(experiment, trial)
    expired = RecordingSink(kept, failing(99, lambda: SinkDown("They expired.", reopen=True)))
    opened = [RecordingSink(kept), expired]
    at_work = Courier(experiment.journal, lambda *_: opened.pop())
    assert at_work.round() == {"store": "They expired."}
    assert at_work.round(patient=False) == {}
    assert opened == []
    assert kinds(expired, trial)[-1] == "end"


def test_a_full_disk_does_not_end_the_courier(
    experiment: Experiment, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = logged(experiment)
    expect(experiment, trial)
    at_work = Courier(experiment.journal, lambda *_: sink)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cursors, "save", full)
        assert "No space left" in at_work.round()["store"]
    assert at_work.round(patient=False) == {}
    assert steps(sink, trial) == list(range(250))


# Patience -------------------------------------------------------------------------------------------


def test_it_waits_longer_each_time_up_to_five_minutes_and_never_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(backoff.time, "monotonic", lambda: now[0])

    def waits(patience: Backoff, asked: float | None = None) -> float:
        patience.failed(asked)
        return patience._next - now[0]

    seen = [[waits(patience) for _ in range(12)] for patience in (Backoff() for _ in range(50))]
    for number in range(12):
        nominal = min(300.0, 2.0**number)
        column = [waited[number] for waited in seen]
        assert all(0.5 * nominal <= waited <= 1.5 * nominal for waited in column)
        assert len(set(column)) == 50
    patience = Backoff()
    assert waits(patience, 40.0) == 40.0  # as the server asked
    assert not patience.ready
    now[0] += 40.0
    assert patience.ready
    patience.worked()
    assert waits(patience) <= 1.5


def test_what_is_pending_is_a_file_a_trial_and_gone_with_its_journal(experiment: Experiment) -> None:
    trial = logged(experiment)
    expect(experiment, trial)
    (experiment.journal / ".unsent" / "rubbish").write_bytes(b"{")
    missing = pending.Pending(experiment.name, "gone", ["store"], {"region": "eu-central-1"})
    pending.add(experiment.journal, missing)
    assert [item.trial for item in pending.every(experiment.journal)] == [trial.name]
    left = sorted(path.name for path in (experiment.journal / ".unsent").iterdir())
    assert left == sorted(["rubbish", f"{experiment.name}+{trial.name}"])
    said = json.loads((experiment.journal / ".unsent" / f"{experiment.name}+{trial.name}").read_bytes())
    assert said["sinks"] == ["store"]


# When it goes -----------------------------------------------------------------------------------------


def test_a_courier_of_a_dead_sink_goes_after_a_while_and_leaves_all_as_it_is(
    experiment: Experiment, kept: Path
) -> None:
    trial = logged(experiment, points=3)
    expect(experiment, trial)
    dead = RecordingSink(kept, failing(10**9, ConnectionError))
    left = Courier(experiment.journal, lambda *_: dead).run(every=0.01, patience=60.0, despair=0.2)
    assert left == {(experiment.name, trial.name)}
    assert dead.batches
    assert [item.trial for item in pending.every(experiment.journal)] == [trial.name]


def test_a_dead_sink_beside_one_that_has_everything_keeps_no_courier(
    experiment: Experiment, tmp_path: Path
) -> None:
    trial = logged(experiment, points=3)
    expect(experiment, trial, ["mlflow", "store"])
    dead = RecordingSink(tmp_path / "mlflow", failing(10**9, ConnectionError), "mlflow")
    well = RecordingSink(tmp_path / "store")
    at_work = Courier(experiment.journal, lambda address, _: {"mlflow": dead, "store": well}[address])
    assert at_work.run(every=0.01, patience=60.0, despair=0.2)
    assert kinds(well, trial)[-1] == "end"


def test_a_courier_stays_while_a_trial_runs_though_its_sink_is_dead(
    experiment: Experiment, kept: Path
) -> None:
    trial = experiment.trial("long")
    trial.flush()
    expect(experiment, trial)
    began = time.monotonic()

    def down(*_: object) -> RecordingSink:
        raise SinkDown("It is closed.")

    class Long(Courier):
        def round(self, *, patient: bool = True) -> dict[str, str]:
            if time.monotonic() - began > 0.6:
                trial.finish()
            return super().round(patient=patient)

    left = Long(experiment.journal, down).run(every=0.02, patience=60.0, despair=0.2)
    assert left == {(experiment.name, "long")}
    assert trial.ended


def test_a_trial_that_takes_longer_than_that_is_no_failure(experiment: Experiment, kept: Path) -> None:
    trial = logged(experiment, points=250)
    expect(experiment, trial)
    sink = RecordingSink(kept, lambda written: failing(1, ConnectionError)(0) if written == 150 else None)
    at_work = Courier(experiment.journal, lambda *_: sink)
    at_work._useful = -1e9  # it began long ago
    at_work.round()
    assert cursors.load(cursor_path(trial.folder, "store")).sending
    assert time.monotonic() - at_work._useful < 60


def test_the_process_ends_with_what_it_could_not_bring_and_the_next_one_brings_it(
    experiment: Experiment, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = logged(experiment, points=3)
    expect(experiment, trial)
    real = Courier.run
    monkeypatch.setattr(Courier, "run", lambda self: real(self, every=0.01, patience=0.05, despair=0.1))
    monkeypatch.setattr("os.nice", lambda _: 0)
    opened: list[str] = []

    def dead(address: str, _: object) -> RecordingSink:
        opened.append(address)
        raise SinkDown("It is closed.")

    monkeypatch.setattr("jsk_saver.tracking.sinks.open_sink", dead)
    courier.main(experiment.journal)
    assert opened
    assert not courier.is_at_work(experiment.journal)
    assert [item.trial for item in pending.every(experiment.journal)] == [trial.name]
    monkeypatch.setattr("jsk_saver.tracking.sinks.open_sink", lambda *_: sink)
    courier.main(experiment.journal)
    assert list(pending.every(experiment.journal)) == []


def test_whether_a_courier_is_at_work_is_known_and_looking_keeps_none_from_starting(
    experiment: Experiment, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = logged(experiment, points=3)
    expect(experiment, trial)
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr("jsk_saver.tracking.sinks.open_sink", lambda *_: sink)
    real = Courier.run
    monkeypatch.setattr(Courier, "run", lambda self: real(self, every=0.01, patience=0.05))
    with (experiment.journal / ".courier.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert courier.is_at_work(experiment.journal)
        looking = threading.Timer(0.15, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN))
        looking.start()
        courier.main(experiment.journal)
        looking.join()
    assert list(pending.every(experiment.journal)) == []


# Its process -------------------------------------------------------------------------------------------


def test_no_file_in_the_working_folder_is_taken_for_a_module_of_the_courier(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("json", "fcntl", "mlflow", "runpy", "typing"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'hijacked')!r}, 'a').write({name!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    done = subprocess.run(
        spawning.command("jsk_saver.tracking.sinks.courier", str(experiment.journal / "none")),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr.splitlines()[-1]  # it came as far as looking for its journal
    assert str(HERE / "jsk_saver" / "tracking" / "sinks" / "courier.py") in done.stderr
    assert not (tmp_path / "hijacked").exists()


def test_what_is_found_by_pythonpath_stays_so_in_processes_of_the_kit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs_too.py").write_text("import sys\nprint(sys.argv, sys.path.count(''))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run(spawning.command("runs_too", "a b"), capture_output=True, text=True, check=True)
    assert done.stdout == f"{[str(tmp_path / 'runs_too.py'), 'a b']} 0\n"


def test_a_forked_child_is_not_held_up_by_a_lock_that_another_thread_held() -> None:
    with active._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            active.current()
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
