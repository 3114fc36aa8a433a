"""Random records, and random conditions that have a chance to fit them."""

from __future__ import annotations

import datetime as dt
import re

from hypothesis import strategies as st

from jsk_saver.index.conditions import And, Equal, Glob, Not, Or, Present, Range, Regex, Where, Words
from jsk_saver.index.paths import join_path
from jsk_saver.record import Record

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

KEYS = ["a", "b", "a.b", "@id", "rows", "created", "user", "lineage", "x\\y", ""]
LONG = "long text that is cut in the index " * 3
TEXTS = [
    "youtube", "YouTube channels", "you", "tube_2024", "2024-01-02", "2024-01-02T10:00:00+02:00", "5", "true",
    "", "*", "data set", LONG, LONG + "a", LONG + "b", "é", "ｆｕｌｌ", "\U0010ffff", "a\uffffb", "日本 語",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 1.0, 2.5, 1000, 2**53, 2**53 + 1, 2.0**53, -(2**60), 10**400, 1e300, -0.0]
DATES = [dt.date(2024, 1, 1), dt.date(2024, 1, 2), START, START + dt.timedelta(seconds=1, microseconds=7)]

keys = st.sampled_from(KEYS)
texts = st.sampled_from(TEXTS) | st.text(max_size=6)
numbers = st.sampled_from(NUMBERS) | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
trees = st.dictionaries(keys, values, max_size=4)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Return a record without version, from a small world of names, keys and values."""
    return Record(
        name=draw(st.sampled_from(["a.csv", "data/youtubeChannels.csv", "data_2024.json", "é.csv"])),
        version="",
        format=draw(st.sampled_from(["csv", "json"])),
        type="pandas.DataFrame",
        size=draw(st.integers(0, 3)),
        digest="sha256:" + draw(st.sampled_from(["ab" * 32, "cd" * 32])),
        created=START + dt.timedelta(seconds=draw(st.integers(-2, 3)), microseconds=draw(st.integers(0, 9))),
        metadata=draw(trees),
        lineage=draw(st.fixed_dictionaries({}, optional={"user": texts, "commit": texts, "a": values})),
        facts=draw(st.fixed_dictionaries({}, optional={"rows": numbers, "columns": numbers, "a": values})),
    )


paths = st.one_of(
    st.lists(keys, min_size=1, max_size=3).map(lambda keys: join_path(tuple(keys))),
    st.sampled_from(["@created", "created", "@rows", "rows", "size", "name", "version", "digest", "@user"]),
    st.sampled_from(["lineage.user", "@lineage.a", "user", "lineage.a.b"]),
)
bounds = (numbers | texts | st.sampled_from(DATES)).filter(lambda bound: bound is not None)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """Return a range with one or two bounds of one kind."""
    kind = draw(st.sampled_from([numbers, texts, st.sampled_from(DATES)]))
    low, high = draw(kind), draw(kind)
    which = draw(st.sampled_from(["low", "high", "both"]))
    if which == "low":
        return Range(low=low, above=draw(st.booleans()))
    return Range(high=high, below=draw(st.booleans())) if which == "high" else Range(low=low, high=high)


globs = st.sampled_from(
    ["*", "you*", "*tube*", "?ou*", "[0-9]*", "*b", "2024-*", LONG + "*", "long*", "[!a]*"]
)
regexes = st.sampled_from(["tube", "^you", "(?i)YOU", r"\d{4}", "cut.*b$", ""])
specs = st.one_of(
    (scalars | values | st.sampled_from(DATES)).map(Equal),
    globs.map(Glob),
    regexes.map(lambda regex: Regex(re.compile(regex))),
    ranges(),
    st.just(Present()),
)
wheres = st.builds(Where, paths, specs)
words = st.builds(
    Words,
    st.sampled_from(
        ["youtube", "channel", "2024", "data set", "you tube", "csv", "日本", "long text", "cut in the"]
    ),
    st.booleans(),
)
conditions = st.recursive(
    wheres | words,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=4,
)
