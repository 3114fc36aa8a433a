"""What several of the format tests are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.formats.table_cases.sameness")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one of everything that can be kept."""
    root = tmp_path / "project"
    (root / "data" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "data" / "größe.csv").write_bytes(b"a,b\r\n" * 1000)
    (root / "data" / "deep" / "x.npz").write_bytes(os.urandom(5000))
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o750)
    (root / "back\\slash and space").write_text("")
    (root / "link").symlink_to("data/größe.csv")
    (root / "data" / "up").symlink_to("../empty")
    (root / "nowhere").symlink_to("not-there-yet")
    (root / "absolute").symlink_to(root / "run.sh")
    os.utime(root / "data" / "größe.csv", (1_000_000_001, 1_000_000_001))
    os.utime(root / "run.sh", (0, 0))
    (root / "empty").chmod(0o555)
    os.utime(root / "empty", (1_500_000_000, 1_500_000_000))
    return root
