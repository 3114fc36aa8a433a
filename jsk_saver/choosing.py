"""Which version is meant, in all the ways in which one may be named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jsk_saver.errors import NotFound
from jsk_saver.record import check_name
from jsk_saver.saved import Saved

if TYPE_CHECKING:
    from jsk_saver.connection import Connection

#: A version: its identifier, what ``put``, ``search`` or ``history`` returned, or a number as people count
#: (1 the oldest, -1 the newest).
Version = str | int | Saved
#: A file name; or what ``put``, ``search`` or ``history`` returned, which is one version of it.
FileName = str | os.PathLike[str] | Saved


def which(filename: FileName, version: Version | None = None) -> tuple[str, Version | None]:
    """Return name and version of what was given; what a saver returned stands for both."""
    if isinstance(filename, Saved):
        return filename.name, filename if version is None else version
    return check_name(filename), version


def pair(
    connection: Connection, filename: FileName, old: Version | None, new: Version | None
) -> tuple[str, list[str | None]]:
    """Return the name and the two versions to compare: by default the last two, or one and that before it."""
    name, own = which(filename)
    if own is not None:
        old, new = (_before(connection, name, own), own) if old is None else (own, old)
    elif old is None:
        _two(connection, name)
    sides = (-2 if old is None else old, -1 if new is None else new)
    return name, [connection.resolve(name, side) for side in sides]


def _two(connection: Connection, name: str, version: str = "") -> list[str]:
    """Return the versions of a name, oldest first, if there is one before ``version`` (the newest)."""
    versions = [entry.version for entry in reversed(connection.entries(name)) if not entry.marker]
    if len(versions) < 2 or version == versions[0]:
        what = "has only one version" if len(versions) < 2 else f"has no version before {version}"
        raise NotFound(
            f"{name!r} {what}, so there is nothing to compare it with.", hint=f'saver.describe("{name}")'
        )
    return versions


def _before(connection: Connection, name: str, version: Version) -> str:
    wanted = connection.identify(name, version) or ""
    versions = _two(connection, name, wanted)
    if wanted not in versions:
        connection.head(name, wanted)  # says that there is no such version
    return versions[versions.index(wanted) - 1]
