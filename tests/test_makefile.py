"""What ``make lab`` would run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lab_passes_arguments_on_and_starts_as_root_too():
    told = ["make", "--no-print-directory", "--dry-run", "lab", "LAB_ARGS=--port=9000 --no-browser"]
    shown = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in shown.splitlines() if "jupyter lab" in line]
    assert "--port=9000 --no-browser" in line
    assert ("--allow-root" in line) == (os.geteuid() == 0)
