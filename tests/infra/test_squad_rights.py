"""What roles of a squad may do, by the policies that Terraform renders: their own work, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.iam import Request, allowed
from tests.infra.marks import needs_terraform
from tests.infra.terraform_kit import Terraform

pytestmark = [pytest.mark.slow, needs_terraform]

ACCOUNT, REGION, DOMAIN = "123456789012", "eu-central-1", "d-abcdefgh1234"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = KEY.replace("1111", "9999")
OWN, OTHER = "jsk-vision-iris", "jsk-visionary-tulips"
BUCKET, OTHER_BUCKET = f"arn:aws:s3:::{OWN}-{ACCOUNT}", f"arn:aws:s3:::{OTHER}-{ACCOUNT}"
SAGEMAKER, IAM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}", f"arn:aws:iam::{ACCOUNT}"
ECR, SSM = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/jsk", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/jsk"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"

#: A root with two squads, one's name beginning like the other's. Nothing is asked of AWS.
STACK = f"""
provider "aws" {{
  region                      = "{REGION}"
  access_key                  = "nobody"
  secret_key                  = "nobody"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}}

module "squad" {{
  source       = "../modules/squad"
  for_each     = {{ vision = "iris", visionary = "tulips" }}
  name         = each.key
  budget       = 500
  alert_emails = ["ada@example.com"]
  members      = {{ ada = {{ email = "ada@example.com" }} }}
  experiments  = {{ (each.value) = {{ repository_url = "https://gitlab.example.com/a/b.git" }} }}

  platform = {{
    name                      = "jsk"
    account_id                = "{ACCOUNT}"
    region                    = "{REGION}"
    partition                 = "aws"
    domain_id                 = "{DOMAIN}"
    domain_arn                = "{SAGEMAKER}:domain/{DOMAIN}"
    domain_execution_role_arn = "{IAM}:role/SagemakerExperimentsRole"
    vpc_id                    = "vpc-0a"
    subnet_ids                = ["subnet-0a", "subnet-0b"]
    kms_key_arn               = "{KEY}"
    logs_bucket               = "jsk-logs-{ACCOUNT}"
    log_group_prefix          = "/jsk"
    base_repository_arn       = "{ECR}/base"
    base_repository_url       = "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/jsk/base"
    registry                  = "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    publisher_function_arn    = "arn:aws:lambda:{REGION}:{ACCOUNT}:function:jsk-attach-kernel"
    permissions_boundary_arn  = "{IAM}:policy/jsk-boundary"
    gitlab_provider_arn       = "{IAM}:oidc-provider/gitlab.example.com"
    gitlab_host               = "gitlab.example.com"
    lease_uri                 = "s3://jsk-lease-{ACCOUNT}/jsk-ci/"
    idle_timeout_minutes      = 120
  }}
}}

