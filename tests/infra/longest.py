"""What Terraform would ask AWS for, with the longest names and the fullest policies that are allowed.

Everything is made with a made-up provider: no account, no network. What AWS itself would say to it is in
:mod:`tests.infra.aws_limits`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.terraform_kit import INFRA, Terraform

_PROJECT = "g" * 40 + "/" + "p" * 60
_EXPERIMENTS = "\n".join(
    f'    e{number}-{"x" * 19} = {{ repository_url = "https://gitlab.example.com/{_PROJECT}.git" }}'
    for number in range(4)
)
_ROOT = f"""
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }}
  }}
}}

module "platform" {{
  source            = "../platform"
  name              = "{"p" * 12}"
  publisher_package = "./package.zip"
  base_images       = ["base", "base-{"i" * 35}"]
  alert_emails      = ["ada@example.com"]
  gitlab            = {{ host = "gitlab.example.com", project = "{_PROJECT}" }}
}}

module "squad" {{
  source       = "../modules/squad"
  platform     = module.platform.platform
  name         = "{"s" * 14}"
  budget       = 500
  alert_emails = ["ada@example.com"]
  members      = {{ {"m" * 24} = {{ email = "ada@example.com" }} }}
  experiments = {{
{_EXPERIMENTS}
  }}
}}

output "platform" {{
  value = module.platform.policies
}}

output "squad" {{
  value = module.squad.policies
}}
"""
_RUN = 'mock_provider "aws" {\n  source = "./tests/mocks"\n}\n\nrun "made" {\n  command = apply\n}\n'


class Rendered:
    """Resources and policies as they would be sent.

    Parameters
    ----------
    state
        Of Terraform, as JSON has it.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.resources = list(_resources(state["root_module"]))
        self.policies = {
            f"{part}/{name}": json.loads(text)
            for part in ("platform", "squad")
            for name, text in state["outputs"][part]["value"].items()
        }

    def of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield address and values of each resource of a kind."""
        return ((item["address"], item["values"]) for item in self.resources if item["type"] == kind)


def render(folder: Path) -> Rendered:
    """Make everything in a folder, and return what was made."""
    terraform = Terraform(folder)
    for file in terraform.infra.rglob("*.tf"):  # a test ends by destroying what it made
        file.write_text(file.read_text().replace("prevent_destroy = true", "prevent_destroy = false"))
    root = terraform.infra / "longest"
    shutil.copytree(INFRA / "platform" / "tests" / "mocks", root / "tests" / "mocks")
    shutil.copy(INFRA / "platform" / "tests" / "package.zip", root)
    (root / "main.tf").write_text(_ROOT)
    (root / "tests" / "made.tftest.hcl").write_text(_RUN)
    terraform.init("longest")
    ran = terraform.run("longest", "test", "-json", "-verbose")
    found = re.search(r'^{.*"type":"test_state".*}$', ran.stdout, re.MULTILINE)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert found, "Terraform told no state"
    return Rendered(json.loads(found[0])["test_state"])


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
