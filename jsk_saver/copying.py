"""Copying versions from one store into another, with metadata and lineage; a copy can be taken up again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from jsk_saver import package_lists
from jsk_saver.delivery import verified
from jsk_saver.lineage import Read, carried
from jsk_saver.lineage.carry import reference

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.record import Record


class Copying:
    """Copies versions of one name.

    Parameters
    ----------
    source, name
        What.
    target, new_name
        Where to.
    """

    def __init__(self, source: Connection, name: str, target: Connection, new_name: str) -> None:
        self._source, self._name = source, name
        self._target, self._new_name = target, new_name
        self._notes: dict[str, bytes] = {}

    def one(self, version: str) -> Record:
        """Copy one version, and return the new one's record."""
        record, payload = self._source.read(self._name, version)
        with verified(record, payload, wait=True):
            read = Read(self._source.store.uri, self._name, version)
            origin = carried(record.lineage, read, self._target.store.uri)
            copy = replace(record, name=self._new_name, version="", lineage=origin, digest=payload.digest)
            needed = package_lists.take_along(self._source.store, record, self._notes)
            return self._target.send(copy, payload, needed)

    def missing(self, versions: Iterable[str]) -> Iterator[tuple[Record, bool]]:
        """Copy those versions that were not copied before; yield each one's record, and if it was there."""
        there = self._there()
        for version in versions:
            if version in there and version != "null":  # others may replace what is under that one
                yield there[version], True
            else:
                yield self.one(version), False

    def _there(self) -> dict[str, Record]:
        """Return the copies that were made before, by the versions that they are copies of."""
        from jsk_saver.index import Query

        with self._target.catch_up() as catch_up:
            catch_up.with_name(self._new_name)
        found: dict[str, Record] = {}
        for record in self._target.index.find(Query(name=self._new_name, hidden=True, limit=None)):
            own = Read(self._target.store.uri, self._new_name, record.version)
            source = reference(record.lineage.get("copied"), own)
            if source is not None and (source.store, source.name) == (self._source.store.uri, self._name):
                found[source.version] = record
        return found
