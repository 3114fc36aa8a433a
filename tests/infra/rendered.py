"""A platform with two squads as Terraform plans it: each role with all that has a say in its rights.

Nothing is asked of AWS: providers are made up (``mock_provider``), and what they would tell only AWS knows
(ARNs of keys, roles and repositories) is given here in AWS's own form.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.infra.iam import Request, allowed
from tests.infra.terraform_kit import Terraform

ACCOUNT, REGION, DOMAIN = "123456789012", "eu-central-1", "d-0123456789ab"
IAM, SAGEMAKER = f"arn:aws:iam::{ACCOUNT}", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
OPERATIONS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-9999-9999-9999-999999999999"
BACKUP, BACKUP_KEY = "arn:aws:s3:::jsk-backup", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/2"
ECR = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/jsk"
BUCKET = f"arn:aws:s3:::jsk-vision-iris-{ACCOUNT}"
#: Of the other squad: its name begins like the first one's, and so does its experiment's.
OTHER_BUCKET = f"arn:aws:s3:::jsk-visionary-iris-2-{ACCOUNT}"
LOGS_BUCKET, LEASE_BUCKET = f"arn:aws:s3:::jsk-logs-{ACCOUNT}", f"arn:aws:s3:::jsk-lease-{ACCOUNT}"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jsk-kernel-pushes"
#: May push base images on the day that GitLab is down.
STAND_IN = f"{IAM}:role/release-manager"

_ROOT = f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "~> 5.100" }}
  }}
}}

module "platform" {{
  source            = "../platform"
  publisher_package = "../platform/tests/package.zip"
  gitlab            = {{ host = "gitlab.example.com", project = "platform/kernels" }}
  base_publishers   = ["{STAND_IN}"]
}}

module "squad" {{
  source       = "../modules/squad"
  for_each     = {{ vision = "iris", visionary = "iris-2" }}
  platform     = module.platform.platform
  name         = each.key
  budget       = 500
  alert_emails = ["ada@example.com"]
  members      = {{ ada = {{ email = "ada@example.com" }} }}

  experiments = {{
    (each.value) = {{
      repository_url = "https://gitlab.example.com/${{each.key}}/${{each.value}}.git"
      replication    = {{ bucket_arn = "{BACKUP}", kms_key_arn = "{BACKUP_KEY}" }}
    }}
  }}
}}

output "policies" {{
  value = merge(
    {{ platform = module.platform.policies }},
    {{ for name, squad in module.squad : name => squad.policies }},
  )
}}
"""
_TOLD = {
    "aws_kms_key.operations": {"arn": OPERATIONS_KEY},
    "aws_iam_role.images": {"arn": f"{IAM}:role/jsk-studio-images"},
    'aws_iam_role.execution["SagemakerExperimentsRole"]': {"arn": f"{IAM}:role/SagemakerExperimentsRole"},
    "aws_ecr_repository.base": {
        "arn": f"{ECR}/base",
        "repository_url": f"{ACCOUNT}.dkr.ecr.{REGION}/jsk/base",
    },
    "aws_subnet.this": {"id": "subnet-0a"},
}
_ADDRESS = re.compile(r"\[\d+\]$")


