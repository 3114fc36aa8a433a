"""Names and metadata: what every store can keep comes back; everything else is refused by name."""

from __future__ import annotations

import datetime as dt
import enum
import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.errors import IntegrityError, InvalidMetadata, InvalidName
from jsk_saver.record import (
    MAX_METADATA_BYTES,
    Record,
    check_metadata,
    check_name,
    dump_json,
    format_time,
    parse_time,
)

# Names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../x", "climbs out"),
        ("a/../../x", "climbs out"),
        ("a/..", "climbs out"),
        ("..", "climbs out"),
        ("/etc/passwd", "is absolute"),
        ("C:/x.csv", "is absolute"),
        ("", "is empty"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        ("./a", "empty part or a '.'"),
        ("a/./b", "empty part or a '.'"),
        ("x" * 1025, "1,025 bytes long"),
        ("é" * 513, "1,026 bytes long"),
        ("broken\udcff.csv", "not valid Unicode"),
        ("\ud800", "not valid Unicode"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("a\x7f", "control character"),
        ("a\\b", "backslash"),
        (".jsk/records/x.json", "keeps for itself"),
        (".jsk", "keeps for itself"),
        ("a/.jsk/b", "keeps for itself"),
        ("a\ufffe.csv", "U\\+FFFE or U\\+FFFF"),
        ("a\uffff.csv", "U\\+FFFE or U\\+FFFF"),
        (b"a.csv", "is a bytes, not text"),
        (None, "is a NoneType, not text"),
        (3, "is a int, not text"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused_and_the_error_says_why(name, said):
    with pytest.raises(InvalidName, match=said) as caught:
        check_name(name)
    assert caught.value.hint
    assert len(str(caught.value)) < 400
    str(caught.value).encode()  # can be printed, whatever the name was


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "x" * 1024,
        "data/@new/50% off?.csv",
        "record.json",
        "con.csv",
        "trailing.",
        "trailing ",
        " leading",
        "...",
        "..a/b..",
        ".hidden/.jskx",
        "😀/caf\u00e9/cafe\u0301",
        "a:b",
        "ab:c",
    ],
)
def test_an_odd_name_that_can_be_kept_is_taken_as_it_is(name):
    assert check_name(name) == name


def test_a_path_object_is_a_name_too_with_forward_slashes():
    assert check_name(PurePosixPath("data") / "a.csv") == "data/a.csv"
    assert check_name(PureWindowsPath("data\\a.csv")) == "data/a.csv"
    with pytest.raises(InvalidName, match="absolute"):
        check_name(Path("/data/a.csv"))


def test_a_name_is_a_value_error_for_those_who_have_never_heard_of_the_kit():
    with pytest.raises(ValueError):
        check_name("../x")


# Metadata -------------------------------------------------------------------------------------------

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_json_comes_back_exactly_as_a_copy_of_its_own(metadata):
    plain = check_metadata(metadata)
    assert plain == metadata
    assert json.loads(dump_json(plain)) == metadata
    assert plain is not metadata


class Colour(str, enum.Enum):  # noqa: UP042 - str() of a StrEnum's member hides the bug
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        (dt.time(3, 4), "03:04:00"),
        (Path("data/a.csv"), "data/a.csv"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.str_("x"), "x"),
        (np.array(3), 3),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
        (pd.Timestamp("2026-01-02", tz="Europe/Paris"), "2026-01-02T00:00:00+01:00"),
        (10**4299, 10**4299),
        (-0.0, -0.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_scientists_have_at_hand_becomes_plain_json(given_value, kept):
    plain = check_metadata({"value": given_value})["value"]
    assert plain == kept
    assert type(plain) is type(kept)
    assert json.loads(dump_json(plain)) == kept


def test_keys_that_are_members_of_an_enum_become_plain_text():
    (key,) = check_metadata({Colour.RED: 1})
    assert type(key) is str
    assert key == "red"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "is nan, which JSON cannot hold"),
        (float("-inf"), "is -inf"),
        (np.float32("nan"), "is nan"),
        (np.longdouble("inf"), "is inf"),
        (pd.NaT, "is NaT"),
        (np.datetime64("NaT"), "is NaT"),
        (pd.NA, "NAType"),
        ({1, 2}, "builtins.set"),
        (b"x", "builtins.bytes"),
        (1j, "builtins.complex"),
        (np.complex64(1j), "builtins.complex"),
        (dt.timedelta(1), "datetime.timedelta"),
        (np.timedelta64(1, "ns"), "numpy.timedelta64"),
        (np.arange(3), "numpy.ndarray"),
        (np.longdouble("0.1"), "numpy.longdouble"),
        (object(), "builtins.object"),
        (uuid4(), "uuid.UUID"),
        (10**4300, "more than 4,300 digits"),
        (-(10**5000), "more than 4,300 digits"),
        ("broken \udcff", "not valid Unicode"),
        ({1: "x"}, "text keys only"),
        ({None: "x"}, "text keys only"),
        ({"\ud800": "x"}, "not valid Unicode"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else type(value).__name__,
)
def test_what_json_cannot_hold_is_refused_naming_the_place(value, said):
    with pytest.raises(InvalidMetadata, match=said) as caught:
        check_metadata({"outer": [{"inner": value}]})
    assert "metadata['outer'][0]['inner']" in caught.value.what
    str(caught.value).encode()


def test_metadata_that_is_no_dictionary_is_refused():
    with pytest.raises(InvalidMetadata, match="must be a dictionary, not list"):
        check_metadata([("origin", "youtube")])


def test_metadata_up_to_one_megabyte_is_kept_and_beyond_is_refused_with_its_size():
    fits = {"x": "y" * (MAX_METADATA_BYTES - len('{"x":""}'))}
    assert check_metadata(fits) == fits
    with pytest.raises(InvalidMetadata, match=r"1,000,001 bytes.*at most 1,000,000"):
        check_metadata({"x": fits["x"] + "y"})


def test_metadata_nested_too_deep_or_in_itself_is_refused_not_recursed_into():
    deep: dict = {}
    deep["self"] = deep
    with pytest.raises(InvalidMetadata, match="nested deeper than 64 levels") as caught:
        check_metadata(deep)
    assert len(str(caught.value)) < 300


def test_changing_the_callers_metadata_later_changes_nothing():
    mine = {"tags": ["a"]}
    plain = check_metadata(mine)
    mine["tags"].append("b")
    assert plain == {"tags": ["a"]}


# Records --------------------------------------------------------------------------------------------


def nested(levels: int) -> list[object]:
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


def a_record(**changes):
    return Record(
        **{
            "name": "a.csv",
            "version": "1",
            "format": "csv",
            "type": "pandas.DataFrame",
            "size": 3,
            "digest": "sha256:" + "0" * 64,
            "created": dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC),
            "metadata": {"origin": "youtube"},
            **changes,
        }
    )


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(), json_values, max_size=3),
    st.datetimes(
        timezones=st.just(dt.UTC), min_value=dt.datetime(1000, 1, 1), max_value=dt.datetime(9998, 1, 1)
    ),
)
def test_a_record_comes_back_from_its_json_exactly(metadata, created):
    record = a_record(metadata=metadata, state={"k": metadata}, created=created)
    assert Record.from_json("a.csv", "1", json.loads(dump_json(record.to_json()))) == record


