"""``%saver`` and ``%%trial`` in a real IPython shell."""

from __future__ import annotations

import re

import pytest

from jsk_saver.errors import NotFound, QueryError
from jsk_saver.tracking import Experiment

CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def run(ipython, capsys):
    """Run a cell and return what it shows."""

    def run_cell(code: str) -> str:
        capsys.readouterr()
        run_cell.result = ipython.run_cell(code)
        shown = capsys.readouterr()
        return CODES.sub("", shown.out + shown.err)

    return run_cell


# %saver ----------------------------------------------------------------------------------------------


@pytest.fixture
def saved(saver):
    saver.put("data/my channels.json", [1, 2], metadata={"origin": "youtube"})
    saver.put("notes.json", {"a": 1})
    return saver


def test_alone_it_shows_the_store_and_what_was_saved_last(run, saved, ipython):
    shown = run("%saver")
    assert saved.store.uri in shown
    assert "file names  2" in shown
    assert shown.index("notes.json") < shown.index("data/my channels.json")
    assert "notes.json" in ipython.run_line_magic("saver", "")._repr_html_()


def test_it_searches_and_tells(run, saved):
    assert "1 version matching origin:youtube" in run("%saver search origin:youtube")
    assert "2 versions" in run("%saver search")
    assert "1 version of data/my channels.json" in run("%saver history data/my channels.json")
    assert "origin: youtube" in run('%saver describe "data/my channels.json"')


def test_what_it_gets_can_be_kept_in_a_variable(run, saved, ipython):
    run("x = %saver get notes.json")
    assert ipython.user_ns["x"] == {"a": 1}


def test_without_a_saver_of_ones_own_it_is_the_ready_made_one(run, ipython, own_home):
    del ipython.user_ns["saver"]
    assert str(own_home) in run("%saver")


@pytest.mark.parametrize("line", ["origin:youtube", "get", "lok for"])
def test_what_it_does_not_know_it_says(run, saved, ipython, line):
    run(f"%saver {line}")
    assert isinstance(run.result.error_in_exec, QueryError)
    hint = run.result.error_in_exec.hint
    run(hint)
    run.result.raise_error()


def test_an_error_shows_the_users_line_and_what_to_type(run, saved):
    shown = run("%saver history nots.json")
    assert isinstance(run.result.error_in_exec, NotFound)
    assert "notes.json" in shown


# %%trial ---------------------------------------------------------------------------------------------


def test_a_cell_becomes_a_trial_with_its_parameters(run, ipython, experiment):
    run("n = 7")
    run(
        "%%trial iris-kmeans k=5 scale=0.5 init=k-means++ layers=[64, 32] why='a b' deep=true n={n}\n"
        "trial.log_metric('inertia', 78.9)\n"
        "made = trial.params['k'] + 1\n"
        "made"
    )
    (known,) = experiment.trials()
    assert known.status == "completed"
    assert known.params == {
        "k": 5, "scale": 0.5, "init": "k-means++", "layers": [64, 32], "why": "a b", "deep": True, "n": 7,
    }  # fmt: skip
    assert known.metrics["inertia"].last == 78.9
    assert run.result.result == ipython.user_ns["made"] == 6
    assert ipython.user_ns["trial"].ended


def test_a_word_that_names_a_variable_is_its_value_and_any_other_is_text(run, experiment):
    run("import random\nimport numpy as np\nkk, data, x = 7, {'n': 2}, np.float64(0.5)")
    run("%%trial iris-kmeans k=kk n=data['n'] lr=x init=random kind=rf text='kk' more=(kk+1) ks=[kk,9] "
        "path=data/x.csv name=kk-x day=2026-11-20 count=len(data)\npass")  # fmt: skip
    run.result.raise_error()
    (known,) = experiment.trials()
    assert known.params == {
        "k": 7, "n": 2, "lr": 0.5, "init": "random", "kind": "rf", "text": "kk", "more": 8, "ks": [7, 9],
        "path": "data/x.csv", "name": "kk-x", "day": "2026-11-20", "count": 1,
    }  # fmt: skip


def test_a_value_that_cannot_be_worked_out_starts_no_trial(run, experiment):
    run("kk = 0")
    assert "ZeroDivisionError" in run("%%trial iris-kmeans k=(1/kk)\npass")
    assert experiment.trials() == []


def test_what_the_cell_saves_belongs_to_the_trial(run, experiment):
    run("%%trial iris-kmeans\nsaver.put('a.json', 1);")
    (known,) = experiment.trials()
    assert [output["name"] for output in known.outputs] == ["a.json"]


def test_the_trial_can_be_named_and_resumed_and_the_experiment_may_be_a_variable(run, experiment):
    run("%%trial experiment/baseline k=1 seed=3\ntrial.log_metric('loss', 2)")
    run("%%trial iris-kmeans/baseline resume=True --quiet\ntrial.log_metric('loss', 1)")
    run.result.raise_error()
    assert experiment["baseline"].metrics["loss"].count == 2
    assert experiment["baseline"].params == {"k": 1}


def test_an_experiment_nobody_made_yet_is_made_with_the_notebooks_saver(run, saver):
    run("%%trial churn k=1\npass")
    assert len(Experiment("churn", saver=saver).trials()) == 1


@pytest.mark.parametrize(("error", "shown"), [("1 / 0", "ZeroDivisionError"), ("saver.get('x')", "NotFound")])
def test_a_cell_that_raises_fails_the_trial_and_shows_its_own_lines(run, experiment, error, shown):
    run("def fail():\n    " + error)
    text = run("%%trial iris-kmeans k=5\nx = 1\nfail()")
    (known,) = experiment.trials()
    assert known.status == "failed"
    assert shown in known.error
    assert "magics.py" not in known.error
    assert run.result.error_in_exec is not None
    assert text.count("Traceback") == 1
    assert "----> 2 fail()" in text
    assert f"----> 2     {error}" in text
    assert "run_cell_magic" not in text
    assert "magics.py" not in text


def test_an_interrupted_cell_stops_the_trial(run, experiment):
    run("%%trial iris-kmeans\nraise KeyboardInterrupt")
    assert experiment.trials()[0].status == "stopped"


def test_a_cell_that_is_no_python_starts_no_trial(run, experiment):
    assert "SyntaxError" in run("%%trial iris-kmeans k=5\nfor in")
    assert experiment.trials() == []


@pytest.mark.parametrize("line", ["", "k=5", "iris-kmeans k 5", "iris-kmeans parent=1"])
def test_a_line_that_means_nothing_starts_no_trial_and_says_how_to_type_it(run, experiment, line):
    assert "Next: " in run(f"%%trial {line}\npass")
    assert isinstance(run.result.error_in_exec, QueryError)
    assert experiment.trials() == []


def test_magics_within_the_cell_work(run, ipython, saved):
    run("%%trial iris-kmeans\nx = %saver get notes.json")
    assert ipython.user_ns["x"] == {"a": 1}


def test_unloading_takes_the_magics_away_and_loading_twice_harms_nothing(run, ipython):
    run("%load_ext jsk_saver.notebook")
    run("%reload_ext jsk_saver")
    ipython.run_line_magic("unload_ext", "jsk_saver")
    assert "saver" not in ipython.magics_manager.magics["line"]
    assert "trial" not in ipython.magics_manager.magics["cell"]
    assert ipython.Completer.custom_matchers == []


def test_outside_a_notebook_a_trial_shows_no_table(run, ipython):
    assert run("%%trial iris-kmeans\ntrial.log_metric('loss', 1)") == ""
