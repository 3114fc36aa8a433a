"""How a table is refused: which column, which value, and what to type instead."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import CannotRepresent

if TYPE_CHECKING:
    from jsk_saver.formats.frames.view import ArrowView

#: Marks that no value can be named.
NOTHING = object()
_LONGEST = 60


def refusal(
    name: str, where: str, why: str, *, value: Any = NOTHING, instead: str, or_else: str = ""
) -> CannotRepresent:
    """Return the error that names the place, a value and a format that can.

    Parameters
    ----------
    name
        The file name given to ``put``.
    where
        The place in the table, such as ``column 'price'``.
    why
        What is there and does not come back, as the rest of a sentence.
    value
        An example.
    instead
        Extension of a format that keeps it, without the dot.
    or_else
        Something to type that changes the table so that this format can keep it.

    Examples
    --------
    >>> print(refusal("a.csv", "column 'x'", "holds lists", value=[1, 2], instead="parquet"))
    In 'a.csv', column 'x' holds lists (for example [1, 2]); it would not come back the same.
      Next: saver.put("a.parquet", ...) keeps it.
    """
    example = "" if value is NOTHING else f" (for example {shown(value)})"
    other = f'saver.put("{PurePosixPath(name or "table").with_suffix("." + instead)}", ...) keeps it.'
    return CannotRepresent(
        f"In {name!r}, {where} {why}{example}; it would not come back the same.",
        hint=f"{or_else}    # or: {other}" if or_else else other,
    )


def example(view: ArrowView, at: int) -> Any:
    """Return a value of a column, for the message; ``NOTHING`` where none of its first 1,000 is known."""
    some = view.columns[at](0, min(view.rows, 1000)).drop_null() if view.rows else []
    return some[0].as_py() if len(some) else NOTHING


def shown(value: Any) -> str:
    """Return ``repr(value)``, shortened."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
