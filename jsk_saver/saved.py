"""What the saver returns: one saved version, and many of them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self, overload

from jsk_saver import wording
from jsk_saver.display import (
    Code,
    Column,
    Columns,
    html_fields,
    html_table,
    human_value,
    text_fields,
    text_table,
)
from jsk_saver.errors import MissingExtra
from jsk_saver.record import JSON, Record, format_time

#: Significant digits of a float in a table of versions.
_DIGITS = 6
#: How many versions, and how many of their metadata's entries, a table shows.
_MOST_ROWS, _MOST_ENTRIES = 50, 6
#: Columns that a table has anyway; metadata of these names keeps its whole path.
_HEADINGS = ("#", "name", "version", "size", "created", "deleted", "by")
_UNCHANGED = "the newest version is the same, so no new one was made"


def _clock(when: dt.datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S %Z}"


@dataclass(frozen=True, slots=True)
class Saved:
    """One saved version; shows itself as a small table.

    Parameters
    ----------
    name, version
        Which one; give them to ``get`` to have the object back.
    uri
        Its address in the store, for people and other tools.
    size
        Bytes in the store.
    digest
        ``sha256:`` and 64 hexadecimal digits of those bytes.
    created
        When it was made (aware, UTC).
    format, type
        How it was written, and what will come back.
    metadata
        What was said about it.
    lineage
        Who, where, from which commit, notebook, image and versions.
    facts
        What the format found out: ``{"rows": 1000, "columns": 8}``.
    unchanged
        Whether this version was there already and ``put`` made none.
    store
        The store it lies in, where that is known.
    hidden
        Whether its name was deleted, when it was found.
    """

    name: str
    version: str
    uri: str
    size: int
    digest: str
    created: dt.datetime
    format: str
    type: str
    metadata: JSON
    lineage: JSON
    facts: JSON
    unchanged: bool = False
    store: str = ""
    hidden: bool = False
    #: What the call that returned it did; the version itself knows nothing of that.
    _done: str = field(default="saved", repr=False, compare=False)

    @classmethod
    def of(
        cls,
        record: Record,
        uri: str,
        *,
        unchanged: bool = False,
        store: str = "",
        hidden: bool = False,
        done: str = "saved",
    ) -> Self:
        """Return what people see of a record that lies at ``uri``."""
        return cls(
            name=record.name,
            version=record.version,
            uri=uri,
            size=record.size,
            digest=record.digest,
            created=record.created,
            format=record.format,
            type=record.type,
            metadata=record.metadata,
            lineage=record.lineage,
            facts=record.facts,
            unchanged=unchanged,
            store=store,
            hidden=hidden,
            _done="unchanged" if unchanged else done,
        )

    def __hash__(self) -> int:
        return hash((self.uri, self.name, self.version))

    def to_dict(self) -> JSON:
        """Return it as plain JSON."""
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.compare}
        return {**plain, "created": format_time(self.created)}

    def _fields(self) -> list[tuple[str, Any]]:
        told = [
            ("version", Code(self.version)),
            ("contents", wording.contents(self.size, self.facts, self.format)),
            ("created", _clock(self.created)),
            ("metadata", wording.entries(self.metadata)),
            ("by", wording.maker(self.lineage)),
            (wording.place_label(self.lineage), wording.place(self.lineage)),
            ("commit", wording.code(self.lineage)),
            ("made from", wording.made_from(self.lineage)),
            ("read before", wording.read_before(self.lineage)),
            ("digest", Code(self.digest)),
            ("uri", Code(self.uri)),
            ("unchanged", _UNCHANGED if self.unchanged else ""),
            ("hidden", f'deleted; saver.restore("{self.name}") brings it back' if self.hidden else ""),
        ]
        return [(name, value) for name, value in told if value]

    def __repr__(self) -> str:
        return text_fields(self._fields(), title=f"{self._done} {human_value(self.name)}")

    def _repr_html_(self) -> str:
        return html_fields(self._fields(), caption=f"{self._done} {self.name}")


class Results(Sequence[Saved]):
    """Versions that a search or a history found; shows itself as a table.

    Parameters
    ----------
    items
        The versions, in order.
    title
        What they have in common, as the end of a sentence: ``matching origin:youtube``, ``of a.csv``.
    hint
        What to type next when there are none.
    numbers
        What each is called by number, as ``get(version=3)`` counts.
    total
        How many there are beyond the limit as well; as many as ``items`` without it.
    """

    def __init__(
        self,
        items: Iterable[Saved],
        title: str = "",
        hint: str = "",
        *,
        numbers: Sequence[int] | None = None,
        total: int | None = None,
    ) -> None:
        self._items = tuple(items)
        #: How many versions fit, whatever the limit of the search.
        self.total = len(self._items) if total is None else total
        self.title = title
        self.hint = hint
        self._numbers = None if numbers is None else tuple(numbers)

    @overload
    def __getitem__(self, index: int) -> Saved: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Saved | Results:
        if not isinstance(index, slice):
            return self._items[index]  # whatever counts as a whole number, NumPy's too
        numbers = None if self._numbers is None else self._numbers[index]
        return Results(self._items[index], self.title, self.hint, numbers=numbers)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Results) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    @property
    def numbers(self) -> Sequence[int]:
        """What each is called by number, in a history; elsewhere they have none."""
        return self._numbers or ()

    @property
    def names(self) -> list[str]:
        """The file names in the order of their first version here, each once."""
        return list(dict.fromkeys(item.name for item in self._items))

    def to_dicts(self) -> list[JSON]:
        """Return all of it as plain JSON."""
        return [item.to_dict() for item in self._items]

    def to_pandas(self) -> Any:
        """Return a data frame with a row for each version.

        What is nested has columns of its own under dotted names: ``metadata.origin``, ``facts.rows``,
        ``lineage.commit``.

        Raises
        ------
        MissingExtra
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra(
                "A data frame of results needs pandas, which is not installed.",
                kept="The results are complete without it.",
                hint="pip install 'jsk-saver[tables]'    # or results.to_dicts()",
            ) from error
        plain = ("name", "version", "created", "size", "format", "type", "digest", "uri")
        nested = ("metadata", "facts", "lineage")
        rows = [
            {field: getattr(item, field) for field in plain}
            | dict(wording.flatten({field: getattr(item, field) for field in nested if getattr(item, field)}))
            for item in self._items
        ]
        columns = list(dict.fromkeys([*plain, *(column for row in rows for column in row)]))
        frame = pandas.DataFrame(rows, columns=columns)
        frame["created"] = pandas.to_datetime(frame["created"], utc=True)
        return frame

    # Showing ----------------------------------------------------------------------------------------

    def _title(self) -> str:
        joint = " " if self.title.startswith(("of ", "in ", "matching ")) else ": "
        counted = wording.count(max(self.total, len(self._items)), "version")
        if self.total > len(self._items):
            counted = f"{len(self._items):,} of {counted}"
        line = human_value(f"{counted}{joint}{self.title}" if self.title else counted)
        return line[0].upper() + line[1:]

    def _notes(self) -> list[str]:
        if not self._items:
            return [f"Next: {self.hint}"] if self.hint else []
        more = len(self._items) - _MOST_ROWS
        notes = [f"… and {more:,} more"] if more > 0 else []
        if self.total > len(self._items):
            notes.append(f"Next: limit={self.total} shows all {self.total:,}")
        deleted = {item.name for item in self._items if item.hidden}
        return [
            *notes,
            *(f'Next: saver.restore("{name}")    # brings it back' for name in sorted(deleted)[:1]),
        ]

    def _table(self) -> tuple[Columns, list[dict[str, Any]]]:
        """Return the columns that tell these versions apart, and their rows."""
        items = self._items[:_MOST_ROWS]
        entries = [
            {f"metadata.{key}": value for key, value in found.items()}
            for found in fold([item.metadata for item in items], _MOST_ENTRIES)
        ]
        rows = [
            {"name": item.name, "version": item.version, "size": item.size, "created": item.created}
            | {"by": item.lineage.get("user")}
            | found
            for item, found in zip(items, entries, strict=True)
        ]
        columns = [Column("name", "path", narrowest=24), Column("version", "code", narrowest=17)]
        columns += [Column("size", "size"), Column("created", "time")]
        if len(self.names) == 1 and self.names[0] in self.title:
            del columns[0]  # the line above says it
        if self._numbers is not None:
            rows = [{"#": number, **row} for number, row in zip(self._numbers, rows, strict=False)]
            columns.insert(0, Column("#"))
        if any(item.hidden for item in items):
            rows = [
                row | {"deleted": "deleted" if item.hidden else ""}
                for item, row in zip(items, rows, strict=True)
            ]
            columns.append(Column("deleted"))
        columns += [Column("by", optional=True), *_entry_columns(entries)]
        return columns, rows

    def __repr__(self) -> str:
        columns, rows = self._table()
        table = text_table(columns, rows, title=self._title()) if rows else self._title()
        return "\n".join([table, *self._notes()])

    def _repr_html_(self) -> str:
        columns, rows = self._table() if self._items else ([], [])
        return html_table(columns, rows, caption=self._title(), notes=self._notes())


