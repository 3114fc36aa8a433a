"""What the status of a trial is that several processes write to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jsk_saver import Experiment, Saver
from jsk_saver.tracking import outcome, state
from jsk_saver.tracking.journal import copies, flusher, reading
from jsk_saver.tracking.outcome import Fate, Outcome, settle
from jsk_saver.tracking.sinks import ending
from jsk_saver.tracking.sinks.shipping import ship
from tests.tracking.recording import RecordingSink, events_in

WRITER = """
import sys
from jsk_saver import Experiment, Saver
trial = Experiment("shared", saver=Saver(home=sys.argv[1])).trial("one", resume=True)
trial.flush()
print("writing", flush=True)
for line in sys.stdin:
    status, _, error = line.strip().partition(" ")
    trial.finish(status, error)
    print("ended", flush=True)
    break
"""


class Writer:
    """A process that resumes the trial, and ends it when it is told to."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home.parent,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "writing\n"

    def end(self, said: str) -> None:
        self._process.communicate(said + "\n")

    def die(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


@pytest.fixture
def shared(tmp_path: Path) -> Experiment:
    return Experiment("shared", saver=Saver(home=tmp_path / "home"))


@pytest.fixture
def start(tmp_path: Path, shared: Experiment) -> Iterator[Callable[[], Writer]]:
    started: list[Writer] = []

    def begin() -> Writer:
        started.append(Writer(tmp_path / "home"))
        return started[-1]

    yield begin
    for writer in started:
        writer.die()


def test_a_trial_runs_while_one_of_its_writers_lives_and_the_last_end_counts(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    first, second = start(), start()
    second.end("completed")
    assert (shared["one"].status, shared["one"].ended) == ("running", None)
    first.end("failed boom")
    known = shared["one"]
    assert (known.status, known.error) == ("failed", "boom")
    assert known.ended is not None
    assert known.started < known.ended


def test_a_writer_that_died_does_not_count_once_another_ended_the_trial(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    first, second = start(), start()
    first.die()
    assert shared["one"].status == "running"
    second.end("completed")
    assert shared["one"].status == "completed"


def test_a_writer_that_dies_after_the_last_end_leaves_the_trial_lost(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    first, second = start(), start()
    second.end("completed")
    first.die()
    known = shared["one"]
    assert known.status == "lost"
    start().end("stopped enough")  # it is resumed
    assert (shared["one"].status, shared["one"].error) == ("stopped", "enough")


def test_a_writer_that_dies_after_it_resumed_an_ended_trial_leaves_it_lost(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    start().end("completed")
    second = start()
    assert shared["one"].status == "running"
    second.die()
    assert shared["one"].status == "lost"


def test_sinks_hear_that_an_older_writer_died_after_a_newer_one_ended_the_trial(
    shared: Experiment, start: Callable[[], Writer], tmp_path: Path
) -> None:
    sink = RecordingSink(tmp_path / "kept.jsonl")
    folder = shared.folder / "one"

    def told() -> list[str]:
        assert ship(folder, sink)
        return [event["status"] for event in events_in(sink.lines(), "one") if event["kind"] == "end"]

    first, second = start(), start()
    second.end("completed")
    assert told() == ["completed"]
    assert ending.of(folder) == (False, 0.0)
    first.die()
    assert told() == ["completed", "lost"]
    assert ending.of(folder) == (True, shared["one"].ended)
    start().end("stopped")
    assert told() == ["completed", "lost", "stopped"]
    assert ending.of(folder) == (True, 0.0)


def test_sinks_hear_of_no_death_that_an_older_writer_outlived(
    shared: Experiment, start: Callable[[], Writer], tmp_path: Path
) -> None:
    sink = RecordingSink(tmp_path / "kept.jsonl")
    first, second = start(), start()
    second.die()
    first.end("completed")
    assert shared["one"].status == "completed"
    assert ship(shared.folder / "one", sink)
    ends = [event["status"] for event in events_in(sink.lines(), "one") if event["kind"] == "end"]
    assert ends == ["completed"]


def test_an_end_names_those_who_still_write_and_no_forked_workers(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    first, second = start(), start()
    second.end("completed")
    folder = shared.folder / "one"
    older, newer = sorted(folder.glob("*.events"))
    ends = [event for _, event in reading.events(newer) if event["kind"] == "end"]
    assert [end["beside"] for end in ends] == [[older.stem]]
    worker = folder / "99999999999999999999-worker.events"
    worker.write_text(json.dumps({"kind": "note", "text": "forked", "time": 1.0}) + "\n")
    assert outcome.still_writing(folder, newer.stem, state.this_host()) == [older.stem]
    first.end("completed")
    assert outcome.still_writing(folder, newer.stem, state.this_host()) == []
    assert shared["one"].status == "completed"


def test_in_a_copy_one_who_was_not_seen_writing_at_the_end_has_died() -> None:
    dead, end = Fate("a", last=1.0), Fate("b", "completed", last=2.0)
    assert settle([dead, end], is_copy=True) == Outcome("completed", "", 2.0)
    assert settle([dead, end]) == Outcome("running", "", None)
    end.beside = ["a"]
    assert settle([dead, end], is_copy=True) == Outcome("running", "", None)
    dead.last, end.beside = 3.0, []
    assert settle([dead, end], is_copy=True) == Outcome("running", "", None)
    assert settle([], is_copy=True) == Outcome("running", "", None)


def test_a_pulled_trial_with_two_writers_stands_as_it_did_where_it_ran(
    shared: Experiment, start: Callable[[], Writer]
) -> None:
    first, second = start(), start()
    first.die()
    second.end("completed")
    folder = shared.folder / "one"
    copies.write(folder, copies.Copy("s3://bucket", "first"))
    assert (shared["one"].status, shared["one"].pulled) == ("completed", "s3://bucket")


class Buffer:
    """Something to flush; it may be broken."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.flushed = error, 0

    def flush(self) -> None:
        if self.error is not None:
            raise self.error
        self.flushed += 1

    def beat(self) -> None:
        raise OSError("read only")

    def abandon(self) -> None:
        pass


def test_the_trouble_of_one_trial_does_not_stop_the_flushing_of_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    monkeypatch.setattr(flusher, "EVERY", 0.001)
    monkeypatch.setattr(flusher, "_BEAT", 0.0)
    made = flusher.Flusher()
    enough = threading.Event()

    class Counting(Buffer):
        def flush(self) -> None:
            super().flush()
            if self.flushed >= 5:
                enough.set()

    broken = [
        Buffer(TypeError("b'x'")),
        Buffer(UserWarning("a warning that is an error")),
        Buffer(OSError("full")),
    ]
    healthy = Counting()
    for buffer in (*broken, healthy):
        made.add(buffer)
    assert enough.wait(60)
    for buffer in (*broken, healthy):
        made.remove(buffer)
    assert "a trial could not be written" in caplog.text
    later = Counting()
    enough.clear()
    made.add(later)  # the same thread, or a new one
    assert enough.wait(60)
    made.remove(later)
