"""Experiments and trials, as a user sees them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from jsk_saver import Saver
from jsk_saver.errors import InvalidMetadata, NotFound, TrialEnded, TrialExists
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.journal import points


def test_a_trial_keeps_what_was_logged(experiment: Experiment) -> None:
    with experiment.trial(k=5, scale=np.float64(0.5)) as trial:
        trial.log_param("init", "k-means++")
        for loss in (0.9, 0.2, 0.4):
            trial.log_metric("loss", loss)
        trial.log_metrics({"accuracy": np.float32(0.5), "folds": 3})
        trial.note("the second step was lucky")
        trial.tag(stage="draft", old=None)
    (known,) = experiment.trials()
    assert known.status == "completed"
    assert known.params == {"k": 5, "scale": 0.5, "init": "k-means++"}
    loss = known.metrics["loss"]
    assert (loss.count, loss.last, loss.min, loss.min_step, loss.max) == (3, 0.4, 0.2, 1, 0.9)
    assert (known.metrics["accuracy"].last, known.metrics["folds"].last) == (0.5, 3.0)
    assert known.notes == ["the second step was lucky"]
    assert known.tags == {"stage": "draft"}
    assert known.seconds is not None


def test_an_experiment_is_created_once_and_loaded_after(saver: Saver) -> None:
    Experiment("churn", "Who leaves?", {"squad": "red"}, goals={"auc": "max"}, saver=saver)
    again = Experiment("churn", tags={"year": 2026}, saver=saver)
    assert again.description == "Who leaves?"
    assert again.tags == {"squad": "red", "year": 2026}
    assert again.goals == {"auc": "max"}


def test_a_trial_that_raises_has_failed_with_its_traceback(experiment: Experiment) -> None:
    with pytest.raises(ZeroDivisionError), experiment.trial(k=1):
        print(1 / 0)
    (known,) = experiment.trials()
    assert known.status == "failed"
    assert "ZeroDivisionError: division by zero" in known.error
    assert "print(1 / 0)" in known.error


def test_a_trial_that_is_interrupted_has_stopped(experiment: Experiment) -> None:
    with pytest.raises(KeyboardInterrupt), experiment.trial():
        raise KeyboardInterrupt
    assert experiment.trials()[0].status == "stopped"


def test_a_trial_can_be_started_and_finished_by_hand(experiment: Experiment) -> None:
    trial = experiment.trial("by-hand")
    assert experiment["by-hand"].status == "running"
    trial.finish("stopped", "enough")
    assert (experiment["by-hand"].status, experiment["by-hand"].error) == ("stopped", "enough")
    with pytest.raises(TrialEnded, match="has ended"):
        trial.log_metric("loss", 1.0)


def test_a_name_that_is_taken_is_refused_unless_the_trial_is_resumed(experiment: Experiment) -> None:
    with experiment.trial("long", k=5) as first:
        first.log_metric("loss", 0.5, 7)
    with pytest.raises(TrialExists, match="already") as caught:
        experiment.trial("long")
    assert "resume=True" in caught.value.hint
    with experiment.trial("long", resume=True, k=5) as trial:
        assert trial.params == {"k": 5}
        trial.log_metric("loss", 0.25)
    known = experiment["long"]
    assert known.metrics["loss"].step == 8
    assert known.metrics["loss"].count == 2


def test_a_parameter_never_changes(experiment: Experiment) -> None:
    with experiment.trial(k=5) as trial:
        trial.log_param("k", 5)
        with pytest.raises(InvalidMetadata, match="is 5 already, not 6"):
            trial.log_param("k", 6)
    assert experiment.trials()[0].params == {"k": 5}


@pytest.mark.parametrize("value", ["0.5", None, [1.0], {"a": 1}, 1j, object()])
def test_a_metric_that_is_no_number_is_refused_with_what_to_write(
    experiment: Experiment, value: object
) -> None:
    with experiment.trial() as trial, pytest.raises(InvalidMetadata, match="is a number, not") as caught:
        trial.log_metric("loss", value)  # type: ignore[arg-type]
    assert 'trial.log_metric("loss", float(value))' in caught.value.hint


@pytest.mark.parametrize("name", ["", 5, None, "a\nb", "x" * 251])
def test_a_name_that_no_sink_could_take_is_refused(experiment: Experiment, name: object) -> None:
    with experiment.trial() as trial, pytest.raises(InvalidMetadata, match="cannot name a"):
        trial.log_param(name, 1)  # type: ignore[arg-type]


def test_nested_trials_know_their_parent(experiment: Experiment) -> None:
    with experiment.trial("outer") as outer:
        with experiment.trial("inner"):
            pass
        with outer.trial("named"):
            pass
    with experiment.trial("after"):
        pass
    parents = {known.name: known.parent for known in experiment.trials()}
    assert parents == {"outer": "", "inner": "outer", "named": "outer", "after": ""}


def test_a_tracked_function_logs_its_arguments_and_what_it_returns(experiment: Experiment) -> None:
    @experiment.track
    def train(k: int, *, rate: float = 0.1) -> dict[str, object]:
        return {"loss": k * rate, "model": "a name is no metric"}

    assert train(5) == {"loss": 0.5, "model": "a name is no metric"}
    (known,) = experiment.trials()
    assert known.params == {"k": 5, "rate": 0.1}
    assert {name: metric.last for name, metric in known.metrics.items()} == {"loss": 0.5}
    assert train.__name__ == "train"


def test_what_is_saved_and_read_in_a_trial_is_its_output_and_input(
    experiment: Experiment, saver: Saver
) -> None:
    saver.put("raw.json", [1, 2, 3])
    before = saver.put("before.json", 0)
    with experiment.trial(k=2) as trial:
        rows = saver.get("raw.json")
        saved = trial.put("model.json", rows, metadata={"k": 2})
    saver.get("before.json")
    known = experiment[trial.name]
    assert [item["name"] for item in known.inputs] == ["raw.json"]
    (output,) = known.outputs
    assert (output["name"], output["version"], output["digest"]) == (
        "model.json",
        saved.version,
        saved.digest,
    )
    assert output["uri"] == saved.uri
    assert saved.lineage["experiment"] == "iris-kmeans"
    assert saved.lineage["trial"] == trial.name
    assert "trial" not in before.lineage
    assert saver.search(trial=trial.name).names == ["model.json"]


def test_a_trial_started_by_hand_is_the_current_one_in_other_threads_too(
    experiment: Experiment, saver: Saver
) -> None:
    trial = experiment.trial("main")
    thread = threading.Thread(target=lambda: saver.put("from-thread.json", 1))
    thread.start()
    thread.join()
    trial.finish()
    assert [item["name"] for item in experiment["main"].outputs] == ["from-thread.json"]


def test_threads_with_a_trial_each_do_not_mix_them_up(experiment: Experiment, saver: Saver) -> None:
    barrier = threading.Barrier(4)

    def run(number: int) -> None:
        with experiment.trial(f"t{number}"):
            barrier.wait()
            saver.put(f"{number}.json", number)
            barrier.wait()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outputs = {known.name: [item["name"] for item in known.outputs] for known in experiment.trials()}
    assert outputs == {f"t{number}": [f"{number}.json"] for number in range(4)}


def test_figures_tables_and_texts_are_kept_beside_the_events(experiment: Experiment) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    with experiment.trial("files") as trial:
        trial.log_figure("curve", figure)
        trial.log_table("rows", [{"a": 1, "b": "x"}])
        trial.log_text("report", "all well")
        with pytest.warns(UserWarning, match="is replaced"):
            trial.log_text("report", "better")
        with pytest.raises(InvalidMetadata, match="no path"):
            trial.log_text("../out", "climbs")
    files = {item["name"]: Path(trial.folder, "files", item["file"]) for item in experiment["files"].files}
    assert files["curve"].read_bytes().startswith(b"\x89PNG")
    assert "1" in files["rows"].read_text()
    assert files["report"].read_text() == "better"


def test_the_best_trial_is_found_where_the_goal_is_known(experiment: Experiment) -> None:
    for k, losses in ((2, (5.0, 1.0, 4.0)), (3, (2.0, float("nan")))):
        with experiment.trial(k=k) as trial:
            for loss in losses:
                trial.log_metric("loss", loss)
    assert experiment.best("loss", "min").params == {"k": 2}
    assert experiment.best("loss", "max").params == {"k": 2}
    assert experiment.best("loss", "min", "k:3").params == {"k": 3}
    with pytest.raises(InvalidMetadata, match="small 'loss' good"):
        experiment.best("loss")
    with pytest.raises(NotFound, match="has a value of 'auc'"):
        experiment.best("auc", "max")


def test_trials_are_found_in_the_language_of_the_saver(experiment: Experiment) -> None:
    for k in (2, 3, 5):
        with experiment.trial(k=k) as trial:
            trial.log_metric("inertia", 100 / k)
            trial.tag(stage="draft" if k < 5 else "final")
    with pytest.raises(ValueError, match="no"), experiment.trial(k=7):
        raise ValueError("no")

    def found(pattern: object, **more: object) -> list[int]:
        return [known.params["k"] for known in experiment.trials(pattern, **more)]

    assert found("k:>=3") == [3, 5, 7]
    assert found("k:2 OR status:failed") == [2, 7]
    assert found({"stage": "draft"}) == [2, 3]
    assert found("inertia:<40 -stage:final") == [3]
    assert found("metrics.inertia.count:1") == [2, 3, 5]
    assert found({"params.k": [2, 5]}) == [2, 5]


def test_a_comparison_is_a_frame_with_a_row_per_trial(experiment: Experiment) -> None:
    for k in (2, 5):
        with experiment.trial(k=k, init="random") as trial:
            trial.log_metric("inertia", 100 / k)
            trial.log_metric("inertia", 90 / k)
    with experiment.trial(k=7):
        pass
    frame = experiment.compare()
    assert list(frame["params.k"]) == [2, 5, 7]
    assert list(frame["metrics.inertia"][:2]) == [45.0, 18.0]
    assert np.isnan(frame["metrics.inertia"].iloc[2])
    assert list(frame["metrics.inertia.max"][:2]) == [50.0, 20.0]
    assert list(frame.index) == [known.name for known in experiment.trials()]
    assert type(frame[frame["params.k"] > 2]).__name__ == "DataFrame"
    page = frame._repr_html_()
    assert "3 trials" in page
    assert page.count("<tr>") == 4


def test_a_metric_that_is_called_like_a_summary_hides_nothing(experiment: Experiment) -> None:
    experiment.goals["loss"] = "min"
    names = ("loss.min", "loss (min)", "loss.best")
    for number in (1, 2):
        with experiment.trial(f"t{number}") as trial:
            for loss in (5.0, 3.0, 4.0):
                trial.log_metric("loss", loss * number)
            trial.log_metrics({name: 90.0 + at + number for at, name in enumerate(names)})
    frame = experiment.compare()
    assert frame.filter(like="metrics.").iloc[0].to_dict() == {
        "metrics.loss": 4.0,
        "metrics.loss.min": 91.0,
        "metrics.loss (min)": 92.0,
        "metrics.loss.best": 93.0,
        "metrics.loss ((min))": 3.0,
        "metrics.loss.max": 5.0,
        "metrics.loss (best)": 3.0,
    }
    marked = [line for line in frame._repr_html_().split("<td") if "font-weight:700" in line]
    assert [line.split(">")[1].split("<")[0] for line in marked] == ["4", "3"], "loss, and its best"

    def found(pattern: str) -> list[str]:
        return [known.name for known in experiment.trials(pattern)]

    assert found("metrics.loss.min:3") == found("loss.min:91") == found("metrics.loss.min.last:91") == ["t1"]
    assert found("loss:<5") == ["t1"]
    assert found("-loss:4") == ["t2"]


def test_an_empty_comparison_is_an_empty_frame(experiment: Experiment) -> None:
    assert len(experiment.compare()) == 0
    assert "0 trials" in experiment.compare()._repr_html_()


def test_html_in_names_and_values_is_shown_and_not_run(experiment: Experiment) -> None:
    for text in ("<script>alert(1)</script>", "b"):
        with experiment.trial() as trial:
            trial.log_param("<b>x</b>", text)
            trial.tag(**{"<i>": text})
    page = experiment.compare()._repr_html_()
    assert "<script>" not in page
    assert "<b>x</b>" not in page
    assert "&lt;script&gt;" in page


def test_trials_of_other_threads_and_those_started_by_hand_are_no_parents(experiment: Experiment) -> None:
    first, second = experiment.trial("first"), experiment.trial("second")
    with first:
        thread = threading.Thread(target=lambda: experiment.trial("third").finish())
        thread.start()
        thread.join()
    second.finish()
    assert {known.name: known.parent for known in experiment.trials()} == {
        "first": "",
        "second": "",
        "third": "",
    }


def test_what_is_summed_up_at_the_end_is_what_was_logged_also_by_other_threads(
    experiment: Experiment,
) -> None:
    trial = experiment.trial("busy")
    accepted = [0] * 4

    def log(number: int) -> None:
        while True:
            try:
                trial.log_metric("loss", 1.0)
            except TrialEnded:
                return
            accepted[number] += 1

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while min(accepted) < 1000:
        time.sleep(0.001)
    trial.finish()
    for thread in threads:
        thread.join()
    (path,) = trial.folder.glob("*.points")
    assert experiment["busy"].metrics["loss"].count == sum(accepted) == len(points.read(path))
