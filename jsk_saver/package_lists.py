"""The lists of installed packages: a record has the digest of one, the store has each list once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jsk_saver.errors import JskError, NotFound

if TYPE_CHECKING:
    from jsk_saver.record import Record
    from jsk_saver.stores import Store


def key(digest: str) -> str:
    """Return where in a store the list with this digest is."""
    return f"packages/{digest}.txt"


def read(store: Store, record: Record) -> list[str]:
    """Return a line ``name==version`` for each package that was installed when ``record`` was made.

    Raises
    ------
    NotFound
        If that is not known.
    """
    digest = record.lineage.get("packages")
    if not isinstance(digest, str):
        raise NotFound(
            f"Which packages {record.name!r} (version {record.version}) was made with is not in its lineage.",
            hint=f'saver.describe("{record.name}")    # what is known',
        )
    try:
        return store.get_note(key(digest)).decode().splitlines()
    except NotFound:
        raise NotFound(
            f"The list of packages of {record.name!r} ({key(digest)}) is no longer in {store.uri}.",
            kept="Its digest, by which versions made with the same packages are found.",
            hint=f'saver.search(packages="{digest}")',
        ) from None


def number(store: Store, record: Record) -> int | None:
    """Return how many packages were installed; None where that is not known."""
    try:
        return len(read(store, record))
    except JskError:
        return None


def take_along(store: Store, record: Record, taken: dict[str, bytes]) -> dict[str, bytes]:
    """Return the list that ``record`` needs in another store, read once into ``taken``."""
    digest = record.lineage.get("packages")
    place = key(digest) if isinstance(digest, str) else ""
    if place and place not in taken:
        with suppress(NotFound):  # the digest alone still tells whether two versions had the same
            taken[place] = store.get_note(place)
    return {place: taken[place]} if place in taken else {}
