"""The Terraform modules of a squad, and the examples: as Terraform itself judges them, and complete."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tests.infra.marks import needs_terraform
from tests.infra.terraform_kit import INFRA, Terraform

MODULES = ("modules/bucket", "modules/experiment", "modules/squad")
ROOTS = ("examples/smallest", "examples/three-squads")
ALL = MODULES + ROOTS


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))


# As Terraform judges them ---------------------------------------------------------------------------


@needs_terraform
@pytest.mark.parametrize("folder", ["modules", "examples"])
def test_layout_is_terraforms_own(terraform: Terraform, folder: str) -> None:
    checked = terraform.run(folder, "fmt", "-check", "-recursive", "-diff", "-no-color")

    assert checked.returncode == 0, checked.stdout


@needs_terraform
@pytest.mark.slow
@pytest.mark.parametrize("module", ALL)
def test_module_is_valid_and_passes_its_own_tests(terraform: Terraform, module: str) -> None:
    terraform.init(module)

    valid = terraform.run(module, "validate", "-no-color")
    tested = terraform.run(module, "test", "-no-color")

    assert valid.returncode == 0, valid.stdout
    assert tested.returncode == 0, tested.stdout
    passed = re.search(r"Success! (\d+) passed, 0 failed", tested.stdout)
    assert passed is not None, tested.stdout
    assert int(passed[1]) == len(re.findall(r'^run "', _tests_of(module), re.M)), tested.stdout


# Complete -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ALL)
def test_each_variable_has_type_description_and_validation(module: str) -> None:
    lacking = {
        name: part
        for name, body in _variables(module).items()
        for part in ("type ", "description ", "validation ")
        if not re.search(rf"^  {part}", body, re.M)
    }

    assert not lacking


@pytest.mark.parametrize("module", ALL)
def test_each_validation_has_a_run_that_it_fails(module: str) -> None:
    validations = {name: body.count("  validation {") for name, body in _variables(module).items()}
    expected = re.findall(r"expect_failures *= \[(.*?)\]", _tests_of(module), re.S)
    refused = Counter(name for told in expected for name in re.findall(r"var\.(\w+)", told))

    assert {name: count for name, count in validations.items() if refused[name] < count} == {}


@pytest.mark.parametrize("module", MODULES)
def test_each_precondition_has_a_run_that_it_fails(module: str) -> None:
    preconditions = sum(
        file.read_text().count("    precondition {") for file in (INFRA / module).glob("*.tf")
    )
    refused = re.findall(r"expect_failures *= \[aws_", _tests_of(module))

    assert len(refused) == preconditions


@pytest.mark.parametrize("module", ALL)
def test_readme_tells_inputs_and_outputs_as_they_are(module: str) -> None:
    readme = INFRA / module / "README.md"

    assert _docs().BEGIN in readme.read_text(encoding="utf-8")
    assert readme.read_text(encoding="utf-8") == _docs().with_tables(readme)


@pytest.mark.parametrize("module", ALL)
def test_tables_name_every_input_and_output(module: str) -> None:
    tables = _docs().tables(INFRA / module)
    outputs = re.findall(r'^output "(\w+)"', (INFRA / module / "outputs.tf").read_text(), re.M)

    for name in (*_variables(module), *outputs):
        assert f"| `{name}` |" in tables


@pytest.mark.parametrize("module", ALL)
def test_readme_has_a_diagram(module: str) -> None:
    assert "```mermaid\n" in (INFRA / module / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_modules_leave_the_provider_to_their_caller(module: str) -> None:
    text = "".join(file.read_text() for file in (INFRA / module).glob("*.tf"))

    assert 'required_version = ">= 1.7"' in text
    assert 'version = "~> 5.100"' in text
    assert not re.search(r'^(provider|data) "', text, re.M)


@pytest.mark.parametrize("module", ALL)
def test_validations_ask_for_no_other_variable(module: str) -> None:
    """Terraform before 1.9 refuses that."""
    asked = {
        name: set(re.findall(r"\bvar\.(\w+)", " ".join(re.findall(r"^    condition .*", body, re.M))))
        for name, body in _variables(module).items()
    }

    assert {name: names for name, names in asked.items() if names != {name}} == {}


@pytest.mark.parametrize("root", ROOTS)
def test_root_stacks_pin_their_provider(root: str) -> None:
    lock = (INFRA / root / ".terraform.lock.hcl").read_text()

    assert 'provider "registry.terraform.io/hashicorp/aws"' in lock
    assert 'version     = "5.100.0"' in lock


def test_data_cannot_be_destroyed_by_accident() -> None:
    buckets = [
        (file, body)
        for file in (INFRA / "modules").rglob("*.tf")
        for body in re.findall(r'^resource "aws_s3_bucket" .*?^\}', file.read_text(), re.M | re.S)
    ]

    assert buckets
    assert [file for file, body in buckets if "prevent_destroy = true" not in body] == []


def _variables(module: str) -> dict[str, str]:
    text = (INFRA / module / "variables.tf").read_text(encoding="utf-8")
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))


def _tests_of(module: str) -> str:
    return "".join(
        file.read_text(encoding="utf-8") for file in (INFRA / module / "tests").glob("*.tftest.hcl")
    )


def _docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("infra_docs", Path(INFRA / "docs.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
