"""Many processes at once: each writes to files of its own, so that nothing is lost and nobody waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jsk_saver import Experiment, Saver

WRITER = """
import sys
from jsk_saver import Experiment, Saver

experiment = Experiment("crowd", saver=Saver(home=sys.argv[1]))
for number in range(100):
    with experiment.trial(writer=int(sys.argv[2]), number=number) as trial:
        for step in range(5):
            trial.log_metric("loss", number + step / 10)
"""


def test_eight_processes_with_a_hundred_trials_each_lose_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(home), str(number)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for number in range(8)
    ]
    errors = [writer.communicate()[1] for writer in writers]
    assert errors == [""] * 8
    trials = Experiment("crowd", saver=Saver(home=home)).trials()
    assert {(known.params["writer"], known.params["number"]) for known in trials} == {
        (writer, number) for writer in range(8) for number in range(100)
    }
    assert len(trials) == 800
    for known in trials:
        loss = known.metrics["loss"]
        assert (known.status, loss.count, loss.last) == ("completed", 5, known.params["number"] + 0.4)


SAME = """
import sys
from jsk_saver import Experiment, Saver

experiment = Experiment("shared", saver=Saver(home=sys.argv[1]))
trial = experiment.trial("one", resume=True)
for step in range(200):
    trial.log_metric("loss" + sys.argv[2], step)
trial.log_metric("together", float(sys.argv[2]), int(sys.argv[2]))
trial.finish()
"""


def test_processes_that_resume_the_same_trial_at_once_lose_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    writers = [
        subprocess.Popen([sys.executable, "-c", SAME, str(home), str(number)], cwd=tmp_path)
        for number in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    known = Experiment("shared", saver=Saver(home=home))["one"]
    assert {name: metric.count for name, metric in known.metrics.items()} == {
        "together": 4,
        **{f"loss{number}": 200 for number in range(4)},
    }
    assert known.status == "completed"