output "policies" {{
  value = module.squad["vision"].policies
}}
"""

_THROUGH_S3 = {
    "kms:ViaService": f"s3.{REGION}.amazonaws.com",
    "kms:EncryptionContext:aws:s3:arn": BUCKET,
}
_ADA = {"sagemaker:DomainId": DOMAIN, "sagemaker:UserProfileName": "vision-ada"}
_OF_ADA = {"sagemaker:OwnerUserProfileArn": f"{SAGEMAKER}:user-profile/{DOMAIN}/vision-ada"}
_OF_BOB = {"sagemaker:OwnerUserProfileArn": f"{SAGEMAKER}:user-profile/{DOMAIN}/vision-bob"}
_PRIVATE, _SHARED = {"sagemaker:SpaceSharingType": "Private"}, {"sagemaker:SpaceSharingType": "Shared"}
_SMALL, _HUGE = {"sagemaker:InstanceTypes": ["ml.t3.medium"]}, {"sagemaker:InstanceTypes": ["ml.p5.48xlarge"]}
_INSIDE, _OUTSIDE = {"sagemaker:VpcSubnets": ["subnet-0a"]}, {"sagemaker:VpcSubnets": ["subnet-ff"]}
_TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}

WORK = [
    ("s3:GetObject", f"{BUCKET}/objects/a.csv"),
    ("s3:PutObject", f"{BUCKET}/objects/a.csv"),
    ("s3:DeleteObject", f"{BUCKET}/objects/a.csv"),
    ("s3:DeleteObjectVersion", f"{BUCKET}/objects/a.csv"),
    ("s3:AbortMultipartUpload", f"{BUCKET}/objects/a.csv"),
    ("s3:ListBucketVersions", BUCKET),
    ("s3:GetBucketVersioning", BUCKET),
    ("s3:ListBucketMultipartUploads", BUCKET),
    ("kms:GenerateDataKey", KEY, _THROUGH_S3),
    ("kms:Decrypt", KEY, _THROUGH_S3),
    ("ssm:GetParameter", f"{SSM}/vision/iris/store"),
    ("sagemaker:CreateExperiment", f"{SAGEMAKER}:experiment/iris"),
    ("sagemaker:BatchPutMetrics", f"{SAGEMAKER}:experiment-trial-component/iris--a-0a1b2c3d"),
    ("sagemaker:CreateApp", f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-ada/jupyterlab/default",
     _ADA | _OF_ADA | _PRIVATE | _SMALL),
    ("sagemaker:DeleteApp", f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-ada/jupyterlab/default",
     _ADA | _OF_ADA | _PRIVATE),
    ("sagemaker:CreatePresignedDomainUrl", f"{SAGEMAKER}:user-profile/{DOMAIN}/vision-ada", _ADA),
    ("sagemaker:CreateProcessingJob", f"{SAGEMAKER}:processing-job/vision-clean", _INSIDE | _SMALL),
    ("iam:PassRole", f"{IAM}:role/{OWN}", _TO_SAGEMAKER),
    ("logs:PutLogEvents", f"{LOGS}:/jsk/vision/iris:log-stream:a"),
    ("sagemaker:ListApps", "*"),
    ("ce:GetCostAndUsage", "*"),
]  # fmt: skip

REFUSED = [
    # another squad's data
    ("s3:GetObject", f"{OTHER_BUCKET}/objects/a.csv"),
    ("s3:GetObjectVersion", f"{OTHER_BUCKET}/objects/a.csv"),
    ("s3:PutObject", f"{OTHER_BUCKET}/objects/a.csv"),
    ("s3:DeleteObject", f"{OTHER_BUCKET}/objects/a.csv"),
    ("s3:ListBucket", OTHER_BUCKET),
    ("s3:ListBucketVersions", OTHER_BUCKET),
    ("s3:ListAllMyBuckets", "*"),
    ("s3:GetObject", f"arn:aws:s3:::jsk-logs-{ACCOUNT}/s3/a"),
    ("s3:PutObject", f"arn:aws:s3:::jsk-lease-{ACCOUNT}/jsk-ci/studio.lease"),
    ("s3:PutObject", f"{BUCKET}/elsewhere/a.csv"),
    ("kms:Decrypt", KEY),
    ("kms:Decrypt", KEY, _THROUGH_S3 | {"kms:EncryptionContext:aws:s3:arn": OTHER_BUCKET}),
    ("kms:Decrypt", OTHER_KEY, _THROUGH_S3),
    ("ssm:GetParameter", f"{SSM}/visionary/tulips/store"),
    ("ssm:GetParametersByPath", SSM),
    ("ssm:PutParameter", f"{SSM}/vision/iris/store"),
    ("logs:GetLogEvents", f"{LOGS}:/jsk/visionary/tulips:log-stream:a"),
    ("logs:GetLogEvents", f"{LOGS}:/jsk/platform:log-stream:a"),
    ("logs:DeleteLogGroup", f"{LOGS}:/jsk/vision/iris"),
    ("sagemaker:CreateTrial", f"{SAGEMAKER}:experiment-trial/tulips--a-0a1b2c3d"),
    ("sagemaker:UpdateExperiment", f"{SAGEMAKER}:experiment/tulips"),
    # safeguards of what is its own
    ("s3:PutBucketVersioning", BUCKET),
    ("s3:PutEncryptionConfiguration", BUCKET),
    ("s3:PutBucketPublicAccessBlock", BUCKET),
    ("s3:PutBucketPolicy", BUCKET),
    ("s3:DeleteBucketPolicy", BUCKET),
    ("s3:PutLifecycleConfiguration", BUCKET),
    ("s3:DeleteBucket", BUCKET),
    ("s3:PutBucketLogging", BUCKET),
    ("s3:PutObjectAcl", f"{BUCKET}/objects/a.csv"),
    ("kms:DisableKey", KEY),
    ("kms:ScheduleKeyDeletion", KEY),
    ("kms:PutKeyPolicy", KEY),
    ("kms:CreateGrant", KEY),
    # images
    ("ecr:PutImage", f"{ECR}/base"),
    ("ecr:PutImage", f"{ECR}/kernels/iris"),
    ("ecr:PutImage", f"{ECR}/kernels/tulips"),
    ("ecr:BatchDeleteImage", f"{ECR}/kernels/iris"),
    ("ecr:PutImageTagMutability", f"{ECR}/kernels/iris"),
    ("ecr:SetRepositoryPolicy", f"{ECR}/kernels/iris"),
    # Studio
    ("sagemaker:UpdateDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
    ("sagemaker:DeleteDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
    ("sagemaker:CreateImageVersion", f"{SAGEMAKER}:image/iris"),
    ("sagemaker:UpdateAppImageConfig", f"{SAGEMAKER}:app-image-config/iris-v1-jupyterlab"),
    ("sagemaker:UpdateUserProfile", f"{SAGEMAKER}:user-profile/{DOMAIN}/vision-ada"),
    ("sagemaker:CreateSpace", f"{SAGEMAKER}:space/{DOMAIN}/vision-mine", _ADA | _OF_ADA | _SHARED),
    ("sagemaker:CreatePresignedDomainUrl", f"{SAGEMAKER}:user-profile/{DOMAIN}/vision-bob", _ADA),
    ("sagemaker:CreateApp", f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-bob/jupyterlab/default",
     _ADA | _OF_BOB | _PRIVATE | _SMALL),
    ("sagemaker:DeleteApp", f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-bob/jupyterlab/default",
     _ADA | _OF_BOB | _PRIVATE),
    ("sagemaker:DeleteApp", f"{SAGEMAKER}:app/{DOMAIN}/visionary-tulips-ada/jupyterlab/default",
     _ADA | _OF_ADA | _PRIVATE),
    ("sagemaker:CreateApp", f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-ada/jupyterlab/default",
     _ADA | _OF_ADA | _PRIVATE | _HUGE),
    ("sagemaker:CreateProcessingJob", f"{SAGEMAKER}:processing-job/vision-clean", _SMALL),
    ("sagemaker:CreateProcessingJob", f"{SAGEMAKER}:processing-job/vision-clean", _OUTSIDE | _SMALL),
    ("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/vision-fit", _INSIDE | _HUGE),
    ("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/visionary-fit", _INSIDE | _SMALL),
    ("sagemaker:CreateNotebookInstance", f"{SAGEMAKER}:notebook-instance/mine"),
    # other roles
    ("iam:PassRole", f"{IAM}:role/{OTHER}", _TO_SAGEMAKER),
    ("iam:PassRole", f"{IAM}:role/jsk-attach-kernel", _TO_SAGEMAKER),
    ("iam:PassRole", f"{IAM}:role/SagemakerDeploymentPipelinesRole", _TO_SAGEMAKER),
    ("iam:PassRole", f"{IAM}:role/{OWN}", {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("iam:AttachRolePolicy", f"{IAM}:role/{OWN}"),
    ("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/{OWN}"),
    ("sts:AssumeRole", f"{IAM}:role/{OWN}.gitlab"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jsk-attach-kernel"),
]  # fmt: skip

#: What the jobs of the experiment's project in GitLab are refused; test_platform_rights has the whole list.
REFUSED_TO_GITLAB = [
    ("ecr:PutImage", f"{ECR}/base"),
    ("ecr:PutImage", f"{ECR}/kernels/tulips"),
    ("ecr:BatchDeleteImage", f"{ECR}/kernels/iris"),
    ("sagemaker:UpdateDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
    ("sagemaker:CreateImageVersion", f"{SAGEMAKER}:image/iris"),
    ("s3:GetObject", f"{BUCKET}/objects/a.csv"),
    ("ssm:GetParameter", f"{SSM}/vision/iris/store"),
    ("iam:PassRole", f"{IAM}:role/{OWN}", _TO_SAGEMAKER),
    ("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", {"events:source": "jsk.ci"}),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jsk-attach-kernel"),
    ("sagemaker:DescribeImageVersion", f"{SAGEMAKER}:image-version/tulips/1"),
    ("sagemaker:DeleteImageVersion", f"{SAGEMAKER}:image-version/iris/1"),
    ("s3:GetObject", f"arn:aws:s3:::jsk-lease-{ACCOUNT}/jsk-ci/attached/iris.json"),
]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Policy documents of the squad vision, as a plan has them."""
    terraform = Terraform(tmp_path_factory.mktemp("rights"))
    root = terraform.infra / "rights"
    root.mkdir()
    (root / "main.tf").write_text(STACK, encoding="utf-8")
    terraform.init("rights")
    planned = terraform.run("rights", "plan", "-no-color", "-input=false", "-out=plan")
    assert planned.returncode == 0, planned.stdout
    shown = json.loads(terraform.run("rights", "show", "-json", "plan").stdout)
    found: dict[str, str] = shown["planned_values"]["outputs"]["policies"]["value"]
    return found


