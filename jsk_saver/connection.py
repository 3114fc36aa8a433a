"""A connection: one store, with the index, cache and spool that belong to it on this machine."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver import hints
from jsk_saver.errors import Hidden, JskError, NoMatch, NotFound, StoreUnreachable
from jsk_saver.progress import SHOWN_ABOVE, transfer_bar
from jsk_saver.settings import Settings
from jsk_saver.settings import load as load_settings
from jsk_saver.stores import Entry, Store, open_store, stamp

if TYPE_CHECKING:
    from jsk_saver.cache import Cache
    from jsk_saver.catchup import CatchUp
    from jsk_saver.index import Index, Query
    from jsk_saver.payload import Payload
    from jsk_saver.record import Record
    from jsk_saver.spool import Spool


#: Bytes of an object for which one more request is nothing against sending it again.
WORTH_ASKING = 8 * 2**20
#: Fewest characters of an identifier that stand for it.
SHORTEST_PART = 6
#: Small files of the kit's own in a store, by key.
Notes = Mapping[str, bytes]


class Connection:
    """What the verbs of a saver work with; each part is made when it is first needed.

    Parameters
    ----------
    **arguments
        Settings that win over environment and ``pyproject.toml``.
    """

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments

    def __getstate__(self) -> dict[str, Any]:
        """Return the arguments only: another process makes everything else for itself."""
        return {"_arguments": self._arguments}

    @cached_property
    def settings(self) -> Settings:
        """The settings in force, read on first use."""
        return load_settings(**self._arguments)

    @cached_property
    def store(self) -> Store:
        """Where versions live."""
        return open_store(self.settings.store_uri, self.settings)

    @cached_property
    def index(self) -> Index:
        """The catalogue that answers searches; rebuilt from the store whenever it is gone."""
        from jsk_saver.index.sqlite import SqliteIndex

        name = stamp(self.settings.endpoint_url, self.store.uri)
        return SqliteIndex(self.settings.home / "index" / f"{name}.sqlite")

    @cached_property
    def cache(self) -> Cache:
        """Versions read from afar, kept on this machine."""
        from jsk_saver.cache import Cache

        return Cache(self.scratch, self.settings.cache_size)

    @cached_property
    def spool(self) -> Spool:
        """Objects that could not be sent yet."""
        from jsk_saver.spool import Spool

        return Spool(self.settings.home / "spool")

    @property
    def overrides(self) -> dict[str, Any]:
        """The settings given as arguments, the store's address left out: for a saver of another store."""
        return {name: value for name, value in self._arguments.items() if name != "store"}

    def at(self, uri: str) -> Connection:
        """Return the connection to another store that is reached in the same way; this one for its own."""
        if uri == self.store.uri:
            return self
        if uri not in self._others:
            self._others[uri] = Connection(store=uri, **self.overrides)
        return self._others[uri]

    @cached_property
    def _others(self) -> dict[str, Connection]:
        return {}

    @property
    def scratch(self) -> Path:
        """Where large objects are encoded and received; beside the cache, which takes them by renaming."""
        return self.settings.home / "cache"

    @property
    def _cache_key(self) -> str:
        return f"{self.settings.endpoint_url} {self.store.uri}"

    # Sending ----------------------------------------------------------------------------------------

    def send(self, record: Record, payload: Payload, notes: Notes | None = None) -> Record:
        """Give record and bytes to the store; what it does not take is kept in the spool.

        ``notes`` are what the record refers to, by key; they are written before it.
        """
        shown = self.settings.progress and payload.size > SHOWN_ABOVE
        with self.spooling(record, payload, notes or {}):
            self.keep_notes(notes or {})
            with transfer_bar(f"put {record.name}", shown=shown) as progress:
                stored = self.store.put(record, payload, progress)
        with self.index_may_wait():
            self.index.append(stored)
        return stored

    @contextmanager
    def index_may_wait(self) -> Iterator[None]:
        """Let nothing about the index fail what the store has done already; catching up mends it."""
        try:
            yield
        except JskError as error:
            warnings.warn(f"The store has it, but the search index does not yet: {error}", stacklevel=4)

    @contextmanager
    def spooling(self, record: Record, payload: Payload, notes: Notes) -> Iterator[None]:
        """Keep record and bytes in the spool if the store fails in the block."""
        from jsk_saver.rescue import Rescue

        with Rescue(self.spool, self.store, self.settings).of(record, payload, notes):
            yield

    def take_back(self, record: Record) -> None:
        """Remove a version that was just made and turned out wrong."""
        self.store.remove(record.name, record.version)
        self.forget(record.name, record.version)

    def keep_notes(self, notes: Notes) -> None:
        """Keep notes, which never change, in the store."""
        for key, data in notes.items():
            self.store.keep_note(key, data)

    # Reading ----------------------------------------------------------------------------------------

    def read(
        self, name: str, version: str | None = None, *, folder: Path | None = None
    ) -> tuple[Record, Payload]:
        """Return record and bytes of a version (the newest without one).

        A version that is known is looked for in the cache first. With ``folder`` the bytes are wanted
        there, and do not go through the cache. The digest is the caller's to compare.
        """
        cached = self.settings.cache and self.store.uri.startswith("s3://")
        # "null" is what a bucket calls a version from before it kept versions: others may replace that one.
        if folder is not None or not cached or version == "null":
            return self._fetch(name, version, folder or self.scratch)
        if version is None and self.cache.newest(self._cache_key, name):
            # Large, and perhaps here already: asking for its headers is worth a request.
            version = self.head(name).version
        if version is not None:
            found = self.cache.find(self._cache_key, name, version)
            if found is not None:
                if found[1].digest == found[0].digest:
                    return found
                found[1].close()
                self.cache.forget(self._cache_key, name, version)
        record, payload = self._fetch(name, version, self.scratch)
        if record.digest and record.digest == payload.digest and record.version != "null":
            kept = self.cache.keep(self._cache_key, record, payload)
            if kept and payload.size >= WORTH_ASKING:
                self.cache.note_newest(self._cache_key, name, record.version)
        return record, payload

    def _fetch(self, name: str, version: str | None, folder: Path) -> tuple[Record, Payload]:
        with transfer_bar(f"get {name}", shown=self.settings.progress) as progress:
            try:
                return self.store.fetch(name, version, folder=folder, progress=progress)
            except StoreUnreachable as error:
                self._add_what_is_here(error, name)
                raise
            except NotFound as error:
                whole = self._whole(error, name, version)
                return self.store.fetch(name, whole, folder=folder, progress=progress)

    def head(self, name: str, version: str | None = None) -> Record:
        """Return the record of a version (the newest without one), from the store itself.

        Versions never change, so that of one in the cache will do while the store does not answer.
        """
        try:
            return self.store.head(name, version)
        except StoreUnreachable as error:
            found = (
                self.cache.find(self._cache_key, name, version) if version and self.settings.cache else None
            )
            if found is None:
                self._add_what_is_here(error, name)
                raise
            found[1].close()
            return found[0]
        except NotFound as error:
            return self.store.head(name, self._whole(error, name, version))

    def _add_what_is_here(self, error: StoreUnreachable, name: str) -> None:
        if self.settings.cache:
            hints.unreachable(error, name, self.index, self.cache, self._cache_key)

    def _whole(self, error: NotFound, name: str, version: str | None) -> str:
        """Return the identifier of which ``version``, which was not found, is a part; or raise the error."""
        found = None
        if version is not None:
            known = [entry.version for entry in self.store.entries(name) if not entry.marker]
            found = _completed(name, version, known)
        if found is None:
            raise self._with_suggestion(error, name, version) from None
        return found

    def expose(self, record: Record, file: str, fill: Any) -> Path:
        """Return the path of a file or folder of its own for this version; see :meth:`Cache.expose`."""
        return self.cache.expose(self._cache_key, record, file, fill)

    def forget(self, name: str, version: str) -> None:
        """Drop a purged version from index and cache."""
        self.cache.forget(self._cache_key, name, version)
        with self.index_may_wait():
            self.index.forget(name, version)

    def _with_suggestion(self, error: NotFound, name: str, version: str | None) -> NotFound:
        if version is not None:
            return error
        return hints.not_found(error, name, self.index, self.spool, self.store)

    # Finding ----------------------------------------------------------------------------------------

    def catch_up(self) -> CatchUp:
        """Return what brings the index up to date."""
        from jsk_saver.catchup import CatchUp

        return CatchUp(self.store, self.index, self.settings.connections, progress=self.settings.progress)

    def refresh(self, wanted: Query) -> None:
        """Bring into the index what a query could find; nothing else is asked of the store."""
        try:
            with self.catch_up() as catch_up:
                if wanted.name is not None:
                    catch_up.with_name(wanted.name)
                else:
                    catch_up.with_all(literal_start(wanted.name_glob or ""))
        except StoreUnreachable as error:
            error.hint += "\n        saver.search(refresh=False)    # what this machine knows of"
            raise

    def entries(self, name: str) -> list[Entry]:
        """Bring one name's records into the index; return its versions and markers, newest first."""
        with self.catch_up() as catch_up:
            entries = catch_up.with_name(name)
        if not entries:
            missing = NotFound(f"There is no {name!r} in {self.store.uri}.", hint="saver.search()")
            raise self._with_suggestion(missing, name, None)
        return entries

    def newest_match(self, name: str, asked: Query, typed: str = "") -> Record:
        """Return the newest version of ``name`` that matches; the store is asked about that name only.

        ``typed`` is how the search was typed, to be said if nothing matches.
        """
        from jsk_saver.index.advice import advice

        entries = self.entries(name)
        order = None if asked.text is None else "-created"  # the newest that fits, not the best ranked
        wanted = replace(asked, name=name, name_glob=None, sort=order, limit=1, offset=0)
        found = self.index.find(wanted)
        if found:
            return found[0]
        if entries[0].marker:
            raise Hidden(f"{name!r} was deleted.", kept="Its versions.", hint=f'saver.restore("{name}")')
        count = sum(not entry.marker for entry in entries)
        meant = advice(self.index, wanted)
        raise NoMatch(
            f"None of the {count} version(s) of {name!r} matches {typed or asked}. "
            f"The newest has the metadata {self.store.head(name).metadata}.",
            hint="; ".join(meant) or f'saver.history("{name}")',
        )

    def resolve(self, name: str, version: object) -> str | None:
        """Return the identifier that ``version`` stands for; None for the newest.

        It may be an identifier, something with one in ``.version``, or a whole number that counts like
        those shown to people: 1 the oldest, -1 the newest. A part of an identifier is returned as it is:
        an identifier that is whole must cost no listing, and reading completes one that is not.
        """
        if version is None:
            return None
        if hasattr(version, "__index__") and not isinstance(version, bool):
            number = operator.index(version)
            versions = [entry.version for entry in reversed(self.entries(name)) if not entry.marker]
            place = number - 1 if number > 0 else number
            if number == 0 or not -len(versions) <= place < len(versions):
                raise NotFound(
                    f"There is no version number {number} of {name!r}: it has {len(versions)}.",
                    hint=f'saver.history("{name}")',
                )
            return versions[place]
        return str(getattr(version, "version", version))

    def identify(self, name: str, version: object) -> str | None:
        """Return what :meth:`resolve` does; a part of an identifier is completed, for one more listing."""
        wanted = self.resolve(name, version)
        if wanted is None:
            return None
        known = [entry.version for entry in self.store.entries(name) if not entry.marker]
        return wanted if wanted in known else _completed(name, wanted, known) or wanted


def _completed(name: str, part: str, known: Iterable[str]) -> str | None:
    """Return the one of the ``known`` versions that begins or ends with ``part``, if that is long enough.

    The form in which tables shorten an identifier, with both ends around ``…``, is one as well.
    """
    start, cut, end = part.partition("…")
    if len(start) + len(end) < SHORTEST_PART:
        return None
    if cut:
        found = [version for version in known if version.startswith(start) and version.endswith(end)]
    else:
        found = [version for version in known if version.startswith(part) or version.endswith(part)]
    if len(found) > 1:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise NotFound(
            f"{part!r} may be any of {len(found)} versions of {name!r}: {shown}.",
            hint=f'saver.history("{name}")    # then more of the identifier',
        )
    return found[0] if found else None


def literal_start(glob: str) -> str:
    """Return the part of a glob that every match starts with.

    Examples
    --------
    >>> literal_start("data/*.csv")
    'data/'
    """
    return glob.partition("*")[0]
