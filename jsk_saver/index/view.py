"""What a search sees: the segments of the database and, after them, the records that wait to be in one."""

from __future__ import annotations

from sqlite3 import Connection

from jsk_saver.index.bits import decode
from jsk_saver.index.codec import Codec
from jsk_saver.index.segment import Draft, Segment
from jsk_saver.index.stored import StoredSegment
from jsk_saver.index.vocabulary import Vocabulary
from jsk_saver.record import Record

#: The tail is read anew when this many of its records have gone into segments or away.
_STALE = 4096


class View:
    """The state of the index in one transaction; what has not changed since the last one is kept.

    Parameters
    ----------
    codec
        Unpacks records.
    """

    db: Connection

    def __init__(self, codec: Codec) -> None:
        self.paths: dict[str, int] = {}
        self.vocabulary = Vocabulary()
        self._codec = codec
        self._changes = 0
        self._stored: dict[int, StoredSegment] = {}
        self._tail = Tail()

    def refresh(self, db: Connection) -> None:
        """Look again, in the transaction that is open on ``db``."""
        self.db = db
        changes = db.execute("SELECT value FROM state WHERE key = 'changes'").fetchone()[0]
        if changes == self._changes:
            return
        known = set(self._stored)
        now = {number for (number,) in db.execute("SELECT id FROM segments")}
        for number in known - now:
            del self._stored[number]
        for number in now - known:
            size, overflow = db.execute(
                "SELECT size, overflow FROM segments WHERE id = ?", (number,)
            ).fetchone()
            self._stored[number] = StoredSegment(self, number, size, overflow)
        self._refresh_masks()
        for number, path in db.execute("SELECT id, path FROM paths WHERE id > ?", (len(self.paths),)):
            self.paths[path] = number
        self._refresh_tail()
        self._changes = changes

    def _refresh_masks(self) -> None:
        rows = self.db.execute(
            "SELECT m.segment, m.live, m.hidden, m.latest, o.newest, o.ordered "
            "FROM masks m JOIN orders o ON o.segment = m.segment WHERE m.changed > ?",
            (self._changes,),
        )
        for number, live, hidden, latest, newest, ordered in rows:
            self._stored[number].set_masks(live, hidden, latest, newest, ordered=bool(ordered))

    def _refresh_tail(self) -> None:
        if self._tail.size > _STALE:
            self._tail = Tail()
        tail = self._tail
        tail.begin()
        rows = self.db.execute(
            "SELECT r.id, n.name, r.version, r.key, n.hidden, n.latest = r.id "
            "FROM records r JOIN names n ON n.id = r.name WHERE r.id < 0 ORDER BY r.id DESC"
        )
        for place, name, version, key, hidden, latest in rows:
            if (name, version) not in tail:
                tail.take(self.record(place), key)
            tail.mark(name, version, key, hidden=bool(hidden), latest=bool(latest))

    def segments(self) -> list[Segment]:
        """Return all segments, those with the newest records first."""
        found: list[Segment] = [self._tail, *self._stored.values()]
        found.sort(key=lambda segment: (segment.newest, segment.number), reverse=True)
        return found

    def record(self, place: int) -> Record:
        """Return the record that is kept under this number."""
        name, version, sample, data = self.db.execute(
            "SELECT n.name, r.version, r.sample, r.data "
            "FROM records r JOIN names n ON n.id = r.name WHERE r.id = ?",
            (place,),
        ).fetchone()
        return self._codec.unpack(self.db, name, version, sample, data)

    def postings(self, word: str) -> dict[int, tuple[int, int]]:
        """Return, for each segment that has the word, which records have it in their name and elsewhere."""
        found = {}
        rows = self.db.execute("SELECT segment, names, others FROM words WHERE word = ?", (word,))
        for number, names, others in rows:
            size = self._stored[number].size
            found[number] = (decode(names, size), decode(others, size))
        tail = self._tail.word(word)
        if any(tail):
            found[self._tail.number] = tail
        return found

    def words(self) -> Vocabulary:
        """Return the words that occur, for finding those that a misspelled one may mean."""
        rows = self.db.execute(
            "SELECT id, words FROM vocabulary WHERE id > ? ORDER BY id", (self.vocabulary.read,)
        )
        for number, words in rows:
            self.vocabulary.learn(words.split(" "))
            self.vocabulary.read = number
        self.vocabulary.learn(self._tail.words)
        return self.vocabulary

    def tail_paths(self) -> set[str]:
        """Return the paths of records that are in no segment yet."""
        return set(self._tail.terms)

    def total(self) -> int:
        """Return how many records there are."""
        return sum(segment.live.bit_count() for segment in self.segments())


class Tail(Draft):
    """The records that are in no segment yet, kept between searches."""

    def __init__(self) -> None:
        super().__init__(number=1 << 62)  # later than every segment
        self._places: dict[tuple[str, str], int] = {}

    def __contains__(self, version: tuple[str, str]) -> bool:
        return version in self._places

    def begin(self) -> None:
        """Start a new look: nothing is there until :meth:`mark` says so."""
        self.live = self.hidden = self.latest = self.newest = 0

    def take(self, record: Record, key: int) -> None:
        """Add a record that was not there before."""
        self._places[record.name, record.version] = self.add(record, key)

    def mark(self, name: str, version: str, key: int, *, hidden: bool, latest: bool) -> None:
        """Note that a record is there, and what has changed about it."""
        position = self._places[name, version]
        bit = 1 << position
        self.live |= bit
        self.hidden |= bit * hidden
        self.latest |= bit * latest
        self.rekey(position, key)
