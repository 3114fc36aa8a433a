"""How single values are said to people: sizes, times, any JSON, in one safe line of a known width."""

from __future__ import annotations

import datetime as dt
import json
import math
import unicodedata
from typing import Any

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))


class Code(str):
    """Text that stands for itself, such as a digest; shown in letters of fixed width."""

    __slots__ = ()


def human_size(size: int) -> str:
    """Return a number of bytes as people say it, in powers of a thousand.

    Examples
    --------
    >>> human_size(999), human_size(1_234_567)
    ('999 B', '1.2 MB')
    """
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 999.95:
            return f"{amount:.1f} {unit}" if unit != "B" else f"{size} B"
        amount /= 1000
    return f"{amount:,.1f} PB"


def human_time(when: dt.datetime, now: dt.datetime | None = None) -> str:
    """Return a time on the reader's clock, or with ``now`` how long ago it was.

    Tables show the former: what a saved notebook says must be true next year.

    Examples
    --------
    >>> import datetime as dt
    >>> noon = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    >>> human_time(noon, now=noon + dt.timedelta(minutes=90))
    '2 hours ago'
    """
    if now is None:
        return f"{when.astimezone():%Y-%m-%d %H:%M:%S}"
    seconds = (now - when).total_seconds()
    if seconds < 0:
        return human_time(when)
    for unit, length in _UNITS:
        if seconds >= length:
            count = int(seconds / length + 0.5)
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def human_value(value: Any) -> str:
    """Return any JSON value (or date) as one line of text, as it would be typed.

    Examples
    --------
    >>> human_value({"kind": "tree", "depths": [1, 2]}), human_value(True), human_value(None)
    ('{"kind": "tree", "depths": [1, 2]}', 'true', 'null')
    """
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dt.datetime):
        return human_time(value)
    return one_line(json.dumps(value, ensure_ascii=False, default=str))


def rounded(value: Any, digits: int | None) -> Any:
    """Return ``value`` with at most so many significant digits, where it is a float.

    Examples
    --------
    >>> rounded(0.8123456789, 6), rounded(1763683200.123, 6), rounded(3.0, 6)
    (0.812346, 1763683200.0, 3.0)
    """
    if digits is None or not isinstance(value, float) or not math.isfinite(value):
        return value
    return float(f"{value:.{digits}g}") if abs(value) < 10.0**digits else float(round(value))


def one_line(text: str) -> str:
    r"""Return ``text`` without anything that moves a cursor, hides or reverses what follows.

    Examples
    --------
    >>> one_line("two\nlines \x1b[31mred")
    'two lines ␛[31mred'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in "\t\n\r\v\f\u0085\u2028\u2029":
        return " "
    if character < " ":
        return chr(0x2400 + ord(character))  # Unicode's pictures of control codes
    category = unicodedata.category(character)
    joins = character in "\u200c\u200d"  # parts of emoji, and of words in some scripts
    return "\ufffd" if category in ("Cc", "Cs") or (category == "Cf" and not joins) else character


def width_of(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes; wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, width: int, *, middle: bool = False) -> str:
    """Return ``text`` in at most ``width`` columns, with ``…`` where something is missing.

    Examples
    --------
    >>> shorten("channels.parquet", 9), shorten("channels.parquet", 9, middle=True)
    ('channels…', 'chan…quet')
    """
    if width_of(text) <= width:
        return text
    if not middle:
        return f"{_fitting(text, width - 1)}…"
    start = _fitting(text, (width - 1 + 1) // 2)
    end = _fitting(text[::-1], width - 1 - width_of(start))[::-1]
    return f"{start}…{end}"


def _fitting(text: str, width: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += width_of(character)
        if taken > width:
            return text[:position]
    return text


def wrap(text: str, width: int) -> list[str]:
    """Break ``text`` at spaces where it can be; a word that is longer than a line is left whole."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width_of(lines[-1]) + 1 + width_of(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
