"""moto with IAM enforcement, told what each call is about. Run as a program it is the server.

moto's own enforcement collects the policies of who calls, checks the signature, and compares actions. Of S3,
IAM, SQS and STS it also compares resources; of all other services it knows no resource, and would refuse
whatever a policy does not allow on ``*``. Its hook for that (``_determine_resource``) is filled in here for
the services that the kit uses; the actions of S3 that moto calls otherwise than IAM get their names.

Refusals come in the service's own protocol.

It compares no conditions (all are taken to be met), no boundaries, and no policies of resources.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

#: What IAM calls them ("Actions defined by Amazon S3"); moto takes what it does not know for CreateBucket.
_OF_BUCKETS = {
    "encryption": "PutEncryptionConfiguration",
    "publicAccessBlock": "PutBucketPublicAccessBlock",
    "ownershipControls": "PutBucketOwnershipControls",
    "replication": "PutReplicationConfiguration",
}
_IN_XML = {"iam", "sts", "ec2"}
#: By action of SageMaker: the kind of its resource, and what of the request names it.
_SAGEMAKER = {
    "CreateExperiment": ("experiment", "ExperimentName"),
    "UpdateExperiment": ("experiment", "ExperimentName"),
    "CreateTrial": ("experiment-trial", "TrialName"),
    "UpdateTrial": ("experiment-trial", "TrialName"),
    "CreateTrialComponent": ("experiment-trial-component", "TrialComponentName"),
    "CreateTrainingJob": ("training-job", "TrainingJobName"),
    "StopTrainingJob": ("training-job", "TrainingJobName"),
    "CreateProcessingJob": ("processing-job", "ProcessingJobName"),
    "UpdateDomain": ("domain", "DomainId"),
    "DeleteDomain": ("domain", "DomainId"),
    "CreateDomain": ("domain", "DomainName"),
    "CreateImage": ("image", "ImageName"),
    "CreateImageVersion": ("image", "ImageName"),
    "DeleteImage": ("image", "ImageName"),
    "UpdateAppImageConfig": ("app-image-config", "AppImageConfigName"),
    "CreateNotebookInstance": ("notebook-instance", "NotebookInstanceName"),
    "CreateStudioLifecycleConfig": ("studio-lifecycle-config", "StudioLifecycleConfigName"),
    "CreateUserProfile": ("user-profile", "DomainId UserProfileName"),
    "UpdateUserProfile": ("user-profile", "DomainId UserProfileName"),
    "UpdateSpace": ("space", "DomainId SpaceName"),
    "DeleteSpace": ("space", "DomainId SpaceName"),
    "CreateApp": ("app", "DomainId SpaceName AppType AppName"),
    "DeleteApp": ("app", "DomainId SpaceName AppType AppName"),
    "DescribePipeline": ("pipeline", "PipelineName"),
    "CreatePipeline": ("pipeline", "PipelineName"),
}


def _said(response: Any) -> dict[str, Any]:
    try:
        told = json.loads(response.body or "{}")
    except (TypeError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _arn(response: Any, service: str, rest: str) -> str:
    return f"arn:aws:{service}:{response.region}:{response.current_account}:{rest}"


def _ecr(response: Any) -> str:
    name = _said(response).get("repositoryName")
    return _arn(response, "ecr", f"repository/{name}") if name else "*"


def _ssm(response: Any) -> str:
    said = _said(response)
    name = said.get("Name") or said.get("Path") or next(iter(said.get("Names", ())), "")
    return _arn(response, "ssm", f"parameter{name.rstrip('/')}") if name else "*"


def _kms(response: Any) -> str:
    key = _said(response).get("KeyId", "*")
    return key if key.startswith("arn:") or key == "*" else _arn(response, "kms", f"key/{key}")


def _logs(response: Any) -> str:
    said = _said(response)
    group, stream = said.get("logGroupName", ""), said.get("logStreamName", "")
    tail = f":log-stream:{stream}" if stream else ""
    return _arn(response, "logs", f"log-group:{group}{tail}") if group else "*"


def _sagemaker(response: Any) -> str:
    kind, names = _SAGEMAKER.get(response._get_action(), ("", ""))
    said = _said(response)
    return (
        _arn(response, "sagemaker", "/".join([kind, *(said[name] for name in names.split())]))
        if kind
        else "*"
    )


def _lambda(response: Any) -> str:
    name = unquote(response.path.partition("/functions/")[2].partition("/")[0])
    return _arn(response, "lambda", f"function:{name}") if name else "*"


def _events(response: Any) -> str:
    if response._get_action() == "PutEvents":
        return _arn(response, "events", "event-bus/default")
    name = _said(response).get("Name")
    return _arn(response, "events", f"rule/{name}") if name else "*"


def _secretsmanager(response: Any) -> str:
    return _said(response).get("SecretId", "*")


def _cloudtrail(response: Any) -> str:
    name = _said(response).get("Name")
    return _arn(response, "cloudtrail", f"trail/{name}") if name else "*"


def _iam(response: Any) -> str:
    """Add users, groups and policies to the roles that moto knows."""
    said = {key: response._get_param(key) for key in ("RoleName", "GroupName", "UserName", "PolicyArn")}
    if said["RoleName"]:
        return f"arn:aws:iam::{response.current_account}:role/{said['RoleName']}"
    if said["GroupName"]:
        return f"arn:aws:iam::{response.current_account}:group/{said['GroupName']}"
    if said["UserName"]:
        return f"arn:aws:iam::{response.current_account}:user/{said['UserName']}"
    return said["PolicyArn"] or "*"


def _refuse(request: Any) -> None:
    """Refuse as the service would: moto answers in XML, which clients of JSON services cannot read."""
    from moto.core.exceptions import AccessDeniedError, JsonRESTError

    who, action = request._access_key.arn, request._action
    if request._service in _IN_XML:
        raise AccessDeniedError(user_arn=who, action=action)
    refusal = JsonRESTError("AccessDeniedException", f"User: {who} is not authorized to perform: {action}")
    refusal.code = 403
    raise refusal


def teach() -> None:
    """Tell moto what its calls are about."""
    from moto.cloudtrail.responses import CloudTrailResponse
    from moto.ecr.responses import ECRResponse
    from moto.events.responses import EventsHandler
    from moto.iam.access_control import IAMRequest
    from moto.iam.responses import IamResponse
    from moto.kms.responses import KmsResponse
    from moto.logs.responses import LogsResponse
    from moto.s3.responses import ACTION_MAP
    from moto.sagemaker.responses import SageMakerResponse
    from moto.secretsmanager.responses import SecretsManagerResponse
    from moto.ssm.responses import SimpleSystemManagerResponse

    from moto.awslambda.responses import LambdaResponse  # isort: skip

    IAMRequest._raise_access_denied = _refuse
    ACTION_MAP["BUCKET"]["PUT"].update(_OF_BUCKETS)
    hooks: dict[Any, Callable[[Any], str]] = {
        CloudTrailResponse: _cloudtrail,
        ECRResponse: _ecr,
        EventsHandler: _events,
        IamResponse: _iam,
        KmsResponse: _kms,
        LambdaResponse: _lambda,
        LogsResponse: _logs,
        SageMakerResponse: _sagemaker,
        SecretsManagerResponse: _secretsmanager,
        SimpleSystemManagerResponse: _ssm,
    }
    for kind, hook in hooks.items():
        kind._determine_resource = hook


if __name__ == "__main__":
    from moto.server import main

    teach()
    main(sys.argv[1:])
