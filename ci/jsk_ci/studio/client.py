"""Asking SageMaker: retried while that helps, and with errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jsk_ci.errors import Denied, InUse, NotPublished, StudioBusy, StudioError
from jsk_ci.studio.patience import Patience
from jsk_saver.errors import MissingExtra

#: Seconds for one call; a lease lasts longer (:data:`jsk_ci.studio.leases.SECONDS`).
_CONNECT, _READ = 10, 30
_THROTTLED = re.compile("throttl|toomanyrequests|requestlimitexceeded|slowdown", re.IGNORECASE)
_CREDENTIALS = re.compile(
    "expiredtoken|requestexpired|invalidclienttokenid|unrecognizedclient|signature|missingauthentication",
    re.IGNORECASE,
)
_DENIED = re.compile("accessdenied|notauthorized|unauthorized", re.IGNORECASE)
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
#: botocore's exceptions for a network that does not answer.
_NETWORK = {
    "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "EndpointConnectionError",
    "HTTPClientError", "IncompleteReadError", "ProxyConnectionError", "ReadTimeoutError", "SSLError",
}  # fmt: skip
_KEPT = "What was done before stays as it is; the same command goes on from there."


def connect(region: str | None = None, profile: str | None = None) -> Any:
    """Return boto3's client of SageMaker; region, profile and address are found as boto3 does.

    It retries nothing by itself: :class:`Studio` knows what may be asked twice.

    Raises
    ------
    MissingExtra
        If boto3 is not installed.
    StudioError
        If no region is set, or there is no such profile.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingExtra(
            "SageMaker is asked through boto3, which is not installed.", hint='pip install "jsk-saver[ci]"'
        ) from error
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        user_agent_extra="jsk-ci",
    )
    try:
        return boto3.session.Session(region_name=region, profile_name=profile).client(
            "sagemaker", config=config
        )
    except BotoCoreError as error:
        raise StudioError(
            f"SageMaker cannot be asked: {error}", hint="AWS_DEFAULT_REGION=eu-central-1 (or yours)"
        ) from error


class Studio:
    """SageMaker, as one step sees it.

    Parameters
    ----------
    client
        boto3's.
    patience
        Bound of the step: of all retries and all waiting.
    """

    def __init__(self, client: Any, patience: Patience) -> None:
        self.client, self.patience = client, patience
        #: Done before each call: keeps a lease alive while there is waiting.
        self.meanwhile: Callable[[], None] = lambda: None

    def ask(self, operation: str, **said: Any) -> dict[str, Any]:
        """Return the answer to a call that may be made twice, such as ``describe_image``.

        Throttling, trouble of the service and a broken network are tried again until the patience ends.

        Raises
        ------
        NotPublished
            If what is asked about is not there.
        InUse
            If it is being changed or referred to, or is there already.
        StudioError
            If SageMaker refuses; for a missing right with the name of the IAM action.
        """
        self.patience.fresh()
        while True:
            try:
                return self.ask_once(operation, **said)
            except StudioBusy as busy:
                if self.patience.over:
                    raise StudioError(
                        f"{busy.what} That went on for {self.patience.seconds:.0f} seconds.",
                        kept=_KEPT,
                        hint=f"Wait a little and try again, or allow more time: --wait "
                        f"{2 * self.patience.seconds:.0f}",
                    ) from busy
            self.patience.pause()

    def ask_once(self, operation: str, **said: Any) -> dict[str, Any]:
        """Return the answer to a call that is made once, as :meth:`ask`.

        Raises
        ------
        StudioBusy
            For what may pass by itself.
        """
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        self.meanwhile()
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**said)
        except ClientError as error:
            raise _from_answer(error) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise _from_botocore(error, operation) from error
        return answer

    def find(self, operation: str, **said: Any) -> dict[str, Any] | None:
        """Return the answer to a call; None if what is asked about is not there."""
        try:
            return self.ask(operation, **said)
        except NotPublished:
            return None

    def every(self, operation: str, key: str, **said: Any) -> Iterator[dict[str, Any]]:
        """Return all that a call lists under ``key``, over all its pages."""
        more: dict[str, str] = {}
        while True:
            answer = self.ask(operation, MaxResults=100, **said, **more)
            yield from answer.get(key, ())
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}


def _from_answer(error: Any) -> StudioError:
    operation = error.operation_name
    code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    what = f"SageMaker refused {operation}: {code}: {said}".rstrip(": ")
    if _THROTTLED.search(code):
        return StudioBusy(f"SageMaker is throttling {operation} ({code}).")
    if status >= 500:
        return StudioBusy(f"SageMaker is in trouble: {operation} answered {status} {code}: {said}")
    if _CREDENTIALS.search(code):
        return StudioError(what, kept=_KEPT, hint="Renew the credentials: aws sso login")
    if _DENIED.search(code) or status == 403:
        action = _ACTION.search(said)
        missing = action[1] if action else f"sagemaker:{operation}"
        return Denied(what, kept=_KEPT, hint=f"Ask for the IAM action {missing} for this role.")
    if code == "ResourceNotFound" or (code == "ValidationException" and "does not exist" in said):
        return NotPublished(what, kept=_KEPT)
    if code in ("ResourceInUse", "ConflictException"):
        return InUse(what, kept=_KEPT)
    if code == "ResourceLimitExceeded":
        return StudioError(what, kept=_KEPT, hint="Make room (jsk-ci gc), or ask AWS for a higher quota.")
    return StudioError(what, kept=_KEPT)


def _from_botocore(error: Any, operation: str) -> StudioError:
    names = {kind.__name__ for kind in type(error).__mro__}
    what = f"SageMaker could not be asked ({operation}): {error}"
    if names & _NETWORK:
        return StudioBusy(what)
    if re.search("Credential|Profile|Token|SSO", type(error).__name__):
        return StudioError(what, kept=_KEPT, hint="aws configure sso, aws sso login, or AWS_PROFILE=…")
    return StudioError(what, kept=_KEPT)
