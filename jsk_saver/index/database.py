"""The file of the embedded index: opened, shared, repaired and given up as needed.

The index can always be built anew, so no trouble with its file is the user's: a damaged or outdated file is
begun anew, and where nothing can be written the index lives in memory. :class:`Database` says what it did in
``warning`` and ``rebuilt``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from jsk_saver.errors import JskError
from jsk_saver.index import schema
from jsk_saver.index.filesystem import exclusive, is_network

T = TypeVar("T")

#: Seconds to wait for another process that writes.
PATIENCE = 30.0
#: Bytes of the file that are kept in memory by a connection.
CACHE = 128 * 2**20
#: A larger file is not copied to memory when it becomes unwritable.
MAX_COPY = 2**30

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNWRITABLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ABANDONED: list[sqlite3.Connection] = []  # by a fork; closing them here could harm the parent's


class Database:
    """One connection to the index file, shared by the threads of a process.

    Parameters
    ----------
    path
        The file, or None for an index in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.warning = ""
        self.rebuilt = False
        #: Raised when another file (or none) is behind the connection: what was read before is void.
        self.generation = 0
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    # Transactions -----------------------------------------------------------------------------------

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``work`` returns; all it reads is of one moment."""
        return self._run(work, "BEGIN")

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``work`` returns; all it writes is written, or nothing if it raises.

        ``work`` may be called again if the file turns out to be damaged or unwritable.
        """
        return self._run(work, "BEGIN IMMEDIATE")

    def reset(self) -> None:
        """Begin anew with nothing; other processes notice when they next use the file."""
        if self._process != os.getpid():
            self._leave_parent()
        with self._lock:
            rebuilt = self.rebuilt
            if self._identity is None and self._connection is not None:
                self._drop()
            else:
                self._begin_anew()
            self.rebuilt = rebuilt

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        if self._process != os.getpid():
            self._leave_parent()
        with self._lock:
            self._drop()

    def _run(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        if self._process != os.getpid():
            self._leave_parent()
        with self._lock:
            for _ in range(3):
                try:
                    with _transaction(self._ready(), begin) as db:
                        return work(db)
                except sqlite3.Error as error:
                    self._handle(error)
            with _transaction(self._ready(), begin) as db:
                return work(db)

    def _leave_parent(self) -> None:
        """After a fork: SQLite forbids the use of the parent's connection, and its lock may be held."""
        self._lock, self._process = threading.RLock(), os.getpid()
        if self._connection is not None and self._identity is not None:
            _ABANDONED.append(self._connection)
            self._connection = None

    # Opening ----------------------------------------------------------------------------------------

    def _ready(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except OSError as error:
            self._keep_in_memory(error.strerror or str(error))
            return self._opened()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and (self._identity is None or self._identity == self._on_disk()):
            return self._connection
        if self._connection is not None:
            if self.path is not None and self.path.exists():
                with exclusive(self.path):
                    self._remove_emptied(self.path)  # before the log is written back into it
            self._drop()
            self.rebuilt = True
        self.generation += 1
        if self.path is None or self.warning:
            self._connection, self._identity = _in_memory(), None
        else:
            self._identity = self._on_disk()
            self._connection = self._open_file(self.path)
            self._identity = self._on_disk()
        return self._connection

    def _on_disk(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path or "")  # noqa: PTH116 - twice as fast, and in every call
        except OSError:
            return None
        # A file without a byte is none of ours any more: ours have a page as soon as they are made.
        return (status.st_dev, status.st_ino) if status.st_size else None

    @staticmethod
    def _remove_emptied(path: Path) -> None:
        """Remove a file that somebody has cut to nothing; others who have it open then notice as well."""
        if path.exists() and not path.stat().st_size:
            path.unlink()
            _remove_log(path)

    def _open_file(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path):
            self._remove_emptied(path)
            if not path.exists():
                _remove_log(path)  # a log without its file would be replayed into the new one
            connection = self._connect(path)
            try:
                if not _is_ours(connection):
                    connection.close()
                    self._remove(path)
                    connection = self._connect(path)
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    with _transaction(connection, "BEGIN IMMEDIATE"):
                        schema.create(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        network = is_network(path)
        try:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute(f"PRAGMA journal_mode = {'DELETE' if network else 'WAL'}")
            # A power cut may damage the file; then it is begun anew. Over a network, every sync is slow.
            connection.execute(f"PRAGMA synchronous = {'OFF' if network else 'NORMAL'}")
            _tune(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    # Trouble ----------------------------------------------------------------------------------------

    def _handle(self, error: sqlite3.Error) -> None:
        code = getattr(error, "sqlite_errorcode", 0)
        code = sqlite3.SQLITE_CORRUPT if code == sqlite3.SQLITE_IOERR_SHORT_READ else code & 0xFF
        if self._identity is None and self._connection is not None:
            raise error  # in memory, where no file is to blame
        if code in _DAMAGED:
            self._begin_anew()
        elif code in _UNWRITABLE:
            self._keep_in_memory(str(error))
        elif code in _BUSY:
            raise JskError(
                f"The search index {self.path} was in use by another process for {PATIENCE:.0f} seconds.",
                kept="Everything in the store.",
                hint="Try again, or end the process that holds it (lsof shows which).",
            ) from error
        else:
            raise error

    def _begin_anew(self) -> None:
        seen = self._identity
        self._drop()
        if self.path is None:
            return
        try:
            with exclusive(self.path):
                if seen is None or seen == self._on_disk():  # else another process has begun anew
                    self._remove(self.path)
                self.rebuilt = True
        except OSError as error:
            self._keep_in_memory(error.strerror or str(error))

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        _remove_log(path)
        self.rebuilt = True

    def _keep_in_memory(self, reason: str) -> None:
        """Go on without the file, with what could be read from it."""
        self._drop()
        self.warning = (
            f"The search index {self.path} cannot be written ({reason}); it is kept in memory until this "
            f"process ends."
        )
        self.generation += 1
        self._connection, self._identity = _in_memory(self.path), None
        self.rebuilt = True

    def _drop(self) -> None:
        connection, self._connection, self._identity = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    db.execute(begin)
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


def _is_ours(connection: sqlite3.Connection) -> bool:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not tables or (version == schema.VERSION and application == schema.APPLICATION)


def _tune(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE // 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = OFF")


def _in_memory(source: Path | None = None) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with contextlib.suppress(sqlite3.Error, OSError):
        if source is not None and source.stat().st_size < MAX_COPY:
            _copy(source, connection)
            if connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION:
                _tune(connection)
                return connection
            connection.close()
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _tune(connection)
    with _transaction(connection, "BEGIN"):
        schema.create(connection)
    return connection


def _copy(source: Path, target: sqlite3.Connection) -> None:
    """Copy what is readable; ``immutable`` reads even where no lock can be taken."""
    for mode in ("mode=ro", "immutable=1"):
        try:
            with contextlib.closing(
                sqlite3.connect(f"{source.absolute().as_uri()}?{mode}", uri=True)
            ) as reader:
                reader.backup(target)
            return
        except sqlite3.Error:
            continue


def _remove_log(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
