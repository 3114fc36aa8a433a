"""A bill, a Studio and a project to ask them from."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jsk_saver.cli.app import app
from tests.servers.billing import Billing
from tests.servers.studio import Studio

Run = Callable[..., Any]


@pytest.fixture
def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@pytest.fixture
def billing(today: dt.date) -> Iterator[Billing]:
    """A bill; whatever a test asks or is answered fits AWS's own service model."""
    with Billing(today) as server:
        yield server
    assert server.violations == []


@pytest.fixture
def studio() -> Iterator[Studio]:
    """A Studio with one domain, as strict."""
    with Studio() as server:
        server.state.add_domain("d-1")
        yield server
    assert server.violations == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing set but the kit's home."""
    for name in [name for name in os.environ if name.startswith(("JSK_", "AWS_PROFILE"))]:
        if name != "JSK_HOME":
            monkeypatch.delenv(name)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def aws(billing: Billing, studio: Studio, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point boto3 at the bill and at Studio."""
    for name, value in {**studio.environment(), **billing.environment()}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def jsk(project: Path) -> Run:
    """Run a command in this process, check what it exits with, and return what came of it."""

    def run(*arguments: str, code: int = 0, given: str | None = None) -> Any:
        done = CliRunner().invoke(app, list(arguments), input=given, catch_exceptions=False)
        assert done.exit_code == code, (done.exit_code, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture
def answer(jsk: Run) -> Run:
    """Return what a command answers in JSON."""

    def ask(*arguments: str, code: int = 0, given: str | None = None) -> Any:
        return json.loads(jsk(*arguments, "--json", code=code, given=given).stdout)

    return ask


@pytest.fixture
def agreeing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody sits there who agrees, and whom questions are put to."""
    from types import SimpleNamespace

    import typer

    from jsk_saver.cli import running

    asked: list[str] = []

    def confirm(question: str, **_: Any) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(running, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked
