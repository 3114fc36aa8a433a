"""boto3's calls for requests of the written list, as far as moto decides about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.infra.rendered import (
    ACCOUNT,
    BACKUP,
    BUCKET,
    DOMAIN,
    IAM,
    KEY,
    LEASE_BUCKET,
    LOGS_BUCKET,
    OPERATIONS_KEY,
    OTHER_BUCKET,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of boto3.

    Parameters
    ----------
    service, operation
        As boto3 names them.
    said
        Its arguments.
    """

    service: str
    operation: str
    said: dict[str, Any]


def call(service: str, operation: str, **said: Any) -> Call:
    """Return a call with its arguments as boto3 takes them."""
    return Call(service, operation, said)


def bucket(arn: str) -> str:
    """Return the name of a bucket."""
    return arn.rpartition(":")[2]


OWN, OTHER, NAME = bucket(BUCKET), bucket(OTHER_BUCKET), "objects/a.csv"
_LOG = f"s3/jsk-vision-iris-{ACCOUNT}/2026-01-01"
_NOTHING = json.dumps({"Version": "2012-10-17", "Statement": []})
_ROLE = "jsk-vision"
_SPACE = {"DomainId": DOMAIN, "SpaceName": "visionary-iris-2-bob"}
_APP = {**_SPACE, "AppType": "JupyterLab", "AppName": "default"}
BATCH = {"repositoryName": "jsk/kernels/iris", "imageIds": [{"imageTag": "v1"}]}
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 2,
            "digest": "sha256:" + "0" * 64,
        },
        "layers": [],
    }
)
_COUNT = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
_EXPIRY = json.dumps({"rules": [{"rulePriority": 1, "selection": _COUNT, "action": {"type": "expire"}}]})
TRAIN = {
    "AlgorithmSpecification": {"TrainingImage": "a", "TrainingInputMode": "File"},
    "RoleArn": f"{IAM}:role/jsk-visionary-iris-2",
    "OutputDataConfig": {"S3OutputPath": "s3://a/b"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}

#: By its name in the written list.
REFUSED_CALLS: dict[str, Call] = {
    "read another squad's object": call("s3", "get_object", Bucket=OTHER, Key=NAME),
    "read an old version of it": call("s3", "get_object", Bucket=OTHER, Key=NAME, VersionId="1"),
    "overwrite another squad's object": call("s3", "put_object", Bucket=OTHER, Key=NAME, Body=b"mine"),
    "delete another squad's object": call("s3", "delete_object", Bucket=OTHER, Key=NAME),
    "remove a version of it for good": call("s3", "delete_object", Bucket=OTHER, Key=NAME, VersionId="1"),
    "change the access list of an object": call(
        "s3", "put_object_acl", Bucket=OWN, Key=NAME, ACL="public-read"
    ),
    "list another squad's objects": call("s3", "list_objects_v2", Bucket=OTHER),
    "list the versions of another squad": call("s3", "list_object_versions", Bucket=OTHER),
    "list all buckets": call("s3", "list_buckets"),
    "make a bucket": call("s3", "create_bucket", Bucket=f"jsk-vision-mine-{ACCOUNT}"),
    "read access logs": call("s3", "get_object", Bucket=bucket(LOGS_BUCKET), Key=_LOG),
    "write access logs": call(
        "s3",
        "put_object",
        Bucket=bucket(LOGS_BUCKET),
        Key=f"s3/jsk-vision-iris-{ACCOUNT}/pipelines/a",
        Body=b"",
    ),
    "delete access logs": call("s3", "delete_object", Bucket=bucket(LOGS_BUCKET), Key=_LOG),
    "take the publisher's turn": call(
        "s3", "put_object", Bucket=bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease", Body=b"mine"
    ),
    "turn versioning off": call(
        "s3", "put_bucket_versioning", Bucket=OWN, VersioningConfiguration={"Status": "Suspended"}
    ),
    "turn encryption off": call(
        "s3",
        "put_bucket_encryption",
        Bucket=OWN,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    ),
    "open a bucket to the public": call(
        "s3",
        "put_public_access_block",
        Bucket=OWN,
        PublicAccessBlockConfiguration={"BlockPublicAcls": False},
    ),
    "change the policy of a bucket": call("s3", "put_bucket_policy", Bucket=OWN, Policy=_NOTHING),
    "remove the policy of a bucket": call("s3", "delete_bucket_policy", Bucket=OWN),
    "let versions expire": call(
        "s3",
        "put_bucket_lifecycle_configuration",
        Bucket=OWN,
        LifecycleConfiguration={
            "Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "turn access logs off": call("s3", "put_bucket_logging", Bucket=OWN, BucketLoggingStatus={}),
    "copy a bucket elsewhere": call(
        "s3",
        "put_bucket_replication",
        Bucket=OWN,
        ReplicationConfiguration={
            "Role": f"{IAM}:role/a",
            "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": BACKUP}}],
        },
    ),
    "let access lists count": call(
        "s3",
        "put_bucket_ownership_controls",
        Bucket=OWN,
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    ),
    "remove a bucket": call("s3", "delete_bucket", Bucket=OWN),
    "change the tags of a bucket": call("s3", "put_bucket_tagging", Bucket=OWN, Tagging={"TagSet": []}),
    "disable the key": call("kms", "disable_key", KeyId=KEY),
    "end the key": call("kms", "schedule_key_deletion", KeyId=KEY),
    "change the policy of the key": call(
        "kms", "put_key_policy", KeyId=KEY, PolicyName="default", Policy=_NOTHING
    ),
    "keep the key from rotating": call("kms", "disable_key_rotation", KeyId=KEY),
    "decrypt what the platform writes": call("kms", "decrypt", KeyId=OPERATIONS_KEY, CiphertextBlob=b"a"),
    "read another squad's parameters": call("ssm", "get_parameter", Name="/jsk/visionary/iris-2/store"),
    "read all parameters at once": call("ssm", "get_parameters_by_path", Path="/jsk"),
    "change a parameter": call(
        "ssm", "put_parameter", Name="/jsk/vision/iris/store", Value="s3://a", Overwrite=True
    ),
    "remove a parameter": call("ssm", "delete_parameter", Name="/jsk/vision/iris/store"),
    "read a secret": call(
        "secretsmanager",
        "get_secret_value",
        SecretId=f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:git",
    ),
    "read another squad's logs": call(
        "logs", "get_log_events", logGroupName="/jsk/visionary/iris-2", logStreamName="a"
    ),
    "read the platform's logs": call(
        "logs", "get_log_events", logGroupName="/jsk/platform", logStreamName="a"
    ),
    "remove logs": call("logs", "delete_log_group", logGroupName="/jsk/vision/iris"),
    "let logs expire": call(
        "logs", "put_retention_policy", logGroupName="/jsk/vision/iris", retentionInDays=1
    ),
    "stop the record of who did what": call("cloudtrail", "stop_logging", Name="a"),
    "push to the base repository": call(
        "ecr", "put_image", repositoryName="jsk/base", imageManifest=MANIFEST, imageTag="v1"
    ),
    "push another squad's kernel": call(
        "ecr", "put_image", repositoryName="jsk/kernels/iris-2", imageManifest=MANIFEST, imageTag="v1"
    ),
    "delete an image": call("ecr", "batch_delete_image", **BATCH),
    "delete a base image": call("ecr", "batch_delete_image", **{**BATCH, "repositoryName": "jsk/base"}),
    "let tags move": call(
        "ecr", "put_image_tag_mutability", repositoryName="jsk/kernels/iris", imageTagMutability="MUTABLE"
    ),
    "change the policy of a repository": call(
        "ecr", "set_repository_policy", repositoryName="jsk/base", policyText=_NOTHING
    ),
    "remove a repository": call("ecr", "delete_repository", repositoryName="jsk/kernels/iris"),
    "let images expire": call(
        "ecr", "put_lifecycle_policy", repositoryName="jsk/kernels/iris", lifecyclePolicyText=_EXPIRY
    ),
    "change the domain": call("sagemaker", "update_domain", DomainId=DOMAIN),
    "remove the domain": call("sagemaker", "delete_domain", DomainId=DOMAIN),
    "give a user profile another role": call(
        "sagemaker", "update_user_profile", DomainId=DOMAIN, UserProfileName="vision-ada"
    ),
    "make a user profile": call("sagemaker", "create_user_profile", DomainId=DOMAIN, UserProfileName="eve"),
    "make an image known to Studio": call(
        "sagemaker", "create_image", ImageName="mine", RoleArn=f"{IAM}:role/jsk-studio-images"
    ),
    "make an image version known to Studio": call(
        "sagemaker", "create_image_version", ImageName="iris", BaseImage="a", ClientToken="a"
    ),
    "remove an image from Studio": call("sagemaker", "delete_image", ImageName="iris"),
    "change how an image is started": call("sagemaker", "update_app_image_config", AppImageConfigName="iris"),
    "start an app in somebody else's space": call("sagemaker", "create_app", **_APP),
    "stop somebody else's app": call("sagemaker", "delete_app", **_APP),
    "change somebody else's space": call("sagemaker", "update_space", **_SPACE),
    "remove somebody else's space": call("sagemaker", "delete_space", **_SPACE),
    "run a script at each start": call(
        "sagemaker",
        "create_studio_lifecycle_config",
        StudioLifecycleConfigName="a",
        StudioLifecycleConfigContent="a",
        StudioLifecycleConfigAppType="JupyterLab",
    ),
    "start a notebook instance": call(
        "sagemaker",
        "create_notebook_instance",
        NotebookInstanceName="a",
        InstanceType="ml.t3.medium",
        RoleArn=f"{IAM}:role/a",
    ),
    "make an experiment in another squad's name": call(
        "sagemaker", "create_experiment", ExperimentName="iris-2"
    ),
    "change another squad's trial": call("sagemaker", "update_trial", TrialName="iris-2--k3-0a1b2c3d"),
    "start a job in another squad's name": call(
        "sagemaker", "create_training_job", TrainingJobName="visionary-fit", **TRAIN
    ),
    "stop another squad's job": call("sagemaker", "stop_training_job", TrainingJobName="visionary-fit"),
    "attach a policy": call(
        "iam", "attach_role_policy", RoleName=_ROLE, PolicyArn=f"{IAM}:policy/jsk-boundary"
    ),
    "write a policy into a role": call(
        "iam", "put_role_policy", RoleName=_ROLE, PolicyName="mine", PolicyDocument=_NOTHING
    ),
    "take the boundary off": call("iam", "delete_role_permissions_boundary", RoleName=_ROLE),
    "change the boundary": call(
        "iam", "create_policy_version", PolicyArn=f"{IAM}:policy/jsk-boundary", PolicyDocument=_NOTHING
    ),
    "change who may become a role": call(
        "iam", "update_assume_role_policy", RoleName="jsk-attach-kernel", PolicyDocument=_NOTHING
    ),
    "change the tags of a role": call("iam", "tag_role", RoleName=_ROLE, Tags=[{"Key": "a", "Value": "b"}]),
    "make a role": call("iam", "create_role", RoleName="jsk-mine", AssumeRolePolicyDocument=_NOTHING),
    "make a user": call("iam", "create_user", UserName="eve"),
    "make a key that lasts": call("iam", "create_access_key", UserName="ada"),
    "change the publisher": call(
        "lambda", "update_function_code", FunctionName="jsk-attach-kernel", ZipFile=b"a"
    ),
    "order a publication": call(
        "sqs",
        "send_message",
        QueueUrl=f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes",
        MessageBody="a",
    ),
    "lose publications": call(
        "sqs", "purge_queue", QueueUrl=f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes"
    ),
    "turn the rule of pushes off": call("events", "disable_rule", Name="jsk-kernel-pushes"),
}
