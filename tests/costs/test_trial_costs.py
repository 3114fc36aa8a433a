"""``jsk costs --trial``: the noted instance, for as long as it ran, at the price of an hour."""

from __future__ import annotations

import pytest

from jsk_saver import Saver
from jsk_saver.costs.answers import Answers
from jsk_saver.costs.prices import Prices
from jsk_saver.costs.trials import cost_of, region_of
from jsk_saver.tracking import Experiment, hardware

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def track(monkeypatch):
    """Run a trial as if on an instance."""

    def run(name: str, instance: str) -> None:
        monkeypatch.setenv("SM_CURRENT_INSTANCE_TYPE", instance)
        hardware.describe.cache_clear()
        with Experiment("iris", sinks=(), saver=Saver()).trial(name):
            pass

    yield run
    hardware.describe.cache_clear()


@pytest.fixture
def offline(tmp_path) -> Prices:
    return Prices("us-west-2", Answers(tmp_path), ask=False)


def test_a_trial_costs_its_seconds_at_the_price_of_its_instance(billing, track, answer, jsk):
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "3600"  # a dollar a second
    track("first", "ml.m5.xlarge")
    (told,) = answer("costs", "--trial", "iris/first")
    assert (told["trial"], told["instance"], told["price"]) == ("iris/first", "ml.m5.xlarge", 3600.0)
    assert told["seconds"] > 0
    assert told["cost"] == pytest.approx(told["seconds"])
    assert billing.count("GetCostAndUsage") == 0
    assert "the AWS Price List, asked" in jsk("costs", "--trial", "iris/first").stderr


def test_all_trials_of_an_experiment_are_told_with_their_sum(billing, track, answer, jsk):
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "3600"
    for name in ("first", "second"):
        track(name, "ml.m5.xlarge")
    told = answer("costs", "--trial", "iris")
    assert [one["trial"] for one in told] == ["iris/first", "iris/second"]
    assert "Together $" in jsk("costs", "--trial", "iris").stderr
    assert billing.count("GetProducts") == 1


def test_a_trial_of_an_instance_without_a_price_costs_an_unknown_amount(track, answer, jsk):
    track("first", "ml.p5en.48xlarge")
    (told,) = answer("costs", "--trial", "iris/first")
    assert (told["price"], told["cost"]) == (None, None)
    assert told["why"] == "no price of ml.p5en.48xlarge in us-east-1"
    assert "unknown" in jsk("costs", "--trial", "iris/first").stdout


def test_a_trial_on_ones_own_machine_has_no_cost(answer, monkeypatch):
    monkeypatch.setattr(hardware, "instance", lambda: "")
    hardware.describe.cache_clear()
    with Experiment("iris", sinks=(), saver=Saver()).trial("local"):
        pass
    hardware.describe.cache_clear()
    (told,) = answer("costs", "--trial", "iris/local")
    assert (told["instance"], told["cost"], told["why"]) == ("", None, "it noted no instance of AWS")


@pytest.mark.parametrize("which", ["nobody", "nobody/x", "iris/x"])
def test_a_trial_that_is_not_there_is_not_found(track, jsk, which):
    track("first", "ml.m5.xlarge")
    assert "jsk trials" in jsk("costs", "--trial", which, code=3).stderr


def test_inside_of_studio_the_machines_own_name_is_an_instance_of_sagemaker(offline):
    here = {"instance": "m5.xlarge", "host": "d-abc/ada-iris", "cost": {"seconds": 7200}}
    assert cost_of("iris/a", here, None, offline).cost == pytest.approx(0.46)
    elsewhere = {**here, "host": "build-7"}
    told = cost_of("iris/a", elsewhere, None, offline)
    assert (told.cost, told.why) == (None, "m5.xlarge is no instance of SageMaker")


def test_what_was_noted_of_the_run_itself_counts_before_times_in_the_journal(offline):
    noted = {"instance": "ml.m5.xlarge", "cost": {"instance": "ml.m5.xlarge", "seconds": 3600}}
    assert cost_of("iris/a", noted, 10.0, offline).cost == pytest.approx(0.23)
    assert cost_of("iris/a", {"instance": "ml.m5.xlarge"}, 1800.0, offline).cost == pytest.approx(0.115)


def test_a_trial_without_an_end_has_no_cost(offline):
    told = cost_of("iris/a", {"instance": "ml.m5.xlarge"}, None, offline)
    assert (told.cost, told.why) == (None, "its end is not known")


def test_a_trials_image_tells_its_region():
    image = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/kernels/iris@sha256:0a"
    assert region_of({"image": image}) == "ap-northeast-2"
    assert region_of({"image": "registry.example.org/iris"}) == region_of({}) == ""
