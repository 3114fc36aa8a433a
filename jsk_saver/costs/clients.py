"""boto3 clients for everything but the store, and what their errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jsk_saver.errors import AccountError, MissingExtra

#: Seconds, and attempts: people wait for the answer.
_CONNECT, _READ, _ATTEMPTS = 10, 30, 4
_THROTTLED = re.compile("throttl|toomanyrequests|limitexceeded|slowdown", re.IGNORECASE)
_CREDENTIALS = re.compile(
    "expiredtoken|invalidclienttokenid|unrecognizedclient|signature|missingauthentication|invalidaccesskey",
    re.IGNORECASE,
)
#: What AWS says where the hour of a request is not its own.
_CLOCK = re.compile("requestexpired|timetooskewed|signature (expired|not yet current)", re.IGNORECASE)
_DENIED = re.compile("accessdenied|notauthorized|unauthorized", re.IGNORECASE)
_ABSENT = re.compile("credential|profile|token|sso", re.IGNORECASE)
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_REGION = "export JSK_REGION=eu-central-1    # or yours"


def connect(service: str, *, region: str = "", profile: str = "", attempts: int = _ATTEMPTS) -> Any:
    """Return boto3's client of a service.

    Region, profile and address are found as boto3 does (``AWS_ENDPOINT_URL_SAGEMAKER`` and its like), where
    they are not given: ``JSK_ENDPOINT_URL`` is about the store.

    Raises
    ------
    MissingExtra
        If boto3 is not installed.
    AccountError
        If no region is set, or there is no such profile.

    Examples
    --------
    >>> connect("sagemaker", region="eu-central-1").meta.region_name
    'eu-central-1'
    """
    session = _session(region, profile)
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        user_agent_extra="jsk-saver",
    )
    try:
        return session.client(service, config=config)
    except BotoCoreError as error:
        hint = _REGION if "egion" in str(error) else ""
        raise AccountError(f"AWS cannot be asked: {error}", hint=hint) from error


def region_of(profile: str = "") -> str:
    """Return the region that boto3 would ask; empty if none is set.

    Raises
    ------
    MissingExtra
        If boto3 is not installed.
    AccountError
        If there is no such profile.
    """
    return str(_session("", profile).region_name or "")


def _session(region: str, profile: str) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingExtra(
            "AWS is asked through boto3, which is not installed.", hint="pip install 'jsk-saver[s3]'"
        ) from error
    try:
        return boto3.session.Session(region_name=region or None, profile_name=profile or None)
    except BotoCoreError as error:
        raise AccountError(f"AWS cannot be asked: {error}", hint="aws configure list-profiles") from error


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn botocore's exceptions inside the block into :class:`~jsk_saver.errors.AccountError`.

    Parameters
    ----------
    doing
        What was being done, as in "listing Studio's apps".
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        raise _from_answer(error, doing) from error
    except (BotoCoreError, HTTPClientError) as error:
        hint = "Check the network; jsk doctor tells who is asking."
        if _ABSENT.search(type(error).__name__):
            hint = "aws configure sso, aws sso login, or JSK_PROFILE=<profile>"
        raise AccountError(f"AWS could not be asked ({doing}): {error}", hint=hint) from error


def code_of(error: BaseException | None) -> str:
    """Return the code of the service's answer behind an error; empty without one.

    Examples
    --------
    >>> code_of(ValueError())
    ''
    """
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code", ""))


def _from_answer(error: Any, doing: str) -> AccountError:
    said = str(error.response.get("Error", {}).get("Message") or "")
    code = code_of(error)
    what = f"AWS refused {doing}: {code}{': ' + said if said else ''}".rstrip(".") + "."
    if _CLOCK.search(f"{code} {said}"):
        return AccountError(
            what, hint="Set this machine's clock (timedatectl set-ntp true): AWS allows 5 minutes."
        )
    if _THROTTLED.search(code):
        return AccountError(what, hint="Wait a little and try again.")
    if _CREDENTIALS.search(code):
        return AccountError(what, hint="Renew them (aws sso login), or name another profile: JSK_PROFILE=…")
    if _DENIED.search(code):
        action = _ACTION.search(said)
        missing = action[1] if action else _action_of(error)
        return AccountError(what, hint=f"Ask for the IAM action {missing} for this role (docs/costs.md).")
    return AccountError(what)


def _action_of(error: Any) -> str:
    prefixes = {"GetCostAndUsage": "ce", "GetProducts": "pricing"}
    operation = str(error.operation_name)
    return f"{prefixes.get(operation, 'sagemaker')}:{operation}"
