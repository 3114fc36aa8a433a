"""What commands print: tables and colours for people, plain text for pipes, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from jsk_saver.display import Column, text_table
from jsk_saver.errors import JskError
from jsk_saver.human import one_line

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_SIGNS = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
#: Wide enough for nothing to be cut.
ENDLESS = 10**6
#: What commands exit with when they are ended by SIGINT, and by SIGPIPE: what a shell makes of those.
INTERRUPTED, BROKEN_PIPE = 130, 141


def is_terminal(stream: TextIO) -> bool:
    """Tell whether somebody looks at what is written to ``stream``."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style(text: str, name: str, stream: TextIO | None = None) -> str:
    """Return ``text`` in a colour (or bold) if ``stream``, standard error by default, is a terminal."""
    coloured = is_terminal(stream or sys.stderr) and not os.environ.get("NO_COLOR")
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if coloured else text


def width() -> int | None:
    """Return how wide tables may be: the terminal's width (None), or endless where nobody looks."""
    return None if is_terminal(sys.stdout) else ENDLESS


def say(text: str) -> None:
    """Print ``text``."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print ``text`` on the standard error stream: for people, never part of the result."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def forget_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not complain at its end."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


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


def say_lines(lines: Iterable[str]) -> None:
    """Print lines, those that tell of something added, removed or changed in its colour."""
    for line in lines:
        sign = line.lstrip()[:1]
        plain = one_line(line)
        say(style(plain, _SIGNS[sign], sys.stdout) if sign in _SIGNS else plain)


def tell(error: JskError, program: str) -> None:
    """Print an error on the standard error stream: what happened, what was kept, what to type next."""
    note(f"{style(program + ':', 'red')} {error.what}")
    if error.kept:
        note(f"  {style('Kept:', 'bold')} {error.kept}")
    if error.hint:
        note(f"  {style('Next:', 'bold')} {error.hint}")
