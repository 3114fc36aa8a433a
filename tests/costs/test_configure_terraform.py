"""``jsk configure`` behind the real Terraform: its outputs, its plans, its errors."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from jsk_saver.settings import load

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not installed here.")

#: No provider: nothing is downloaded, and nothing is made but outputs.
STACK = """
output "jsk" {
  value = {
    for name in ["iris", "churn"] :
    name => { store = "s3://jsk-${name}/objects", region = "eu-central-1", experiment = name }
  }
}
output "other" { value = [1, 2] }
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack that is written, and not yet applied."""
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "main.tf").write_text(STACK)
    return folder


def terraform(folder: Path, *arguments: str) -> str:
    """Return all that Terraform says."""
    environment = {"PATH": str(Path(str(shutil.which("terraform"))).parent), "HOME": str(folder)}
    environment |= {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    done = subprocess.run(
        ["terraform", f"-chdir={folder}", *arguments], capture_output=True, text=True, env=environment
    )
    return done.stdout + done.stderr


def test_what_terraform_applied_is_what_a_saver_uses(project, stack, jsk):
    terraform(stack, "init")
    terraform(stack, "apply", "-auto-approve")
    told = terraform(stack, "output", "-json")
    assert "terraform output -json | jsk configure churn" in jsk("configure", given=told, code=2).stderr
    jsk("configure", "iris", "--no-check", given=told)
    assert (load().store, load().region) == ("s3://jsk-iris/objects", "eu-central-1")
    jsk("configure", "churn", "--no-check", given=terraform(stack, "output", "-json", "jsk"))
    assert load().store == "s3://jsk-churn/objects"


def test_anything_else_that_terraform_says_is_told_for_what_it_is(project, stack, jsk):
    def said(*arguments: str) -> str:
        return str(jsk("configure", given=terraform(stack, *arguments), code=2).stderr)

    terraform(stack, "init")
    assert "has no outputs here" in said("output", "-json")
    assert "No outputs found" in terraform(stack, "output")
    assert "has no outputs here" in said("output")
    terraform(stack, "plan", "-out=plan")
    assert json.loads(terraform(stack, "show", "-json", "plan"))["planned_values"]
    assert "This is a plan" in said("show", "-json", "plan")
    assert "the log of terraform apply" in said("apply", "-auto-approve", "-json")
    assert "This is a state" in said("show", "-json")
    assert "not in JSON" in said("output")
    (stack / "main.tf").write_text('output "jsk" {')
    assert "Terraform failed: Error: " in said("apply", "-auto-approve")
