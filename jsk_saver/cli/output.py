"""What the command prints: tables and colours for people, plain text for pipes, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from jsk_saver.display import Column, text_table
from jsk_saver.human import human_value, one_line, rounded, width_of
from jsk_saver.saved import Saved, fold
from jsk_saver.wording import flatten

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_SIGNS = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
#: Significant digits, and entries of metadata before dictionaries are folded, in a terminal.
_DIGITS, _MOST_ENTRIES = 6, 6
#: Wide enough for nothing to be cut.
_ENDLESS = 10**6


def is_terminal(stream: TextIO) -> bool:
    """Tell whether somebody looks at what is written to ``stream``."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style(text: str, name: str, stream: TextIO | None = None) -> str:
    """Return ``text`` in a colour (or bold) if ``stream``, standard error by default, is a terminal."""
    coloured = is_terminal(stream or sys.stderr) and not os.environ.get("NO_COLOR")
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if coloured else text


def width() -> int | None:
    """Return how wide tables may be: the terminal's width (None), or endless where nobody looks."""
    return None if is_terminal(sys.stdout) else _ENDLESS


def say(text: str) -> None:
    """Print ``text``."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print ``text`` on the standard error stream: for people, never part of the result."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """Print ``value`` as JSON."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    say(json.dumps(value, ensure_ascii=not unicode, indent=2, allow_nan=False))


def say_table(
    columns: Sequence[Column | str], rows: Iterable[Mapping[str, Any] | Sequence[Any]], title: str = ""
) -> None:
    """Print a table; into a pipe go only the names of the columns and the rows, whole."""
    head, rule, *lines = text_table(columns, list(rows), width=width()).split("\n")
    if not is_terminal(sys.stdout):
        say("\n".join([head, *lines]))
        return
    if title:
        say(style(title, "bold", sys.stdout))
    say(style(head, "bold", sys.stdout))
    say("\n".join([style(rule, "dim", sys.stdout), *lines]))


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
    table = text_table(list(columns), _cells(versions, columns), width=_ENDLESS)
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


def say_lines(lines: Iterable[str]) -> None:
    """Print lines, those that tell of something added, removed or changed in its colour."""
    for line in lines:
        sign = line.lstrip()[:1]
        plain = one_line(line)
        say(style(plain, _SIGNS[sign], sys.stdout) if sign in _SIGNS else plain)
