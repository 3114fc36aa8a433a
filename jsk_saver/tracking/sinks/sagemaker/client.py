"""Clients of SageMaker, and what their errors mean."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jsk_saver import settings as kit
from jsk_saver.errors import MissingExtra
from jsk_saver.stores.s3_errors import code_of, headers_of
from jsk_saver.tracking.sinks.base import SinkDown

_THROTTLED = re.compile("throttl|toomanyrequests|limitexceeded$|slowdown", re.IGNORECASE)
_CREDENTIALS = re.compile(
    "expiredtoken|requestexpired|invalidclienttokenid|unrecognizedclient|signature|invalidaccesskey|"
    "missingauthenticationtoken|tokenrefreshrequired",
    re.IGNORECASE,
)
_ABSENT = re.compile("credential|profile|token|sso", re.IGNORECASE)
#: What accounts answer that let only SageMaker itself make trial components.
_ONLY_INSIDE = re.compile("restricted to the SageMaker runtime|cannot be called from this context")
#: botocore's exceptions from before anything was sent.
_UNSENT = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "NoCredentialsError"}
#: Attempts of a call that may be made twice: structure has names, and a name is there once.
ATTEMPTS = 4
_INSTALL = "pip install 'jsk-saver[sagemaker]'"


def connect(settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return clients of SageMaker and of SageMaker Metrics.

    Region and profile are those of the trial's saver. The address is AWS's own, or what boto3's
    ``AWS_ENDPOINT_URL_SAGEMAKER`` and ``AWS_ENDPOINT_URL_SAGEMAKER_METRICS`` say: ``JSK_ENDPOINT_URL`` is
    about S3.

    Parameters
    ----------
    settings
        Arguments as for :class:`jsk_saver.Saver`.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra(
            "The SageMaker sink needs boto3, which is not installed.", hint=_INSTALL
        ) from error
    known = kit.load(**{name: settings[name] for name in ("region", "profile") if name in settings})
    session = boto3.session.Session(region_name=known.region or None, profile_name=known.profile or None)
    config = Config(
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        connect_timeout=known.timeout,
        read_timeout=max(known.timeout, 60),
        user_agent_extra="jsk-saver",
    )
    # Points have no names: what is sent again by boto3 itself would be there twice.
    once = config.merge(Config(retries={"total_max_attempts": 1}))
    return session.client("sagemaker", config=config), session.client("sagemaker-metrics", config=once)


def sagemaker_experiments() -> Any:
    """Return the package ``smexperiments``, quietly: it imports ``pkg_resources``, which warns.

    Raises
    ------
    MissingExtra
        If it, or the ``pkg_resources`` that it needs and does not ask for, is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import smexperiments.api_types
            import smexperiments.experiment
            import smexperiments.trial
            import smexperiments.trial_component
    except ImportError as error:
        what = "setuptools below 81 (for its pkg_resources)" if error.name == "pkg_resources" else "it"
        raise MissingExtra(
            f"The SageMaker sink needs sagemaker-experiments, and {what} is not installed.", hint=_INSTALL
        ) from error
    return smexperiments


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn botocore's exceptions inside the block into :class:`SinkDown`."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        raise _from_answer(error, doing) from error
    except (BotoCoreError, HTTPClientError) as error:
        raise _from_botocore(error, doing) from error


def nothing_was_done(error: BaseException | None) -> bool:
    """Tell whether the call that failed so certainly changed nothing."""
    response = getattr(error, "response", None)
    if response is None:
        return type(error).__name__ in _UNSENT
    return 400 <= int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) < 500


def _from_answer(error: Any, doing: str) -> SinkDown:
    code, said = code_of(error), str(error.response.get("Error", {}).get("Message") or "")
    operation = error.operation_name
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    what = f"SageMaker refused {doing}: {operation} answered {code}{': ' + said if said else ''}"
    if _THROTTLED.search(code) and code != "ResourceLimitExceeded":
        return SinkDown(f"SageMaker is throttling ({doing}: {code}).", wait=_seconds(error))
    if _CREDENTIALS.search(code):
        return SinkDown(
            what, reopen=True, hint="Renew the credentials (aws sso login); then: jsk trials sync"
        )
    if _ONLY_INSIDE.search(said):
        return SinkDown(
            f"This AWS account lets nobody make trial components outside SageMaker ({operation}: {said})",
            hint="jsk trials sync    # in a notebook or job of SageMaker, or once AWS has opened the account",
        )
    if "AccessDenied" in code or "NotAuthorized" in code or status == 403:
        return SinkDown(what, hint=f"Ask for the right sagemaker:{operation}; then: jsk trials sync")
    if status >= 500:
        return SinkDown(f"SageMaker is in trouble ({doing}: {operation} answered {status} {code}).")
    if code == "ResourceLimitExceeded":
        return SinkDown(what, hint="Ask AWS for a higher quota; then: jsk trials sync")
    return SinkDown(what, only_this=True)


def _from_botocore(error: Any, doing: str) -> SinkDown:
    name = type(error).__name__
    what = f"SageMaker could not be asked ({doing}): {error}"
    if name == "NoRegionError":
        return SinkDown(what, hint="export JSK_REGION=eu-central-1    # or yours; then: jsk trials sync")
    if name == "ParamValidationError":
        return SinkDown(what, only_this=True)
    if _ABSENT.search(name):
        return SinkDown(what, reopen=True, hint="aws configure sso, or JSK_PROFILE=…; then: jsk trials sync")
    return SinkDown(what)


def _seconds(error: Any) -> float | None:
    try:
        return float(headers_of(error).get("retry-after", ""))
    except ValueError:
        return None
