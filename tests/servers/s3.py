"""What every S3 server of the tests offers, whoever is behind it."""

from __future__ import annotations

import copy
import uuid
from typing import Any, Self

from tests.servers.processes import Processes


class ServerUnavailable(Exception):
    """The server cannot run on this machine; the message says why, and how to change that."""


class S3Server:
    """An S3 endpoint with credentials that may do everything.

    A child starts its processes in :meth:`start`; leaving the ``with`` block ends them.
    """

    name = "s3"
    endpoint = ""
    access_key = "tester"
    secret_key = "tester-secret"
    region = "us-east-1"

    def __init__(self) -> None:
        self.processes = Processes()

    @classmethod
    def unavailable(cls) -> str:
        """Say why the server cannot run here; empty when it can."""
        return ""

    def start(self) -> None:
        """Start the processes and set ``endpoint``."""
        raise NotImplementedError

    def stop(self) -> None:
        """End every process that was started, by its id."""
        self.processes.stop()

    def __enter__(self) -> Self:
        if reason := self.unavailable():
            raise ServerUnavailable(reason)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # For tests --------------------------------------------------------------------------------------

    def client(self, **config: Any) -> Any:
        """Return a plain boto3 client that does not retry (unless ``config`` says so)."""
        import boto3
        from botocore.config import Config

        plain: dict[str, Any] = {
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "retries": {"total_max_attempts": 1},
        }
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(**{**plain, **config}),
        )

    def new_bucket(self, versioned: bool = True) -> str:
        """Make an empty bucket that no other test knows, and return its name."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the kit and boto3 at this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "JSK_ENDPOINT_URL": self.endpoint,
        }

    def behind(self, endpoint: str) -> Self:
        """Return the same server, reached through another address (a proxy in front of it)."""
        other = copy.copy(self)
        other.endpoint, other.processes = endpoint, Processes()
        return other
