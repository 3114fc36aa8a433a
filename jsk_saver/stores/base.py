"""What a store must be able to do: a few primitives over versions; everything else is built on them."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_saver.payload import Payload
from jsk_saver.record import Record

#: Called each time some bytes have passed: how many, and how many it will be in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a store's listing: a version, or a marker that hides the name.

    Parameters
    ----------
    name, version
        Which one.
    size
        Bytes; 0 for a marker.
    modified
        When the store got it, by the store's clock (aware, UTC).
    latest
        Whether it is the newest of its name.
    marker
        Whether it is not a version but hides the versions below it.
    """

    name: str
    version: str
    size: int
    modified: dt.datetime
    latest: bool
    marker: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something ``jsk doctor`` found wrong, and what to type."""

    what: str
    hint: str = ""


class Store(ABC):
    """Versioned bytes and their records, under file names.

    Every method may raise :class:`~jsk_saver.errors.StoreError` or one of its children; those that look
    for a version raise :class:`~jsk_saver.errors.NotFound`, or :class:`~jsk_saver.errors.Hidden` where
    the name was deleted and no version was asked for.
    """

    #: Address, as in the setting ``store``: a folder, or ``s3://bucket/prefix``.
    uri: str

    @property
    def server(self) -> str:
        """Which server the store at ``uri`` is on, where there may be several; empty if that is unknown."""
        return ""

    # Versions ---------------------------------------------------------------------------------------

    @abstractmethod
    def put(self, record: Record, payload: Payload, progress: Progress | None = None) -> Record:
        """Make a new version of ``record.name`` from record and bytes together, all or nothing.

        Returns the record with the version the store gave it.
        """

    @abstractmethod
    def fetch(
        self,
        name: str,
        version: str | None = None,
        *,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> tuple[Record, Payload]:
        """Return the record and the bytes of a version (the newest without one).

        Large bytes go to a temporary file in ``folder``. The payload's digest is *not* compared with the
        record's here; the caller does, once, for every store.
        """

    @abstractmethod
    def head(self, name: str, version: str | None = None) -> Record:
        """Return the record of a version (the newest without one)."""

    @abstractmethod
    def entries(self, name: str) -> list[Entry]:
        """Return all versions and markers of exactly this name, newest first; empty if there are none."""

    @abstractmethod
    def scan(self, prefix: str = "") -> Iterator[Entry]:
        """Yield versions and markers of every name that starts with ``prefix``.

        Names come in no particular order, the entries of one name together and newest first.
        """

    @abstractmethod
    def duplicate(self, source: Record, record: Record) -> Record:
        """Make a new version of ``record.name`` with the bytes of ``source`` but ``record``'s record.

        Both are in this store; bytes do not travel through this machine where the store can avoid it.
        """

    @abstractmethod
    def hide(self, name: str) -> None:
        """Put a marker on top of ``name``: ``get`` and ``search`` no longer see it, nothing is removed."""

    @abstractmethod
    def unhide(self, name: str) -> bool:
        """Take the markers off the top of ``name``; tell whether there were any."""

    @abstractmethod
    def remove(self, name: str, version: str) -> None:
        """Really remove one version (or marker) and what only it refers to."""

    # Notes ------------------------------------------------------------------------------------------

    @abstractmethod
    def put_note(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key`` (content-addressed by the caller, so writing twice is harmless).

        Notes are the kit's own small files: package lists, records too long for headers.
        """

    def keep_note(self, key: str, data: bytes) -> None:
        """Do :meth:`put_note` for a note that many records share; a store far away may skip what it has."""
        self.put_note(key, data)

    @abstractmethod
    def get_note(self, key: str) -> bytes:
        """Return what :meth:`put_note` kept."""

    @abstractmethod
    def notes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield key and size of every note whose key starts with ``prefix``, which ends in a slash."""

    # Looking after it -------------------------------------------------------------------------------

    @abstractmethod
    def address(self, name: str, version: str) -> str:
        """Return a URI that names one version for people and other tools."""

    @abstractmethod
    def check(self) -> list[Problem]:
        """Look for what is wrong with the store itself: reachable, writable, versioned."""

    def doubt(self) -> None:  # noqa: B027 - most stores take nothing for granted
        """Ask anew, next time, whatever was seen of the store and is taken for granted since."""

    def describe(self) -> dict[str, Any]:
        """Return what ``jsk doctor`` should show about this store."""
        return {"store": self.uri}


def without_login(address: str) -> str:
    """Return ``address`` without user and password; it stays usable.

    Examples
    --------
    >>> without_login("https://ana:secret@s3.example.org")
    'https://s3.example.org'
    """
    return re.sub(r"(?<=://)[^/@\s]+@", "", address)


def stamp(*parts: str) -> str:
    """Return a short name for a file that remembers something about ``parts``."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
