"""Projects that the real Poetry locks, with packages of an index on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.ci.package_index import PackageIndex

_PROJECT = """\
[project]
name = "{name}"
version = "{version}"
description = "Who leaves"
requires-python = "{python}"
dependencies = [{dependencies}]
{more}
[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "here"
url = "{url}"
priority = "primary"

[tool.jsk.kernel]
name = "{name}"
{kernel}
"""
_LOCKS: dict[tuple[str, tuple[str, ...]], str] = {}
#: A parent that is pinned, so that no registry is asked.
PINNED = "registry.example.org/kernels/base@sha256:" + "a" * 64


def fill(index: PackageIndex) -> PackageIndex:
    """Publish packages that depend on each other in the ways that locks tell apart."""
    index.add("leaf", "1.0")
    index.add("leaf", "2.0")
    index.add("only-windows", "1.0")
    index.add("only-linux", "1.0")
    index.add("fast", "1.0")
    index.add("slow", "1.0")
    index.add("tester", "1.0", ["leaf>=1"])
    index.add(
        "tree",
        "1.0",
        ["leaf>=1", "only-windows; sys_platform == 'win32'", "only-linux; sys_platform == 'linux'"],
    )
    return index


def pyproject(
    url: str,
    *dependencies: str,
    name: str = "churn",
    version: str = "0.1.0",
    python: str = ">=3.11,<4",
    more: str = "",
    kernel: str = "",
) -> str:
    """Return the ``pyproject.toml`` of a kernel whose packages come from an index at ``url``."""
    return _PROJECT.format(
        url=url,
        dependencies=", ".join(f'"{line}"' for line in dependencies),
        name=name,
        version=version,
        python=python,
        more=more,
        kernel=kernel,
    )


def write(
    folder: Path,
    index: PackageIndex,
    *dependencies: str,
    more: str = "",
    kernel: str = f'base = "{PINNED}"',
) -> Path:
    """Write a project's ``pyproject.toml``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = pyproject(index.url, *dependencies, more=more, kernel=kernel)
    (folder / "pyproject.toml").write_text(text)
    return folder


def lock(folder: Path, *arguments: str) -> None:
    """Lock a project with the real Poetry; what it made of the same project before is taken again."""
    asked = (folder / "pyproject.toml").read_text().partition("[tool.jsk")[0], arguments
    if asked not in _LOCKS or (folder / "poetry.lock").exists():
        done = poetry(folder, "lock", *arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        _LOCKS[asked] = (folder / "poetry.lock").read_text()
    (folder / "poetry.lock").write_text(_LOCKS[asked])


def poetry(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real Poetry in a folder, with a configuration and a cache of this test run."""
    program = Path(sys.executable).with_name("poetry")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(folder),
    )


def _environment(folder: Path) -> Mapping[str, str]:
    home = folder.parent / "poetry"
    ours = {
        "POETRY_CACHE_DIR": str(home / "cache"),
        "POETRY_CONFIG_DIR": str(home / "config"),
        "POETRY_VIRTUALENVS_CREATE": "false",
        "NO_COLOR": "1",
    }
    left_out = ("VIRTUAL_ENV", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in left_out} | ours


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder and return what it printed."""
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=develop")
    done = subprocess.run(
        ["git", "-C", str(folder), *names, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "state") -> str:
    """Commit all that is there and return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")
