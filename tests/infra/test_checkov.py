"""What checkov finds in all of ``infra``: nothing that is not excepted beside the resource, with a reason.

It runs from ``.venv-checkov`` (`make checkov`), on copies, and asks nobody: whatever would leave the machine
is sent to a port where nothing listens.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.terraform_kit import INFRA

VENV = INFRA.parent / ".venv-checkov"
#: How an exception is written beside its resource: `# checkov:skip=CKV_AWS_144: it costs twice`
SKIP = re.compile(r"checkov:skip=(CKV2?_[A-Z]+_\d+)(?::(.*))?")
NOWHERE = "http://127.0.0.1:9"


def missing() -> str:
    """Say why checkov cannot be used; nothing if it can."""
    if (VENV / ".ready").exists():
        return ""
    log = VENV / "pip.log"
    if log.exists():
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"pip could not install checkov: {said[-1] if said else 'it did not say why'}"
    return f"checkov is not installed in {VENV.name}; to install it: make checkov"


needs_checkov = pytest.mark.skipif(bool(missing()), reason=missing() or "it is there")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return judged(copied(tmp_path_factory.mktemp("as it is")))


def copied(folder: Path) -> Path:
    """Copy ``infra`` without what Terraform keeps beside it."""
    return Path(
        shutil.copytree(
            INFRA, folder / "infra", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__")
        )
    )


def judged(folder: Path) -> dict[str, Any]:
    """Return what checkov says of a folder: passed, failed and skipped checks, and a summary."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BC_", "CKV_", "CHECKOV_"))}
    offline = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    options = ["--framework", "terraform", "--output", "json", "--compact", "--skip-download", "--soft-fail"]
    done = subprocess.run(
        [VENV / "bin" / "checkov", "--directory", ".", *options],
        cwd=folder,
        # Without the first it asks its maker's service how checks are called there.
        env=inherited | offline | {"BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "ERROR"},
        text=True,
        capture_output=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def told(report: dict[str, Any], kind: str) -> set[tuple[str, str]]:
    """Return the checks of a kind, each with the file of its resource."""
    return {(check["check_id"], check["file_path"].lstrip("/")) for check in report["results"][kind]}


def written() -> dict[tuple[str, str], str]:
    """Return the exceptions as they are written: check and file, with the reason."""
    return {
        (found[1], file.relative_to(INFRA).as_posix()): (found[2] or "").strip()
        for file in INFRA.rglob("*.tf")
        if ".terraform" not in file.parts
        for found in SKIP.finditer(file.read_text(encoding="utf-8"))
    }


@needs_checkov
@pytest.mark.slow
def test_no_check_fails(report: dict[str, Any]) -> None:
    assert told(report, "failed_checks") == set()
    assert report["summary"]["parsing_errors"] == 0


@needs_checkov
@pytest.mark.slow
def test_all_of_it_is_judged_the_modules_as_the_examples_call_them(report: dict[str, Any]) -> None:
    judged_files = {file for _, file in told(report, "passed_checks")}

    for folder in ("platform", "modules/bucket", "modules/experiment", "modules/squad", "examples"):
        assert any(file.startswith(f"{folder}/") for file in judged_files), folder


def test_each_exception_has_a_reason_of_its_own() -> None:
    reasons = written()
    assert reasons
    for (check, file), reason in reasons.items():
        assert len(reason.split()) >= 4, f"{file}: {check} is excepted without a reason"
        assert not re.match(r"(as|see|same) (above|below|before)", reason, re.I), f"{file}: {check}: {reason}"


@needs_checkov
@pytest.mark.slow
def test_each_written_exception_is_needed_and_there_is_no_other(report: dict[str, Any]) -> None:
    assert told(report, "skipped_checks") == set(written())


@needs_checkov
@pytest.mark.slow
def test_a_change_for_the_worse_is_caught(tmp_path: Path) -> None:
    """A bucket that may become public, and a policy that allows everything."""
    worse = copied(tmp_path)
    bucket = worse / "modules" / "bucket" / "main.tf"
    text = bucket.read_text(encoding="utf-8")
    assert "block_public_acls       = true" in text
    bucket.write_text(text.replace("block_public_acls       = true", "block_public_acls       = false"))
    (worse / "modules" / "experiment" / "worse.tf").write_text(
        'resource "aws_iam_policy" "worse" {\n  name = "worse"\n  policy = jsonencode({\n'
        '    Version = "2012-10-17"\n'
        '    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]\n  })\n}\n'
    )

    failed = told(judged(worse), "failed_checks")

    assert ("CKV_AWS_53", "modules/bucket/main.tf") in failed
    assert ("CKV_AWS_63", "modules/experiment/worse.tf") in failed
    assert {file for _, file in failed} == {"modules/bucket/main.tf", "modules/experiment/worse.tf"}
