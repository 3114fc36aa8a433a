"""The live table: it follows trials in a real kernel, and its final state stays in the notebook."""

from __future__ import annotations

import math
import re
import threading

import nbformat
import pytest

from jsk_saver.tracking import state
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.live import follow, table
from jsk_saver.tracking.live.rows import MOST, Row
from jsk_saver.tracking.live.sparkline import sparkline
from tests.notebook.running import Runner

SETUP = """\
import time
from jsk_saver import Experiment
experiment = Experiment("iris-kmeans")
%load_ext jsk_saver"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run cells after the set-up cell; return the client."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JSK_NOTEBOOK", str(tmp_path / "cells.ipynb"))

    def run_cells(*sources: str, allow_errors: bool = False) -> Runner:
        client = Runner(tmp_path, SETUP, *sources, allow_errors=allow_errors)
        client.execute()
        return client

    return run_cells


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


# In a real kernel ------------------------------------------------------------------------------------


def test_the_table_follows_the_trial_and_its_final_state_stays(run, tmp_path):
    client = run(
        "%%trial iris-kmeans k=5\n"
        "for step in range(12):\n"
        "    trial.log_metric('loss', 12 - step)\n"
        "    time.sleep(0.25)"
    )
    shown = [text(html) for html in client.shown]
    (final,) = client.tables()
    assert any(" running " in said and re.search(r"loss \d+ \d+ 12 \d+$", said) for said in shown)
    assert "completed" in text(final)
    assert "k = 5" in text(final)
    assert re.search(r"metric last min max step loss 1 1 12 11$", text(final))
    assert final.count("<svg") == 1
    saved = nbformat.writes(client.nb)
    assert "jsk-live" in saved
    assert saved.count("jsk-live") == 1


def test_trials_one_after_another_take_a_row_each_in_one_table(run):
    client = run(
        "for k in (2, 3, 5):\n"
        "    with experiment.trial(k=k, kind='lloyd').live() as trial:\n"
        "        for step in range(3):\n"
        "            trial.log_metric('inertia', 100 / k - step)"
    )
    (final,) = client.tables()
    assert "iris-kmeans: 3 trials" in text(final)
    assert text(final).count("completed") == 3
    assert "trial k status elapsed step inertia" in text(final)
    assert final.count("<svg") == 3
    assert len([html for html in client.shown if "jsk-live" in html]) < 9


def test_a_trial_over_several_cells_keeps_the_table_of_the_first(run):
    client = run(
        "trial = experiment.trial('long').live()",
        "trial.log_metric('loss', 0.5)",
        "trial.log_metric('loss', 0.25)\ntrial.finish()",
    )
    (final,) = client.tables()
    assert "jsk-live" in client.outputs[1][0]["data"]["text/html"]
    assert re.search(r"completed .* loss 0.25 0.25 0.5 1$", text(final))


def test_a_trial_that_fails_says_so_in_the_table_and_the_cell_has_failed(run):
    client = run(
        "%%trial iris-kmeans\ntrial.log_metric('loss', 1)\nraise ValueError('too <small>')", allow_errors=True
    )
    (final,) = client.tables()
    assert "failed" in text(final)
    assert "ValueError: too &lt;small&gt;" in final
    assert [output["ename"] for output in client.outputs[1] if output["output_type"] == "error"] == [
        "ValueError"
    ]


def test_of_many_trials_the_newest_are_shown_and_the_others_counted(run):
    client = run(
        "for k in range(60):\n"
        "    with experiment.trial(k=k).live() as trial:\n"
        "        trial.log_metric('a', k)"
    )
    (final,) = client.tables()
    assert f"60 trials, the newest {table.MOST_TRIALS} of them shown" in text(final)
    assert final.count("<tr>") == table.MOST_TRIALS + 1


def test_a_cell_that_is_run_quietly_shows_no_table(run):
    assert run("%%trial iris-kmeans k=5 --quiet\ntrial.log_metric('loss', 1)").tables() == []


# Outside ---------------------------------------------------------------------------------------------


def test_outside_notebooks_nothing_is_shown_and_no_thread_is_started(experiment, capsys):
    with experiment.trial().live() as trial:
        follow(trial)
        trial.log_metric("loss", 1.0)
    assert capsys.readouterr().out == ""
    assert not [thread for thread in threading.enumerate() if thread.name == "jsk-live"]


# Rows and curves -------------------------------------------------------------------------------------


def test_a_row_of_many_points_reads_some_of_them_and_meets_every_metric(experiment):
    with experiment.trial() as trial:
        row = Row(trial)
        for step in range(30_000):
            for name in ("a", "b", "c"):
                trial.log_metric(name, step)
        trial.flush()
        assert row.look()
    assert {name: metric.count for name, metric in row.metrics.items()} == dict.fromkeys("abc", 30_000)
    assert sum(map(len, row.curves.values())) <= MOST
    for curve in row.curves.values():
        assert curve[0] == 0
        assert curve[-1] == 29_999
        assert curve == sorted(curve)


def test_a_resumed_trial_shows_what_was_logged_before(experiment):
    with experiment.trial("again") as trial:
        trial.log_metrics({"loss": 9.0, "early": 1.0})
    with experiment.trial("again", resume=True) as trial:
        trial.log_metric("loss", 5.0)
        trial.flush()
        row = Row(trial)
        row.look()
        assert (row.metrics["loss"].max, row.metrics["loss"].last, row.step) == (9.0, 5.0, 1)
        assert row.curves["loss"] == [9.0, 5.0]
        assert "early" in row.metrics
        assert trial.metrics["loss"].to_list() == trial.state.metrics["loss"].to_list()


def test_a_metric_that_was_only_logged_before_is_not_empty_in_a_new_trial(experiment):
    with experiment.trial("one") as trial:
        trial.log_metric("early", 1.0)
    with experiment.trial("one", resume=True) as trial:
        assert trial.metrics["early"].count == 1
    with experiment.trial("other") as trial:
        assert trial.metrics == {}


def test_a_row_that_is_final_is_not_read_again(experiment):
    with experiment.trial() as trial:
        row = Row(trial)
    assert row.look()
    assert row.final
    assert row.status == state.COMPLETED
    for path in trial.folder.glob("*.*"):
        path.unlink()
    assert not row.look()


def test_what_names_and_values_hold_is_only_text(experiment):
    with experiment.trial(kind="<script>") as trial:
        trial.log_metric("<b>loss", math.nan)
        trial.flush()
        row = Row(trial)
        row.look()
    for html in (table.html("e", [row]), table.html("e", [row, row])):
        assert "<script>" not in html
        assert "<b>loss" not in html
    assert "&lt;script&gt;" in table.html("e", [row])
    assert "nan" in text(table.html("e", [row]))
    assert "<b>loss" in table.text("e", [row])


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([], None),
        ([math.nan, math.inf], None),
        ([1.0], 1),
        ([1.0, math.nan, 2.0], 2),
        ([-1.7e308, 1.7e308], 1),
        ([5.0] * 1000, 1),
        ([float(n % 7) for n in range(100_000)], 1),
    ],
)
def test_any_values_make_a_curve_that_stays_in_its_frame(values, marks):
    svg = sparkline(values)
    if marks is None:
        assert svg == ""
        return
    (path,) = re.findall(r' d="([^"]+)"', svg)
    assert path.count("M") == marks
    places = [tuple(map(float, place.split(","))) for place in re.split("[ML]", path)[1:]]
    assert len(places) <= 120
    assert all(0 <= x <= 120 and 0 <= y <= 20 for x, y in places)


def test_a_metric_that_has_no_number_yet_has_a_summary(experiment):
    with experiment.trial() as trial:
        assert trial.metrics == {}
        trial.log_metric("loss", 1.0)
        assert isinstance(trial.metrics["loss"], Metric)
        assert repr(trial) == f"Trial('iris-kmeans/{trial.name}', running)"
