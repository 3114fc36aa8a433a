"""The journal: what is logged is kept, whatever happens to the process."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsk_saver.errors import InvalidMetadata, InvalidName, StoreError
from jsk_saver.tracking import state
from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.journal.segment import Segment
from jsk_saver.tracking.journal.summary import Metric

VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=30)


def events_of(segment: Segment, folder: Path) -> list[dict[str, object]]:
    path = folder / f"{segment.writer}{layout.EVENTS}"
    return [event for _, event in reading.events(path)]


def test_events_come_back_in_order_with_their_time(tmp_path: Path) -> None:
    segment = Segment(tmp_path)
    before = time.time()
    segment.event("params", values={"k": 5, "名": "ü"})
    segment.event("note", text="two\nlines")
    segment.close()
    first, second = events_of(segment, tmp_path)
    assert first["values"] == {"k": 5, "名": "ü"}
    assert second["text"] == "two\nlines"
    assert before <= first["time"] <= second["time"] <= time.time()


@given(values=VALUES)
def test_points_come_back_exactly(values: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("trial")
    segment = Segment(folder)
    for value in values:
        segment.point("loss", value)
    segment.close()
    found = points.read(folder / f"{segment.writer}{layout.POINTS}")
    assert [point.step for point in found] == list(range(len(values)))
    for point, value in zip(found, values, strict=True):
        assert point.value == value or (math.isnan(point.value) and math.isnan(value))


@given(values=VALUES)
def test_a_summary_is_what_its_points_say(values: list[float]) -> None:
    metric = Metric()
    for step, value in enumerate(values):
        metric.add(value, step, float(step))
    real = [value for value in values if not math.isnan(value)]
    assert metric.count == len(values)
    assert metric.last == values[-1] or math.isnan(values[-1])
    if real:
        assert (metric.min, metric.max) == (min(real), max(real))
        assert (metric.min_step, metric.max_step) == (values.index(min(real)), values.index(max(real)))
    else:
        assert math.isnan(metric.min)
        assert math.isnan(metric.max)


def test_a_line_that_was_cut_short_or_damaged_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "a.events"
    path.write_bytes(b'{"kind":"note","text":"a"}\nrubbish\n[1]\n{"kind":"note","text":"b"}\n{"kind":"no')
    found = list(reading.events(path))
    assert [event["text"] for _, event in found] == ["a", "b"]
    assert found[-1][0] == path.read_bytes().rindex(b"\n") + 1


def test_points_that_were_cut_short_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.points"
    path.write_bytes(points.POINT.pack(0, 1, 2.0, 3.0) + b"12345")
    assert points.read(path) == [points.Point(0, 1, 2.0, 3.0)]
    assert len(points.array(path)) == 1


def test_what_is_no_json_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    segment = Segment(tmp_path)
    segment.event("note", text="before")
    with pytest.raises(InvalidMetadata, match="cannot be kept"):
        segment.event("params", values={"k": object()})
    segment.close()
    assert [event["kind"] for event in events_of(segment, tmp_path)] == ["note"]


def test_a_full_disk_loses_nothing_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment(tmp_path)
    segment.event("note", text="1")
    segment.flush()
    real = os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) > 10:
            return real(handle, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    segment.event("note", text="2")
    segment.point("loss", 0.5)
    with pytest.warns(UserWarning, match="No space left"):
        segment.flush()
    segment.flush()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        segment.close()
    assert "this process" in caught.value.kept
    monkeypatch.undo()
    segment.close()
    assert [event.get("text") for event in events_of(segment, tmp_path) if event["kind"] == "note"] == [
        "1",
        "2",
    ]
    assert len(points.read(tmp_path / f"{segment.writer}{layout.POINTS}")) == 1


SCRIPT = """
import sys, time
from pathlib import Path
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
experiment = Experiment("crash", saver=Saver(home=sys.argv[1]))
trial = experiment.trial("victim", k=5)
for step in range(10**9):
    trial.log_metric("loss", step / 2, step)
    if step == 1000:
        print("logging", flush=True)
    time.sleep(0.0005)
"""


def test_a_killed_process_loses_at_most_a_second_and_its_trial_is_lost(tmp_path: Path) -> None:
    from jsk_saver import Saver
    from jsk_saver.tracking import Experiment

    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(home)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "logging\n"
    experiment = Experiment("crash", saver=Saver(home=home))
    assert experiment["victim"].status == state.RUNNING
    killed = time.time()
    process.send_signal(signal.SIGKILL)
    process.wait()
    known = experiment["victim"]
    assert known.status == state.LOST
    assert known.params == {"k": 5}
    loss = known.metrics["loss"]
    assert loss.count == loss.step + 1  # without a gap
    assert loss.last == loss.step / 2
    assert killed - loss.time <= 1.0 + 0.5  # half a second for a machine that is busy


LEAVING = """
import os, sys
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
experiment = Experiment("fork", saver=Saver(home=sys.argv[1]))
trial = experiment.trial("parent")
child = os.fork()
if child == 0:
    trial.log_metric("child", 1.0)
    trial.finish("failed", "in the worker")
    os._exit(0)
