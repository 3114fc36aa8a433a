"""Changing values in a TOML file line by line: comments, order and everything else stay as they were.

What comes out is read again and compared, so a file that is written in a way these few rules do not know
is refused, and never damaged.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

#: What some editors begin a file with.
_MARK = "\ufeff"
_HEADER = re.compile(r"\s*\[")
_VALUE = r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'\[{#][^#\n]*?)"""

Values = Mapping[str, str | int | float | bool]


class Unknown(Exception):
    """The file is written in a way that cannot be changed line by line."""


def changed(text: str, table: tuple[str, ...], values: Values, drop: Iterable[str] = ()) -> str:
    r"""Return a TOML text with values of one table set, and others taken away.

    Parameters
    ----------
    text
        Of the file; may be empty.
    table
        Path of the table; the file itself without one.
    values
        To be set; a name that is there with hyphens keeps them.
    drop
        Names to be taken away, where they are there.

    Raises
    ------
    Unknown
        If that cannot be done without touching anything else.

    Examples
    --------
    >>> print(changed('[tool.jsk]\nstore = "old"  # ours\n', ("tool", "jsk"), {"store": "new"}), end="")
    [tool.jsk]
    store = "new"  # ours
    """
    drop = tuple(drop)
    mark, text = text[: text.startswith(_MARK)], text.removeprefix(_MARK)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    if values or _table(_parsed(text), table) is not None:
        _edit(lines, table, values, drop, end)
    result = "".join(lines)
    try:
        found = tomllib.loads(result)
    except tomllib.TOMLDecodeError as error:
        raise Unknown(str(error)) from error
    if found != _expected(text, table, values, drop):
        raise Unknown("another value would change")
    return mark + result


def value(item: str | float | bool) -> str:
    r"""Return a value as TOML has it.

    Examples
    --------
    >>> value('a "b"\n'), value(True), value(30)
    ('"a \\"b\\"\\n"', 'true', '30')
    """
    # JSON's texts are TOML's, but for one character that TOML wants escaped.
    return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")


def _edit(lines: list[str], table: tuple[str, ...], values: Values, drop: Iterable[str], end: str) -> None:
    start, stop = _section(lines, table, end)
    for name in drop:
        at = _find(lines, start, stop, name)
        if at is not None:
            del lines[at]
            stop -= 1
    for name, item in values.items():
        at = _find(lines, start, stop, name)
        if at is None:
            place = _behind_last(lines, start, stop)
            lines.insert(place, f"{name} = {value(item)}{end}")
            stop += 1
        else:
            lines[at] = _with_value(lines[at], name, value(item))


def _section(lines: list[str], table: tuple[str, ...], end: str) -> tuple[int, int]:
    """Return where the lines of a table begin and end; it is added at the end where it is not there."""
    start = 0
    if table:
        parts = r"\s*\.\s*".join(f"[\"']?{re.escape(part)}[\"']?" for part in table)
        header = re.compile(rf"\s*\[\s*{parts}\s*\]\s*(#.*)?$")
        found = next((at for at, line in enumerate(lines) if header.match(line.rstrip())), None)
        if found is None:
            lines += [*([end] if lines and lines[-1].strip() else []), f"[{'.'.join(table)}]{end}"]
            found = len(lines) - 1
        start = found + 1
    stop = next((at for at in range(start, len(lines)) if _HEADER.match(lines[at])), len(lines))
    return start, stop


def _find(lines: list[str], start: int, stop: int, name: str) -> int | None:
    wanted = _key(name)
    return next((at for at in range(start, stop) if wanted.match(lines[at])), None)


def _key(name: str) -> re.Pattern[str]:
    spelled = re.escape(name).replace("_", "[_-]")
    return re.compile(rf"""(?P<key>\s*["']?{spelled}["']?\s*=\s*)""")


def _with_value(line: str, name: str, text: str) -> str:
    found = re.fullmatch(rf"{_key(name).pattern}{_VALUE}(?P<rest>\s*(?:#.*)?)", line.rstrip("\r\n"))
    if found is None:
        raise Unknown(f"{name} is written over several lines")
    ending = line[len(line.rstrip("\r\n")) :]
    same = tomllib.loads(f"x = {found['value']}") == tomllib.loads(f"x = {text}")
    return line if same else f"{found['key']}{text}{found['rest']}{ending}"


def _behind_last(lines: list[str], start: int, stop: int) -> int:
    """Return the place behind the last value: what stands further down belongs to the next table."""
    filled = (
        at for at in range(stop - 1, start - 1, -1) if lines[at].strip() and lines[at].strip()[0] != "#"
    )
    return next(filled, start - 1) + 1


# What must come out ---------------------------------------------------------------------------------


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unknown(str(error)) from error


def _table(content: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    found: Any = content
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _expected(text: str, table: tuple[str, ...], values: Values, drop: Iterable[str]) -> dict[str, Any]:
    content = deepcopy(_parsed(text))
    place: Any = content
    if values:
        for part in table:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Unknown(f"{part} is no table")
    else:
        place = _table(content, table) or {}
    for name in drop:
        place.pop(_spelled(place, name), None)
    for name, item in values.items():
        place[_spelled(place, name)] = item
    return content


def _spelled(place: Mapping[str, Any], name: str) -> str:
    return next((key for key in place if key.replace("-", "_") == name), name)
