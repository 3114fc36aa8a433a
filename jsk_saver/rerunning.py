"""What the verbs of a saver do in a run that reproduces another (:mod:`jsk_saver.lineage.rerun`)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from jsk_saver.errors import CannotRepresent, JskError, NotFound
from jsk_saver.settings import REPRODUCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsk_saver.connection import Connection, Notes
    from jsk_saver.encoding import Written
    from jsk_saver.lineage.ledger import Entry
    from jsk_saver.lineage.rerun import Rerun
    from jsk_saver.record import Record


class Done(NamedTuple):
    """A version, where it lies, and whether it was there already."""

    record: Record
    connection: Connection
    unchanged: bool = False


def of(connection: Connection) -> Again | None:
    """Return what there is to mind in this process; None where nothing is reproduced."""
    if not os.environ.get(REPRODUCE):
        return None
    from jsk_saver.lineage import rerun

    run = rerun.current(connection.store.uri)
    return None if run is None else Again(connection, run)


def seen(
    connection: Connection,
    name: str,
    version: object,
    search_pattern: object = None,
    search: Mapping[str, Any] | None = None,
) -> tuple[Connection, str | None]:
    """Return where to read from and, where something is reproduced, which version these words meant then."""
    again = of(connection)
    if again is None:
        return connection, None
    from jsk_saver.lineage import pins

    place = again.run.where(connection.store.uri, name, pins.asked(version, search_pattern, search or {}))
    return (connection, None) if place is None else (connection.at(place.store), place.version)


def goal(connection: Connection) -> Connection:
    """Return where copies into a store go."""
    again = of(connection)
    return connection if again is None else again.own


def arrived(connection: Connection, goal: Connection, record: Record, was_there: bool = False) -> Done:
    """Return a copy into a store, of which a run that reproduces takes note."""
    again = of(connection)
    if again is not None:
        again.note(record)
    return Done(record, goal, was_there)


def alike(one: Record, other: Record) -> bool:
    """Tell whether two versions are the same; in JSON, since for Python 1, 1.0 and True are one."""
    return _told(one) == _told(other)


def _told(record: Record) -> tuple[Any, ...]:
    plain = [json.dumps(part, sort_keys=True) for part in (record.metadata, record.state)]
    return record.digest, record.format, record.type, *plain


class Again:
    """A store in such a run: no name in it gets another newest version.

    Parameters
    ----------
    connection
        The store that the program names.
    run
        What there is to mind.
    """

    def __init__(self, connection: Connection, run: Rerun) -> None:
        self._connection, self.run = connection, run
        self._store = connection.store.uri

    @property
    def own(self) -> Connection:
        """The store of this run's own below that of the program."""
        return self._connection.at(self.run.own(self._store))

    def put(self, record: Record, written: Written, notes: Notes, *, if_changed: bool) -> Done:
        """Return the version that was saved then, if it has these bytes; else save one of the run's own."""
        last = self.run.last(self._store, record.name) if if_changed else None
        if last is not None and not last.hidden:
            done = self._read(last)
            if done is not None and alike(done.record, record):
                return done._replace(unchanged=True)
        return self._same(record, if_changed) or self._differing(record, written, notes)

    def _same(self, record: Record, if_changed: bool) -> Done | None:
        place = self.run.same(self._store, record.name, record.digest)
        if place is None:
            return None
        connection = self._connection.at(place.store)
        try:
            then = connection.head(record.name, place.version)
        except JskError:  # purged since
            return None
        if then.digest != record.digest:
            return None
        return Done(then, connection, if_changed and then.created.timestamp() < self.run.began)

    def _differing(self, record: Record, written: Written, notes: Notes) -> Done:
        stored = self.own.send(record, written.payload, notes)
        try:
            written.check_source()
        except CannotRepresent:
            self.own.take_back(stored)
            raise
        self.note(stored)
        return Done(stored, self.own)

    def note(self, stored: Record) -> None:
        """Take note of a version in the run's own store."""
        from jsk_saver.lineage.rerun import Place

        self.run.note(self._store, stored.name, Place(self.own.store.uri, stored.version))

    def purge(self, name: str, version: object) -> int:
        """Remove nothing; the rest of this run does not see the name, if all of it was meant."""
        if version is not None:
            return 1
        self.hide(name)
        return self.run.count(self._store, name)

    def hide(self, name: str) -> None:
        """Delete a name for the rest of this run."""
        from jsk_saver.lineage.rerun import Place

        last = self.run.last(self._store, name)
        place = Place(last.place, last.version) if last is not None else Place(self._store, "")
        self.run.note(self._store, name, place, hidden=True, put=False)

    def restore(self, name: str, version: object) -> Done:
        """Let the rest of this run see a name again, or an old version of it as the newest."""
        from jsk_saver.lineage.rerun import Place

        last = self.run.last(self._store, name)
        if version is None and last is not None and last.version:
            place: Place | None = Place(last.place, last.version)
        else:
            from jsk_saver.lineage import pins

            words = pins.asked(version, None, {})
            place = self.run.where(self._store, name, words) if words or last is None else None
        if place is None:
            place = Place(self._store, self._live(name, version))
        connection = self._connection.at(place.store)
        record = connection.head(name, place.version)
        self.run.note(self._store, name, place, put=False)
        return Done(record, connection)

    def _live(self, name: str, version: object) -> str:
        """Return the version that is meant in the store as it is now, deleted or not."""
        wanted = self._connection.identify(name, version)
        if wanted is not None:
            return wanted
        versions = [entry.version for entry in self._connection.entries(name) if not entry.marker]
        if not versions:
            raise NotFound(
                f"There is no {name!r} in {self._store}.", hint="saver.search()    # what is there"
            )
        return versions[0]

    def _read(self, entry: Entry) -> Done | None:
        connection = self._connection.at(entry.place)
        try:
            return Done(connection.head(entry.name, entry.version), connection)
        except JskError:
            return None
