"""What trials show of themselves: lists, single ones, comparisons; in a notebook and as text."""

from __future__ import annotations

import math
import pickle

import pytest

from jsk_saver.tracking import Experiment


@pytest.fixture
def trained(experiment: Experiment) -> Experiment:
    for name, depth in (("first", 3), ("second", None)):
        with experiment.trial(name, depth=depth, model="rf", seed=len(name)) as trial:
            trial.log_metric("accuracy", 0.9370629370629371)
            trial.log_metric("auc", math.nan)
    with experiment.trial("third", model="gb", seed=7) as trial:
        trial.log_metric("loss", 0.5)
        trial.log_metric("loss", 0.25)
        trial.log_param("html", "<script>alert(1)</script>")
    with pytest.raises(ValueError, match="boom"), experiment.trial("fourth", depth=5, model="rf"):
        raise ValueError("boom")
    return experiment


def test_a_list_of_trials_is_a_list_and_a_table(trained: Experiment) -> None:
    trials = trained.trials()
    assert isinstance(trials, list)
    assert [known.name for known in trials[1:3]] == ["second", "third"]
    assert type(trials[1:3]) is type(trials)
    assert trials[0].name == "first"
    again = pickle.loads(pickle.dumps(trials))
    assert (type(again), [known.params for known in again]) == (type(trials), [one.params for one in trials])
    text, page = repr(trials), trials._repr_html_()
    assert text.splitlines()[0] == "4 trials of iris-kmeans"
    for shown in (text, page):
        assert "0.937063" in shown
        assert "None" in shown
        assert "object at 0x" not in shown
    assert page.count("<tr>") == 5
    assert "<script>" not in page


def test_an_empty_list_says_so(experiment: Experiment) -> None:
    assert repr(experiment.trials()) == "No trials"
    assert "No trials" in experiment.trials()._repr_html_()


def test_a_long_list_is_shown_in_part(experiment: Experiment) -> None:
    for number in range(60):
        experiment.trial(f"t{number:02}", k=number).finish()
    text = repr(experiment.trials())
    assert "… and 10 more" in text
    assert "t49" in text
    assert "t50" not in text


def test_a_trial_tells_itself_in_words(trained: Experiment) -> None:
    text, page = repr(trained["third"]), trained["third"]._repr_html_()
    for shown in (text, page):
        assert "iris-kmeans/third" in shown
        assert "loss: 0.25  (0.25 to 0.5, 2 points)" in shown
        assert "seed: 7" in shown
        assert "object at 0x" not in shown
    assert "<script>" not in page
    assert "depth: None" in repr(trained["second"])
    assert "ValueError: boom" in repr(trained["fourth"])


def test_a_metric_shows_its_values(trained: Experiment) -> None:
    assert repr(trained["first"].metrics["accuracy"]) == "Metric(last=0.937063)"
    assert repr(trained["third"].metrics["loss"]) == "Metric(last=0.25, min=0.25, max=0.5, count=2)"


# Comparisons -----------------------------------------------------------------------------------------


def _cells(page: str) -> list[list[str]]:
    rows = page.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    return [[cell.split(">", 1)[1].split("</td>")[0] for cell in row.split("<td")[1:]] for row in rows]


def test_what_a_trial_lacks_is_blank_and_what_it_says_is_said(trained: Experiment) -> None:
    page = trained.compare()._repr_html_()
    names = [cell.split(">", 1)[1].split("<")[0] for cell in page.split("<th")[1:] if cell.startswith(" ")]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in _cells(page)}
    assert [rows[name]["depth"] for name in ("first", "second", "third")] == ["3", "None", ""]
    assert [rows[name]["auc"] for name in ("first", "third")] == ["nan", ""]
    assert [rows[name]["accuracy"] for name in ("first", "third")] == ["0.937063", ""]


def test_a_none_that_all_trials_have_is_said_once_and_one_that_some_have_is_not(
    experiment: Experiment,
) -> None:
    for k in (1, 2):
        experiment.trial(k=k, depth=None).finish()
    assert "depth <b>None</b>" in experiment.compare()._repr_html_()
    experiment.trial(k=3).finish()
    assert "depth <b>" not in experiment.compare()._repr_html_()


def test_the_seed_is_a_column_and_what_a_plot_goes_against(experiment: Experiment) -> None:
    for seed in (0, 1, 2):
        with experiment.trial(seed=seed, model="rf") as trial:
            trial.log_metric("accuracy", 0.9 + seed / 100)
    frame = experiment.compare()
    assert list(frame["seed"]) == [0, 1, 2]
    assert "255,180,0" in frame._repr_html_(), "it differs, and stands out"
    for figure in (experiment.plot("accuracy", x="seed"), experiment.plot("accuracy")):
        (axes,) = figure.axes
        assert axes.get_xlabel() == "seed"
        assert [x for x, _ in axes.collections[0].get_offsets()] == [0, 1, 2]


def test_beside_a_parameter_that_varies_the_seed_is_not_what_is_drawn_against(experiment: Experiment) -> None:
    for k in (2, 5):
        for seed in (0, 1):
            with experiment.trial(k=k, seed=seed) as trial:
                trial.log_metric("inertia", 100 / k + seed)
    (axes,) = experiment.plot("inertia").axes
    assert axes.get_xlabel() == "k"
    assert axes.get_legend().get_title().get_text() == "seed"


def test_without_a_seed_there_is_no_column_for_it(experiment: Experiment) -> None:
    experiment.trial(k=1).finish()
    assert "seed" not in experiment.compare().columns
