"""The platform's Terraform: formatted, valid, tested with made-up providers, and documented as it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.marks import needs_terraform
from tests.infra.terraform_kit import INFRA, Terraform

PLATFORM = INFRA / "platform"
TESTS = PLATFORM / "tests"
PROTECTED = {
    "aws_kms_key.data",
    "aws_kms_key.operations",
    "aws_s3_bucket.logs",
    "aws_sagemaker_domain.this",
    "terraform_data.account_and_region",
}

#: By file: what is written, what is worse, and what the assertion says that notices.
WORSE = {
    "studio.tf": ('"VpcOnly"', '"PublicInternetOnly"', "must not reach the Internet"),
    "ecr.tf": ('"IMMUTABLE"', '"MUTABLE"', "tags that never move"),
    "publisher.tf": (
        "reserved_concurrent_executions = var.reserve_publisher ? 1",
        "reserved_concurrent_executions = var.reserve_publisher ? 2",
        "One at",
    ),
    "roles.tf": ('"sagemaker:DescribeDomain"', '"sagemaker:UpdateDomain"', "publisher alone"),
    "boundary.tf": ('"sagemaker:CreateDomain", ', "", "must forbid what is the platform's"),
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    made = Terraform(tmp_path_factory.mktemp("platform"))
    made.init("platform")
    return made


def blocks(file: str, kind: str) -> dict[str, str]:
    """Return the blocks of a kind in a file, by name."""
    text = (PLATFORM / file).read_text()
    return dict(re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL))


def resources() -> dict[str, str]:
    """Return all resources, by address."""
    text = "\n".join(file.read_text() for file in PLATFORM.glob("*.tf"))
    found = re.findall(r'^resource "(\w+)" "(\w+)" {\n(.*?)^}', text, re.MULTILINE | re.DOTALL)
    return {f"{kind}.{name}": body for kind, name, body in found}


# Terraform's own judgement ----------------------------------------------------------------------------


@needs_terraform
def test_files_are_formatted_and_valid(terraform: Terraform) -> None:
    formatted = terraform.run("platform", "fmt", "-check", "-recursive", "-diff")
    assert formatted.returncode == 0, formatted.stdout
    valid = terraform.run("platform", "validate", "-no-color")
    assert valid.returncode == 0, valid.stdout


@needs_terraform
@pytest.mark.slow
def test_everything_that_is_promised_is_asserted(terraform: Terraform) -> None:
    ran = terraform.run("platform", "test", "-no-color")
    assert ran.returncode == 0, ran.stdout
    runs = sum(len(re.findall("^run ", file.read_text(), re.MULTILINE)) for file in TESTS.glob("*.hcl"))
    assert f"Success! {runs} passed, 0 failed." in ran.stdout


@needs_terraform
@pytest.mark.slow
def test_changes_for_the_worse_are_noticed_each(terraform: Terraform) -> None:
    """All in one run: Terraform evaluates each assertion, whatever the others say."""
    before = {file: (terraform.infra / "platform" / file).read_text() for file in WORSE}
    for file, (good, bad, _) in WORSE.items():
        assert good in before[file]
        (terraform.infra / "platform" / file).write_text(before[file].replace(good, bad, 1))
    try:
        ran = terraform.run("platform", "test", "-no-color", "-filter=tests/security.tftest.hcl")
    finally:
        for file, text in before.items():
            (terraform.infra / "platform" / file).write_text(text)
    assert ran.returncode == 1
    assert {file for file, (_, _, told) in WORSE.items() if told not in ran.stdout} == set()


@needs_terraform
@pytest.mark.slow
def test_a_plan_that_would_destroy_what_is_protected_fails_unless_it_is_done_on_purpose(
    terraform: Terraform, tmp_path: Path
) -> None:
    """With made-up providers: Terraform ends each test by destroying what it made."""
    folder = terraform.infra / "platform"
    (folder / "tests" / "destroy.tftest.hcl").write_text(
        'mock_provider "aws" {\n  source = "./tests/mocks"\n}\n'
        'variables {\n  publisher_package = "./tests/package.zip"\n}\n'
        'run "made_and_destroyed" {\n  command = apply\n}\n'
    )
    override = folder / "allow_destroy_override.tf"
    try:
        refused = terraform.run("platform", "test", "-no-color", "-filter=tests/destroy.tftest.hcl")
        shutil.copy(folder / "on-purpose" / f"{override.name}.example", override)
        on_purpose = terraform.run("platform", "test", "-no-color", "-filter=tests/destroy.tftest.hcl")
    finally:
        (folder / "tests" / "destroy.tftest.hcl").unlink()
        override.unlink(missing_ok=True)
    assert refused.returncode == 1
    named = re.findall(r"^Resource (\S+) has lifecycle\.prevent_destroy set", refused.stdout, re.MULTILINE)
    assert named
    assert set(named) <= PROTECTED
    assert on_purpose.returncode == 0, on_purpose.stdout


@needs_terraform
@pytest.mark.slow
def test_another_region_is_refused_before_what_is_there_is_forgotten(terraform: Terraform) -> None:
    """What Terraform does not find it destroys not, but forgets: what is protected stops it by this alone."""
    folder = terraform.infra / "platform"
    test, override = folder / "tests" / "elsewhere.tftest.hcl", folder / "allow_destroy_override.tf"
    test.write_text(
        'mock_provider "aws" {\n  source = "./tests/mocks"\n}\n'
        'variables {\n  publisher_package = "./tests/package.zip"\n}\n'
        'run "made" {\n  command = apply\n}\n'
        'run "again" {\n  command = plan\n}\n'
        'run "elsewhere" {\n  command = plan\n  override_data {\n    target = data.aws_region.current\n'
        '    values = { name = "eu-west-1" }\n  }\n}\n'
    )
    # All else may be destroyed here: only this one is asked.
    allowed = (folder / "on-purpose" / f"{override.name}.example").read_text()
    override.write_text(allowed.partition('\nresource "terraform_data"')[0])
    try:
        ran = terraform.run("platform", "test", "-no-color", "-filter=tests/elsewhere.tftest.hcl")
    finally:
        test.unlink()
        override.unlink()
    assert re.findall(r'run "(\w+)"\.\.\. (\w+)', ran.stdout) == [
        ("made", "pass"),
        ("again", "pass"),
        ("elsewhere", "fail"),
    ]
    named = re.findall(r"^Resource (\S+) has lifecycle\.prevent_destroy set", ran.stdout, re.MULTILINE)
    assert set(named) == {"terraform_data.account_and_region"}


# What the files promise -------------------------------------------------------------------------------


def test_exactly_what_is_irreplaceable_is_protected_and_can_be_removed_on_purpose() -> None:
    protected = {name for name, body in resources().items() if "prevent_destroy = true" in body}
    assert protected == PROTECTED
    override = (PLATFORM / "on-purpose" / "allow_destroy_override.tf.example").read_text()
    named = re.findall(
        r'^resource "(\w+)" "(\w+)" {\n  lifecycle {\n    prevent_destroy = false', override, re.M
    )
    assert {".".join(name) for name in named} == PROTECTED


def test_the_readme_of_the_smallest_tells_how_many_endpoints_cost_money() -> None:
    body = blocks("variables.tf", "variable")["interface_endpoints"]
    default = re.search(r"default = \[(.*?)\]", body, re.DOTALL)
    assert default
    made = re.findall(r'"[^"]+"', default[1])
    readme = (INFRA / "examples" / "smallest" / "README.md").read_text()
    assert f"{len(made)} endpoints in two zones" in readme


def test_every_variable_has_a_type_a_description_and_a_validation() -> None:
    for name, body in blocks("variables.tf", "variable").items():
        for wanted in ("  type ", "  description ", "  validation {"):
            assert wanted in body, f"{name} has no {wanted.strip()}"


def test_every_validation_is_broken_by_a_run_that_expects_it() -> None:
    text = (TESTS / "validations.tftest.hcl").read_text()
    expected = re.findall(r"expect_failures = \[(.*?)\]", text, re.DOTALL)
    broken = [name for names in expected for name in re.findall(r"var\.(\w+)", names)]
    for name, body in blocks("variables.tf", "variable").items():
        assert broken.count(name) >= body.count("validation {"), f"{name} has more validations than runs"


def test_no_policy_comes_from_a_data_source_and_every_one_is_an_output() -> None:
    text = "\n".join(file.read_text() for file in PLATFORM.glob("*.tf"))
    assert "aws_iam_policy_document" not in text
    made = set(re.findall(r"^  (\w+(?:_policy|_trust|boundary))\s*= jsonencode\(", text, re.MULTILINE))
    made.discard("redrive_policy")  # where dead letters go; it allows nothing
    outputs = (PLATFORM / "outputs.tf").read_text()
    assert made
    assert not {name for name in made if f"local.{name}" not in outputs}


def test_domain_leaves_the_offered_images_to_the_publisher() -> None:
    body = resources()["aws_sagemaker_domain.this"]
    ignored = re.search(r"ignore_changes = \[(.*?)\]", body.replace("[0]", ""), re.DOTALL)
    assert ignored
    for scope in ("default_user_settings", "default_space_settings"):
        assert f"{scope}.jupyter_lab_app_settings.custom_image," in ignored[1]
        assert f"{scope}.kernel_gateway_app_settings," in ignored[1]


def test_the_stack_can_be_called_as_a_module_and_its_provider_is_locked() -> None:
    text = "\n".join(file.read_text() for file in PLATFORM.glob("*.tf"))
    assert not re.search(r"^provider ", text, re.MULTILINE)
    locked = (PLATFORM / ".terraform.lock.hcl").read_text()
    assert re.search(r'version\s+= "5\.100\.0"', locked)


def test_the_readme_tells_inputs_and_outputs_as_they_are() -> None:
    readme = (PLATFORM / "README.md").read_text()
    for name in [*blocks("variables.tf", "variable"), *blocks("outputs.tf", "output")]:
        assert f"`{name}`" in readme or f"[{name}]" in readme or f">{name}<" in readme, name
    written = subprocess.run(
        [sys.executable, str(INFRA / "docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert str(PLATFORM) not in written.stdout
