"""An AWS account of the tests that Terraform is applied to, and a newcomer who types what a README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.infra.terraform_kit import INFRA, configuration
from tests.servers.budgets import Budgets
from tests.servers.moto import MendedMoto
from tests.servers.studio import Studio

ROOT = INFRA.parent
REGION = "eu-central-1"
#: What `pip install` of the project reads.
_PROJECT = ("jsk_saver", "ci", "kernels", "infra", "pyproject.toml", "README.md", "LICENSE")

Inventory = dict[str, set[str]]


class Account:
    """moto, and stand-ins for what it lacks: Studio and Budgets."""

    def __init__(self) -> None:
        self.moto, self.studio, self.budgets = MendedMoto(), Studio(looks=1, region=REGION), Budgets()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for server in (self.moto, self.studio, self.budgets):
            self._stack.enter_context(server)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point Terraform, boto3 and the kit here."""
        return {
            "AWS_ACCESS_KEY_ID": "administrator",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.moto.endpoint,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.studio.endpoint,
            **self.budgets.environment(),
        }

    def client(self, service: str) -> Any:
        """Return boto3's own client."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.moto.endpoint,
            region_name=REGION,
            aws_access_key_id="administrator",
            aws_secret_access_key="nothing",
        )

    def violations(self) -> list[str]:
        """Return what was asked or answered that AWS's service models do not allow."""
        return self.studio.violations + self.budgets.violations

    def inventory(self) -> Inventory:
        """Return everything that is in the account, by kind, with what tells its state."""
        state = self.studio.state
        of_studio = {
            "domain": {str(kept["DomainName"]) for kept in state.domains.values()},
            "user profile": {name for _, name in state.profiles},
            "space": {name for _, name in state.spaces},
            "code repository": set(state.repositories),
            "budget": set(self.budgets.budgets),
        }
        return of_studio | {kind: set(listed(self.client)) for kind, listed in _LISTED.items()}


def _names(service: str, operation: str, items: str, *name: str, **asked: Any) -> Callable[..., list[str]]:
    """Return what lists one kind of thing, all pages, by what of each is its name."""

    def listed(client: Callable[[str], Any]) -> list[str]:
        asking = client(service)
        if asking.can_paginate(operation):
            pages: Iterable[Any] = asking.get_paginator(operation).paginate(**asked)
        else:
            pages = [getattr(asking, operation)(**asked)]
        found = [item for page in pages for item in page.get(items, ())]
        return [
            item if isinstance(item, str) else " ".join(str(item[part]) for part in name) for item in found
        ]

    return listed


def _keys(client: Callable[[str], Any]) -> list[str]:
    kms = client("kms")
    found = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    return [f"{key['Description']}: {key['KeyState']}" for key in found]


def _endpoints(client: Callable[[str], Any]) -> list[str]:
    """Return what is not deleted: EC2 tells of others for a while."""
    found = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return [str(one["ServiceName"]) for one in found if one["State"].lower() != "deleted"]


_LISTED: Mapping[str, Callable[..., list[str]]] = {
    "alarm": _names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "alias": _names("kms", "list_aliases", "Aliases", "AliasName"),
    "bucket": _names("s3", "list_buckets", "Buckets", "Name"),
    "endpoint": _endpoints,
    "flow log": _names("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    "function": _names("lambda", "list_functions", "Functions", "FunctionName"),
    "group": _names("iam", "list_groups", "Groups", "GroupName"),
    "identity provider": _names("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    "key": _keys,
    "log group": _names("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "mapping": _names("lambda", "list_event_source_mappings", "EventSourceMappings", "EventSourceArn"),
    "metric filter": _names("logs", "describe_metric_filters", "metricFilters", "filterName"),
    "network": _names("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    "parameter": _names("ssm", "describe_parameters", "Parameters", "Name"),
    "policy": _names("iam", "list_policies", "Policies", "PolicyName", Scope="Local"),
    "queue": _names("sqs", "list_queues", "QueueUrls"),
    "repository": _names("ecr", "describe_repositories", "repositories", "repositoryName"),
    "role": _names("iam", "list_roles", "Roles", "RoleName"),
    "route table": _names("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    "rule": _names("events", "list_rules", "Rules", "Name"),
    "security group": _names("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    "subnet": _names("ec2", "describe_subnets", "Subnets", "SubnetId"),
    "subscription": _names("sns", "list_subscriptions", "Subscriptions", "TopicArn", "Endpoint"),
    "topic": _names("sns", "list_topics", "Topics", "TopicArn"),
}


def more(later: Inventory, earlier: Inventory) -> Inventory:
    """Return what is in one inventory and not in the other, by kind."""
    return {kind: names for kind in later if (names := later[kind] - earlier[kind])}


# The newcomer -----------------------------------------------------------------------------------------


def commands(readme: Path) -> list[str]:
    """Return what a README has its reader type: each block of shell."""
    return re.findall(r"^```sh\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)


class Newcomer:
    """Types in an example's folder, in a copy of the project, and answers "yes" when asked.

    What is not as at home: packages that the project needs come from this Python's own (``PYTHONPATH``) and
    not from an index; Terraform's provider may come from a mirror.

    Parameters
    ----------
    folder
        An empty one, for the copy.
    example
        Its name.
    account
        Where things are made.
    """

    def __init__(self, folder: Path, example: str, account: Account) -> None:
        project = folder / "project"
        project.mkdir()
        for name in _PROJECT:
            _copy(ROOT / name, project / name)
        self.folder = project / "infra" / "examples" / example
        self.home = folder / "home"
        self.home.mkdir()
        (folder / "terraform.rc").write_text(configuration(), encoding="utf-8")
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        self.environment = (
            kept
            | account.environment()
            | {
                "CHECKPOINT_DISABLE": "1",
                "HOME": str(self.home),
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                # Packages are those of PYTHONPATH: none is looked for, and none there counts as installed.
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_IGNORE_INSTALLED": "1",
                "PIP_NO_BUILD_ISOLATION": "0",  # pip's way of saying yes
                "PIP_NO_DEPS": "1",
                "PIP_NO_INDEX": "1",
                "PYTHONPATH": sysconfig.get_paths()["purelib"],
                "TF_CLI_ARGS_apply": "-no-color",
                "TF_CLI_ARGS_destroy": "-no-color",
                "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
            }
        )
        self._said_before = ""

    def types(self, script: str, timeout: float = 500) -> subprocess.CompletedProcess[str]:
        """Run commands as they stand, in a shell that knows what was exported before."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self._said_before + script],
            cwd=self.folder,
            env=self.environment,
            # One answer for each question: nothing but Terraform reads it.
            input="yes\n",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        lasting = re.findall(r"^(?:export|\. ).*\n", script, re.M)
        self._said_before += "".join(lasting)
        return done


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        left_out = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__", ".venv", "jsk.toml")
        shutil.copytree(source, target, ignore=left_out)
    else:
        shutil.copy(source, target)
