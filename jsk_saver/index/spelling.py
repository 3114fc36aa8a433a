"""Queries as lines of text: what :mod:`jsk_saver.index.line` reads, written."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import QueryError
from jsk_saver.index.conditions import (
    And,
    Condition,
    Equal,
    Glob,
    Not,
    Or,
    Present,
    Range,
    Regex,
    Spec,
    Where,
    Words,
)
from jsk_saver.index.line import CONDITIONS, OPTIONS
from jsk_saver.index.paths import split_path
from jsk_saver.index.patterns import where
from jsk_saver.index.tokens import pieces, runs
from jsk_saver.index.values import Scanner

if TYPE_CHECKING:
    from jsk_saver.index.query import Query

_SAFE_WORD = re.compile(r"\w[\w.'-]*")
_SLASH = re.compile(r"\\.|/", re.DOTALL)

_OPERATORS = ("AND", "NOT", "OR")
_SAFE_KEY = re.compile(r"\w[\w-]*")
_SAFE_VALUE = re.compile(r"[\w*?\[\]@%+-][\w*?\[\]@%+./:-]*")


def to_line(query: Query) -> str:
    """Return ``query`` as a line; reading it gives the same query again.

    Examples
    --------
    >>> from jsk_saver.index.query import query
    >>> to_line(query({"rows": 5, "tags": ["a b", "c"]}, text="x", latest=True))
    'x rows:=5 tags:"a b",c is:latest'
    """
    parts = _ranked(query.text) if query.text is not None else []
    if query.name is not None:
        parts.append(_where("@name", Equal(query.name)))
    if query.name_glob is not None:
        parts.append(_where("@name", Glob(query.name_glob)))
    inner = query.condition.parts if isinstance(query.condition, And) else (query.condition,)
    # A word that stands alone would be ranked; in parentheses it stays a condition.
    parts.extend(f"({spell(part)})" if isinstance(part, Words) else spell(part) for part in inner)
    return " ".join(parts + _options(query)) or "*"


def _ranked(text: str) -> list[str]:
    """Return the words and phrases of a text so that none of them reads as something else."""
    parts = []
    for piece, quoted in pieces(text):
        if quoted:
            parts.append(_quoted(piece))
            continue
        for chunk in piece.split():
            plain = _SAFE_WORD.fullmatch(chunk) and chunk not in _OPERATORS
            parts += [chunk] if plain else [run.lower() if run in _OPERATORS else run for run in runs(chunk)]
    return parts


def _options(query: Query) -> list[str]:
    from jsk_saver.index.query import DEFAULT_LIMIT

    parts = [f"is:{flag}" for flag in ("latest", "hidden") if getattr(query, flag)]
    if query.sort is not None:
        parts.append(f"sort:{_text(query.sort)}")
    if query.limit != DEFAULT_LIMIT:
        parts.append(f"limit:{'all' if query.limit is None else query.limit}")
    if query.offset:
        parts.append(f"offset:{query.offset}")
    return parts


def spell(condition: Condition) -> str:
    """Return ``condition`` as a part of a line."""
    if isinstance(condition, Not):
        if isinstance(condition.part, Where) and isinstance(condition.part.spec, Present):
            return f"no:{_key(condition.part.path)}"
        return f"-{spell(condition.part)}"
    if isinstance(condition, Words):
        return _quoted(condition.text) if condition.phrase else condition.text
    if isinstance(condition, Where):
        return _where(condition.path, condition.spec)
    if isinstance(condition, Or):
        return _short(condition) or f"({' OR '.join(map(spell, condition.parts))})"
    assert isinstance(condition, And)
    if not condition.parts:
        return "*"
    return f"({' '.join(map(spell, condition.parts))})"


def _short(condition: Or) -> str:
    """Return ``origin:a,b`` for alternatives of one path, where that reads back the same."""
    parts = [part for part in condition.parts if isinstance(part, Where)]
    path = parts[0].path if parts else ""
    if len(parts) < len(condition.parts) or any(part.path != path for part in parts):
        return ""
    return f"{_key(path)}:{','.join(_value(path, part.spec) for part in parts)}"


def _where(path: str, spec: Spec) -> str:
    return f"has:{_key(path)}" if isinstance(spec, Present) else f"{_key(path)}:{_value(path, spec)}"


def _key(path: str) -> str:
    noted, keys = split_path(path)
    single = not noted and len(keys) == 1 and keys[0] in (*OPTIONS, *CONDITIONS)
    parts = [key if _SAFE_KEY.fullmatch(key) and not single else _quoted(key) for key in keys]
    return "@" * noted + ".".join(parts)


def _value(path: str, spec: Spec) -> str:
    if isinstance(spec, Present):
        return "*"
    if isinstance(spec, Regex):
        flags = "".join(flag for flag in "aimsx" if spec.regex.flags & getattr(re, flag.upper()))
        return f"/{_SLASH.sub(_escape_slash, spec.regex.pattern)}/{flags}"
    if isinstance(spec, Glob):
        return _quoted("*") if spec.pattern == "*" else _text(spec.pattern)
    if isinstance(spec, Range):
        return _range(spec)
    assert isinstance(spec, Equal)
    plain = _text(spec.value) if isinstance(spec.value, str) else _bound(spec.value)
    return plain if _reads_as(path, plain, spec) else f"={_exact(spec.value)}"


def _escape_slash(found: re.Match[str]) -> str:
    return r"\/" if found[0] == "/" else found[0]


def _reads_as(path: str, plain: str, spec: Equal) -> bool:
    try:
        return where(path, Scanner(plain).value()) == Where(path, spec) and not isinstance(spec.value, bool)
    except QueryError:
        return False


def _range(spec: Range) -> str:
    if spec.low is not None and spec.high is not None:
        return f"{_bound(spec.low)}..{_bound(spec.high)}"
    if spec.low is not None:
        return f"{'>' if spec.above else '>='}{_bound(spec.low)}"
    return f"{'<' if spec.below else '<='}{_bound(spec.high)}"


def _bound(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _exact(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else json.dumps(value, ensure_ascii=False)


def _text(text: str) -> str:
    return text if _SAFE_VALUE.fullmatch(text) and ".." not in text else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
