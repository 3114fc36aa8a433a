"""The reader: what a saver does without changing anything: get, search, history, describe, compare."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsk_saver import rerunning
from jsk_saver.choosing import FileName, Version, pair, which
from jsk_saver.connection import Connection
from jsk_saver.errors import JskError
from jsk_saver.hints import waiting_for
from jsk_saver.record import Record
from jsk_saver.saved import Results, Saved

if TYPE_CHECKING:
    from jsk_saver.diff import Difference
    from jsk_saver.formats import Formats
    from jsk_saver.index import Query
    from jsk_saver.lineage.graph import LineageGraph
    from jsk_saver.settings import Settings
    from jsk_saver.stores import Store
    from jsk_saver.story import Story


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

    def __getstate__(self) -> dict[str, Any]:
        """Return what it was made with, so that it can be sent to another process.

        Formats registered on it do not go along: register them there, or as an entry point.
        """
        return {"_connection": self._connection}

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
        filename: FileName,
        *,
        search_pattern: Mapping[str, Any] | str | None = None,
        version: Version | None = None,
        columns: Sequence[str] | None = None,
        to: str | os.PathLike[str] | None = None,
        force: bool = False,
        as_: str | None = None,
        allow_pickle: bool = False,
        **search: Any,
    ) -> Any:
        """Return an object as it was put.

        What was put as a file on disk (a :class:`~pathlib.Path`, or with ``jsk put``) comes back as the
        path of a copy in the cache; ``as_="pandas"`` reads it as a table, ``to=`` writes it where you want.

        Parameters
        ----------
        filename
            Its name; or what ``put``, ``search`` or ``history`` returned, which is that version of it.
        search_pattern
            Return the newest version that matches; see :meth:`search`.
        version
            Return exactly this version: its identifier (or six characters or more of its beginning or
            end), what ``put`` or ``search`` returned, or a number: 1 the oldest, -1 the newest. Numbers
            count what is there, so that those after a purged version move; identifiers never do.
        columns
            Read only these columns of a table.
        to
            Write the bytes to this file (or a saved folder's files to this folder) instead, and return
            its path. The bytes are streamed, so any size will do. A file goes into a folder that is there.
            Where the same is there already, it is left; where something else is, nothing is written.
        force
            Let ``to`` replace a file that is there, in one step. A folder with something else in it is
            never replaced nor added to.
        as_
            Return a table as ``"pandas"``, ``"polars"`` or ``"arrow"``, or any object as ``"bytes"`` or
            as ``"path"`` of a file in the cache (yours to read; ``to=`` is where you want to keep it).
        allow_pickle
            Load formats that can run code (pickle, joblib, pt). Only for versions you trust.
        **search
            More conditions, as :meth:`search` takes them: ``text=``, ``commit=``, ``since=``, …

        Raises
        ------
        NotFound
            If there is no such name or version (:class:`~jsk_saver.errors.Hidden` if it was deleted,
            :class:`~jsk_saver.errors.NoMatch` if no version fits the pattern).
        AlreadyThere
            If something else is where ``to`` says.
        IntegrityError
            If the bytes are not those that were saved.
        UntrustedObject
            If loading could run code and ``allow_pickle`` is not set.
        """
        from jsk_saver.delivery import Delivery
        from jsk_saver.lineage import pins, reads, watch

        name, version = which(filename, version)
        how = pins.asked(version, search_pattern, search)
        connection, pinned = rerunning.seen(self._connection, name, version, search_pattern, search)
        wanted = pinned or self._wanted(name, version, search_pattern, search)
        delivery = Delivery(
            connection,
            self.formats,
            columns=columns,
            to=to,
            force=force,
            as_=as_,
            allow_pickle=allow_pickle,
        )
        record, result = delivery.of(name, wanted)
        reads.add(connection.store.uri, name, record.version, how)
        watch.tell("input", record, connection.store, how)
        return result

    def _wanted(
        self,
        name: str,
        version: Version | None,
        search_pattern: Mapping[str, Any] | str | None,
        search: dict[str, Any],
    ) -> str | None:
        """Return the version that is asked for; None for the newest."""
        from jsk_saver.finding import Asked, refuse_order

        if search_pattern is None and not search:
            return self._connection.resolve(name, version)
        if version is not None:
            raise JskError(
                "get takes a version or a search, not both.", hint=f'saver.get("{name}", version=…)'
            )
        asked = Asked.of(search_pattern, search)
        refuse_order(asked, name)
        return self._connection.newest_match(name, asked.query, asked.typed).version

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
            ``*`` stands for any characters, and no other character for others; a date without a zone
            is local time for ``created``, ``since`` and ``until``.
        refresh
            Whether to ask the store what is new first; without it, only the local index is read.
        **search
            ``text``, ``name``, ``commit``, ``notebook``, ``user``, ``experiment``, ``trial``, ``since``,
            ``until``, ``latest`` (only the newest version of each name), ``hidden`` (deleted names too),
            ``sort``, ``limit`` (100 unless you say otherwise, None for all), ``offset``: see
            :func:`jsk_saver.index.query`. ``results.total`` says how many there are beyond the limit.

        Raises
        ------
        QueryError
            If the pattern or line means nothing, showing where; or if the results are to be sorted by
            something that none of them has.

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
        from jsk_saver.finding import Asked, advise, find

        asked, index = Asked.of(search_pattern, search), self._connection.index
        if refresh:
            self._connection.refresh(asked.query)
        found = find(index, asked.query)
        title = f"matching {asked.typed}" if asked.typed else f"in {self.store.uri}"
        hidden: set[str] = set()
        if asked.query.hidden:
            hidden = set(index.names()).difference(index.names(hidden=False))
        hint = "" if found.total else advise(index, asked.query)
        if not found.total and waiting_for(self._connection.spool, self.store):
            hint = "jsk spool push    # objects wait on this machine to be sent"
        return Results(self._all_saved(found.records, hidden), title, hint, total=found.total)

    def history(self, filename: FileName) -> Results:
        """Return all versions of ``filename``, newest first, also if it was deleted.

        Then all of them are marked as hidden.
        """
        from jsk_saver.index import Query

        name, _ = which(filename)
        entries = self._connection.entries(name)
        versions = [entry.version for entry in reversed(entries) if not entry.marker]
        counted = {version: number for number, version in enumerate(versions, start=1)}  # as get counts
        found = self._connection.index.find(Query(name=name, hidden=True, limit=None))
        found = [record for record in found if record.version in counted]
        numbers = [counted[record.version] for record in found]
        hidden = {name} if entries[0].marker else set()
        return Results(self._all_saved(found, hidden), f"of {name}", numbers=numbers)

    def _all_saved(self, records: Iterable[Record], hidden: Container[str] = ()) -> list[Saved]:
        return [self._saved(record, hidden=record.name in hidden) for record in records]

    def describe(self, filename: FileName, *, version: Version | None = None) -> Story:
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
        from jsk_saver import package_lists
        from jsk_saver.ancestry import children
        from jsk_saver.story import Story

        record = self._record(filename, version)
        versions = [e.version for e in reversed(self.store.entries(record.name)) if not e.marker]
        return Story(
            self._saved(record),
            position=versions.index(record.version) + 1,
            total=len(versions),
            children=children(self._connection.index, self.store.uri, record),
            packages=package_lists.number(self.store, record),
        )

    def packages(self, filename: FileName, *, version: Version | None = None) -> list[str]:
        """Return what was installed when a version was made, a line ``name==version`` for each package.

        Raises
        ------
        NotFound
            If there is no such version, or its packages are not known.

        Examples
        --------
        >>> import tempfile
        >>> from jsk_saver import Saver
        >>> saver = Saver(tempfile.mkdtemp())
        >>> saved = saver.put("a.json", 1)
        >>> all("==" in line for line in saver.packages(saved))
        True
        """
        from jsk_saver import package_lists

        return package_lists.read(self.store, self._record(filename, version))

    def lineage(self, filename: FileName, *, version: Version | None = None, depth: int = 20) -> LineageGraph:
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

    def _record(self, filename: FileName, version: Version | None) -> Record:
        name, version = which(filename, version)
        return self._connection.head(name, self._connection.resolve(name, version))

    def diff(
        self,
        filename: FileName,
        old: Version | None = None,
        new: Version | None = None,
        *,
        key: str | Sequence[str] = (),
        allow_pickle: bool = False,
    ) -> Difference:
        """Return what changed between two versions: rows, columns and values of a table, paths of JSON.

        Parameters
        ----------
        filename
            Whose versions. What ``put`` or ``search`` returned is compared with the version before it,
            or with the other version given.
        old, new
            Which two; the last two by default.
        key
            Columns of a table by which rows are the same row; found out without any.
        allow_pickle
            Compare what is in pickled objects too, not only their sizes and digests.
        """
        from jsk_saver.delivery import Delivery
        from jsk_saver.diff import difference

        name, versions = pair(self._connection, filename, old, new)
        delivery = Delivery(self._connection, self.formats, allow_pickle=allow_pickle)
        sides = [delivery.for_comparison(name, version) for version in versions]
        return difference(*sides, key=key, read_note=self.store.get_note)

    def _saved(self, record: Record, **told: Any) -> Saved:
        address = self.store.address(record.name, record.version)
        return Saved.of(record, address, store=self.store.uri, **told)
