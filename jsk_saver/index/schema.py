"""The tables of the embedded index.

A record is one row of ``records``, compressed. Its place is its number: below zero while it waits to become
part of a segment (the tail), afterwards ``segment << 16 | position``. Everything else is one row for each
value of each segment, so that writing a segment appends to each table, and dropping one removes one range.
Only ``words`` is sorted by word first: a text search reads a word in all segments at once.
"""

from __future__ import annotations

from sqlite3 import Connection

#: Raised with every change of the tables or of how texts are cut into words: other files are begun anew.
VERSION = 2
#: ``jsk1`` in ASCII; tells the kit's files from other people's.
APPLICATION = 0x6A736B31

POSITION_BITS = 16

TABLES = """
CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE names (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hidden INTEGER NOT NULL, latest INTEGER
);
CREATE TABLE records (
    id INTEGER PRIMARY KEY, name INTEGER NOT NULL, version TEXT NOT NULL,
    key INTEGER NOT NULL,   -- microseconds; the order of versions, within a name and across names
    late INTEGER NOT NULL,  -- how much of the key is not the record's own time
    sample INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (name, version)
);
CREATE TABLE samples (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, size INTEGER NOT NULL, overflow BLOB NOT NULL,
    words BLOB NOT NULL  -- compressed: which rows of words to drop with the segment
);
CREATE TABLE orders (
    segment INTEGER PRIMARY KEY, newest INTEGER NOT NULL, ordered INTEGER NOT NULL, keys BLOB NOT NULL
);
CREATE TABLE masks (
    segment INTEGER PRIMARY KEY, changed INTEGER NOT NULL,
    live BLOB NOT NULL, hidden BLOB NOT NULL, latest BLOB NOT NULL
);
CREATE TABLE paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE terms (
    segment INTEGER, path INTEGER, term, members BLOB NOT NULL, PRIMARY KEY (segment, path, term)
) WITHOUT ROWID;
CREATE TABLE columns (
    segment INTEGER, path INTEGER, kind INTEGER, layer INTEGER, low REAL NOT NULL, high REAL NOT NULL,
    count INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (segment, path, kind, layer)
) WITHOUT ROWID;
CREATE TABLE numbers (
    segment INTEGER, path INTEGER, kind INTEGER, layer INTEGER, first REAL, rank INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (segment, path, kind, layer, first)
) WITHOUT ROWID;
CREATE TABLE words (
    word TEXT, segment INTEGER, names BLOB NOT NULL, others BLOB NOT NULL, PRIMARY KEY (word, segment)
) WITHOUT ROWID;
CREATE TABLE vocabulary (id INTEGER PRIMARY KEY, words TEXT NOT NULL);
INSERT INTO state VALUES ('changes', 1), ('segments', 0), ('small', 0);
"""


def create(db: Connection) -> None:
    """Make the tables, inside the transaction that is open."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def changed(db: Connection) -> int:
    """Note that this transaction changes something, so that other readers look again; return its number."""
    db.execute("UPDATE state SET value = value + 1 WHERE key = 'changes'")
    return int(db.execute("SELECT value FROM state WHERE key = 'changes'").fetchone()[0])


def next_segment(db: Connection) -> int:
    """Return the number of a new segment."""
    db.execute("UPDATE state SET value = value + 1 WHERE key = 'segments'")
    return int(db.execute("SELECT value FROM state WHERE key = 'segments'").fetchone()[0])
