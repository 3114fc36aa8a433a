"""How trials begin: their parameters and options, and what is left when one cannot begin."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from jsk_saver import Saver
from jsk_saver.errors import InvalidMetadata, SettingsError
from jsk_saver.tracking import Experiment


def test_parameters_that_are_called_like_an_option_are_given_as_a_dictionary(experiment: Experiment) -> None:
    said = {"seed": 7, "resume": "5", "parent": "x", "links": [1], "params": {"a": 1}, "name": "n", "tags": 2}
    with experiment.trial("first", params=said, k=3) as trial:
        assert trial.params == {**said, "k": 3}
        with trial.trial("inner", params={"parent": 4}):
            pass
    assert experiment["first"].params == {**said, "k": 3}
    assert "seed" not in experiment["first"].environment
    assert (experiment["inner"].params, experiment["inner"].parent) == ({"parent": 4}, "first")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resume": "5"}, "resume= of a trial is True or False, not '5'"),
        ({"resume": 1}, "resume= of a trial is True or False, not 1"),
        ({"parent": "outer"}, "parent= of a trial is the trial it is nested in, not 'outer'"),
        ({"links": "5"}, "links= of a trial is a dictionary"),
        ({"params": 5}, "params= of a trial is a dictionary of parameters, not 5"),
        ({"seed": True}, "A seed is a whole number"),
        ({"seed": "7"}, "A seed is a whole number"),
    ],
)
def test_an_option_that_may_be_meant_as_a_parameter_is_refused_with_how_to_give_one(
    experiment: Experiment, options: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidMetadata, match=told) as caught:
        experiment.trial("odd", **options)
    ((name, value),) = options.items()
    assert f'experiment.trial(params={{"{name}": {value!r}}})' in caught.value.hint
    assert experiment.trials() == []
    with experiment.trial(params=options) as trial:  # as the hint says
        assert trial.params == options


def test_a_parameter_that_is_given_twice_is_refused(experiment: Experiment) -> None:
    with pytest.raises(InvalidMetadata, match="'k' is given twice"):
        experiment.trial(params={"k": 1}, k=1)
    assert experiment.trials() == []


def test_resuming_needs_the_name_of_a_trial(experiment: Experiment) -> None:
    with pytest.raises(InvalidMetadata, match="there is none") as caught:
        experiment.trial(name="long", resume=True)
    assert caught.value.hint == 'experiment.trial("long", resume=True)'
    assert experiment.trials() == []


@pytest.mark.parametrize("bad", [{"": 1}, {"a\nb": 1}, {5: 1}])
def test_a_bad_parameter_leaves_no_running_trial_behind(
    experiment: Experiment, bad: dict[str, object]
) -> None:
    with pytest.raises(InvalidMetadata, match="cannot name a param"):
        experiment.trial(params=bad)
    assert experiment.trials() == []
    assert Experiment.current() is None


def test_resuming_with_another_parameter_leaves_the_trial_as_it_was(experiment: Experiment) -> None:
    experiment.trial("long", k=5).finish()
    with pytest.raises(InvalidMetadata, match="is 5 already, not 6"):
        experiment.trial("long", resume=True, k=6)
    assert experiment["long"].status == "completed"
    assert Experiment.current() is None


def test_a_trial_that_cannot_begin_has_failed(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(trial: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(experiment, "_announce", refuse)
    with pytest.raises(OSError, match="no room"):
        experiment.trial("unlucky")
    assert experiment["unlucky"].status == "failed"
    assert Experiment.current() is None


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ({"a": 1}, {"a": 1.0})]
)
def test_parameters_that_python_calls_equal_are_told_apart(
    experiment: Experiment, one: object, other: object
) -> None:
    trial = experiment.trial("apart", params={"k": one})
    with pytest.raises(InvalidMetadata, match="already, not"):
        trial.log_param("k", other)
    trial.log_param("k", one)
    trial.finish()
    with pytest.raises(InvalidMetadata, match="already, not"):
        experiment.trial("apart", resume=True, params={"k": other})
    experiment.trial("apart", resume=True, params={"k": one}).finish()
    assert repr(experiment["apart"].params) == repr({"k": one})


def test_what_is_known_of_trials_is_the_callers_to_change(experiment: Experiment) -> None:
    with experiment.trial("kept", params={"layers": [1, 2], "k": {"a": 1}}) as trial:
        trial.log_metric("loss", 0.5)
        trial.tag(stage="draft")
        trial.params["layers"].append(3)

    def handed_out() -> list[object]:
        frame = experiment.compare()
        return [experiment["kept"], experiment.trials()[0], experiment.best("loss", "min"), frame]

    *states, frame = handed_out()
    frame["params.layers"].iloc[0].append(9)  # type: ignore[index]
    for known in states:
        known.params["layers"].append(9)  # type: ignore[attr-defined]
        known.params["k"]["a"] = 9  # type: ignore[attr-defined]
        known.metrics["loss"].last = 9.0  # type: ignore[attr-defined]
        known.tags.clear()  # type: ignore[attr-defined]
        known.status = "lost"  # type: ignore[attr-defined]
    *states, frame = handed_out()
    for known in states:
        assert known.params == {"layers": [1, 2], "k": {"a": 1}}  # type: ignore[attr-defined]
        assert known.metrics["loss"].last == 0.5  # type: ignore[attr-defined]
        assert (known.tags, known.status) == ({"stage": "draft"}, "completed")  # type: ignore[attr-defined]
    assert list(frame["params.layers"]) == [[1, 2]]  # type: ignore[index]
    assert trial.params == {"layers": [1, 2], "k": {"a": 1}}


def test_a_dictionary_as_the_name_is_told_how_parameters_are_given(experiment: Experiment) -> None:
    with pytest.raises(InvalidMetadata, match="is its name") as caught:
        experiment.trial({"k": 2})  # type: ignore[arg-type]
    assert caught.value.hint == "experiment.trial(params={'k': 2})"
    assert experiment.trials() == []


def test_resuming_a_name_that_is_spelled_almost_like_another_warns(experiment: Experiment) -> None:
    for name in ("baseline", "fold-1"):
        experiment.trial(name).finish()
    with pytest.warns(UserWarning, match="no trial 'basline' to resume.* Did you mean 'baseline'") as told:
        experiment.trial("basline", resume=True).finish()
    assert [Path(item.filename).name for item in told] == ["test_starting.py"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        experiment.trial("baseline", resume=True).finish()
        experiment.trial("fold-2", resume=True).finish()  # a number more is no slip
        experiment.trial("other", resume=True).finish()
    assert len(experiment.trials()) == 5


def test_sinks_may_be_given_as_a_text_as_in_the_setting(saver: Saver) -> None:
    address = "mlflow:http://127.0.0.1:9"
    assert Experiment("a", sinks=address, saver=saver).sinks == [address]
    assert Experiment("a", sinks=f"store, {address}", saver=saver).sinks == ["store", address]
    assert Experiment("a", sinks="none", saver=saver).sinks == []
    with pytest.raises(SettingsError, match="There is no sink 'mlfow'"):
        Experiment("a", sinks="mlfow", saver=saver)
    with pytest.raises(SettingsError, match="sinks= are addresses, not 5"):
        Experiment("a", sinks=5, saver=saver)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tags": ["a"]}, "The tags of an experiment are a dictionary"),
        ({"goals": ["loss"]}, "The goals of an experiment are a dictionary"),
        ({"goals": {"loss": "low"}}, "'min' or 'max'"),
        ({"description": {"squad": "red"}}, "The description of an experiment is a text"),
    ],
)
def test_what_an_experiment_cannot_be_told_is_refused(
    saver: Saver, options: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidMetadata, match=told):
        Experiment("odd", saver=saver, **options)  # type: ignore[arg-type]
    assert Experiment.list(saver=saver) == []


def test_tags_of_an_experiment_are_kept_as_those_of_a_trial(saver: Saver) -> None:
    Experiment("odd", tags={"n": np.int64(3), "at": Path("a")}, saver=saver)
    assert Experiment("odd", saver=saver).tags == {"n": 3, "at": "a"}


def test_experiments_are_listed_with_how_many_trials_they_have(saver: Saver) -> None:
    assert Experiment.list(saver=saver) == []
    Experiment("empty", "Why?", saver=saver)
    full = Experiment("full", saver=saver)
    for _ in range(3):
        full.trial().finish()
    empty, known = Experiment.list(saver=saver)
    assert (empty.name, empty.trials, empty.description, empty.latest) == ("empty", 0, "Why?", None)
    assert (known.name, known.trials) == ("full", 3)
    assert known.latest is not None
    assert known.latest.timestamp() == pytest.approx(full.trials()[-1].started, abs=60)
    assert repr(empty) == "empty: no trials  Why?"
