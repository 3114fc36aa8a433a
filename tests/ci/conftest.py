"""Real registries and a package index, for the tests that ask for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jsk_ci import registry_http
from tests.ci.building import (  # noqa: F401 - fixtures: engines and bases, once in a whole run
    base,
    engine,
    experiment,
    kernels,
    packages,
    place,
    storage,
    surroundings,
    whole,
)
from tests.ci.locked import fill
from tests.ci.package_index import PackageIndex
from tests.servers.registry import Registry
from tests.servers.s3 import ServerUnavailable


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """A registry that everybody may use; tests take repositories of their own."""
    try:
        with Registry() as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def own_registry() -> Iterator[Registry]:
    """A registry that a test may end."""
    try:
        with Registry() as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def guarded() -> Iterator[Registry]:
    """A registry that asks for a login."""
    try:
        with Registry(user="ada", password="se:cret") as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    """Packages for the real Poetry."""
    with PackageIndex(tmp_path_factory.mktemp("index") / "web") as server:
        yield fill(server)


@pytest.fixture
def no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no login, setting or pipeline of whoever runs the tests reach them."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    for name in ("REGISTRY_AUTH_FILE", registry_http.PLAIN):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("CI_", "JSK_CI_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait next to nothing between attempts."""
    monkeypatch.setattr(registry_http.time, "sleep", lambda seconds: None)
