"""The same roles on a real server that enforces IAM (moto): their work goes through, the list is refused.

Each role has its planned policies, is assumed by STS, and makes signed calls with boto3. What moto does not
compare, this does not show, and :mod:`tests.infra.test_platform_rights` does: conditions (moto takes all as
met, and requests that only a condition refuses are left out here), permissions boundaries, and policies of
buckets, repositories, keys and queues. Roles are assumed before enforcement begins: moto stumbles over trust
in services. :mod:`tests.infra.moto_with_iam` tells moto which resource a call is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.request import Request as Ask
from urllib.request import urlopen

import pytest

from tests.infra.calls import REFUSED_CALLS, Call
from tests.infra.iam import allowed
from tests.infra.marks import needs_terraform
from tests.infra.own_work import WORK
from tests.infra.refused import REFUSED
from tests.infra.rendered import (
    BUCKET,
    IAM,
    LEASE_BUCKET,
    LOGS_BUCKET,
    OTHER_BUCKET,
    REGION,
    Identity,
    render,
)
from tests.infra.work_calls import WORK_CALLS
from tests.servers.moto import Moto

pytestmark = [pytest.mark.slow, needs_terraform]
#: What moto answers to wrong keys or signatures: no decision about rights.
UNKNOWN_CALLER = {"403", "SignatureDoesNotMatch", "InvalidClientTokenId", "InvalidAccessKeyId"}
#: What moto decides about, and then cannot do.
NOT_SERVED = {
    "change the domain",
    "give a user profile another role",
    "make a user profile",
    "make an image known to Studio",
    "make an image version known to Studio",
    "remove an image from Studio",
    "change how an image is started",
    "start an app in somebody else's space",
    "stop somebody else's app",
    "change somebody else's space",
    "remove somebody else's space",
    "run a script at each start",
    "change another squad's trial",
    "stop another squad's job",
}
TAKEN = {"ValidationException", "ResourceInUse"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
ADMIN = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


class Enforcing(Moto):
    """moto, with one account in which every role of the platform is."""

    program = ("-m", "tests.infra.moto_with_iam")
    region = REGION

    def boto(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """Return a client that does not try again; anybody's before enforcement."""
        given = credentials or {"AccessKeyId": "setup", "SecretAccessKey": "setup"}
        return _client(
            self.endpoint,
            service,
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given.get("SessionToken"),
        )

    def enforce(self) -> None:
        """From now on every call is decided by the policies of who makes it."""
        asked = Ask(f"{self.endpoint}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
        with urlopen(asked) as answer:
            assert answer.status == 200

    def become(self, one: Identity) -> dict[str, str]:
        """Make a role (or a user in a group) with an identity's policies; return its credentials."""
        iam = self.boto("iam")
        if one.trust is None:
            return self._member(one)
        iam.create_role(RoleName=one.name, AssumeRolePolicyDocument=one.trust)
        for number, policy in enumerate(one.policies):
            iam.put_role_policy(RoleName=one.name, PolicyName=f"p{number}", PolicyDocument=policy)
        role = f"{IAM}:role/{one.name}"
        told: dict[str, str] = self.boto("sts").assume_role(RoleArn=role, RoleSessionName="test")[
            "Credentials"
        ]
        return told

    def _member(self, one: Identity) -> dict[str, str]:
        iam, user = self.boto("iam"), f"member-of-{one.name}"
        iam.create_group(GroupName=one.name)
        for number, policy in enumerate(one.policies):
            iam.put_group_policy(GroupName=one.name, PolicyName=f"p{number}", PolicyDocument=policy)
        iam.create_user(UserName=user)
        iam.add_user_to_group(GroupName=one.name, UserName=user)
        told: dict[str, str] = iam.create_access_key(UserName=user)["AccessKey"]
        return told

    def furnish(self) -> None:
        """Make what calls are about."""
        s3, ecr, ssm = self.boto("s3"), self.boto("ecr"), self.boto("ssm")
        for arn in (BUCKET, OTHER_BUCKET, LOGS_BUCKET, LEASE_BUCKET):
            name = arn.rpartition(":")[2]
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            s3.put_object(Bucket=name, Key="objects/a.csv", Body=b"a,b")
        for name in ("jsk/base", "jsk/kernels/iris", "jsk/kernels/iris-2"):
            ecr.create_repository(repositoryName=name)
        for name in ("/jsk/vision/iris/store", "/jsk/visionary/iris-2/store"):
            ssm.put_parameter(Name=name, Value="s3://a", Type="String")
        for name in ("/jsk/vision/iris", "/jsk/visionary/iris-2", "/jsk/platform"):
            self.boto("logs").create_log_group(logGroupName=name)
        self.boto("sqs").create_queue(QueueName="jsk-kernel-pushes")
        self.boto("iam").create_user(UserName="ada")


@cache
def _client(endpoint: str, service: str, key: str, secret: str, token: str | None) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    return render(tmp_path_factory.mktemp("rights")).identities()


@pytest.fixture(scope="module")
def aws(identities: dict[str, Identity]) -> Iterator[tuple[Enforcing, dict[str, dict[str, str]]]]:
    """An enforcing server, and the credentials of each role."""
    with Enforcing() as server:
        server.furnish()
        who = {name: server.become(identities[name]) for name in WORK}
        server.enforce()
        yield server, who


def answer(server: Enforcing, credentials: dict[str, str], call: Call) -> str:
    """Return the code that a call is refused or fails with; nothing if it goes through."""
    from botocore.exceptions import ClientError

    client = server.boto(call.service, credentials)
    try:
        getattr(client, call.operation)(**call.said)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def decided_by_moto(one: Identity, what: str) -> bool:
    """Tell whether a request is refused by policies alone, whatever their conditions are."""
    return not one.may(REFUSED[what]) and not allowed(REFUSED[what], map(unconditional, one.policies))


def unconditional(policy: str) -> str:
    """Return a policy as moto reads it."""
    told = json.loads(policy)
    statements = [{k: v for k, v in said.items() if k != "Condition"} for said in told["Statement"]]
    return json.dumps({**told, "Statement": statements})


def test_moto_lets_nobody_in_without_a_name(aws: tuple[Enforcing, Any]) -> None:
    server, _ = aws

    assert answer(server, {"AccessKeyId": "setup", "SecretAccessKey": "setup"}, WORK_CALLS["jsk-vision"][0])


@pytest.mark.parametrize("name", WORK_CALLS)
def test_its_own_work_goes_through(aws: tuple[Enforcing, Any], name: str) -> None:
    server, who = aws
    answers = {(call.service, call.operation): answer(server, who[name], call) for call in WORK_CALLS[name]}

    # Several roles track the same experiment: what one has made, moto tells the next so.
    made = {call for call in answers if call[0] == "sagemaker" and call[1].startswith("create_")}
    assert {
        call: code for call, code in answers.items() if code and not (call in made and code in TAKEN)
    } == {}


@pytest.mark.parametrize("name", WORK)
def test_real_calls_of_the_list_are_refused(
    aws: tuple[Enforcing, Any], identities: dict[str, Identity], name: str
) -> None:
    server, who = aws
    asked = [what for what in REFUSED_CALLS if decided_by_moto(identities[name], what)]
    answers = {what: answer(server, who[name], REFUSED_CALLS[what]) for what in asked}

    assert len(asked) >= 40
    assert {what: code for what, code in answers.items() if code not in DENIED} == {}


def test_each_refusal_is_that_right_missing_and_nothing_else(identities: dict[str, Identity]) -> None:
    """Whoever has exactly that one right, on exactly that resource, is not refused the same call."""
    with Enforcing() as server:
        server.furnish()
        model = identities["jsk-vision"]
        who = {}
        for number, what in enumerate(REFUSED_CALLS):
            request = REFUSED[what]
            right = {"Effect": "Allow", "Action": request.action, "Resource": request.resource}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [right]})
            who[what] = server.become(replace(model, name=f"right-{number}", policies=(policy,)))
        server.enforce()
        answers = {what: answer(server, who[what], call) for what, call in REFUSED_CALLS.items()}

    assert {what: code for what, code in answers.items() if code in DENIED | UNKNOWN_CALLER} == {}
    assert {what for what, code in answers.items() if code == "500"} <= NOT_SERVED
