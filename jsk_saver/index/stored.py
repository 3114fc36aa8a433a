"""Segments in the database: written once, read piece by piece, dropped whole."""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from sqlite3 import Connection
from typing import TYPE_CHECKING

from jsk_saver.index import schema
from jsk_saver.index.bits import Column, Numbers, decode, encode
from jsk_saver.index.segment import Draft, Segment, Term
from jsk_saver.record import Record

if TYPE_CHECKING:
    from jsk_saver.index.codec import Codec
    from jsk_saver.index.view import View


#: Numbers read together; four rows of them fill a page.
_CHUNK = 240


@dataclass(slots=True)
class Row:
    """A record on its way into the database, and what the index says about it.

    Parameters
    ----------
    name
        Number of its name.
    key, late
        What "newest first" sorts by, and how much of that is not the record's own time.
    hidden, latest
        Whether its name is deleted, whether it is the newest of its name.
    record
        All of it.
    packed
        Number of the sample and bytes of the record, where it has been packed before.
    """

    name: int
    key: int
    late: int
    hidden: bool
    latest: bool
    record: Record
    packed: tuple[int, bytes] | None = None


# Writing --------------------------------------------------------------------------------------------


def write_segment(db: Connection, codec: Codec, rows: Sequence[Row]) -> list[int]:
    """Write ``rows`` (sorted by key) as one segment; return their places."""
    number = schema.next_segment(db)
    draft = Draft(number)
    for row in rows:
        draft.add(row.record, row.key)
    codec.renew(db, rows[-1].record)
    places = range(number << schema.POSITION_BITS, (number << schema.POSITION_BITS) + len(rows))
    db.executemany(
        "INSERT INTO records (id, name, version, key, late, sample, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                place,
                row.name,
                row.record.version,
                row.key,
                row.late,
                *(row.packed or codec.pack(db, row.record)),
            )
            for place, row in zip(places, rows, strict=True)
        ),
    )
    _write_masks(db, number, rows)
    paths = _path_numbers(db, draft.terms)
    _write_terms(db, draft, paths)
    _write_columns(db, draft, paths)
    words = _write_words(db, draft)
    overflow = draft.overflow.to_bytes((draft.size + 7) // 8, "little")
    db.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", (number, draft.size, overflow, words))
    return list(places)


def _write_masks(db: Connection, number: int, rows: Sequence[Row]) -> None:
    size, keys = len(rows), [row.key for row in rows]
    db.execute("INSERT INTO orders VALUES (?, ?, 1, ?)", (number, keys[-1], struct.pack(f"={size}q", *keys)))
    width = (size + 7) // 8
    masks = (
        (1 << size) - 1,
        sum(1 << position for position, row in enumerate(rows) if row.hidden),
        sum(1 << position for position, row in enumerate(rows) if row.latest),
    )
    changes = schema.changed(db)
    db.execute(
        "INSERT INTO masks VALUES (?, ?, ?, ?, ?)",
        (number, changes, *(mask.to_bytes(width, "little") for mask in masks)),
    )


def _path_numbers(db: Connection, paths: Iterable[str]) -> dict[str, int]:
    db.executemany("INSERT OR IGNORE INTO paths (path) VALUES (?)", ((path,) for path in paths))
    find = "SELECT id FROM paths WHERE path = ?"
    return {path: db.execute(find, (path,)).fetchone()[0] for path in paths}


def _write_terms(db: Connection, draft: Draft, paths: dict[str, int]) -> None:
    size = draft.size

    def rows() -> Iterator[tuple[int, int, Term, bytes]]:
        for path, number in sorted(paths.items(), key=lambda item: item[1]):
            terms = draft.terms[path]
            # As SQLite sorts them: codes before texts. Rows in order fill pages from left to right.
            codes: list[Term] = sorted(term for term in terms if isinstance(term, int))
            texts: list[Term] = sorted(term for term in terms if isinstance(term, str))
            for term in codes + texts:
                yield draft.number, number, term, encode(terms[term], size)

    db.executemany("INSERT INTO terms VALUES (?, ?, ?, ?)", rows())


def _write_columns(db: Connection, draft: Draft, paths: dict[str, int]) -> None:
    for path, kind in sorted(draft.layers, key=lambda item: (paths[item[0]], item[1])):
        for layer, (low, high, column) in enumerate(draft.built_columns(path, kind)):
            place, values = (draft.number, paths[path], kind, layer), column.numbers.values
            db.execute(
                "INSERT INTO columns VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*place, low, high, len(values), column.to_bytes(draft.size)),
            )
            chunks = ((start, values[start : start + _CHUNK]) for start in range(0, len(values), _CHUNK))
            db.executemany(
                "INSERT INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((*place, chunk[0], start, array("d", chunk).tobytes()) for start, chunk in chunks),
            )


def _write_words(db: Connection, draft: Draft) -> bytes:
    """Write who has which word; return the list of words, which is needed to drop them."""
    words, size = sorted(draft.words), draft.size
    known = "SELECT 1 FROM words WHERE word = ? LIMIT 1"
    new = [word for word in words if is_vocabulary(word) and not db.execute(known, (word,)).fetchone()]
    if new:
        db.execute("INSERT INTO vocabulary (words) VALUES (?)", (" ".join(new),))
    db.executemany(
        "INSERT INTO words VALUES (?, ?, ?, ?)",
        (
            (word, draft.number, encode(draft.words[word][0], size), encode(draft.words[word][1], size))
            for word in words
        ),
    )
    return zlib.compress(" ".join(words).encode(), 1)


def is_vocabulary(word: str) -> bool:
    """Tell whether ``word`` may be what a misspelled or unfinished word means."""
    return 3 <= len(word) <= 32 and word.isalpha()


def drop_segment(db: Connection, number: int) -> None:
    """Remove a segment and its records."""
    row = db.execute("SELECT words FROM segments WHERE id = ?", (number,)).fetchone()
    words = zlib.decompress(row[0]).decode().split(" ")
    db.executemany("DELETE FROM words WHERE word = ? AND segment = ?", ((word, number) for word in words))
    for table in ("terms", "columns", "numbers", "masks", "orders"):
        db.execute(f"DELETE FROM {table} WHERE segment = ?", (number,))  # noqa: S608 - our own names
    db.execute("DELETE FROM segments WHERE id = ?", (number,))
    first = number << schema.POSITION_BITS
    last = first + (1 << schema.POSITION_BITS) - 1
    db.execute("DELETE FROM records WHERE id BETWEEN ? AND ?", (first, last))


# Reading --------------------------------------------------------------------------------------------


class StoredNumbers(Numbers):
    """The numbers of a column in the database, read in chunks: a range needs two of them at most."""

    def __init__(self, view: View, place: tuple[object, ...], bounds: list[float], count: int) -> None:
        self._view, self._place = view, place
        (self._low, self._high), self._count = bounds, count
        self._chunk: tuple[int, Sequence[float]] = (0, ())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rank: int) -> float:
        return self.values[rank]

    @cached_property
    def values(self) -> Sequence[float]:  # type: ignore[override]
        """All numbers."""
        rows = self._view.db.execute(
            "SELECT data FROM numbers WHERE segment = ? AND path = ? AND kind = ? AND layer = ? "
            "ORDER BY first",
            self._place,
        )
        return memoryview(b"".join(data for (data,) in rows)).cast("d")

    def rank(self, number: float, *, after: bool) -> int:  # noqa: D102
        if number < self._low or (number == self._low and not after):
            return 0
        if number > self._high or (number == self._high and after):
            return self._count
        before, chunk = self._chunk
        if not chunk or not chunk[0] <= number <= chunk[-1]:  # often both bounds are in one
            before, data = self._view.db.execute(
                "SELECT rank, data FROM numbers WHERE segment = ? AND path = ? AND kind = ? AND layer = ? "
                "AND first <= ? ORDER BY first DESC LIMIT 1",
                (*self._place, number),
            ).fetchone()
            chunk = memoryview(data).cast("d")
            self._chunk = (before, chunk)
        return before + Numbers(chunk).rank(number, after=after)


