"""One query language: as dictionaries, as keyword arguments and as one line of text."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.errors import QueryError
from jsk_saver.index import (
    Query,
    absent,
    any_of,
    at_least,
    at_most,
    between,
    exactly,
    less_than,
    more_than,
    not_,
    parse_line,
    present,
    query,
)
from jsk_saver.index.conditions import And, Condition, Equal, Glob, Not, Or, Range, Regex, Where, Words
from jsk_saver.index.ranking import phrases_of
from jsk_saver.index.tokens import phrase_words
from tests.index.strategies import conditions, texts

DAY = dt.date(2024, 1, 31)
TIME = dt.datetime(2024, 1, 31, 10, 30, tzinfo=dt.UTC)

SAME = [
    ("origin:youtube", {"origin": "youtube"}),
    ("origin:youtube rows:>=1000", {"origin": "youtube", "rows": at_least(1000)}),
    ("origin:youtube,vimeo", {"origin": ["youtube", "vimeo"]}),
    ("origin:you*", {"origin": "you*"}),
    ('origin:="*"', {"origin": exactly("*")}),
    ('title:"a b"', {"title": "a b"}),
    ('title:"a (b): \\"c\\""', {"title": 'a (b): "c"'}),
    ("title:/^data/i", {"title": re.compile("^data", re.IGNORECASE)}),
    ("path:/a\\/b c/", {"path": re.compile("a/b c")}),
    ("rows:5", {"rows": [5, exactly("5")]}),
    ("rows:=5", {"rows": 5}),
    ("rows:=2.5", {"rows": 2.5}),
    ("draft:true", {"draft": [True, exactly("true")]}),
    ("draft:=true", {"draft": True}),
    ("draft:=null", {"draft": None}),
    ("rows:>5", {"rows": more_than(5)}),
    ("rows:<=-5", {"rows": at_most(-5)}),
    ("rows:<1e3", {"rows": less_than(1000.0)}),
    ("rows:1..5", {"rows": between(1, 5)}),
    ("rows:1.5..2.5", {"rows": between(1.5, 2.5)}),
    ("rows:..5", {"rows": at_most(5)}),
    ("rows:5..,=null", {"rows": [at_least(5), None]}),
    ("day:2024-01-31", {"day": DAY}),
    ("day:2024-01-31..2024-02-01", {"day": between("2024-01-31", dt.date(2024, 2, 1))}),
    ("day:>=2024-01-31T10:30Z", {"day": at_least(TIME)}),
    ("day:>=2024-01-31T10:30", {"day": at_least(TIME.replace(tzinfo=None))}),
    ("day:2024-01-31", {"day": "2024-01-31"}),
    ("day:2024-01-31T10:30", {"day": "2024-01-31T10:30"}),
    ('day:="2024-01-31"', {"day": exactly("2024-01-31")}),
    ("NOT origin:vimeo", {"origin": not_("vimeo")}),
    ("NOT (origin:a OR rows:=1)", not_(any_of({"origin": "a"}, {"rows": 1}))),
    ("origin:a AND rows:=1", {"origin": "a", "rows": 1}),
    ("origin:a AND rows:=1 OR NOT origin:b", any_of({"origin": "a", "rows": 1}, {"origin": not_("b")})),
    ("user:ann", {"user": "ann"}),
    ("day:2024-01-01..2024-01-31T10:30:00Z", {"day": between(dt.date(2024, 1, 1), TIME)}),
    ('title:>="b"', {"title": at_least("b")}),
    ('title:"a".."m"', {"title": between("a", "m")}),
    ("folder:../x", {"folder": "../x"}),
    ("has:origin", {"origin": present}),
    ("origin:*", {"origin": present}),
    ("no:origin", {"origin": absent}),
    ("-has:origin", {"origin": not_(present)}),
    ("-origin:vimeo", {"origin": not_("vimeo")}),
    ("origin:a OR origin:b", {"origin": ["a", "b"]}),
    ("(origin:a rows:=1) OR origin:b", any_of({"origin": "a", "rows": 1}, {"origin": "b"})),
    ("-(origin:a rows:=1)", not_({"origin": "a", "rows": 1})),
    ("model.kind:lgbm", {"model": {"kind": "lgbm"}}),
    ("model.kind:a,b", {"model": any_of({"kind": "a"}, {"kind": "b"})}),
    ('"v1.0".kind:a', {"v1\\.0": {"kind": "a"}}),
    ("v1\\.0.kind:a", {"v1\\.0.kind": "a"}),
    ('"sort":a "@id":b', {"sort": "a", "\\@id": "b"}),
    ("@rows:=5", {"@rows": 5}),
    ("commit:4f2a", {"commit": "4f2a*"}),
    ("notebook:eda.ipynb", {"notebook": ["eda.ipynb", "*/eda.ipynb"]}),
    ('tags:=["a", "b"]', {"tags": exactly(["a", "b"])}),
    ('model:={"kind": "a"}', {"model": exactly({"kind": "a"})}),
    ("url:https://host/x?y", {"url": "https://host/x?y"}),
    ("*", None),
    ("", None),
    ("\torigin:a \n rows:=1 ", {"origin": "a", "rows": 1}),
]


@pytest.mark.parametrize(("line", "pattern"), SAME, ids=[line for line, _ in SAME])
def test_a_line_means_the_same_as_its_dictionary(line, pattern):
    assert parse_line(line) == query(pattern)


@pytest.mark.parametrize(("line", "pattern"), SAME, ids=[line for line, _ in SAME])
def test_a_query_is_written_as_a_line_that_means_the_same(line, pattern):
    assert parse_line(str(query(pattern))) == query(pattern)


def test_keywords_of_the_lineage_mean_what_the_same_key_means_in_a_line():
    asked = query({"origin": "a"}, commit="4f2a", user=["ann", "bo"], experiment="churn", dirty=False)
    assert asked == query("origin:a commit:4f2a user:ann,bo experiment:churn (dirty:=false OR no:dirty)")
    assert query(dirty=True) == query("dirty:=true OR has:@dirty")


def test_the_name_is_kept_apart_because_only_that_name_need_be_asked_of_a_store():
    assert query(name="a.csv") == Query(name="a.csv")
    assert query(name="data/*") == Query(name_glob="data/*")
    assert query(name=exactly("a*.csv")) == Query(name="a*.csv")
    assert query("@name:a.csv origin:b").name == "a.csv"
    assert query(name=["a", "b"]).name is None
    assert query(not_({"@name": "a.csv"})).name is None


def test_words_are_text_and_words_in_groups_are_conditions():
    asked = query('yotube "machine learning" -draft (a OR b) origin:x')
    assert asked.text == 'yotube "machine learning"'
    assert asked.condition == And(
        (Not(Words("draft")), Or((Words("a"), Words("b"))), Where("origin", Equal("x")))
    )
    assert query("a OR b").text is None
    assert query("origin:x", text="more").text == "more"
    assert query("some", text="more").text == "some more"


def test_options_of_a_line():
    asked = parse_line("a sort:-rows limit:20 page:3 is:latest is:hidden")
    assert asked == Query(text="a", sort="-rows", limit=20, offset=40, latest=True, hidden=True)
    assert parse_line("limit:all").limit is None
    assert parse_line("offset:30").offset == 30
    assert parse_line("limit:20 sort:rows", limit=5, sort="-size") == Query(limit=5, sort="-size")
    assert parse_line("is:latest", latest=False) == Query()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("!draft", "-draft"),
        ("rows>1000", "rows:>1000"),
        ("rows >= 1000", "rows:>=1000"),
        ("rows => 1000", "rows:>=1000"),
        ("origin=youtube", "origin:youtube"),
        ("origin == youtube", "origin:youtube"),
        ('title = "a b"', 'title:"a b"'),
        ("origin != vimeo", "-origin:vimeo"),
    ],
)
def test_what_other_languages_write_is_refused_with_what_to_write_here(written, meant):
    with pytest.raises(QueryError) as caught:
        parse_line(f"channel {written}")
    assert caught.value.hint == meant
    assert parse_line(meant)
    assert parse_line('"rows>1000" wow!').text == '"rows>1000" wow!'


def test_latest_and_hidden_are_said_as_limit_and_sort_are():
    assert (
        parse_line("latest:true hidden:yes")
        == Query(latest=True, hidden=True)
        == parse_line("is:latest is:hidden")
    )
    assert parse_line("latest:no hidden:false") == Query()
    assert parse_line('"latest":yes') == query({"latest": "yes"})


def test_since_and_until_take_dates_times_and_spans_of_time():
    assert query(since="2024-01-31", until=DAY).condition == And(
        (Where("@created", at_least(DAY)), Where("@created", at_most(DAY)))
    )
    assert query("since:2024-01-31 until:2024-01-31") == query(since=DAY, until="2024-01-31")
    now = dt.datetime.now(dt.UTC)
    for said, days in [("7d", 7), ("2 weeks", 14), ("1 month ago", 30), (dt.timedelta(days=3), 3)]:
        low = query(since=said).condition.spec.low
        assert abs(now - dt.timedelta(days=days) - low) < dt.timedelta(minutes=1)
    today = dt.datetime.now().astimezone().date()
    assert query(since="yesterday").condition.spec.low == today - dt.timedelta(days=1)
    assert query('since:"2 weeks" until:today').condition.parts[1].spec.high == today


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("rows:>=", 7, "missing"),
        ("origin:youtube rows:>=abc", 22, "in quotes"),
        ("rows:", 5, "missing"),
        ("a rows:5..1", 7, "between"),
        ("(a OR b", 0, "not closed"),
        ("a b)", 3, "closes nothing"),
        ('x "abc', 2, "quote"),
        ("a OR", 4, "missing after OR"),
        ("OR a", 0, "missing before OR"),
        ("a - b", 2, "missing after the minus"),
        ("()", 0, "nothing in"),
        ("a :5", 2, "key is missing"),
        ("title:/(/", 6, "regular expression"),
        ("x:=[1,", 3, "JSON"),
        ("limit:many", 6, "count"),
        ("limit:0", 6, "count"),
        ("is:old", 3, "latest"),
        ("(a limit:5)", 3, "whole line"),
        ("since:sometime", 14, "not a time"),
        ('a "\\x" b', 2, "backslash"),
        ("a !!! b", 2, "no word"),
        ("has: a", 4, "path is missing"),
        ("x:a,,b", 4, "missing"),
        ("(" * 60 + "a" + ")" * 60, 51, "nested deeper"),
        ("-" * 60 + "a", 51, "nested deeper"),
        ("limit:5 OR a", 8, "missing before OR"),
        ("AND a", 0, "missing before AND"),
        ("a AND", 5, "missing after AND"),
        ("a AND OR b", 6, "missing after AND"),
        ("(a AND) b", 6, "missing after AND"),
        ("NOT", 3, "missing after NOT"),
        ("x !draft", 2, "minus"),
        ("rows>1000", 4, "colon"),
        ("rows >= 1000", 5, "colon"),
        ("a origin=youtube", 8, "colon"),
        ("latest:maybe", 7, "neither true nor false"),
        ("x:=" + "[" * 2000, 3, "JSON"),
    ],
)
def test_a_line_that_means_nothing_is_refused_with_a_caret_under_the_place(line, column, said):
    with pytest.raises(QueryError) as caught:
        parse_line(line)
    what, shown, caret = caught.value.what.splitlines()
    assert said in what
    assert shown == "    " + line
    assert caret == " " * (4 + column) + "^"
    assert caught.value.hint


@pytest.mark.parametrize(
    "make",
    [
        lambda: query({"a": []}),
        lambda: query({"a": {}}),
        lambda: query({5: "a"}),
        lambda: query({"a": object()}),
        lambda: query({"a": float("nan")}),
        lambda: query({"a": "\ud800"}),
        lambda: query({"a": re.compile(b"x")}),
        lambda: query(5),
        lambda: query([]),
        lambda: query(not_("limit:5")),
        lambda: query(text="!!!"),
        lambda: query(text=""),
        lambda: query(color="red"),
        lambda: query(limit=-1),
        lambda: query(sort=5),
        lambda: query(text=5),
        lambda: query("a", text=5),
        lambda: query(name=""),
        lambda: query(since=dt.timedelta.max),
        lambda: query(since="99999999999 days"),
        lambda: query({"a": exactly(deep(200))}),
        lambda: query(limit="5"),
        lambda: query(offset=None),
        lambda: query(sort="-"),
        lambda: query("limit:all page:2"),
        lambda: query(since="soon"),
        lambda: query(since=5),
        lambda: any_of(),
        lambda: at_least(True),
        lambda: at_least(None),
        lambda: at_least(float("inf")),
        lambda: between(1, "a"),
        lambda: between(2, 1),
        lambda: between("2024-01-02", "2024-01-01"),
        lambda: between(dt.date(2024, 1, 2), TIME.replace(day=1)),
    ],
)
def test_a_pattern_that_means_nothing_is_refused_with_something_to_type(make):
    with pytest.raises(QueryError) as caught:
        make()
    assert caught.value.hint


def deep(levels: int) -> list[object]:
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


def test_a_keyword_that_a_search_does_not_have_is_answered_with_those_it_has():
    with pytest.raises(QueryError, match=r"text, name, since, until, latest, hidden, sort.*mean 'latest'"):
        query(lastest=True)


def test_values_of_other_libraries_are_taken_by_what_they_are():
    assert query({"a": np.float64(0.5), "b": np.bool_(True)}) == query({"a": 0.5, "b": True})
    assert at_least(np.int64(3)) == at_least(3)
    assert at_least(pd.Timestamp("2024-01-31T11:30+01:00")) == at_least(TIME)
    with pytest.raises(QueryError):
        at_least(pd.NaT)


def test_specs_show_themselves_as_they_are_written():
    shown = [
        exactly("a"),
        at_least(1),
        more_than(1),
        at_most(1),
        less_than(1),
        between(1, 2),
        present,
        absent,
    ]
    assert [repr(spec) for spec in shown] == [
        "exactly('a')", "at_least(1)", "more_than(1)", "at_most(1)", "less_than(1)", "between(1, 2)",
        "present", "absent",
    ]  # fmt: skip
    assert repr(any_of("a", not_(present))) == "any_of('a', not_(present))"
    assert repr(query({"a": "b*"}).condition) == "Where(path='a', spec='b*')"


def usual(condition: Condition) -> Condition:
    """Return a condition as the builder makes it: texts that are dates as dates, no needless nesting."""
    from jsk_saver.index.conditions import all_of, one_of

    if isinstance(condition, And):
        return all_of([usual(part) for part in condition.parts])
    if isinstance(condition, Or):
        return one_of([usual(part) for part in condition.parts])
    if isinstance(condition, Not):
        return Not(usual(condition.part))
    if isinstance(condition, Words) and not condition.phrase:
        return all_of([Words(word) for word in condition.text.split()])
    if isinstance(condition, Where) and isinstance(condition.spec, Range):
        spec = condition.spec
        bounds = [None if bound is None else at_least(bound).low for bound in (spec.low, spec.high)]
        if None not in bounds:
            try:
                return Where(condition.path, between(*bounds))
            except QueryError:
                return Where(condition.path, at_least(bounds[0]))
        return Where(condition.path, Range(*bounds, spec.above and bounds[0] is not None, spec.below))
    return condition


def writable(condition: Condition) -> bool:
    """Tell whether all of it can be typed: numbers of four thousand digits and half characters cannot."""
    text = repr(condition)
    return "\\ud" not in text and not re.search(r"\d{400}", text)


@settings(max_examples=100, deadline=None)
@given(
    conditions.map(usual).filter(writable),
    st.none() | st.lists(texts | st.sampled_from(["OR", "a:b", "(x)", '"b c"', "-d", '"'])).map(" ".join),
    st.booleans(),
)
def test_any_query_survives_being_written_as_a_line(condition, text, latest):
    text = text if phrase_words(text or "") else None
    options = {"latest": latest, "sort": "-rows", "limit": 7, "offset": 3}
    again = parse_line(str(Query(condition, text=text, **options)))
    expected = query(condition, text=text, **options)
    assert replace(again, text=None) == replace(expected, text=None)
    assert phrase_words(again.text or "") == phrase_words(text or "")
    assert phrases_of(again.text or "") == phrases_of(text or "")


def test_phrases_are_what_stands_in_double_quotes():
    assert phrases_of('a "b c" d "e"') == [Words("b c", phrase=True), Words("e", phrase=True)]
    assert json.dumps([word.text for word in phrases_of('"" "!"')]) == "[]"


def test_a_range_says_what_it_compares():
    assert [at_least(x).kind for x in (1, "a", "2024-01-31", DAY)] == ["number", "text", "time", "time"]
    assert isinstance(query({"a": "[ab]*"}).condition.spec, Glob)
    assert isinstance(query({"a": "[ab]c?"}).condition.spec, Equal)
    assert isinstance(query({"a": re.compile("x")}).condition.spec, Regex)


def test_the_language_costs_no_database_and_no_spelling_package():
    check = (
        "import sys, jsk_saver.index; print(sorted({'sqlite3', 'rapidfuzz', 'pandas'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
