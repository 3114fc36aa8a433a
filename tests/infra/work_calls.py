"""boto3's calls for the work of each role, as far as moto serves it."""

from __future__ import annotations

from tests.infra.calls import BATCH, MANIFEST, NAME, OTHER, OWN, TRAIN, Call, bucket, call
from tests.infra.rendered import ACCOUNT, LEASE_BUCKET

_PUT_IRIS = call("ecr", "put_image", repositoryName="jsk/kernels/iris", imageManifest=MANIFEST, imageTag="v2")
_QUEUE_URL = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jsk-kernel-pushes"
_LOG_IN = call("ecr", "get_authorization_token")
_EXPERIMENTS, _PIPELINES = call("sagemaker", "list_experiments"), call("sagemaker", "list_pipelines")
_SAVE = [
    call("s3", "put_object", Bucket=OWN, Key=NAME, Body=b"a,b"),
    call("s3", "get_object", Bucket=OWN, Key=NAME),
    call("s3", "list_object_versions", Bucket=OWN),
    call("s3", "get_bucket_versioning", Bucket=OWN),
    call("s3", "delete_object", Bucket=OWN, Key="objects/old.csv"),
    call("ssm", "get_parameter", Name="/jsk/vision/iris/store"),
]
_TRACK = [
    call("sagemaker", "create_experiment", ExperimentName="iris"),
    call("sagemaker", "create_trial", ExperimentName="iris", TrialName="iris--k3-0a1b2c3d"),
    call("sagemaker", "create_trial_component", TrialComponentName="iris--k3-0a1b2c3d"),
]
_READ = [
    call("s3", "get_object", Bucket=OWN, Key=NAME),
    call("s3", "list_objects_v2", Bucket=OTHER),
    _LOG_IN,
    call("ecr", "describe_images", repositoryName="jsk/kernels/iris"),
]

#: By role or group: work of its own that moto serves, each call as it succeeds.
WORK_CALLS: dict[str, list[Call]] = {
    "SagemakerExperimentsRole": [
        _LOG_IN,
        _EXPERIMENTS,
        call("ecr", "describe_images", repositoryName="jsk/base"),
        call("sagemaker", "create_experiment", ExperimentName="open-penguins"),
    ],
    "SagemakerTrainingPipelinesRole": [
        *_READ,
        *_TRACK,
        call("s3", "put_object", Bucket=OWN, Key="pipelines/model.tar.gz", Body=b"a"),
        call("sagemaker", "create_training_job", TrainingJobName="fit", **TRAIN),
    ],
    "SagemakerDeploymentPipelinesRole": [
        *_READ,
        call("s3", "put_object", Bucket=OWN, Key="deployments/report.json", Body=b"{}"),
    ],
    "SagemakerUsers": [
        _EXPERIMENTS,
        _PIPELINES,
        call("ecr", "list_images", repositoryName="jsk/kernels/iris"),
    ],
    "SagemakerDevelopers": [
        _EXPERIMENTS,
        _PIPELINES,
        call("ssm", "get_parameter", Name="/jsk/vision/iris/store"),
        call("ssm", "get_parameters_by_path", Path="/jsk/vision/iris"),
        call("ssm", "describe_parameters"),
    ],
    "jsk-gitlab-base": [
        _LOG_IN,
        call("ecr", "put_image", repositoryName="jsk/base", imageManifest=MANIFEST, imageTag="v2"),
        call("ecr", "describe_images", repositoryName="jsk/base"),
    ],
    "jsk-attach-kernel": [
        _LOG_IN,
        call("ecr", "describe_images", repositoryName="jsk/kernels/iris"),
        call("s3", "put_object", Bucket=bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease", Body=b"a"),
        call("s3", "get_object", Bucket=bucket(LEASE_BUCKET), Key="jsk-ci/studio.lease"),
        call("sqs", "receive_message", QueueUrl=_QUEUE_URL),
    ],
    "jsk-studio-images": [_LOG_IN, call("ecr", "batch_get_image", **BATCH)],
    "jsk-flow-logs": [
        call("logs", "create_log_stream", logGroupName="/jsk/platform", logStreamName="flows"),
        call(
            "logs",
            "put_log_events",
            logGroupName="/jsk/platform",
            logStreamName="flows",
            logEvents=[{"timestamp": 1_800_000_000_000, "message": "a"}],
        ),
    ],
    "jsk-vision": [*_SAVE, *_TRACK, _EXPERIMENTS],
    "jsk-vision-iris": [*_SAVE, *_TRACK, _LOG_IN, call("ecr", "batch_get_image", **BATCH)],
    "jsk-vision-iris.gitlab": [
        _LOG_IN,
        _PUT_IRIS,
        call("ecr", "batch_get_image", **BATCH),
    ],
    "jsk-vision-iris.replication": [call("s3", "list_objects_v2", Bucket=OWN)],
}
