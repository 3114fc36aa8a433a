"""What to change about a search that found nothing, or that cannot be sorted as asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from jsk_saver.errors import QueryError
from jsk_saver.index.base import Index
from jsk_saver.index.closest import closest
from jsk_saver.index.conditions import And, Condition, Equal, Glob, Or, Present, Where
from jsk_saver.index.paths import FIELDS, NOTED
from jsk_saver.index.query import Query
from jsk_saver.index.values import bare_scalar

_COMPARISON = re.compile(r"(>=|<=|>|<)\s*(\S.*)")
_BUILDERS = {">=": "at_least", "<=": "at_most", ">": "more_than", "<": "less_than"}
_HEXADECIMAL = re.compile(r"[0-9a-f]*\*?")


def advice(index: Index, query: Query) -> list[str]:
    """Return what may have been meant by a query that nothing fits, each as "this instead of that"."""
    found: list[str] = []
    if query.name is not None and query.name not in (names := index.names(hidden=query.hidden)):
        near = closest(query.name, names)
        found += [f"name={near[0]!r} instead of {query.name!r}"] if near else []
    for where in _demands(query.condition):
        found += _about(index, where)
    if not query.hidden and (hidden := index.count(replace(query, hidden=True))):
        found.append(f"hidden=True, for {hidden:,} that {'was' if hidden == 1 else 'were'} deleted")
    return list(dict.fromkeys(found))


def sorting_advice(index: Index, query: Query) -> QueryError:
    """Return the error for a sort by something that no version has which fits."""
    path, minus = (query.sort or "").removeprefix("-"), "-" * (query.sort or "").startswith("-")
    fields = _fields(index)
    near = closest(path, fields, most=3)
    meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return QueryError(
        f"No version that fits has a number or text at {path!r} to sort by.{meant}",
        hint=f'sort="{minus}{near[0] if near else "created"}"',
    )


def _fields(index: Index) -> list[str]:
    return [*index.fields(), *FIELDS, *NOTED]


def _demands(condition: Condition) -> Iterator[Where]:
    if isinstance(condition, Where):
        yield condition
    elif isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _demands(part)


def _fits(index: Index, condition: Condition) -> bool:
    return index.count(Query(condition)) > 0


def _about(index: Index, where: Where) -> list[str]:
    path, spec = where.path, where.spec
    if not _fits(index, Where(path, Present())):
        near = closest(path.removeprefix("@"), _fields(index))
        return [f"{near[0]!r} instead of {path!r}, which no version has"] if near else []
    if isinstance(spec, Glob) and path in ("commit", "@commit"):
        branch = spec.pattern.removesuffix("*")
        if not _HEXADECIMAL.fullmatch(branch) and _fits(index, Where("branch", Equal(branch))):
            return [f"branch={branch!r} instead of commit={branch!r}"]
    if isinstance(spec, Equal) and isinstance(spec.value, str) and not _fits(index, where):
        return _about_text(index, path, spec.value)
    return []


def _about_text(index: Index, path: str, text: str) -> list[str]:
    compared = _COMPARISON.fullmatch(text)
    if compared:
        return [f"{_BUILDERS[compared[1]]}({bare_scalar(compared[2])!r}) instead of {text!r}"]
    number = {"true": True, "false": False}.get(text.lower(), bare_scalar(text))
    if isinstance(number, int | float) and _fits(index, Where(path, Equal(number))):
        return [f"{number!r} instead of the text {text!r}"]
    if re.search(r"[?\[]", text):
        return [f"re.compile(...) instead of {text!r}, in which only * would stand for other characters"]
    near = closest(text, index.texts(path))
    return [f"{near[0]!r} instead of {text!r}"] if near else []
