"""What is said of an experiment itself: the file beside its trials, and which experiments there are."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsk_saver.errors import InvalidMetadata, SettingsError
from jsk_saver.settings import Settings
from jsk_saver.tracking import values
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.sinks import NOWHERE, check_address, default_sinks
from jsk_saver.wording import count


@dataclass(frozen=True, slots=True)
class Known:
    """An experiment that there is, as :meth:`Experiment.list <jsk_saver.Experiment.list>` tells of it.

    Parameters
    ----------
    name, description
        Its own.
    trials
        How many it has.
    latest
        When the newest of them was begun, or came; None without any.
    tags
        Its own.
    """

    name: str
    description: str = ""
    trials: int = 0
    latest: dt.datetime | None = None
    tags: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        latest = f", the latest {self.latest:%Y-%m-%d %H:%M} UTC" if self.latest else ""
        asked = f"  {self.description}" if self.description else ""
        return f"{self.name}: {count(self.trials, 'trial')}{latest}{asked}"


def every(journal: Path) -> list[Known]:
    """Return the experiments of a journal, by name."""
    try:
        folders = sorted(
            path for path in journal.iterdir() if not path.name.startswith(".") and path.is_dir()
        )
    except FileNotFoundError:
        return []
    return [_known(folder) for folder in folders]


def _known(folder: Path) -> Known:
    said = load(folder)
    with os.scandir(folder) as entries:
        trials = [_begun(entry) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    latest = dt.datetime.fromtimestamp(max(trials), dt.UTC) if trials else None
    return Known(folder.name, str(said.get("description", "")), len(trials), latest, said.get("tags", {}))


def _begun(trial: os.DirEntry[str]) -> float:
    """Return when a trial was begun: its first writer's name says it."""
    names = [name for name in os.listdir(trial) if name.endswith(layout.EVENTS)]
    first = min(names, default="").partition("-")[0]
    return int(first) / 1e9 if first.isdigit() else trial.stat().st_mtime


def load(folder: Path) -> dict[str, Any]:
    """Return what is said of the experiment in a folder."""
    try:
        said = json.loads((folder / layout.EXPERIMENT).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def replace(folder: Path, said: dict[str, Any]) -> None:
    """Write it in one step: readers see the old one or the new one."""
    path = folder / layout.EXPERIMENT
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    part.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)


def checked(description: Any, tags: Any, goals: Any) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return what is to be said of an experiment, as it is kept.

    Raises
    ------
    InvalidMetadata
        If one is not what it should be.
    """
    if not isinstance(description, str):
        raise InvalidMetadata(
            f"The description of an experiment is a text, not {values.short(description)}.",
            hint='Experiment("name", "What is asked?", tags={"squad": "red"})',
        )
    for what, given, example in (("tags", tags, '{"squad": "red"}'), ("goals", goals, '{"loss": "min"}')):
        if given is not None and not isinstance(given, Mapping):
            raise InvalidMetadata(
                f"The {what} of an experiment are a dictionary, not {values.short(given)}.",
                hint=f'Experiment("name", {what}={example})',
            )
    return description, values.plain(tags or {}), dict(goals or {})


def sinks(asked: str | Sequence[str] | None, settings: Settings) -> list[str]:
    """Return the addresses that trials are copied to.

    Parameters
    ----------
    asked
        Several, or a text as in the setting; None for what that says.
    settings
        Those of the saver.

    Raises
    ------
    SettingsError
        If there is no such sink.
    """
    if asked is None:
        asked = default_sinks(settings)
    if isinstance(asked, str):
        asked = [one for one in asked.split(",") if one.strip().lower() != NOWHERE]
    if not isinstance(asked, Sequence) or not all(isinstance(one, str) for one in asked):
        raise SettingsError(
            f"sinks= are addresses, not {values.short(asked)}.", hint='sinks=["mlflow:http://127.0.0.1:5000"]'
        )
    return [check_address(address) for address in asked if address.strip()]
