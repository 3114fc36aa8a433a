"""Trials are found, sorted and called in the saver's language; what cannot mean anything says so."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from jsk_saver import Saver
from jsk_saver.errors import NotFound, QueryError
from jsk_saver.tracking import Experiment


@pytest.fixture
def study(saver: Saver) -> Experiment:
    """Six trials with a seed each, an odd name, a None, and a version that one of them read."""
    experiment = Experiment("study", sinks=(), saver=saver)
    saver.put("data/cancer.json", [1])
    for n in range(6):
        params = {"has space": n, "depth": None if n == 3 else n}
        with experiment.trial(k=n, model="rf" if n % 2 else "gb", seed=n, params=params) as trial:
            trial.log_metric("accuracy", 0.9 + n / 100)
            if n != 2:
                for loss in (3 - n, 2 - n):
                    trial.log_metric("loss", loss)
            if n == 4:
                saver.get("data/cancer.json")
                trial.put("model.json", [n])
            trial.log_metric("SVC.score.Xb", 0.5)
    return experiment


def found(study: Experiment, pattern: Any = None, **search: Any) -> list[int]:
    return [known.params["k"] for known in study.trials(pattern, **search)]


# Order -----------------------------------------------------------------------------------------------


def test_sort_and_limit_are_those_of_the_saver_in_a_line_and_as_keywords(study: Experiment) -> None:
    assert found(study, "sort:-accuracy limit:3") == [5, 4, 3]
    assert found(study, sort="-accuracy", limit=2) == [5, 4]
    assert found(study, {"model": "rf"}, sort="-k", limit=2) == [5, 3]
    assert found(study, "sort:-k limit:3", limit=1) == [5], "a keyword wins over the line"
    assert found(study, limit=2) == [0, 1], "oldest first without an order"
    assert found(study, "sort:-started limit:1") == [5]
    assert found(study, "sort:-accuracy limit:2 page:2") == [3, 2]
    assert found(study, "sort:-accuracy", offset=4) == [1, 0]


def test_trials_without_what_is_sorted_by_come_last_either_way(study: Experiment) -> None:
    assert found(study, sort="loss") == [5, 4, 3, 1, 0, 2]
    assert found(study, sort="-loss") == [0, 1, 3, 4, 5, 2]
    assert found(study, sort="depth")[-1] == 3


def test_without_a_limit_all_are_found(experiment: Experiment) -> None:
    for n in range(105):
        with experiment.trial(f"t{n}", k=n):
            pass
    assert len(experiment.trials("k:>=0")) == 105
    assert len(experiment.trials("sort:-k limit:all")) == 105
    assert [known.name for known in experiment.trials("sort:-k limit:100")][-1] == "t5"


def test_order_counts_for_comparing_too(study: Experiment) -> None:
    assert list(study.compare("sort:-accuracy limit:2")["params.k"]) == [5, 4]


# Names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "ks"),
    [
        ("metrics.accuracy:>0.93", [4, 5]),
        ("accuracy.max:>0.93", [4, 5]),
        ("metrics.loss.min:<0", [3, 4, 5]),
        ("params.k:2", [2]),
        ("depth:None", [3]),
        ("depth:null", [3]),
        ({"depth": None}, [3]),
        ('"has space":2', [2]),
        ({"has space": [1, 2]}, [1, 2]),
        ("seed:4", [4]),
        ("input:data/cancer.json", [4]),
        ("output:model.json", [4]),
        ("output:model.*", [4]),
        ("SVC.score.Xb:0.5 k:1", [1]),
        ("status:completed started:>2020-01-01 k:<2", [0, 1]),
        ("rf k:<4", [1, 3]),
    ],
)
def test_what_a_comparison_calls_its_columns_can_be_asked_for(
    study: Experiment, pattern: Any, ks: list[int]
) -> None:
    assert found(study, pattern) == ks


def test_a_version_says_which_trials_read_or_made_it(study: Experiment) -> None:
    (reader,) = study.trials("input:data/cancer.json")
    version, made = reader.inputs[0]["version"], reader.outputs[0]["version"]
    for asked in (f'input:"{version}"', f'input:"data/cancer.json@{version}"', f'output:"{made}"'):
        assert [known.name for known in study.trials(asked)] == [reader.name]
    assert study.trials(f'input:"{made}"') == []
    assert list(study.compare(f'inputs:"data/cancer.json@{version}"').index) == [reader.name]


def test_a_column_whose_name_a_metric_has_taken_is_found_under_the_one_it_got(experiment: Experiment) -> None:
    for number in (1, 2):
        with experiment.trial(f"t{number}") as trial:
            trial.log_metric("loss", 5.0 * number)
            trial.log_metric("loss", 3.0 * number)
            trial.log_metric("loss.min", 90.0)
    assert "metrics.loss (min)" in experiment.compare().columns
    assert [known.name for known in experiment.trials({"metrics.loss (min)": 6})] == ["t2"]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("acuracy:>0.94", "accuracy:>0.94"),
        ({"modl": "gb"}, "model:gb"),
        ("k:<3 metrics.acuracy:>0.91", "k:<3 metrics.accuracy:>0.91"),
        ("sort:-acuracy limit:2", "sort:-accuracy limit:2"),
        ("-modl:rf", "-model:rf"),
        ("has space:2", '"has space":2'),
        ("Xb:0.5", "SVC.score.Xb:0.5"),
        ("acuracy:>0.94 OR status:failed", "accuracy:>0.94 OR status:failed"),
    ],
)
def test_a_mistyped_name_says_so_and_what_to_type_which_works(
    study: Experiment, pattern: Any, meant: str
) -> None:
    for look in (study.trials, study.compare):
        with pytest.raises(QueryError, match="Did you mean") as raised:
            look(pattern)
    assert raised.value.hint == f"experiment.trials({meant!r})"
    assert study.trials(meant)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("status:complete", "status:completed"),
        ("k:3 -status:fialed", "k:3 -status:failed"),
        ("k:3 OR status:ok", "k:3 OR status:failed"),
        ({"status": "lots"}, "status:lost"),
    ],
)
def test_a_status_that_does_not_exist_says_which_do(study: Experiment, pattern: Any, meant: str) -> None:
    with pytest.raises(QueryError, match="one of running, completed, failed, stopped, lost") as raised:
        study.trials(pattern)
    assert raised.value.hint == f"experiment.trials({meant!r})"
    study.trials(meant)


def test_a_parameter_may_be_called_status(study: Experiment) -> None:
    with study.trial("own", status="draft"):
        pass
    for pattern in ("status:draft", "params.status:draft"):
        assert [known.name for known in study.trials(pattern)] == ["own"]


def test_a_name_like_no_other_is_answered_with_those_that_there_are(study: Experiment) -> None:
    with pytest.raises(QueryError, match=r"'zzz'.*Parameters are: depth, has space, k, model") as raised:
        study.trials("zzz:5")
    assert "accuracy" in raised.value.what


def test_what_is_asked_not_to_be_there_may_be_on_no_trial(study: Experiment) -> None:
    assert len(found(study, "-pruned:true")) == 6
    assert found(study, "has:pruned") == []
    assert len(found(study, "no:pruned")) == 6


def test_names_that_any_trial_may_have_are_never_unknown(study: Experiment, saver: Saver) -> None:
    for asked in ("error:*boom*", "parent:x", "user:nobody", "commit:4f2a", "output:none.csv", "notes:x"):
        assert study.trials(asked) == []
    assert Experiment("empty", sinks=(), saver=saver).trials("accuracy:>0.9") == []
    study.goals["f1"] = "max"
    assert study.trials("f1:>0.5") == [], "a metric with a goal, which no trial has logged yet"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("k:2 or k:3", "k:2 OR k:3"),
        ("(k:2 or k:3) model:gb", "(k:2 OR k:3) model:gb"),
        ("k:2 and model:gb", "k:2 AND model:gb"),
        ("not k:5", "NOT k:5"),
        ('"has space":1 or k:5', '"has space":1 OR k:5'),
    ],
)
def test_or_in_small_letters_between_conditions_is_no_word(study: Experiment, line: str, meant: str) -> None:
    with pytest.raises(QueryError, match="capitals") as raised:
        study.trials(line)
    assert raised.value.hint == f"experiment.trials({meant!r})"
    assert study.trials(ast.literal_eval(raised.value.hint[len("experiment.trials(") : -1]))


def test_words_are_looked_for(experiment: Experiment) -> None:
    for name, note in (("first", "this or that"), ("second", "neither")):
        with experiment.trial(name) as trial:
            trial.note(note)
    assert [known.name for known in experiment.trials("this or that")] == ["first"]
    assert [known.name for known in experiment.trials("neither")] == ["second"]
    assert [known.name for known in experiment.trials('"or that"')] == ["first"]


def test_versions_are_nothing_that_trials_have(study: Experiment) -> None:
    for search in ({"pattern": "is:latest"}, {"latest": True}, {"pattern": "k:1 is:hidden"}):
        with pytest.raises(QueryError, match="no versions"):
            study.trials(**search)


def test_a_keyword_that_is_none_says_how_to_ask_for_a_parameter(study: Experiment) -> None:
    with pytest.raises(QueryError) as raised:
        study.trials(k=5)
    assert raised.value.hint.startswith('experiment.trials({"k": 5})')
    assert found(study, {"k": 5}) == [5]


def test_the_best_of_a_mistyped_metric_is_answered_with_the_nearest(study: Experiment) -> None:
    with pytest.raises(NotFound, match="Did you mean 'accuracy'") as raised:
        study.best("acuracy")
    assert raised.value.hint == 'experiment.best("accuracy", "max")    # or "min"'
    assert study.best("metrics.accuracy", "max").params["k"] == 5


# Single trials ---------------------------------------------------------------------------------------


def test_a_trial_is_found_by_what_tells_it_from_the_others(study: Experiment) -> None:
    for known in study.trials():
        last = known.name.split("-", 2)[2]
        assert study[known.name].name == study[last].name == known.name
    wanted = study.trials()[2].name
    assert study["k=2"].name == study["k=2, model=gb"].name == study["depth=2 (failed)"].name == wanted


def test_plots_call_trials_as_they_are_found(study: Experiment) -> None:
    figure = study.plot("accuracy", kind="bars")
    named = [mark.get_text() for mark in figure.axes[0].get_yticklabels()]
    assert [study[label].params["k"] for label in named] == [5, 4, 3, 2, 1, 0]


def test_a_name_that_several_trials_begin_with_says_which(experiment: Experiment) -> None:
    for name in ("spruce-a", "spruce-b", "fir"):
        with experiment.trial(name):
            pass
    assert experiment["f"].name == "fir"
    with pytest.raises(NotFound, match=r"2 trials .* 'spruce': spruce-a, spruce-b") as raised:
        experiment["spruce"]
    assert raised.value.hint == 'experiment["spruce-b"]'
    with pytest.raises(NotFound, match="Did you mean 'spruce-a'"):
        experiment["sprice-a"]
    for nothing in ("", "zzz"):
        with pytest.raises(NotFound, match="no trial"):
            experiment[nothing]


def test_a_whole_name_is_meant_where_another_begins_with_it(experiment: Experiment) -> None:
    for name in ("run", "run-2"):
        with experiment.trial(name):
            pass
    assert experiment["run"].name == "run"
