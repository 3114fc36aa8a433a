"""The client of MLflow, and what its errors mean."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from jsk_saver.errors import MissingExtra
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks.base import SinkDown
from jsk_saver.tracking.sinks.mlflow import reaching

_INSTALL = "pip install 'jsk-saver[mlflow]'"
#: MLflow would try for minutes, within which other sinks wait; and it would make a run twice whose answer
#: was lost. The courier tries again itself.
_OURS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
#: Loggers that tell of every table of a new SQLite file.
_CHATTY = ("mlflow.store.db.utils", "alembic")
#: MLflow's codes for what it will never take, and for what is not there.
_REFUSED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST", "RESOURCE_ALREADY_EXISTS"}
_GONE = "RESOURCE_DOES_NOT_EXIST"
_LOGIN = {"UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"}
_TOO_LARGE = "failed with error code 413"
_LONGEST = 300


class Refused(Exception):
    """MLflow will never take this."""


class Gone(Exception):
    """MLflow does not know this run, tag or experiment."""


class Client:
    """MLflow's own client, at one place.

    Parameters
    ----------
    uri
        The tracking URI.
    profile
        AWS profile that requests to SageMaker are signed with.

    Raises
    ------
    MissingExtra
        If what it takes is not installed.
    SinkDown
        If it is a tracking server that does not answer.
    """

    def __init__(self, uri: str, profile: str = "") -> None:
        self.uri, self._profile = uri, profile
        #: For people: the URI without who logs in.
        self.place = without_login(uri)
        if uri.startswith("http") and find_spec("mlflow") and (cause := reaching.no_answer(uri)):
            raise self._down(f"does not answer: {cause}.")
        try:
            import mlflow
            from mlflow.tracking import MlflowClient

            if uri.startswith("arn:"):
                import sagemaker_mlflow  # noqa: F401 - MLflow finds it by itself
            elif not uri.startswith("http"):
                import sqlalchemy  # noqa: F401 - MLflow would only say that it does not know the URI
        except ImportError as error:
            raise MissingExtra(f"The sink mlflow:{self.place} needs {error.name}.", hint=_INSTALL) from error
        self._mlflow = mlflow
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
        if not uri.startswith("arn:"):
            # sagemaker-mlflow takes every URI for an ARN, and MLflow warns of that with each request.
            logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)
        with self._talking():
            self._client = MlflowClient(tracking_uri=uri)

    @contextmanager
    def asking(self) -> Iterator[Any]:
        """Yield the client; what it raises becomes :class:`Refused`, :class:`Gone` or :class:`SinkDown`."""
        from mlflow.exceptions import MlflowException

        with self._talking():
            try:
                yield self._client
            except MlflowException as error:
                raise self._meaning(error) from error

    @contextmanager
    def uploading(self) -> Iterator[Any]:
        """Yield the client for sending files; what the store for them refuses becomes :class:`Refused`."""
        import requests
        from mlflow.exceptions import MlflowException, RestException

        try:
            with self._talking():
                yield self._client
        except MlflowException as error:
            if isinstance(error, RestException) or "API request" in str(error.message):
                raise self._meaning(error) from error
            raise Refused(_short(error)) from error  # the client itself has no way to that store
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 500
            if status >= 500 or status in (408, 429):
                raise self._down(f"cannot take files now: {_short(error)}", only_this=True) from error
            raise Refused(_short(error)) from error
        except requests.exceptions.RequestException as error:
            raise self._down(f"does not answer: {_cause(str(error))}") from error
        except Exception as error:  # of whatever client the store of the artifacts needs
            raise Refused(f"{type(error).__name__}: {_short(error)}") from error

    @contextmanager
    def _talking(self) -> Iterator[None]:
        signed_by = {"AWS_PROFILE": self._profile} if self._profile else {}
        with ExitStack() as stack:
            stack.enter_context(_environment({**_OURS, **signed_by}))
            if self._mlflow.get_tracking_uri() != self.uri:
                # Signatures are made for the global URI, whatever the client's own is.
                self._mlflow.set_tracking_uri(self.uri)
            if self._profile and self.uri.startswith("arn:"):
                import boto3
                from sagemaker_mlflow import use_session

                stack.enter_context(use_session(boto3.Session(profile_name=self._profile)))
            yield

    def _meaning(self, error: Any) -> Exception:
        message, code = str(error.message), str(error.error_code)
        if code in _REFUSED or _TOO_LARGE in message:
            return Refused(_short(message))
        if code == _GONE:
            return Gone(_short(message))
        if code in _LOGIN:
            return self._down(
                f"does not let us in: {_short(message)}",
                hint="export MLFLOW_TRACKING_TOKEN=…    # or MLFLOW_TRACKING_USERNAME and _PASSWORD",
            )
        if "failed with exception" in message or "timeout exception" in message:
            return self._down(f"does not answer: {_cause(message)}")
        return self._down(f"fails: {_short(message)}")

    def _down(self, what: str, *, only_this: bool = False, hint: str = "") -> SinkDown:
        return SinkDown(without_login(f"MLflow at {self.place} {what}"), only_this=only_this, hint=hint)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _short(error: object) -> str:
    said = without_login(" ".join(str(error).split()))
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _cause(message: str) -> str:
    """Return why there was no answer, out of what the layers below have wrapped around it."""
    found = re.search(r"\[Errno -?\d+\] ([^'\")\]]+)|too many (\d+) error responses|([Tt]imed out)", message)
    if found is None:
        return _short(message)
    return f"it answered {found[2]}." if found[2] else f"{(found[1] or found[3]).strip().lower()}."
