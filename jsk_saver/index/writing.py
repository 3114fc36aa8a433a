"""Changes to the index: what happens inside one transaction."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from sqlite3 import Connection
from typing import Any

from jsk_saver.index import schema
from jsk_saver.index.base import NameState
from jsk_saver.index.codec import Codec
from jsk_saver.index.segment import is_unicode
from jsk_saver.index.stored import Row, drop_segment, write_segment
from jsk_saver.index.times import microseconds
from jsk_saver.record import Record

#: Records in a full segment.
SEGMENT = 8192
#: So many records wait outside of segments at most.
TAIL = 256
#: More small segments than this become one.
SMALL_SEGMENTS = 32


class Writing:
    """Changes the index within the transaction that is open on ``db``.

    Parameters
    ----------
    db
        The database.
    codec
        Packs records.
    segment, tail
        Sizes, see :data:`SEGMENT` and :data:`TAIL`.
    """

    def __init__(self, db: Connection, codec: Codec, segment: int, tail: int) -> None:
        self._db, self._codec = db, codec
        self._segment, self._tail = segment, tail
        self._marks = _Marks(db)

    # A put ------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Add the newest version of its name, which is then not hidden."""
        name, hidden, latest = self._name(record.name)
        if latest is None:
            before = None
        else:
            if self._place(name, record.version) is not None:
                return  # a listing has brought it in, and knows better what came after it
            before = self._key(latest)
        row = _row(name, record, before, hidden=False, latest=True)
        place = self._insert(row)
        self._db.execute("UPDATE names SET latest = ?, hidden = 0 WHERE id = ?", (place, name))
        if latest is not None:
            self._marks.set("latest", latest, on=False)
        if hidden:
            self._mark_hidden(name, hidden=False)
        schema.changed(self._db)
        self._marks.write()
        if place <= -self._tail:
            self._move_tail([])

    def _insert(self, row: Row) -> int:
        """Add a record to the tail."""
        place: int = self._db.execute("SELECT min(coalesce(min(id), 0), 0) - 1 FROM records").fetchone()[0]
        packed = row.packed or self._codec.pack(self._db, row.record)
        self._db.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
            (place, row.name, row.record.version, row.key, row.late, *packed),
        )
        return place

    # A listing --------------------------------------------------------------------------------------

    def update(self, states: Iterable[NameState]) -> None:
        """Make the index say of these names what the store says."""
        before = self._db.total_changes
        rows: list[Row] = []
        for state in states:
            rows += self._update_name(state)
        if rows:
            self._add(rows)
        if self._db.total_changes != before or self._marks:
            schema.changed(self._db)
            self._marks.write()
            self._merge()

    def _update_name(self, state: NameState) -> list[Row]:
        if not is_unicode(state.name):
            return []  # nobody can type it
        known = self._known(state.name)
        if not state.order or (known is None and not state.records):
            self._forget_name(state.name)
            return []
        name, hidden, latest = self._name(state.name)
        places = known or {}
        if hidden != state.hidden:
            self._db.execute("UPDATE names SET hidden = ? WHERE id = ?", (state.hidden, name))
            self._mark_hidden(name, hidden=state.hidden)
        if not state.records and list(places) == state.order:
            return []
        return self._reorder(state, name, latest, places)

    def _reorder(
        self, state: NameState, name: int, latest: int | None, known: dict[str, tuple[int, int, int]]
    ) -> list[Row]:
        new = {record.version: record for record in state.records if record.version not in known}
        rows: list[Row] = []
        key, newest = None, None
        for version in state.order:
            if version in known:
                newest, old_key, late = known.pop(version)
                key = _after(old_key - late, key)
                if key != old_key:
                    self._change_key(newest, key, late + key - old_key)
            elif version in new:
                row = _row(name, new[version], key, hidden=state.hidden, latest=False)
                rows.append(row)
                key, newest = row.key, None
        for place, _, _ in known.values():
            self._remove(place)
        if newest is None and not rows:
            self._forget_name(state.name)
            return []
        if newest is None:
            rows[-1].latest = True
        if latest is not None and latest != newest:
            self._marks.set("latest", latest, on=False)
        self._set_latest(name, newest)
        return rows

    def _known(self, name: str) -> dict[str, tuple[int, int, int]] | None:
        """Return place, key and lateness of the versions of ``name``, oldest first; None without any."""
        rows = self._db.execute(
            "SELECT r.version, r.id, r.key, r.late FROM names n JOIN records r ON r.name = n.id "
            "WHERE n.name = ? ORDER BY r.key",
            (name,),
        ).fetchall()
        return {version: (place, key, late) for version, place, key, late in rows} or None

    def _change_key(self, place: int, key: int, late: int) -> None:
        self._db.execute("UPDATE records SET key = ?, late = ? WHERE id = ?", (key, late, place))
        if place < 0:
            return
        segment, position = place >> schema.POSITION_BITS, place & (1 << schema.POSITION_BITS) - 1
        (data,) = self._db.execute("SELECT keys FROM orders WHERE segment = ?", (segment,)).fetchone()
        keys = list(struct.unpack(f"={len(data) // 8}q", data))
        keys[position] = key
        ordered = all(first <= second for first, second in pairwise(keys))
        self._db.execute(
            "UPDATE orders SET keys = ?, newest = ?, ordered = ? WHERE segment = ?",
            (struct.pack(f"={len(keys)}q", *keys), max(keys), ordered, segment),
        )
        self._marks.touch(place)

    # Names ------------------------------------------------------------------------------------------

    def hide(self, name: str, *, hidden: bool) -> None:
        """Note that ``name`` was deleted or restored."""
        found = self._db.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
        if found:
            self._db.execute("UPDATE names SET hidden = ? WHERE id = ?", (hidden, found[0]))
            self._mark_hidden(found[0], hidden=hidden)
            schema.changed(self._db)
            self._marks.write()

    def forget(self, name: str, version: str) -> None:
        """Drop one version."""
        known = self._known(name) or {}
        if version in known:
            order = [other for other in known if other != version]
            self.update([NameState(name, order, bool(self._name(name)[1]))])

    def _forget_name(self, name: str) -> None:
        for place, _, _ in (self._known(name) or {}).values():
            self._remove(place)
        self._db.execute("DELETE FROM names WHERE name = ?", (name,))

    def _remove(self, place: int) -> None:
        self._db.execute("DELETE FROM records WHERE id = ?", (place,))
        self._marks.set("live", place, on=False)

    def _name(self, name: str) -> tuple[int, bool, int | None]:
        """Return number, hidden and place of the newest version of a name, which is added if it is new."""
        row = self._db.execute("SELECT id, hidden, latest FROM names WHERE name = ?", (name,)).fetchone()
        if row is None:
            added = self._db.execute("INSERT INTO names (name, hidden) VALUES (?, 0)", (name,))
            return added.lastrowid or 0, False, None
        return row[0], bool(row[1]), row[2]

    def _place(self, name: int, version: str) -> int | None:
        find = "SELECT id FROM records WHERE name = ? AND version = ?"
        row = self._db.execute(find, (name, version)).fetchone()
        return row[0] if row else None

    def _key(self, place: int) -> int | None:
        row = self._db.execute("SELECT key FROM records WHERE id = ?", (place,)).fetchone()
        return row[0] if row else None

    def _set_latest(self, name: int, place: int | None) -> None:
        self._db.execute("UPDATE names SET latest = ? WHERE id = ?", (place, name))
        if place is not None:
            self._marks.set("latest", place, on=True)

    def _mark_hidden(self, name: int, *, hidden: bool) -> None:
        places = self._db.execute("SELECT id FROM records WHERE name = ? AND id >= 0", (name,)).fetchall()
        for (place,) in places:
            self._marks.set("hidden", place, on=hidden)

    # Segments ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Make segments of a long tail, and few of many, so that searches are quick."""
        if self._waiting() >= self._tail:
            self._move_tail([])
        self._merge()
        schema.changed(self._db)

    def _waiting(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM records WHERE id < 0").fetchone()[0])

    def _add(self, rows: list[Row]) -> None:
        """Bring in new records: as full segments where they are many, else into the tail."""
        if self._waiting() + len(rows) >= self._segment:
            rows = self._move_tail(rows, whole=True)
        rows.sort(key=lambda row: row.key)
        for row in rows:
            place = self._insert(row)
            if row.latest:
                self._set_latest(row.name, place)

    def _move_tail(self, rows: list[Row], *, whole: bool = False) -> list[Row]:
        """Make segments of the tail together with new rows; with ``whole`` return what fills none."""
        rows = self._rows(-(1 << 62), -1)[::-1] + rows
        self._db.execute("DELETE FROM records WHERE id < 0")
        rows.sort(key=lambda row: row.key)
        end = len(rows) - len(rows) % self._segment if whole else len(rows)
        for start in range(0, end, self._segment):
            self._write(rows[start : min(end, start + self._segment)])
        return rows[end:]

    def _write(self, rows: Sequence[Row]) -> None:
        places = write_segment(self._db, self._codec, rows)
        if len(rows) < self._segment // 2:
            self._db.execute("UPDATE state SET value = value + 1 WHERE key = 'small'")
        newest = [(place, row.name) for place, row in zip(places, rows, strict=True) if row.latest]
        self._db.executemany("UPDATE names SET latest = ? WHERE id = ?", newest)

    def _rows(self, first: int, last: int) -> list[Row]:
        """Return the records kept under the numbers from ``first`` to ``last``."""
        found = self._db.execute(
            "SELECT r.name, r.key, r.late, n.hidden, n.latest = r.id, n.name, r.version, r.sample, r.data "
            "FROM records r JOIN names n ON n.id = r.name WHERE r.id BETWEEN ? AND ? ORDER BY r.id",
            (first, last),
        ).fetchall()
        return [
            Row(
                name,
                key,
                late,
                bool(hidden),
                bool(latest),
                self._unpack(text, version, packed),
                (packed[0], packed[1]),
            )
            for name, key, late, hidden, latest, text, version, *packed in found
        ]

    def _unpack(self, name: str, version: str, packed: Sequence[Any]) -> Record:
        return self._codec.unpack(self._db, name, version, *packed)

    def _merge(self) -> None:
        """Make few large segments of many small ones, and of those that have lost most of their records."""
        small = self._small()
        self._db.execute("UPDATE state SET value = ? WHERE key = 'small'", (len(small),))
        if len(small) < 2 or (sum(small.values()) < self._segment and len(small) < SMALL_SEGMENTS):
            return
        rows: list[Row] = []
        for number in small:
            first = number << schema.POSITION_BITS
            rows += self._rows(first, first + (1 << schema.POSITION_BITS) - 1)
        rows.sort(key=lambda row: row.key)
        self._db.executemany("DELETE FROM records WHERE name = ? AND version = ?", _identities(rows))
        for start in range(0, len(rows), self._segment):
            self._write(rows[start : start + self._segment])
        for number in small:  # only now: words that are still there are no new words
            drop_segment(self._db, number)

    def _small(self) -> dict[int, int]:
        """Return the segments that are at most half full, with how many records they have."""
        live = {
            number: int.from_bytes(mask, "little").bit_count()
            for number, mask in self._db.execute("SELECT segment, live FROM masks")
        }
        return {number: count for number, count in live.items() if count < self._segment // 2}


class _Marks:
    """Changes to the masks of segments, collected and written together."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._masks: dict[int, dict[str, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._masks)

    def touch(self, place: int) -> dict[str, int]:
        """Note that something about the segment of ``place`` has changed; return its masks."""
        number = place >> schema.POSITION_BITS
        found = self._masks.get(number)
        if found is None:
            row = self._db.execute(
                "SELECT live, hidden, latest FROM masks WHERE segment = ?", (number,)
            ).fetchone()
            names = ("live", "hidden", "latest")
            found = {name: int.from_bytes(mask, "little") for name, mask in zip(names, row, strict=True)}
            found["width"] = len(row[0])
            self._masks[number] = found
        return found

    def set(self, mask: str, place: int, *, on: bool) -> None:
        """Set or clear one bit; the tail has none, its marks are read from the names."""
        if place < 0:
            return
        masks, bit = self.touch(place), 1 << (place & (1 << schema.POSITION_BITS) - 1)
        masks[mask] = masks[mask] | bit if on else masks[mask] & ~bit

    def write(self) -> None:
        """Write what was collected."""
        if not self._masks:
            return
        changes = schema.changed(self._db)
        self._db.executemany(
            "UPDATE masks SET changed = ?, live = ?, hidden = ?, latest = ? WHERE segment = ?",
            (
                (changes, *(masks[name].to_bytes(masks["width"], "little") for name in _MASKS), number)
                for number, masks in self._masks.items()
            ),
        )
        self._masks.clear()


_MASKS = ("live", "hidden", "latest")


def _row(name: int, record: Record, before: int | None, *, hidden: bool, latest: bool) -> Row:
    created = microseconds(record.created)
    key = _after(created, before)
    return Row(name, key, key - created, hidden, latest, record)


def _after(created: int, before: int | None) -> int:
    """Return the key of a version that comes after the one whose key is ``before``."""
    return created if before is None else max(created, before + 1)


def _identities(rows: Iterable[Row]) -> Iterable[tuple[int, str]]:
    return ((row.name, row.record.version) for row in rows)
