"""What a table shows of its values: its columns, and a cell of each kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jsk_saver.human import human_size, human_time, human_value, one_line, rounded

Kind = Literal["text", "path", "code", "size", "time", "money"]

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
        fixed width), ``size`` (bytes), ``time`` or ``money`` (with as many decimals as ``digits``, or two).
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


def shown(value: Any, column: Column) -> tuple[str, str]:
    """Return what a cell shows, and the exact value for its tooltip where that is more."""
    kind = column.kind
    if value is None or value == "":
        return "", ""
    if kind == "size" and isinstance(value, int):
        return human_size(value), f"{value:,} bytes"
    if kind == "money" and isinstance(value, int | float):
        return f"{value:,.{2 if column.digits is None else column.digits}f}", str(value)
    if isinstance(value, dt.datetime):
        return human_time(value), f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    text, exact = human_value(rounded(value, column.digits)), human_value(value)
    return text, exact if text != exact else ""


def laid_out(columns: Columns, rows: Iterable[Row]) -> tuple[list[Column], list[list[Any]], list[bool]]:
    """Return the columns, each row's values in their order, and which columns are aligned to the right."""
    shape = [Column.of(column) for column in columns]
    values = [
        [row.get(column.key) for column in shape] if isinstance(row, Mapping) else list(row) for row in rows
    ]
    right = [_right(*pair) for pair in zip(shape, transposed(values, shape), strict=True)]
    return shape, values, right


def transposed(rows: Sequence[Sequence[Any]], shape: Sequence[Column]) -> list[list[Any]]:
    """Return the values of each column."""
    return [[row[place] for row in rows] for place in range(len(shape))]


def _right(column: Column, values: Iterable[Any]) -> bool:
    """Tell whether a column is of numbers, which are compared by their right ends."""
    given = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    return column.kind in ("size", "money") or bool(given and numbers)
