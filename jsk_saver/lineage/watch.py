"""Who wants to know what is saved and read in this process: a trial that runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from jsk_saver.record import Record

#: Takes ``"input"`` or ``"output"`` and what is known of the version: name, uri, digest, …
Watcher = Callable[[str, dict[str, Any]], None]

_watchers: list[Watcher] = []


class Place(Protocol):
    """A store, as far as this module needs to know it."""

    @property
    def uri(self) -> str:
        """Its address."""

    def address(self, name: str, version: str) -> str:
        """Return the address of a version."""


def add(watcher: Watcher) -> None:
    """Tell this watcher from now on."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def tell(direction: str, record: Record, store: Place, asked: str = "") -> None:
    """Tell all watchers about a version; none of them can fail what was done.

    ``asked`` says how it was asked for, where not by its name alone.
    """
    for watcher in _watchers:
        try:
            watcher(
                direction,
                {
                    "name": record.name,
                    "version": record.version,
                    "uri": store.address(record.name, record.version),
                    "store": store.uri,
                    "digest": record.digest,
                    "size": record.size,
                    **({"asked": asked} if asked else {}),
                },
            )
        except Exception:
            logging.getLogger(__name__).warning("a version was not noted by the trial", exc_info=True)
