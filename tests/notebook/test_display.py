"""Tables of any values are aligned, fit the terminal, and are safe as text and as HTML."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.display import (
    Code,
    Column,
    html_fields,
    html_table,
    human_size,
    human_time,
    human_value,
    one_line,
    text_fields,
    text_table,
)
from jsk_saver.human import shorten, width_of

TAGS = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


class Table(HTMLParser):
    """What a browser would make of a table: cells, tooltips, and tags that never close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tooltips: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.tooltips += [value for name, value in attributes if name == "title"]
        if tag == "br":
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


# Values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1.0 kB"), (1_200_000, "1.2 MB"),
        (999_949, "999.9 kB"), (999_950, "1.0 MB"), (70_000_000_000, "70.0 GB"),
        (5 * 10**12, "5.0 TB"), (2 * 10**18, "2,000.0 PB"),
    ],
)  # fmt: skip
def test_sizes_are_said_in_powers_of_a_thousand(size, said):
    assert human_size(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"), (59, "just now"), (60, "1 minute ago"), (125, "2 minutes ago"), (3600, "1 hour ago"),
        (100_000, "1 day ago"), (86_400 * 45, "1 month ago"), (86_400 * 800, "2 years ago"),
    ],
)  # fmt: skip
def test_how_long_ago(seconds, said):
    assert human_time(NOON, now=NOON + dt.timedelta(seconds=seconds)) == said


def test_times_are_on_the_readers_clock_and_a_time_to_come_is_no_time_ago(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert human_time(NOON) == "2026-11-20 13:00:00"
        assert human_time(NOON, now=NOON - dt.timedelta(hours=1)) == "2026-11-20 13:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_values_are_said_as_they_would_be_typed():
    values = ["text", True, None, 3, 0.1, [1, "a"], {"a": {"b": None}}, "two\nlines", "🏳️‍🌈"]
    said = ["text", "true", "null", "3", "0.1", '[1, "a"]', '{"a": {"b": null}}', "two lines", "🏳️‍🌈"]
    assert [human_value(value) for value in values] == said


def test_nothing_in_a_value_can_steer_the_terminal_or_reverse_what_follows():
    assert one_line("\x1b[2J\x07\x00\x7f\x9b\u202egnp.exe\ud800") == "␛[2J␇␀���gnp.exe�"


@given(st.text(), st.integers(1, 40), st.booleans())
def test_shortening_never_exceeds_the_width(text, width, middle):
    short = shorten(one_line(text), width, middle=middle)
    assert width_of(short) <= width
    assert short == one_line(text) or "…" in short


# Text tables ---------------------------------------------------------------------------------------


def test_columns_line_up_also_with_wide_characters():
    table = text_table(
        ["name", "size", "n"], [["画像.png", 1500, 1], ["a.csv", 20, 1000], ["é", None, 2]], width=80
    )
    assert table.splitlines() == [
        "name        size     n",
        "────────  ──────  ────",
        "画像.png  1.5 kB     1",
        "a.csv       20 B  1000",
        "é                    2",
    ]


def test_a_narrow_terminal_shortens_the_widest_and_goes_without_the_optional():
    columns = [Column("name", "path", narrowest=20), Column("size", "size"), Column("note", optional=True)]
    row = ["folder/" + "x" * 60 + ".parquet", 1_200_000, "long " * 20]
    wide, narrow = (text_table(columns, [row], width=width) for width in (200, 34))
    assert row[0] in wide
    assert "no room" not in wide
    last = narrow.splitlines()[-2]
    assert last.startswith("folder/")
    assert "parquet" in last
    assert "1.2 MB" in last
    assert narrow.endswith("(no room for note)")
    assert all(width_of(line) <= 34 for line in narrow.splitlines())


def test_rows_may_be_dictionaries_and_lack_values():
    table = text_table(["a", "b"], [{"a": 1}, {"b": "x", "c": "unasked"}], title="Two", width=80)
    assert table.splitlines() == ["Two", "a  b", "─  ─", "1", "   x"]


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=40),
    st.lists(st.text(max_size=5), max_size=3), st.just(NOON),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(_values, min_size=4, max_size=4), max_size=6),
    st.lists(st.text(max_size=20), min_size=4, max_size=4),
    st.integers(60, 200),
)
def test_any_table_fits_as_text_and_is_whole_as_html(rows, names, width):
    kinds = ["path", "code", "text", "text"]
    columns = [Column(name, kind) for name, kind in zip(names, kinds, strict=True)]
    text = text_table(columns, rows, width=width)
    assert len(text.split("\n")) == len(rows) + 2
    assert all(width_of(line) <= width for line in text.splitlines())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    parsed = Table(html_table(columns, rows, caption="<i>all</i>", notes=["a & b"]))
    assert len(parsed.rows) == len(rows) + 1
    assert all(len(row) == 4 for row in parsed.rows)
    assert not parsed.open
    assert parsed.tags <= TAGS


def test_the_width_is_the_terminals(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    table = text_table(["note"], [["word " * 40]])
    assert max(map(len, table.splitlines())) == 50


# HTML ----------------------------------------------------------------------------------------------


def test_no_value_becomes_markup():
    evil = '"><script>alert(1)</script><b onmouseover=x>'
    for text in (
        html_table([evil], [[evil], [{"k": evil}]], caption=evil, notes=[evil]),
        html_fields([(evil, evil), ("list", [evil, Code(evil)])], caption=evil, lead=evil, notes=[evil]),
    ):
        parsed = Table(text)
        assert parsed.tags <= {
            "div",
            "p",
            "span",
            "br",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        }
        assert any(evil in cell for row in parsed.rows for cell in row)


def test_what_is_shortened_or_rounded_is_whole_in_the_tooltip():
    path = "folder/" * 10 + "channels.parquet"
    parsed = Table(html_table([Column("name", "path"), "size", "created"], [[path, 1_234_567, NOON]]))
    assert parsed.rows[1][0] == "folder/folder/folder/fol…folder/channels.parquet"
    assert parsed.rows[1][1] == "1.2 MB"
    assert parsed.tooltips == [path, "1,234,567 bytes", "2026-11-20 12:00:00.000000 UTC"]


def test_numbers_stand_on_the_right_and_versions_in_fixed_width():
    text = html_table(["n", "version"], [[1, "20261120T120000"], [22, "x"]])
    cells = re.findall(r"<td[^>]*>", text)
    assert ["text-align:right" in cell for cell in cells] == [True, False, True, False]
    assert ["monospace" in cell for cell in cells] == [False, True, False, True]


def test_colours_are_those_of_the_page():
    text = html_table(["a"], [["x"]], caption="c", notes=["n"]) + html_fields([("a", "b")], lead="l")
    assert "<style" not in text
    assert not re.search(r"background|#[0-9a-f]{3}|color:(?!inherit)", text)


# Fields --------------------------------------------------------------------------------------------


def test_fields_wrap_at_words_and_lists_take_a_line_each():
    text = text_fields(
        [("note", "one two three four"), ("list", ["a", "b"])], title="t", lead="l " * 30, width=28
    )
    assert text.splitlines() == [
        "t",
        f"  {'l ' * 12}l",
        f"  {'l ' * 12}l",
        "  l l l l",
        "",
        "  note  one two three four",
        "  list  a",
        "        b",
    ]


def test_showing_tables_imports_no_console_library():
    program = "import sys, jsk_saver.display as d; d.text_table(['名'], [['値']]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"rich.console", "pandas", "IPython"}.isdisjoint(done.stdout.split())
