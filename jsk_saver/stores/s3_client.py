"""A boto3 client for S3, set up as the kit needs it."""

from __future__ import annotations

from typing import Any

from jsk_saver.errors import MissingExtra
from jsk_saver.settings import Settings


def connect(settings: Settings) -> Any:
    """Return a client; credentials, profiles and assumed roles are found as boto3 does.

    Raises
    ------
    MissingExtra
        If boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra(
            "An s3:// store needs boto3, which is not installed.", hint="pip install 'jsk-saver[s3]'"
        ) from error
    session = boto3.session.Session(
        profile_name=settings.profile or None, region_name=settings.region or None
    )
    config = Config(
        retries={"total_max_attempts": settings.retries, "mode": "standard"},
        connect_timeout=settings.timeout,
        read_timeout=max(settings.timeout, 60),
        max_pool_connections=settings.connections,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
        # The digest in the record covers the bytes; signing them again would read them twice.
        s3={
            "payload_signing_enabled": False,
            **({"addressing_style": "path"} if settings.endpoint_url else {}),
        },
        user_agent_extra="jsk-saver",
    )
    return session.client("s3", endpoint_url=settings.endpoint_url or None, config=config)
