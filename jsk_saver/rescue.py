"""What becomes of an object that its store did not take: the spool keeps it, and the error says so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jsk_saver.errors import JskError, MissingExtra, StoreError
from jsk_saver.settings import REACHING, Settings
from jsk_saver.stores import Store, without_login

if TYPE_CHECKING:
    from jsk_saver.payload import Payload
    from jsk_saver.record import Record
    from jsk_saver.spool import Spool, Waiting

#: What is left of an object that nothing on disk has; told to people whose process goes on.
IN_MEMORY = "The object itself, in this process only."


class Rescue:
    """Keeps what ``store`` does not take in ``spool``.

    Parameters
    ----------
    spool, store, settings
        Where to, from where, and how that is reached.
    """

    def __init__(self, spool: Spool, store: Store, settings: Settings) -> None:
        self._spool, self._store, self._settings = spool, store, settings

    @contextmanager
    def of(self, record: Record, payload: Payload, notes: Mapping[str, bytes]) -> Iterator[None]:
        """Keep record and bytes if the store fails in the block, or somebody interrupts it."""
        try:
            yield
        except (StoreError, MissingExtra) as error:
            self._keep(error, record, payload, notes)
            raise
        except JskError:
            raise  # the object or its name is at fault, and sending it later would not help
        except KeyboardInterrupt:
            self._keep_interrupted(record, payload, notes)
            raise
        except Exception as error:
            said = without_login(f"{type(error).__name__}: {error}")
            failed = StoreError(
                f"{record.name!r} was not saved. {self._store.uri} failed: {said}.", hint="jsk doctor"
            )
            self._keep(failed, record, payload, notes)
            raise failed from (error if said.endswith(str(error)) else None)  # a login is not to be shown

    def _keep(self, error: JskError, record: Record, payload: Payload, notes: Mapping[str, bytes]) -> None:
        if repr(record.name) not in error.what:
            error.what = f"{record.name!r} was not saved. {error.what}"
        try:
            waiting = self._kept(record, payload, error.what, notes)
        except (OSError, JskError) as second:
            error.kept = f"{error.kept} {IN_MEMORY}".strip()
            error.hint = (
                f"{error.hint}  (The spool {self._spool.folder} cannot take it either: {second})\n"
                "        export JSK_HOME=/a/folder/you/may/write/to    # for the spool; then try again"
            )
            return
        error.kept = f"The encoded object and its record, in {waiting.folder}"
        error.hint = f"{error.hint}\n        jsk spool push    # then"

    def _keep_interrupted(self, record: Record, payload: Payload, notes: Mapping[str, bytes]) -> None:
        what = f"Saving {record.name!r} was interrupted"
        try:
            waiting = self._kept(record, payload, f"{what}.", notes)
        except (OSError, JskError) as second:
            warnings.warn(f"{what}, and the spool cannot take it: {second}", stacklevel=6)
            return
        warnings.warn(
            f"{what}. It is kept in {waiting.folder}: jsk spool push sends it, "
            f"jsk spool drop {waiting.id} forgets it.",
            stacklevel=6,
        )

    def _kept(self, record: Record, payload: Payload, reason: str, notes: Mapping[str, bytes]) -> Waiting:
        remote = self._store.uri.startswith("s3://")
        reached = {name: without_login(getattr(self._settings, name)) for name in REACHING} if remote else {}
        return self._spool.keep(
            self._store.uri, record, payload, reason, notes, settings=reached, server=self._server()
        )

    def _server(self) -> str:
        try:
            return self._store.server
        except Exception:  # whatever keeps the store from being used must not keep the object from the spool
            return ""
