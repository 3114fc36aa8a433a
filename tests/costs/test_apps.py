"""``jsk apps``: what is told of what runs, and what is never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jsk_saver.costs import apps
from jsk_saver.lineage import kernel

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def lab(studio, billing):
    """Ada's JupyterLab in a space of her own, priced."""
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "0.2300000000"
    studio.state.add_space("d-1", "ada-iris", owner="ada")
    studio.state.tag_space("d-1", "ada-iris", squad="vision", experiment="iris", user="ada")
    return studio.state.start_app("d-1", "ada-iris", instance="ml.m5.xlarge", hours=10, idle=3, checked=0.01)


# What is told ---------------------------------------------------------------------------------------


def test_an_app_is_told_with_its_user_experiment_instance_price_and_idle_time(lab, answer):
    (told,) = answer("apps")
    assert (told["name"], told["app"], told["domain"], told["space"]) == (
        *("ada-iris", "JupyterLab", "d-1", "ada-iris"),
    )
    assert (told["user"], told["squad"], told["experiment"]) == ("ada", "vision", "iris")
    assert (told["instance"], told["price_per_hour"]) == ("ml.m5.xlarge", 0.23)
    assert told["running_seconds"] == pytest.approx(36_000, abs=60)
    assert told["idle_seconds"] == pytest.approx(10_800, abs=60)
    assert told["idle_exact"] is True
    assert told["cost_so_far"] == pytest.approx(2.3, abs=0.01)
    assert told["started"].endswith("+00:00")


def test_the_table_says_the_same_and_what_all_of_it_costs(lab, jsk):
    done = jsk("apps")
    assert "ada-iris" in done.stdout
    assert "vision/iris" in done.stdout
    assert "10 h" in done.stdout
    assert "0.2300" in done.stdout
    assert "Together $0.23 an hour, $5.52 a day." in done.stderr
    assert "the AWS Price List, asked" in done.stderr


def test_pages_are_followed_and_ended_apps_left_out(studio, answer):
    for number in range(8):
        studio.state.add_space("d-1", f"s{number}")
        studio.state.start_app("d-1", f"s{number}", hours=number + 1)
    for status in ("Deleted", "Failed"):
        studio.state.add_space("d-1", status)
        studio.state.start_app("d-1", status, status=status)
    assert [told["name"] for told in answer("apps")] == [f"s{number}" for number in reversed(range(8))]
    assert studio.count("ListApps") > 1


def test_where_the_health_check_was_last_an_app_is_idle_for_at_least_so_long(studio, jsk, answer):
    studio.state.add_space("d-1", "s")
    studio.state.start_app("d-1", "s", hours=20, idle=0.05, checked=0.05)
    assert answer("apps")[0]["idle_exact"] is False
    done = jsk("apps")
    assert "≥ 3 min" in done.stdout
    assert "health check" in done.stderr


def test_an_app_that_tells_no_activity_is_not_known_to_be_idle(studio, jsk, answer):
    studio.state.add_space("d-1", "s")
    studio.state.start_app("d-1", "s", hours=20)
    assert answer("apps")[0]["idle_seconds"] is None
    assert answer("apps", "--idle", "0h") == []
    assert "No app is known to be idle" in jsk("apps", "--idle", "1h").stderr


def test_idle_leaves_out_what_is_in_use(lab, studio, answer):
    studio.state.add_space("d-1", "busy")
    studio.state.start_app("d-1", "busy", hours=30, idle=1.9, checked=0.01)
    assert [told["name"] for told in answer("apps", "--idle", "2h")] == ["ada-iris"]
    assert len(answer("apps", "--idle", "90m")) == 2


def test_several_apps_of_one_space_have_longer_names(lab, studio, answer):
    studio.state.start_app("d-1", "ada-iris", kind="CodeEditor")
    assert [told["name"] for told in answer("apps")] == ["ada-iris/JupyterLab", "ada-iris/CodeEditor"]


