"""What the saver returns: one saved version, many of them, and the story of one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
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

#: How many versions, and how many of their metadata's entries, a table shows.
_MOST_ROWS, _MOST_ENTRIES = 50, 6
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

    @classmethod
    def of(cls, record: Record, uri: str, *, unchanged: bool = False) -> Self:
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
        )

    def __hash__(self) -> int:
        return hash((self.uri, self.name, self.version))

    def to_dict(self) -> JSON:
        """Return it as plain JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "created": format_time(self.created)}

    def _fields(self) -> list[tuple[str, Any]]:
        told = [
            ("version", Code(self.version)),
            ("contents", wording.contents(self.size, self.facts, self.format)),
            ("created", _clock(self.created)),
            ("metadata", wording.entries(self.metadata)),
            ("by", wording.maker(self.lineage)),
            ("notebook", wording.place(self.lineage)),
            ("commit", wording.code(self.lineage)),
            ("made from", wording.parent_lines(self.lineage)),
            ("digest", Code(self.digest)),
            ("uri", Code(self.uri)),
            ("unchanged", _UNCHANGED if self.unchanged else ""),
        ]
        return [(name, value) for name, value in told if value]

    def __repr__(self) -> str:
        return text_fields(self._fields(), title=f"saved {human_value(self.name)}")

    def _repr_html_(self) -> str:
        return html_fields(self._fields(), caption=f"saved {self.name}")


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
    """

    def __init__(
        self, items: Iterable[Saved], title: str = "", hint: str = "", *, numbers: Sequence[int] | None = None
    ) -> None:
        self._items = tuple(items)
        self.title = title
        self.hint = hint
        self._numbers = None if numbers is None else tuple(numbers)

    @overload
    def __getitem__(self, index: int) -> Saved: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Saved | Results:
        if isinstance(index, int):
            return self._items[index]
        numbers = None if self._numbers is None else self._numbers[index]
        return Results(self._items[index], self.title, self.hint, numbers=numbers)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Results) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

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
        counted = wording.count(len(self._items), "version")
        line = human_value(f"{counted}{joint}{self.title}" if self.title else counted)
        return line[0].upper() + line[1:]

    def _notes(self) -> list[str]:
        if not self._items:
            return [f"Next: {self.hint}"] if self.hint else []
        more = len(self._items) - _MOST_ROWS
        return [f"… and {more:,} more"] if more > 0 else []

    def _table(self) -> tuple[Columns, list[dict[str, Any]]]:
        """Return the columns that tell these versions apart, and their rows."""
        items = self._items[:_MOST_ROWS]
        entries = [
            {f"metadata.{key}": value for key, value in wording.flatten(item.metadata)} for item in items
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
        Column(key, optional=True, title=key.removeprefix("metadata."))
        for key, _ in uses.most_common(_MOST_ENTRIES)
    ]


class Story:
    """The story of one version: what it is, who made it, when, where, and from what.

    Parameters
    ----------
    saved
        The version.
    position, total
        Which of how many versions of its file name it is, the oldest being 1; unknown without.
    children
        How many versions are known that were made from it; unknown without.
    """

    def __init__(
        self,
        saved: Saved,
        *,
        position: int | None = None,
        total: int | None = None,
        children: int | None = None,
    ) -> None:
        self.saved = saved
        self.position = position
        self.total = total
        self.children = children

    def to_dict(self) -> JSON:
        """Return it as plain JSON."""
        told = {"position": self.position, "total": self.total, "children": self.children}
        return self.saved.to_dict() | {key: value for key, value in told.items() if value is not None}

    @property
    def sentences(self) -> str:
        """The story in a few sentences, what is not known left out."""
        saved, lineage = self.saved, self.saved.lineage
        kind = saved.type or "File"
        which = f", the {wording.rank(self.position, self.total)}" if self.position and self.total else ""
        by = f" by {lineage['user']}" if lineage.get("user") else ""
        told = [f"{kind}{which}, saved{by} on {saved.created.astimezone():%-d %B %Y at %H:%M:%S %Z}."]
        if wording.place(lineage) or lineage.get("commit"):
            origin = (
                f"It comes from {wording.place(lineage)}, " if wording.place(lineage) else "The code was "
            )
            commit = f"at commit {wording.code(lineage)}" if lineage.get("commit") else ""
            told.append(f"{(origin + commit).rstrip(', ')}.")
        if wording.trial(lineage):
            told.append(f"It belongs to {wording.trial(lineage)}.")
        told += filter(None, [self._family()])
        return " ".join(told)

    def _family(self) -> str:
        parents = len(self.saved.lineage.get("parents", ()))
        made_from = f"It was made from {wording.count(parents, 'version')}" if parents else ""
        if self.children is None:
            return f"{made_from}." if made_from else ""
        verb = "was" if self.children == 1 else "were"
        into = f"{wording.count(self.children, 'known version')} {verb} made from it"
        return f"{made_from}, and {into}." if made_from else f"{into[0].upper()}{into[1:]}."

    def _fields(self) -> list[tuple[str, Any]]:
        saved, lineage = self.saved, self.saved.lineage
        told = [
            ("version", Code(saved.version)),
            ("contents", wording.contents(saved.size, saved.facts, saved.format)),
            ("metadata", wording.entries(saved.metadata)),
            ("facts", wording.other_facts(saved.facts)),
            ("made from", wording.parent_lines(lineage)),
            ("by", wording.maker(lineage)),
            ("notebook", wording.place(lineage)),
            ("repository", Code(lineage.get("remote", ""))),
            ("commit", Code(wording.commit(lineage))),
            ("trial", wording.trial(lineage)),
            ("kernel image", Code(lineage.get("image", ""))),
            ("fingerprint", Code(lineage.get("fingerprint", ""))),
            ("Python", lineage.get("python")),
            ("packages", Code(lineage.get("packages", ""))),
            ("restored from", Code(lineage.get("restored", ""))),
            ("copied from", Code(lineage.get("copied", ""))),
            ("digest", Code(saved.digest)),
            ("uri", Code(saved.uri)),
        ]
        return [(name, value) for name, value in told if value]

    def __repr__(self) -> str:
        return text_fields(self._fields(), title=human_value(self.saved.name), lead=self.sentences)

    def _repr_html_(self) -> str:
        return html_fields(self._fields(), caption=self.saved.name, lead=self.sentences)
