"""What differs between two versions is told exactly, whatever they hold and whichever library made them."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.diff import Difference, difference
from jsk_saver.diff.trees import changes
from jsk_saver.errors import JskError
from jsk_saver.record import Record

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def record(version: str, *, kind: str = "parquet", name: str = "a.parquet", **more) -> Record:
    given = {"type": "object", "size": 100, "digest": f"sha256:{version}", "created": NOON, **more}
    return Record(name=name, version=version, format=kind, **given)


def compare(old, new, *, kind: str = "parquet", **more) -> Difference:
    return difference((record("1", kind=kind), old), (record("2", kind=kind), new), **more)


def content(old, new, **more) -> dict:
    """Return what is told of two objects; every way of showing it must work too."""
    found = compare(old, new, **more)
    assert found.title in repr(found)
    assert "<div" in found._repr_html_()
    return json.loads(json.dumps(found.to_dict(), allow_nan=False))["content"]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [11, 12, 13, 14],
            "title": ["a", "b", "b", None],
            "views": [1.5, 2.5, math.nan, 4.5],
            "kind": pd.Categorical(["x", "y", "x", "x"]),
            "when": pd.date_range("2024-05-01", periods=4, tz="Europe/Berlin"),
        }
    )


# Tables: what is the same ---------------------------------------------------------------------------


@pytest.mark.parametrize("old", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("new", ["pandas", "polars", "arrow"])
def test_the_same_table_is_the_same_whichever_library_holds_it(frame, old, new):
    kinds = {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "arrow": pa.Table.from_pandas(frame, preserve_index=False),
    }
    found = content(kinds[old], kinds[new])
    assert found["rows"]["changed"] == 0
    assert found["columns"]["retyped"] == []
    assert found["same"]


def test_nan_equals_nan_in_arrow_tables_but_not_missing():
    old = pa.table({"x": [math.nan, None, 1.0], "y": [1, 2, 2]})
    new = pa.table({"x": [math.nan, math.nan, 1.0], "y": [1, 2, 2]})
    assert content(old, new)["values"] == [{"column": "x", "changed": 1, "largest": None}]
    assert content(old, old.slice(0))["same"]


# Tables: schema -------------------------------------------------------------------------------------


def test_added_removed_retyped_and_reordered_columns_are_named(frame):
    new = frame.assign(views=[1, 2, 3, 4], country="de").drop(columns="kind")[
        ["title", "id", "views", "when", "country"]
    ]
    found = content(frame, new)["columns"]
    assert found["added"] == ["country"]
    assert found["removed"] == ["kind"]
    assert found["retyped"] == [{"column": "views", "old": "float64", "new": "int64"}]
    assert found["reordered"]


def test_other_categories_are_another_type(frame):
    new = frame.assign(kind=frame["kind"].cat.add_categories(["z"]))
    (retyped,) = content(frame, new)["columns"]["retyped"]
    assert retyped == {"column": "kind", "old": "category (x, y)", "new": "category (x, y, z)"}


def test_a_column_that_became_the_index_is_matched_by_and_said(frame):
    found = content(frame, frame.set_index("id"))
    assert found["columns"]["retyped"] == [{"column": "id", "old": "int64", "new": "int64 (index)"}]
    assert found["rows"]["matched_by"] == ["id"]
    assert found["rows"]["changed"] == 0


def test_duplicate_column_names_are_told_apart():
    old = pd.DataFrame([[1, 2], [1, 3]], columns=["x", "x"])
    new = pd.DataFrame([[1, 2], [1, 4]], columns=["x", "x"])
    assert content(old, new)["values"] == [{"column": "x (2)", "changed": 1, "largest": 1.0}]


# Tables: rows ---------------------------------------------------------------------------------------


def test_rows_are_matched_by_an_identifier_wherever_they_went(frame):
    new = frame.iloc[[3, 0, 1]].reset_index(drop=True)
    new.loc[new["id"] == 12, "views"] = 99.0
    new = pd.concat([new, frame.iloc[:1].assign(id=20)], ignore_index=True)
    found = content(frame, new)
    assert found["rows"] == {
        "old": 4,
        "new": 4,
        "matched_by": ["id"],
        "added": 1,
        "removed": 1,
        "changed": 1,
        "reordered": True,
        "added_examples": [[20]],
        "removed_examples": [[13]],
    }
    assert found["examples"] == [{"row": [12], "column": "views", "old": 2.5, "new": 99.0}]


def test_a_meaningful_index_is_the_key(frame):
    dropped = frame.drop(columns="id").drop(index=1)  # labels 0, 2, 3 are left
    found = content(frame.drop(columns="id"), dropped)["rows"]
    assert (found["matched_by"], found["removed_examples"], found["changed"]) == (["(index)"], [[1]], 0)


def test_an_identifier_is_a_better_key_than_row_numbers_left_by_filtering(frame):
    new = frame.drop(index=1)
    found = content(frame, new)
    assert (found["rows"]["matched_by"], found["rows"]["removed_examples"]) == (["id"], [[12]])
    assert not found["columns"]["index_differs"]
    renumbered = content(frame, frame.set_axis([7, 8, 9, 10]))
    assert renumbered["columns"]["index_differs"]
    assert renumbered["values"] == []
    assert not renumbered["same"]


def test_an_index_of_several_levels_is_the_key():
    index = pd.MultiIndex.from_product([["de", "fr"], [1, 2, 3]], names=["country", "week"])
    old = pd.DataFrame({"views": range(6)}, index=index)
    new = old.drop(index=("de", 2)).sort_index(ascending=False)
    new.loc[("fr", 3), "views"] = 50
    found = content(old, new)
    assert found["rows"]["matched_by"] == ["country", "week"]
    assert found["rows"]["removed_examples"] == [["de", 2]]
    assert found["examples"] == [{"row": ["fr", 3], "column": "views", "old": 5, "new": 50}]


def test_rows_without_a_key_are_matched_by_position():
    old = pd.DataFrame({"x": [1, 1, 2], "y": [5, 5, 5]})
    new = pd.DataFrame({"x": [1, 3, 2, 2], "y": [5, 5, 5, 5]})
    found = content(old, new)
    assert (found["rows"]["matched_by"], found["rows"]["added"], found["rows"]["changed"]) == (None, 1, 1)
    assert found["examples"] == [{"row": [1], "column": "x", "old": 1, "new": 3}]


def test_a_unique_column_with_other_values_is_no_key():
    old = pd.DataFrame({"seen": [1, 2, 3, 4], "group": ["a", "a", "b", "b"]})
    new = pd.DataFrame({"seen": [11, 12, 13, 4], "group": ["a", "a", "b", "b"]})
    found = content(old, new)
    assert (found["rows"]["matched_by"], found["rows"]["changed"]) == (None, 3)


def test_measurements_are_no_key():
    old = pl.DataFrame({"loss": [0.1, 0.2, 0.3], "fold": [1, 1, 1]})
    assert content(old, old.with_columns(pl.col("loss") * 2))["rows"]["matched_by"] is None


def test_a_given_key_of_several_columns_is_used(frame):
    keyed = frame.assign(title=["a", "a", "b", "b"], part=[1, 2, 1, 2])
    found = content(keyed, keyed.iloc[::-1].assign(views=0.0), key=["title", "part"])
    assert found["rows"]["matched_by"] == ["title", "part"]
    assert found["rows"]["changed"] == 4


@pytest.mark.parametrize(
    ("key", "message"), [("country", "no column 'country'"), ("kind", "cannot be matched")]
)
def test_a_given_key_that_cannot_be_used_is_refused(frame, key, message):
    with pytest.raises(JskError, match=message) as caught:
        compare(frame, frame.assign(views=0.0), key=key)
    assert caught.value.hint


def test_rows_in_another_order_are_a_difference(frame):
    found = content(frame, frame.iloc[::-1].reset_index(drop=True))
    assert found["rows"]["reordered"]
    assert found["rows"]["changed"] == 0
    assert not found["same"]


# Tables: values -------------------------------------------------------------------------------------


def test_identifiers_that_became_floats_are_compared_exactly():
    big = 2**53
    old = pd.DataFrame({"n": ["a", "b"], "x": [big, big + 1]})
    new = pd.DataFrame({"n": ["a", "b"], "x": [float(big), float(big + 1)]})
    assert content(old, new)["examples"] == [{"row": ["b"], "column": "x", "old": big + 1, "new": float(big)}]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ([1, 2, 2], [1.0, 2.0, 2.5], 1),
        ([True, False, True], [1, 0, 0], 1),
        (["1", "2", "02"], [1, 2, 2], 1),
        ([None, None, None], [None, None, 1], 1),
        ([[1, 2], [3], []], [[1, 2], [4], []], 1),
        ([{"a": 1}, None, None], [{"a": 1}, None, {"a": 2}], 1),
        ([b"a", b"b", b"b"], [b"a", b"b", b"c"], 1),
        ([dt.date(2024, 5, 1)] * 3, [dt.datetime(2024, 5, 1), dt.datetime(2024, 5, 2)] * 1 + [None], 2),
        ([1 + 2j, 2j, 2j], [1 + 2j, 2j, 3j], 1),
    ],
)
def test_values_of_any_two_types_are_compared(old, new, changed):
    found = content(pd.DataFrame({"same": [0, 0, 0], "x": old}), pd.DataFrame({"same": [0, 0, 0], "x": new}))
    assert [(item["column"], item["changed"]) for item in found["values"]] == [("x", changed)]


def test_the_same_moment_in_another_zone_is_only_another_type():
    old = pd.DataFrame({"when": pd.date_range("2024-05-01", periods=3, tz="UTC"), "x": 1})
    found = content(old, old.assign(when=old["when"].dt.tz_convert("Asia/Tokyo")))
    assert len(found["columns"]["retyped"]) == 1
    assert found["values"] == []


def test_the_first_changes_come_in_row_order_and_all_of_them_as_a_data_frame(frame):
    old = pd.DataFrame({"id": range(1000), "x": 0, "y": 0.0})
    new = old.assign(x=np.where(old["id"] >= 100, 1, 0), y=np.where(old["id"] % 2, 0.5, 0.0))
    found = compare(old, new)
    told = found.to_dict()["content"]
    assert told["values"] == [
        {"column": "x", "changed": 900, "largest": 1.0},
        {"column": "y", "changed": 500, "largest": 0.5},
    ]
    assert told["rows"]["changed"] == 950
    assert [item["row"][0] for item in told["examples"]] == list(range(1, 40, 2))
    assert "First 20 of 1,400 changes" in repr(found)
    everything = found.changes
    assert list(everything.columns) == ["id", "column", "old", "new"]
    assert len(everything) == 1400
    assert everything["id"].is_monotonic_increasing
    assert everything.iloc[0].to_list() == [1, "y", 0.0, 0.5]


def test_added_and_removed_rows_are_given_whole(frame):
    found = compare(frame, frame.iloc[1:])
    assert found.removed["title"].to_list() == ["a"]
    assert found.added.empty
    assert list(found.added.columns) == list(found.removed.columns)


def test_long_texts_are_cut_where_they_differ(frame):
    old = frame.assign(title="x" * 500 + "old")
    shown = repr(compare(old, frame.assign(title="x" * 500 + "new")))
    assert "xxold'" in shown
    assert "xxnew'" in shown


def test_empty_tables_can_be_compared(frame):
    assert content(frame.iloc[:0], frame.iloc[:0])["same"]
    assert content(frame.iloc[:0], frame)["rows"]["added"] == 4
    assert content(pd.DataFrame(), pd.DataFrame())["same"]


_CELLS = st.one_of(st.none(), st.integers(-3, 3))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=12),
    st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_counts_are_those_of_a_comparison_row_by_row(old_cells, new_cells, random):
    """Two tables with random identifiers, against the plainest possible comparison."""
    old = dict(zip(random.sample(range(20), len(old_cells)), old_cells, strict=True))
    new = dict(zip(random.sample(range(20), len(new_cells)), new_cells, strict=True))
    frames = [
        pl.DataFrame(
            [(key, *cells) for key, cells in side.items()],
            schema={"row_id": pl.Int64, "x": pl.Int64, "y": pl.Int64},
            orient="row",
        )
        for side in (old, new)
    ]
    found = compare(*frames, key="row_id").to_dict()["content"]
    both = old.keys() & new.keys()
    assert found["rows"]["added"] == len(new.keys() - old.keys())
    assert found["rows"]["removed"] == len(old.keys() - new.keys())
    assert found["rows"]["changed"] == sum(old[key] != new[key] for key in both)
    counts = {item["column"]: item["changed"] for item in found["values"]}
    for place, column in enumerate(("x", "y")):
        assert counts.get(column, 0) == sum(old[key][place] != new[key][place] for key in both)
    assert found["rows"]["reordered"] == (
        [key for key in old if key in both] != [key for key in new if key in both]
    )


@pytest.mark.slow
def test_a_million_rows_are_compared_without_a_loop_over_them():
    count = 1_000_000
    rng = np.random.default_rng(0)
    old = pd.DataFrame(
        {"id": np.arange(count), "x": rng.random(count), "s": [f"t{i % 5000}" for i in range(count)]}
    )
    new = old.sample(frac=1, random_state=0).drop(index=[5]).reset_index(drop=True)
    new["x"] += 1
    found = compare(old, new).to_dict()["content"]["rows"]
    assert (found["matched_by"], found["changed"], found["removed"]) == (["id"], count - 1, 1)


# Values ---------------------------------------------------------------------------------------------


def test_changed_paths_of_json_are_named():
    old = {"model": {"depth": 3, "kind": "tree"}, "tags": ["a", "b"], "gone": 1, "two words": 1}
    new = {"model": {"depth": 5, "kind": "tree"}, "tags": ["a", "c", "d"], "here": None, "two words": 2}
    lines = [str(change) for change in changes(old, new)]
    assert lines == [
        "~ $.model.depth: 3 → 5",
        "~ $.tags[1]: 'b' → 'c'",
        "+ $.tags[2]: 'd'",
        "- $.gone: 1",
        "~ $['two words']: 1 → 2",
        "+ $.here: None",
    ]
    found = content(old, new, kind="json")
    assert found["changes"][0] == {"path": "$.model.depth", "change": "changed", "old": 3, "new": 5}
    assert compare(old, new, kind="json").changes["path"].to_list()[0] == "$.model.depth"


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (math.nan, math.nan, True),
        (None, 0, False),
        ([1, 2], (1, 2), False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": math.nan}, {"a": math.nan}, True),
        ("one", "one", True),
        ([], {}, False),
    ],
)
def test_values_are_the_same_only_with_their_types(old, new, same):
    assert content(old, new, kind="json")["same"] is same


def test_deeply_nested_values_do_not_exhaust_the_stack():
    old, new = 1, 2
    for _ in range(5_000):
        old, new = [old], [new]
    (change,) = changes(old, new)
    assert change.path == "$" + "[0]" * 5_000


def test_parameters_of_two_models_are_compared():
    from sklearn.tree import DecisionTreeClassifier

    found = content(DecisionTreeClassifier(max_depth=3), DecisionTreeClassifier(max_depth=5), kind="skops")
    assert [item["path"] for item in found["changes"]] == ["$.DecisionTreeClassifier.max_depth"]


# Text -----------------------------------------------------------------------------------------------


def test_texts_are_compared_line_by_line_with_the_right_line_numbers():
    old = [f"line {number}" for number in range(100)]
    new = [*old[:50], "LINE 50", *old[51:]]
    found = content("\n".join(old), "\n".join(new), kind="txt")
    assert (found["added"], found["removed"]) == (1, 1)
    assert found["unified"][2] == "@@ -48,7 +48,7 @@"
    assert found["unified"][3:] == [
        *(f" line {n}" for n in (47, 48, 49)),
        "-line 50",
        "+LINE 50",
        *(f" line {n}" for n in (51, 52, 53)),
    ]


def test_texts_that_differ_only_in_line_ends_are_not_the_same():
    found = compare("a\nb\n", "a\r\nb\r\n", kind="txt")
    assert not found.same
    assert "Only line ends differ." in repr(found)


def test_a_long_text_diff_is_cut_and_a_huge_one_only_counted():
    old = "\n".join(f"a{number}" for number in range(300))
    new = "\n".join(f"b{number}" for number in range(300))
    assert "… and 541 more lines" in repr(compare(old, new, kind="txt"))
    huge = compare("x\n" * 30_000, "y\n" * 30_000, kind="txt")
    assert "Too many lines differ" in repr(huge)
    assert huge.to_dict()["content"]["lines"] == {"old": 30_000, "new": 30_000}


# Arrays ---------------------------------------------------------------------------------------------


def test_arrays_are_compared_by_shape_type_and_element():
    old = np.zeros((3, 4))
    new = old.copy()
    new[1, 2], new[2, 0] = -0.5, math.nan
    (found,) = content(old, new, kind="npy")["arrays"]
    assert (found["old"], found["changed"], found["largest"]) == ("3 × 4 float64", 2, 0.5)
    assert found["examples"][0] == {"element": "[1, 2]", "old": 0.0, "new": -0.5}
    (shape,) = content(old, np.zeros((4, 3)), kind="npy")["arrays"]
    assert (shape["new"], shape["changed"]) == ("4 × 3 float64", None)
    (kind,) = content(old, old.astype("float32"), kind="npy")["arrays"]
    assert (kind["new"], kind["changed"]) == ("3 × 4 float32", 0)
    assert content(new, new.copy(), kind="npy")["same"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (np.array(["a", "b"]), np.array(["a", "c"])),
        (np.array(["a", "1"]), np.array([1, 1])),
        (np.array([1, 2], dtype="M8[s]"), np.array([1, 3], dtype="M8[s]")),
        (np.array([1, None], dtype=object), np.array([1, 2], dtype=object)),
        (np.array([1 + 1j]), np.array([1 + 2j])),
        (np.array(1.0), np.array(2.0)),
        (np.array([True, False]), np.array([True, True])),
        (np.array([1, 2], dtype="M8[s]"), np.array([1.0, 2.0])),
    ],
)
def test_arrays_of_any_type_are_compared(old, new):
    (found,) = content(old, new, kind="npy")["arrays"]
    assert found["changed"] > 0
    assert content(old, old.copy(), kind="npy")["same"]


def test_named_arrays_are_compared_by_name():
    old = {"weights": np.ones(3), "bias": np.zeros(1), "old": np.ones(1)}
    new = {"weights": np.array([1.0, 1.0, 2.0]), "bias": np.zeros(1), "new": np.ones(2)}
    found = {item["name"]: item for item in content(old, new, kind="npz")["arrays"]}
    assert set(found) == {"weights", "old", "new"}
    assert found["weights"]["changed"] == 1
    assert (found["old"]["new"], found["new"]["old"]) == ("(absent)", "(absent)")


def test_tensors_are_compared_as_arrays():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    old = {"w": torch.zeros(2, 2, dtype=torch.bfloat16)}
    (found,) = content(old, {"w": torch.ones(2, 2, dtype=torch.bfloat16)}, kind="safetensors")["arrays"]
    assert (found["changed"], found["largest"]) == (4, 1.0)


# Everything else ------------------------------------------------------------------------------------


def test_what_cannot_be_loaded_is_compared_by_size_and_digest():
    old, new = record("1", kind="file"), record("2", kind="file", size=101)
    found = difference((old, None), (new, None))
    assert not found.same
    assert found.to_dict()["content"]["size"] == {"old": 100, "new": 101}
    assert "101 bytes" in repr(found)
    with pytest.raises(JskError, match="no table of changes"):
        found.changes
    with pytest.raises(JskError, match="has no rows"):
        found.added


def test_equal_bytes_are_not_compared_again():
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"{name} was looked at")

    one = record("1", digest="sha256:same")
    found = difference((one, Untouchable()), (record("2", digest="sha256:same"), Untouchable()))
    assert found.same
    assert found.title == "a.parquet: no difference."


def test_objects_of_two_kinds_differ():
    found = difference((record("1", type="dict"), {"a": 1}), (record("2", type="str"), "text"))
    assert not found.same
    assert "types differ" in found.title


def test_metadata_is_compared_whatever_the_objects_are():
    old = record("1", digest="sha256:x", metadata={"origin": "youtube", "model": {"depth": 3}})
    new = record("2", digest="sha256:x", metadata={"origin": "youtube", "model": {"depth": 4}, "rows": 9})
    found = difference((old, None), (new, None))
    assert not found.same
    assert [item["path"] for item in found.to_dict()["metadata"]] == ["model.depth", "rows"]
    assert "~ model.depth: 3 → 4" in repr(found)


def test_lineage_that_matters_is_compared_but_makes_no_difference():
    lineage = {
        "commit": "a" * 40,
        "host": "one",
        "packages": "p1",
        "parents": [{"name": "raw.csv", "version": "1"}],
    }
    other = {
        "commit": "b" * 40,
        "host": "two",
        "packages": "p2",
        "parents": [{"name": "raw.csv", "version": "2"}],
    }
    notes = {
        "packages/p1.txt": b"numpy==2.0.0\npandas==2.2.1\nold==1.0\n",
        "packages/p2.txt": b"numpy==2.0.0\npandas==2.2.3\nnew==1.0\n",
    }
    old, new = record("1", digest="sha256:x", lineage=lineage), record("2", digest="sha256:x", lineage=other)
    found = difference((old, None), (new, None), read_note=notes.__getitem__)
    assert found.same
    assert "no difference but where they come from" in repr(found)
    assert [item["path"] for item in found.to_dict()["lineage"]] == [
        "commit",
        "packages",
        "packages.pandas",
        "packages.old",
        "packages.new",
        "parents['raw.csv']",
    ]


def test_a_package_list_that_is_gone_leaves_the_digests():
    def gone(key):
        raise JskError(f"{key} is gone")

    old, new = record("1", lineage={"packages": "p1"}), record("2", lineage={"packages": "p2"})
    found = difference((old, None), (new, None), read_note=gone)
    assert [item["path"] for item in found.to_dict()["lineage"]] == ["packages"]


def test_html_shows_values_and_runs_nothing():
    old, new = record("1", metadata={"x": "<script>1</script>"}), record("2", metadata={"x": "<b>"})
    html = difference((old, {"a": "<i>"}), (new, {"a": "<img src=x>"}))._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script" in html


# The same, and yet not ------------------------------------------------------------------------------


def test_the_order_of_categories_is_a_difference():
    many = [f"c{number}" for number in range(20)]
    late = [*many[:10], "c11", "c10", *many[12:]]
    for names, others, one, other in (
        (["x", "y"], ["y", "x"], "x, y", "y, x"),
        (many, late, "…, c9, c10, c11, c12, c13, … 20 in all", "…, c9, c11, c10, c12, c13, … 20 in all"),
    ):
        old, new = (pd.DataFrame({"kind": pd.Categorical(names[:1], side)}) for side in (names, others))
        found = compare(old, new)
        assert not found.same
        assert found.content.retyped == [("kind", f"category ({one})", f"category ({other})")]
        assert content(old, old.copy())["same"]


def test_ordered_categories_are_another_type():
    old = pd.DataFrame({"kind": pd.Categorical(["x"], ["x", "y"])})
    new = pd.DataFrame({"kind": pd.Categorical(["x"], ["x", "y"], ordered=True)})
    (retyped,) = content(old, new)["columns"]["retyped"]
    assert (retyped["old"], retyped["new"]) == ("category (x, y)", "ordered category (x, y)")


def test_equal_values_in_other_bytes_are_said_to_be_so():
    for old, new in ((pd.DataFrame({"x": [0.0]}), pd.DataFrame({"x": [-0.0]})), (np.zeros(1), -np.zeros(1))):
        found = compare(old, new)
        assert found.same
        assert not found.same_bytes
        assert found.title == "a.parquet: same values, other bytes."
        assert found.to_dict()["same_bytes"] is False


def test_counts_agree_with_what_they_count():
    assert "Text: 1 line added, 0 removed" in repr(compare("a", "a\nb", kind="txt"))
    assert compare("a", "b", kind="txt").title.endswith("text differs.")
    assert compare({"a": 1}, {"a": 2}, kind="json").title.endswith("values differ.")
    assert "Text: 1 line → 1 line\n" in repr(compare("a\n", "a\r\n", kind="txt"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({1}, {2}, ["- $ (set): 1", "+ $ (set): 2"]),
        ({"a": frozenset("xy")}, {"a": frozenset("yz")}, ["- $.a (set): 'x'", "+ $.a (set): 'z'"]),
        (1, 2, ["~ $: 1 → 2"]),
        (b"x", b"y", ["~ $: b'x' → b'y'"]),
        ({"when": dt.date(2026, 1, 1)}, [1], ["~ $: "]),
    ],
    ids=["sets", "sets inside", "numbers", "bytes", "types"],
)
def test_plain_values_of_a_pickle_are_compared_as_values(old, new, told):
    found = compare(old, new, kind="pickle")
    assert not found.same
    assert found.content.kind == "values"
    assert all(line in repr(found) for line in told)
    assert content(old, new, kind="pickle")["changes"]