def test_apps_of_the_projects_domain_are_listed_and_of_others_on_demand(lab, studio, project, answer):
    studio.state.add_domain("d-2")
    studio.state.add_space("d-2", "other")
    studio.state.start_app("d-2", "other", hours=1)
    assert len(answer("apps")) == 2
    (project / "jsk.toml").write_text('[platform]\ndomain_id = "d-1"\n')
    assert [told["name"] for told in answer("apps")] == ["ada-iris"]
    assert [told["name"] for told in answer("apps", "--domain", "d-2")] == ["other"]
    assert len(answer("apps", "--domain", "all")) == 2


def test_studio_classics_apps_belong_to_user_profiles_and_its_own_server_is_free(studio, billing, answer):
    billing.prices["us-east-1", "Studio-Notebook", "ml.t3.medium"] = "0.05"
    arn = "arn:aws:sagemaker:us-east-1:123456789012:user-profile/d-1/bob"
    studio.state.tags[arn] = {"jsk:experiment": "churn"}
    where = {"in_space": False, "hours": 2.0}
    studio.state.start_app("d-1", "bob", kind="JupyterServer", instance="system", **where)
    studio.state.start_app("d-1", "bob", kind="KernelGateway", name="datascience", **where)
    server, gateway = sorted(answer("apps"), key=lambda told: told["price_per_hour"])
    assert (server["price_per_hour"], server["user_profile"], server["user"]) == (0.0, "bob", "bob")
    assert (gateway["price_per_hour"], gateway["experiment"]) == (0.05, "churn")


def test_nothing_runs(jsk, answer):
    assert answer("apps") == []
    assert "No app runs." in jsk("apps").stderr


# What is not known ----------------------------------------------------------------------------------


def test_a_price_that_nobody_tells_is_unknown_and_left_out_of_the_sum(lab, studio, jsk, answer):
    studio.state.add_space("d-1", "s")
    studio.state.start_app("d-1", "s", instance="ml.p5en.48xlarge")
    told = {one["name"]: one for one in answer("apps")}
    assert (told["s"]["price_per_hour"], told["s"]["cost_so_far"]) == (None, None)
    done = jsk("apps")
    assert "unknown" in done.stdout
    assert "Together $0.23 an hour" in done.stderr
    assert "and 1 app of unknown price." in done.stderr


def test_without_rights_to_spaces_and_tags_the_rest_is_told(lab, studio, jsk, answer):
    studio.deny("ListSpaces")
    studio.deny("ListTags")
    (told,) = answer("apps")
    assert (told["user"], told["experiment"], told["instance"]) == ("", "", "ml.m5.xlarge")
    said = jsk("apps").stderr
    assert "Whose spaces they are is not known" in said
    assert "Experiments are not known" in said


def test_without_the_right_to_list_apps_the_missing_action_is_named(studio, jsk):
    studio.deny("ListApps")
    said = jsk("apps", code=6).stderr
    assert "Ask for the IAM action sagemaker:ListApps" in said


def test_an_app_that_ends_while_it_is_looked_at_is_left_out(lab, studio, answer):
    studio.fail_next("DescribeApp", "ResourceNotFound", "App does not exist.")
    assert answer("apps") == []


@pytest.mark.parametrize("idle", ["soon", "2", "h", "-1h", "2h please"])
def test_an_idle_time_that_is_none_is_refused(jsk, idle):
    assert "is no length of time" in jsk("apps", f"--idle={idle}", code=2).stderr


# Stopping -------------------------------------------------------------------------------------------


def test_stopping_asks_first_and_tells_what_is_lost(lab, studio, jsk, agreeing):
    done = jsk("apps", "stop", "ada-iris")
    assert agreeing == ["Stop 1 app?"]
    assert "Lost: what kernels hold in memory" in done.stderr
    assert "Kept: files" in done.stderr
    assert "ada-iris is stopping." in done.stdout
    assert studio.changes() == ["DeleteApp"]
    assert lab["Status"] == "Deleting"


def test_where_nobody_can_be_asked_nothing_is_stopped(lab, studio, jsk):
    done = jsk("apps", "stop", "ada-iris", code=5)
    assert "as nobody could be asked" in done.stderr
    assert "jsk apps stop ada-iris --yes" in done.stderr
    assert studio.changes() == []


