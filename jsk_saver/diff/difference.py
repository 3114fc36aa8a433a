"""The difference of two versions: of what was saved, what was said about it, and where it came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.diff.arrays import ArraysContent, arrays_of
from jsk_saver.diff.columns import is_table
from jsk_saver.diff.content import LONGEST, Block, BytesContent, Content, SameContent, counted
from jsk_saver.diff.tables import TableContent
from jsk_saver.diff.text import TextContent
from jsk_saver.diff.trees import ABSENT, Change, TreeContent, changes
from jsk_saver.display import escape
from jsk_saver.errors import JskError
from jsk_saver.record import JSON, Record, format_time

if TYPE_CHECKING:
    import pandas as pd

#: What of the lineage tells two versions apart; host and trial differ every day and explain nothing.
LINEAGE = (
    "remote",
    "branch",
    "commit",
    "dirty",
    "notebook",
    "experiment",
    "image",
    "fingerprint",
    "python",
    "packages",
    "parents",
    "user",
)
#: Formats of plain values, in which a bare text is a value and not lines to compare.
_VALUE_FORMATS = ("json", "jsonl", "yaml", "toml")
_CONTAINERS = (dict, list, tuple, set, frozenset)
_PLAIN = (*_CONTAINERS, str, bytes, int, float, complex, type(None), dt.date, dt.time, dt.timedelta)
_SHOWN_PACKAGES = 20

#: One side of a comparison: the record, and the object (None where it cannot or may not be loaded).
Side = tuple[Record, Any]


def difference(
    old: Side,
    new: Side,
    *,
    key: str | Sequence[str] = (),
    read_note: Callable[[str], bytes] | None = None,
) -> Difference:
    """Compare two versions.

    Parameters
    ----------
    old, new
        Record and object of each.
    key
        Columns of a table to match rows by; without any, a unique index or identifier in both is used,
        or the position.
    read_note
        The store's :meth:`~jsk_saver.stores.Store.get_note`: package lists are then compared by name.

    Examples
    --------
    >>> import datetime as dt
    >>> when = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    >>> old = Record("a.json", "1", "json", "dict", 13, "sha256:1", when), {"depth": 3}
    >>> new = Record("a.json", "2", "json", "dict", 13, "sha256:2", when), {"depth": 5}
    >>> difference(old, new).to_dict()["content"]["changes"]
    [{'path': '$.depth', 'change': 'changed', 'old': 3, 'new': 5}]
    """
    keys = (key,) if isinstance(key, str) else tuple(key)
    lineage = _lineage_changes(old[0], new[0], read_note)
    return Difference(old[0], new[0], _compare(old, new, keys), lineage)


def _compare(old: Side, new: Side, key: tuple[str, ...]) -> Content:
    read_alike = ("digest", "size", "format", "type", "state")
    if old[0].digest and all(getattr(old[0], what) == getattr(new[0], what) for what in read_alike):
        return SameContent()
    return _compare_objects(old, new, key) or BytesContent(old[0], new[0])


def _compare_objects(old: Side, new: Side, key: tuple[str, ...]) -> Content | None:
    (record, one), (_, other) = old, new
    if is_table(one) and is_table(other):
        return TableContent(one, other, key)
    if isinstance(one, str) and isinstance(other, str) and record.format not in _VALUE_FORMATS:
        return TextContent(one, other, f"{record.name} {record.version}", f"{new[0].name} {new[0].version}")
    arrays = arrays_of(one), arrays_of(other)
    if arrays[0] is not None and arrays[1] is not None:
        return ArraysContent(arrays[0], arrays[1])
    values = record.format in _VALUE_FORMATS and new[0].format in _VALUE_FORMATS
    if isinstance(one, _CONTAINERS) and isinstance(other, _CONTAINERS):
        return TreeContent(one, other)
    loaded = one is not None and other is not None
    if loaded and isinstance(one, _PLAIN) and isinstance(other, _PLAIN):
        return TreeContent(one, other)
    if values and not is_table(one) and not is_table(other):
        return TreeContent(one, other)
    return _compare_models(one, other)


def _compare_models(old: Any, new: Any) -> Content | None:
    """Compare the parameters of two estimators; what they learnt is left to sizes and digests."""
    if not (hasattr(old, "get_params") and hasattr(new, "get_params")):
        return None
    content = TreeContent(*({type(side).__name__: side.get_params()} for side in (old, new)))
    return None if content.same else content


# Metadata and lineage -------------------------------------------------------------------------------


def _lineage_changes(old: Record, new: Record, read_note: Callable[[str], bytes] | None) -> list[Change]:
    found: list[Change] = []
    for name in LINEAGE:
        one, other = old.lineage.get(name, ABSENT), new.lineage.get(name, ABSENT)
        if name == "parents":
            found += _parent_changes(old, new)
        elif one != other:
            found.append(Change(name, one, other))
            if name == "packages" and read_note is not None and ABSENT not in (one, other):
                found += _package_changes(read_note, one, other)
    return found


def _parent_changes(old: Record, new: Record) -> list[Change]:
    """Return which versions were read, by name: most often the same names in newer versions."""
    one, other = (
        {
            f"parents[{parent.get('name')!r}]": parent.get("version")
            for parent in record.lineage.get("parents", [])
            if isinstance(parent, dict)
        }
        for record in (old, new)
    )
    return [
        Change(path, one.get(path, ABSENT), other.get(path, ABSENT))
        for path in dict.fromkeys([*one, *other])
        if one.get(path, ABSENT) != other.get(path, ABSENT)
    ]


def _package_changes(read_note: Callable[[str], bytes], old: str, new: str) -> list[Change]:
    try:
        lists = [read_note(f"packages/{digest}.txt").decode() for digest in (old, new)]
    except (JskError, UnicodeDecodeError):
        return []  # the digests are shown; the lists are a kindness
    one, other = (dict(line.partition("==")[::2] for line in text.splitlines()) for text in lists)
    return [Change(f"packages.{change.path}", change.old, change.new) for change in changes(one, other, "")]


class Difference:
    """What changed between two versions; shows itself in notebooks and terminals.

    Parameters
    ----------
    old, new
        The two records.
    content
        How the objects differ.
    lineage
        How their lineage differs.
    """

    def __init__(self, old: Record, new: Record, content: Content, lineage: list[Change]) -> None:
        self.old, self.new = old, new
        self.content = content
        self.metadata = changes(old.metadata, new.metadata, "")
        self.lineage = lineage

    @property
    def same(self) -> bool:
        """Whether object, type and metadata are the same; lineage does not count."""
        alike = (self.old.type, self.old.format) == (self.new.type, self.new.format)
        return self.content.same and not self.metadata and alike

    @property
    def same_bytes(self) -> bool:
        """Whether the bytes are the same too: ``-0.0`` equals ``0.0``, say, and is other bytes."""
        digests = self.old.digest, self.new.digest
        return digests[0] == digests[1] or not all(digests)

    @property
    def changes(self) -> pd.DataFrame:
        """Every changed cell of a table (or path of values) as a data frame.

        Raises
        ------
        JskError
            For text, arrays and bytes, which have no such table.
        """
        return self.content.changes()

    @property
    def added(self) -> pd.DataFrame:
        """The rows of a table that are only in the new version."""
        return self._table().rows("added")

    @property
    def removed(self) -> pd.DataFrame:
        """The rows of a table that are only in the old version."""
        return self._table().rows("removed")

    def _table(self) -> TableContent:
        if not isinstance(self.content, TableContent):
            raise JskError(
                f"{self.new.name!r} has no rows: {self.content.kind} were compared.", hint="print(difference)"
            )
        return self.content

    def to_dict(self) -> JSON:
        """Return it as plain JSON; long lists of changes are cut to examples."""
        return {
            "name": self.new.name,
            "same": self.same,
            "same_bytes": self.same_bytes,
            "old": _side(self.old),
            "new": _side(self.new),
            "compared": self.content.kind,
            "content": {"same": self.content.same, **self.content.to_dict()},
            "metadata": [change.to_dict() for change in self.metadata],
            "lineage": [change.to_dict() for change in self.lineage],
        }

    # Showing ----------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """One line: what was compared, and whether it is the same."""
        names = self.new.name if self.old.name == self.new.name else f"{self.old.name} → {self.new.name}"
        if not self.same:
            return f"{names}: {self._verdict()}."
        if not self.same_bytes:
            return f"{names}: same values, other bytes."
        return f"{names}: no difference{' but where they come from' if self.lineage else ''}."

    def _verdict(self) -> str:
        kind = self.content.kind
        parts = [] if self.content.same else [f"{kind} differ{'s' * (kind == 'text')}"]
        if self.old.type != self.new.type or self.old.format != self.new.format:
            parts.append("types differ")
        return ", ".join(parts + (["metadata differs"] if self.metadata else []))

    def blocks(self) -> list[Block]:
        """Return the parts to show, in order; the two versions come first."""
        sides = [
            [side, record.version, record.created, record.size, record.type]
            for side, record in (("old", self.old), ("new", self.new))
        ]
        blocks = [Block("", columns=["", "version", "created", "size", "type"], rows=sides)]
        blocks += self.content.blocks()
        if self.metadata:
            blocks.append(Block("Metadata", [str(change) for change in self.metadata]))
        if self.lineage:
            blocks.append(Block("Lineage", _lineage_lines(self.lineage)))
        return blocks

    def __repr__(self) -> str:
        return "\n\n".join([self.title, *(block.text() for block in self.blocks())])

    def _repr_html_(self) -> str:
        title = f'<div style="font-weight:600;padding:.2em .4em">{escape(self.title)}</div>'
        return title + "".join(block.html() for block in self.blocks())


def _lineage_lines(found: list[Change]) -> list[str]:
    """Return the changes, long digests cut, a long list of packages too."""
    packages = [change for change in found if change.path.startswith("packages.")]
    shown = [
        f"~ packages: {len(packages):,} differ{'s' * (len(packages) == 1)}"
        if change.path == "packages" and packages
        else _line(change)
        for change in found
        if change not in packages[_SHOWN_PACKAGES:]
    ]
    rest = len(packages) - _SHOWN_PACKAGES
    return shown + ([f"… and {counted(rest, 'more package')}"] if rest > 0 else [])


def _line(change: Change) -> str:
    cut = 12 if change.path in ("commit", "dirty", "packages", "fingerprint") else LONGEST
    old, new = (str(side)[:cut] for side in (change.old, change.new))
    if change.kind == "changed":
        return f"~ {change.path}: {old} → {new}"
    return f"+ {change.path}: {new}" if change.kind == "added" else f"- {change.path}: {old}"


def _side(record: Record) -> JSON:
    return {
        "name": record.name,
        "version": record.version,
        "created": format_time(record.created),
        "size": record.size,
        "digest": record.digest,
        "format": record.format,
        "type": record.type,
        "metadata": record.metadata,
    }
