"""Comparing tables: columns, rows and values, whichever library made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsk_saver.diff.columns import (
    UNNAMED,
    Column,
    Table,
    differing,
    largest_difference,
    tables_of,
    type_texts,
    value_at,
)
from jsk_saver.diff.content import EXAMPLES, Block, Content, as_json, show, show_pair
from jsk_saver.diff.rows import match
from jsk_saver.errors import MissingExtra
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pandas as pd

#: What rows are called that have no key.
ROW = "row"
_SHOWN_KEYS = 5


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """The changed cells of one column: their rows in both tables, and the largest difference of numbers."""

    label: str
    old_rows: Any
    new_rows: Any
    largest: float | None


class TableContent(Content):
    """Two tables.

    Parameters
    ----------
    old, new
        pandas or Polars data frames or series, or Arrow tables; not necessarily of the same library.
    key
        Columns to match rows by; found by itself without any.
    """

    kind = "tables"

    def __init__(self, old: Any, new: Any, key: Sequence[str] = ()) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtra(
                "Comparing tables needs pyarrow, which is not installed.",
                hint="pip install 'jsk-saver[tables]'",
            ) from None
        self._old, self._new = tables_of(old, new)
        self._match = match(self._old, self._new, key)
        self._common = [label for label in self._new.columns if label in self._old.columns]
        self.columns_added = [label for label in self._new.columns if label not in self._old.columns]
        self.columns_removed = [label for label in self._old.columns if label not in self._new.columns]
        self.retyped = self._find_retyped()
        self.reordered = [label for label in self._old.columns if label in self._new.columns] != self._common
        self._changed = self._find_changed()
        # Numbers that pandas gave the rows; where rows have names of their own, they are not values.
        own = UNNAMED not in self._match.key and bool(self._match.key)
        self.renumbered = own and any(column.label == UNNAMED for column in self._changed)
        self._changed = [column for column in self._changed if not own or column.label != UNNAMED]
        self.rows_changed = self._count_changed_rows()
        self.same = not (self._schema_lines() or self._row_lines() or self._changed)

    # Finding ----------------------------------------------------------------------------------------

    def _find_retyped(self) -> list[tuple[str, str, str]]:
        own = self._old.library == self._new.library
        pairs = (
            (label, *type_texts(self._old.columns[label], self._new.columns[label], same_library=own))
            for label in self._common
        )
        return [(label, old, new) for label, old, new in pairs if old != new]

    def _find_changed(self) -> list[ColumnChange]:
        rows = self._match
        pandas = "pandas" in (self._old.library, self._new.library)
        found = []
        for label in self._common:
            if label in rows.key:
                continue
            old, new = self._old.values(label, rows.old), self._new.values(label, rows.new)
            places = differing(old, new, nan_is_missing=pandas)
            if len(places):
                largest = largest_difference(old.take(places), new.take(places))
                old_rows = places if rows.old is None else rows.old[places]
                new_rows = places if rows.new is None else rows.new[places]
                found.append(ColumnChange(label, old_rows, new_rows, largest))
        return found

    def _count_changed_rows(self) -> int:
        import numpy as np

        changed: Any = np.zeros(self._new.rows, dtype=bool)
        for column in self._changed:
            changed[column.new_rows] = True
        return int(changed.sum())

    # Showing ----------------------------------------------------------------------------------------

    def blocks(self) -> list[Block]:
        """Return what changed in the columns, in the rows, and the first changed values."""
        if self.same:
            return []
        blocks = [Block(self._row_title(), self._row_lines())]
        if self._schema_lines():
            blocks.insert(0, Block("Columns", self._schema_lines()))
        if self._changed:
            blocks += [self._column_block(), self._example_block()]
        return blocks

    def _schema_lines(self) -> list[str]:
        lines = [f"+ {_outline(self._new.columns[label])}" for label in self.columns_added]
        lines += [f"- {_outline(self._old.columns[label])}" for label in self.columns_removed]
        lines += [f"~ {label}: {one} → {other}" for label, one, other in self.retyped]
        lines += ["~ the columns come in another order"] if self.reordered else []
        return lines + (["~ the index differs"] if self.renumbered else [])

    def _row_title(self) -> str:
        by = f"matched by {', '.join(self._match.key)}" if self._match.key else "matched by position"
        counts = f"{self._old.rows:,}" + (
            f" → {self._new.rows:,}" if self._old.rows != self._new.rows else ""
        )
        return f"Rows: {counts}, {self.rows_changed:,} changed ({by})"

    def _row_lines(self) -> list[str]:
        lines = []
        for sign, word, table, rows in (
            ("+", "added", self._new, self._match.added),
            ("-", "removed", self._old, self._match.removed),
        ):
            if len(rows):
                keys = [self._key_text(table, int(row)) for row in rows[:_SHOWN_KEYS]]
                more = ", …" if len(rows) > len(keys) else ""
                lines.append(f"{sign} {len(rows):,} {word}: {', '.join(keys)}{more}")
        return lines + (["~ the rows come in another order"] if self._match.moved else [])

    def _key(self, table: Table, row: int) -> list[Any]:
        return [value_at(table.columns[label].values, row) for label in self._match.key] or [row]

    def _key_text(self, table: Table, row: int) -> str:
        return " / ".join(show(value, 30) for value in self._key(table, row))

    def _column_block(self) -> Block:
        matched = self._new.rows - len(self._match.added)
        rows = [
            [
                column.label,
                len(column.new_rows),
                _share(len(column.new_rows), matched),
                "" if column.largest is None else f"{column.largest:.6g}",
            ]
            for column in self._changed
        ]
        return Block(
            "Changed values", columns=["column", "cells", "of rows", "largest difference"], rows=rows
        )

    def _example_block(self) -> Block:
        columns = [*(self._match.key or (ROW,)), "column", "old", "new"]
        rows = [
            [*(show(part, 30) for part in key), label, *show_pair(old, new)]
            for key, label, old, new in self._examples()
        ]
        total = sum(len(column.new_rows) for column in self._changed)
        title = "Changes" if total <= len(rows) else f"First {len(rows)} of {total:,} changes"
        return Block(title, columns=columns, rows=rows)

    def _examples(self) -> list[tuple[list[Any], str, Any, Any]]:
        first = sorted(
            (int(row), number, place)
            for number, column in enumerate(self._changed)
            for place, row in enumerate(column.new_rows[:EXAMPLES])
        )[:EXAMPLES]
        found = []
        for row, number, place in first:
            column = self._changed[number]
            old = value_at(self._old.columns[column.label].values, int(column.old_rows[place]))
            new = value_at(self._new.columns[column.label].values, row)
            found.append((self._key(self._new, row), column.label, old, new))
        return found

    # Giving away ------------------------------------------------------------------------------------

    def to_dict(self) -> JSON:
        """Return the counts, and the first changes as examples."""
        rows = self._match
        return {
            "columns": {
                "added": self.columns_added,
                "removed": self.columns_removed,
                "retyped": [{"column": c, "old": old, "new": new} for c, old, new in self.retyped],
                "reordered": self.reordered,
                "index_differs": self.renumbered,
            },
            "rows": {
                "old": self._old.rows,
                "new": self._new.rows,
                "matched_by": list(rows.key) or None,
                "added": len(rows.added),
                "removed": len(rows.removed),
                "changed": self.rows_changed,
                "reordered": rows.moved,
                "added_examples": [as_json(self._key(self._new, int(r))) for r in rows.added[:EXAMPLES]],
                "removed_examples": [as_json(self._key(self._old, int(r))) for r in rows.removed[:EXAMPLES]],
            },
            "values": [
                {"column": c.label, "changed": len(c.new_rows), "largest": as_json(c.largest)}
                for c in self._changed
            ],
            "examples": [
                {"row": as_json(key), "column": label, "old": as_json(old), "new": as_json(new)}
                for key, label, old, new in self._examples()
            ],
        }

    def changes(self) -> pd.DataFrame:
        """Return every changed cell: the row's key (or number), column, old and new value."""
        import numpy as np
        import pandas as pd

        names = {label: _free_name(label) for label in self._match.key}
        parts = []
        for number, column in enumerate(self._changed):
            keys = {
                name: self._new.values(label, column.new_rows).to_pandas() for label, name in names.items()
            }
            part = pd.DataFrame(keys or {ROW: column.new_rows})
            part["column"] = column.label
            part["old"] = _objects(self._old.values(column.label, column.old_rows))
            part["new"] = _objects(self._new.values(column.label, column.new_rows))
            parts.append(part.assign(_order=column.new_rows * len(self._changed) + number))
        if not parts:
            return pd.DataFrame(columns=[*(names.values() or (ROW,)), "column", "old", "new"])
        everything = pd.concat(parts, ignore_index=True)
        order = np.argsort(everything.pop("_order").to_numpy(), kind="stable")
        return everything.iloc[order].reset_index(drop=True)

    def rows(self, which: str) -> pd.DataFrame:
        """Return the ``"added"`` or ``"removed"`` rows, whole, as a data frame."""
        import pandas as pd

        table, places = (
            (self._new, self._match.added) if which == "added" else (self._old, self._match.removed)
        )
        return pd.DataFrame({label: table.values(label, places).to_pandas() for label in table.columns})


def _outline(column: Column) -> str:
    return f"{column.label}: {type_texts(column, column, same_library=True)[0]}"


def _share(part: int, whole: int) -> str:
    share = part / whole if whole else 0.0
    return "< 0.1 %" if 0 < share < 0.001 else f"{share:.1%}".replace("%", " %")


def _free_name(label: str) -> str:
    return f"{label} (key)" if label in ("column", "old", "new") else label


def _objects(values: Any) -> Any:
    """Return values of any type as objects, so that columns of different types fit into one."""
    return values.to_pandas().astype(object).to_numpy()