def test_whoever_disagrees_keeps_all(lab, studio, jsk, agreeing, monkeypatch):
    import typer

    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    jsk("apps", "stop", "ada-iris", code=5)
    assert studio.changes() == []


def test_idle_apps_are_stopped_and_no_others(lab, studio, answer):
    studio.state.add_space("d-1", "busy")
    busy = studio.state.start_app("d-1", "busy", hours=30, idle=0.5, checked=0.01)
    studio.state.add_space("d-1", "silent")
    silent = studio.state.start_app("d-1", "silent", hours=30)
    assert answer("apps", "stop", "--idle", "2h", "--yes") == [
        {"name": "ada-iris", "stopped": True, "why": ""}
    ]
    assert (lab["Status"], busy["Status"], silent["Status"]) == ("Deleting", "InService", "InService")


def test_what_ends_already_is_not_stopped_again(lab, studio, jsk):
    jsk("apps", "stop", "--idle", "2h", "--yes")
    jsk("apps", "stop", "--idle", "2h", "--yes")
    assert studio.changes() == ["DeleteApp"]


def test_an_app_that_somebody_came_back_to_meanwhile_is_left_alone(lab, studio, jsk, agreeing, monkeypatch):
    import typer

    def come_back(*_: object, **__: object) -> bool:
        lab["_seen"] = studio.state.now
        return True

    monkeypatch.setattr(typer, "confirm", come_back)
    assert "somebody has used it since" in jsk("apps", "stop", "--idle", "2h").stdout
    assert studio.changes() == []


def test_an_app_that_was_started_anew_meanwhile_is_left_alone(lab, studio, jsk, agreeing, monkeypatch):
    import typer

    def start_anew(*_: object, **__: object) -> bool:
        lab["CreationTime"] = studio.state.now
        return True

    monkeypatch.setattr(typer, "confirm", start_anew)
    done = jsk("apps", "stop", "ada-iris", code=5)
    assert "started anew since" in done.stdout
    assert "Next: jsk apps stop ada-iris" in done.stderr
    assert studio.changes() == []


def test_the_app_that_this_runs_in_is_not_stopped_for_being_idle(
    lab, studio, jsk, tmp_path: Path, monkeypatch
):
    told = tmp_path / "resource-metadata.json"
    told.write_text(json.dumps({"ResourceArn": lab["_arn"]}))
    monkeypatch.setattr(apps, "STUDIO_METADATA", str(told))
    assert str(told) != kernel.STUDIO_METADATA
    assert "No app is known to be idle" in jsk("apps", "stop", "--idle", "2h", "--yes").stderr
    assert studio.changes() == []


def test_what_is_not_listed_is_not_stopped(lab, studio, jsk):
    assert "No app 'eve' runs." in jsk("apps", "stop", "eve", "--yes", code=3).stderr
    assert studio.changes() == []


def test_a_name_that_several_apps_have_stops_none(lab, studio, jsk):
    studio.state.start_app("d-1", "ada-iris", kind="CodeEditor")
    said = jsk("apps", "stop", "ada-iris", "--yes", code=2).stderr
    assert "may be any of ada-iris/JupyterLab, ada-iris/CodeEditor" in said
    assert studio.changes() == []


@pytest.mark.parametrize("said", [(), ("ada-iris", "--idle", "2h")])
def test_names_or_an_idle_time_and_not_both(lab, studio, jsk, said):
    jsk("apps", "stop", *said, "--yes", code=2)
    assert studio.changes() == []


def test_one_that_cannot_be_stopped_does_not_keep_the_others(lab, studio, jsk):
    studio.state.add_space("d-1", "old")
    old = studio.state.start_app("d-1", "old", hours=90, idle=80, checked=0.01)
    studio.fail_next("DeleteApp", "AccessDeniedException", "is not authorized", status=403)
    done = jsk("apps", "stop", "--idle", "2h", "--yes", code=6)
    assert "old was left alone: AWS refused stopping an app" in done.stdout
    assert "ada-iris is stopping." in done.stdout
    assert (old["Status"], lab["Status"]) == ("InService", "Deleting")
