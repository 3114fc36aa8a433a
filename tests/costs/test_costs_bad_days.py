"""``jsk costs`` with odd bills, odd files and missing rights."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from jsk_saver.cli import spending
from jsk_saver.costs.answers import Answers
from jsk_saver.costs.prices import Prices
from jsk_saver.costs.usage import instance_of, use_of
from jsk_saver.tracking.state import TrialState

pytestmark = pytest.mark.usefixtures("aws")

JUPYTER = "EUC1-Studio:JupyterLab-ml.m5.xlarge"
IRIS = {"squad": "vision", "experiment": "iris"}


@pytest.fixture
def configured(project):
    """A project of Ada's."""
    (project / "jsk.toml").write_text('[platform]\nsquad = "vision"\nexperiment = "iris"\n')


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of the kit's own."""
    monkeypatch.setenv("JSK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# Bills ----------------------------------------------------------------------------------------------


def test_another_currency_is_named_wherever_an_amount_of_the_bill_is(billing, configured, today, jsk, answer):
    billing.currency = "CNY"
    for days in range(20):
        billing.charge(today - dt.timedelta(days=days), JUPYTER, "2", "1", tags=IRIS)
    told = answer("costs", "--no-apps")
    assert (told["currency"], told["total"]) == ("CNY", 40.0)
    done = jsk("costs", "--no-apps")
    assert "CNY 40.00" in done.stdout
    assert "CNY 12.00: jsk costs --by day" in done.stderr
    assert "$" not in done.stdout


def test_discounts_lower_the_sum_and_may_make_it_negative(billing, configured, today, jsk, answer):
    billing.charge(today, JUPYTER, "1.5", "3", tags=IRIS)
    billing.charge(today, JUPYTER, "-4.5", "3", tags=IRIS, record="SavingsPlanNegation")
    told = answer("costs", "--no-apps")
    assert (told["total"], told["by_day"][-1]["cost"]) == (-3.0, -3.0)
    assert "-$3.00" in jsk("costs", "--no-apps").stdout


@pytest.mark.parametrize("name", ["o'neil", "a$b", "ü x", "x/y:z=1+2-3@4", "$(id)"])
def test_a_tag_with_any_character_is_asked_for_and_told_as_it_is(billing, today, answer, name):
    billing.charge(today, JUPYTER, "2", "1", tags={**IRIS, "user": name})
    assert answer("costs", "--user", name, "--no-apps")["total"] == 2.0
    (row,) = answer("costs", "--all", "--by", "user", "--no-apps")["by_user"]
    assert row["name"] == name


@pytest.mark.parametrize("instance", ["ml.p6-b200.48xlarge", "ml.p6e-gb200.36xlarge", "u-12tb1.112xlarge"])
def test_types_with_a_hyphen_are_told_whole(instance):
    assert instance_of(f"USE1-Train:{instance}") == instance
    assert use_of(f"USE1-Train:{instance}") == "training"


def test_a_day_too_long_ago_says_how_far_cost_explorer_goes_back(jsk):
    said = jsk("costs", "--since", "2020-01-01", code=6).stderr
    assert "jsk costs --since 365d    # Cost Explorer keeps 14 months" in said


# Files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [7, "x", [[1]], [[{"TimePeriod": {}}]], {"a": 1}, None])
def test_a_kept_answer_that_is_none_is_asked_for_again(billing, configured, home, today, answer, value):
    billing.charge(today, JUPYTER, "2", "1", tags=IRIS)
    answer("costs", "--no-apps")
    (kept,) = (home / "costs").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "value": value}))
    told = answer("costs", "--no-apps")
    assert (told["total"], told["requests"]) == (2.0, 1)


@pytest.mark.parametrize("value", [7, "ml.t3.medium", ["ml.t3.medium"], {"ml.t3.medium": "cheap"}, None])
def test_kept_prices_that_are_none_are_asked_for_again(billing, tmp_path, value):
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.07"
    answers = Answers(tmp_path / "kept")
    Prices("us-west-2", answers).of("ml.t3.medium")
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "value": value}))
    assert Prices("us-west-2", answers).of("ml.t3.medium").hourly == 0.07


def test_where_nothing_can_be_kept_the_answer_is_told_and_nothing_is_left(
    billing, configured, home, today, jsk, answer, monkeypatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    billing.charge(today, JUPYTER, "2", "1", tags=IRIS)
    monkeypatch.setattr(Path, "replace", full)
    assert answer("costs", "--no-apps")["total"] == 2.0
    assert "It could not be kept: the next costs too." in jsk("costs", "--no-apps").stderr
    assert list((home / "costs").iterdir()) == []


# Apps -----------------------------------------------------------------------------------------------


def test_an_app_that_is_idle_for_at_least_so_long_is_said_to_be(studio, jsk):
    studio.state.add_space("d-1", "s")
    studio.state.start_app("d-1", "s", hours=9, idle=5, checked=5)
    assert "nobody has used it for 5 h or longer." in jsk("costs").stderr


def test_where_tags_may_not_be_read_it_is_told_that_apps_may_be_anybodys(configured, studio, jsk, answer):
    studio.state.add_space("d-1", "s")
    studio.state.tag_space("d-1", "s", squad="growth")
    studio.state.start_app("d-1", "s", hours=9, idle=5, checked=0.01)
    studio.deny("ListTags")
    assert "Experiments are not known: AWS refused listing tags" in jsk("costs").stderr
    assert "Experiments are not known" in answer("costs")["apps_unknown"]


# Trials ---------------------------------------------------------------------------------------------


def test_trials_whose_costs_are_all_known_have_a_sum_without_reserve(billing, jsk, monkeypatch):
    from jsk_saver import Saver
    from jsk_saver.tracking import Experiment, hardware

    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "3600"
    hardware.describe.cache_clear()
    for name, instance in {"first": "ml.m5.xlarge", "second": "ml.m5.xlarge", "third": "ml.x9.huge"}.items():
        monkeypatch.setenv("SM_CURRENT_INSTANCE_TYPE", instance)
        hardware.describe.cache_clear()
        if name == "third":
            assert "as far as it is known" not in jsk("costs", "--trial", "iris").stderr
        with Experiment("iris", sinks=(), saver=Saver()).trial(name):
            pass
    hardware.describe.cache_clear()
    assert "as far as it is known" in jsk("costs", "--trial", "iris").stderr


@pytest.mark.parametrize(("ago", "shortest", "longest"), [(60, 59, 3600), (-3600, 0, 0)])
def test_a_running_trial_has_run_until_now_and_never_for_less_than_nothing(ago, shortest, longest):
    """The clock of the machine that it runs on may be ahead."""
    started = dt.datetime.now(dt.UTC).timestamp() - ago
    state = TrialState("iris", "first", status="running", started=started)
    assert shortest <= spending._seconds(state) <= longest


def test_a_trial_that_has_not_noted_its_start_yet_has_not_run_since_1970():
    assert spending._seconds(TrialState("iris", "first", status="running")) is None


# The shell ------------------------------------------------------------------------------------------


def test_the_shell_completes_ways_of_adding_up(monkeypatch, jsk):
    monkeypatch.setenv("_JSK_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "jsk costs --by s")
    monkeypatch.setenv("COMP_CWORD", "3")
    from typer.testing import CliRunner

    from jsk_saver.cli.app import app

    assert CliRunner().invoke(app, [], prog_name="jsk").stdout.split() == ["service", "squad"]
