"""Which packages are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsk_saver.lineage import environment


def test_what_setuptools_brings_for_itself_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = tmp_path / "setuptools" / "_vendor"
    (vendor / "wheel-0.1.dist-info").mkdir(parents=True)
    before = environment.packages()[1]
    monkeypatch.syspath_prepend(str(vendor))
    monkeypatch.setattr(environment, "RECHECK", 0.0)
    assert environment.packages()[1] == before