os.waitpid(child, 0)
known = experiment["parent"]
assert known.status == "running", known
assert known.metrics["child"].count == 1
trial.finish()
"""


def test_a_forked_worker_that_finishes_does_not_end_the_trial(tmp_path: Path) -> None:
    from jsk_saver import Saver
    from jsk_saver.tracking import Experiment

    home = tmp_path / "home"
    subprocess.run([sys.executable, "-c", LEAVING, str(home)], check=True, cwd=tmp_path)
    known = Experiment("fork", saver=Saver(home=home))["parent"]
    assert (known.status, known.error, known.metrics["child"].count) == (state.COMPLETED, "", 1)


FORK = """
import os, sys
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
experiment = Experiment("fork", saver=Saver(home=sys.argv[1]))
with experiment.trial("parent") as trial:
    trial.log_metric("before", 1.0)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            for step in range(100):
                trial.log_metric(f"child{number}", float(step))
            trial.flush()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    trial.log_metric("after", 1.0)
"""


def test_forked_workers_log_to_the_same_trial_and_nothing_twice(tmp_path: Path) -> None:
    from jsk_saver import Saver
    from jsk_saver.tracking import Experiment

    home = tmp_path / "home"
    subprocess.run([sys.executable, "-c", FORK, str(home)], check=True, cwd=tmp_path)
    known = Experiment("fork", saver=Saver(home=home))["parent"]
    assert known.status == state.COMPLETED
    counts = {name: metric.count for name, metric in known.metrics.items()}
    assert counts == {"before": 1, "after": 1, "child0": 100, "child1": 100, "child2": 100}


@pytest.mark.parametrize("name", ["", "a_b", "-a", "a-", "a/b", "../a", "ä", "a" * 121, "a\n", ".hidden"])
def test_names_that_sagemaker_refuses_are_refused_with_one_that_fits(name: str) -> None:
    with pytest.raises(InvalidName, match="SageMaker takes") as caught:
        layout.check_name(name, "experiment")
    proposed = json.loads(caught.value.hint)
    assert layout.check_name(proposed, "experiment") == proposed


def test_names_of_trials_sort_by_their_start_and_fit() -> None:
    early, late = layout.new_trial_name(1000.0), layout.new_trial_name(2000.0)
    assert early < late
    assert layout.check_name(early, "trial") == early
    assert len({layout.new_trial_name(1000.0) for _ in range(500)}) == 500


WORKER = """
import multiprocessing, sys
from jsk_saver import Experiment, Saver

def work(trial, number):
    trial.log_metric(f"worker{number}", float(number))

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with Experiment("workers", saver=Saver(home=sys.argv[1])).trial("one") as trial:
        workers = [context.Process(target=work, args=(trial, number)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
"""


def test_what_workers_of_multiprocessing_log_last_is_kept(tmp_path: Path) -> None:
    from jsk_saver import Experiment, Saver

    home = tmp_path / "home"
    subprocess.run([sys.executable, "-c", WORKER, str(home)], check=True, cwd=tmp_path)
    known = Experiment("workers", saver=Saver(home=home))["one"]
    assert {name: metric.last for name, metric in known.metrics.items()} == {
        "worker0": 0.0,
        "worker1": 1.0,
        "worker2": 2.0,
    }


@pytest.mark.parametrize("name", [b"x", ("a", "b"), 5, "", "a\nb", "x" * 251])
def test_a_metric_whose_name_nobody_could_take_is_refused_and_harms_nothing(
    tmp_path: Path, name: object
) -> None:
    segment = Segment(tmp_path)
    with pytest.raises(InvalidMetadata, match="cannot name a metric"):
        segment.point(name, 1.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidMetadata, match="is a number, not"):
        segment.point("loss", 1.0, at="2024")  # type: ignore[arg-type]
    segment.point("loss", 0.5)
    segment.close()
    assert [point.value for point in points.read(tmp_path / f"{segment.writer}{layout.POINTS}")] == [0.5]


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": "params", "values": 7},
        {"kind": "end", "status": "failed", "time": "x", "metrics": {"loss": [1]}},
        {"kind": "metrics", "first": 0, "names": [["a"]]},
        {"kind": "file"},
        {"kind": "note", "time": []},
    ],
)
def test_an_odd_event_hides_nothing_else_of_its_trial(tmp_path: Path, odd: dict[str, object]) -> None:
    folder = tmp_path / "experiment" / "trial"
    folder.mkdir(parents=True)
    segment = Segment(folder)
    segment.event("start", host="here")
    segment.event("params", values={"k": 5})
    segment.close()
    path = folder / f"{segment.writer}{layout.EVENTS}"
    with path.open("a") as file:
        file.write(json.dumps(odd) + "\n" + json.dumps({"kind": "note", "text": "after", "time": 1.0}) + "\n")
    known = state.read(folder)
    assert known.params == {"k": 5}
    assert known.notes == ["after"]