@dataclass(frozen=True, slots=True)
class Identity:
    """A role or group, and what may be said of its rights.

    Parameters
    ----------
    name
        Of the role or group.
    policies
        Its own, as JSON.
    boundary
        Its permissions boundary, as JSON.
    trust
        Who may become it, as JSON; none of a group.
    resources
        Policies of resources, by their ARN.
    """

    name: str
    policies: tuple[str, ...]
    boundary: str | None = None
    trust: str | None = None
    resources: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """ARN of the role; of a user, for groups, which have no requests of their own."""
        return f"{IAM}:role/{self.name}" if self.trust else f"{IAM}:user/ada"

    def may(self, request: Request) -> bool:
        """Tell whether a request is allowed, with all policies that have a say in it."""
        usual = {
            "aws:PrincipalArn": self.arn,
            "aws:PrincipalAccount": ACCOUNT,
            "aws:PrincipalIsAWSService": "false",
            "aws:ResourceAccount": ACCOUNT,
            "aws:SecureTransport": "true",
            "s3:TlsVersion": "1.3",
        }
        asked = Request(request.action, request.resource, {**usual, **request.context})
        return allowed(
            asked,
            self.policies,
            boundary=self.boundary,
            resource=self._policy_of(request.resource),
            principal=self.arn,
        )

    def _policy_of(self, resource: str) -> str | None:
        return next(
            (policy for arn, policy in self.resources.items() if f"{resource}/".startswith(f"{arn}/")), None
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is planned.

    Parameters
    ----------
    policies
        Documents by ``platform`` or squad, and name.
    planned
        Resources by address, with their arguments.
    """

    policies: Mapping[str, Mapping[str, str]]
    planned: Mapping[str, Mapping[str, Any]]

    def identities(self) -> dict[str, Identity]:
        """Return every role and group by name, as they are planned."""
        found: dict[str, Identity] = {}
        for address, told in self.planned.items():
            kind = address.rpartition("module.")[2].partition(".")[2].partition(".")[0]
            if kind in ("aws_iam_role", "aws_iam_group"):
                bounded = told.get("permissions_boundary") is not None
                found[told["name"]] = Identity(
                    told["name"],
                    tuple(self._policies_of(told["name"], kind.removeprefix("aws_iam_"))),
                    self.boundary if bounded else None,
                    told.get("assume_role_policy"),
                    self.resources,
                )
        return found

    @property
    def boundary(self) -> str:
        """The permissions boundary, as JSON."""
        return self.policies["platform"]["boundary"]

    @property
    def resources(self) -> dict[str, str]:
        """Policies of resources, by ARN."""
        platform, vision, visionary = (self.policies[name] for name in ("platform", "vision", "visionary"))
        return {
            BUCKET: vision["iris/bucket"],
            OTHER_BUCKET: visionary["iris-2/bucket"],
            LOGS_BUCKET: platform["logs_bucket"],
            LEASE_BUCKET: platform["lease_bucket"],
            KEY: platform["data_key"],
            OPERATIONS_KEY: platform["operations_key"],
            QUEUE: platform["queue"],
            f"{ECR}/base": platform["base_repository"],
            f"{ECR}/kernels/iris": vision["iris/repository"],
            f"{ECR}/kernels/iris-2": visionary["iris-2/repository"],
        }

    def _policies_of(self, name: str, kind: str) -> Iterable[str]:
        """Yield the policies in a role or group, and those attached to it."""
        for address, told in self.planned.items():
            if told.get(kind) != name:
                continue
            if "policy" in told:
                yield told["policy"]
            else:
                assert "aws_iam_role_policy_attachment" in address, address
                attached = address.replace("aws_iam_role_policy_attachment", "aws_iam_policy")
                yield self.planned[attached]["policy"]


def render(folder: Path, *changes: tuple[str, str, str]) -> Rendered:
    """Plan a platform with the squads vision and visionary.

    Parameters
    ----------
    folder
        An empty one.
    changes
        What to replace before: file below ``infra``, text that is there, text instead.
    """
    terraform = Terraform(folder)
    for file, there, instead in changes:
        path = terraform.infra / file
        text = path.read_text(encoding="utf-8")
        assert there in text
        path.write_text(text.replace(there, instead), encoding="utf-8")
    root = terraform.infra / "rights"
    shutil.copytree(terraform.infra / "platform" / "tests" / "mocks", root / "mocks")
    (root / "main.tf").write_text(_ROOT, encoding="utf-8")
    (root / "rendered.tftest.hcl").write_text(_test(), encoding="utf-8")
    terraform.init("rights")
    ran = terraform.run("rights", "test", "-json", "-verbose")
    assert ran.returncode == 0, ran.stdout
    messages = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    plan = next(message["test_plan"] for message in messages if "test_plan" in message)
    return Rendered(
        plan["output_changes"]["policies"]["after"],
        {told["address"]: told["change"]["after"] for told in plan["resource_changes"]},
    )


def _test() -> str:
    told = "".join(
        "  override_resource {\n"
        f"    target = module.platform.{address}\n    values = {json.dumps(values)}\n  }}\n"
        for address, values in _TOLD.items()
    )
    return (
        f'mock_provider "aws" {{\n  source = "./mocks"\n  override_during = plan\n{told}}}\n'
        'run "rendered" {\n  command = plan\n}\n'
    )
