"""Repositories with pipelines: the platform's, whose base everybody starts from, and an experiment's."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci import locked, small_base
from tests.ci.building import Place
from tests.ci.locked import git
from tests.servers.gitlab import GitLab, Ran
from tests.servers.studio import Studio

ROOT = Path(__file__).parents[2]
KIT, VERSION, DOMAIN = "jsk/kit", "1.0.0", "d-story"
ROLE = "arn:aws:iam::123456789012:role/studio"
_NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [], "execution_count": None}
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
#: Six lines, and what a test's runner lacks: it has no images, but everything is on its path.
PIPELINE = f"""\
include:
  - component: $CI_SERVER_FQDN/{KIT}/notebooks@{VERSION}
    inputs: {{output: stripped, prepare-lint: "true", prepare-test: "true"}}
  - component: $CI_SERVER_FQDN/{KIT}/kernel@{VERSION}
    inputs: {{registry: $REGISTRY, studio-role: "{ROLE}", domain: {DOMAIN}, lease: none, prepare: "true"}}
  - component: $CI_SERVER_FQDN/{KIT}/release@{VERSION}
    inputs: {{registry: $REGISTRY, prepare: "true"}}
"""
PLATFORM = f"""\
include:
  - project: {KIT}
    ref: {VERSION}
    file: /templates/kernel.yml
    inputs: {{folders: kernels/base, registry: $REGISTRY, prepare: "true"}}
  - project: {KIT}
    ref: {VERSION}
    file: /templates/release.yml
    inputs: {{folders: kernels/base, registry: $REGISTRY, prepare: "true"}}
"""


def programs(folder: Path) -> list[Path]:
    """Return folders with jsk-ci, as a runner's image has it, and with Python's own programs."""
    folder.mkdir(parents=True)
    script = folder / "jsk-ci"
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}:{ROOT / "ci"}" exec {sys.executable} -m jsk_ci.cli "$@"\n'
    )
    script.chmod(0o755)
    return [folder, Path(sys.executable).parent]


@dataclass
class Project:
    """A project on GitLab: a bare remote, a clone, and its pipelines.

    Parameters
    ----------
    name
        ``group/name``.
    folder
        Where remote and clone are.
    gitlab, place
        What runs pipelines, and where images go.
    environment
        What jobs find on their runner.
    """

    name: str
    folder: Path
    gitlab: GitLab
    place: Place
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        remote = self.folder / f"{self.name}.git"
        remote.parent.mkdir(parents=True, exist_ok=True)
        git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
        self.clone = self.folder / self.name.replace("/", "-")
        git(self.folder, "clone", "--quiet", str(remote), str(self.clone))
        self.gitlab.adopt(self.clone, self.name)
        self.gitlab.publish(self.clone, KIT, VERSION, sorted((ROOT / "ci" / "templates").glob("*.yml")))

    def commit(self, message: str) -> str:
        """Commit all that is there, push it, and return the commit."""
        commit = locked.commit(self.clone, message)
        git(self.clone, "push", "--quiet", "origin", "HEAD")
        return commit

    def pipeline(self, *options: str, protected: bool = True, **variables: str) -> Ran:
        """Run the pipeline of the branch that is checked out."""
        known = {
            "REGISTRY": self.place.kernels,
            "CI_COMMIT_REF_PROTECTED": "true" if protected else "false",
            **variables,
        }
        return self.gitlab.run(self.clone, known, *options, **self.environment)

    def release(self, tag: str) -> Ran:
        """Push a Git tag and run its pipeline."""
        git(self.clone, "tag", tag)
        git(self.clone, "push", "--quiet", "origin", tag)
        return self.pipeline("--unset-variable=CI_COMMIT_BRANCH", CI_COMMIT_TAG=tag)

    def repository(self, kernel: str) -> Repository:
        """Return where a kernel's images are."""
        return Repository(Reference.parse(f"{self.place.kernels}/{kernel}"))


def platform(folder: Path, gitlab: GitLab, place: Place) -> Project:
    """Return the platform's project, on ``develop``: the kit with a small base."""
    project = Project("platform/kernels", folder, gitlab, place)
    clone = project.clone
    git(clone, "switch", "--quiet", "--create", "develop")
    small_base.write(clone, place.debian)
    (clone / ".gitlab-ci.yml").write_text(PLATFORM)
    return project


@dataclass
class Experiment(Project):
    """An experiment's project, whose packages come from an index on loopback."""

    base: str = ""
    index: str = ""

    def write(self, *dependencies: str, version: str = "1.0.0") -> None:
        """Write and lock its environment."""
        kernel = f'display-name = "Iris"\nbase = "{self.base}"\nenvironment = "kernel.env"'
        text = locked.pyproject(
            self.index, *dependencies, name="iris", version=version, python=">=3.11,<3.12", kernel=kernel
        )
        (self.clone / "pyproject.toml").write_text(text)
        (self.clone / "kernel.env").write_text("JSK_EXPERIMENT=iris\n")
        locked.lock(self.clone)

    def notebook(self, source: str) -> None:
        """Write its notebook."""
        book = json.loads(json.dumps(_NOTEBOOK))
        book["cells"][0]["source"] = source
        file = self.clone / "notebooks" / "first.ipynb"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(book, indent=1) + "\n")


def runner(*environments: dict[str, str]) -> dict[str, str]:
    """Return what jobs find on their runner: an engine, a control plane, certificates."""
    kept = ("SSL_CERT_FILE", "PIP_CERT")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    for more in environments:
        found |= more
    return found


def offered(studio: Studio, image: str) -> int | None:
    """Return the version of an image that the domain offers in both of Studio's forms."""
    settings = studio.state.domains[DOMAIN]["DefaultUserSettings"]
    versions = {
        entry.get("ImageVersionNumber")
        for form in ("JupyterLabAppSettings", "KernelGatewayAppSettings")
        for entry in settings.get(form, {}).get("CustomImages", ())
        if entry["ImageName"] == image
    }
    assert len(versions) <= 1, versions
    return versions.pop() if versions else None
