"""Text comes back with every character, and every plain format works from memory and from disk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.formats import Formats
from tests.formats.roundtrip import read, trip


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\ufeffone\r\ntwo\rthree\n\x0b\x00\u2029")
def test_text_comes_back_with_every_character(text: str) -> None:
    assert trip("a.txt", text).value == text
    assert trip("notes.md", text).value == text


def test_subclasses_of_text_are_refused() -> None:
    with pytest.raises(CannotRepresent, match=r"a numpy\.str_.*plain text"):
        trip("a.txt", np.str_("x"))


def test_foreign_text_loses_its_byte_order_mark_and_other_encodings_are_named() -> None:
    assert read("a.txt", b"\xef\xbb\xbfhello") == "hello"
    with pytest.raises(JskError, match=r"'a\.txt' cannot be read as txt: UnicodeDecodeError"):
        read("a.txt", "größe".encode("latin-1"))


def test_every_plain_format_works_from_memory_and_from_disk() -> None:
    for name, value in (
        ("a.json", [1, "ü"]),
        ("a.jsonl", [[1], {}]),
        ("a.yaml", {"a": 1}),
        ("a.toml", {"a": 1}),
        ("a.txt", "x"),
        ("a.md", "# x"),
    ):
        assert trip(name, value, on_disk=True).value == trip(name, value).value == value


def test_facts_say_how_much_is_in_a_file() -> None:
    table = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index([10, 5, 7], name="id"))
    assert trip("a.json", {"a": 1, "b": 2}).encoded.facts == {"items": 2}
    assert trip("a.txt", "one\ntwo").encoded.facts == {"characters": 7, "lines": 2}
    assert trip("a.jsonl", table).encoded.facts == {"rows": 3, "columns": 1}
    assert Formats().choose("a.ndjson", [1]).name == "jsonl"
