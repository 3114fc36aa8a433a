"""What an index must be able to do, whatever keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from jsk_saver.index.query import Query
from jsk_saver.record import Record


@dataclass(frozen=True, slots=True)
class NameState:
    """All that a store has under one name, as a listing tells it.

    Parameters
    ----------
    name
        The file name.
    order
        Its versions, oldest first, complete.
    hidden
        Whether the name is deleted.
    records
        The records of those versions that the index did not hold.
    """

    name: str
    order: list[str]
    hidden: bool = False
    records: list[Record] = field(default_factory=list)


class Index(ABC):
    """A catalogue of records that answers searches. The store is the truth; this can be built anew.

    Newest first means: within one name in the store's order, whatever the clocks of the writers said;
    across names by ``created``. (The index moves a version that claims to be older than the version
    before it to just after that one.)
    """

    #: Why the index is only kept in memory, in a sentence for the user; empty if it is not.
    warning: str = ""
    #: Whether an index file was found damaged, outdated or removed, and begun anew.
    rebuilt: bool = False

    # Writing ----------------------------------------------------------------------------------------

    @abstractmethod
    def append(self, record: Record) -> None:
        """Add a version that was just put: the newest of its name, which is no longer hidden."""

    @abstractmethod
    def update(self, states: Iterable[NameState]) -> None:
        """Make the index say of these names what the store says."""

    @abstractmethod
    def hide(self, name: str) -> None:
        """Note that ``name`` was deleted."""

    @abstractmethod
    def unhide(self, name: str) -> None:
        """Note that ``name`` was restored."""

    @abstractmethod
    def forget(self, name: str, version: str) -> None:
        """Drop one version that is gone from the store."""

    @abstractmethod
    def clear(self) -> None:
        """Drop everything."""

    # Asking -----------------------------------------------------------------------------------------

    @abstractmethod
    def find(self, query: Query) -> list[Record]:
        """Return the records that ``query`` describes, in its order."""

    @abstractmethod
    def count(self, query: Query | None = None) -> int:
        """Return how many versions there are (hidden too), or how many ``query`` describes without limit."""

    @abstractmethod
    def unknown(self, entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those pairs of name and version that the index does not hold."""

    @abstractmethod
    def versions(self, name: str) -> list[str]:
        """Return the versions of ``name``, oldest first."""

    @abstractmethod
    def names(self, prefix: str = "", *, hidden: bool = True) -> list[str]:
        """Return the names that start with ``prefix``, sorted; without ``hidden`` no deleted ones."""

    @abstractmethod
    def keys(self) -> list[str]:
        """Return the paths that occur in the metadata, or did since the index was built, sorted."""

    @abstractmethod
    def fields(self) -> list[str]:
        """Return the paths that metadata and facts have, as a search writes them, sorted."""

    @abstractmethod
    def texts(self, path: str, most: int = 1_000) -> list[str]:
        """Return texts that versions have at ``path``, up to so many."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""
