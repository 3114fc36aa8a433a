"""Drawing ancestries: tree, Mermaid and SVG say the same, for any names and shapes."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.lineage.graph import Edge, LineageGraph, Node
from jsk_saver.lineage.layout import Layout
from jsk_saver.record import Record

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SVG = "{http://www.w3.org/2000/svg}"


def _node(name: str, version: str = "1", who: str = "ana") -> Node:
    record = Record(name, version, "csv", "", 1, "", NOON, lineage={"user": who})
    return Node.of(record, "s3://here")


def _graph(*pairs: tuple[str, str], focus: str | None = None) -> LineageGraph:
    nodes = {name: _node(name) for pair in pairs for name in pair}
    edges = [Edge(nodes[child].key, nodes[parent].key) for child, parent in pairs]
    return LineageGraph(nodes.values(), edges, nodes[focus].key if focus else None)


def _names(graph: LineageGraph) -> list[str]:
    return [line.lstrip("│├└─ ").split("  ")[0] for line in str(graph).splitlines()]


def test_the_tree_shows_parents_below_their_child():
    graph = _graph(("model", "split"), ("split", "features"), ("split", "labels"), ("features", "raw"))
    when = f"{NOON.astimezone():%Y-%m-%d %H:%M}"
    assert str(graph).replace(f"1 · {when} · ana", "*") == (
        "model  *\n└─ split  *\n   ├─ features  *\n   │  └─ raw  *\n   └─ labels  *"
    )


def test_in_a_diamond_the_shared_parents_are_told_once():
    graph = _graph(("model", "a"), ("model", "b"), ("a", "raw"), ("b", "raw"), ("raw", "source"))
    tree = str(graph)
    assert tree.count("raw") == 2
    assert tree.count("source") == 1
    assert tree.count("(see above)") == 1
    assert graph.mermaid.count("raw") == graph.svg.count(">raw<") == 1


def test_a_version_that_is_gone_is_shown_as_such():
    model = _node("model")
    gone = ("s3://here", "raw.csv", "20250101T000000.000000Z-deadbeef")
    graph = LineageGraph([model], [Edge(model.key, gone)])
    assert "└─ raw.csv  …deadbeef · purged" in str(graph)
    assert re.search(r"class v1 missing", graph.mermaid)
    assert graph.svg.count("stroke-dasharray") == 1


def test_a_version_in_another_store_says_so():
    model, other = _node("model"), Node("raw.csv", "1", "s3://there", note="in another store")
    graph = LineageGraph([model, other], [Edge(model.key, other.key)])
    assert "raw.csv  1 · in another store" in str(graph)


def test_the_version_asked_about_comes_first_and_stands_out():
    graph = _graph(("report", "model"), ("model", "raw"), focus="model")
    assert _names(graph) == ["model", "raw"]
    assert "classDef focus" in graph.mermaid
    alone = _graph(("model", "raw"), ("other", "raw"), focus="model")
    assert _names(alone)[0] == "model"
    assert "other" in _names(alone)


def test_circles_cannot_be_but_would_not_hang_anything():
    graph = _graph(("a", "b"), ("b", "c"), ("c", "a"), ("c", "c"), ("c", "d"), focus="b")
    pairs = {(edge.child[1], edge.parent[1]) for edge in graph.edges}
    assert pairs == {("b", "c"), ("c", "a"), ("c", "d")}
    assert _names(graph) == ["b", "c", "a", "d"]
    assert ElementTree.fromstring(graph.svg) is not None


def test_a_graph_of_one_version_and_of_none():
    one = LineageGraph([_node("raw.csv")])
    assert str(one).startswith("raw.csv  1 · ")
    assert len(ElementTree.fromstring(one.svg).findall(f".//{SVG}rect")) == 1
    nothing = LineageGraph([])
    assert (str(nothing), nothing.mermaid) == ("", "flowchart LR")
    assert ElementTree.fromstring(nothing.svg) is not None


def test_a_notebook_gets_the_drawing_and_the_tree():
    graph = _graph(("model", "raw"))
    assert graph._repr_mimebundle_() == {"image/svg+xml": graph.svg, "text/plain": str(graph)}
    assert graph._repr_svg_() == graph.svg
    assert repr(graph) == str(graph)


def test_the_drawing_needs_nothing_else():
    drawing = _graph(("model", "raw")).svg
    links = re.findall(r"""(?:href|src|url)\W+([^"')\s]+)""", drawing)
    assert set(links) <= {"#jsk-arrow", "jsk-arrow"}
    assert "<script" not in drawing
    assert "<style" not in drawing


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_its_tooltip():
    name = "a/very/long/folder/with/many/parts/and/a/name/channels.parquet"
    drawing = ElementTree.fromstring(LineageGraph([_node(name)]).svg)
    (label, _) = (text.text for text in drawing.iter(f"{SVG}text"))
    assert "…" in label
    assert label.endswith("parquet")
    assert any(name in (title.text or "") for title in drawing.iter(f"{SVG}title"))


def test_mermaid_reads_no_name_as_a_sign_of_its_own():
    names = ['say "hi" [x] {y} (z)', "a --> b;", "<b>&amp;</b>", "1. #list `code` $$x$$", "日本語", "end"]
    text = LineageGraph([_node(name) for name in names]).mermaid
    for line in text.splitlines()[1:]:
        assert re.fullmatch(
            r"    v\d+\[\"(?:#\d+;|[^\W]|[ ./…·\u200b-])+<br/>(?:#\d+;|[^\W]|[ ./…·-])+\"\]", line
        )
    decoded = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text).replace("\u200b", "")
    assert all(f'["{name}<br/>' in decoded for name in names)


