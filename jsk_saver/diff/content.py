"""What every comparison of two objects has in common, and the simplest one: sizes and digests."""

from __future__ import annotations

import datetime as dt
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.display import Columns, escape, html_table, one_line, text_table
from jsk_saver.errors import JskError
from jsk_saver.record import JSON, Record

if TYPE_CHECKING:
    import pandas as pd

#: How many changes are shown as examples.
EXAMPLES = 20
#: Longest value shown, in characters.
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a difference as people see it: a heading, lines, and perhaps a table.

    A line that starts with ``+``, ``-`` or ``~`` tells of something added, removed or changed.
    """

    title: str
    lines: list[str] = field(default_factory=list)
    columns: Columns = ()
    rows: list[list[Any]] = field(default_factory=list)

    def text(self, width: int | None = None) -> str:
        """Return it as text that fits ``width`` (the terminal's without one)."""
        lines = [self.title] if self.title else []
        lines += [f"  {one_line(line)}" for line in self.lines]
        if self.columns:
            lines.append(text_table(self.columns, self.rows, width=width))
        return "\n".join(lines)

    def html(self) -> str:
        """Return it as HTML."""
        parts = []
        if self.lines:
            title = f'<div style="font-weight:600">{escape(self.title)}</div>'
            lines = "".join(_html_line(line) for line in self.lines)
            parts.append(f'<div style="padding:.4em">{title}<div style="{_LINES}">{lines}</div></div>')
        elif self.title and not self.columns:
            parts.append(f'<div style="padding:.4em;font-weight:600">{escape(self.title)}</div>')
        if self.columns:
            parts.append(html_table(self.columns, self.rows, caption="" if self.lines else self.title))
        return "".join(parts)


#: Read well on white and on black.
_COLOURS = {"+": "#2e9e4f", "-": "#d9534f", "~": "#b8860b", "@": "#808080"}
_LINES = (
    "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:.92em;"
    "white-space:pre-wrap;overflow-wrap:anywhere"
)


def _html_line(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    style = f' style="color:{colour}"' if colour else ""
    return f"<div{style}>{escape(line) or '&nbsp;'}</div>"


class Content(ABC):
    """How two objects differ.

    Attributes
    ----------
    kind
        What kind of comparison this is.
    same
        Whether the two are the same.
    """

    kind: ClassVar[str]
    same: bool

    @abstractmethod
    def blocks(self) -> list[Block]:
        """Return what to show; nothing where the two are the same."""

    @abstractmethod
    def to_dict(self) -> JSON:
        """Return all of it, the examples limited, as plain JSON."""

    def changes(self) -> pd.DataFrame:
        """Return every change as a data frame, one row for each."""
        raise JskError(
            f"There is no table of changes for a comparison of {self.kind}.",
            hint="print(difference)    # or difference.to_dict()",
        )


class SameContent(Content):
    """Two versions with the same bytes, read the same way."""

    kind = "bytes"
    same = True

    def blocks(self) -> list[Block]:
        """Return nothing."""
        return []

    def to_dict(self) -> JSON:
        """Return that they are the same."""
        return {}


class BytesContent(Content):
    """Two versions of which only sizes and digests are compared.

    Parameters
    ----------
    old, new
        The two records.
    """

    kind = "bytes"

    def __init__(self, old: Record, new: Record) -> None:
        self._old, self._new = old, new
        self.same = (old.digest, old.size) == (new.digest, new.size)

    def blocks(self) -> list[Block]:
        """Return size and digest of both."""
        if self.same:
            return []
        rows = [
            ["size", counted(self._old.size, "byte"), counted(self._new.size, "byte")],
            ["digest", _short(self._old.digest), _short(self._new.digest)],
        ]
        return [Block("Bytes", columns=["", "old", "new"], rows=rows)]

    def to_dict(self) -> JSON:
        """Return size and digest of both."""
        return {
            "size": {"old": self._old.size, "new": self._new.size},
            "digest": {"old": self._old.digest, "new": self._new.digest},
        }


def _short(digest: str) -> str:
    return f"{digest[:19]}…" if digest else "unknown"


# Values ---------------------------------------------------------------------------------------------


def counted(count: int, thing: str) -> str:
    """Return a number of things as people say it.

    Examples
    --------
    >>> counted(1, "line"), counted(2_000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{count:,} {thing}{'s' * (count != 1)}"


def show(value: Any, longest: int = LONGEST) -> str:
    """Return ``value`` as one short line; text is quoted, so that spaces at its ends are seen.

    Examples
    --------
    >>> show("a "), show(None), show(0.1)
    ("'a '", 'None', '0.1')
    """
    quoted = isinstance(value, str | bytes | list | tuple | dict | set | frozenset)
    text = repr(value) if quoted else str(value)
    text = " ".join(text.split("\n"))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def show_pair(old: Any, new: Any, longest: int = LONGEST) -> tuple[str, str]:
    """Return both as :func:`show` does, long ones cut so that the place where they differ is seen.

    Examples
    --------
    >>> show_pair("x" * 100 + "old", "x" * 100 + "new")[1]
    "…xxxxxxxxxxnew'"
    """
    one, other = show(old, 10**6), show(new, 10**6)
    if max(len(one), len(other)) > longest:
        alike = next(
            (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
            min(len(one), len(other)),
        )
        if alike > longest // 2:
            one, other = (f"…{text[alike - 10 :]}" for text in (one, other))
    return tuple(text if len(text) <= longest else text[: longest - 1] + "…" for text in (one, other))  # type: ignore[return-value]


def as_json(value: Any) -> Any:
    """Return ``value`` as plain JSON; what JSON lacks becomes text.

    Examples
    --------
    >>> as_json({"when": dt.date(2026, 11, 20), "loss": math.nan})
    {'when': '2026-11-20', 'loss': 'nan'}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return [as_json(item) for item in sorted(value, key=repr)]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return as_json(value.item())
    return str(value)
