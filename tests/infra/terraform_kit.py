"""Terraform as the tests use it: on a copy of ``infra``, with providers from a mirror where there is one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

INFRA = Path(__file__).parents[2] / "infra"
#: A folder with providers, as `terraform providers mirror` makes it; without it they come from the registry.
MIRROR = "JSK_TF_MIRROR"
#: Where machines keep such folders: Terraform's own places first.
_USUAL = ("usr/local/share/terraform/plugins", "usr/share/terraform/plugins", "opt/*")
_PROVIDER = "registry.terraform.io/hashicorp/aws"


@cache
def missing() -> str:
    """Say why Terraform cannot be used; nothing if it can."""
    if not shutil.which("terraform"):
        return "terraform is not installed"
    if _mirror() or _reaches("registry.terraform.io"):
        return ""
    return f"the provider of AWS is in no folder that {MIRROR} names, and its registry cannot be reached"


def _mirror() -> str:
    if named := os.environ.get(MIRROR):
        return named
    found = (path for place in _USUAL for path in sorted(Path("/").glob(f"{place}/{_PROVIDER}")))
    return next((str(path).removesuffix(f"/{_PROVIDER}") for path in found), "")


def _reaches(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


class Terraform:
    """The program, and a copy of ``infra`` that it may write beside.

    Parameters
    ----------
    folder
        An empty one, for the copy and for providers.
    environment
        More variables for every run.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.infra = folder, folder / "infra"
        left_out = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__", ".mypy_cache", ".venv")
        shutil.copytree(INFRA, self.infra, ignore=left_out)
        self._configuration = folder / "terraform.rc"
        self._configuration.write_text(configuration(), encoding="utf-8")
        self._environment = dict(environment or {})

    def run(self, module: str, *arguments: str, timeout: float = 500) -> subprocess.CompletedProcess[str]:
        """Run ``terraform`` in a module's folder; output and errors come as one text."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        own = {
            "TF_CLI_CONFIG_FILE": str(self._configuration),
            "TF_DATA_DIR": str(self.folder / "data" / module),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.infra / module,
            env=inherited | own | self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )

    def init(self, module: str) -> None:
        """Make a module ready; one with a lock file takes exactly what that says."""
        locked = ["-lockfile=readonly"] if (INFRA / module / ".terraform.lock.hcl").exists() else []
        done = self.run(module, "init", "-backend=false", "-input=false", "-no-color", *locked)
        assert done.returncode == 0, done.stdout


def configuration() -> str:
    """Return what Terraform's own configuration says: where providers come from."""
    mirror = _mirror()
    if not mirror:
        return ""
    return f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
