"""``jsk apps`` where rights are missing, names are taken twice, and programs read what it says."""

from __future__ import annotations

import json

import pytest

from jsk_saver.costs import apps

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def two(studio, billing):
    """Ada's and Bob's apps: she was last seen three hours ago, he a day ago."""
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "0.2300000000"
    found = {}
    for name, idle in {"ada-iris": 3, "bob-iris": 24}.items():
        studio.state.add_space("d-1", name, owner=name[:3])
        studio.state.tag_space("d-1", name, squad="vision", experiment="iris")
        found[name] = studio.state.start_app(
            "d-1", name, instance="ml.m5.xlarge", hours=30, idle=idle, checked=0.01
        )
    return found


# Rights ---------------------------------------------------------------------------------------------


def test_without_the_right_to_describe_apps_they_are_listed_and_none_counts_as_idle(two, studio, jsk, answer):
    studio.deny("DescribeApp")
    told = {one["name"]: one for one in answer("apps")}
    assert set(told) == set(two)
    ada = told["ada-iris"]
    assert (ada["user"], ada["instance"], ada["status"]) == ("ada", "ml.m5.xlarge", "InService")
    assert (ada["idle_seconds"], ada["idle_exact"], ada["experiment"]) == (None, False, "")
    assert ada["cost_so_far"] == pytest.approx(30 * 0.23, abs=0.01)
    assert "How long apps are idle is not known: AWS refused describing" in jsk("apps").stderr
    assert answer("apps", "stop", "--idle", "1h", "--yes") == []


def test_without_the_right_to_look_again_an_app_is_left_alone(two, studio, jsk):
    studio.deny("DescribeApp")
    done = jsk("apps", "stop", "ada-iris", "--yes", code=6)
    assert "ada-iris was left alone: AWS refused describing an app" in done.stdout
    assert studio.changes() == []


def test_tags_of_one_space_that_may_not_be_read_hide_no_others(two, studio, jsk, answer):
    studio.fail_next("ListTags", "AccessDeniedException", "is not authorized", status=403)
    assert sorted(one["experiment"] for one in answer("apps")) == ["", "iris"]
    studio.fail_next("ListTags", "AccessDeniedException", "is not authorized", status=403)
    assert "Experiments are not known for 1 of 2: AWS refused listing tags" in jsk("apps").stderr


def test_a_space_that_is_gone_when_its_tags_are_read_is_no_missing_right(two, studio, jsk):
    studio.fail_next("ListTags", "ResourceNotFound", "Space does not exist.")
    assert "not known" not in jsk("apps").stderr


def test_prices_that_could_not_be_asked_for_are_told_from_those_known_before(two, billing, jsk, monkeypatch):
    billing.fail_next("GetProducts", "AccessDeniedException", "no", times=9)
    first = jsk("apps").stderr
    assert "Prices could not be asked for, none were kept from before: AWS refused telling prices" in first
    assert "No price is known." in first
    assert "$0.00 an hour" not in first


def test_a_clock_that_is_wrong_is_said_to_be_wrong(studio, jsk):
    said = "Signature expired: 20261121T090000Z is now earlier than 20261121T095500Z"
    studio.fail_next("ListApps", "InvalidSignatureException", said, times=9)
    assert "Set this machine's clock" in jsk("apps", code=6).stderr


# Names ----------------------------------------------------------------------------------------------


def test_a_space_and_a_user_profile_of_one_name_are_both_listed(studio, answer):
    studio.state.add_space("d-1", "bob")
    for in_space in (True, False):
        studio.state.start_app("d-1", "bob", kind="KernelGateway", name="x", in_space=in_space)
    names = [one["name"] for one in answer("apps")]
    assert sorted(names) == ["space/d-1/bob/KernelGateway/x", "user-profile/d-1/bob/KernelGateway/x"]
    (stopped,) = answer("apps", "stop", "user-profile/d-1/bob/KernelGateway/x", "--yes")
    assert stopped["stopped"]
    assert [app["Status"] for app in studio.state.apps] == ["InService", "Deleting"]


def test_every_app_has_a_name_of_its_own():
    both = [apps.App("d-1", "bob", "KernelGateway", "x", in_space=inside) for inside in (True, False)]
    assert list(apps.names(both).values()) == both


# What is said ---------------------------------------------------------------------------------------


def test_what_is_being_stopped_is_no_part_of_what_an_hour_costs(two, jsk):
    jsk("apps", "stop", "ada-iris", "--yes")
    said = jsk("apps").stderr
    assert "Together $0.23 an hour, $5.52 a day, without 1 app being stopped." in said


def test_a_program_gets_nothing_but_json_also_where_somebody_is_asked(two, jsk, agreeing):
    done = jsk("apps", "stop", "--idle", "20h", "--json")
    assert json.loads(done.stdout) == [{"name": "bob-iris", "stopped": True, "why": ""}]
    assert agreeing == ["Stop 1 app?"]
    assert "vision/iris" in done.stderr


def test_what_to_type_instead_is_about_the_same_apps(two, studio, jsk):
    done = jsk("apps", "stop", "--idle", "2h", "--domain", "d-1", "--region", "us-east-1", code=5)
    assert "jsk apps stop --idle=2h --domain=d-1 --region=us-east-1 --yes" in done.stderr
    assert studio.changes() == []


def test_three_hundred_apps_are_told_though_aws_takes_a_breath(studio, answer):
    for number in range(300):
        studio.state.add_space("d-1", f"s{number}")
        studio.state.start_app("d-1", f"s{number}", hours=number + 1)
    studio.fail_next("DescribeApp", "ThrottlingException", "Rate exceeded", times=2)
    studio.fail_next("ListTags", "ThrottlingException", "Rate exceeded", times=2)
    assert len({one["name"] for one in answer("apps")}) == 300


def test_where_nothing_runs_it_is_told_where_that_was_looked_at(project, studio, jsk):
    assert "No app runs. Looked at: us-east-1, all domains." in jsk("apps").stderr
    (project / "jsk.toml").write_text('[platform]\ndomain_id = "d-1"\n')
    assert "No app runs. Looked at: us-east-1, domain d-1." in jsk("apps").stderr


def test_a_program_that_is_interrupted_is_told_what_was_stopped_until_then(two, studio, project, monkeypatch):
    from typer.testing import CliRunner

    from jsk_saver.cli.app import app
    from jsk_saver.costs import stopping

    look = stopping._changed

    def interrupted(client: object, one: apps.App, idle: float | None) -> str:
        if one.owner == "bob-iris":
            raise KeyboardInterrupt
        return look(client, one, idle)

    monkeypatch.setattr(stopping, "_changed", interrupted)
    done = CliRunner().invoke(app, ["apps", "stop", "ada-iris", "bob-iris", "--yes", "--json"])
    assert done.exit_code == 130
    assert json.loads(done.stdout) == [{"name": "ada-iris", "stopped": True, "why": ""}]
    assert studio.changes() == ["DeleteApp"]
