"""Tables for people: the same rows as plain text for a terminal and as HTML for a notebook.

Text is aligned and fits the terminal, also with wide characters, and never holds a control code, whatever
a value holds. HTML is escaped, and styled in place with the colours of the page around it, so that it
reads in light and dark themes, in saved notebooks and where style sheets are stripped.
"""

from __future__ import annotations

import datetime as dt
import html
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jsk_saver.human import (
    Code,
    human_size,
    human_time,
    human_value,
    one_line,
    rounded,
    shorten,
    width_of,
    wrap,
)

__all__ = [
    "Code",
    "Column",
    "Columns",
    "html_fields",
    "html_table",
    "human_size",
    "human_time",
    "human_value",
    "one_line",
    "text_fields",
    "text_table",
]

Kind = Literal["text", "path", "code", "size", "time"]

#: Longest text of one value in a table's HTML, and of its tooltip; nobody reads on.
_LONGEST, _LONGEST_TOOLTIP = 200, 2000
#: Text that is short enough to be seen whole without a tooltip.
_NO_TOOLTIP = 30
#: Longest path in a table's HTML.
_LONGEST_PATH = 48
_GAP = "  "
_KINDS: dict[str, Kind] = {"size": "size", "created": "time", "version": "code", "digest": "code"}


@dataclass(frozen=True, slots=True)
class Column:
    """How one column of a table is shown.

    Parameters
    ----------
    key
        Where its values are if rows are dictionaries.
    kind
        ``text``, ``path`` and ``code`` (shortened in the middle, since both ends matter; the latter of
        fixed width), ``size`` (bytes) or ``time``.
    optional
        Whether a narrow terminal may go without it.
    title
        What it is called; the key without one.
    narrowest
        Columns of a terminal below which it is not made narrower.
    digits
        Significant digits of floats; all of them without. What is before the point is never rounded.
    """

    key: str
    kind: Kind = "text"
    optional: bool = False
    title: str = ""
    narrowest: int = 8
    digits: int | None = None

    @property
    def cut_in_middle(self) -> bool:
        """Whether its end tells as much as its beginning."""
        return self.kind in ("path", "code")

    @property
    def head(self) -> str:
        """What stands above it."""
        return one_line(self.title or self.key)

    @classmethod
    def of(cls, column: Column | str) -> Column:
        """Return a column by its name; ``size``, ``created``, ``version`` and ``digest`` are known."""
        return column if isinstance(column, Column) else cls(column, _KINDS.get(column, "text"))


Columns = Sequence[Column | str]
Row = Mapping[str, Any] | Sequence[Any]


# Cells ---------------------------------------------------------------------------------------------


def _shown(value: Any, column: Column) -> tuple[str, str]:
    """Return what a cell shows, and the exact value for its tooltip where that is more."""
    kind = column.kind
    if value is None or value == "":
        return "", ""
    if kind == "size" and isinstance(value, int):
        return human_size(value), f"{value:,} bytes"
    if isinstance(value, dt.datetime):
        return human_time(value), f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    shown, exact = human_value(rounded(value, column.digits)), human_value(value)
    return shown, exact if shown != exact else ""


def _values(columns: Sequence[Column], rows: Iterable[Row]) -> list[list[Any]]:
    return [
        [row.get(column.key) for column in columns] if isinstance(row, Mapping) else list(row) for row in rows
    ]


def _right(column: Column, values: Iterable[Any]) -> bool:
    """Tell whether a column is of numbers, which are compared by their right ends."""
    given = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    return column.kind == "size" or bool(given and numbers)


# Text ----------------------------------------------------------------------------------------------


def text_table(columns: Columns, rows: Iterable[Row], *, title: str = "", width: int | None = None) -> str:
    """Return rows as aligned text that fits ``width`` (the terminal's without one).

    Parameters
    ----------
    columns
        Columns, or their names.
    rows
        Dictionaries, or values in the order of the columns.
    title
        A line above.

    Examples
    --------
    >>> print(text_table(["name", "size"], [["a.csv", 1500], ["画像.png", 20]], width=80))
    name        size
    ────────  ──────
    a.csv     1.5 kB
    画像.png    20 B
    """
    shape = [Column.of(column) for column in columns]
    values = _values(shape, rows)
    right = [_right(*pair) for pair in zip(shape, _transposed(values, shape), strict=True)]
    cells = [[column.head for column in shape]]
    cells += [[_shown(value, column)[0] for value, column in zip(row, shape, strict=True)] for row in values]
    widths = [max(map(width_of, column)) for column in _transposed(cells, shape)]
    kept = _fit(shape, widths, width or _terminal_width())
    lines = [_line(row, shape, widths, right, kept) for row in cells]
    lines.insert(1, _GAP.join("─" * widths[place] for place in kept))
    left_out = [column.head for place, column in enumerate(shape) if place not in kept]
    note = [f"(no room for {', '.join(left_out)})"] if left_out else []
    return "\n".join([*([title] if title else []), *lines, *note])


