"""What a trial logged is read back: points of metrics, figures, tables and texts."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from jsk_saver.errors import InvalidMetadata, NotFound, UnknownFormat
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.journal.summary import Metric


def drawn() -> Figure:
    figure = Figure()
    figure.subplots().plot([1, 2])
    return figure


# Points ---------------------------------------------------------------------------------------------


def test_the_history_of_a_metric_is_all_its_points_by_step(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        for step, value in ((3, 0.3), (1, float("nan")), (2, float("inf")), (1, 0.5)):
            trial.log_metric("loss", value, step, time=1000.0 + step)
            trial.log_metric("other", 9.0)
    steps, times, values = experiment["one"].history("loss")
    assert steps.tolist() == [1, 1, 2, 3]
    assert times.tolist() == [1001.0, 1001.0, 1002.0, 1003.0]
    np.testing.assert_array_equal(values, [np.nan, 0.5, np.inf, 0.3])
    frame = experiment["one"].history("loss").to_frame()
    assert list(frame.columns) == ["step", "time", "value"]
    assert frame["time"].iloc[0] == pd.Timestamp("1970-01-01T00:16:41Z")


def test_the_history_goes_on_where_a_trial_was_resumed_and_while_it_runs(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        trial.log_metric("loss", 1.0)
        trial.log_metric("first", 1.0)
    with experiment.trial("one", resume=True) as trial:
        trial.log_metric("second", 5.0)
        trial.log_metric("loss", 0.5)
        assert trial.state.history("loss").values.tolist() == [1.0, 0.5]
    assert experiment["one"].history("loss").steps.tolist() == [0, 1]
    assert experiment["one"].history("first").values.tolist() == [1.0]


def test_of_a_trial_whose_points_are_elsewhere_the_last_is_the_history(experiment: Experiment) -> None:
    with experiment.trial("one"):
        pass
    known = experiment["one"]
    known.metrics["loss"] = Metric.from_list([7, 0.5, 6, 100.0, 0.5, 6, 0.9, 0])
    assert [part.tolist() for part in known.history("loss")] == [[6], [100.0], [0.5]]


def test_a_metric_that_is_not_there_is_told_with_those_that_are(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        trial.log_metric("loss", 1.0)
    with pytest.raises(NotFound, match="no metric 'los'") as caught:
        experiment["one"].history("los")
    assert caught.value.hint == "Metrics are: loss."


def test_a_state_that_travelled_says_how_to_read_what_was_logged(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        trial.log_metric("loss", 1.0)
    for known in (pickle.loads(pickle.dumps(experiment["one"])), copy.copy(experiment["one"])):
        with pytest.raises(NotFound, match="not known where the record") as caught:
            known.history("loss")
        assert caught.value.hint == 'Experiment("iris-kmeans")["one"].history("loss")'


def test_a_killed_trial_lasted_until_its_last_point(experiment: Experiment) -> None:
    script = (
        "import sys, time\nfrom jsk_saver import Saver\nfrom jsk_saver.tracking import Experiment\n"
        "from tests.tracking.recording import die\n"
        "trial = Experiment(sys.argv[1], saver=Saver(home=sys.argv[2])).trial('victim')\n"
        "trial.flush()\ntime.sleep(1.2)\ntrial.log_metric('loss', 0.5)\ntrial.flush()\ndie()\n"
    )
    home = str(experiment.saver.settings.home)
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, experiment.name, home], cwd=root, check=False)
    known = experiment["victim"]
    assert known.status == "lost"
    assert known.ended is not None
    # Its events end 1.2 s before. File systems' clocks go by ticks, and lag behind by one.
    assert known.ended > known.metrics["loss"].time - 0.5


# Files ----------------------------------------------------------------------------------------------


def test_a_figure_a_table_and_a_text_of_one_name_are_all_kept_and_read_back(experiment: Experiment) -> None:
    table = pd.DataFrame({"day": pd.to_datetime(["2026-11-20"]), "kind": pd.Categorical(["a"])})
    with experiment.trial("one") as trial:
        trial.log_table("report", table)
        trial.log_text("report", "all well")
        trial.log_figure("report", drawn())
    known = experiment["one"]
    assert [(said["name"], said["what"]) for said in known.files] == [
        ("report", "table"),
        ("report", "text"),
        ("report", "figure"),
    ]
    pd.testing.assert_frame_equal(known.file("report", "table").load(), table)
    assert known.file("report", "text").load() == "all well"
    assert known.file("report", "figure").load().size == (640, 480)
    assert known.file("report", "figure").path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InvalidMetadata, match="a table and a text and a figure") as caught:
        known.file("report")
    assert caught.value.hint == '.file("report", "table")'
    with pytest.raises(NotFound, match="has no table 'curve'") as missing:
        known.file("curve", "table")
    assert "report (table), report (text)" in missing.value.hint


def test_a_newer_one_of_the_same_kind_and_name_replaces_with_a_warning(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        trial.log_text("report", "all well")
        with pytest.warns(UserWarning, match="The text 'report' of this trial is replaced") as told:
            trial.log_text("report", "better")
    assert [Path(item.filename).name for item in told] == ["test_logged.py"]
    with experiment.trial("one", resume=True) as trial, pytest.warns(UserWarning, match="is replaced"):
        trial.log_text("report.txt", "best")
    assert [said["name"] for said in experiment["one"].files] == ["report.txt"]
    assert experiment["one"].file("report.txt").load() == "best"


def test_two_kinds_in_one_file_are_refused(experiment: Experiment) -> None:
    with experiment.trial("one") as trial:
        trial.log_table("report.csv", [{"a": 1}])
        with pytest.raises(InvalidMetadata, match=r"is in the file 'report\.csv' already") as caught:
            trial.log_text("report.csv", "a,b")
        assert caught.value.hint == 'trial.log_text("report-text", …)'
        trial.log_text("report-text", "a,b")
    assert len(experiment["one"].files) == 2
    assert list(experiment["one"].file("report.csv").load()["a"]) == [1]


def test_a_file_of_an_earlier_record_and_one_that_is_gone(experiment: Experiment, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("as it was")
    with experiment.trial("one") as trial:
        trial.log_file("text", path)
    found = experiment["one"].file("notes.txt")
    assert found.load() == "as it was"
    for said in ("format", "type", "state"):
        found.said.pop(said)
    assert found.load() == "as it was"
    found.path.unlink()
    with pytest.raises(NotFound, match="is not on this machine"):
        found.load()


@pytest.mark.parametrize(
    ("log", "obj", "hint"),
    [
        ("log_figure", 3, 'trial.log_metric("roc", 3)'),
        ("log_figure", "text", 'trial.log_text("roc", text)'),
        ("log_table", np.zeros((3, 2)), 'trial.log_table("roc", pd.DataFrame(array))'),
        ("log_figure", pd.DataFrame({"a": [1]}), 'trial.log_table("roc", table)'),
        ("log_table", drawn(), 'trial.log_figure("roc", figure)'),
        ("log_figure", {"a": 1}, 'trial.put("roc.json", …)'),
    ],
    ids=str,
)
def test_what_is_no_figure_or_table_is_refused_with_how_to_log_it(
    experiment: Experiment, log: str, obj: object, hint: str
) -> None:
    with experiment.trial() as trial, pytest.raises(UnknownFormat, match="It was to be a") as caught:
        getattr(trial, log)("roc", obj)
    assert caught.value.hint.startswith(hint)
