"""Tables as plain text that fits the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from typing import Any

from jsk_saver.display.columns import Column, Columns, Row, laid_out, shown, transposed
from jsk_saver.human import human_value, one_line, shorten, width_of, wrap

_GAP = "  "


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
    shape, values, right = laid_out(columns, rows)
    cells = [[column.head for column in shape]]
    cells += [[shown(value, column)[0] for value, column in zip(row, shape, strict=True)] for row in values]
    widths = [max(map(width_of, column)) for column in transposed(cells, shape)]
    kept = _fit(shape, widths, width or _terminal_width())
    lines = [_line(row, shape, widths, right, kept) for row in cells]
    lines.insert(1, _GAP.join("─" * widths[place] for place in kept))
    left_out = [column.head for place, column in enumerate(shape) if place not in kept]
    note = [f"(no room for {', '.join(left_out)})"] if left_out else []
    return "\n".join([*([title] if title else []), *lines, *note])


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
    told = [(one_line(name), value if isinstance(value, list) else [value]) for name, value in fields]
    label = max((width_of(name) for name, _ in told), default=0)
    width = width or _terminal_width()
    room = max(20, width - label - 4)
    lines = [title] if title else []
    lines += (
        [*(f"  {line}".rstrip() for line in wrap(one_line(lead), min(width, 88) - 2)), ""] if lead else []
    )
    for name, values in told:
        wrapped = [line for value in values for line in wrap(human_value(value), room)]
        for number, line in enumerate(wrapped):
            head = name + " " * (label - width_of(name)) if number == 0 else " " * label
            lines.append(f"  {head}  {line}".rstrip())
    return "\n".join(lines)


def _terminal_width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)
