"""What each role and group of the platform and of the squad vision does: its own work, request by request."""

from __future__ import annotations

from tests.infra.iam import Request
from tests.infra.refused import EC2, LOGS, SSM
from tests.infra.rendered import (
    BACKUP,
    BACKUP_KEY,
    BUCKET,
    DOMAIN,
    ECR,
    IAM,
    KEY,
    LEASE_BUCKET,
    OPERATIONS_KEY,
    OTHER_BUCKET,
    QUEUE,
    REGION,
    SAGEMAKER,
)

_USER = f"{SAGEMAKER}:user-profile/{DOMAIN}"
_ADA = {
    "sagemaker:DomainId": DOMAIN,
    "sagemaker:UserProfileName": "vision-ada",
    "sagemaker:OwnerUserProfileArn": f"{_USER}/vision-ada",
    "sagemaker:SpaceSharingType": "Private",
    "sagemaker:InstanceTypes": ["ml.t3.medium"],
}
_APP = f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-ada/JupyterLab/default"
_SPACE = f"{SAGEMAKER}:space/{DOMAIN}/vision-iris-ada"
_TRIAL = f"{SAGEMAKER}:experiment-trial/iris--k3-0a1b2c3d"
_COMPONENT = f"{SAGEMAKER}:experiment-trial-component/iris--k3-0a1b2c3d"
_TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}
_JOB = {
    "sagemaker:InstanceTypes": ["ml.t3.medium"],
    "sagemaker:VpcSubnets": ["subnet-0a"],
    "sagemaker:VpcSecurityGroupIds": ["sg-0123456789abcdef0"],
}
_STARTED = {
    "aws:TagKeys": ["jsk:part", "jsk:squad", "jsk:experiment", "jsk:user"],
    "aws:RequestTag/jsk:squad": "vision",
    "aws:RequestTag/jsk:experiment": "iris",
    "aws:RequestTag/jsk:user": "ada",
    "sagemaker:TaggingAction": "CreateApp",
}
_FOR_DISKS = {"kms:GrantIsForAWSResource": "true"}


