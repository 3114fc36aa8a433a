"""The reader: what a saver does without changing anything: get, search, history, describe, compare."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsk_saver.connection import Connection
from jsk_saver.errors import JskError
from jsk_saver.record import Record, check_name
from jsk_saver.saved import Results, Saved

if TYPE_CHECKING:
    from jsk_saver.diff import Difference
    from jsk_saver.formats import Formats
    from jsk_saver.index import Query
    from jsk_saver.lineage.graph import LineageGraph
    from jsk_saver.saved import Story
    from jsk_saver.settings import Settings
    from jsk_saver.stores import Store

#: A version: its identifier, what ``put``, ``search`` or ``history`` returned, or a number as people count
#: (1 the oldest, -1 the newest).
Version = str | int | Saved


class Reader:
    """Versions of any object in one store, to be found and read.

    Parameters
    ----------
    store
        As for :class:`jsk_saver.Saver`, which adds all that writes.
    **settings
        Any of :class:`jsk_saver.settings.Settings`, for this reader only.
    """

    def __init__(self, store: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        self._connection = Connection(store=None if store is None else os.fspath(store), **settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store.uri!r})"

    @property
    def settings(self) -> Settings:
        """The settings in force, read on first use."""
        return self._connection.settings

    @property
    def store(self) -> Store:
        """Where versions live."""
        return self._connection.store

    @property
    def connection(self) -> Connection:
        """The store with its index, cache and spool on this machine, for tools built on the kit."""
        return self._connection

    @cached_property
    def formats(self) -> Formats:
        """The formats this saver knows; register your own here."""
        from jsk_saver.formats import Formats

        return Formats()

    # Getting ----------------------------------------------------------------------------------------

    def get(
        self,
        filename: str | os.PathLike[str],
        *,
        search_pattern: Mapping[str, Any] | str | None = None,
        version: Version | None = None,
        columns: Sequence[str] | None = None,
        to: str | os.PathLike[str] | None = None,
        as_: str | None = None,
        allow_pickle: bool = False,
        **search: Any,
    ) -> Any:
        """Return an object as it was put.

        Parameters
        ----------
        filename
            Its name.
        search_pattern
            Return the newest version that matches; see :meth:`search`.
        version
            Return exactly this version.
        columns
            Read only these columns of a table.
        to
            Write the bytes to this file (or a saved folder's files to this folder) instead, and return
            its path. The bytes are streamed, so any size will do.
        as_
            Return a table as ``"pandas"``, ``"polars"`` or ``"arrow"``, or any object as ``"bytes"`` or
            as ``"path"`` of a file in the cache (copy it to keep it).
        allow_pickle
            Load formats that can run code (pickle, joblib, pt). Only for versions you trust.
        **search
            More conditions, as :meth:`search` takes them: ``text=``, ``commit=``, ``since=``, …

        Raises
        ------
        NotFound
            If there is no such name or version (:class:`~jsk_saver.errors.Hidden` if it was deleted,
            :class:`~jsk_saver.errors.NoMatch` if no version fits the pattern).
        IntegrityError
            If the bytes are not those that were saved.
        UntrustedObject
            If loading could run code and ``allow_pickle`` is not set.
        """
        from jsk_saver.delivery import Delivery
        from jsk_saver.lineage import reads

        name = check_name(filename)
        wanted: str | None
        if search_pattern is not None or search:
            if version is not None:
                raise JskError(
                    "get takes a version or a search, not both.", hint=f'saver.get("{name}", version=…)'
                )
            wanted = self._connection.newest_match(name, _asked(search_pattern, search)).version
        else:
            wanted = self._connection.resolve(name, version)
        delivery = Delivery(
            self._connection, self.formats, columns=columns, to=to, as_=as_, allow_pickle=allow_pickle
        )
        record, result = delivery.of(name, wanted)
        reads.add(self.store.uri, name, record.version)
        return result

    # Finding ----------------------------------------------------------------------------------------

    def search(
        self,
        search_pattern: Mapping[str, Any] | str | Query | None = None,
        *,
        refresh: bool = True,
        **search: Any,
    ) -> Results:
        """Return the versions that match, newest first (best first for ``text``).

        Parameters
        ----------
        search_pattern
            What the metadata must be, as a dictionary (``{"origin": "you*", "rows": at_least(1000)}``)
            or as one line of text (``"origin:you* rows:>=1000"``).
        refresh
            Whether to ask the store what is new first; without it, only the local index is read.
        **search
            ``text``, ``name``, ``commit``, ``notebook``, ``user``, ``experiment``, ``trial``, ``since``,
            ``until``, ``latest`` (only the newest version of each name), ``hidden`` (deleted names too),
            ``sort``, ``limit``, ``offset``: see :func:`jsk_saver.index.query`.

        Raises
        ------
        QueryError
            If the pattern or line means nothing, showing where.

        Examples
        --------
        >>> import tempfile
        >>> from jsk_saver import Saver
        >>> saver = Saver(tempfile.mkdtemp())
        >>> _ = saver.put("a.json", 1, metadata={"origin": "youtube", "rows": 1500})
        >>> _ = saver.put("b.json", 2, metadata={"origin": "vimeo"})
        >>> saver.search({"origin": "you*"}).names
        ['a.json']
        >>> saver.search("rows:>=1000").names
        ['a.json']
        """
        wanted = _asked(search_pattern, search)
        if refresh:
            self._connection.refresh(wanted)
        found = self._connection.index.find(wanted)
        title = f"matching {wanted}" if search_pattern or search else f"in {self.store.uri}"
        if found and len(found) == wanted.limit:
            title += f" (the first {wanted.limit}; limit=None for all)"
        return Results(self._all_saved(found), title, hint="saver.search()    # everything there is")

    def history(self, filename: str | os.PathLike[str]) -> Results:
        """Return all versions of ``filename``, newest first, also if it was deleted."""
        name = check_name(filename)
        from jsk_saver.index import Query

        versions = [entry.version for entry in reversed(self._connection.entries(name)) if not entry.marker]
        counted = {version: number for number, version in enumerate(versions, start=1)}  # as get counts
        found = self._connection.index.find(Query(name=name, hidden=True, limit=None))
        found = [record for record in found if record.version in counted]
        numbers = [counted[record.version] for record in found]
        return Results(self._all_saved(found), f"of {name}", numbers=numbers)

    def _all_saved(self, records: Iterable[Record]) -> list[Saved]:
        return [self._saved(record) for record in records]

    def describe(self, filename: str | Saved, *, version: Version | None = None) -> Story:
        """Tell the story of a version: what it is, who made it, when, where, and from what.

        Examples
        --------
        >>> import tempfile
        >>> from jsk_saver import Saver
        >>> saver = Saver(tempfile.mkdtemp())
        >>> _ = saver.put("a.json", 1, metadata={"origin": "dice"})
        >>> "origin" in str(saver.describe("a.json"))
        True
        """
        from jsk_saver.saved import Story

        record = self._record(filename, version)
        versions = [e.version for e in reversed(self.store.entries(record.name)) if not e.marker]
        return Story(self._saved(record), position=versions.index(record.version) + 1, total=len(versions))

    def lineage(
        self, filename: str | Saved, *, version: Version | None = None, depth: int = 20
    ) -> LineageGraph:
        """Return the ancestry of a version, as a graph that draws itself in a notebook.

        Parameters
        ----------
        filename, version
            Which one; the newest without a version.
        depth
            How many generations to follow.
        """
        from jsk_saver.ancestry import ancestry

        return ancestry(self.store, self._record(filename, version), depth, self.settings)

    def _record(self, filename: str | Saved, version: Version | None) -> Record:
        if isinstance(filename, Saved):
            version = filename if version is None else version
            filename = filename.name
        name = check_name(filename)
        return self._connection.head(name, self._connection.resolve(name, version))

    def diff(
        self,
        filename: str | os.PathLike[str],
        old: Version = -2,
        new: Version = -1,
        *,
        key: str | Sequence[str] = (),
        allow_pickle: bool = False,
    ) -> Difference:
        """Return what changed between two versions: rows, columns and values of a table, paths of JSON.

        Parameters
        ----------
        filename
            Whose versions.
        old, new
            Which two; the last two by default.
        key
            Columns of a table by which rows are the same row; found out without any.
        allow_pickle
            Compare what is in pickled objects too, not only their sizes and digests.
        """
        from jsk_saver.delivery import Delivery
        from jsk_saver.diff import difference

        name = check_name(filename)
        delivery = Delivery(self._connection, self.formats, allow_pickle=allow_pickle)
        sides = [delivery.for_comparison(name, self._connection.resolve(name, v)) for v in (old, new)]
        return difference(*sides, key=key, read_note=self.store.get_note)

    def _saved(self, record: Record, *, unchanged: bool = False) -> Saved:
        return Saved.of(record, self.store.address(record.name, record.version), unchanged=unchanged)


def _asked(pattern: Mapping[str, Any] | str | Query | None, search: dict[str, Any]) -> Query:
    from jsk_saver.index import Query, query

    return replace(pattern, **search) if isinstance(pattern, Query) else query(pattern, **search)
