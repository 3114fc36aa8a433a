"""Who may ask: calls that ``jsk apps`` and ``jsk costs`` really make, held against the platform's rights."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jsk_saver.costs
from tests.infra.iam import Request
from tests.infra.marks import needs_terraform
from tests.infra.rendered import DOMAIN, SAGEMAKER, Identity, render

pytestmark = [
    pytest.mark.usefixtures("aws"),
    pytest.mark.slow,
    needs_terraform,
]

#: Whose identity AWS tells to anybody, whatever policies say (API reference of STS, GetCallerIdentity).
FREE = "sts:GetCallerIdentity"
STOPS = "sagemaker:DeleteApp"
OWNER = f"{SAGEMAKER}:user-profile/{DOMAIN}"
APP = f"app/{DOMAIN}/vision-iris-{{}}/JupyterLab/default"
#: What a call is about; all others know no resource (Service Authorization Reference).
ABOUT = {
    "sagemaker:DescribeApp": APP.format("ada"),
    STOPS: APP.format("ada"),
    "sagemaker:ListTags": f"space/{DOMAIN}/vision-iris-ada",
}


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    return render(tmp_path_factory.mktemp("rights")).identities()


@pytest.fixture
def called(studio, billing, project, jsk, today, monkeypatch):
    """Actions of all calls that the commands make, as boto3 names them."""
    from botocore.client import BaseClient

    calls: set[str] = set()
    really = BaseClient._make_api_call

    def noted(client, operation, said):
        calls.add(f"{client.meta.service_model.signing_name}:{operation}")
        return really(client, operation, said)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    billing.prices["us-east-1", "Studio-JupyterLab", "ml.m5.xlarge"] = "0.2300000000"
    billing.charge(today, "EUC1-Studio:JupyterLab-ml.m5.xlarge", "0.9", "3", tags={"squad": "vision"})
    studio.state.add_space("d-1", "vision-iris-ada", owner="vision-ada")
    studio.state.tag_space("d-1", "vision-iris-ada", squad="vision", experiment="iris", user="ada")
    studio.state.start_app("d-1", "vision-iris-ada", instance="ml.m5.xlarge", hours=10, idle=3, checked=0.01)
    jsk("apps")
    jsk("costs", "--squad", "vision")
    jsk("apps", "stop", "vision-iris-ada", "--yes")
    return calls


def asked(action: str, member: str = "ada") -> Request:
    about = ABOUT.get(action, "").replace("vision-iris-ada", f"vision-iris-{member}")
    context = {
        "sagemaker:DomainId": DOMAIN,
        "sagemaker:UserProfileName": "vision-ada",
        "sagemaker:OwnerUserProfileArn": f"{OWNER}/vision-{member}",
        "sagemaker:SpaceSharingType": "Private",
    }
    return Request(action, f"{SAGEMAKER}:{about}" if about else "*", context)


def in_the_code() -> set[str]:
    """Return the operations that the code of costs names, however they are called."""
    text = "".join(file.read_text() for file in Path(jsk_saver.costs.__file__).parent.glob("*.py"))
    return set(re.findall(r'\bclient\.([a-z]+_[a-z_]+)\(|_every\(client, "(\w+)"', text))  # type: ignore[arg-type]


def test_every_call_in_the_code_is_made_here(called):
    named = {"".join(word.capitalize() for word in "".join(one).split("_")) for one in in_the_code()}

    assert named == {action.partition(":")[2] for action in called}


@pytest.mark.parametrize(
    "name", ["jsk-vision", "SagemakerExperimentsRole", "SagemakerUsers", "SagemakerDevelopers"]
)
def test_whoever_works_with_the_kit_may_see_what_runs_and_what_it_costs(called, identities, name):
    lacking = {action for action in called - {FREE, STOPS} if not identities[name].may(asked(action))}

    assert lacking == set()


@pytest.mark.parametrize(
    "name",
    ["jsk-vision-iris", "jsk-vision-iris.gitlab", "SagemakerTrainingPipelinesRole", "jsk-studio-images"],
)
def test_what_no_person_works_with_sees_neither(identities, name):
    for action in ("ce:GetCostAndUsage", "sagemaker:ListApps", "sagemaker:ListSpaces"):
        assert not identities[name].may(asked(action))


@pytest.mark.parametrize("name", ["jsk-vision", "SagemakerExperimentsRole"])
def test_whoever_works_in_studio_may_stop_own_apps_and_no_others(called, identities, name):
    assert STOPS in called
    assert identities[name].may(asked(STOPS))
    assert not identities[name].may(asked(STOPS, "bob"))


@pytest.mark.parametrize(
    "name", ["SagemakerUsers", "SagemakerDevelopers", "jsk-vision-iris", "jsk-studio-images"]
)
def test_others_stop_no_app(identities, name):
    assert not identities[name].may(asked(STOPS))


def test_the_documentation_names_these_rights_and_no_others(called):
    rights = (Path(__file__).parents[2] / "docs" / "costs.md").read_text().partition("## Rights")[2]

    assert set(re.findall(r"`((?:sagemaker|ce|pricing|sts):\w+)`", rights)) == called
