"""What tests need of the machine. The bench uses Terraform without pytest, so this is no part of its kit."""

from __future__ import annotations

import pytest

from tests.infra.terraform_kit import missing

needs_terraform = pytest.mark.skipif(bool(missing()), reason=missing() or "it is there")
