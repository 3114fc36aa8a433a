"""Least privilege: each role and group does its own work, and is refused the rest of a written list.

The documents are those that Terraform plans for a platform with two squads. A request is decided by all that
have a say in it: the role's own policies, its permissions boundary, and the policy of the bucket, repository,
key or queue that is asked for. :mod:`tests.infra.test_rights_on_moto` makes real calls.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from jsk_saver.tracking.sinks.sagemaker import naming
from tests.infra.iam import Request, allowed
from tests.infra.marks import needs_terraform
from tests.infra.own_work import WORK
from tests.infra.refused import NOT_THE_BOUNDARYS, OWN, REFUSED
from tests.infra.rendered import ACCOUNT, ECR, KEY, SAGEMAKER, STAND_IN, Identity, Rendered, render

pytestmark = [pytest.mark.slow, needs_terraform]
EVERYTHING = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
#: Nobody of a squad becomes one of these, and their work is beyond its boundary.
UNBOUNDED = {
    "jsk-attach-kernel",
    "jsk-studio-images",
    "jsk-gitlab-base",
    "jsk-flow-logs",
    "jsk-vision-iris.replication",
}
GROUPS = {"SagemakerUsers", "SagemakerDevelopers"}
PUSH = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render(tmp_path_factory.mktemp("rights"))


@pytest.fixture(scope="module")
def identities(rendered: Rendered) -> dict[str, Identity]:
    """Every role and group of the platform and of the squad vision; visionary's are the same."""
    return {name: one for name, one in rendered.identities().items() if not name.startswith("jsk-visionary")}


# Each role ------------------------------------------------------------------------------------------


def test_no_role_or_group_is_left_out(identities: dict[str, Identity]) -> None:
    assert set(identities) == set(WORK)
    assert set(OWN) <= set(WORK)
    assert all(one.policies for one in identities.values())


@pytest.mark.parametrize("name", WORK)
def test_it_does_its_own_work(identities: dict[str, Identity], name: str) -> None:
    assert [request for request in WORK[name] if not identities[name].may(request)] == []


@pytest.mark.parametrize("name", WORK)
def test_it_is_refused_the_rest_of_the_list(identities: dict[str, Identity], name: str) -> None:
    refused = {what: request for what, request in REFUSED.items() if what not in OWN.get(name, {})}

    assert len(refused) >= 40
    assert [what for what, request in refused.items() if identities[name].may(request)] == []


@pytest.mark.parametrize("name", OWN)
def test_what_is_left_out_of_its_list_it_really_does(identities: dict[str, Identity], name: str) -> None:
    """So that no exception outlives its reason."""
    assert [what for what in OWN[name] if not identities[name].may(REFUSED[what])] == []


def test_all_that_is_refused_is_something_that_can_be_done(rendered: Rendered) -> None:
    """A request that nobody is ever allowed (a wrong name of an action) would prove nothing."""
    names = [request.action for request in REFUSED.values()]
    unknown = [name for name in names if not _is_an_action(name)]

    assert unknown == []


@pytest.mark.parametrize(
    ("file", "good", "bad", "name", "may"),
    [
        ("modules/experiment/roles.tf", '"--*"}"', '"-*"}"', "jsk-vision", "change another squad's trial"),
        (
            "modules/squad/roles.tf",
            "${local.platform.name}/${var.name}/*",
            "${local.platform.name}/${var.name}*",
            "jsk-vision",
            "read another squad's parameters",
        ),
        (
            "platform/boundary.tf",
            '["s3:*", "logs:*"]',
            '["s3:DeleteObject", "logs:*"]',
            "SagemakerTrainingPipelinesRole",
            "read access logs",
        ),
    ],
    ids=["trials", "parameters", "logs"],
)
def test_a_pattern_that_reaches_too_far_is_noticed(
    tmp_path: Path, file: str, good: str, bad: str, name: str, may: str
) -> None:
    """The list is sharp: each change is small, and one of its requests goes through."""
    changed = render(tmp_path, (file, good, bad)).identities()

    assert changed[name].may(REFUSED[may])


# The boundary ---------------------------------------------------------------------------------------


def test_all_but_the_platforms_own_are_under_the_boundary(identities: dict[str, Identity]) -> None:
    unbounded = {name for name, one in identities.items() if one.boundary is None}

    assert unbounded == UNBOUNDED | GROUPS


def test_the_boundary_holds_a_role_that_allows_itself_everything(identities: dict[str, Identity]) -> None:
    rogue = replace(identities["jsk-vision"], policies=(EVERYTHING,))
    held = {what: request for what, request in REFUSED.items() if what not in NOT_THE_BOUNDARYS}

    assert len(held) >= 40
    assert [what for what, request in held.items() if rogue.may(request)] == []
    assert [what for what in NOT_THE_BOUNDARYS if not rogue.may(REFUSED[what])] == []
    for beyond in (
        "iam:CreateRole",
        "organizations:LeaveOrganization",
        "ec2:RunInstances",
        "s3:CreateBucket",
    ):
        assert not rogue.may(Request(beyond))