class StoredSegment(Segment):
    """A segment in the database, read as far as a search needs it."""

    def __init__(self, view: View, number: int, size: int, overflow: bytes) -> None:
        self._view = view
        self.number, self.size = number, size
        self.overflow = int.from_bytes(overflow, "little")
        self.live = self.hidden = self.latest = self.newest = 0
        self.ordered = True
        self._keys: Sequence[int] | None = None

    def set_masks(self, live: bytes, hidden: bytes, latest: bytes, newest: int, *, ordered: bool) -> None:
        """Take over what has changed since it was written."""
        self.live, self.hidden, self.latest = (int.from_bytes(m, "little") for m in (live, hidden, latest))
        self.newest, self.ordered = newest, ordered
        self._keys = None

    @property
    def keys(self) -> Sequence[int]:  # noqa: D102
        if self._keys is None:
            row = self._view.db.execute(
                "SELECT keys FROM orders WHERE segment = ?", (self.number,)
            ).fetchone()
            self._keys = memoryview(row[0]).cast("q")
        return self._keys

    def record(self, position: int) -> Record:  # noqa: D102
        return self._view.record(self.number << schema.POSITION_BITS | position)

    def has(self, path: str) -> bool:  # noqa: D102
        return path in self._view.paths

    def term(self, path: str, term: Term) -> int:  # noqa: D102
        row = self._view.db.execute(
            "SELECT members FROM terms WHERE segment = ? AND path = ? AND term = ?",
            (self.number, self._view.paths.get(path), term),
        ).fetchone()
        return decode(row[0], self.size) if row else 0

    def texts(  # noqa: D102
        self, path: str, low: str = "", high: str | None = None, part: str = "", *, backwards: bool = False
    ) -> Iterator[tuple[str, int]]:
        sql = "SELECT term, members FROM terms WHERE segment = ? AND path = ? AND term >= ?"
        values: list[object] = [self.number, self._view.paths.get(path), low]
        if high is not None:
            sql, values = sql + " AND term < ?", [*values, high]
        if part:
            sql, values = sql + " AND (instr(term, ?) OR substr(term, -1) = ?)", [*values, part, "\uffff"]
        order = "DESC" if backwards else "ASC"
        for text, members in self._view.db.execute(f"{sql} ORDER BY term {order}", values):
            yield text, decode(members, self.size)

    def columns(  # noqa: D102
        self, path: str, kind: int, low: float = -math.inf, high: float = math.inf
    ) -> list[Column]:
        place = (self.number, self._view.paths.get(path), kind)
        rows = self._view.db.execute(
            "SELECT layer, low, high, count, data FROM columns "
            "WHERE segment = ? AND path = ? AND kind = ? AND high >= ? AND low <= ? ORDER BY layer",
            (*place, low, high),
        )
        return [
            Column.from_bytes(data, self.size, StoredNumbers(self._view, (*place, layer), bounds, count))
            for layer, *bounds, count, data in rows
        ]

    def word(self, word: str) -> tuple[int, int]:  # noqa: D102
        row = self._view.db.execute(
            "SELECT names, others FROM words WHERE word = ? AND segment = ?", (word, self.number)
        ).fetchone()
        return (decode(row[0], self.size), decode(row[1], self.size)) if row else (0, 0)
