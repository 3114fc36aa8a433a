"""``jsk costs``: what was spent, what asking cost, and what runs for nobody."""

from __future__ import annotations

import datetime as dt

import pytest

from jsk_saver.costs import explorer

pytestmark = pytest.mark.usefixtures("aws")

IRIS = {"squad": "vision", "experiment": "iris", "user": "ada"}
CHURN = {"squad": "growth", "experiment": "churn", "user": "bob"}
JUPYTER = "EUC1-Studio:JupyterLab-ml.m5.xlarge"


@pytest.fixture
def spent(billing, today):
    """Two squads' bill of three days, with a credit that changes nothing."""
    for days in range(3):
        day = today - dt.timedelta(days=days)
        billing.charge(day, JUPYTER, "0.828", "3", tags=IRIS)
        billing.charge(day, "EUC1-TimedStorage-ByteHrs", "0.1", service="Amazon S3", tags=IRIS)
        billing.charge(day, "EUC1-Train:ml.g5.2xlarge", "1.9", "1", tags=CHURN)
        billing.charge(day, "EUC1-BoxUsage:m5.large", "7", "60", service="Amazon EC2")
    billing.charge(today, "EUC1-Studio:VolumeUsage.gp3", "0.25", tags={**IRIS, "user": "bob"})
    billing.charge(today, "Credit", "-100", tags=IRIS, record="Credit")
    return billing


@pytest.fixture
def configured(project):
    """A project of Ada's."""
    (project / "jsk.toml").write_text('[platform]\nsquad = "vision"\nexperiment = "iris"\n')


def sums(told: list[dict]) -> dict[str, float]:
    return {one["name"]: one["cost"] for one in told}


# What is told ---------------------------------------------------------------------------------------


def test_one_question_tells_days_services_and_instances_of_this_projects_experiment(
    spent, configured, answer, today
):
    spent.page = 100
    told = answer("costs", "--since", "7d", "--no-apps")
    assert told["tags"] == {"squad": "vision", "experiment": "iris"}
    assert told["total"] == pytest.approx(3 * 0.928 + 0.25)
    assert len(told["by_day"]) == 7
    assert sums(told["by_day"])[today.isoformat()] == pytest.approx(0.928 + 0.25)
    assert sums(told["by_service"]) == pytest.approx({"Amazon SageMaker": 2.734, "Amazon S3": 0.3})
    instance, rest = told["by_instance"]
    assert (instance["name"], instance["hours"], instance["used"]) == ("ml.m5.xlarge", 9.0, "JupyterLab")
    assert (rest["name"], rest["cost"]) == ("(storage and others)", pytest.approx(0.55))
    assert (told["requests"], told["requests_cost"]) == (1, 0.01)
    assert spent.count("GetCostAndUsage") == 1


def test_every_way_of_adding_up_comes_to_the_same(spent, configured, answer):
    told = answer("costs", "--no-apps")
    for way in ("by_day", "by_service", "by_instance"):
        assert sum(one["cost"] for one in told[way]) == pytest.approx(told["total"])


def test_pages_are_followed_and_each_is_paid_for(spent, configured, answer, jsk):
    told = answer("costs", "--no-apps")
    assert told["requests"] == spent.count("GetCostAndUsage") == 3
    assert told["requests_cost"] == 0.03
    assert told["total"] == pytest.approx(3 * 0.928 + 0.25)
    assert "3 requests to Cost Explorer: $0.03." in jsk("costs", "--no-apps", "--fresh").stderr


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("squad", {"vision": 3.034, "growth": 5.7}),
        ("experiment", {"iris": 3.034, "churn": 5.7}),
        ("user", {"ada": 2.784, "bob": 5.95}),
        ("instance", {"ml.g5.2xlarge": 5.7, "ml.m5.xlarge": 2.484, "(storage and others)": 0.55}),
        ("service", {"Amazon SageMaker": 8.434, "Amazon S3": 0.3}),
    ],
)
def test_all_squads_are_compared_by_any_tag_and_what_has_no_tag_is_not_theirs(spent, answer, by, expected):
    told = answer("costs", "--all", "--by", by, "--no-apps")
    assert sums(told[f"by_{by}"]) == pytest.approx(expected)
    assert told["total"] == pytest.approx(8.734)


