"""Where trials are copied to: SageMaker, MLflow, and the store that objects are in.

An address says which: ``sagemaker``; ``mlflow`` (where ``MLFLOW_TRACKING_URI`` says),
``mlflow:sqlite:///…``, ``mlflow:http://…`` or ``mlflow:arn:aws:sagemaker:…``; ``store``.
"""

from __future__ import annotations

from typing import Any

from jsk_saver.errors import SettingsError
from jsk_saver.settings import Settings
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks.base import Batch, Logged, Refusals, Sink, SinkDown

__all__ = ["Batch", "Logged", "Refusals", "Sink", "SinkDown", "check_address", "default_sinks", "open_sink"]

_KINDS = ("sagemaker", "mlflow", "store")
#: What the setting ``sinks`` says to send trials nowhere, where an empty variable would say nothing.
NOWHERE = "none"


def check_address(address: str) -> str:
    """Return the address of a sink, if it is one, so that it means the same to every process.

    Raises
    ------
    SettingsError
        If nothing is known by it.
    """
    kind, _, rest = address.strip().partition(":")
    if kind not in _KINDS or (rest and kind != "mlflow"):
        raise SettingsError(
            f"There is no sink {without_login(address)!r}.",
            hint='JSK_SINKS="sagemaker,mlflow:http://127.0.0.1:5000,store"',
        )
    if kind == "mlflow":
        from jsk_saver.tracking.sinks.mlflow.address import tracking_uri

        return f"mlflow:{tracking_uri(rest)}"
    return address.strip()


def default_sinks(settings: Settings) -> list[str]:
    """Return the addresses that the setting ``sinks`` says.

    Where it says nothing: the store, if that is on S3, so that whoever shares it can pull the trials. A local
    folder is shared with nobody.
    """
    if settings.sinks or settings.origin("sinks") != "default":
        return [address for address in settings.sinks.split(",") if address.strip().lower() != NOWHERE]
    return ["store"] if settings.store_uri.startswith("s3://") else []


def open_sink(address: str, settings: dict[str, Any]) -> Sink:
    """Return the sink at an address; ``settings`` are arguments as for :class:`jsk_saver.Saver`."""
    from importlib import import_module

    kind, _, rest = check_address(address).partition(":")
    module = import_module(f"jsk_saver.tracking.sinks.{kind}")
    sink: Sink = module.open_sink(address, rest, settings)
    return sink