def _through_s3(bucket: str, region: str = REGION) -> dict[str, str]:
    return {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": bucket}


def _each(service: str, actions: str, resource: str = "*", **context: object) -> list[Request]:
    return [Request(f"{service}:{action}", resource, context) for action in actions.split()]  # type: ignore[arg-type]


def _see_offered(image: str) -> list[Request]:
    """Whether the publisher is done with an image."""
    return [
        *_each("sagemaker", "DescribeDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
        *_each("sagemaker", "ListImageVersions", f"{SAGEMAKER}:image/{image}"),
        *_each("sagemaker", "DescribeImageVersion", f"{SAGEMAKER}:image-version/{image}/3"),
    ]


_LOG_IN = _each("ecr", "GetAuthorizationToken")
_PULL, _PUSH = (
    "BatchGetImage BatchCheckLayerAvailability GetDownloadUrlForLayer",
    ("InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage"),
)
#: `jsk apps` and `jsk costs`; tests/costs shows which calls they make.
SEE_COSTS = [
    *_each("sagemaker", "ListApps ListSpaces"),
    *_each("sagemaker", "DescribeApp", _APP),
    *_each("sagemaker", "ListTags", _SPACE),
    *_each("ce", "GetCostAndUsage"),
    *_each("pricing", "GetProducts"),
]
_OBJECTS = [
    *_each(
        "s3",
        "GetObject GetObjectVersion PutObject DeleteObject DeleteObjectVersion",
        f"{BUCKET}/objects/a.csv",
    ),
    *_each("s3", "AbortMultipartUpload ListMultipartUploadParts", f"{BUCKET}/objects/a.csv"),
    *_each("s3", "ListBucket ListBucketVersions GetBucketVersioning ListBucketMultipartUploads", BUCKET),
    *_each("kms", "Decrypt GenerateDataKey", KEY, **_through_s3(BUCKET)),
]
_TRACK = [
    *_each(
        "sagemaker",
        "CreateExperiment UpdateExperiment DescribeExperiment AddTags",
        f"{SAGEMAKER}:experiment/iris",
    ),
    *_each("sagemaker", "CreateTrial UpdateTrial AssociateTrialComponent AddTags DeleteTags", _TRIAL),
    *_each(
        "sagemaker",
        "CreateTrialComponent UpdateTrialComponent BatchPutMetrics AssociateTrialComponent",
        _COMPONENT,
    ),
]
_LOOK = [
    *_each(
        "sagemaker",
        "ListExperiments ListTrials ListPipelines ListModelPackages ListModelPackageGroups Search",
    ),
    *_each("sagemaker", "DescribePipeline", f"{SAGEMAKER}:pipeline/train"),
    *_each("sagemaker", "DescribeModelPackage", f"{SAGEMAKER}:model-package/iris/1"),
    *_each("ecr", "DescribeImages ListImages", f"{ECR}/kernels/iris"),
]
_PIPELINE = [
    *_LOG_IN,
    *_each("ecr", _PULL, f"{ECR}/base"),
    *_each("ecr", _PULL, f"{ECR}/kernels/iris"),
    *_each("s3", "GetObject GetObjectVersion", f"{BUCKET}/objects/a.csv"),
    *_each("s3", "ListBucket", OTHER_BUCKET),
    *_each("kms", "Decrypt GenerateDataKey", KEY, **_through_s3(BUCKET)),
    *_each("kms", "CreateGrant", KEY, **_FOR_DISKS),
    *_each(
        "ec2",
        "CreateNetworkInterface",
        f"{EC2}:subnet/subnet-0a",
        **{"aws:CalledVia": ["sagemaker.amazonaws.com"]},
    ),
    *_each("logs", "CreateLogStream PutLogEvents", f"{LOGS}:/aws/sagemaker/TrainingJobs:log-stream:a"),
]

#: By role or group: what it is there for.
WORK: dict[str, list[Request]] = {
    "SagemakerExperimentsRole": [
        *_LOG_IN,
        *_each("ecr", _PULL, f"{ECR}/base"),
        *_each("ecr", _PULL, f"{ECR}/kernels/iris"),
        *_each("sagemaker", "CreateExperiment", f"{SAGEMAKER}:experiment/open-penguins"),
        *_each(
            "sagemaker", "CreateTrial UpdateTrial", f"{SAGEMAKER}:experiment-trial/open-penguins--a-0a1b2c3d"
        ),
        *_each(
            "sagemaker",
            "BatchPutMetrics",
            f"{SAGEMAKER}:experiment-trial-component/open-penguins--a-0a1b2c3d",
        ),
        *_each("sagemaker", "CreateSpace UpdateSpace DeleteSpace", _SPACE, **_ADA),
        *_each("sagemaker", "DescribeDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
        *_each("sagemaker", "ListDomains ListUserProfiles ListImages"),
        *_each("sagemaker", "CreateApp DeleteApp", _APP, **_ADA),
        *_each("sagemaker", "AddTags", _APP, **_ADA, **{"sagemaker:TaggingAction": "CreateApp"}),
        *_each("logs", "PutLogEvents", f"{LOGS}:/aws/sagemaker/studio:log-stream:a"),
        *SEE_COSTS,
    ],
    "SagemakerTrainingPipelinesRole": [
        *_PIPELINE,
        *_TRACK,
        *_each("s3", "PutObject", f"{BUCKET}/pipelines/model.tar.gz"),
        *_each("sagemaker", "CreateTrainingJob CreateProcessingJob", f"{SAGEMAKER}:training-job/fit", **_JOB)[
            :1
        ],
        *_each("sagemaker", "CreateProcessingJob", f"{SAGEMAKER}:processing-job/clean", **_JOB),
        *_each("sagemaker", "DescribeTrainingJob StopTrainingJob", f"{SAGEMAKER}:training-job/fit"),
        *_each(
            "sagemaker", "CreatePipeline UpdatePipeline StartPipelineExecution", f"{SAGEMAKER}:pipeline/train"
        ),
        *_each("sagemaker", "CreateModelPackage", f"{SAGEMAKER}:model-package/iris/1"),
        *_each("iam", "PassRole", f"{IAM}:role/SagemakerTrainingPipelinesRole", **_TO_SAGEMAKER),
    ],
    "SagemakerDeploymentPipelinesRole": [
        *_PIPELINE,
        *_each("s3", "PutObject", f"{BUCKET}/deployments/report.json"),
        *_each("sagemaker", "DescribeModelPackage UpdateModelPackage", f"{SAGEMAKER}:model-package/iris/1"),
        *_each("sagemaker", "CreateModel", f"{SAGEMAKER}:model/iris", **_JOB),
        *_each("sagemaker", "CreateEndpointConfig", f"{SAGEMAKER}:endpoint-config/iris"),
        *_each(
            "sagemaker",
            "CreateEndpoint UpdateEndpoint InvokeEndpoint DeleteEndpoint",
            f"{SAGEMAKER}:endpoint/iris",
        ),
        *_each("iam", "PassRole", f"{IAM}:role/SagemakerDeploymentPipelinesRole", **_TO_SAGEMAKER),
    ],
    "SagemakerUsers": [*_LOOK, *SEE_COSTS],
    "SagemakerDevelopers": [
        *_LOOK,
        *SEE_COSTS,
        *_each("ssm", "GetParameter GetParameters GetParametersByPath", f"{SSM}/vision/iris/store"),
        *_each("ssm", "DescribeParameters"),
    ],
    "jsk-gitlab-base": [
        *_LOG_IN,
        *_each("ecr", f"{_PULL} {_PUSH} DescribeImages ListImages", f"{ECR}/base"),
        *_see_offered("base"),
    ],
    "jsk-attach-kernel": [
        *_LOG_IN,
        *_each("sagemaker", "DescribeDomain UpdateDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
        *_each(
            "sagemaker",
            "CreateImage DescribeImage CreateImageVersion ListImageVersions",
            f"{SAGEMAKER}:image/iris",
        ),
        *_each("sagemaker", "DescribeImageVersion", f"{SAGEMAKER}:image-version/iris/1"),
        *_each(
            "sagemaker",
            "CreateAppImageConfig UpdateAppImageConfig DescribeAppImageConfig",
            f"{SAGEMAKER}:app-image-config/iris",
        ),
        *_each("sagemaker", "ListApps"),
        *_each("sagemaker", "DescribeApp", _APP),
        *_each("ecr", "DescribeImages BatchGetImage GetDownloadUrlForLayer", f"{ECR}/kernels/iris"),
        *_each("ecr", "DescribeImages", f"{ECR}/base"),
        *_each("s3", "GetObject PutObject DeleteObject", f"{LEASE_BUCKET}/jsk-ci/studio.lease"),
        *_each("s3", "ListBucket", LEASE_BUCKET, **{"s3:prefix": "jsk-ci/studio.lease"}),
        *_each("sqs", "ReceiveMessage DeleteMessage ChangeMessageVisibility", QUEUE),
        *_each("kms", "Decrypt GenerateDataKey", OPERATIONS_KEY),
        *_each("iam", "PassRole", f"{IAM}:role/jsk-studio-images", **_TO_SAGEMAKER),
        *_each("logs", "PutLogEvents", f"{LOGS}:/aws/lambda/jsk-attach-kernel:log-stream:a"),
    ],
    "jsk-studio-images": [
        *_LOG_IN,
        *_each("ecr", _PULL, f"{ECR}/base"),
        *_each("ecr", _PULL, f"{ECR}/kernels/iris"),
    ],
    "jsk-flow-logs": _each(
        "logs", "CreateLogStream PutLogEvents DescribeLogStreams", f"{LOGS}:/jsk/platform:log-stream:a"
    ),
    "jsk-vision": [
        *_OBJECTS,
        *_each("sagemaker", "ListExperiments ListTrials ListTrialComponents"),
        *_TRACK,
        *SEE_COSTS,
        *_each("sagemaker", "CreateApp DeleteApp", _APP, **_ADA),
        *_each("sagemaker", "UpdateSpace", _SPACE, **_ADA),
        *_each("sagemaker", "AddTags", _APP, **_ADA, **_STARTED),
        *_each("sagemaker", "CreatePresignedDomainUrl", f"{_USER}/vision-ada", **_ADA),
        *_each("sagemaker", "CreateTrainingJob", f"{SAGEMAKER}:training-job/vision-fit", **_JOB),
        *_each("sagemaker", "StopTrainingJob", f"{SAGEMAKER}:training-job/vision-fit"),
        *_each("iam", "PassRole", f"{IAM}:role/jsk-vision-iris", **_TO_SAGEMAKER),
        *_each("ssm", "GetParameter GetParametersByPath", f"{SSM}/vision/iris/store"),
        *_each("logs", "GetLogEvents PutLogEvents", f"{LOGS}:/jsk/vision/iris:log-stream:a"),
    ],
    "jsk-vision-iris": [
        *_LOG_IN,
        *_OBJECTS,
        *_TRACK,
        *_each("ecr", _PULL, f"{ECR}/kernels/iris"),
        *_each("ecr", _PULL, f"{ECR}/base"),
        *_each("ssm", "GetParameter", f"{SSM}/vision/iris/store"),
        *_each("logs", "PutLogEvents", f"{LOGS}:/jsk/vision/iris:log-stream:a"),
        *_each("ec2", "CreateNetworkInterface", f"{EC2}:subnet/subnet-0a"),
    ],
    "jsk-vision-iris.gitlab": [
        *_LOG_IN,
        *_each("ecr", f"{_PULL} {_PUSH} DescribeImages ListImages", f"{ECR}/kernels/iris"),
        *_each("ecr", _PULL, f"{ECR}/base"),
        *_see_offered("iris"),
    ],
    "jsk-vision-iris.replication": [
        *_each("s3", "GetReplicationConfiguration ListBucket", BUCKET),
        *_each("s3", "GetObjectVersionForReplication GetObjectVersionTagging", f"{BUCKET}/objects/a.csv"),
        *_each("s3", "ReplicateObject ReplicateTags", f"{BACKUP}/objects/a.csv"),
        *_each("kms", "Decrypt", KEY, **_through_s3(BUCKET)),
        *_each("kms", "Encrypt GenerateDataKey", BACKUP_KEY, **_through_s3(BACKUP, "eu-west-1")),
    ],
}
