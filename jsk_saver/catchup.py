"""Catching up: what other people wrote to the store, brought into the index.

The store is the truth. A listing tells which versions there are; only records that the index does not hold
are fetched, many at a time. What is gone from the store goes from the index.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from jsk_saver.errors import IntegrityError, NotFound, StoreUnreachable
from jsk_saver.index import Index, NameState
from jsk_saver.progress import count_bar
from jsk_saver.record import Record
from jsk_saver.stores import Entry, Store

#: Names brought in by one transaction of the index.
BATCH = 1_000
#: A bar shows when more records than this have to be fetched.
BAR_ABOVE = 500


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
        self._bring_in([(name, entries)])
        return entries

    def with_all(self, prefix: str = "") -> int:
        """Bring in every name that starts with ``prefix``; return how many there are."""
        seen: set[str] = set()
        by_name = itertools.groupby(self._store.scan(prefix), key=lambda entry: entry.name)
        for batch in _batches((name, list(entries)) for name, entries in by_name):
            self._bring_in(batch)
            seen.update(name for name, _ in batch)
        gone = [name for name in self._index.names(prefix) if name not in seen]
        self._index.update([NameState(name, [], False, []) for name in gone])
        return len(seen)

    def _bring_in(self, batch: list[tuple[str, list[Entry]]]) -> None:
        versions = [(e.name, e.version) for _, entries in batch for e in entries if not e.marker]
        wanted = self._index.unknown(versions)
        fetched: dict[str, list[Record]] = {}
        lost: set[tuple[str, str]] = set()
        for (name, version), record in zip(wanted, self._records(wanted), strict=True):
            if record is None:
                lost.add((name, version))
            else:
                fetched.setdefault(name, []).append(record)
        self._index.update(
            NameState(
                name,
                [e.version for e in reversed(entries) if not e.marker and (name, e.version) not in lost],
                bool(entries) and entries[0].marker,
                fetched.get(name, []),
            )
            for name, entries in batch
        )

    def _records(self, wanted: list[tuple[str, str]]) -> Iterator[Record | None]:
        if len(wanted) < 4:
            yield from (self._record(item) for item in wanted)
            return
        self._pool = self._pool or ThreadPoolExecutor(self._connections, thread_name_prefix="jsk-catch-up")
        with count_bar("records", len(wanted), shown=self._progress, above=BAR_ABOVE) as count:
            for record in self._pool.map(self._record, wanted):
                count(1)
                yield record

    def _record(self, item: tuple[str, str]) -> Record | None:
        """Fetch one record; one that is damaged or was purged meanwhile must not stop the others."""
        name, version = item
        try:
            return self._store.head(name, version)
        except NotFound:
            return None
        except (IntegrityError, PermissionError) as error:
            warnings.warn(f"Left out of the search: {error}", stacklevel=2)
            return None
        except StoreUnreachable as error:
            error.kept = error.kept or "What was fetched so far is in the index."
            raise


def _batches(
    names: Iterable[tuple[str, list[Entry]]],
) -> Iterator[list[tuple[str, list[Entry]]]]:
    names = iter(names)
    while batch := list(itertools.islice(names, BATCH)):
        yield batch
