"""The doctor: what is in force, why, and what is wrong; each problem with what to type.

:func:`examine` looks at everything once and never fails because of what it finds: settings that cannot be
read and stores that do not answer are findings like the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from jsk_saver.doctor import aws, machine, stores
from jsk_saver.doctor.report import Finding, Report
from jsk_saver.errors import JskError, SettingsError
from jsk_saver.stores.base import Problem

if TYPE_CHECKING:
    from jsk_saver.connection import Connection

__all__ = ["Finding", "Report", "examine"]

_EXAMINERS: dict[str, Callable[[Connection], Finding | None]] = {
    "settings": machine.settings,
    "store": stores.store,
    "aws": aws.caller,
    "uploads": aws.uploads,
    "clock": aws.clock,
    "cache": machine.cache,
    "index": machine.index,
    "spool": machine.spool,
}


def examine(connection: Connection) -> Report:
    """Look at settings, store, cache, index, spool, packages and clock.

    Parameters
    ----------
    connection
        Whose; :attr:`jsk_saver.Saver.connection` has it.

    Returns
    -------
    Report
        Shows itself in terminals and notebooks; ``ok`` is whether there is nothing wrong.

    Examples
    --------
    >>> import tempfile
    >>> from jsk_saver import Saver
    >>> examine(Saver(tempfile.mkdtemp(), home=tempfile.mkdtemp()).connection).ok
    True
    """
    findings = {"kit": machine.kit()}
    try:
        connection.settings  # noqa: B018 - read now, so that a wrong one is told once
    except SettingsError as error:
        hint = error.hint or "Correct it there, or take it away: every setting has a default."
        findings["settings"] = Finding("Settings", problems=[Problem(error.what, hint)])
    else:
        for name, look in _EXAMINERS.items():
            found = _guarded(name, look, connection)
            if found is not None:
                findings[name] = found
    return Report({**findings, "formats": machine.formats()})


def _guarded(
    name: str, look: Callable[[Connection], Finding | None], connection: Connection
) -> Finding | None:
    """Let one part that goes wrong not hide the others."""
    try:
        return look(connection)
    except JskError as error:
        return Finding(name.capitalize(), problems=[Problem(error.what, error.hint)])
    except Exception as error:
        if os.environ.get("JSK_DEBUG"):
            raise
        what = f"Looking at the {name} failed: {type(error).__name__}: {error}."
        return Finding(name.capitalize(), problems=[Problem(what, "JSK_DEBUG=1 jsk doctor")])
