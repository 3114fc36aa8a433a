"""Which trials still have something to be sent, and where: one small file each, gone when all is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout

_FOLDER = ".unsent"
#: Neither experiments nor trials have this in their names.
_BETWEEN = "+"


@dataclass(frozen=True, slots=True)
class Pending:
    """A trial that is to be sent.

    Parameters
    ----------
    experiment, trial
        Their names.
    sinks
        Addresses of where to.
    settings
        What the process that ran the trial had been told as arguments (region, profile, endpoint, store).
    """

    experiment: str
    trial: str
    sinks: list[str]
    settings: dict[str, Any] = field(default_factory=dict)

    def folder(self, journal: Path) -> Path:
        """Return where the trial is."""
        return journal / self.experiment / self.trial


def add(journal: Path, pending: Pending) -> None:
    """Note that a trial is to be sent."""
    path = _path(journal, pending.experiment, pending.trial)
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(pending)), encoding="utf-8")
    part.replace(path)


def done(journal: Path, pending: Pending) -> None:
    """Note that all of a trial has been sent."""
    _path(journal, pending.experiment, pending.trial).unlink(missing_ok=True)


def every(journal: Path) -> Iterator[Pending]:
    """Yield the trials that are to be sent, by name; those whose journal is gone are dropped."""
    try:
        paths = sorted((journal / _FOLDER).iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            pending = Pending(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            continue
        if pending.folder(journal).is_dir():
            yield pending
        else:
            path.unlink(missing_ok=True)


def _path(journal: Path, experiment: str, trial: str) -> Path:
    layout.check_name(experiment, "experiment")
    return journal / _FOLDER / f"{experiment}{_BETWEEN}{layout.check_name(trial, 'trial')}"
