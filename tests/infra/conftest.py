"""Tests of the kernel publisher share an account with a platform in it, and a way to handle events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jsk_ci.studio import leases, patience
from tests.infra.publisher_kit import LAMBDAS, Account, Context, Handle, batch
from tests.servers.one_by_one import atomic
from tests.servers.registry import Registry
from tests.servers.s3 import S3Server, ServerUnavailable
from tests.servers.studio import Studio


@pytest.fixture(scope="module")
def images() -> Iterator[Registry]:
    try:
        with Registry() as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        yield server
    assert not server.violations


@pytest.fixture
def account(images: Registry, studio: Studio, moto: S3Server) -> Iterator[Account]:
    with atomic(moto) as s3:
        yield Account(images, studio, moto, s3)


@pytest.fixture
def handle(account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Handle:
    """Handle events in this process; return the lines of the log, and the answer."""
    monkeypatch.syspath_prepend(str(LAMBDAS))
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(leases, "LONGEST_PAUSE", 0.05)
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    from attach_kernel import handler

    def run(*events: Any, seconds: float = 80.0, attempt: int = 1) -> tuple[list[dict[str, Any]], Any]:
        capsys.readouterr()
        answer = handler.handle(batch(*events, attempt=attempt), Context(seconds))
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()], answer

    return run