def _transposed(rows: Sequence[Sequence[Any]], shape: Sequence[Column]) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(len(shape))]


def _fit(shape: Sequence[Column], widths: list[int], available: int) -> list[int]:
    """Make ``widths`` narrower until the columns whose places are returned fit."""
    kept = list(range(len(shape)))
    narrowest = [
        width if column.kind in ("size", "time") else min(width, column.narrowest)
        for column, width in zip(shape, widths, strict=True)
    ]

    def total(sizes: Sequence[int]) -> int:
        return sum(sizes[place] for place in kept) + len(_GAP) * (len(kept) - 1)

    while total(narrowest) > available and any(shape[place].optional for place in kept):
        kept.remove(max(place for place in kept if shape[place].optional))
    while total(widths) > available and any(widths[place] > narrowest[place] for place in kept):
        widest = max((place for place in kept if widths[place] > narrowest[place]), key=widths.__getitem__)
        widths[widest] -= 1
    return kept


def _line(
    cells: Sequence[str],
    shape: Sequence[Column],
    widths: Sequence[int],
    right: Sequence[bool],
    kept: Sequence[int],
) -> str:
    padded = []
    for place in kept:
        text = shorten(cells[place], widths[place], middle=shape[place].cut_in_middle)
        space = " " * (widths[place] - width_of(text))
        padded.append(space + text if right[place] else text + space)
    return _GAP.join(padded).rstrip()


def text_fields(
    fields: Iterable[tuple[str, Any]], *, title: str = "", lead: str = "", width: int | None = None
) -> str:
    """Return names and values as two columns; a list takes a line for each item, long text is wrapped.

    Parameters
    ----------
    title
        A line above.
    lead
        A paragraph between title and columns.
    width
        Where to wrap; the terminal's width without one.

    Examples
    --------
    >>> print(text_fields([("size", "1.2 MB"), ("metadata", ["origin: youtube"])], title="a.csv"))
    a.csv
      size      1.2 MB
      metadata  origin: youtube
    """
    shown = [(one_line(name), value if isinstance(value, list) else [value]) for name, value in fields]
    label = max((width_of(name) for name, _ in shown), default=0)
    width = width or _terminal_width()
    room = max(20, width - label - 4)
    lines = [title] if title else []
    lines += (
        [*(f"  {line}".rstrip() for line in wrap(one_line(lead), min(width, 88) - 2)), ""] if lead else []
    )
    for name, values in shown:
        wrapped = [line for value in values for line in wrap(human_value(value), room)]
        for number, line in enumerate(wrapped):
            head = name + " " * (label - width_of(name)) if number == 0 else " " * label
            lines.append(f"  {head}  {line}".rstrip())
    return "\n".join(lines)


def _terminal_width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


# HTML ----------------------------------------------------------------------------------------------

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
    """Return rows as an HTML table; arguments as for :func:`text_table`.

    Parameters
    ----------
    caption
        A line above.
    notes
        Lines below, in a muted colour.
    """
    shape = [Column.of(column) for column in columns]
    values = _values(shape, rows)
    right = [_right(*pair) for pair in zip(shape, _transposed(values, shape), strict=True)]
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
    shown, exact = _shown(value, column)
    tooltip = exact or (shown if len(shown) > _NO_TOOLTIP else "")
    attribute = f' title="{escape(shorten(tooltip, _LONGEST_TOOLTIP))}"' if tooltip else ""
    style = _CELL + _CUT + (_MONO if column.kind == "code" else "") + (_DIGITS if side == "right" else "")
    longest = _LONGEST_PATH if column.kind == "path" else _LONGEST
    text = escape(shorten(shown, longest, middle=column.cut_in_middle))
    return f'<td{attribute} style="{style}text-align:{side}">{text}</td>'


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
    return "".join(f'<div style="padding:.1em .4em;opacity:.7">{escape(note)}</div>' for note in notes)


def escape(text: str) -> str:
    """Return ``text`` as HTML that shows just that, in elements and attributes."""
    return html.escape(one_line(text), quote=True)
