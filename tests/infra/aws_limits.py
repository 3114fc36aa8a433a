"""What AWS takes: lengths, patterns and values of its services' models, and what its permissions know.

Sources: botocore's service models; ``authorization.json``, which is the Service Authorization Reference of
AWS for the actions that the kit uses (of each: the kinds of resources and the condition keys that it knows);
the quotas that no model has are from the page that stands beside each.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session

_REFERENCE = json.loads(Path(__file__).with_name("authorization.json").read_text(encoding="utf-8"))
_ACTIONS: dict[str, dict[str, list[str]]] = _REFERENCE["actions"]
_ARNS: dict[str, str] = _REFERENCE["resources"]

#: EC2 says it only when it refuses: CreateSecurityGroup, GroupDescription.
GROUP_DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
#: Amazon S3 User Guide, "General purpose bucket naming rules".
BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)")
#: Values of tags that every service takes (Tagging AWS Resources, "Tag naming limits and requirements").
TAG = re.compile(r"[\w +\-=.:/@]{0,256}")

#: Characters without blanks that IAM, S3, ECR, KMS and SQS take, by resource and attribute.
POLICY_SIZES = {
    ("aws_iam_policy", "policy"): 6144,  # IAM User Guide, "IAM and AWS STS quotas"
    ("aws_iam_role", "assume_role_policy"): 2048,
    ("aws_iam_role_policy", "policy"): 10240,  # all of a role together
    ("aws_iam_group_policy", "policy"): 5120,  # all of a group together
    ("aws_s3_bucket_policy", "policy"): 20480,  # S3 User Guide, "Bucket policies"
    ("aws_ecr_repository_policy", "policy"): 10240,  # model of SetRepositoryPolicy
    ("aws_kms_key", "policy"): 32768,  # KMS Developer Guide, "Key policy document size"
}

_IDLE = "space_settings.jupyter_lab_app_settings.app_lifecycle_management"
#: Attribute of a resource -> parameter of a call. Dots lead inward; blocks of Terraform are lists of one.
_CALLS = {
    "budgets CreateBudget": {"aws_budgets_budget": {"name": "Budget.BudgetName"}},
    "cloudwatch PutMetricAlarm": {
        "aws_cloudwatch_metric_alarm": {
            "alarm_name": "AlarmName",
            "alarm_description": "AlarmDescription",
            "namespace": "Namespace",
            "statistic": "Statistic",
            "comparison_operator": "ComparisonOperator",
        }
    },
    "ecr CreateRepository": {
        "aws_ecr_repository": {"name": "repositoryName", "image_tag_mutability": "imageTagMutability"}
    },
    "events PutRule": {
        "aws_cloudwatch_event_rule": {
            "name": "Name",
            "description": "Description",
            "event_pattern": "EventPattern",
        }
    },
    "iam CreateGroup": {"aws_iam_group": {"name": "GroupName"}},
    "iam CreatePolicy": {"aws_iam_policy": {"name": "PolicyName", "description": "Description"}},
    "iam CreateRole": {
        "aws_iam_role": {
            "name": "RoleName",
            "description": "Description",
            "max_session_duration": "MaxSessionDuration",
        }
    },
    "iam PutRolePolicy": {"aws_iam_role_policy": {"name": "PolicyName"}},
    "kms CreateAlias": {"aws_kms_alias": {"name": "AliasName"}},
    "kms CreateKey": {"aws_kms_key": {"description": "Description"}},
    "lambda CreateEventSourceMapping": {
        "aws_lambda_event_source_mapping": {
            "batch_size": "BatchSize",
            "scaling_config.maximum_concurrency": "ScalingConfig.MaximumConcurrency",
        }
    },
    "lambda CreateFunction": {
        "aws_lambda_function": {
            "function_name": "FunctionName",
            "description": "Description",
            "handler": "Handler",
            "runtime": "Runtime",
            "memory_size": "MemorySize",
            "timeout": "Timeout",
        }
    },
    "logs CreateLogGroup": {"aws_cloudwatch_log_group": {"name": "logGroupName"}},
    "logs PutMetricFilter": {
        "aws_cloudwatch_log_metric_filter": {"name": "filterName", "pattern": "filterPattern"}
    },
    "sagemaker CreateCodeRepository": {
        "aws_sagemaker_code_repository": {
            "code_repository_name": "CodeRepositoryName",
            "git_config.repository_url": "GitConfig.RepositoryUrl",
            "git_config.branch": "GitConfig.Branch",
        }
    },
    "sagemaker CreateDomain": {
        "aws_sagemaker_domain": {
            "domain_name": "DomainName",
            "auth_mode": "AuthMode",
            "app_network_access_type": "AppNetworkAccessType",
            "tag_propagation": "TagPropagation",
            "kms_key_id": "KmsKeyId",
        }
    },
    "sagemaker CreateSpace": {
        "aws_sagemaker_space": {
            "space_name": "SpaceName",
            "space_sharing_settings.sharing_type": "SpaceSharingSettings.SharingType",
            "space_settings.app_type": "SpaceSettings.AppType",
            "space_settings.jupyter_lab_app_settings.default_resource_spec.instance_type": (
                "SpaceSettings.JupyterLabAppSettings.DefaultResourceSpec.InstanceType"
            ),
            f"{_IDLE}.idle_settings.idle_timeout_in_minutes": (
                "SpaceSettings.JupyterLabAppSettings.AppLifecycleManagement.IdleSettings.IdleTimeoutInMinutes"
            ),
            "space_settings.space_storage_settings.ebs_storage_settings.ebs_volume_size_in_gb": (
                "SpaceSettings.SpaceStorageSettings.EbsStorageSettings.EbsVolumeSizeInGb"
            ),
        }
    },
    "sagemaker CreateUserProfile": {"aws_sagemaker_user_profile": {"user_profile_name": "UserProfileName"}},
    "sns CreateTopic": {"aws_sns_topic": {"name": "Name"}},
    "ssm PutParameter": {"aws_ssm_parameter": {"name": "Name", "description": "Description", "type": "Type"}},
}


def attributes() -> Iterator[tuple[str, str, Any]]:
    """Yield kind of resource, path of an attribute, and the shape that its value has to fit."""
    for call, kinds in _CALLS.items():
        service, operation = call.split()
        for kind, paths in kinds.items():
            for path, parameter in paths.items():
                yield kind, path, _shape(service, operation, parameter)


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _shape(service: str, operation: str, parameter: str) -> Any:
    shape = _model(service).operation_model(operation).input_shape
    for name in parameter.split("."):
        shape = shape.members[name]
    return shape


def value(values: Mapping[str, Any], path: str) -> Any:
    """Return an attribute; None if a block on the way is not there."""
    found: Any = values
    for name in path.split("."):
        found = found[0] if isinstance(found, list) and found else found
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def complaint(shape: Any, found: Any) -> str:
    """Say why a service refuses a value; nothing if it takes it."""
    rules = shape.metadata
    size = len(found) if isinstance(found, str) else found
    if not rules.get("min", size) <= size <= rules.get("max", size):
        return f"{size} is not within {rules.get('min')} and {rules.get('max')}"
    if "enum" in rules and found not in rules["enum"]:
        return f"{found} is none of {', '.join(rules['enum'])}"
    if "pattern" in rules and not re.fullmatch(_python(rules["pattern"]), found, _case(rules["pattern"])):
        return f"{found} does not fit {rules['pattern']}"
    return ""


def _case(pattern: str) -> re.RegexFlag:
    return re.IGNORECASE if "(?i)" in pattern else re.NOFLAG


def _python(pattern: str) -> str:
    """Return a pattern of a model, which is Java's, as Python writes it."""
    for java, python in {
        r"\p{L}": r"\w",
        r"\p{Z}": " ",
        r"\p{N}": r"\d",
        r"\p{M}": r"\w",
        "(?i)": "",
    }.items():
        pattern = pattern.replace(java, python)
    return pattern


