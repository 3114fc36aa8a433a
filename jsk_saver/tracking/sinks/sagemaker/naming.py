"""What a trial and its components are called in SageMaker."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.sinks.sagemaker import limits

#: Room for the number of a component: ``-50``.
_NUMBER = 3
_TOKEN = 8


def trial_name(experiment: str, folder: Path) -> str:
    """Return the name of a trial, the same from whichever process, and nobody else's.

    It ends in a hash of experiment, trial and first writer: two people may both have a ``baseline`` of the
    same experiment. Two hyphens come after the experiment, which on the platform has none of that kind:
    IAM knows names by their beginnings, and ``iris--*`` is no trial of ``iris-2``.
    """
    writers = layout.writers(folder)
    first = writers[0].stem if writers else ""
    token = hashlib.sha256(f"{experiment}/{folder.name}/{first}".encode()).hexdigest()[:_TOKEN]
    room = limits.NAME - _NUMBER - len(token) - 1
    readable = f"{experiment}--{folder.name}"[:room].rstrip("-")
    return f"{readable}-{token}"


def component_name(trial: str, number: int) -> str:
    """Return the name of a component: in small letters, as BatchPutMetrics asks.

    Examples
    --------
    >>> component_name("Iris--A-0a1b2c3d", 0), component_name("Iris--A-0a1b2c3d", 1)
    ('iris--a-0a1b2c3d', 'iris--a-0a1b2c3d-2')
    """
    return trial.lower() + _suffix(number)


def display_name(trial: str, number: int) -> str:
    """Return what Studio shows for a component: the trial's own name."""
    suffix = _suffix(number)
    return trial[: limits.NAME - len(suffix)].rstrip("-") + suffix


def _suffix(number: int) -> str:
    return f"-{number + 1}" if number else ""
