"""A graph as one SVG document: no style sheet, script, font or network, readable on light and dark."""

from __future__ import annotations

import re
from html import escape

from jsk_saver.human import one_line, shorten, width_of
from jsk_saver.lineage.graph import READ, Key, LineageGraph, Node
from jsk_saver.lineage.layout import Layout

_FONT = "ui-sans-serif,system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
_NAME_SIZE, _DETAIL_SIZE = 13, 10.5
# Mean width of a letter in ems of these fonts, on the generous side.
_LETTER, _BOLD_LETTER = 0.6, 0.66
_LONGEST_NAME = 34
_HEIGHT, _ROW, _GAP, _MARGIN, _PADDING = 46.0, 64.0, 56.0, 10.0, 12.0
_PASSING_WIDTH = 24.0
_LEGEND_HEIGHT, _LEGEND_WIDTH = 22.0, 200.0

# Boxes bring their own ground, and lines are a grey that stands out from white and from black.
_LINE = "#8b95a5"
_USUAL = ("#eef3fa", "#6d87ad", "#17222f", "#47566a", "")
_FOCUS = ("#2f5f9e", "#2f5f9e", "#ffffff", "#dbe6f5", "")
_TRIAL = ("#fdf3e1", "#b98a35", "#2b2113", "#6b5836", "")
_MISSING = ("#f1f1ef", "#8f8f89", "#4d4d49", "#6b6b66", ' stroke-dasharray="5 4"')
#: What XML has no way to say, not even escaped (XML 1.0, production 2, "Char").
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw(graph: LineageGraph) -> str:
    """Return the drawing of a graph, parents left of their children."""
    layout = Layout(graph.parents)
    nodes = {node.key: node for node in graph.nodes}
    left: dict[object, float] = {}
    widths: dict[object, float] = {}
    edge = _MARGIN
    for layer in layout.layers:
        widest = max((_width(nodes[key]) for key in layer if key in nodes), default=_PASSING_WIDTH)
        for place in layer:
            left[place], widths[place] = edge, widest
        edge += widest + _GAP
    middle = {place: _MARGIN + _HEIGHT / 2 + height * _ROW for place, height in layout.heights.items()}
    width = max(edge - _GAP, 0) + _MARGIN
    bottom = max(middle.values(), default=0) + _HEIGHT / 2 + _MARGIN
    legend = _legend(graph, bottom)
    width = max(width, _LEGEND_WIDTH) if legend else width
    height = bottom + (_LEGEND_HEIGHT if legend else 0)
    lines = [
        _line(
            [(left[place], left[place] + widths[place], middle[place]) for place in route],
            graph.how[child, parent],
        )
        for (parent, child), route in layout.routes.items()
    ]
    boxes = [
        _box(node, left[key], middle[key] - _HEIGHT / 2, widths[key], graph.focus)
        for key, node in nodes.items()
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{_FONT}">'
        f"<title>{_text(_summary(graph))}</title>"
        '<defs><marker id="jsk-arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0.5 8 4 0 7.5Z" fill="{_LINE}"/></marker></defs>'
        f'<g fill="none" stroke="{_LINE}" stroke-width="1.6">{"".join(lines)}</g>'
        f"{''.join(boxes)}{legend}</svg>"
    )


def _summary(graph: LineageGraph) -> str:
    what = f"ancestry of {graph.focus[1]}" if graph.focus else "lineage"
    return f"{what}: {len(graph.nodes)} versions"


def _legend(graph: LineageGraph, top: float) -> str:
    """Return what a broken line means, where there is one."""
    if not any(edge.how == READ for edge in graph.edges):
        return ""
    y = top + _LEGEND_HEIGHT / 2 - _MARGIN / 2
    return (
        f'<path d="M{_MARGIN} {y:.1f}h26" stroke="{_LINE}" stroke-width="1.6" stroke-dasharray="3 3"/>'
        f'<text x="{_MARGIN + 34}" y="{y + 3.5:.1f}" font-size="{_DETAIL_SIZE}" fill="{_LINE}">'
        "read before it was saved</text>"
    )


def _width(node: Node) -> float:
    name = width_of(_name(node)) * _NAME_SIZE * _BOLD_LETTER
    return max(name, width_of(node.detail) * _DETAIL_SIZE * _LETTER) + 2 * _PADDING


def _name(node: Node) -> str:
    return shorten(one_line(node.name), _LONGEST_NAME, middle=True)


def _line(stops: list[tuple[float, float, float]], how: str) -> str:
    """Return a path from the right of the first stop to the left of the last, level past those between."""
    _, x, y = stops[0]
    parts = [f"M{x:.1f} {y:.1f}"]
    for start, end, level in stops[1:]:
        bend = (start - x) / 2
        parts.append(f"C{x + bend:.1f} {y:.1f} {start - bend:.1f} {level:.1f} {start:.1f} {level:.1f}")
        if (start, end, level) != stops[-1]:
            parts.append(f"H{end:.1f}")
        x, y = end, level
    broken = ' stroke-dasharray="3 3"' if how == READ else ""
    return (
        f'<path d="{"".join(parts)}" marker-end="url(#jsk-arrow)"{broken}><title>{_text(how)}</title></path>'
    )


def _box(node: Node, x: float, y: float, width: float, focus: Key | None) -> str:
    usual = _TRIAL if node.kind == "trial" else _USUAL
    fill, stroke, ink, muted, dash = _MISSING if node.missing else _FOCUS if node.key == focus else usual
    return (
        f"<g><title>{_text(_full(node))}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT:.0f}" rx="7" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="1.3"{dash}/>'
        f'<text x="{x + _PADDING:.1f}" y="{y + 20:.1f}" font-size="{_NAME_SIZE}" font-weight="600" '
        f'fill="{ink}">{_text(_name(node))}</text>'
        f'<text x="{x + _PADDING:.1f}" y="{y + 36:.1f}" font-size="{_DETAIL_SIZE}" '
        f'fill="{muted}">{_text(node.detail)}</text></g>'
    )


def _full(node: Node) -> str:
    return f"{node.name} · trial" if node.kind == "trial" else f"{node.name} · version {node.version}"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", one_line(text)))
