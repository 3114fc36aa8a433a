"""What tests of Studio's steps share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jsk_ci.cli.app import app
from jsk_ci.references import Reference
from jsk_ci.studio import client, forms, patience
from jsk_ci.studio import publish as publishing
from jsk_ci.studio.patience import Patience
from tests.servers.studio import Studio as Server

ROLE = "arn:aws:iam::123456789012:role/studio"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kernels"


def image(name: str, number: int = 1) -> Reference:
    """Return the pinned reference of a container image."""
    return Reference.parse(f"{REGISTRY}/{name}@sha256:{number:064x}")


def asking(server: Server, seconds: float = 60.0) -> client.Studio:
    """Return what steps ask SageMaker through, with short pauses."""
    return client.Studio(server.client, Patience(seconds, first=0.001, longest=0.01))


def wanted(name: str = "iris", number: int = 1, reference: Reference | None = None) -> publishing.Wanted:
    """Return something to be published."""
    return publishing.Wanted(
        name, name.title(), reference or image(name, number), ROLE, f"build {number} of {name}"
    )


def publish(server: Server, name: str = "iris", number: int = 1) -> publishing.Published:
    """Publish a container image in both forms."""
    return publishing.publish(asking(server), wanted(name, number), forms.ALL)


def kernel_folder(folder: Path, name: str = "iris", base: str = "registry.example.org/base:1.0") -> Path:
    """Write the project of a kernel, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f'[tool.jsk.kernel]\nname = "{name}"\ndisplay-name = "{name.title()}"\nbase = "{base}"\n'
    (folder / "pyproject.toml").write_text(text)
    return folder


def offered(server: Server, domain: str, block: str, scope: str = "DefaultUserSettings") -> dict[str, Any]:
    """Return the pinned versions that a domain offers, by image."""
    settings = server.state.domains[domain].get(scope, {}).get(block, {})
    return {entry["ImageName"]: entry.get("ImageVersionNumber") for entry in settings.get("CustomImages", [])}


def commands(server: Server, patch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what runs jsk-ci against a stand-in, with short pauses, and returns what it printed."""
    patch.setattr(patience, "FIRST_PAUSE", 0.001)
    patch.setattr(patience, "LONGEST_PAUSE", 0.01)
    for name in [name for name in os.environ if name.startswith(("CI_", "JSK_CI_", "AWS_PROFILE"))]:
        patch.delenv(name)
    for name, value in server.environment().items():
        patch.setenv(name, value)

    def run(*arguments: str, code: int = 0, given: str | None = None) -> str:
        result = CliRunner().invoke(app, arguments, input=given)
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout if code == 0 else result.output

    return run


def as_json(text: str | bytes) -> Any:
    """Return what a command printed with --json."""
    return json.loads(text)
