"""Catching up: what other people wrote to the store, brought into the index.

The store is the truth. A listing tells which versions there are; only records that the index does not hold
are fetched, many at a time. What is gone from the store goes from the index.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from jsk_saver.errors import AccessDenied, IntegrityError, JskError, NotFound, StoreUnreachable
from jsk_saver.index import Index, NameState
from jsk_saver.progress import count_bar
from jsk_saver.record import Record
from jsk_saver.stores import Entry, Store

#: Versions (or a few more: the names are whole) that are fetched while those before them are written.
BATCH = 500
#: A bar shows when more records than this have to be fetched.
BAR_ABOVE = 500
#: What a record that nobody foresaw may raise in the index.
_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class CatchUp:
    """Brings an index up to date with a store.

    Parameters
    ----------
    store, index
        From where, and into what.
    connections
        How many records are fetched at once.
    progress
        Whether a bar may show.
    """

    def __init__(self, store: Store, index: Index, connections: int, *, progress: bool) -> None:
        self._store, self._index = store, index
        self._connections, self._progress = connections, progress
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def with_name(self, name: str) -> list[Entry]:
        """Bring in one name, and return its versions and markers, newest first."""
        entries = self._store.entries(name)
        self._write(self._begin([(name, entries)]))
        return entries

    def with_all(self, prefix: str = "") -> int:
        """Bring in every name that starts with ``prefix``; return how many there are."""
        seen: set[str] = set()
        before: _Batch | None = None
        by_name = itertools.groupby(self._store.scan(prefix), key=lambda entry: entry.name)
        for names in _batches((name, list(entries)) for name, entries in by_name):
            seen.update(name for name, _ in names)
            batch = self._begin(names)
            if before is not None:
                self._write(before)
            before = batch
        if before is not None:
            self._write(before)
        gone = [name for name in self._index.names(prefix) if name not in seen]
        self._index.update([NameState(name, [], False, []) for name in gone])
        return len(seen)

    def _begin(self, names: list[tuple[str, list[Entry]]]) -> _Batch:
        """Have the records fetched that the index does not hold; the threads start at once."""
        versions = [(e.name, e.version) for _, entries in names for e in entries if not e.marker]
        wanted = self._index.unknown(versions)
        if len(wanted) < 4:
            return _Batch(names, wanted, (self._record(item) for item in wanted))
        self._pool = self._pool or ThreadPoolExecutor(self._connections, thread_name_prefix="jsk-catch-up")
        return _Batch(names, wanted, self._pool.map(self._record, wanted))

    def _write(self, batch: _Batch) -> None:
        fetched: dict[str, list[Record]] = {}
        lost: set[tuple[str, str]] = set()
        with count_bar("records", len(batch.wanted), shown=self._progress, above=BAR_ABOVE) as count:
            for (name, version), record in zip(batch.wanted, batch.records, strict=True):
                count(1)
                if record is None:
                    lost.add((name, version))
                else:
                    fetched.setdefault(name, []).append(record)
        self._take(
            [
                NameState(
                    name,
                    [e.version for e in reversed(entries) if not e.marker and (name, e.version) not in lost],
                    bool(entries) and entries[0].marker,
                    fetched.get(name, []),
                )
                for name, entries in batch.names
            ]
        )

    def _take(self, states: list[NameState]) -> None:
        """Write into the index; a name that it cannot take must not keep out the others."""
        try:
            self._index.update(states)
        except JskError:
            raise
        except _ODD as error:
            if len(states) > 1:
                for state in states:
                    self._take([state])
                return
            warnings.warn(
                f"Left out of the search: {states[0].name!r}, whose records the index cannot take "
                f"({type(error).__name__}: {error}).",
                stacklevel=2,
            )

    def _record(self, item: tuple[str, str]) -> Record | None:
        """Fetch one record; one that is damaged or was purged meanwhile must not stop the others."""
        name, version = item
        try:
            return self._store.head(name, version)
        except NotFound:
            return None
        except (IntegrityError, AccessDenied) as error:
            warnings.warn(f"Left out of the search: {error}", stacklevel=2)
            return None
        except StoreUnreachable as error:
            error.kept = error.kept or "What was fetched so far is in the index."
            raise


@dataclass(frozen=True, slots=True)
class _Batch:
    """Names with their entries, the versions to fetch, and their records as they come."""

    names: list[tuple[str, list[Entry]]]
    wanted: list[tuple[str, str]]
    records: Iterator[Record | None]


def _batches(names: Iterable[tuple[str, list[Entry]]]) -> Iterator[list[tuple[str, list[Entry]]]]:
    batch: list[tuple[str, list[Entry]]] = []
    size = 0
    for name, entries in names:
        batch.append((name, entries))
        size += len(entries)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
