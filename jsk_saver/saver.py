"""The saver: save any object in one line, find it by what it was, never lose a version."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from jsk_saver import rerunning
from jsk_saver.choosing import FileName, Version, which
from jsk_saver.errors import CannotRepresent, IntegrityError, JskError, NotAgreed, NotFound
from jsk_saver.human import human_value
from jsk_saver.reader import Reader
from jsk_saver.record import JSON, Record, check_metadata, check_name, now
from jsk_saver.saved import Saved

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

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
        *more: Any,
        dataframe: Any = MISSING,
        metadata: Mapping[str, Any] | None = None,
        format: str | None = None,  # noqa: A002 - the word of the field
        if_changed: bool | None = None,
        parents: Saved | Iterable[Saved | tuple[str, str]] = (),
    ) -> Saved:
        """Save an object as a new version of ``filename``.

        Parameters
        ----------
        filename
            Relative name such as ``data/channels.parquet``; its extension chooses the format.
        obj
            Any object a format knows, or a :class:`pathlib.Path` of a file or folder of any size (which
            :meth:`get` returns as a path again, or as a table with ``as_="pandas"``).
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
            Version or versions this one was made from: what ``put`` or ``search`` returned, or pairs of
            name and version. Lineage tells them apart from those that were only read before, which it
            knows by itself (see :meth:`step`).

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
        from jsk_saver.lineage import watch

        name, meta = check_name(filename), check_metadata(metadata)
        thing = _the_object(name, obj, dataframe, more)
        scratch, home = self._connection.scratch, self.settings.home
        with encoded(self.formats, name, thing, format, scratch, home) as written:
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
            origin, notes = self._lineage_of_now((parents,) if isinstance(parents, Saved) else parents)
            record = replace(record, lineage=origin)
            checked = self.settings.if_changed if if_changed is None else if_changed
            again = rerunning.of(self._connection)
            if again is not None:
                done = again.put(record, written, notes, if_changed=checked)
                watch.tell("output", done.record, done.connection.store)
                return self._lying(done)
            if checked:
                with self._connection.spooling(record, written.payload, notes):
                    same = self._unchanged(record)
                if same is not None:
                    watch.tell("output", same, self.store)
                    return self._saved(same, unchanged=True)
            stored = self._connection.send(record, written.payload, notes)
            try:
                written.check_source()
            except CannotRepresent:
                self._connection.take_back(stored)
                raise
            watch.tell("output", stored, self.store)
            return self._saved(stored)

    def _unchanged(self, record: Record) -> Record | None:
        """Return the newest version if it is the same as ``record``; the store itself is asked."""
        try:
            newest = self.store.head(record.name)
        except (NotFound, IntegrityError):
            return None
        return newest if rerunning.alike(newest, record) else None

    def _lying(self, done: rerunning.Done, said: str = "saved") -> Saved:
        """Return what a run that reproduces has saved, or saved again."""
        store = done.connection.store
        address = store.address(done.record.name, done.record.version)
        return Saved.of(done.record, address, store=store.uri, unchanged=done.unchanged, done=said)

    def step(self) -> AbstractContextManager[None]:
        """Begin a step of work: what is saved in the block comes after what was read *in the block* only.

        Without steps, lineage counts every version read in this process before, newest 20 named. Steps
        may be nested, and hold in this thread and task only.

        Examples
        --------
        >>> import tempfile
        >>> saver = Saver(tempfile.mkdtemp())
        >>> _ = saver.put("raw.json", [3, 4]), saver.put("other.json", "not needed")
        >>> _ = saver.get("other.json")
        >>> with saver.step():
        ...     saved = saver.put("sum.json", sum(saver.get("raw.json")))
        >>> [parent["name"] for parent in saved.lineage["parents"]]
        ['raw.json']
        """
        from jsk_saver.lineage import step

        return step()

    def _lineage_of_now(self, parents: Iterable[Saved | tuple[str, str]] = ()) -> tuple[JSON, Notes]:
        """Return where a version made now comes from, and the notes that this refers to."""
        from jsk_saver import lineage, package_lists

        collected = lineage.collect(parents, self.store.uri, enabled=self.settings.lineage)
        if "packages" not in collected:
            return collected, {}
        digest, text = lineage.packages()
        return collected, {package_lists.key(digest): text.encode()}

    # Going back -------------------------------------------------------------------------------------

    def delete(self, filename: FileName) -> None:
        """Hide ``filename``, all its versions. Nothing is removed; :meth:`restore` brings it back."""
        name, _ = which(filename)
        again = rerunning.of(self._connection)
        if again is not None:
            again.hide(name)
            return
        self.store.hide(name)
        with self._connection.index_may_wait():
            self._connection.index.hide(name)

    def restore(self, filename: FileName, *, version: Version | None = None) -> Saved:
        """Bring back a deleted name; or, with ``version``, make an old version the newest.

        The old version stays where it is: a new one is made with its bytes and metadata, in the store,
        without sending them through this machine.
        """
        name, version = which(filename, version)
        again = rerunning.of(self._connection)
        if again is not None:
            return self._lying(again.restore(name, version), "restored")
        wanted = self._connection.resolve(name, version)
        source = self._connection.head(name, wanted) if wanted is not None else None
        was_hidden = self.store.unhide(name)
        with self._connection.index_may_wait():
            self._connection.index.unhide(name)
        newest = self._connection.head(name)
        if source is None or source.version == newest.version:
            return self._saved(newest, unchanged=not was_hidden, done="restored")
        origin, notes = self._lineage_of_now()
        before = ("parents", "truncated", "reads")  # an old version was made before any of these were read
        origin = {key: value for key, value in origin.items() if key not in before}
        origin["restored"] = source.version
        self._connection.keep_notes(notes)
        stored = self.store.duplicate(source, replace(source, version="", created=now(), lineage=origin))
        with self._connection.index_may_wait():
            self._connection.index.append(stored)
        return self._saved(stored, done="restored")

    def purge(self, filename: FileName, *, version: Version | None = None, yes: bool = False) -> int:
        """Remove a version, or all of ``filename``, for good, and return how many versions that were.

        The numbers of later versions move down by one then; their identifiers stay.

        Parameters
        ----------
        filename, version
            What; all versions without one (what ``put`` or ``search`` returned is one version).
        yes
            Do not ask. Without it the person at the notebook or terminal is asked; where there is none,
            as in a script, nothing is removed.

        Raises
        ------
        NotAgreed
            If the answer is no, or nobody can be asked.
        """
        name, version = which(filename, version)
        again = rerunning.of(self._connection)
        if again is not None:
            return again.purge(name, version)
        wanted = self._connection.identify(name, version)
        entries = self._connection.entries(name)
        doomed = [entry for entry in entries if wanted is None or entry.version == wanted]
        if not doomed:
            self.store.head(name, wanted)  # says that there is no such version
        if all(entry.marker for entry in entries if entry not in doomed):
            doomed = entries  # markers alone would hide nothing
        count = sum(not entry.marker for entry in doomed)
        if not yes:
            self._ask_to_purge(name, wanted, count)
        for entry in reversed(doomed):  # oldest first: cut off half-way, the newest is still there
            self.store.remove(name, entry.version)
            self._connection.forget(name, entry.version)
        self._connection.catch_up().with_name(name)
        return count

    def _ask_to_purge(self, name: str, version: str | None, count: int) -> None:
        from jsk_saver.asking import confirm, interactive

        asked = interactive()
        if asked and confirm(f"Remove {count} version(s) of {name!r} from {self.store.uri} for good?"):
            return
        which_one = "" if version is None else f', version="{version}"'
        raise NotAgreed(
            f"{name!r} was not purged{'' if asked else ': nobody is here to be asked'}.",
            kept="All of it.",
            hint=f'saver.purge("{name}"{which_one}, yes=True)',
        )

    # Looking after it -------------------------------------------------------------------------------

    def copy(
        self,
        filename: FileName,
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
            Copy all versions, oldest first, not only one. Those that were copied before are not copied
            again, so that a copy that was interrupted can be taken up.

        Returns
        -------
        Saved
            The (last) version made in the other store; ``unchanged`` if it had all of them.
        """
        from jsk_saver.copying import Copying

        name, version = which(filename, version)
        target = to if isinstance(to, Saver) else Saver(to, **self._connection.overrides)
        source, pinned = rerunning.seen(self._connection, name, version)
        goal = rerunning.goal(target._connection)
        copying = Copying(source, name, goal, check_name(as_name or name))
        if not history:
            record = copying.one(pinned or self._record(name, version).version)
            return self._lying(rerunning.arrived(target._connection, goal, record), "copied")
        wanted = [e.version for e in reversed(self._connection.entries(name)) if not e.marker]
        if not wanted:
            raise NotFound(f"{name!r} has no versions to copy.", hint=f'saver.history("{name}")')
        *_, (record, was_there) = copying.missing(wanted)
        return self._lying(rerunning.arrived(target._connection, goal, record, was_there), "copied")

    def verify(self, filename: FileName | None = None, *, version: Version | None = None) -> Verification:
        """Read versions again and compare their digests: of one, of all of a name, or of everything.

        Returns
        -------
        Verification
            A table of what was checked; ``ok`` tells whether all of it is as it was saved.
        """
        from jsk_saver.verify import verify

        if filename is None:
            return verify(self._connection, None, None)
        name, version = which(filename, version)
        return verify(self._connection, name, self._connection.identify(name, version))

    def reindex(self) -> int:
        """Build the index anew from the store, and return how many file names it has."""
        self._connection.index.clear()
        self.store.doubt()
        with self._connection.catch_up() as catch_up:
            return catch_up.with_all()


def _the_object(name: str, obj: Any, dataframe: Any, more: tuple[Any, ...]) -> Any:
    if more:
        raise JskError(
            f"put({name!r}, …) takes what comes after the object by name; "
            f"{human_value(more[0])[:60]} came without one.",
            hint=f'saver.put("{name}", dataframe, metadata={{"origin": "youtube"}})',
        )
    if (obj is MISSING) == (dataframe is MISSING):
        raise JskError(
            f"put({name!r}) takes one object, as second argument or as dataframe=; "
            f"{'both' if obj is not MISSING else 'neither'} came.",
            hint=f'saver.put("{name}", dataframe)',
        )
    return dataframe if obj is MISSING else obj
