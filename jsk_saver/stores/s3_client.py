"""A boto3 client for S3, set up as the kit needs it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from jsk_saver.errors import MissingExtra
from jsk_saver.settings import Settings

#: Seconds after which a server that does not even take the connection will not.
LONGEST_CONNECT = 20


def connect(settings: Settings) -> Any:
    """Return a client; credentials, profiles and assumed roles are found as boto3 does.

    Raises
    ------
    MissingExtra
        If boto3 is not installed.
    """
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra(
            "An s3:// store needs boto3, which is not installed.", hint="pip install 'jsk-saver[s3]'"
        ) from error
    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
    session = boto3.session.Session(
        botocore_session=core, profile_name=settings.profile or None, region_name=settings.region or None
    )
    config = Config(
        retries={"total_max_attempts": settings.retries, "mode": "standard"},
        connect_timeout=min(settings.timeout, LONGEST_CONNECT),
        # Of each step: a large upload may take any time, as long as the server takes bytes.
        read_timeout=settings.timeout,
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


def parse_time(text: Any) -> dt.datetime:
    """Return a time as S3 writes it, in a listing or in a header.

    botocore tries whatever a time may look like, which is half of the work of reading a listing.

    Examples
    --------
    >>> str(parse_time("2026-11-20T22:25:29.123Z")), str(parse_time("Fri, 20 Nov 2026 22:25:29 GMT"))
    ('2026-11-20 22:25:29.123000+00:00', '2026-11-20 22:25:29+00:00')
    """
    from email.utils import parsedate_to_datetime

    from botocore.utils import parse_timestamp

    try:
        when = dt.datetime.fromisoformat(text) if text[10] == "T" else parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        when = None
    parsed: dt.datetime = when if when is not None and when.tzinfo else parse_timestamp(text)
    return parsed