def _entry_columns(entries: Sequence[JSON]) -> list[Column]:
    """Return columns for the metadata that most versions have, as they are in the index's language."""
    uses = Counter(key for found in entries for key in found)
    return [
        Column(key, optional=True, title=_heading(key), digits=_DIGITS)
        for key, _ in uses.most_common(_MOST_ENTRIES)
    ]


def _heading(path: str) -> str:
    key = path.removeprefix("metadata.")
    return path if key in _HEADINGS else key


def fold(metadata: Sequence[JSON], most: int) -> list[JSON]:
    """Return the entries of each by their paths; the largest dictionaries as one, where all are too many.

    Examples
    --------
    >>> fold([{"params": {"a": 1, "b": 2, "c": 3}, "origin": "x"}], most=2)
    [{'params': '{3}', 'origin': 'x'}]
    """
    paths: dict[str, set[str]] = {}
    for found in metadata:
        for key, value in found.items():
            paths.setdefault(key, set()).update(path for path, _ in wording.flatten({key: value}))
    total, folded = sum(map(len, paths.values())), set()
    for key in sorted(paths, key=lambda key: -len(paths[key])):
        if total <= most or len(paths[key]) == 1:
            break
        folded.add(key)
        total -= len(paths[key]) - 1
    return [
        dict(
            wording.flatten(
                {
                    key: f"{{{len(value)}}}" if key in folded and isinstance(value, dict) else value
                    for key, value in found.items()
                }
            )
        )
        for found in metadata
    ]
