"""The MLflow sink: a SQLite file, a tracking server, or a server that SageMaker manages (by its ARN).

What a trial becomes there: a run of the experiment of the same name. It is found again by its tag
``jsk.trial``, which no other trial has, so that sending twice makes no second run; points that are there
already MLflow leaves out itself.

======================  ===========================================================================
of the trial            in MLflow
======================  ===========================================================================
parameters, metrics     the same; times in milliseconds, infinity as the largest float
status                  ``FINISHED``; ``FAILED`` (failed, lost); ``KILLED`` (stopped); ``jsk.status``
the trial it is in      ``mlflow.parentRunId``
tags, notes             tags, ``mlflow.note.content``
environment             tags (``mlflow.source.git.commit``, ``environment.…``), ``environment.json``
inputs                  dataset inputs, and tags ``input.…``: version and address
outputs                 tags ``output.…``: version and address
figures, tables, texts  artifacts in ``figures/``, ``tables/``, ``texts/``
======================  ===========================================================================

Names and values that MLflow does not take are sent as near as it takes them, and told as refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsk_saver.tracking.sinks.mlflow.sink import MLflowSink

__all__ = ["MLflowSink", "open_sink"]


def open_sink(address: str, rest: str, settings: Mapping[str, Any]) -> MLflowSink:
    """Return the sink; ``rest`` is the tracking URI."""
    from jsk_saver.tracking.sinks.mlflow.address import tracking_uri
    from jsk_saver.tracking.sinks.mlflow.client import Client

    return MLflowSink(address, Client(tracking_uri(rest), profile=str(settings.get("profile") or "")))
