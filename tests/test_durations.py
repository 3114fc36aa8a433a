"""Lengths of time mean the same wherever they are typed: in a search, to `jsk costs` and to `jsk apps`."""

from __future__ import annotations

import datetime as dt

import pytest

from jsk_saver.costs.spent import period
from jsk_saver.durations import parse, seconds, told
from jsk_saver.errors import QueryError
from jsk_saver.index.times import parse_when

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", dt.timedelta(minutes=90)),
        ("90 minutes", dt.timedelta(minutes=90)),
        ("5min", dt.timedelta(minutes=5)),
        ("1h30m", dt.timedelta(minutes=90)),
        ("1.5d", dt.timedelta(hours=36)),
        ("7d", dt.timedelta(days=7)),
        ("2 Weeks", dt.timedelta(days=14)),
        ("1 month", dt.timedelta(days=30)),
        ("2 months", dt.timedelta(days=60)),
        ("1y", dt.timedelta(days=365)),
    ],
)
def test_a_length_is_the_same_to_all_who_take_one(text: str, length: dt.timedelta) -> None:
    assert parse(text) == length
    assert seconds(text) == length.total_seconds()
    assert parse_when(text, NOW) == parse_when(f"{text} ago", NOW) == NOW - length
    first, end = period(text, NOW.date())
    assert end - first == max(dt.timedelta(days=1), dt.timedelta(days=-(-length // dt.timedelta(days=1))))


def test_month_without_a_number_is_this_one_from_its_first_day() -> None:
    assert parse("month") is None
    assert parse_when("month", NOW) == period("month", NOW.date())[0] == dt.date(2026, 11, 1)


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-3d", "7 ms", "7ds", "soon", "1h later", "1e3d", "٣d", "3M3", "9999999999d"]
)
def test_what_is_no_length_is_refused_by_all(text: str) -> None:
    assert parse(text) is None
    with pytest.raises(QueryError, match="is no length of time"):
        seconds(text)
    with pytest.raises(QueryError, match="is not a time"):
        parse_when(text, NOW)
    with pytest.raises(QueryError, match="cannot be told"):
        period(text, NOW.date())


def test_a_length_beyond_the_calendar_is_refused() -> None:
    assert parse("999999999y") is None
    with pytest.raises(QueryError, match="is not a time"):
        parse_when("9000y", NOW)


@pytest.mark.parametrize("text", ["42 s", "30 min", "1 h 30 min", "3 d 4 h"])
def test_what_is_shown_can_be_typed(text: str) -> None:
    assert told(seconds(text)) == text
