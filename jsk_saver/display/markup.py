"""Tables as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from jsk_saver.display.columns import Column, Columns, Row, laid_out, shown
from jsk_saver.human import Code, human_value, one_line, shorten

#: Longest text of one value in a table's HTML, and of its tooltip; nobody reads on.
_LONGEST, _LONGEST_TOOLTIP = 200, 2000
#: Text that is short enough to be seen whole without a tooltip.
_NO_TOOLTIP = 30
#: Longest path in a table's HTML.
_LONGEST_PATH = 48

_MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:.92em;"
_CELL = "padding:.25em .9em .25em .4em;border:none;color:inherit;vertical-align:top;"
_DIGITS = "font-variant-numeric:tabular-nums;"
_CUT = "max-width:26em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;"
_LABEL = "text-align:left;font-weight:normal;opacity:.7;white-space:nowrap;"
_TABLE = "border-collapse:collapse;margin:.3em 0;border:none;"
_TITLE = "padding:.2em .4em .4em;color:inherit;font-weight:600;white-space:nowrap;"
_CAPTION = f"caption-side:top;text-align:left;{_TITLE}"
_RULE = "border-bottom:1px solid rgba(128,128,128,.55);"


def html_table(columns: Columns, rows: Iterable[Row], *, caption: str = "", notes: Iterable[str] = ()) -> str:
    """Return rows as an HTML table; arguments as for :func:`~jsk_saver.display.text_table`.

    Parameters
    ----------
    caption
        A line above.
    notes
        Lines below, in a muted colour; :class:`~jsk_saver.human.Code` is what is to be typed.
    """
    shape, values, right = laid_out(columns, rows)
    sides = ["right" if numbers else "left" for numbers in right]
    head = "".join(
        f'<th scope="col" style="{_CELL}{_RULE}text-align:{side};font-weight:600">{escape(column.head)}</th>'
        for column, side in zip(shape, sides, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(*cell) for cell in zip(row, shape, sides, strict=True))}</tr>" for row in values
    )
    title = _caption(caption)
    inner = f"{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    table = f'<table style="{_TABLE}">{inner}</table>'
    if not shape:
        table = f'<div style="{_TITLE}">{escape(caption)}</div>'
    return f'<div style="overflow-x:auto">{table}{_notes(notes)}</div>'


def _cell(value: Any, column: Column, side: str) -> str:
    text, exact = shown(value, column)
    tooltip = exact or (text if len(text) > _NO_TOOLTIP else "")
    attribute = f' title="{escape(shorten(tooltip, _LONGEST_TOOLTIP))}"' if tooltip else ""
    style = _CELL + _CUT + (_MONO if column.kind == "code" else "") + (_DIGITS if side == "right" else "")
    longest = _LONGEST_PATH if column.kind == "path" else _LONGEST
    inner = escape(shorten(text, longest, middle=column.cut_in_middle))
    return f'<td{attribute} style="{style}text-align:{side}">{inner}</td>'


def html_fields(
    fields: Iterable[tuple[str, Any]],
    *,
    caption: str = "",
    lead: str = "",
    notes: Iterable[str] = (),
    whole: bool = False,
) -> str:
    """Return names and values as a two-column HTML table; a list takes a line for each item.

    Parameters
    ----------
    caption
        A line above.
    lead
        A paragraph between caption and table.
    notes
        Lines below, in a muted colour.
    whole
        Show all of every value, of any length.
    """
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}{_LABEL}">{escape(name)}</th>'
        f'<td style="{_CELL}text-align:left;overflow-wrap:anywhere">{_lines(value, whole)}</td></tr>'
        for name, value in fields
    )
    title = _caption("" if lead else caption)
    above = (
        f'<div style="font-weight:600;padding:.2em .4em">{escape(caption)}</div>'
        f'<p style="margin:.2em .4em .6em;max-width:52em;line-height:1.45">{escape(lead)}</p>'
        if lead
        else ""
    )
    return (
        f'<div style="overflow-x:auto">{above}<table style="{_TABLE}">{title}'
        f"<tbody>{rows}</tbody></table>{_notes(notes)}</div>"
    )


def _lines(value: Any, whole: bool) -> str:
    return "<br>".join(_field_value(item, whole) for item in (value if isinstance(value, list) else [value]))


def _field_value(value: Any, whole: bool) -> str:
    text = escape(human_value(value) if whole else shorten(human_value(value), _LONGEST_TOOLTIP))
    return f'<span style="{_MONO}">{text}</span>' if isinstance(value, Code) else text


def _caption(text: str) -> str:
    return f'<caption style="{_CAPTION}">{escape(text)}</caption>' if text else ""


def _notes(notes: Iterable[str]) -> str:
    return "".join(f'<div style="padding:.1em .4em;{_note(note)}">{escape(note)}</div>' for note in notes)


def _note(note: str) -> str:
    """Return how a line below is shown; what is to be typed is not muted, and one click takes all of it."""
    return f"{_MONO}white-space:pre-wrap;user-select:all" if isinstance(note, Code) else "opacity:.7"


def escape(text: str) -> str:
    """Return ``text`` as HTML that shows just that, in elements and attributes."""
    return html.escape(one_line(text), quote=True)