def test_without_its_boundary_that_role_would_be_held_by_resources_alone(
    identities: dict[str, Identity],
) -> None:
    """So that it is the boundary that was tested, and not what buckets and repositories refuse anyway."""
    free = replace(identities["jsk-vision"], policies=(EVERYTHING,), boundary=None)
    may = {what for what, request in REFUSED.items() if free.may(request)}

    assert {"change the domain", "end the key", "attach a policy", "become the publisher"} <= may
    assert not may & {"turn versioning off", "turn encryption off", "push to the base repository"}


# Who pushes base images -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", PUSH)
def test_a_listed_publisher_pushes_base_images(identities: dict[str, Identity], action: str) -> None:
    build = identities["jsk-gitlab-base"]
    stand_in = replace(build, name=STAND_IN.rpartition("/")[2], policies=(EVERYTHING,))

    assert stand_in.may(Request(f"ecr:{action}", f"{ECR}/base"))
    assert build.may(Request(f"ecr:{action}", f"{ECR}/base"))


@pytest.mark.parametrize("action", PUSH)
@pytest.mark.parametrize(
    "role", ["admin", "jsk-vision-iris.gitlab", "jsk-gitlab-base-2", "release-manager-2"]
)
def test_nobody_else_pushes_base_images_whatever_its_policies_say(
    identities: dict[str, Identity], role: str, action: str
) -> None:
    anybody = replace(identities["jsk-gitlab-base"], name=role, policies=(EVERYTHING,))

    assert not anybody.may(Request(f"ecr:{action}", f"{ECR}/base"))


def test_a_listed_publisher_of_another_account_stays_out(identities: dict[str, Identity]) -> None:
    stand_in = replace(identities["jsk-gitlab-base"], name="release-manager", policies=(EVERYTHING,))
    abroad = {"aws:PrincipalAccount": "999999999999"}

    assert not stand_in.may(Request("ecr:PutImage", f"{ECR}/base", abroad))


# Whose data, and whose secrets ----------------------------------------------------------------------


def test_people_without_a_squad_read_no_squads_objects(identities: dict[str, Identity]) -> None:
    text = " ".join(identities["SagemakerExperimentsRole"].policies)

    assert "s3:" not in text
    # Of the key, only what disks of apps need: with it alone nothing is read.
    assert set(re.findall(r'"(kms:\w+)"', text)) == {
        "kms:CreateGrant",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:GrantIsForAWSResource",
    }


def test_no_parameter_holds_a_secret(rendered: Rendered) -> None:
    parameters = [
        told for address, told in rendered.planned.items() if ".aws_ssm_parameter." in f".{address}"
    ]

    assert parameters
    assert {told["type"] for told in parameters} == {"String"}
    assert not any(
        ".aws_ssm_" in address for address in rendered.planned if not address.startswith("module.squad")
    )
    assert {told["name"].split("/")[1] for told in parameters} == {"jsk"}


def test_developers_have_no_key_for_what_others_keep_secret(identities: dict[str, Identity]) -> None:
    through_ssm = {"kms:ViaService": "ssm.eu-central-1.amazonaws.com"}

    assert not identities["SagemakerDevelopers"].may(Request("kms:Decrypt", KEY, through_ssm))


# Tags -----------------------------------------------------------------------------------------------


def test_no_right_hangs_on_a_tag_that_somebody_may_change(rendered: Rendered) -> None:
    documents = [
        policy for one in rendered.identities().values() for policy in (*one.policies, one.trust or "")
    ]
    texts = [*documents, *rendered.resources.values(), rendered.boundary]
    asked = {found for text in texts for found in re.findall(r"\w+:(?:Resource|Principal)Tag/[^\"]+", text)}

    # Whose profile it is. Terraform alone sets it:
    assert asked == {"sagemaker:ResourceTag/jsk:user"}
    given = {"aws:TagKeys": ["jsk:user"], "aws:RequestTag/jsk:user": "eve"}
    profile = f"{SAGEMAKER}:user-profile/d-0123456789ab/vision-ada"
    for name, one in rendered.identities().items():
        assert not one.may(Request("sagemaker:AddTags", profile, given)), name
        assert not one.may(Request("sagemaker:CreateUserProfile", profile, given)), name


def test_people_open_studio_with_the_profile_that_bears_their_name(identities: dict[str, Identity]) -> None:
    profile = f"{SAGEMAKER}:user-profile/d-0123456789ab/vision-ada"
    for group in ("SagemakerUsers", "SagemakerDevelopers"):
        for who, may in (("ada", True), ("eve", False)):
            said = {"aws:username": who, "sagemaker:ResourceTag/jsk:user": "ada"}
            asked = Request("sagemaker:CreatePresignedDomainUrl", profile, said)
            assert identities[group].may(asked) is may, (group, who)


