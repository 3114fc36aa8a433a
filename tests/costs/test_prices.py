"""The price of an hour: asked, remembered, of the table that comes along, or unknown."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from jsk_saver.costs import bundling, prices
from jsk_saver.costs.answers import Answers
from jsk_saver.costs.prices import Prices

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(tmp_path / "costs")


def test_all_pages_of_the_price_list_are_read_once_for_a_region(billing, answers):
    types = ["ml.t3.medium", "ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.g5.xlarge"]
    for number, name in enumerate(types, 1):
        billing.prices["eu-central-1", "Studio-JupyterLab", name] = f"{number}.5000000000"
        billing.prices["us-east-1", "Studio-JupyterLab", name] = "99"
    found = Prices("eu-central-1", answers)
    assert [found.of(name).hourly for name in types] == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert billing.count("GetProducts") == 2
    assert found.of("ml.p5.48xlarge").hourly is None
    assert billing.count("GetProducts") == 2


def test_apps_of_another_kind_have_prices_of_their_own(billing, answers):
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.05"
    billing.prices["us-west-2", "studio-codeeditor", "ml.t3.medium"] = "0.06"
    found = Prices("us-west-2", answers)
    assert found.of("ml.t3.medium", "CodeEditor").hourly == 0.06
    assert found.of("ml.m5.xlarge", "CodeEditor").hourly is None  # the table is of JupyterLab
    assert found.of("ml.t3.medium", "Canvas").hourly is None


def test_prices_are_asked_for_once_a_day(billing, answers, monkeypatch):
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.05"
    assert Prices("us-west-2", answers).of("ml.t3.medium").hourly == 0.05
    assert Prices("us-west-2", answers).of("ml.t3.medium").hourly == 0.05
    assert billing.count("GetProducts") == 1
    monkeypatch.setattr(prices, "_FRESH", dt.timedelta())
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.07"
    assert Prices("us-west-2", answers).of("ml.t3.medium").hourly == 0.07


def test_where_asking_is_refused_older_prices_count_with_their_day(billing, answers, monkeypatch):
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.04"
    Prices("us-west-2", answers).of("ml.t3.medium")
    monkeypatch.setattr(prices, "_FRESH", dt.timedelta())
    billing.fail_next("GetProducts", "AccessDeniedException", "not authorized", times=9)
    found = Prices("us-west-2", answers)
    price = found.of("ml.t3.medium")
    assert price.hourly == 0.04
    assert price.source.startswith("the AWS Price List, asked 20")
    assert "pricing:GetProducts" in found.notes[0]


def test_where_nothing_was_ever_told_the_kits_table_counts_with_its_day(billing, answers):
    billing.fail_next("GetProducts", "AccessDeniedException", times=9)
    found = Prices("us-west-2", answers)
    assert found.of("ml.m5.xlarge").hourly == 0.23
    assert found.of("ml.m5.xlarge").source == "the kit's table of 2026-09-01"
    assert billing.count("GetProducts") == 1


@pytest.mark.parametrize(
    ("region", "instance"), [("sa-east-1", "ml.m5.xlarge"), ("us-west-2", "ml.p3.2xlarge")]
)
def test_what_the_table_does_not_have_is_unknown_and_no_other_regions_price(
    billing, answers, region, instance
):
    billing.fail_next("GetProducts", "AccessDeniedException", times=9)
    price = Prices(region, answers).of(instance)
    assert (price.hourly, price.of(3600), price.source) == (None, None, "unknown")


def test_the_table_names_its_source_its_days_and_plausible_prices():
    table = json.loads(prices._TABLE.read_text())
    assert "AWS Price List" in table["source"]
    for known in table["regions"].values():
        assert dt.date.fromisoformat(f"{known['date']}-01"[:10]).year >= 2026
        assert all(name.startswith("ml.") and 0.01 < price < 200 for name, price in known["prices"].items())


def test_the_table_can_be_written_anew_from_the_price_list(billing):
    billing.prices["eu-central-1", "Studio-JupyterLab", "ml.t3.medium"] = "0.058"
    table = bundling.table(["eu-central-1"], dt.date(2026, 11, 21))
    assert table["regions"] == {"eu-central-1": {"date": "2026-11-21", "prices": {"ml.t3.medium": 0.058}}}
    assert set(table) == set(json.loads(prices._TABLE.read_text()))


def test_an_answer_that_cannot_be_read_is_asked_for_again(billing, answers, tmp_path):
    billing.prices["us-west-2", "Studio-JupyterLab", "ml.t3.medium"] = "0.05"
    Prices("us-west-2", answers).of("ml.t3.medium")
    (kept,) = (tmp_path / "costs").iterdir()
    kept.write_text('{"asked": "yest')
    assert Prices("us-west-2", answers).of("ml.t3.medium").hourly == 0.05
    assert billing.count("GetProducts") == 2
