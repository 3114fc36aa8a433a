"""The SageMaker sink: experiments, trials and trial components of an AWS account.

What a trial becomes there:

- the experiment, with its description and tags, under its own name;
- a trial ``<experiment>-<trial>-<8 characters>``: names of trials are unique in a whole account, whoever
  runs them, and do not tell capitals from small letters;
- a trial component of that name in small letters, shown under the trial's own name, which carries
  parameters, artifacts, status and metrics. What goes over a limit of SageMaker is on further components of
  the same trial, ``…-2``, ``…-3``; what no splitting helps is told as refused, naming the limit.

Structure goes through ``sagemaker-experiments``. boto3's clients are asked directly where that package has
no call: ``BatchPutMetrics`` (its own ``log_metric`` writes a file that only training hosts collect),
``AddTags`` and ``DeleteTags``.
"""

from __future__ import annotations

from typing import Any

from jsk_saver.tracking.sinks.sagemaker.sink import SageMakerSink

__all__ = ["SageMakerSink", "open_sink"]


def open_sink(address: str, rest: str, settings: dict[str, Any]) -> SageMakerSink:
    """Return the sink; ``rest``, what follows the colon of its address, is empty."""
    assert not rest, address
    return SageMakerSink(settings)
