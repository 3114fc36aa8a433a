"""The S3 server and the folder that a run works with, and the environment that points everybody there."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: What could change the figures, or send somebody to another server.
_LEAVE_OUT = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "CEPH_ARGS")


@dataclass
class Bucket:
    """A versioned bucket of this run."""

    name: str
    endpoint: str
    environment: dict[str, str] = field(default_factory=dict)

    def client(self, **config: Any) -> Any:
        """Return a boto3 client; with no argument, as boto3 makes it."""
        import boto3
        from botocore.config import Config

        return boto3.client("s3", endpoint_url=self.endpoint, config=Config(**config))

    def empty(self) -> None:
        """Remove everything: the server keeps objects in memory."""
        import boto3

        boto3.resource("s3", endpoint_url=self.endpoint).Bucket(self.name).object_versions.delete()


@contextmanager
def bucket(endpoint: str = "", *, on_disk: bool = False) -> Iterator[Bucket]:
    """Yield a new bucket, on ``endpoint`` or else on a Ceph gateway that is started for it."""
    with ExitStack() as stack:
        if endpoint:
            settings = {"JSK_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_S3": endpoint}
        else:
            from tests.servers.ceph import Ceph

            server = stack.enter_context(Ceph(on_disk=on_disk))
            endpoint, settings = server.endpoint, server.environment()
        stack.enter_context(environment(settings))
        made = Bucket(f"bench-{uuid.uuid4().hex[:12]}", endpoint, settings)
        client = made.client()
        client.create_bucket(Bucket=made.name)
        client.put_bucket_versioning(Bucket=made.name, VersioningConfiguration={"Status": "Enabled"})
        try:
            yield made
        finally:
            made.empty()
            client.delete_bucket(Bucket=made.name)


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the block, without the caller's own settings of kit and AWS."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("JSK_") or name in _LEAVE_OUT:
            del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder on this machine's disk."""
    folder = Path(tempfile.mkdtemp(prefix="jsk-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
