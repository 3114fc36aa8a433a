"""What the shell completes: file names and versions, from the index on this machine.

The store is not asked: completion must answer at once, and never fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from jsk_saver.connection import Connection

#: More than this helps nobody to choose.
_MOST = 200


def file_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return file names that start like ``incomplete``."""
    try:
        return _connection(context).index.names(incomplete)[:_MOST]
    except Exception:
        return []


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Return the versions of the file name that was typed before, newest first."""
    try:
        # An option that still lacks its value leaves the arguments unassigned.
        name = str(context.params.get("name") or next(iter(context.args), ""))
        known = reversed(_connection(context).index.versions(name))
        return [version for version in known if version.startswith(incomplete)][:_MOST]
    except Exception:
        return []


def _connection(context: typer.Context) -> Connection:
    from jsk_saver.connection import Connection

    given = [context.params.get("store")]
    if context.parent is not None:
        given.append(context.parent.params.get("store"))
    return Connection(store=next((store for store in given if store), None))
