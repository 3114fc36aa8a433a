"""Every kind of place where versions can live, for suites that must hold for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from jsk_saver.payload import Payload
from jsk_saver.record import Record, now
from jsk_saver.settings import load
from jsk_saver.stores import Store, open_store

if TYPE_CHECKING:
    from jsk_saver import Saver

KINDS = [
    "local",
    pytest.param("ceph", marks=pytest.mark.s3),
    pytest.param("moto", marks=pytest.mark.s3),
]
#: Below which a store of the tests lies in its bucket: whatever survives this survives a sensible one.
PREFIX = "lab ä/50%+x"


@dataclass(frozen=True)
class Place:
    """Where a store can be opened, any number of times.

    Parameters
    ----------
    kind
        ``local``, ``ceph`` or ``moto``.
    uri
        The store's address.
    settings
        What else has to be set to reach it.
    """

    kind: str
    uri: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_s3(self) -> bool:
        """Whether it is a bucket."""
        return self.uri.startswith("s3://")

    def store(self, **settings: Any) -> Store:
        """Open it."""
        return open_store(self.uri, load(**{**self.settings, "store": self.uri, **settings}))

    def saver(self, **settings: Any) -> Saver:
        """Return a saver of it."""
        from jsk_saver import Saver

        return Saver(self.uri, **{**self.settings, **settings})


@cache
def _client(endpoint: str, server: Any) -> Any:
    """Return one client for all tests: making one takes longer than most tests."""
    assert server.endpoint == endpoint
    return server.client()


def at_server(server: Any, *, versioned: bool = True, prefix: str = PREFIX) -> Place:
    """Return a new place in a bucket of its own."""
    bucket, client = f"test-{uuid.uuid4().hex[:16]}", _client(server.endpoint, server)
    client.create_bucket(Bucket=bucket)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Place(server.name, f"s3://{bucket}/{prefix}".rstrip("/"), {"endpoint_url": server.endpoint})


def _place(kind: str, request: pytest.FixtureRequest) -> Place:
    if kind == "local":
        return Place("local", str(request.getfixturevalue("tmp_path") / "store ä 50%"))
    server = request.getfixturevalue(kind)
    request.getfixturevalue("point_at")(server)
    return at_server(server)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Place:
    """Give the test, once for each kind, an empty place of its own."""
    return _place(request.param, request)


@pytest.fixture(params=KINDS[:2])
def real_place(request: pytest.FixtureRequest) -> Place:
    """Give the test the same without AWS in miniature, which is no server to be hard on."""
    return _place(request.param, request)


@pytest.fixture
def store(place: Place) -> Store:
    """Give the test an empty store."""
    return place.store()


@pytest.fixture
def make_saver(place: Place) -> Callable[..., Saver]:
    """Give the test a maker of savers, all of the same place."""
    return place.saver


# Short words for tests ------------------------------------------------------------------------------


def put(store: Store, name: str, data: bytes = b"some bytes", **metadata: Any) -> Record:
    """Make a version without a saver."""
    with Payload.of_bytes(data) as payload:
        record = Record(name, "", "raw", "bytes", payload.size, payload.digest, now(), metadata=metadata)
        return store.put(record, payload)


def fetched(store: Store, name: str, version: str | None = None) -> tuple[Record, bytes]:
    """Return a version's record and bytes, whose digest was compared."""
    record, payload = store.fetch(name, version)
    with payload:
        assert payload.digest == record.digest
        return record, payload.getvalue()
