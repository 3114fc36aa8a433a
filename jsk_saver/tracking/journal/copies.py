"""Trials that were brought here from elsewhere: read-only copies, each with a small file that says so."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from jsk_saver.errors import TrialExists

_MARK = ".pulled"


@dataclass(frozen=True, slots=True)
class Copy:
    """Where a trial was brought from.

    Parameters
    ----------
    source
        A store's address, ``sagemaker`` or ``mlflow:…``.
    identity
        What tells it from others of its name: its first writer, or its identifier at the source.
    lost
        Last sign of life of its process, in seconds since 1970, where that died; 0 where it did not.
    seen
        What the source said of its last change, where it says that.
    """

    source: str
    identity: str
    lost: float = 0.0
    seen: str = ""


def read(trial: Path) -> Copy | None:
    """Return where the trial in a folder was brought from; None for one that was tracked here."""
    try:
        return Copy(**json.loads((trial / _MARK).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):  # damaged: still no trial of this machine
        return Copy("?", "")


def refuse(trial: Path) -> None:
    """Let nobody go on with a copy.

    Raises
    ------
    TrialExists
        If the trial in a folder is one.
    """
    known = read(trial)
    if known is not None:
        raise TrialExists(
            f"The trial {trial.name!r} was pulled from {known.source}: it goes on where it was started.",
            kept="The copy, as it is.",
            hint="experiment.trial()    # a trial of this machine",
        )


def write(trial: Path, copy: Copy) -> None:
    """Say where a trial came from, in one step."""
    part = trial / f"{_MARK}.{os.getpid()}"
    part.write_text(json.dumps(asdict(copy)), encoding="utf-8")
    part.replace(trial / _MARK)