def unknown(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a statement asks of IAM that its actions do not know: it would never be allowed."""
    for action in _listed(statement["Action"]):
        known = [name for name in _ACTIONS if fnmatch.fnmatchcase(name.lower(), action.lower())]
        if not known and not action.endswith("*"):
            yield f"{action} is not in authorization.json: is there such an action?"
        if len(known) == 1 and "*" not in action and statement["Effect"] == "Allow":
            yield from _unknown_of(action, _ACTIONS[known[0]], statement)


def _unknown_of(action: str, known: Mapping[str, list[str]], statement: Mapping[str, Any]) -> Iterator[str]:
    resources = _listed(statement.get("Resource", "*"))
    service = action.split(":")[0]
    arns = [_ARNS[f"{service}:{kind}"] for kind in known["types"]]
    if resources != ["*"] and not any(_meet(one, arn) for one in resources for arn in arns):
        yield f"{action} knows {', '.join(known['types']) or 'no resource'}, and not {resources[0]}"
    for key in {key for keys in statement.get("Condition", {}).values() for key in keys}:
        # Of every action are the global ones; of an identity provider and of an encryption, names are free.
        if key.startswith(("aws:", "kms:EncryptionContext:")) or not key.startswith(f"{service}:"):
            continue
        if not any(fnmatch.fnmatchcase(key, re.sub(r"\$\{[^}]*\}", "*", one)) for one in known["keys"]):
            yield f"{action} does not know {key}"


def _meet(resource: str, arn: str) -> bool:
    """Tell whether a resource of a policy can be one of a kind, both with unknown parts."""
    wanted = re.sub(r"\\\$\\\{[^}]*\\\}", "[^:]+", re.escape(arn))
    given = re.sub(r"\$\{[^}]*\}", "x", resource)
    # A star may stand for one part, for as many as the kind has, or, behind a colon, for nothing.
    tries = [
        given.replace("*", part)
        for part in ("x", "x/y", "x/y/z", "x/execution/y", "x:log-stream:y", "log-stream:y")
    ]
    return any(re.fullmatch(wanted, one) for one in [*tries, given.removesuffix(":*")])


def _listed(found: Any) -> list[str]:
    return [found] if isinstance(found, str) else list(found)
