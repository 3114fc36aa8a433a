"""The verdict on a trial that was run again: what it counts, and what it says it did not compare."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from jsk_saver.errors import CannotReproduce, SettingsError
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.reproduce.verdict import Verdict, compare
from jsk_saver.tracking.state import TrialState
from tests.tracking.reproducing import SCRIPT, Project


def verdict_on(experiment: Experiment, old: TrialState, new: TrialState, tolerance: float = 0.0) -> Verdict:
    return compare(experiment, old, new, [], tolerance)


def tracked(experiment: Experiment, **logged: Any) -> TrialState:
    with experiment.trial() as trial:
        trial.log_metrics(logged.get("metrics", {}))
        for name, text in logged.get("texts", {}).items():
            trial.log_text(name, text)
        for name, obj in logged.get("objects", {}).items():
            trial.put(name, obj)
    return experiment[trial.name]


def test_a_trial_that_logged_nothing_is_not_called_reproduced(experiment: Experiment) -> None:
    verdict = verdict_on(experiment, tracked(experiment), tracked(experiment, metrics={"loss": 1.0}))
    assert (verdict.ok, verdict.compared) == (False, False)
    assert verdict.title == (
        "Nothing to compare: the trial had logged no metric, and saved no object or file."
    )
    assert [item.verdict for item in verdict.metrics] == ["new"]
    assert "eproduced" not in verdict.title


def test_a_trial_that_ends_otherwise_is_not_reproduced_though_nothing_is_compared(
    experiment: Experiment,
) -> None:
    old, new = tracked(experiment), tracked(experiment)
    new.status = "failed"
    verdict = verdict_on(experiment, old, new)
    assert (verdict.ok, verdict.title.partition(":")[0]) == (False, "Not reproduced")


def test_figures_tables_and_texts_are_compared_by_their_digests(experiment: Experiment) -> None:
    old = tracked(experiment, metrics={"loss": 1.0}, texts={"report": "all well", "log": "12:00"})
    new = tracked(experiment, metrics={"loss": 1.0}, texts={"report": "all well", "log": "12:01"})
    verdict = verdict_on(experiment, old, new)
    assert [(item.name, item.verdict) for item in verdict.files] == [
        ("report", "identical"), ("log", "not identical"),
    ]  # fmt: skip
    assert verdict.title == (
        "Not reproduced: 1 of 1 metrics equal, 0 of 0 objects identical, 1 of 2 files identical."
    )
    assert ["file", "report"] in [row[:2] for row in verdict.rows()]
    assert verdict_on(experiment, old, new, 1e-9).ok
    assert not verdict_on(experiment, old, tracked(experiment, metrics={"loss": 1.0}), 1e-9).ok
    assert verdict.to_dict()["files"][1]["verdict"] == "not identical"


def test_what_has_no_digest_is_said_not_to_have_been_compared(experiment: Experiment) -> None:
    old = tracked(experiment, metrics={"loss": 1.0}, objects={"a.json": 1}, texts={"report": "x"})
    new = tracked(experiment, metrics={"loss": 1.0}, objects={"a.json": 1}, texts={"report": "x"})
    assert verdict_on(experiment, old, new).ok
    for item in (*old.outputs, *old.files):
        del item["digest"]
    verdict = verdict_on(experiment, old, new)
    assert verdict.ok
    assert verdict.title == (
        "Reproduced: 1 of 1 metrics equal, 0 of 0 objects identical, 0 of 0 files identical, "
        "2 not compared (a.json, report)."
    )
    assert "not compared (no digest was recorded)" in repr(verdict)
    old.metrics = new.metrics = {}
    verdict = verdict_on(experiment, old, new)
    assert not verdict.ok
    assert verdict.title.startswith("Nothing to compare: a.json: no digest was recorded; report: no digest")


def test_how_long_a_fit_took_is_not_compared(experiment: Experiment) -> None:
    old = tracked(experiment, metrics={"KMeans.inertia": 2.0, "KMeans.fit_seconds": 0.1})
    new = tracked(experiment, metrics={"KMeans.inertia": 2.0, "KMeans.fit_seconds": 0.2})
    verdict = verdict_on(experiment, old, new)
    assert verdict.ok
    assert verdict.title == (
        "Reproduced: 1 of 1 metrics equal, 0 of 0 objects identical, 1 not compared (KMeans.fit_seconds)."
    )


@pytest.mark.parametrize("tolerance", [-1e-9, math.nan, math.inf, "0.1", None])
def test_a_tolerance_that_is_no_distance_is_refused_before_anything_is_looked_at(
    experiment: Experiment, tolerance: Any
) -> None:
    with pytest.raises(SettingsError, match="A tolerance is a number from 0 on"):
        experiment.reproduce("there-is-none", tolerance=tolerance)


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf"])
def test_the_command_refuses_such_a_tolerance_before_anything_runs(project: Project, tolerance: str) -> None:
    project.run("train.py")
    before = len(project.experiment.trials())
    done = project.jsk("reproduce", f"demo/{project.trial(k=1)}", f"--tolerance={tolerance}")
    assert done.returncode == SettingsError.exit_code
    assert "A tolerance is a number from 0 on" in done.stderr
    assert len(project.experiment.trials()) == before
    assert not (project.home / "reproduce").exists()


def test_the_command_says_that_there_was_nothing_to_compare(project: Project) -> None:
    project.write("train.py", SCRIPT.replace("trial.log_metric", "print").replace("trial.put", "print"))
    project.commit()
    project.run("train.py")
    done = project.jsk("reproduce", f"demo/{project.trial(k=1)}")
    assert done.returncode == 1, done.stderr
    assert "Nothing to compare" in done.stdout


# From what is known of a trial -----------------------------------------------------------------------


def test_a_trial_that_was_looked_up_reproduces_itself(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=2)
    known = project.experiment[name]
    assert known.reproduce(tolerance=1e-9).trial == f"demo/{name}"
    assert project.experiment.trials("k:2")[0].reproduce().ok
    assert project.experiment.best("score", "max").whose.folder == project.experiment.folder


def test_a_record_without_its_experiment_says_where_to_ask(experiment: Experiment, tmp_path: Path) -> None:
    known = tracked(experiment, metrics={"loss": 1.0})
    stored = pickle.loads(pickle.dumps(known))
    assert stored.metrics["loss"].last == 1.0
    stored.metrics = known.metrics
    assert stored == known
    with pytest.raises(CannotReproduce) as caught:
        stored.reproduce()
    assert caught.value.hint == f'Experiment("iris-kmeans").reproduce("{known.name}")'


def test_a_table_and_a_text_of_one_name_are_compared_each(experiment: Experiment) -> None:
    states = []
    for rows in (1, 2):
        with experiment.trial() as trial:
            trial.log_text("report", "all well")
            trial.log_table("report", [{"rows": rows}])
        states.append(experiment[trial.name])
    verdict = verdict_on(experiment, *states)
    assert [(item.name, item.verdict) for item in verdict.files] == [
        ("report (text)", "identical"), ("report (table)", "not identical"),
    ]  # fmt: skip
