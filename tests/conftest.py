"""For every test: a home of its own, and real servers for those that ask.

``ceph``, ``ceph_on_disk`` and ``moto`` are the servers, started once per run, each with ``endpoint``,
``access_key``, ``secret_key``, ``client()``, ``new_bucket(versioned=True)`` and ``environment()``.
``point_at(server)`` sets that environment for one test; ``behind_proxy(server)`` gives the same server
reached through a proxy that goes wrong on demand (:mod:`tests.servers.faults`), and the proxy.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests import grouping
from tests.servers.ceph import Ceph
from tests.servers.faults import FaultyProxy
from tests.servers.moto import Moto
from tests.servers.s3 import S3Server, ServerUnavailable

# A slow machine is no bug: no example is timed.
settings.register_profile("kit", deadline=None)
settings.load_profile("kit")

#: Fixtures that need the Ceph gateway; what uses one of them carries the mark ``s3``.
CEPH = {"ceph", "ceph_on_disk"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a real S3 server, so that ``-m 'not s3'`` leaves it out; share work among processes."""
    for item in items:
        if CEPH & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.s3)
    if hasattr(config, "workerinput"):  # this is one of several processes (pytest-xdist)
        grouping.arrange(items)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return names of folders without end, in a place of their own: pytest counts what is in its own."""
    place = tmp_path_factory.mktemp("homes")
    return (place / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty home of the kit: no store, cache, index or spool of another test."""
    home = next(homes)
    home.mkdir()
    monkeypatch.setenv("JSK_HOME", str(home))
    return home


# Servers --------------------------------------------------------------------------------------------


@pytest.fixture
def spawning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A main module that processes can be spawned from: tests in several processes leave one without."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)


def _running(server: S3Server) -> Iterator[S3Server]:
    with ExitStack() as stack:
        try:
            stack.enter_context(server)
        except ServerUnavailable as reason:
            pytest.skip(str(reason))
        yield server


@pytest.fixture(scope="session")
def ceph() -> Iterator[S3Server]:
    """A real S3 server: a Ceph RADOS gateway that keeps objects in memory."""
    yield from _running(Ceph())


@pytest.fixture(scope="session")
def ceph_on_disk() -> Iterator[S3Server]:
    """Another one that keeps objects in a compressed file: for objects of many gigabytes."""
    yield from _running(Ceph(on_disk=True, capacity=12 * 10**9))


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """AWS in miniature; it checks no signatures."""
    yield from _running(Moto())


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Server], None]:
    """Point the kit and boto3 at a server, for this test."""

    def set_environment(server: S3Server) -> None:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)

    return set_environment


@pytest.fixture
def behind_proxy() -> Iterator[Callable[[S3Server], tuple[S3Server, FaultyProxy]]]:
    """Put a proxy that goes wrong on demand in front of a server, for this test."""
    with ExitStack() as stack:

        def place(server: S3Server) -> tuple[S3Server, FaultyProxy]:
            proxy = stack.enter_context(FaultyProxy(server.endpoint))
            return server.behind(proxy.endpoint), proxy

        yield place
