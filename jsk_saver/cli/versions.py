"""Versions as the command prints them: one line each."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from jsk_saver.display import text_table
from jsk_saver.human import human_value, rounded, width_of
from jsk_saver.saved import Saved, fold
from jsk_saver.terminal import ENDLESS, say_table, width
from jsk_saver.wording import flatten

#: Significant digits, and entries of metadata before dictionaries are folded, in a terminal.
_DIGITS, _MOST_ENTRIES = 6, 6


def say_versions(versions: Sequence[Saved], title: str, numbers: Sequence[int] = ()) -> None:
    """Print one line for each version; ``numbers`` are theirs in a history."""
    columns = _version_columns(versions, is_history=bool(numbers))
    rows = [dict(zip(columns, cells, strict=True)) for cells in _cells(versions, columns)]
    if numbers:
        rows = [{"#": number, **row} for number, row in zip(numbers, rows, strict=True)]
        columns = ["#", *columns]
    say_table(list(columns), rows, title)


def _version_columns(versions: Sequence[Saved], *, is_history: bool) -> list[str]:
    """Return what to tell of these versions; in a narrow terminal, the names matter most."""
    columns = ["version" if is_history else "name", "size", "created"]
    columns += ["deleted"] if any(item.hidden for item in versions) else []
    columns += ["by"] if any(item.lineage.get("user") for item in versions) else []
    columns += ["metadata"] if any(item.metadata for item in versions) else []
    full = columns if is_history else [columns[0], "version", *columns[1:]]
    if width() is None and _natural_width(versions, full) > shutil.get_terminal_size().columns:
        return [column for column in columns if column != "by"]
    return full


def _natural_width(versions: Sequence[Saved], columns: Sequence[str]) -> int:
    table = text_table(list(columns), _cells(versions, columns), width=ENDLESS)
    return max(width_of(line) for line in table.split("\n"))


def _cells(versions: Sequence[Saved], columns: Sequence[str]) -> list[list[Any]]:
    """Return a row for each version; to somebody who looks, metadata in few words, into a pipe all of it."""
    metadata = [item.metadata for item in versions]
    shown = fold(metadata, _MOST_ENTRIES) if width() is None else [dict(flatten(told)) for told in metadata]
    digits = _DIGITS if width() is None else None
    rows = []
    for item, entries in zip(versions, shown, strict=True):
        pairs = (f"{key}={human_value(rounded(value, digits))}" for key, value in entries.items())
        told = {
            "by": item.lineage.get("user"),
            "deleted": "deleted" if item.hidden else "",
            "metadata": ", ".join(pairs),
        }
        rows.append([told[column] if column in told else getattr(item, column) for column in columns])
    return rows
