"""Which trials still have something to be sent, and where: one small file each, gone when all is sent.

The only place where an address is kept as it was said: whoever sends later has to log in. Nobody but the user
may read these files.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.masking import without_login

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
        Addresses of where to, with the logins they were said with.
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
    part = path.with_name(f".{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(pending), file)
    part.replace(path)


def done(journal: Path, pending: Pending) -> None:
    """Note that all of a trial has been sent."""
    _path(journal, pending.experiment, pending.trial).unlink(missing_ok=True)


def forget(journal: Path, pending: Pending, sink: str) -> None:
    """Note that a trial is not to be sent to a sink any more: an address without a login."""
    left = [address for address in pending.sinks if without_login(address) != sink]
    if left:
        add(journal, replace(pending, sinks=left))
    else:
        done(journal, pending)


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
