"""boto3's calls for requests of the written list, and for the work of roles, as far as moto serves them."""

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


def _call(service: str, operation: str, **said: Any) -> Call:
    return Call(service, operation, said)


def _bucket(arn: str) -> str:
    return arn.rpartition(":")[2]


_OWN, _OTHER, _KEY = _bucket(BUCKET), _bucket(OTHER_BUCKET), "objects/a.csv"
_LOG = f"s3/jsk-vision-iris-{ACCOUNT}/2026-01-01"
_NOTHING = json.dumps({"Version": "2012-10-17", "Statement": []})
_ROLE = "jsk-vision"
_SPACE = {"DomainId": DOMAIN, "SpaceName": "visionary-iris-2-bob"}
_APP = {**_SPACE, "AppType": "JupyterLab", "AppName": "default"}
_BATCH = {"repositoryName": "jsk/kernels/iris", "imageIds": [{"imageTag": "v1"}]}
_MANIFEST = json.dumps(
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
_TRAIN = {
    "AlgorithmSpecification": {"TrainingImage": "a", "TrainingInputMode": "File"},
    "RoleArn": f"{IAM}:role/jsk-visionary-iris-2",
    "OutputDataConfig": {"S3OutputPath": "s3://a/b"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}

#: By its name in the written list.
REFUSED_CALLS: dict[str, Call] = {
    "read another squad's object": _call("s3", "get_object", Bucket=_OTHER, Key=_KEY),
    "read an old version of it": _call("s3", "get_object", Bucket=_OTHER, Key=_KEY, VersionId="1"),
    "overwrite another squad's object": _call("s3", "put_object", Bucket=_OTHER, Key=_KEY, Body=b"mine"),
    "delete another squad's object": _call("s3", "delete_object", Bucket=_OTHER, Key=_KEY),
    "remove a version of it for good": _call("s3", "delete_object", Bucket=_OTHER, Key=_KEY, VersionId="1"),
    "change the access list of an object": _call(
        "s3", "put_object_acl", Bucket=_OWN, Key=_KEY, ACL="public-read"
    ),
    "list another squad's objects": _call("s3", "list_objects_v2", Bucket=_OTHER),
    "list the versions of another squad": _call("s3", "list_object_versions", Bucket=_OTHER),
    "list all buckets": _call("s3", "list_buckets"),
    "make a bucket": _call("s3", "create_bucket", Bucket=f"jsk-vision-mine-{ACCOUNT}"),
    "read access logs": _call("s3", "get_object", Bucket=_bucket(LOGS_BUCKET), Key=_LOG),
    "write access logs": _call(
        "s3",
        "put_object",
        Bucket=_bucket(LOGS_BUCKET),
        Key=f"s3/jsk-vision-iris-{ACCOUNT}/pipelines/a",
        Body=b"",
    ),
    "delete access logs": _call("s3", "delete_object", Bucket=_bucket(LOGS_BUCKET), Key=_LOG),
    "take the publisher's turn": _call(
        "s3", "put_object", Bucket=_bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease", Body=b"mine"
    ),
    "turn versioning off": _call(
        "s3", "put_bucket_versioning", Bucket=_OWN, VersioningConfiguration={"Status": "Suspended"}
    ),
    "turn encryption off": _call(
        "s3",
        "put_bucket_encryption",
        Bucket=_OWN,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    ),
    "open a bucket to the public": _call(
        "s3",
        "put_public_access_block",
        Bucket=_OWN,
        PublicAccessBlockConfiguration={"BlockPublicAcls": False},
    ),
    "change the policy of a bucket": _call("s3", "put_bucket_policy", Bucket=_OWN, Policy=_NOTHING),
    "remove the policy of a bucket": _call("s3", "delete_bucket_policy", Bucket=_OWN),
    "let versions expire": _call(
        "s3",
        "put_bucket_lifecycle_configuration",
        Bucket=_OWN,
        LifecycleConfiguration={
            "Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "turn access logs off": _call("s3", "put_bucket_logging", Bucket=_OWN, BucketLoggingStatus={}),
    "copy a bucket elsewhere": _call(
        "s3",
        "put_bucket_replication",
        Bucket=_OWN,
        ReplicationConfiguration={
            "Role": f"{IAM}:role/a",
            "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": BACKUP}}],
        },
    ),
    "let access lists count": _call(
        "s3",
        "put_bucket_ownership_controls",
        Bucket=_OWN,
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    ),
    "remove a bucket": _call("s3", "delete_bucket", Bucket=_OWN),
    "change the tags of a bucket": _call("s3", "put_bucket_tagging", Bucket=_OWN, Tagging={"TagSet": []}),
    "disable the key": _call("kms", "disable_key", KeyId=KEY),
    "end the key": _call("kms", "schedule_key_deletion", KeyId=KEY),
    "change the policy of the key": _call(
        "kms", "put_key_policy", KeyId=KEY, PolicyName="default", Policy=_NOTHING
    ),
    "keep the key from rotating": _call("kms", "disable_key_rotation", KeyId=KEY),
    "decrypt what the platform writes": _call("kms", "decrypt", KeyId=OPERATIONS_KEY, CiphertextBlob=b"a"),
    "read another squad's parameters": _call("ssm", "get_parameter", Name="/jsk/visionary/iris-2/store"),
    "read all parameters at once": _call("ssm", "get_parameters_by_path", Path="/jsk"),
    "change a parameter": _call(
        "ssm", "put_parameter", Name="/jsk/vision/iris/store", Value="s3://a", Overwrite=True
    ),
    "remove a parameter": _call("ssm", "delete_parameter", Name="/jsk/vision/iris/store"),
    "read a secret": _call(
        "secretsmanager",
        "get_secret_value",
        SecretId=f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:git",
    ),
    "read another squad's logs": _call(
        "logs", "get_log_events", logGroupName="/jsk/visionary/iris-2", logStreamName="a"
    ),
    "read the platform's logs": _call(
        "logs", "get_log_events", logGroupName="/jsk/platform", logStreamName="a"
    ),
    "remove logs": _call("logs", "delete_log_group", logGroupName="/jsk/vision/iris"),
    "let logs expire": _call(
        "logs", "put_retention_policy", logGroupName="/jsk/vision/iris", retentionInDays=1
    ),
    "stop the record of who did what": _call("cloudtrail", "stop_logging", Name="a"),
    "push to the base repository": _call(
        "ecr", "put_image", repositoryName="jsk/base", imageManifest=_MANIFEST, imageTag="v1"
    ),
    "push another squad's kernel": _call(
        "ecr", "put_image", repositoryName="jsk/kernels/iris-2", imageManifest=_MANIFEST, imageTag="v1"
    ),
    "delete an image": _call("ecr", "batch_delete_image", **_BATCH),
    "delete a base image": _call("ecr", "batch_delete_image", **{**_BATCH, "repositoryName": "jsk/base"}),
    "let tags move": _call(
        "ecr", "put_image_tag_mutability", repositoryName="jsk/kernels/iris", imageTagMutability="MUTABLE"
    ),
    "change the policy of a repository": _call(
        "ecr", "set_repository_policy", repositoryName="jsk/base", policyText=_NOTHING
    ),
    "remove a repository": _call("ecr", "delete_repository", repositoryName="jsk/kernels/iris"),
    "let images expire": _call(
        "ecr", "put_lifecycle_policy", repositoryName="jsk/kernels/iris", lifecyclePolicyText=_EXPIRY
    ),
    "change the domain": _call("sagemaker", "update_domain", DomainId=DOMAIN),
    "remove the domain": _call("sagemaker", "delete_domain", DomainId=DOMAIN),
    "give a user profile another role": _call(
        "sagemaker", "update_user_profile", DomainId=DOMAIN, UserProfileName="vision-ada"
    ),
    "make a user profile": _call("sagemaker", "create_user_profile", DomainId=DOMAIN, UserProfileName="eve"),
    "make an image known to Studio": _call(
        "sagemaker", "create_image", ImageName="mine", RoleArn=f"{IAM}:role/jsk-studio-images"
    ),
    "make an image version known to Studio": _call(
        "sagemaker", "create_image_version", ImageName="iris", BaseImage="a", ClientToken="a"
    ),
    "remove an image from Studio": _call("sagemaker", "delete_image", ImageName="iris"),
    "change how an image is started": _call(
        "sagemaker", "update_app_image_config", AppImageConfigName="iris"
    ),
    "start an app in somebody else's space": _call("sagemaker", "create_app", **_APP),
    "stop somebody else's app": _call("sagemaker", "delete_app", **_APP),
    "change somebody else's space": _call("sagemaker", "update_space", **_SPACE),
    "remove somebody else's space": _call("sagemaker", "delete_space", **_SPACE),
    "run a script at each start": _call(
        "sagemaker",
        "create_studio_lifecycle_config",
        StudioLifecycleConfigName="a",
        StudioLifecycleConfigContent="a",
        StudioLifecycleConfigAppType="JupyterLab",
    ),
    "start a notebook instance": _call(
        "sagemaker",
        "create_notebook_instance",
        NotebookInstanceName="a",
        InstanceType="ml.t3.medium",
        RoleArn=f"{IAM}:role/a",
    ),
    "make an experiment in another squad's name": _call(
        "sagemaker", "create_experiment", ExperimentName="iris-2"
    ),
    "change another squad's trial": _call("sagemaker", "update_trial", TrialName="iris-2--k3-0a1b2c3d"),
    "start a job in another squad's name": _call(
        "sagemaker", "create_training_job", TrainingJobName="visionary-fit", **_TRAIN
    ),
    "stop another squad's job": _call("sagemaker", "stop_training_job", TrainingJobName="visionary-fit"),
    "attach a policy": _call(
        "iam", "attach_role_policy", RoleName=_ROLE, PolicyArn=f"{IAM}:policy/jsk-boundary"
    ),
    "write a policy into a role": _call(
        "iam", "put_role_policy", RoleName=_ROLE, PolicyName="mine", PolicyDocument=_NOTHING
    ),
    "take the boundary off": _call("iam", "delete_role_permissions_boundary", RoleName=_ROLE),
    "change the boundary": _call(
        "iam", "create_policy_version", PolicyArn=f"{IAM}:policy/jsk-boundary", PolicyDocument=_NOTHING
    ),
    "change who may become a role": _call(
        "iam", "update_assume_role_policy", RoleName="jsk-attach-kernel", PolicyDocument=_NOTHING
    ),
    "change the tags of a role": _call("iam", "tag_role", RoleName=_ROLE, Tags=[{"Key": "a", "Value": "b"}]),
    "make a role": _call("iam", "create_role", RoleName="jsk-mine", AssumeRolePolicyDocument=_NOTHING),
    "make a user": _call("iam", "create_user", UserName="eve"),
    "make a key that lasts": _call("iam", "create_access_key", UserName="ada"),
    "change the publisher": _call(
        "lambda", "update_function_code", FunctionName="jsk-attach-kernel", ZipFile=b"a"
    ),
    "order a publication": _call(
        "sqs",
        "send_message",
        QueueUrl=f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes",
        MessageBody="a",
    ),
    "lose publications": _call(
        "sqs", "purge_queue", QueueUrl=f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes"
    ),
    "turn the rule of pushes off": _call("events", "disable_rule", Name="jsk-kernel-pushes"),
}
_PUT_IRIS = _call(
    "ecr", "put_image", repositoryName="jsk/kernels/iris", imageManifest=_MANIFEST, imageTag="v2"
)
_QUEUE_URL = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes"
_LOG_IN = _call("ecr", "get_authorization_token")
_EXPERIMENTS, _PIPELINES = _call("sagemaker", "list_experiments"), _call("sagemaker", "list_pipelines")
_SAVE = [
    _call("s3", "put_object", Bucket=_OWN, Key=_KEY, Body=b"a,b"),
    _call("s3", "get_object", Bucket=_OWN, Key=_KEY),
    _call("s3", "list_object_versions", Bucket=_OWN),
    _call("s3", "get_bucket_versioning", Bucket=_OWN),
    _call("s3", "delete_object", Bucket=_OWN, Key="objects/old.csv"),
    _call("ssm", "get_parameter", Name="/jsk/vision/iris/store"),
]
_TRACK = [
    _call("sagemaker", "create_experiment", ExperimentName="iris"),
    _call("sagemaker", "create_trial", ExperimentName="iris", TrialName="iris--k3-0a1b2c3d"),
    _call("sagemaker", "create_trial_component", TrialComponentName="iris--k3-0a1b2c3d"),
]
_READ = [
    _call("s3", "get_object", Bucket=_OWN, Key=_KEY),
    _call("s3", "list_objects_v2", Bucket=_OTHER),
    _LOG_IN,
    _call("ecr", "describe_images", repositoryName="jsk/kernels/iris"),
]

#: By role or group: work of its own that moto serves, each call as it succeeds.
WORK_CALLS: dict[str, list[Call]] = {
    "SagemakerExperimentsRole": [
        _LOG_IN,
        _EXPERIMENTS,
        _call("ecr", "describe_images", repositoryName="jsk/base"),
        _call("sagemaker", "create_experiment", ExperimentName="open-penguins"),
    ],
    "SagemakerTrainingPipelinesRole": [
        *_READ,
        *_TRACK,
        _call("s3", "put_object", Bucket=_OWN, Key="pipelines/model.tar.gz", Body=b"a"),
        _call("sagemaker", "create_training_job", TrainingJobName="fit", **_TRAIN),
    ],
    "SagemakerDeploymentPipelinesRole": [
        *_READ,
        _call("s3", "put_object", Bucket=_OWN, Key="deployments/report.json", Body=b"{}"),
    ],
    "SagemakerUsers": [
        _EXPERIMENTS,
        _PIPELINES,
        _call("ecr", "list_images", repositoryName="jsk/kernels/iris"),
    ],
    "SagemakerDevelopers": [
        _EXPERIMENTS,
        _PIPELINES,
        _call("ssm", "get_parameter", Name="/jsk/vision/iris/store"),
        _call("ssm", "get_parameters_by_path", Path="/jsk/vision/iris"),
        _call("ssm", "describe_parameters"),
    ],
    "jsk-gitlab-base": [
        _LOG_IN,
        _call("ecr", "put_image", repositoryName="jsk/base", imageManifest=_MANIFEST, imageTag="v2"),
        _call("ecr", "describe_images", repositoryName="jsk/base"),
    ],
    "jsk-attach-kernel": [
        _LOG_IN,
        _call("ecr", "describe_images", repositoryName="jsk/kernels/iris"),
        _call("s3", "put_object", Bucket=_bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease", Body=b"a"),
        _call("s3", "get_object", Bucket=_bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease"),
        _call("sqs", "receive_message", QueueUrl=_QUEUE_URL),
    ],
    "jsk-studio-images": [_LOG_IN, _call("ecr", "batch_get_image", **_BATCH)],
    "jsk-flow-logs": [
        _call("logs", "create_log_stream", logGroupName="/jsk/platform", logStreamName="flows"),
        _call(
            "logs",
            "put_log_events",
            logGroupName="/jsk/platform",
            logStreamName="flows",
            logEvents=[{"timestamp": 1_800_000_000_000, "message": "a"}],
        ),
    ],
    "jsk-vision": [*_SAVE, *_TRACK, _EXPERIMENTS],
    "jsk-vision-iris": [*_SAVE, *_TRACK, _LOG_IN, _call("ecr", "batch_get_image", **_BATCH)],
    "jsk-vision-iris.gitlab": [
        _LOG_IN,
        _PUT_IRIS,
        _call("ecr", "batch_get_image", **_BATCH),
        _call(
            "events", "put_events", Entries=[{"Source": "jsk.ci", "DetailType": "candidate", "Detail": "{}"}]
        ),
    ],
    "jsk-vision-iris.replication": [_call("s3", "list_objects_v2", Bucket=_OWN)],
}