_nodes = st.integers(0, 25)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.text(max_size=30), min_size=26, max_size=26),
    pairs=st.lists(st.tuples(_nodes, _nodes), max_size=60),
)
def test_any_names_and_any_edges_can_be_drawn(names, pairs):
    nodes = [_node(name, str(number)) for number, name in enumerate(names)]
    graph = LineageGraph(nodes, [Edge(nodes[child].key, nodes[parent].key) for child, parent in pairs])
    drawing = ElementTree.fromstring(graph.svg)
    assert len(drawing.findall(f".//{SVG}rect")) == len(nodes)
    assert (
        len(drawing.findall(f".//{SVG}path[@marker-end]")) == len(graph.edges) == graph.mermaid.count(" --> ")
    )
    in_tree = re.findall(r"  (\d+) · ", str(graph))
    assert set(in_tree) == {node.version for node in nodes}


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(_nodes, _nodes), max_size=60))
def test_no_two_boxes_touch_and_every_parent_is_left_of_its_child(pairs):
    graph = _graph(*((f"n{max(pair)}", f"n{min(pair)}") for pair in pairs if pair[0] != pair[1]))
    layout = Layout(graph.parents)
    column = {place: number for number, layer in enumerate(layout.layers) for place in layer}
    for layer in layout.layers:
        heights = [layout.heights[place] for place in layer if place in graph.parents]
        assert all(below - above > 0.999 for above, below in pairwise(heights))
    for (parent, child), route in layout.routes.items():
        assert [column[place] for place in route] == list(range(column[parent], column[child] + 1))
    assert min(layout.heights.values(), default=0) == 0


def test_hundreds_of_versions_in_a_row_are_drawn_without_end_of_the_stack():
    graph = _graph(*((f"n{number}", f"n{number - 1}") for number in range(1, 1500)))
    assert len(_names(graph)) == len(graph) == 1500
    assert graph.svg.count("<rect") == 1500


def test_sorting_the_layers_removes_crossings():
    crossed = _graph(("a2", "b1"), ("a1", "b2"), ("a3", "b3"), ("end", "a1"), ("end", "a2"), ("end", "a3"))
    assert Layout(crossed.parents)._crossings() == 0


def test_characters_that_xml_does_not_know_are_shown_as_such():
    graph = LineageGraph([_node("a\ufffeb\uffffc\ud800.csv", "1")], [])
    assert "a\ufffdb\ufffdc" in "".join(ElementTree.fromstring(graph.svg).itertext())
