"""A saver and an experiment in a temporary home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.tracking import Experiment
from tests.tracking.reproducing import SCRIPT, Project


@pytest.fixture
def saver(tmp_path: Path) -> Saver:
    return Saver(home=tmp_path / "home")


@pytest.fixture
def experiment(saver: Saver) -> Experiment:
    return Experiment("iris-kmeans", description="How many clusters?", saver=saver)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed project whose script reads ``raw.json``, and where we stand elsewhere."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    made = Project(tmp_path)
    made.write("train.py", SCRIPT)
    made.write("helper.py", "factor = 1\n")
    made.write(".gitignore", "__pycache__/\n")
    made.commit()
    made.saver.put("raw.json", [1, 2, 3])
    monkeypatch.chdir(tmp_path)
    return made
