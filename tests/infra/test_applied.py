"""The smallest example, applied: its README's commands to a saved object, once more, and away on purpose.

On moto, with stand-ins for what it lacks (:mod:`tests.infra.account_kit`), and the real Terraform. The tests
are one story, in this order; it takes some minutes, in which Terraform's provider waits for AWS to settle.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.account_kit import Account, Inventory, Newcomer, commands, more
from tests.infra.marks import needs_terraform
from tests.infra.terraform_kit import INFRA

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    needs_terraform,
]

EXAMPLE = INFRA / "examples" / "smallest"
BUCKET, LOGS = "jsk-vision-iris-123456789012", "jsk-logs-123456789012"
OPERATIONS, DATA = "jsk: logs, queues and warnings of the platform", "jsk: objects, images, notebooks' disks"

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An empty account; nothing is asked of it that AWS's service models do not allow."""
    with Account() as made:
        yield made
    assert made.violations() == []


@pytest.fixture(scope="module")
def before(account: Account) -> Inventory:
    return account.inventory()


@pytest.fixture(scope="module")
def newcomer(account: Account, before: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    return Newcomer(tmp_path_factory.mktemp("newcomer"), "smallest", account)


@pytest.fixture(scope="module")
def applied(newcomer: Newcomer) -> Done:
    """What was said while the README's commands ran, just as they stand there."""
    return newcomer.types(commands(EXAMPLE / "README.md")[0])


@pytest.fixture(scope="module")
def removed(newcomer: Newcomer, applied: Done) -> Done:
    """What was said when it was removed on purpose, as the README says."""
    return newcomer.types(commands(EXAMPLE / "README.md")[1])


# From the example to a saved object -------------------------------------------------------------------


def test_the_readme_tells_how_to_make_it_how_to_remove_it_and_how_to_go_on() -> None:
    make, remove, take_up = commands(EXAMPLE / "README.md")

    assert make.splitlines()[-3:-1] == ["terraform apply", "terraform output -json | jsk configure"]
    assert 'saver.put("first.json"' in make.splitlines()[-1]
    assert "terraform destroy" in remove.splitlines()
    assert take_up.splitlines()[-1] == "terraform apply"


def test_the_readmes_commands_lead_to_a_saved_object(applied: Done) -> None:
    assert applied.returncode == 0, end_of(applied)
    assert re.search(r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed\.", applied.stdout)
    assert f"s3://{BUCKET}/objects answers: versions can be saved and read." in applied.stdout
    assert "first.json" in applied.stdout.splitlines()[-1], end_of(applied)


def test_the_object_lies_in_the_bucket_as_a_version_under_its_key(
    account: Account, newcomer: Newcomer, applied: Done
) -> None:
    assert read_back(newcomer) == {"hello": "world"}

    s3, kms = account.client("s3"), account.client("kms")
    found = s3.list_object_versions(Bucket=BUCKET, Prefix="objects/")["Versions"]
    saved = [item for item in found if item["Key"].endswith("first.json")]
    assert len(saved) == 1
    assert saved[0]["VersionId"] != "null"
    told = s3.head_object(Bucket=BUCKET, Key=saved[0]["Key"], VersionId=saved[0]["VersionId"])
    assert told["ServerSideEncryption"] == "aws:kms"
    key = kms.describe_key(KeyId=told["SSEKMSKeyId"])["KeyMetadata"]
    assert key["Description"].startswith(DATA)
    assert key["KeyState"] == "Enabled"


def test_every_service_has_what_was_promised(account: Account, before: Inventory, applied: Done) -> None:
    made = more(account.inventory(), before)

    assert made["bucket"] == {BUCKET, LOGS, "jsk-lease-123456789012"}
    assert made["repository"] == {"jsk/base", "jsk/kernels/iris"}
    assert made["function"] == {"jsk-attach-kernel"}
    assert made["rule"] == {"jsk-kernel-pushes"}
    assert {url.rpartition("/")[2] for url in made["queue"]} == {
        "jsk-kernel-pushes",
        "jsk-kernel-pushes-dead",
    }
    assert made["alarm"] == {"jsk-kernels-not-published", "jsk-kernels-refused"}
    assert {"/jsk/vision/iris/store", "/jsk/vision/iris/kms_key"} <= made["parameter"]
    assert {"SagemakerExperimentsRole", "jsk-vision", "jsk-vision-iris.gitlab"} <= made["role"]
    assert made["space"] == {"vision-iris-ada"}
    assert made["budget"] == {"jsk-platform", "jsk-vision", "jsk-vision-iris"}


# Once more --------------------------------------------------------------------------------------------


def test_a_second_apply_has_nothing_to_change(newcomer: Newcomer, applied: Done) -> None:
    planned = newcomer.types("terraform plan -no-color -detailed-exitcode")

    assert planned.returncode == 0, changes(planned.stdout)
    assert "No changes. Your infrastructure matches the configuration." in planned.stdout


def test_another_region_is_refused_before_anything_is_lost(
    account: Account, newcomer: Newcomer, applied: Done
) -> None:
    planned = newcomer.types("TF_VAR_region=eu-west-1 terraform plan -no-color")

    assert planned.returncode == 1
    assert re.search(
        r"Resource\s+module\.platform\.terraform_data\.account_and_region\s+has", planned.stdout
    ), end_of(planned)
    assert read_back(newcomer) == {"hello": "world"}


def test_the_larger_example_can_be_planned_beside_it(account: Account, tmp_path: Path) -> None:
    other = Newcomer(tmp_path, "three-squads", account)
    other.environment["TF_VAR_publisher_package"] = "../../platform/tests/package.zip"

    planned = other.types(
        "export TF_VAR_email=ada@example.com TF_VAR_name=lab\n"
        "terraform init -no-color >init.log\nterraform plan -no-color\n"
    )

    assert planned.returncode == 0, end_of(planned)
    assert re.search(r"Plan: \d+ to add, 0 to change, 0 to destroy\.", planned.stdout), end_of(planned)
    assert planned.stdout.count("aws_s3_bucket.this will be created") == 5


# And away ---------------------------------------------------------------------------------------------


def test_destroying_by_accident_fails_and_removes_nothing(
    account: Account, newcomer: Newcomer, applied: Done
) -> None:
    there = account.inventory()

    refused = newcomer.types("terraform destroy")

    assert refused.returncode == 1
    named = set(re.findall(r"Resource\s+(\S+)\s+has\s+lifecycle\.prevent_destroy", refused.stdout))
    assert named, end_of(refused)
    assert named <= {
        'module.squad.module.experiment["iris"].module.bucket.aws_s3_bucket.this',
        *(f"module.platform.{name}" for name in PROTECTED),
    }
    assert account.inventory() == there
    assert read_back(newcomer) == {"hello": "world"}


PROTECTED = (
    "aws_s3_bucket.logs",
    "aws_sagemaker_domain.this",
    "aws_kms_key.data",
    "aws_kms_key.operations",
    "terraform_data.account_and_region",
)


def test_what_is_left_after_removing_it_on_purpose_is_data_and_its_key(
    account: Account, before: Inventory, removed: Done
) -> None:
    assert removed.returncode == 0, end_of(removed)
    assert re.search(r"Destroy complete! Resources: \d+ destroyed\.", removed.stdout)

    assert more(account.inventory(), before) == {
        "bucket": {BUCKET, LOGS},
        "alias": {"alias/jsk-data"},
        "key": {f"{DATA} and parameters: Enabled", f"{OPERATIONS}: PendingDeletion"},
    }


def test_what_was_kept_is_as_safe_as_before(account: Account, newcomer: Newcomer, removed: Done) -> None:
    s3 = account.client("s3")

    assert read_back(newcomer) == {"hello": "world"}
    for bucket in (BUCKET, LOGS):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert set(blocked.values()) == {True}
        assert s3.get_bucket_policy(Bucket=bucket)["Policy"]
    rule = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_what_was_kept_can_be_taken_up_again(account: Account, newcomer: Newcomer, removed: Done) -> None:
    """As far as the plan: applying it would take as long as all before."""
    aliases = account.client("kms").list_aliases()["Aliases"]
    key = next(alias["TargetKeyId"] for alias in aliases if alias["AliasName"] == "alias/jsk-data")
    typed = commands(EXAMPLE / "README.md")[2].replace("KEY", key).replace("ACCOUNT", "123456789012")

    planned = newcomer.types(typed.replace("terraform apply", "terraform plan -no-color"))

    assert planned.returncode == 0, end_of(planned)
    assert planned.stdout.count("Import successful!") == 4
    assert re.search(r"Plan: \d+ to add, \d+ to change, 0 to destroy\.", planned.stdout), end_of(planned)
    made = set(re.findall(r"# (\S+) will be created", planned.stdout))
    assert "module.platform.aws_sagemaker_domain.this" in made
    for line in typed.splitlines()[:-1]:
        assert line.split()[2].strip("'") not in made


# What all of them ask -----------------------------------------------------------------------------------


def read_back(newcomer: Newcomer) -> Any:
    """Return the object that was saved, as a cell in the same folder gets it."""
    got = newcomer.types(
        "python -c 'import json; from jsk_saver import saver; print(json.dumps(saver.get(\"first.json\")))'"
    )
    assert got.returncode == 0, got.stdout
    return json.loads(got.stdout.splitlines()[-1])


def end_of(done: Done) -> str:
    """Return the end of what was said: Terraform tells thousands of lines."""
    return "\n".join(done.stdout.splitlines()[-60:])


def changes(text: str) -> str:
    """Return what a plan would do, without what it looked at."""
    return text.partition("Terraform used the selected providers")[2] or text