def test_without_a_project_all_squads_are_told(spent, answer):
    assert sums(answer("costs", "--no-apps")["by_squad"]) == pytest.approx({"vision": 3.034, "growth": 5.7})


def test_in_a_project_squads_are_compared_with_all_and_experiments_with_those_of_the_squad(
    spent, configured, answer
):
    assert set(sums(answer("costs", "--by", "squad", "--no-apps")["by_squad"])) == {"vision", "growth"}
    assert set(sums(answer("costs", "--by", "experiment", "--no-apps")["by_experiment"])) == {"iris"}
    assert set(sums(answer("costs", "--by", "user", "--no-apps")["by_user"])) == {"ada", "bob"}


def test_costs_of_one_user_are_told_by_name(spent, configured, answer):
    told = answer("costs", "--user", "bob", "--by", "service", "--no-apps")
    assert (told["tags"], told["total"]) == ({"user": "bob"}, pytest.approx(5.95))


def test_costs_without_a_value_of_the_tag_are_told_apart(spent, answer, billing, today):
    billing.charge(today, JUPYTER, "4", "1", tags={"squad": "vision"})
    assert sums(answer("costs", "--by", "experiment", "--no-apps")["by_experiment"])["(no tag)"] == 4.0


def test_days_of_this_month_are_estimated_and_those_before_final(billing, configured, jsk, answer, today):
    before = today.replace(day=1) - dt.timedelta(days=1)
    billing.charge(before, JUPYTER, "2", "1", tags=IRIS)
    billing.charge(today, JUPYTER, "3", "1", tags=IRIS)
    told = answer("costs", "--since", before.isoformat(), "--by", "day", "--no-apps")
    assert (told["total"], told["estimated"]) == (5.0, 3.0)
    assert before.isoformat() not in told["estimated_days"]
    said = jsk("costs", "--since", before.isoformat(), "--by", "day", "--no-apps").stdout
    assert "$5.00, of which $3.00 is estimated" in said
    lines = {line.split()[0]: line.split()[-1] for line in said.splitlines() if line.startswith("20")}
    assert (lines[before.isoformat()], lines[today.isoformat()]) == ("final", "estimated")


def test_nothing_billed_says_why_that_may_be(billing, jsk):
    done = jsk("costs", "--experiment", "nobody", "--no-apps")
    assert "$0.00" in done.stdout
    assert "They count from the day they are activated" in done.stderr


@pytest.mark.parametrize(("since", "days"), [("1d", 1), ("7d", 7), ("2w", 14), ("30d", 30)])
def test_the_period_ends_with_today(billing, answer, today, since, days):
    told = answer("costs", "--since", since, "--no-apps")
    assert dt.date.fromisoformat(told["end"]) == today + dt.timedelta(days=1)
    assert dt.date.fromisoformat(told["start"]) == today - dt.timedelta(days=days - 1)


@pytest.mark.parametrize("since", ["0d", "yesterday", "2199-01-01", "-3d", "9999d", ""])
def test_a_period_that_is_none_is_refused_and_costs_nothing(billing, jsk, since):
    assert "cannot be told" in jsk("costs", f"--since={since}", code=2).stderr
    assert billing.count("GetCostAndUsage") == 0


def test_another_way_of_adding_up_is_refused_and_costs_nothing(billing, jsk):
    assert "jsk costs --by service" in jsk("costs", "--by", "colour", code=2).stderr
    assert billing.count("GetCostAndUsage") == 0


# What asking costs ----------------------------------------------------------------------------------


def test_an_answer_counts_for_hours_and_says_its_age(spent, configured, jsk, answer):
    first = answer("costs", "--no-apps")
    paid = spent.count("GetCostAndUsage")
    again = answer("costs", "--no-apps")
    assert spent.count("GetCostAndUsage") == paid
    assert (again["requests"], again["requests_cost"], again["total"]) == (0, 0.0, first["total"])
    assert again["asked"] == first["asked"]
    assert "ago, at no cost; --fresh asks again: $0.01 a request." in jsk("costs", "--no-apps").stderr


