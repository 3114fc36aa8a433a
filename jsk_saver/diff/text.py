"""Comparing texts, line by line."""

from __future__ import annotations

import difflib

from jsk_saver.diff.content import Block, Content, counted
from jsk_saver.record import JSON

#: Lines of the unified diff shown to people.
SHOWN_LINES = 60
#: Texts that differ in more lines than this (each) are only counted: matching them would take minutes.
MOST_LINES = 20_000


class TextContent(Content):
    """Two texts.

    Parameters
    ----------
    old, new
        The two.
    old_label, new_label
        What to call them.
    """

    kind = "text"

    def __init__(self, old: str, new: str, old_label: str = "old", new_label: str = "new") -> None:
        self.same = old == new
        one, other = old.splitlines(), new.splitlines()
        self._counts = len(one), len(other)
        self._lines = [] if self.same else _unified(one, other, old_label, new_label)

    @property
    def added(self) -> int:
        """How many lines are only in the new text."""
        return sum(line.startswith("+") for line in self._lines[2:])

    @property
    def removed(self) -> int:
        """How many lines are only in the old text."""
        return sum(line.startswith("-") for line in self._lines[2:])

    def blocks(self) -> list[Block]:
        """Return the first lines of the unified diff."""
        if self.same:
            return []
        if not self._lines:
            counts = " → ".join(counted(count, "line") for count in self._counts)
            return [Block(f"Text: {counts}", [self._why_no_lines()])]
        lines = self._lines[2 : SHOWN_LINES + 2]
        rest = len(self._lines) - 2 - len(lines)
        more = [f"… and {counted(rest, 'more line')}"] if rest else []
        title = f"Text: {counted(self.added, 'line')} added, {self.removed:,} removed"
        return [Block(title, lines + more)]

    def _why_no_lines(self) -> str:
        if self._counts[0] > MOST_LINES or self._counts[1] > MOST_LINES:
            return "Too many lines differ to match them."
        return "Only line ends differ."

    def to_dict(self) -> JSON:
        """Return the whole unified diff."""
        return {
            "lines": dict(zip(("old", "new"), self._counts, strict=True)),
            "added": self.added,
            "removed": self.removed,
            "unified": self._lines,
        }


def _unified(old: list[str], new: list[str], old_label: str, new_label: str) -> list[str]:
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    # A little of what is alike stays for context; the rest would only cost time.
    skipped = max(0, start - 3)
    one, other = (side[skipped : max(start, len(side) - end) + 3] for side in (old, new))
    if len(one) > MOST_LINES or len(other) > MOST_LINES:
        return []
    lines = difflib.unified_diff(one, other, old_label, new_label, lineterm="")
    return [_moved(line, skipped) if line.startswith("@@") else line for line in lines]


def _alike(old: list[str], new: list[str]) -> int:
    shorter = min(len(old), len(new))
    return next((place for place in range(shorter) if old[place] != new[place]), shorter)


def _moved(header: str, by: int) -> str:
    """Return a ``@@ -1,3 +1,4 @@`` line for texts that start ``by`` lines earlier."""
    parts = header.split(" ")
    for place in (1, 2):
        first, comma, count = parts[place][1:].partition(",")
        parts[place] = f"{parts[place][0]}{int(first) + by}{comma}{count}"
    return " ".join(parts)
