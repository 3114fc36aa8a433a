"""What S3 and botocore say when something is wrong, as errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jsk_saver.errors import (
    AccessDenied,
    BadCredentials,
    BucketMissing,
    ClockSkew,
    JskError,
    MissingExtra,
    StoreError,
    StoreFull,
    StoreUnreachable,
    WrongRegion,
)

# Codes of the Amazon S3 API reference, "List of error codes", and of what HEAD answers without a body.
_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken",
    "SignatureDoesNotMatch", "TokenRefreshRequired", "UnrecognizedClientException",
}  # fmt: skip
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_BUSY = {
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestLimitExceeded",
    "Throttling", "ThrottlingException", "500", "502", "503", "504",
}  # fmt: skip
_FULL = {"QuotaExceeded", "InsufficientStorage", "507"}
#: botocore's own exceptions for a network that does not answer.
_NETWORK = {
    "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "ProxyConnectionError", "SSLError", "HTTPClientError", "ResponseStreamingError", "IncompleteReadError",
    "ConnectionError",
}  # fmt: skip
_NO_CREDENTIALS = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
    "SSOTokenLoadError", "UnauthorizedSSOTokenError", "SSOError", "ProfileNotFound", "InvalidConfigError",
    "NoAuthTokenError", "RefreshWithMFAUnsupportedError",
}  # fmt: skip

#: User and password in an address.
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def code_of(error: Any) -> str:
    """Return the error code of a ``ClientError``, or its HTTP status where there is none."""
    response = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    code = str(response.get("Error", {}).get("Code") or status)
    return code if code not in ("400", "403", "Unknown") else str(status or code)


def headers_of(error: Any) -> dict[str, str]:
    """Return the headers of the answer that a ``ClientError`` was made from."""
    response = getattr(error, "response", None) or {}
    return dict(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}))


@contextmanager
def explained(uri: str, doing: str) -> Iterator[None]:
    """Turn botocore's exceptions inside the block into the kit's.

    Parameters
    ----------
    uri
        The store.
    doing
        What was being done, as in "saving 'a.csv'".
    """
    try:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    except ImportError as error:
        raise MissingExtra(
            "An s3:// store needs boto3, which is not installed.", hint="pip install 'jsk-saver[s3]'"
        ) from error

    try:
        yield
    except ClientError as error:
        raise _from_answer(error, uri, doing) from error
    except (BotoCoreError, HTTPClientError) as error:
        if isinstance(said := error.kwargs.get("error"), JskError):
            raise said from None  # what a payload raised while it was being sent
        # Tracebacks show what an error was raised from; this one may show a password.
        raise _from_botocore(error, uri, doing) from (None if _LOGIN.search(repr(error.kwargs)) else error)


def _from_answer(error: Any, uri: str, doing: str) -> StoreError:
    code, bucket = code_of(error), uri.removeprefix("s3://").partition("/")[0]
    said = error.response.get("Error", {}).get("Message") or ""
    what = f"{uri} refused {doing}: {code}{': ' + said if said else ''}."
    if code == "NoSuchBucket":
        return BucketMissing(
            f"The bucket {bucket!r} does not exist ({doing}).",
            hint=f"aws s3 mb s3://{bucket} && aws s3api put-bucket-versioning --bucket {bucket} "
            "--versioning-configuration Status=Enabled",
        )
    if code in _CREDENTIALS:
        return BadCredentials(what, hint="Renew them (aws sso login), or name another profile: JSK_PROFILE=…")
    if code in _CLOCK:
        return ClockSkew(
            what, hint="Set this machine's clock (timedatectl set-ntp true): S3 allows 15 minutes."
        )
    if code in _REGION:
        region = headers_of(error).get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
        return WrongRegion(what, hint=f"export JSK_REGION={region or '<the region of the bucket>'}")
    if code in _BUSY:
        return StoreUnreachable(
            what, hint="Wait a little and try again; jsk doctor shows whether it answers."
        )
    if code in _FULL:
        return StoreFull(what, hint="Free some space in the store, or ask for a larger quota.")
    if code in ("AccessDenied", "403", "AllAccessDisabled", "AccessDeniedException") or code.startswith(
        "KMS."
    ):
        return AccessDenied(
            what, hint=f"Ask for the right on s3://{bucket} (jsk doctor lists what is needed and what works)."
        )
    return StoreError(what, hint="jsk doctor")


def _from_botocore(error: Any, uri: str, doing: str) -> StoreError:
    names = {kind.__name__ for kind in type(error).__mro__}
    said = _LOGIN.sub("…", str(error))
    what = f"{uri} could not be asked ({doing}): {said}".rstrip(".") + "."
    if names & _NO_CREDENTIALS:
        return BadCredentials(what, hint="aws configure sso, aws sso login, or JSK_PROFILE=<profile>")
    if names & _NETWORK:
        return StoreUnreachable(what, hint="Check the network and JSK_ENDPOINT_URL; jsk doctor tries again.")
    return StoreError(what, hint="jsk doctor")
