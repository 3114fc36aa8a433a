"""What each kind of condition means, one example at a time."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from jsk_saver.index import (
    absent,
    any_of,
    at_least,
    at_most,
    between,
    exactly,
    less_than,
    matches,
    more_than,
    not_,
    present,
    query,
)
from jsk_saver.index.sqlite import SqliteIndex
from jsk_saver.record import Record

CREATED = dt.datetime(2024, 1, 31, 10, 30, tzinfo=dt.UTC)
METADATA = {
    "origin": "youtube", "rows": 1500, "score": 0.5, "draft": True, "nothing": None, "five": "5",
    "tags": ["weekly", "raw"], "sizes": [1, 20, 300], "empty": [],
    "model": {"kind": "lgbm", "v1.0": {"x": 1}},
    "day": "2024-01-31", "time": "2024-01-31T12:30:00+02:00", "star": "*", "runs": [{"k": 1}, {"k": 2}],
    "user": "mine",
}  # fmt: skip
LINEAGE = {
    "user": "ann", "host": "studio", "commit": "4f2a9c81d0", "notebook": "deep/eda.ipynb",
    "dirty": "sha256:00", "parents": [{"name": "raw.csv", "version": "1"}],
}  # fmt: skip
RECORD = Record(
    "data/youtube.csv", "v1", "csv", "pandas.DataFrame", 2048, "sha256:" + "ab" * 32, CREATED,
    METADATA, LINEAGE, {"rows": 9, "columns": 8},
)  # fmt: skip

FITS = [
    # exact values
    {"origin": "youtube"},
    {"rows": 1500},
    {"rows": 1500.0},
    {"draft": True},
    {"nothing": None},
    {"five": "5"},
    # lists
    {"origin": ["vimeo", "youtube"]},
    {"tags": "raw"},
    {"tags": exactly(["weekly", "raw"])},
    {"sizes": 20},
    {"empty": exactly([])},
    {"empty": present},
    {"tags": ["x", "raw"]},
    {"runs.k": 2},
    {"runs": present},
    {"runs": exactly({"k": 1})},
    {"parents.name": "raw.csv"},
    # text
    {"origin": "you*"},
    {"user": "ann"},
    {"user": "mine"},
    {"time": "2024-01-31"},
    {"star": exactly("*")},
    {"origin": re.compile("tube")},
    {"origin": re.compile("^YOU", re.I)},
    {"tags": "w*"},
    {"origin": between("a", "z")},
    {"origin": at_least("y")},
    # numbers
    {"rows": at_least(1500)},
    {"rows": at_most(1500)},
    {"rows": more_than(1499.9)},
    {"rows": less_than(2**70)},
    {"rows": between(1000, 2000)},
    {"sizes": between(15, 25)},
    {"score": between(0, 1)},
    {"rows": at_least(-(2**70))},
    # times
    {"day": dt.date(2024, 1, 31)},
    {"time": dt.date(2024, 1, 31)},
    {"time": CREATED},
    {"created": CREATED},
    {"created": "2024-01-31"},
    {"created": dt.date(2024, 1, 31)},
    {"created": at_most(dt.date(2024, 1, 31))},
    {"created": at_most("2024-01-31")},
    {"time": between("2024-01-31T10:00", "2024-01-31T11:00Z")},
    {"day": at_least("2024-01-31")},
    {"day": more_than("2024-01-30")},
    {"created": less_than("2024-02-01")},
    # paths
    {"model.kind": "lgbm"},
    {"model": {"kind": "lgbm"}},
    {"model.v1\\.0.x": 1},
    {"model": present},
    {"model": {"v1\\.0": {"x": at_least(1)}}},
    {"model": exactly({"kind": "lgbm", "v1.0": {"x": 1}})},
    {"origin": present},
    {"color": absent},
    {"model.color": absent},
    {"nothing": present},
    # facts, fields, lineage
    {"columns": 8},
    {"@rows": 9},
    {"name": "data/*"},
    {"size": at_least(2000)},
    {"format": "csv"},
    {"type": "pandas.*"},
    {"digest": "sha256:abab*"},
    {"version": "v1"},
    {"host": "studio"},
    {"user": "mine"},
    {"@user": "ann"},
    {"lineage.user": "ann"},
    {"lineage": {"user": "ann"}},
    {"commit": "4f2a"},
    {"notebook": "eda.ipynb"},
    {"notebook": "deep/eda.ipynb"},
    {"@dirty": True},
    # together
    {"origin": not_("vimeo")},
    {"color": not_("red")},
    {"rows": any_of(absent, at_least(1000))},
    not_({"origin": "vimeo"}),
    any_of({"origin": "vimeo"}, {"rows": 1500}),
    {},
    "origin:youtube youtube",
]

FITS_NOT = [
    {"origin": "YouTube"},
    {"rows": "1500"},
    {"draft": 1},
    {"draft": "true"},
    {"five": 5},
    {"nothing": False},
    {"nothing": absent},
    {"tags": "rawer"},
    {"tags": exactly(["raw", "weekly"])},
    {"empty": "x"},
    {"empty": exactly({})},
    {"origin": "tube*"},
    {"origin": exactly("you*")},
    {"star": exactly("**")},
    {"origin": re.compile("^tube")},
    {"rows": re.compile("1")},
    {"rows": "1*"},
    {"rows": more_than(1500)},
    {"rows": less_than(1500)},
    {"draft": at_least(0)},
    {"five": at_least(1)},
    {"rows": at_least("a")},
    {"sizes": between(21, 299)},
    {"origin": at_least("z")},
    {"origin": at_least("2024-01-01")},
    {"created": more_than("2024-01-31")},
    {"created": less_than("2024-01-31")},
    {"created": "2024"},
    {"created": "2024*"},
    {"day": "2024-1-31"},
    {"time": exactly("2024-01-31")},
    {"origin": "?outub[aeiou]"},
    {"origin": "?outub*"},
    {"model.kind": absent},
    {"model": "lgbm"},
    {"model.v1.0.x": 1},
    {"v1": present},
    {"rows": 9},
    {"@rows": 1500},
    {"@origin": present},
    {"user": "bo"},
    {"@user": "mine"},
    {"@user": "mine"},
    {"commit": "f2a9"},
    {"notebook": "da.ipynb"},
    {"@dirty": False},
    {"color": present},
    {"origin": not_("youtube")},
    {"tags": not_("raw")},
    not_({}),
    any_of({"origin": "a"}, {"origin": "b"}),
    "origin:youtube -youtube",
    '"youtube data"',
]


@pytest.mark.parametrize("pattern", FITS, ids=str)
def test_this_fits(pattern):
    assert matches(query(pattern).everything, RECORD)
    assert found(pattern) == [RECORD]


@pytest.mark.parametrize("pattern", FITS_NOT, ids=str)
def test_this_does_not_fit(pattern):
    asked = query(pattern)
    assert asked.text or not matches(asked.everything, RECORD)
    assert found(pattern) == []


def found(pattern):
    """Return what an index finds that holds the record twice: in a segment and outside; both must agree."""
    answers = []
    for tail in (1, 10):
        index = SqliteIndex(":memory:", tail=tail)
        index.append(RECORD)
        answers.append(index.find(query(pattern)))
    assert answers[0] == answers[1]
    return answers[0]
