"""What the doctor looks at in the store itself."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.doctor.report import Finding, without_login
from jsk_saver.human import human_size
from jsk_saver.record import RESERVED
from jsk_saver.stores import open_store
from jsk_saver.stores.base import Problem
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.stores import Store

#: Attempts and seconds after which the doctor takes a store for unreachable: people wait for the answer.
_ATTEMPTS, _TIMEOUT = 2, 10
_DAY = 24 * 3600


def impatient(connection: Connection) -> Store:
    """Return the store with fewer attempts and shorter waits than saving has."""
    settings = connection.settings
    if not settings.store_uri.startswith("s3://"):
        return connection.store
    quick = replace(
        settings, retries=min(settings.retries, _ATTEMPTS), timeout=min(settings.timeout, _TIMEOUT)
    )
    return open_store(settings.store_uri, quick)


def store(connection: Connection) -> Finding:
    """Return what the store is, and what is wrong with it."""
    looked_at = impatient(connection)
    looked_at.doubt()
    left = unfinished(Path(looked_at.uri)) if not looked_at.uri.startswith("s3://") else None
    problems = _check(looked_at)
    data = {key: _plain(value) for key, value in looked_at.describe().items()}
    told = [(key, value) for key, value in data.items() if value not in ("", None) and key != "free_bytes"]
    if "free_bytes" in data:
        told.append(("free", human_size(data["free_bytes"])))
    if left is not None:
        data["unfinished"] = left
        if left["puts"]:
            told.append(("unfinished", _left_text(left)))
    return Finding("Store", told, data=data, problems=problems)


def _check(looked_at: Store) -> list[Problem]:
    try:
        return looked_at.check()
    except ImportError as error:
        hint = getattr(error, "hint", "") or "pip install 'jsk-saver[s3]'"
        what = getattr(error, "what", "") or f"{looked_at.uri} needs a package that is missing: {error}."
        return [Problem(what, hint)]


def _plain(value: Any) -> Any:
    return without_login(value) if isinstance(value, str) else value


def unfinished(root: Path) -> dict[str, int]:
    """Return how many puts into a folder were cut off (or run just now), and their bytes."""
    puts = old = size = 0
    with suppress(OSError):
        for item in os.scandir(root / RESERVED / "unfinished"):
            with suppress(OSError):
                puts, old = puts + 1, old + (item.stat().st_mtime < time.time() - _DAY)
                size += sum(file.stat().st_size for file in Path(item.path).rglob("*") if file.is_file())
    return {"puts": puts, "older_than_a_day": old, "bytes": size}


def _left_text(left: dict[str, int]) -> str:
    what = f"{count(left['puts'], 'put')}, {human_size(left['bytes'])}"
    return f"{what}: running now, or cut off; the next put removes those older than a day"
