"""The stand-ins that Terraform is applied to are as strict as the services, and keep what they are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError, ParamValidationError

from tests.servers.budgets import Budgets
from tests.servers.moto import MendedMoto
from tests.servers.studio import Studio

ACCOUNT = "123456789012"
BUDGET = {"BudgetName": "lab", "BudgetType": "COST", "TimeUnit": "MONTHLY"}
WARNING = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
ADA = {"SubscriptionType": "EMAIL", "Address": "ada@example.com"}


def client(service: str, endpoint: str, **config: Any) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


# Budgets ----------------------------------------------------------------------------------------------


@pytest.fixture
def budgets() -> Iterator[Budgets]:
    with Budgets() as server:
        yield server


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("CreateBudget", {"AccountId": ACCOUNT, "Budget": {**BUDGET, "TimeUnit": "SECONDLY"}}),
        ("CreateBudget", {"AccountId": ACCOUNT, "Budget": {**BUDGET, "BudgetName": "a:b"}}),
        ("CreateBudget", {"AccountId": "1", "Budget": BUDGET}),
        ("DescribeBudget", {"AccountId": ACCOUNT}),
        ("DescribeBudgets", {"AccountId": ACCOUNT}),
        ("InventedCall", {}),
    ],
)
def test_a_budget_that_aws_would_refuse_is_refused(budgets: Budgets, operation: str, said: dict) -> None:
    status, answer = budgets.answer(operation, said)
    assert (status, answer["__type"]) == (400, "InvalidParameterException")
    assert len(budgets.violations) == 1
    assert budgets.budgets == {}


def test_a_budget_keeps_who_is_told_and_its_tags(budgets: Budgets) -> None:
    asked = client("budgets", budgets.endpoint)
    named = {"AccountId": ACCOUNT, "BudgetName": "lab"}
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/lab"
    asked.create_budget(
        AccountId=ACCOUNT, Budget=BUDGET, ResourceTags=[{"Key": "jsk:squad", "Value": "vision"}]
    )
    asked.create_notification(**named, Notification=WARNING, Subscribers=[ADA])

    assert asked.describe_budget(**named)["Budget"]["CostTypes"]["IncludeTax"] is True
    told = asked.describe_notifications_for_budget(**named)["Notifications"]
    assert told == [{**WARNING, "NotificationState": "OK"}]
    assert asked.describe_subscribers_for_notification(**named, Notification=told[0])["Subscribers"] == [ADA]
    asked.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "a", "Value": "b"}])
    asked.untag_resource(ResourceARN=arn, ResourceTagKeys=["jsk:squad"])
    assert asked.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(asked.exceptions.DuplicateRecordException):
        asked.create_budget(AccountId=ACCOUNT, Budget=BUDGET)

    asked.delete_notification(**named, Notification=WARNING)
    asked.delete_budget(**named)
    with pytest.raises(asked.exceptions.NotFoundException):
        asked.describe_budget(**named)
    assert budgets.violations == []


# Studio -----------------------------------------------------------------------------------------------


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio(looks=1) as server:
        server.state.add_domain("d-1")
        yield server


def test_what_somebody_owns_goes_before_its_owner(studio: Studio) -> None:
    asked = studio.client
    profile = {"DomainId": "d-1", "UserProfileName": "vision-ada"}
    space = {"DomainId": "d-1", "SpaceName": "vision-iris-ada"}
    asked.create_user_profile(**profile, UserSettings={"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/jsk-v"})
    owner = {"OwnerUserProfileName": "vision-ada"}
    asked.create_space(**space, OwnershipSettings=owner, SpaceSharingSettings={"SharingType": "Private"})
    assert asked.describe_space(**space)["Status"] == "Pending"
    assert asked.describe_space(**space)["Status"] == "InService"
    assert asked.list_spaces()["Spaces"][0]["OwnershipSettingsSummary"] == owner
    assert asked.list_user_profiles()["UserProfiles"][0]["UserProfileName"] == "vision-ada"

    for wanted in (
        lambda: asked.delete_user_profile(**profile),
        lambda: asked.delete_domain(DomainId="d-1"),
    ):
        with pytest.raises(asked.exceptions.ResourceInUse):
            wanted()
    gone = [
        (asked.delete_space, asked.describe_space, space),
        (asked.delete_user_profile, asked.describe_user_profile, profile),
    ]
    for delete, describe, named in gone:
        delete(**named)
        assert describe(**named)["Status"] == "Deleting"
        with pytest.raises(asked.exceptions.ResourceNotFound):
            describe(**named)
    asked.delete_domain(DomainId="d-1")
    assert studio.violations == []


def test_a_space_whose_app_runs_is_not_deleted(studio: Studio) -> None:
    studio.state.add_space("d-1", "iris")
    studio.state.start_app("d-1", "iris")

    with pytest.raises(studio.client.exceptions.ResourceInUse):
        studio.client.delete_space(DomainId="d-1", SpaceName="iris")


def test_a_code_repository_is_kept_changed_and_gone(studio: Studio) -> None:
    asked, named = studio.client, {"CodeRepositoryName": "jsk-vision-iris"}
    asked.create_code_repository(**named, GitConfig={"RepositoryUrl": "https://gitlab.com/vision/iris.git"})
    asked.update_code_repository(
        **named, GitConfig={"SecretArn": f"arn:aws:secretsmanager:x:{ACCOUNT}:secret:s"}
    )
    assert set(asked.describe_code_repository(**named)["GitConfig"]) == {"RepositoryUrl", "SecretArn"}

    asked.delete_code_repository(**named)
    with pytest.raises(ClientError, match="Cannot find CodeRepository"):
        asked.describe_code_repository(**named)
    with pytest.raises(ParamValidationError):
        asked.create_code_repository(**named)
    assert studio.violations == []


# moto where it answers otherwise ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mended() -> Iterator[MendedMoto]:
    with MendedMoto() as server:
        yield server


def test_a_bucket_refuses_what_its_policy_denies_and_nothing_else(mended: MendedMoto) -> None:
    s3, bucket = mended.client(), mended.new_bucket()
    header = "s3:x-amz-server-side-encryption"
    other = {"Null": {header: "false"}, "StringNotEquals": {header: "aws:kms"}}
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    statements = [{**deny, "Condition": condition} for condition in (other, plain)]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    s3.put_object(Bucket=bucket, Key="usual", Body=b"x")
    s3.put_object(Bucket=bucket, Key="same", Body=b"x", ServerSideEncryption="aws:kms")
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="AES256")
    assert {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {"usual", "same"}


def test_a_queue_keeps_its_policy_when_something_else_is_set(mended: MendedMoto) -> None:
    sqs = client("sqs", mended.endpoint)
    url = sqs.create_queue(QueueName="pushes")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:pushes"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})

    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert json.loads(told["Policy"]) == json.loads(policy)
    assert told["VisibilityTimeout"] == "60"


def test_a_rule_keeps_how_many_newer_versions_stay(mended: MendedMoto) -> None:
    s3, bucket = mended.client(), mended.new_bucket()
    counted = {"NoncurrentDays": 730, "NewerNoncurrentVersions": 20}
    rules = [
        {"ID": "uploads", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"ID": "old", "NoncurrentVersionExpiration": counted},
    ]
    rules = [{**rule, "Status": "Enabled", "Filter": {"Prefix": ""}} for rule in rules]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_what_is_sent_again_because_its_answer_was_lost_is_done_once() -> None:
    with MendedMoto() as moto:
        body = "Action=CreateGroup&Version=2010-05-08&GroupName=SagemakerUsers"
        numbered = {"amz-sdk-invocation-id": "1", "Content-Type": "application/x-www-form-urlencoded"}
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20261121/us-east-1/iam/aws4_request"}
        first, again, another = (
            requests.post(moto.endpoint, data=body, headers={**signed, **numbered, **more}, timeout=30)
            for more in ({}, {}, {"amz-sdk-invocation-id": "2"})
        )

    assert (first.status_code, again.status_code, another.status_code) == (200, 200, 409)
    assert again.text == first.text
