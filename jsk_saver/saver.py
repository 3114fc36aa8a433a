"""The saver: save any object in one line, find it by what it was, never lose a version."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from jsk_saver import lineage
from jsk_saver.connection import Connection
from jsk_saver.encoding import encoded
from jsk_saver.errors import JskError, NotFound
from jsk_saver.formats import Formats
from jsk_saver.record import JSON, Record, check_metadata, check_name, now
from jsk_saver.saved import Results, Saved

if TYPE_CHECKING:
    from jsk_saver.diff import Difference
    from jsk_saver.index import Query
    from jsk_saver.lineage.graph import LineageGraph
    from jsk_saver.saved import Story
    from jsk_saver.settings import Settings
    from jsk_saver.stores import Store
    from jsk_saver.verify import Verification

#: A version: its identifier, what ``put``, ``search`` or ``history`` returned, or a number as people count
#: (1 the oldest, -1 the newest).
Version = str | int | Saved


class _Missing:
    def __repr__(self) -> str:
        return "(nothing)"


MISSING: Final = _Missing()


class Saver:
    """Versions of any object in one store, searchable.

    Parameters
    ----------
    store
        ``s3://bucket/prefix`` or a folder; by default what ``JSK_STORE``, ``[tool.jsk]`` in
        ``pyproject.toml`` or, last, a folder in the home directory says.
    **settings
        Any of :class:`jsk_saver.settings.Settings`, for this saver only.

    Examples
    --------
    >>> import tempfile
    >>> saver = Saver(tempfile.mkdtemp())
    >>> saved = saver.put("numbers.json", [1, 2, 3], metadata={"origin": "dice"})
    >>> saver.get("numbers.json", search_pattern={"origin": "dice"})
    [1, 2, 3]
    """

    def __init__(self, store: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        self._connection = Connection(store=None if store is None else os.fspath(store), **settings)

    def __repr__(self) -> str:
        return f"Saver({self.store.uri!r})"

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
        return Formats()

    # Saving -----------------------------------------------------------------------------------------

    def put(
        self,
        filename: str | os.PathLike[str],
        obj: Any = MISSING,
        *,
        dataframe: Any = MISSING,
        metadata: Mapping[str, Any] | None = None,
        format: str | None = None,  # noqa: A002 - the word of the field
        if_changed: bool | None = None,
        parents: Iterable[Saved] = (),
    ) -> Saved:
        """Save an object as a new version of ``filename``.

        Parameters
        ----------
        filename
            Relative name such as ``data/channels.parquet``; its extension chooses the format.
        obj
            Any object a format knows, or a :class:`pathlib.Path` of a file or folder of any size.
        dataframe
            Another spelling of ``obj``.
        metadata
            What it is, for finding it again: any JSON, up to 1 MB.
        format
            Name of a format, to override the extension's.
        if_changed
            First ask the store whether the newest version has the same bytes and metadata; if so, make
            no new one and say so in ``unchanged``.
        parents
            Versions this one was made from, beside those read in this process.

        Returns
        -------
        Saved
            Name, version, address, size, digest, metadata and lineage of what was saved.

        Raises
        ------
        InvalidName, InvalidMetadata
            For names and metadata that could not come back.
        UnknownFormat, CannotRepresent
            For objects that could not come back the same; says what could hold them.
        StoreError
            If the store does not take it; the object is then kept in the spool.

        Examples
        --------
        >>> import tempfile
        >>> saver = Saver(tempfile.mkdtemp())
        >>> saver.put("notes.txt", "all well").size
        8
        """
        name, meta = check_name(filename), check_metadata(metadata)
        thing = _the_object(name, obj, dataframe)
        with encoded(self.formats, name, thing, format, self._connection.scratch) as written:
            record = Record(
                name=name,
                version="",
                format=written.format,
                type=written.type,
                size=written.payload.size,
                digest=written.payload.digest,
                created=now(),
                metadata=meta,
                facts=written.facts,
                state=written.state,
            )
            if self.settings.if_changed if if_changed is None else if_changed:
                same = self._unchanged(record)
                if same is not None:
                    return self._saved(same, unchanged=True)
            return self._saved(self._connection.send(self._with_lineage(record, parents), written.payload))

    def _unchanged(self, record: Record) -> Record | None:
        """Return the newest version if it is the same as ``record``; the store itself is asked."""
        try:
            newest = self.store.head(record.name)
        except NotFound:
            return None
        told = ("digest", "format", "type", "metadata", "state")
        return newest if all(getattr(newest, what) == getattr(record, what) for what in told) else None

    def _with_lineage(self, record: Record, parents: Iterable[Saved] = (), **more: str) -> Record:
        if not self.settings.lineage:
            return replace(record, lineage=dict(more))
        given = [{"name": parent.name, "version": parent.version} for parent in parents]
        collected = lineage.collect(given, store_uri=self.store.uri)
        if "packages" in collected:
            digest, text = lineage.packages()
            self._connection.keep_note(f"packages/{digest}.txt", text.encode())
        return replace(record, lineage={**collected, **more})

    def _saved(self, record: Record, *, unchanged: bool = False) -> Saved:
        return Saved.of(record, self.store.address(record.name, record.version), unchanged=unchanged)

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

        name = check_name(filename)
        if search_pattern is not None or search:
            wanted = self._newest_match(name, search_pattern, search)
        else:
            wanted = self._connection.resolve(name, version)
        delivery = Delivery(
            self._connection, self.formats, columns=columns, to=to, as_=as_, allow_pickle=allow_pickle
        )
        record, result = delivery.of(name, wanted)
        lineage.reads.add(self.store.uri, name, record.version)
        return result

    def _newest_match(self, name: str, pattern: Mapping[str, Any] | str | None, search: dict[str, Any]) -> str:
        wanted = _query(pattern, {**search, "name": name})
        newest_first = replace(wanted, sort=None if wanted.text is None else "-created", limit=1, offset=0)
        return self._connection.newest_match(name, newest_first).version

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
        >>> saver = Saver(tempfile.mkdtemp())
        >>> _ = saver.put("a.json", 1, metadata={"origin": "youtube", "rows": 1500})
        >>> _ = saver.put("b.json", 2, metadata={"origin": "vimeo"})
        >>> saver.search({"origin": "you*"}).names
        ['a.json']
        >>> saver.search("rows:>=1000").names
        ['a.json']
        """
        wanted = _query(search_pattern, search)
        if refresh:
            with self._connection.catch_up() as catch_up:
                if wanted.name is not None:
                    catch_up.with_name(wanted.name)
                else:
                    catch_up.with_all()
        return self._results(self._connection.index.find(wanted), f"{wanted}")

    def history(self, filename: str | os.PathLike[str]) -> Results:
        """Return all versions of ``filename``, newest first, also if it was deleted."""
        name = check_name(filename)
        self._connection.entries(name)
        everything = _query(None, {"name": name, "hidden": True, "limit": None})
        return self._results(self._connection.index.find(everything), f"history of {name}")

    def _results(self, records: Iterable[Record], title: str) -> Results:
        return Results([self._saved(record) for record in records], title=title)

    def describe(self, filename: str | Saved, *, version: Version | None = None) -> Story:
        """Tell the story of a version: what it is, who made it, when, where, and from what.

        Examples
        --------
        >>> import tempfile
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

        return ancestry(self.store, self._record(filename, version), depth)

    def _record(self, filename: str | Saved, version: Version | None) -> Record:
        if isinstance(filename, Saved):
            filename, version = filename.name, filename.version if version is None else version
        name = check_name(filename)
        return self._connection.head(name, self._connection.resolve(name, version))

    def diff(
        self, filename: str, old: Version = -2, new: Version = -1, *, allow_pickle: bool = False
    ) -> Difference:
        """Return what changed between two versions: rows, columns and values of a table, paths of JSON.

        Parameters
        ----------
        filename
            Whose versions.
        old, new
            Which two; the last two by default.
        allow_pickle
            Compare what is in pickled objects too, not only their sizes and digests.
        """
        from jsk_saver.delivery import Delivery
        from jsk_saver.diff import difference

        name = check_name(filename)
        delivery = Delivery(self._connection, self.formats, allow_pickle=allow_pickle)
        sides = [delivery.for_comparison(name, self._connection.resolve(name, v)) for v in (old, new)]
        return difference(*sides)

    # Going back -------------------------------------------------------------------------------------

    def delete(self, filename: str | os.PathLike[str]) -> None:
        """Hide ``filename``. Nothing is removed; :meth:`restore` brings it back."""
        name = check_name(filename)
        self.store.hide(name)
        self._connection.index.hide(name)

    def restore(self, filename: str | os.PathLike[str], *, version: Version | None = None) -> Saved:
        """Bring back a deleted name; or, with ``version``, make an old version the newest.

        The old version stays where it is: a new one is made with its bytes and metadata, in the store,
        without sending them through this machine.
        """
        name = check_name(filename)
        wanted = self._connection.resolve(name, version)
        source = self.store.head(name, wanted) if wanted is not None else None
        was_hidden = self.store.unhide(name)
        self._connection.index.unhide(name)
        newest = self._connection.head(name)
        if source is None or source.version == newest.version:
            return self._saved(newest, unchanged=not was_hidden)
        again = self._with_lineage(replace(source, version="", created=now()), restored=source.version)
        stored = self.store.duplicate(source, again)
        self._connection.index.append(stored)
        return self._saved(stored)

    def purge(
        self, filename: str | os.PathLike[str], *, version: Version | None = None, yes: bool = False
    ) -> int:
        """Remove a version, or all of ``filename``, for good, and return how many versions that were.

        Parameters
        ----------
        filename, version
            What; all versions without one.
        yes
            Do not ask. In a notebook or terminal the question is asked otherwise; in a script it is not.

        Raises
        ------
        JskError
            If the answer is no.
        """
        from jsk_saver.asking import confirm

        name = check_name(filename)
        wanted = self._connection.resolve(name, version)
        entries = self._connection.entries(name)
        doomed = [entry for entry in entries if wanted is None or entry.version == wanted]
        if not doomed:
            self.store.head(name, wanted)  # says that there is no such version
        count = sum(not entry.marker for entry in doomed)
        if not yes and not confirm(f"Remove {count} version(s) of {name!r} from {self.store.uri} for good?"):
            raise JskError(f"{name!r} was not purged.", kept="All of it.", hint="purge(…, yes=True)")
        for entry in reversed(doomed):  # oldest first: cut off half-way, the newest is still there
            self.store.remove(name, entry.version)
            self._connection.forget(name, entry.version)
        self._connection.catch_up().with_name(name)
        return count

    # Looking after it -------------------------------------------------------------------------------

    def copy(
        self,
        filename: str | os.PathLike[str],
        to: str | os.PathLike[str] | Saver,
        *,
        as_name: str | None = None,
        version: Version | None = None,
        history: bool = False,
    ) -> Saved:
        """Copy a version into another store (or under another name), with its metadata and lineage.

        Parameters
        ----------
        filename, version
            What; the newest without a version.
        to
            Address of the other store, or a saver of it.
        as_name
            Its name there; the same without one.
        history
            Copy all versions, oldest first, not only one.

        Returns
        -------
        Saved
            The (last) version made in the other store.
        """
        name = check_name(filename)
        target = to if isinstance(to, Saver) else Saver(to, **self._connection.overrides)
        if history:
            wanted = [e.version for e in reversed(self._connection.entries(name)) if not e.marker]
        else:
            wanted = [self._record(name, version).version]
        saved = [self._copy_one(name, one, target, check_name(as_name or name)) for one in wanted]
        if not saved:
            raise NotFound(f"{name!r} has no versions to copy.", hint=f'saver.history("{name}")')
        return saved[-1]

    def _copy_one(self, name: str, version: str, target: Saver, new_name: str) -> Saved:
        from jsk_saver.delivery import verified

        record, payload = self._connection.read(name, version)
        with verified(record, payload):
            origin: JSON = {**record.lineage, "copied": self.store.address(name, version)}
            copy = replace(record, name=new_name, version="", lineage=origin, digest=payload.digest)
            return target._saved(target._connection.send(copy, payload))

    def verify(
        self, filename: str | os.PathLike[str] | None = None, *, version: Version | None = None
    ) -> Verification:
        """Read versions again and compare their digests: of one, of all of a name, or of everything.

        Returns
        -------
        Verification
            A table of what was checked; ``ok`` tells whether all of it is as it was saved.
        """
        from jsk_saver.verify import verify

        name = None if filename is None else check_name(filename)
        wanted = None if name is None else self._connection.resolve(name, version)
        return verify(self._connection, name, wanted)

    def reindex(self) -> int:
        """Build the index anew from the store, and return how many file names it has."""
        self._connection.index.clear()
        with self._connection.catch_up() as catch_up:
            return catch_up.with_all()


def _the_object(name: str, obj: Any, dataframe: Any) -> Any:
    if (obj is MISSING) == (dataframe is MISSING):
        raise JskError(
            f"put({name!r}) takes one object, as second argument or as dataframe=; "
            f"{'both' if obj is not MISSING else 'neither'} came.",
            hint=f'saver.put("{name}", dataframe)',
        )
    return dataframe if obj is MISSING else obj


def _query(pattern: Mapping[str, Any] | str | Query | None, search: dict[str, Any]) -> Query:
    from jsk_saver.index import Query, parse_line, query

    if isinstance(pattern, Query):
        return replace(pattern, **search) if search else pattern
    if isinstance(pattern, str):
        return parse_line(pattern, **search)
    return query(pattern, **search)


