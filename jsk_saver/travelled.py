"""What a record that comes from a store must be like: others may have written it, or changed it.

A :class:`ValueError` here says what is wrong; :meth:`jsk_saver.record.Record.from_json` turns it into an
error that names the version.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

#: Deeper metadata, lineage or facts are refused; ``put`` takes less, and Python's own limit is near 1,000.
MAX_DEPTH = 100
#: Times outside of these years cannot be shown in every time zone, or not written as ISO text.
YEARS = range(1000, 9999)
#: What of the lineage is text.
LINEAGE_TEXTS = (
    "user", "host", "remote", "commit", "branch", "dirty", "notebook", "cell", "image", "fingerprint",
    "python", "packages", "experiment", "trial",
)  # fmt: skip
#: What names another version: its text, or in a copy its name, version and store.
LINEAGE_VERSIONS = ("restored", "copied")


def text(data: Mapping[str, Any], key: str) -> str:
    """Return the text at ``key``, which must be there."""
    if not isinstance(data[key], str):
        raise ValueError(f"{key} is {_shown(data[key])}, not text")
    return str(data[key])


def size(data: Mapping[str, Any]) -> int:
    """Return the size, a count of bytes."""
    found = data["size"]
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 1 << 63:
        raise ValueError(f"size is {_shown(found)}, not a number of bytes")
    return found


def time(data: Mapping[str, Any]) -> dt.datetime:
    """Return the time of saving, in UTC."""
    when = dt.datetime.fromisoformat(text(data, "created"))
    when = when.astimezone(dt.UTC) if when.tzinfo else when.replace(tzinfo=dt.UTC)
    if when.year not in YEARS:
        raise ValueError(f"created is {when.isoformat()}, which no clock says")
    return when


def tree(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the dictionary at ``key``, empty where there is none."""
    found = data.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{key} is {_shown(found)}, not a dictionary")
    return found


def shallow(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the dictionary at ``key``, which must not be nested too deep to be searched."""
    found = tree(data, key)
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return found
    raise ValueError(f"{key} is nested deeper than {MAX_DEPTH} levels")


def lineage(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lineage, in which everything that the kit reads is of the kind it expects."""
    found = shallow(data, "lineage")
    for key in LINEAGE_TEXTS:
        if not isinstance(found.get(key, ""), str):
            raise ValueError(f"{key} in its lineage is {_shown(found[key])}, not text")
    for key in LINEAGE_VERSIONS:
        if not isinstance(found.get(key, ""), str) and not _is_parent(found[key]):
            raise ValueError(f"{key} in its lineage is {_shown(found[key])}, not a version")
    if not isinstance(found.get("reads", 0), int):
        raise ValueError(f"reads in its lineage is {_shown(found['reads'])}, not a number")
    parents = found.get("parents", [])
    if not isinstance(parents, list) or not all(map(_is_parent, parents)):
        raise ValueError(f"parents in its lineage are {_shown(parents)}, not a list of versions")
    return found


def copied(node: Any) -> Any:
    """Return a deep copy of plain JSON (five times as fast as ``copy.deepcopy``)."""
    if isinstance(node, dict):
        return {key: copied(value) for key, value in node.items()}
    return [copied(item) for item in node] if isinstance(node, list) else node


def _is_parent(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("version"), str)
        and isinstance(value.get("store", ""), str)
    )


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
