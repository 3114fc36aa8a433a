"""What the doctor looks at behind an ``s3://`` store: who is asking, the clock, unfinished uploads."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from jsk_saver.doctor.report import Finding
from jsk_saver.doctor.stores import impatient
from jsk_saver.errors import JskError
from jsk_saver.human import human_time
from jsk_saver.record import format_time, now
from jsk_saver.stores.base import Problem
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.stores.s3 import S3Store

#: Seconds by which clocks may differ; Amazon S3 refuses requests at 900 ("RequestTimeTooSkewed").
_CLOCK_MAY_DIFFER = 300
_OLD = dt.timedelta(days=1)
#: Pages of a thousand uploads looked at.
_PAGES = 10
_RULE = {
    "ID": "abort-unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
}


def caller(connection: Connection) -> Finding | None:
    """Return as whom AWS sees this machine; asked only of AWS itself, and never a problem by itself."""
    store = _bucket(connection)
    if store is None:
        return None
    data: dict[str, Any] = {"credentials": _source(store)}
    if _is_aws(store):
        data |= _identity(store)
    told = [(name, value) for name, value in data.items() if value]
    return Finding("Who is asking", told, data=data)


def _bucket(connection: Connection) -> S3Store | None:
    """Return the store if it is a bucket that a client can be made for; what prevents that is told there."""
    if not connection.settings.store_uri.startswith("s3://"):
        return None
    store: Any = impatient(connection)
    try:
        store.client  # noqa: B018 - made now
    except (JskError, ImportError):
        return None
    return store  # type: ignore[no-any-return]


def _is_aws(store: S3Store) -> bool:
    host = str(store.client.meta.endpoint_url).partition("://")[2].partition("/")[0]
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _session(store: S3Store) -> Any:
    import boto3

    settings = store.settings
    return boto3.session.Session(profile_name=settings.profile or None, region_name=settings.region or None)


def _source(store: S3Store) -> str:
    """Return where the credentials were found, never what they are."""
    from botocore.exceptions import BotoCoreError

    try:
        found = _session(store).get_credentials()
    except BotoCoreError as error:
        return f"none: {error}"
    return f"found by {found.method}" if found is not None else "none found"


def _identity(store: S3Store) -> dict[str, str]:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    quick = Config(connect_timeout=5, read_timeout=5, retries={"total_max_attempts": 1})
    region = store.client.meta.region_name
    try:
        answer = _session(store).client("sts", config=quick, region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return {"identity": f"unknown: {error}"}
    return {"identity": str(answer["Arn"]), "account": str(answer["Account"])}


# Clock ----------------------------------------------------------------------------------------------


def clock(connection: Connection) -> Finding | None:
    """Return by how much this machine's clock differs from the server's, which also a refusal tells."""
    store = _bucket(connection)
    if store is None:
        return None
    before = now()
    answered = _server_time(store)
    if answered is None:
        return None
    ahead = (before + (now() - before) / 2 - answered).total_seconds()
    said = "as the server's" if abs(ahead) < 2 else f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    problems = []
    if abs(ahead) > _CLOCK_MAY_DIFFER:
        problems = [
            Problem(
                f"The clock of this machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} "
                "the server's; S3 refuses requests from 900 s on.",
                "sudo timedatectl set-ntp true",
            )
        ]
    return Finding("Clock", [("this machine", said)], data={"ahead_seconds": ahead}, problems=problems)


def _server_time(store: S3Store) -> dt.datetime | None:
    from email.utils import parsedate_to_datetime

    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = store.client.head_bucket(Bucket=store.bucket)
    except ClientError as error:
        answer = error.response
    except BotoCoreError:
        return None  # the store's own finding says that it does not answer
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


# Unfinished uploads ---------------------------------------------------------------------------------


def uploads(connection: Connection) -> Finding | None:
    """Return multipart uploads that nobody finished; their parts cost money until they are aborted."""
    store = _bucket(connection)
    if store is None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        started = _started(store)
    except (BotoCoreError, ClientError):
        return None  # the right to list them is among those that the store's own finding checks
    old = sorted(when for when in started if when < now() - _OLD)
    data = {
        "unfinished": len(started),
        "older_than_a_day": len(old),
        "oldest": format_time(old[0]) if old else None,
    }
    told = [("unfinished", f"{count(len(started), 'upload')}, {len(old):,} older than a day")]
    problems = []
    if old and not _cleaned(store):
        problems = [
            Problem(
                f"{count(len(old), 'multipart upload')} to {store.uri} were never finished, the oldest from "
                f"{human_time(old[0])}; their parts are paid for and no lifecycle rule removes them.",
                _lifecycle_command(store),
            )
        ]
    return Finding("Uploads", told if started else [], data=data, problems=problems)


def _started(store: S3Store) -> list[dt.datetime]:
    pages = store.client.get_paginator("list_multipart_uploads").paginate(
        Bucket=store.bucket, Prefix=store.prefix, PaginationConfig={"MaxItems": _PAGES * 1000}
    )
    return [upload["Initiated"] for page in pages for upload in page.get("Uploads", ())]


def _rules(store: S3Store) -> list[dict[str, Any]] | None:
    """Return the bucket's lifecycle rules; None where they may not be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket)
    except ClientError as error:
        none = error.response.get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration"
        return [] if none else None
    except BotoCoreError:
        return None
    return list(answer.get("Rules", []))


def _cleaned(store: S3Store) -> bool:
    """Tell whether a rule already removes unfinished uploads below the store's prefix."""
    for rule in _rules(store) or []:
        where = rule.get("Filter", {})
        prefix = where.get("And", where).get("Prefix", rule.get("Prefix", ""))
        active = rule.get("Status") == "Enabled" and "AbortIncompleteMultipartUpload" in rule
        if active and store.prefix.startswith(prefix or ""):
            return True
    return False


def _lifecycle_command(store: S3Store) -> str:
    """Return the command that adds the rule; it sets all rules at once, so those there are go along."""
    rules = _rules(store)
    text = json.dumps({"Rules": [*(rules or []), _RULE]}, separators=(",", ":"), default=str)
    command = (
        f"aws s3api put-bucket-lifecycle-configuration --bucket {store.bucket} "
        f"--lifecycle-configuration '{text}'"
    )
    endpoint = store.settings.endpoint_url
    command += f" --endpoint-url {endpoint}" if endpoint else ""
    return command + ("    # replaces the rules there are; they could not be read" if rules is None else "")