@pytest.mark.parametrize("asked", WORK, ids=str)
def test_notebooks_do_their_own_work(policies: dict[str, str], asked: tuple[Any, ...]) -> None:
    assert allowed(Request(*asked), _of_notebooks(policies))


@pytest.mark.parametrize("asked", REFUSED, ids=str)
def test_notebooks_are_refused_what_is_not_theirs(policies: dict[str, str], asked: tuple[Any, ...]) -> None:
    assert not allowed(Request(*asked), _of_notebooks(policies))


@pytest.mark.parametrize("asked", REFUSED, ids=str)
def test_jobs_of_an_experiment_are_refused_it_too(policies: dict[str, str], asked: tuple[Any, ...]) -> None:
    assert not allowed(Request(*asked), [policies["iris/role"]])


@pytest.mark.parametrize("asked", REFUSED_TO_GITLAB, ids=str)
def test_jobs_in_gitlab_only_push_their_own_images(policies: dict[str, str], asked: tuple[Any, ...]) -> None:
    assert not allowed(Request(*asked), [policies["iris/gitlab"]])


def test_jobs_in_gitlab_see_whether_the_publisher_is_done(policies: dict[str, str]) -> None:
    for action, resource in (
        ("DescribeDomain", f"domain/{DOMAIN}"),
        ("ListImageVersions", "image/iris"),
        ("DescribeImageVersion", "image-version/iris/1"),
    ):
        assert allowed(Request(f"sagemaker:{action}", f"{SAGEMAKER}:{resource}"), [policies["iris/gitlab"]])


