"""Comparing what JSON, YAML and TOML hold: dictionaries, lists and values, path by path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsk_saver.diff.content import EXAMPLES, Block, Content, as_json, show, show_pair
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pandas as pd

_WORD = re.compile(r"[^\W\d]\w*")


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One path at which two trees differ; ``old`` or ``new`` is ``ABSENT`` where it was added or removed."""

    path: str
    old: Any
    new: Any

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.old is ABSENT:
            return "added"
        return "removed" if self.new is ABSENT else "changed"

    def __str__(self) -> str:
        if self.kind == "added":
            return f"+ {self.path}: {show(self.new)}"
        if self.kind == "removed":
            return f"- {self.path}: {show(self.old)}"
        return "~ {}: {} → {}".format(self.path, *show_pair(self.old, self.new))

    def to_dict(self) -> JSON:
        """Return it as plain JSON."""
        values = {"old": self.old, "new": self.new}
        given = {side: as_json(value) for side, value in values.items() if value is not ABSENT}
        return {"path": self.path, "change": self.kind, **given}


def changes(old: Any, new: Any, root: str = "$") -> list[Change]:
    """Return the paths at which two trees differ, in the order of the old one.

    Lists are compared by position. NaN equals NaN; ``1``, ``1.0`` and ``True`` are three values.

    Examples
    --------
    >>> for change in changes({"model": {"depth": 3}, "seed": 1}, {"model": {"depth": 5}, "tags": []}):
    ...     print(change)
    ~ $.model.depth: 3 → 5
    - $.seed: 1
    + $.tags: []
    """
    found: list[Change] = []
    pending = [(root, old, new)]  # not recursion: files may be nested deeper than Python's stack
    while pending:
        path, one, other = pending.pop()
        kind = type(one) if type(one) is type(other) else None
        if kind is dict:
            pending += reversed([(_member(path, key), *pair) for key, pair in _members(one, other)])
        elif kind in (set, frozenset):
            found += _elements(path, one, other)
        elif kind in (list, tuple):
            pending += reversed([(f"{path}[{place}]", *pair) for place, pair in _items(one, other)])
        elif not _equal(one, other):
            found.append(Change(path, one, other))
    return found


def _members(old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    for key in dict.fromkeys([*old, *new]):
        yield key, (old.get(key, ABSENT), new.get(key, ABSENT))


def _items(old: Any, new: Any) -> Iterator[tuple[int, tuple[Any, Any]]]:
    for place in range(max(len(old), len(new))):
        yield place, tuple(side[place] if place < len(side) else ABSENT for side in (old, new))  # type: ignore[misc]


def _elements(path: str, old: Any, new: Any) -> Iterator[Change]:
    """Yield what only one of two sets holds; what is in a set has no place of its own."""
    for item in sorted(old - new, key=repr):
        yield Change(f"{path} (set)", item, ABSENT)
    for item in sorted(new - old, key=repr):
        yield Change(f"{path} (set)", ABSENT, item)


def _member(path: str, key: Any) -> str:
    if isinstance(key, str) and _WORD.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{key!r}]"


def _equal(old: Any, new: Any) -> bool:
    if type(old) is not type(new):
        return False
    try:
        return bool(old == new or (old != old and new != new))
    except Exception:  # a type with an equality of its own, such as an array
        return repr(old) == repr(new)


class TreeContent(Content):
    """Two trees of dictionaries, lists and values.

    Parameters
    ----------
    old, new
        The two.
    """

    kind = "values"

    def __init__(self, old: Any, new: Any) -> None:
        self._changes = changes(old, new)
        self.same = not self._changes

    def blocks(self) -> list[Block]:
        """Return the first changed paths."""
        if self.same:
            return []
        lines = [str(change) for change in self._changes[: 2 * EXAMPLES]]
        rest = len(self._changes) - len(lines)
        return [Block(f"Values: {self._counts()}", lines + ([f"… and {rest:,} more"] if rest else []))]

    def _counts(self) -> str:
        kinds = [change.kind for change in self._changes]
        counts = {kind: kinds.count(kind) for kind in ("changed", "added", "removed")}
        return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)

    def to_dict(self) -> JSON:
        """Return every changed path."""
        return {"changes": [change.to_dict() for change in self._changes]}

    def changes(self) -> pd.DataFrame:
        """Return every changed path with its values."""
        import pandas as pd

        columns = ["path", "change", "old", "new"]
        rows = [
            [c.path, c.kind, *(None if side is ABSENT else side for side in (c.old, c.new))]
            for c in self._changes
        ]
        return pd.DataFrame({name: [row[i] for row in rows] for i, name in enumerate(columns)})
