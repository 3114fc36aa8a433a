"""What can go wrong, said the same way everywhere: what happened, what was kept, what to type next.

Every error of the kit is a :class:`JskError`, and also the builtin it refines, so that
``except FileNotFoundError`` works for people who have never heard of this module. ``exit_code`` is what
the ``jsk`` command exits with.
"""

from __future__ import annotations


class JskError(Exception):
    """Anything the kit refuses or fails to do.

    Parameters
    ----------
    what
        What happened, naming the object, the store or the setting.
    kept
        What was kept in spite of it, or what stayed untouched.
    hint
        What to type next.
    """

    exit_code = 1

    def __init__(self, what: str, *, kept: str = "", hint: str = "") -> None:
        self.what = what
        self.kept = kept
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.kept:
            lines.append(f"  Kept: {self.kept}")
        if self.hint:
            lines.append(f"  Next: {self.hint}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the user's line and the error."""
        from jsk_saver.tracebacks import for_notebook

        return for_notebook(self)


# What the caller gave --------------------------------------------------------------------------------


class SettingsError(JskError, ValueError):
    """A setting has a value that cannot be used."""

    exit_code = 2


class InvalidName(JskError, ValueError):
    """A file name that no store could keep safely."""

    exit_code = 2


class InvalidMetadata(JskError, ValueError):
    """Metadata that would not come back exactly as it was given."""

    exit_code = 2


class QueryError(JskError, ValueError):
    """A search pattern or query line that means nothing."""

    exit_code = 2


class MissingExtra(JskError, ImportError):
    """A package is needed that a bare install leaves out."""

    exit_code = 2


# Objects and formats ---------------------------------------------------------------------------------


class UnknownFormat(JskError, ValueError):
    """No format fits this extension and this type of object."""

    exit_code = 2


class CannotRepresent(JskError, ValueError):
    """The chosen format would change the object, so it was not saved."""

    exit_code = 2


class UntrustedObject(JskError, PermissionError):
    """Loading this version may run code, and the caller has not allowed it."""

    exit_code = 5


class AlreadyThere(JskError, FileExistsError):
    """Something else is where a version should be written, and the caller has not allowed to replace it."""

    exit_code = 5


class NotAgreed(JskError):
    """Nobody agreed that something is removed for good."""

    exit_code = 5


class IntegrityError(JskError, OSError):
    """The bytes in the store are not the bytes that were saved."""

    exit_code = 4


class NewerVersion(JskError, FileExistsError):
    """What waits in the spool is older than what the store has, and the caller did not insist."""

    exit_code = 5


# Finding ---------------------------------------------------------------------------------------------


class NotFound(JskError, FileNotFoundError):
    """No such file name, or no such version of it."""

    exit_code = 3


class Hidden(NotFound):
    """The file name was deleted; its versions are kept and can be restored."""


class NoMatch(NotFound, LookupError):
    """Versions exist, but none that the search pattern describes."""


# Stores ----------------------------------------------------------------------------------------------


class StoreError(JskError, OSError):
    """The store refused or failed."""

    exit_code = 6


class StoreUnreachable(StoreError, ConnectionError):
    """The store did not answer, after retries."""


class StoreFull(StoreError):
    """No room left to write to."""


class AccessDenied(StoreError, PermissionError):
    """The store is there, but this caller may not do this."""


class BadCredentials(StoreError, PermissionError):
    """Credentials are missing, expired or wrong."""


class BucketMissing(StoreError, FileNotFoundError):
    """The bucket (or the store's folder) does not exist."""


class WrongRegion(StoreError):
    """The bucket lives in another region than the one asked."""


class NotVersioned(StoreError):
    """The bucket would overwrite instead of keeping versions."""


class ClockSkew(StoreError):
    """The clock of this machine is too far from the store's."""


# The platform ----------------------------------------------------------------------------------------


class AccountError(JskError, OSError):
    """AWS refused or did not answer something that is not about the store: apps, prices, costs."""

    exit_code = 6


# Trials ----------------------------------------------------------------------------------------------


class TrialExists(JskError, FileExistsError):
    """There is a trial of that name already."""


class TrialEnded(JskError, RuntimeError):
    """Something was logged to a trial that is over."""


class TrialRunning(JskError, RuntimeError):
    """A trial still runs, and what was asked for is for those that are over."""

    exit_code = 5


class CannotReproduce(NotFound):
    """Something that running a trial again needs is not there."""


class RunFailed(JskError, RuntimeError):
    """A trial was run again, and its program failed or made another trial."""