def test_by_day_service_and_instance_need_no_further_question(spent, configured, answer):
    answer("costs", "--no-apps")
    paid = spent.count("GetCostAndUsage")
    for way in ("day", "service", "instance"):
        answer("costs", "--by", way, "--no-apps")
    assert spent.count("GetCostAndUsage") == paid


def test_fresh_asks_again_and_so_does_age(spent, configured, answer, monkeypatch, billing, today):
    answer("costs", "--no-apps")
    billing.charge(today, JUPYTER, "10", "1", tags=IRIS)
    assert answer("costs", "--no-apps", "--fresh")["total"] == pytest.approx(13.034)
    billing.charge(today, JUPYTER, "10", "1", tags=IRIS)
    monkeypatch.setattr(explorer, "FRESH", dt.timedelta())
    assert answer("costs", "--no-apps")["total"] == pytest.approx(23.034)


def test_another_accounts_answer_is_not_taken(spent, configured, answer, billing):
    assert answer("costs", "--no-apps")["requests"] > 0
    billing.account = "999999999999"
    assert answer("costs", "--no-apps")["requests"] > 0


# What goes wrong ------------------------------------------------------------------------------------


def test_a_missing_right_is_named(billing, jsk):
    billing.fail_next("GetCostAndUsage", "AccessDeniedException", "not authorized")
    said = jsk("costs", code=6).stderr
    assert "Ask for the IAM action ce:GetCostAndUsage" in said


def test_costs_that_are_not_gathered_yet_are_told_so(billing, jsk):
    billing.fail_next("GetCostAndUsage", "DataUnavailableException", "Data is not available")
    assert "gathers data for a day after it was first opened" in jsk("costs", code=6).stderr


def test_an_answer_that_breaks_off_is_not_kept(spent, configured, jsk, answer, billing):
    billing.fail_next("GetCostAndUsage", "RequestChangedException", "Your request parameters changed")
    jsk("costs", "--no-apps", code=6)
    assert answer("costs", "--no-apps")["requests"] == 3


def test_without_boto3_the_extra_is_named(jsk, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    for command in (["costs"], ["apps"]):
        assert "pip install 'jsk-saver[s3]'" in jsk(*command, code=2).stderr


# Apps that nobody uses ------------------------------------------------------------------------------


def test_idle_apps_are_warned_of(spent, billing, configured, studio, jsk, answer):
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.t3.medium"] = "0.05"
    for name, more in {
        "idle": {"hours": 9, "idle": 5, "checked": 0.01},
        "busy": {"hours": 9, "idle": 0.2, "checked": 0.01},
        "who-knows": {"hours": 40, "idle": 0.01, "checked": 0.01},
        "young": {"hours": 1, "idle": 0.01, "checked": 0.01},
    }.items():
        studio.state.add_space("d-1", name)
        studio.state.start_app("d-1", name, **more)
    assert [one["name"] for one in answer("costs")["idle_apps"]] == ["who-knows", "idle"]
    said = jsk("costs").stderr
    assert "Running: idle on ml.t3.medium for 9 h at $0.05 an hour; nobody has used it for 5 h." in said
    assert "whether anybody uses it, Studio does not tell" in said
    assert "jsk apps stop" in said
    assert studio.changes() == []


def test_apps_of_other_squads_are_their_own_business(spent, configured, studio, answer):
    for name, squad in {"ours": "vision", "theirs": "growth"}.items():
        studio.state.add_space("d-1", name)
        studio.state.tag_space("d-1", name, squad=squad)
        studio.state.start_app("d-1", name, hours=9, idle=5, checked=0.01)
    assert [one["name"] for one in answer("costs")["idle_apps"]] == ["ours"]
    assert len(answer("costs", "--all")["idle_apps"]) == 2


def test_an_app_that_is_being_stopped_is_not_warned_of(spent, studio, answer):
    studio.state.add_space("d-1", "idle")
    studio.state.start_app("d-1", "idle", hours=9, idle=5, checked=0.01, status="Deleting")
    assert answer("costs")["idle_apps"] == []


def test_costs_are_told_also_where_apps_may_not_be_listed(spent, configured, studio, jsk, answer):
    studio.deny("ListApps")
    assert answer("costs")["total"] == pytest.approx(3.034)
    assert "Whether apps run idle is not known: AWS refused listing apps" in jsk("costs").stderr
