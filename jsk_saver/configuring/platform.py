"""What the platform is, as ``jsk configure`` wrote it: squad, experiment, domain and more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsk_saver import project_file

#: Environment variables are the name in capitals behind this.
PREFIX = "JSK_PLATFORM_"
#: Its table in the project's file.
TABLE = "platform"


def load(start: Path | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return what is known of the platform: ``squad``, ``experiment``, ``domain_id`` and more; or nothing.

    Parameters
    ----------
    start
        Folder from which it is looked for, upwards; the working folder by default.
    environment
        Wins over files, name by name.

    Examples
    --------
    >>> load(Path("/"), {"JSK_PLATFORM_SQUAD": "vision"})
    {'squad': 'vision'}
    """
    found: dict[str, Any] = {}
    for project in project_file.nearest(start or _here()):
        if isinstance(project.table.get(TABLE), dict):
            found = dict(project.table[TABLE])
            break
    told = {name: text for name, text in environment.items() if name.startswith(PREFIX) and text}
    return found | {name.removeprefix(PREFIX).lower(): text for name, text in told.items()}


def _here() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed meanwhile
        return None
