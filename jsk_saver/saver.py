"""The saver: save any object in one line, find it by what it was, never lose a version."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from jsk_saver.errors import CannotRepresent, IntegrityError, JskError, NotFound
from jsk_saver.reader import Reader, Version
from jsk_saver.record import JSON, Record, check_metadata, check_name, now
from jsk_saver.saved import Saved

if TYPE_CHECKING:
    from jsk_saver.connection import Notes
    from jsk_saver.verify import Verification


class _Missing:
    def __repr__(self) -> str:
        return "(nothing)"


MISSING: Final = _Missing()


class Saver(Reader):
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
        from jsk_saver.encoding import encoded

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
            origin, notes = self._lineage_of_now(parents)
            record = replace(record, lineage=origin)
            if self.settings.if_changed if if_changed is None else if_changed:
                with self._connection.spooling(record, written.payload, notes):
                    same = self._unchanged(record)
                if same is not None:
                    return self._saved(same, unchanged=True)
            stored = self._connection.send(record, written.payload, notes)
            try:
                written.check_source()
            except CannotRepresent:
                self._connection.take_back(stored)
                raise
            return self._saved(stored)

    def _unchanged(self, record: Record) -> Record | None:
        """Return the newest version if it is the same as ``record``; the store itself is asked."""
        try:
            newest = self.store.head(record.name)
        except (NotFound, IntegrityError):
            return None
        told = ("digest", "format", "type", "metadata", "state")
        return newest if all(getattr(newest, what) == getattr(record, what) for what in told) else None

    def _lineage_of_now(self, parents: Iterable[Saved] = ()) -> tuple[JSON, Notes]:
        """Return where a version made now comes from, and the notes that this refers to."""
        from jsk_saver import lineage

        collected = lineage.collect(parents, self.store.uri, enabled=self.settings.lineage)
        if "packages" not in collected:
            return collected, {}
        digest, text = lineage.packages()
        return collected, {f"packages/{digest}.txt": text.encode()}

    # Going back -------------------------------------------------------------------------------------

    def delete(self, filename: str | os.PathLike[str]) -> None:
        """Hide ``filename``. Nothing is removed; :meth:`restore` brings it back."""
        name = check_name(filename)
        self.store.hide(name)
        with self._connection.index_may_wait():
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
        with self._connection.index_may_wait():
            self._connection.index.unhide(name)
        newest = self._connection.head(name)
        if source is None or source.version == newest.version:
            return self._saved(newest, unchanged=not was_hidden)
        origin, notes = self._lineage_of_now()
        origin = {**origin, "parents": [], "restored": source.version}
        self._connection.keep_notes(notes)
        stored = self.store.duplicate(source, replace(source, version="", created=now(), lineage=origin))
        with self._connection.index_may_wait():
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
        if all(entry.marker for entry in entries if entry not in doomed):
            doomed = entries  # markers alone would hide nothing
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
        with verified(record, payload, wait=True):
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
