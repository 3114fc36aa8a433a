"""What becomes of a lineage when its version is copied: it must mean the same in another store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsk_saver.lineage.reads import Read
from jsk_saver.record import JSON


def carried(lineage: JSON, source: Read, store_uri: str) -> JSON:
    """Return the lineage of a copy, made in the store at ``store_uri``, of the version ``source``.

    A version without ``store`` is one of the store that its record lies in; so those of the source's
    store get it, and those of the copy's store lose it. ``copied`` names the source itself.

    Examples
    --------
    >>> source = Read("s3://here", "model.skops", "7")
    >>> carried({"user": "ana", "parents": [{"name": "raw.csv", "version": "1"}]}, source, "s3://there")
    ... # doctest: +NORMALIZE_WHITESPACE
    {'user': 'ana', 'parents': [{'name': 'raw.csv', 'version': '1', 'store': 's3://here'}],
     'copied': {'name': 'model.skops', 'version': '7', 'store': 's3://here'}}
    """
    found = dict(lineage)
    if "parents" in lineage:
        found["parents"] = [_moved(parent, source, store_uri) for parent in lineage["parents"]]
    if "restored" in lineage:
        found["restored"] = _moved(lineage["restored"], source, store_uri)
    return {**found, "copied": placed(source, store_uri)}


def reference(value: Any, of: Read) -> Read | None:
    """Return the version that a part of the lineage of ``of`` names; None if it names none.

    Examples
    --------
    >>> reference("3", of=Read("s3://here", "raw.csv", "7"))
    Read(store='s3://here', name='raw.csv', version='3')
    """
    if isinstance(value, str):
        return Read(of.store, of.name, value)
    if not isinstance(value, Mapping):
        return None
    found = Read(value.get("store", of.store), value.get("name", of.name), value.get("version", ""))
    return found if all(isinstance(part, str) and part for part in found) else None


def _moved(value: Any, source: Read, store_uri: str) -> Any:
    read = reference(value, source)
    if read is None:
        return value
    others = (
        {key: item for key, item in value.items() if key != "store"} if isinstance(value, Mapping) else {}
    )
    return {**others, **placed(read, store_uri)}


def placed(read: Read, store_uri: str) -> JSON:
    """Return a version as a record in the store at ``store_uri`` names it."""
    place = {"name": read.name, "version": read.version}
    return place if read.store == store_uri else {**place, "store": read.store}
