"""How a record travels in headers: exactly, within the limits of S3, readable where it can be."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.errors import IntegrityError, NotFound
from jsk_saver.record import Record, check_metadata
from jsk_saver.stores.headers import BUDGET, HEADER, PREFIX, Travelling, note_key, note_of, pack, unpack

MODIFIED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
#: What AWS allows for all user metadata together, names counted (and prefixes, by some servers).
S3_LIMIT = 2048


def a_record(metadata=None, **changes):
    return Record(
        **{
            "name": "data/a.csv",
            "version": "1",
            "format": "csv",
            "type": "pandas.DataFrame",
            "size": 123,
            "digest": "sha256:" + hashlib.sha256(b"x").hexdigest(),
            "created": dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
            "metadata": metadata or {},
            "lineage": {"user": "ann", "parents": [{"name": "raw.csv", "version": "7"}]},
            "facts": {"rows": 3},
            **changes,
        }
    )


def unpacked(travelling: Travelling, record: Record, notes: dict[str, bytes] | None = None) -> Record:
    kept = {travelling.note_key: travelling.note} if notes is None else notes

    def get_note(key: str) -> bytes:
        if key not in kept:
            raise NotFound(f"no {key}")
        return kept[key]

    return unpack(
        record.name, record.version, travelling.headers, size=9, modified=MODIFIED, get_note=get_note
    )


def size_of(headers: dict[str, str]) -> int:
    return sum(len(PREFIX) + len(key) + len(value) for key, value in headers.items())


def noise(size: int) -> str:
    """Return text that does not compress."""
    return "".join(random.Random(size).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=size))


text = st.text(st.characters(exclude_categories=("Cs",)))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=25,
)
metadata = st.dictionaries(text, values, max_size=8)


# Exactly, within the limits -------------------------------------------------------------------------


@settings(max_examples=300)
@given(metadata, st.sampled_from([0, 1, 200, 900, 1500, 4_000]))
def test_any_metadata_comes_back_exactly_from_headers_that_every_server_takes(metadata, more):
    if more:
        metadata = {**metadata, "more": noise(more)}
    record = a_record(check_metadata(metadata))
    travelling = pack(record)
    assert unpacked(travelling, record) == record
    assert size_of(travelling.headers) <= BUDGET <= S3_LIMIT
    for key, value in travelling.headers.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", key)
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip() != ""
        assert "  " not in value


def odd_strings():
    return [
        "two  spaces",
        "three   spaces",
        " leading",
        "trailing ",
        "\\  back",
        "\\\\  ",
        "tab\there",
        "line\nbreak",
        "carriage\rreturn",
        "nul\x00",
        "delete\x7f",
        "next line\x85",
        "nb\xa0space",
        "quote\"'",
        "comma,semi;colon:",
        "per%20cent",
        "plus+",
        "=?UTF-8?B?eA==?=",
        "n:" + "0" * 64,
        "z:eA==",
        "{}",
        "ünïcödé",
        "日本語",
        "😀👩‍👩‍👧",
        "caf\u00e9",
        "cafe\u0301",
        "\u2028",
        "\ufeff",
        "\ufffd",
        "\U0010ffff",
        "<a>&amp;",
        "".join(map(chr, range(32, 127))),
    ]


@pytest.mark.parametrize("odd", odd_strings(), ids=ascii)
def test_text_that_headers_could_not_carry_by_themselves_comes_back_exactly(odd):
    record = a_record({"value": odd, odd: "key", "list": [odd, {odd: odd}]})
    travelling = pack(record)
    assert unpacked(travelling, record) == record
    assert all(value.isascii() and value.isprintable() for value in travelling.headers.values())


def test_the_order_of_the_keys_is_kept():
    record = a_record({"z": 1, "a": 2, "m": {"y": 1, "b": 2}})
    back = unpacked(pack(record), record)
    assert list(back.metadata) == ["z", "a", "m"]
    assert list(back.metadata["m"]) == ["y", "b"]


def test_a_megabyte_of_metadata_travels_as_a_note():
    record = a_record({"x": noise(900_000)})
    travelling = pack(record)
    assert travelling.note
    assert unpacked(travelling, record) == record


# Which way it travels -------------------------------------------------------------------------------


def test_a_usual_record_is_plain_json_that_people_can_read():
    travelling = pack(a_record({"origin": "youtube"}))
    assert json.loads(travelling.headers[HEADER])["metadata"] == {"origin": "youtube"}
    assert travelling.note == b""
    assert note_of(travelling.headers) == ""


def test_a_longer_record_is_compressed_and_needs_no_note():
    travelling = pack(a_record({"list": ["the same"] * 300}))
    assert travelling.headers[HEADER].startswith("z:")
    assert travelling.note == b""


def test_the_note_is_needed_exactly_when_the_record_fits_neither_plain_nor_compressed():
    needed = [bool(pack(a_record({"x": noise(size)})).note) for size in range(0, 4000, 10)]
    assert needed == sorted(needed)  # once needed, needed for everything longer
    assert not needed[0]
    assert needed[-1]
    last_without = pack(a_record({"x": noise(needed.index(True) * 10 - 10)}))
    assert BUDGET - 20 < size_of(last_without.headers) <= BUDGET  # there was really no room left


def test_the_note_carries_the_whole_record_and_its_digest_is_in_the_header():
    record = a_record({"x": noise(5000)})
    travelling = pack(record)
    digest = hashlib.sha256(travelling.note).hexdigest()
    assert travelling.headers[HEADER] == f"n:{digest}"
    assert travelling.note_key == note_key(digest) == note_of(travelling.headers)
    assert json.loads(travelling.note)["name"] == record.name


def test_two_versions_with_equal_records_have_notes_of_their_own():
    """Purging one version removes its note; the other must not lose its own."""
    record = a_record({"x": noise(5000)})
    assert pack(record).note_key != pack(record).note_key


def test_a_record_written_by_the_first_release_is_read_for_ever():
    record = a_record({"origin": "youtube", "ünï": ["cödé", 1.5, None]})
    plain = (
        '{"v":1,"format":"csv","type":"pandas.DataFrame","size":123,"digest":"sha256:2d711642b726b04401627ca9fbac'
        '32f5c8530fb1903cc4db02258717921a4881","created":"2026-01-02T03:04:05.000006Z","metadata":{"origin":"yout'
        'ube","\\u00fcn\\u00ef":["c\\u00f6d\\u00e9",1.5,null]},"lineage":{"user":"ann","parents":[{"name":"raw.csv"'
        ',"version":"7"}]},"facts":{"rows":3},"state":{}}'
    )
    squeezed = (
        "z:dZQ7DsIwDIbvwpxGtvNsz8GExJCk6lgkRIUYeiAmNia2XIxEqUTUCI+W/Pzsv/Hkw2J/E7CtApJoq9NoELUkb0h7"
        "kBJQkwmun7wLgiYVrBIweexBhCBHD0TKGjQ9oZPWYpaVekrdAXZARxADyAEUh2z6tPvOctUp5HFZbovPTcbPHF9Zc0"
        "N8j/F5YMgVyypwXlm94I2dm4tINQCv7s7LQn4kTUKZsuwIipVVfL8="
    )
    for header in (plain, squeezed):
        assert unpacked(Travelling({HEADER: header}), record) == record


# Copies for people ----------------------------------------------------------------------------------


def test_plain_values_stand_readable_in_headers_of_their_own():
    headers = pack(a_record({"Origin": "youtube", "rows": 10, "ok": True, "price": 1.5})).headers
    assert headers | {"origin": "youtube", "rows": "10", "ok": "true", "price": "1.5"} == headers


def test_a_value_that_is_not_ascii_is_encoded_as_the_console_of_aws_decodes_it():
    from email.header import decode_header, make_header

    headers = pack(a_record({"title": "Zürich – 日本"})).headers
    assert str(make_header(decode_header(headers["title"]))) == "Zürich – 日本"


def test_copies_never_take_the_room_of_the_record_nor_its_name():
    record = a_record(
        {"jsk": "mine", "JSK": "mine", "jsk-x": 1, **{f"key{n}": noise(150) for n in range(50)}}
    )
    travelling = pack(record)
    assert size_of(travelling.headers) <= BUDGET
    assert unpacked(travelling, record) == record


def test_keys_that_fall_together_in_lower_case_do_not_overwrite_each_other():
    record = a_record({"Origin": "first", "origin": "second", "ORIGIN": "third"})
    travelling = pack(record)
    assert travelling.headers["origin"] == "first"
    assert unpacked(travelling, record) == record


def test_changed_copies_change_nothing():
    record = a_record({"origin": "youtube"})
    travelling = pack(record)
    travelling.headers["origin"] = "vimeo"
    assert unpacked(travelling, record).metadata == {"origin": "youtube"}


# Damage ---------------------------------------------------------------------------------------------


def test_an_altered_note_is_an_integrity_error():
    record = a_record({"x": noise(5000)})
    travelling = pack(record)
    for altered in (travelling.note[:-1], travelling.note.replace(b"csv", b"tsv"), b"", b"{}"):
        with pytest.raises(IntegrityError, match="note was altered"):
            unpacked(travelling, record, {travelling.note_key: altered})


def test_a_note_that_is_gone_is_an_integrity_error_not_a_missing_version():
    record = a_record({"x": noise(5000)})
    with pytest.raises(IntegrityError, match="the note it refers to is gone") as caught:
        unpacked(pack(record), record, notes={})
    assert not isinstance(caught.value, NotFound)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        '"x"',
        "{}",
        "z:",
        "z:!!!",
        "z:AAAA",
        "z:eJw=",
        "n:",
        "n:" + "0" * 64,
        "[" * 1900,
    ],
)
def test_a_header_that_is_no_record_is_an_integrity_error_that_says_what_is_kept(header):
    record = a_record()
    with pytest.raises(IntegrityError, match=r"'data/a.csv' \(version 1\)"):
        unpacked(Travelling({HEADER: header}), record, notes={})


@settings(max_examples=150)
@given(st.data())
def test_a_flipped_character_in_the_header_never_crashes_the_reader(data):
    record = a_record({"list": ["the same"] * 300} if data.draw(st.booleans()) else {"origin": "youtube"})
    header = pack(record).headers[HEADER]
    at = data.draw(st.integers(0, len(header) - 1))
    altered = header[:at] + data.draw(st.characters(codec="ascii")) + header[at + 1 :]
    try:
        back = unpacked(Travelling({HEADER: altered}), record, notes={})
    except IntegrityError:
        return
    assert isinstance(back, Record)


# Objects that others wrote --------------------------------------------------------------------------


def test_an_object_of_another_tool_is_a_bare_record_with_its_headers_as_metadata():
    record = unpack(
        "x.csv", "v", {"origin": "elsewhere"}, size=5, modified=MODIFIED, get_note=lambda _: os.urandom(1)
    )
    assert (record.format, record.type, record.digest, record.size) == ("", "", "", 5)
    assert record.metadata == {"origin": "elsewhere"}
    assert record.created == MODIFIED
