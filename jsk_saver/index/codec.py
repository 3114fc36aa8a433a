"""Records as small bytes: JSON, compressed against a sample of a record that looks much like it."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from sqlite3 import Connection

from jsk_saver.record import Record

_WINDOW = 13  # 8 KB of look-back; more costs time for every record and finds nothing


class Codec:
    """Packs and unpacks records, with the samples of one database.

    A record is compressed against a sample, a record that was written shortly before: they share host,
    commit, keys and most of the rest, and shrink to a fifth.
    """

    def __init__(self) -> None:
        self._samples: dict[int, bytes] = {}
        self._current = 0

    def forget(self) -> None:
        """Forget the samples: another database is in use, or a transaction was undone."""
        self._samples.clear()
        self._current = 0

    def pack(self, db: Connection, record: Record) -> tuple[int, bytes]:
        """Return the number of the sample that was used, and the record compressed with it."""
        text = json.dumps(record.to_json(), separators=(",", ":")).encode()
        if not self._current:
            self._current = db.execute("SELECT coalesce(max(id), 0) FROM samples").fetchone()[0]
            if not self._current:
                self._add_sample(db, text)
        packer = zlib.compressobj(6, zlib.DEFLATED, -_WINDOW, 6, zdict=self._sample(db, self._current))
        return self._current, packer.compress(text) + packer.flush()

    def renew(self, db: Connection, record: Record) -> None:
        """Use ``record`` as the sample from now on."""
        self._add_sample(db, json.dumps(record.to_json(), separators=(",", ":")).encode())

    def unpack(self, db: Connection, name: str, version: str, sample: int, data: bytes) -> Record:
        """Return the record that :meth:`pack` packed."""
        text = zlib.decompressobj(-_WINDOW, zdict=self._sample(db, sample)).decompress(data)
        said = json.loads(text)
        # It was checked on its way in, so only built here: a hundred results are a hundred of these.
        del said["v"]
        created = dt.datetime.fromisoformat(said.pop("created"))
        return Record(name, version, created=created, **said)

    def _add_sample(self, db: Connection, text: bytes) -> None:
        sample = text[-(2**_WINDOW) :]
        self._current = db.execute("INSERT INTO samples (data) VALUES (?)", (sample,)).lastrowid or 0
        self._samples[self._current] = sample

    def _sample(self, db: Connection, number: int) -> bytes:
        found = self._samples.get(number)
        if found is None:
            (found,) = db.execute("SELECT data FROM samples WHERE id = ?", (number,)).fetchone()
            self._samples[number] = found
        return found