def test_times_as_text_sort_as_times():
    early = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    late = early + dt.timedelta(microseconds=1)
    assert format_time(early) < format_time(late)
    assert parse_time(format_time(late)) == late


@pytest.mark.parametrize(
    "damage",
    [
        {"size": None},
        {"size": "many"},
        {"size": float("inf")},
        {"created": "yesterday"},
        {"created": 3},
        {"metadata": "text"},
        {"v": "one"},
        {"v": None},
        {"size": "5"},
        {"size": True},
        {"size": -1},
        {"format": 5},
        {"digest": None},
        {"created": "0001-01-01T00:00:00+14:00"},
        {"created": "0001-01-01T00:00:00Z"},
        {"created": "9999-12-31T23:59:59Z"},
        {"metadata": [["a", 1]]},
        {"metadata": {"a": nested(600)}},
        {"facts": {"a": nested(600)}},
        {"lineage": {"a": nested(600)}},
        {"lineage": {"parents": 5}},
        {"lineage": {"parents": [{"name": "a.csv"}]}},
        {"lineage": {"parents": [{"name": "a.csv", "version": "1", "store": 5}]}},
        {"lineage": {"user": {}}},
        {"lineage": {"commit": 5}},
        {"lineage": {"restored": ["1"]}},
        {"state": "text"},
    ],
    ids=lambda damage: repr(damage)[:60],
)
def test_a_damaged_record_is_an_integrity_error_that_names_the_version(damage):
    with pytest.raises(IntegrityError, match=r"'a.csv' \(version 1\) is damaged"):
        Record.from_json("a.csv", "1", {**a_record().to_json(), **damage})


def test_a_record_says_its_time_in_utc_whatever_it_was_written_in():
    data = {**a_record().to_json(), "created": "2024-01-31T10:00:00+02:00"}
    created = Record.from_json("a.csv", "1", data).created
    assert (created.hour, created.tzinfo) == (8, dt.UTC)


def test_a_copy_of_a_record_shares_nothing_that_can_be_changed():
    record = a_record(metadata={"tags": ["a"]}, lineage={"parents": []}, facts={"x": {}})
    copy = record.copied()
    copy.metadata["tags"].append("b")
    copy.lineage["parents"].append(1)
    copy.facts["x"]["y"] = 1
    assert record == a_record(metadata={"tags": ["a"]}, lineage={"parents": []}, facts={"x": {}})


@pytest.mark.parametrize("missing", ["v", "format", "type", "size", "digest", "created"])
def test_a_record_with_a_field_missing_is_an_integrity_error(missing):
    data = a_record().to_json()
    del data[missing]
    with pytest.raises(IntegrityError, match="is damaged"):
        Record.from_json("a.csv", "1", data)


def test_a_record_of_a_newer_release_says_to_upgrade():
    with pytest.raises(IntegrityError, match="newer release") as caught:
        Record.from_json("a.csv", "1", {**a_record().to_json(), "v": 2})
    assert "pip install --upgrade jsk-saver" in caught.value.hint


def test_a_record_that_is_no_object_is_an_integrity_error():
    with pytest.raises(IntegrityError, match="is damaged"):
        Record.from_json("a.csv", "1", [1, 2])  # type: ignore[arg-type]