def test_jobs_in_gitlab_read_every_base_image(policies: dict[str, str]) -> None:
    for base in ("base", "base-gpu"):
        assert allowed(Request("ecr:BatchGetImage", f"{ECR}/{base}"), [policies["iris/gitlab"]])


def test_jobs_in_gitlab_push_their_own_images(policies: dict[str, str]) -> None:
    repository, principal = policies["iris/repository"], f"{IAM}:role/{OWN}.gitlab"
    for action in ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"):
        request = Request(f"ecr:{action}", f"{ECR}/kernels/iris", {"aws:PrincipalArn": principal})
        assert allowed(request, [policies["iris/gitlab"]], resource=repository, principal=principal)


@pytest.mark.parametrize("role", ["jsk-vision", OWN, "jsk-visionary", "SagemakerTrainingPipelinesRole"])
def test_safeguards_stay_even_with_a_policy_that_allows_everything(
    policies: dict[str, str], role: str
) -> None:
    everything = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    who = {"aws:PrincipalArn": f"{IAM}:role/{role}"}
    bucket = who | {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "aws:PrincipalAccount": ACCOUNT}

    for action in ("PutBucketVersioning", "PutEncryptionConfiguration", "PutBucketPolicy", "DeleteBucket"):
        request = Request(f"s3:{action}", BUCKET, bucket)
        assert not allowed(request, [everything], resource=policies["iris/bucket"])
    for action in ("PutImage", "PutImageTagMutability", "SetRepositoryPolicy", "DeleteRepository"):
        request = Request(f"ecr:{action}", f"{ECR}/kernels/iris", who)
        assert not allowed(request, [everything], resource=policies["iris/repository"])


@pytest.mark.parametrize(
    "context",
    [
        {"aws:SecureTransport": "false"},
        {"s3:TlsVersion": "1.1"},
        {"aws:PrincipalAccount": "999999999999"},
        {"s3:x-amz-server-side-encryption": "AES256"},
        {"s3:x-amz-server-side-encryption-aws-kms-key-id": OTHER_KEY},
        {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
    ids=str,
)
def test_bucket_refuses_what_is_unsafe_from_whom_it_would_else_take_it(
    policies: dict[str, str], context: dict[str, str]
) -> None:
    usual = {
        "aws:SecureTransport": "true",
        "s3:TlsVersion": "1.3",
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalArn": f"{IAM}:role/jsk-vision",
    }
    put, notebooks = f"{BUCKET}/objects/a.csv", _of_notebooks(policies)

    assert allowed(Request("s3:PutObject", put, usual), notebooks, resource=policies["iris/bucket"])
    unsafe = Request("s3:PutObject", put, usual | context)
    assert not allowed(unsafe, notebooks, resource=policies["iris/bucket"])


def _of_notebooks(policies: dict[str, str]) -> list[str]:
    return [policies["studio"], policies["experiments-1"]]
