"""The embedded index: one SQLite file beside the user's other files, shared by all processes.

How it is laid out, and why a search over a million records takes milliseconds: records are kept in segments
(:mod:`jsk_saver.index.segment`) in which every value, word and number range is a set of bits
(:mod:`jsk_saver.index.bits`), so that conditions are combined by operations on whole numbers. Segments are
never changed; what changes about a record (deleted, hidden, no longer the newest) is a bit in a mask. The
newest records, too few for a segment, are searched in memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from jsk_saver.errors import JskError
from jsk_saver.index.base import Index, NameState
from jsk_saver.index.codec import Codec
from jsk_saver.index.database import Database
from jsk_saver.index.paths import stored_paths
from jsk_saver.index.query import Query
from jsk_saver.index.search import Search
from jsk_saver.index.segment import is_cut, is_unicode
from jsk_saver.index.view import View
from jsk_saver.index.writing import SEGMENT, SMALL_SEGMENTS, TAIL, Writing
from jsk_saver.record import Record

T = TypeVar("T")

_UNTIDY = "SELECT (SELECT -coalesce(min(id), 0) FROM records), value FROM state WHERE key = 'small'"


class SqliteIndex(Index):
    """An index in one SQLite file.

    It may be used by many threads and processes at once, and after a fork. A damaged file, or one of another
    release, is begun anew (``rebuilt``); where nothing can be written the index is kept in memory
    (``warning`` says so). Deleting the file while it is in use does no harm but the time to catch up.

    Parameters
    ----------
    path
        The file, made when it is first needed; ``":memory:"`` for none.
    segment, tail
        Records in a full segment, and outside of segments; other values than the defaults are for tests.

    Examples
    --------
    >>> from jsk_saver.index import at_least, query
    >>> from jsk_saver.record import now
    >>> index = SqliteIndex(":memory:")
    >>> metadata = {"what": "channels", "rows": 1500}
    >>> index.append(Record("youtube.csv", "1", "csv", "", 9, "", now(), metadata))
    >>> [record.name for record in index.find(query({"rows": at_least(1000)}, text="yotube chanel"))]
    ['youtube.csv']
    """

    def __init__(self, path: Path | str, *, segment: int = SEGMENT, tail: int = TAIL) -> None:
        self._database = Database(None if str(path) == ":memory:" else Path(path))
        self._sizes = (segment, tail)
        self._codec = Codec()
        self._view = View(self._codec)
        self._generation = 0

    @property
    def path(self) -> Path | None:
        """The file, or None for an index that is meant to be in memory."""
        return self._database.path

    @property
    def warning(self) -> str:  # type: ignore[override]  # noqa: D102 - as in the base class
        return self._database.warning

    @property
    def rebuilt(self) -> bool:  # type: ignore[override]  # noqa: D102
        return self._database.rebuilt

    # Writing ----------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:  # noqa: D102
        self._write(lambda writing: writing.append(record))

    def update(self, states: Iterable[NameState]) -> None:
        """Make the index say of these names what the store says.

        It is written in steps of some thousand records, so that an interrupted catch-up keeps what it has,
        and others can write in between; each name is brought up to date in one step.
        """
        for batch in _batches(states, self._sizes[0]):
            self._write(lambda writing, batch=batch: writing.update(batch))  # type: ignore[misc]

    def hide(self, name: str) -> None:  # noqa: D102
        self._write(lambda writing: writing.hide(name, hidden=True))

    def unhide(self, name: str) -> None:  # noqa: D102
        self._write(lambda writing: writing.hide(name, hidden=False))

    def forget(self, name: str, version: str) -> None:  # noqa: D102
        self._write(lambda writing: writing.forget(name, version))

    def clear(self) -> None:  # noqa: D102
        self._database.reset()

    # Asking -----------------------------------------------------------------------------------------

    def find(self, query: Query) -> list[Record]:  # noqa: D102
        self._settle()
        return self._search(lambda view: Search(view, query).find())

    def count(self, query: Query | None = None) -> int:  # noqa: D102
        if query is None:
            return self._search(lambda view: view.total())
        self._settle()
        return self._search(lambda view: Search(view, query).count())

    def unknown(self, entries: list[tuple[str, str]]) -> list[tuple[str, str]]:  # noqa: D102
        sql = "SELECT 1 FROM names n JOIN records r ON r.name = n.id WHERE n.name = ? AND r.version = ?"
        return self._database.read(
            lambda db: [
                entry
                for entry in entries
                if is_unicode(entry[0]) and db.execute(sql, entry).fetchone() is None
            ]
        )

    def versions(self, name: str) -> list[str]:  # noqa: D102
        sql = "SELECT r.version FROM names n JOIN records r ON r.name = n.id WHERE n.name = ? ORDER BY r.key"
        return self._database.read(lambda db: [version for (version,) in db.execute(sql, (name,))])

    def names(self, prefix: str = "", *, hidden: bool = True) -> list[str]:  # noqa: D102
        sql = "SELECT name FROM names WHERE name >= ? AND hidden <= ? ORDER BY name"

        def starting(db: Connection) -> list[str]:
            found = []
            for (name,) in db.execute(sql, (prefix, hidden)):
                if not name.startswith(prefix):
                    break  # they are sorted
                found.append(name)
            return found

        return self._database.read(starting)

    def keys(self) -> list[str]:  # noqa: D102
        return self._paths("m:")

    def fields(self) -> list[str]:  # noqa: D102
        return self._paths("m:", "f:")

    def _paths(self, *places: str) -> list[str]:
        def known(view: View) -> list[str]:
            paths = view.paths.keys() | view.tail_paths()
            return sorted({path[2:] for path in paths if path.startswith(places)})

        return self._search(known)

    def texts(self, path: str, most: int = 1_000) -> list[str]:  # noqa: D102
        def found(view: View) -> list[str]:
            texts: dict[str, None] = {}
            for segment in view.segments():
                for stored in filter(segment.has, stored_paths(path)):
                    there = segment.live & ~segment.hidden
                    for text, members in islice(segment.texts(stored), most - len(texts)):
                        if members & there and not is_cut(text):
                            texts[text] = None
            return list(texts)

        return self._search(found)

    def close(self) -> None:  # noqa: D102
        self._database.close()

    # Inside -----------------------------------------------------------------------------------------

    def _write(self, change: Callable[[Writing], None]) -> None:
        def work(db: Connection) -> None:
            self._check_generation()
            change(Writing(db, self._codec, *self._sizes))

        try:
            self._database.write(work)
        except BaseException:
            self._codec.forget()
            raise

    def _settle(self) -> None:
        """After many records have come in, bring them into the form that is quick to search."""
        waiting, small = self._database.read(lambda db: db.execute(_UNTIDY).fetchone())
        if waiting >= self._sizes[1] or small >= SMALL_SEGMENTS:
            with contextlib.suppress(JskError):  # others are writing: then this search is slower
                self._write(lambda writing: writing.settle())

    def _search(self, ask: Callable[[View], T]) -> T:
        def work(db: Connection) -> T:
            return ask(self._look(db))

        return self._database.read(work)

    def _look(self, db: Connection) -> View:
        self._check_generation()
        self._view.refresh(db)
        return self._view

    def _check_generation(self) -> None:
        if self._generation != self._database.generation:
            self._generation = self._database.generation
            self._codec.forget()
            self._view = View(self._codec)


def _batches(states: Iterable[NameState], records: int) -> Iterator[list[NameState]]:
    """Yield states together, up to so many records and names, read before the transaction begins."""
    batch: list[NameState] = []
    count = 0
    for state in states:
        batch.append(state)
        count += len(state.records)
        if count >= records or len(batch) >= 10_000:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