@pytest.mark.parametrize("name", sorted(set(WORK) - UNBOUNDED - GROUPS))
@pytest.mark.parametrize("key", ["jsk:squad", "jsk:experiment", "jsk:user", "jsk:part"])
@pytest.mark.parametrize("action", ["AddTags", "DeleteTags"])
def test_tags_of_costs_are_never_changed_later(
    identities: dict[str, Identity], name: str, key: str, action: str
) -> None:
    things = [
        "app/d-0123456789ab/vision-iris-ada/JupyterLab/default",
        "training-job/vision-fit",
        "experiment/iris",
    ]
    said = {"aws:TagKeys": ["mine", key], "sagemaker:DomainId": "d-0123456789ab"}
    given = {f"aws:RequestTag/{key}": "visionary"} if action == "AddTags" else {}

    for thing in things:
        request = Request(f"sagemaker:{action}", f"{SAGEMAKER}:{thing}", said | given)
        assert not identities[name].may(request)


# Trials ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", ["k3", "2--k3", "-2--k3", "2", "x" * 150])
@pytest.mark.parametrize(
    ("experiment", "squad", "other"), [("iris", "vision", "visionary"), ("iris-2", "visionary", "vision")]
)
def test_names_that_the_kit_gives_to_trials_are_within_reach_of_their_squad_alone(
    rendered: Rendered, tmp_path: Path, experiment: str, squad: str, other: str, trial: str
) -> None:
    folder = tmp_path / trial
    folder.mkdir()
    name = naming.trial_name(experiment, folder)
    component = naming.component_name(name, 1)
    everybody = rendered.identities()

    for kind, called, action in (
        ("experiment-trial", name, "CreateTrial"),
        ("experiment-trial", name, "UpdateTrial"),
        ("experiment-trial-component", component, "BatchPutMetrics"),
    ):
        request = Request(f"sagemaker:{action}", f"{SAGEMAKER}:{kind}/{called}")
        assert everybody[f"jsk-{squad}"].may(request)
        assert everybody[f"jsk-{squad}-{experiment}"].may(request)
        assert not everybody[f"jsk-{other}"].may(request)
        assert not everybody["SagemakerExperimentsRole"].may(request)


# The network ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr", "kms", "logs", "sagemaker.api", "ssm", "sts"])
def test_keys_of_another_account_carry_nothing_through_the_endpoints(
    rendered: Rendered, service: str
) -> None:
    """Whoever is in a notebook may bring them along: there, logs and parameters are his own."""
    policy = rendered.planned[f'module.platform.aws_vpc_endpoint.interface["{service}"]']["policy"]

    def may(**who: str) -> bool:
        said = {key.replace("_", ":"): value for key, value in who.items()}
        return allowed(Request("logs:PutLogEvents", "*", said), [], resource=policy, principal="")

    assert may(aws_PrincipalAccount=ACCOUNT, aws_PrincipalIsAWSService="false")
    assert may(aws_PrincipalIsAWSService="true")
    assert not may(aws_PrincipalAccount="999999999999", aws_PrincipalIsAWSService="false")


# Who becomes a role ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(WORK) - GROUPS))
def test_no_role_is_taken_by_people_or_other_roles(identities: dict[str, Identity], name: str) -> None:
    """Services and GitLab's tokens alone are named, and for nobody else's account or project."""
    statements = json.loads(identities[name].trust or "")["Statement"]
    principals = [told["Principal"] for told in statements]
    conditions = [told.get("Condition", {}) for told in statements]

    assert all(set(told) <= {"Service", "Federated"} for told in principals)
    assert "*" not in json.dumps(principals)
    if principals == [{"Service": "lambda.amazonaws.com"}]:
        return  # Lambda takes it for a function that was given it, which takes iam:PassRole: refused, above
    narrow = ("aws:SourceAccount", "gitlab.example.com:sub")
    assert all(any(key in json.dumps(condition) for key in narrow) for condition in conditions)


def _is_an_action(name: str) -> bool:
    """Tell whether botocore knows an operation of that name, or IAM's reference an action without one."""
    import botocore.session

    service, action = name.split(":")
    models = {"logs": "logs", "ce": "ce", "events": "events"}
    if action in NO_OPERATION.get(service, ()):
        return True
    operations = (
        botocore.session.get_session().get_service_model(models.get(service, service)).operation_names
    )
    return action in operations


#: Actions of IAM that are not called like operations of the API ("Service Authorization Reference").
NO_OPERATION = {
    "iam": {"PassRole"},
    "lambda": {"InvokeFunction"},
    "s3": {"ListAllMyBuckets", "ListBucketVersions", "GetObjectVersion", "DeleteObjectVersion", "ListBucket",
           "PutEncryptionConfiguration", "PutBucketPublicAccessBlock", "PutLifecycleConfiguration",
           "PutReplicationConfiguration"},
    "budgets": {"ModifyBudget"},
    "sagemaker": {"BatchPutMetrics"},
}  # fmt: skip
