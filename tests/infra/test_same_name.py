"""Two squads with an experiment of one name: the second is refused, and reaches nothing of the first's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.infra.marks import needs_terraform
from tests.infra.terraform_kit import Terraform
from tests.infra.test_squad_rights import STACK
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.slow, needs_terraform]


def test_the_second_squads_apply_ends_at_the_registry_and_gives_nobody_rights(
    tmp_path: Path, moto: S3Server
) -> None:
    """Each squad in a root of its own, so that neither plan knows of the other."""
    terraform = Terraform(tmp_path, _environment(moto))
    applied = {squad: _apply(terraform, squad) for squad in ("vision", "flora")}
    assert applied["vision"][0] == 0, applied["vision"][1]
    code, said = applied["flora"]
    assert code == 1
    assert "RepositoryAlreadyExistsException" in said
    assert "jsk/kernels/iris" in said
    iam: Any = _client(moto, "iam")
    assert _policies(iam, "jsk-vision-iris.gitlab") == ["kernel-images"]
    assert _policies(iam, "jsk-flora-iris.gitlab") == []
    policy = _client(moto, "ecr").get_repository_policy(repositoryName="jsk/kernels/iris")["policyText"]
    (pushers,) = [one for one in json.loads(policy)["Statement"] if one["Sid"] == "OnlyItsProjectPushes"]
    allowed = pushers["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    assert allowed in (
        "arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab",
        ["arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab"],
    )


def _apply(terraform: Terraform, squad: str) -> tuple[int, str]:
    root = terraform.infra / squad
    root.mkdir()
    (root / "main.tf").write_text(_root(squad), encoding="utf-8")
    terraform.init(squad)
    wanted = ("aws_iam_role_policy.gitlab", "aws_ecr_repository_policy.kernel")
    of_squad = f'-target=module.squad["{squad}"]'
    targets = [f'{of_squad}.module.experiment["iris"].{one}' for one in wanted]
    done = terraform.run(squad, "apply", "-auto-approve", "-input=false", "-no-color", *targets)
    return done.returncode, done.stdout


def _root(squad: str) -> str:
    """Return the stack of one squad, whose only experiment is iris."""
    both, rest = STACK.partition("  for_each ")[::2]
    return f'{both}  for_each     = {{ {squad} = "iris" }}{rest[rest.index(chr(10)) :]}'.replace(
        'module.squad["vision"]', f'module.squad["{squad}"]'
    )


def _environment(moto: S3Server) -> dict[str, str]:
    return {f"AWS_ENDPOINT_URL_{service}": moto.endpoint for service in ("ECR", "IAM")}


def _policies(iam: Any, role: str) -> list[str]:
    found: list[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return found


def _client(moto: S3Server, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=moto.endpoint,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
