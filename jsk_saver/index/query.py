"""A query: what to find, and how to show it. One language, as keyword arguments and as one line of text.

A pattern is a dictionary (:mod:`jsk_saver.index.patterns`) or a line (:mod:`jsk_saver.index.line`).

Examples
--------
>>> query({"origin": "you*"}, user="ann") == query("origin:you* user:ann")
True
>>> print(query({"origin": ["youtube", "vimeo"]}, text="yotube chanel", sort="-rows", limit=20))
yotube chanel origin:youtube,vimeo sort:-rows limit:20
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from jsk_saver.errors import QueryError
from jsk_saver.index.closest import closest
from jsk_saver.index.conditions import And, Condition, Equal, Glob, Where, all_of
from jsk_saver.index.line import Line, read_line
from jsk_saver.index.paths import NOTED
from jsk_saver.index.patterns import at_least, at_most, pattern_condition, where
from jsk_saver.index.times import parse_when
from jsk_saver.index.tokens import phrase_words

#: How many results a search returns unless it says otherwise.
DEFAULT_LIMIT = 100
#: What of the lineage can be asked by keyword.
LINEAGE = NOTED
#: All that can be asked by keyword.
KEYWORDS = ("text", "name", "since", "until", "latest", "hidden", "sort", "limit", "offset", *LINEAGE)


@dataclass(frozen=True)
class Query:
    """What to find, and how to show it.

    Parameters
    ----------
    condition
        What a version must be like; ``And(())`` is everything.
    text
        Words to look for in names and all metadata, best match first, small spelling errors forgiven;
        words in double quotes stand next to each other.
    name, name_glob
        Only this file name, or only names of this shape.
    latest
        Only the newest version of each name (and only if it fits).
    hidden
        Deleted names as well.
    sort
        A path, descending with a minus before it; numbers come before text, and versions without it last.
        Without it: newest first, or best first where there is text.
    limit, offset
        How many results (None for all), after how many.
    """

    condition: Condition = And()  # noqa: RUF009 - immutable
    text: str | None = None
    name: str | None = None
    name_glob: str | None = None
    latest: bool = False
    hidden: bool = False
    sort: str | None = None
    limit: int | None = DEFAULT_LIMIT
    offset: int = 0

    def __post_init__(self) -> None:
        if self.text is not None and not (isinstance(self.text, str) and phrase_words(self.text)):
            raise QueryError(f"There is no word in {self.text!r}.", hint='text="youtube channels"')
        if self.name == "":
            raise QueryError("The name is empty.", hint='name="data/*"')
        for what, count in (("limit", self.limit), ("offset", self.offset)):
            fits = count is None if what == "limit" and not isinstance(count, int) else _is_count(count)
            if not fits:
                raise QueryError(f"{what} is {count!r}, not a count.", hint=f"{what}=100")
        if self.sort is not None and not (isinstance(self.sort, str) and self.sort.removeprefix("-")):
            raise QueryError(f"{self.sort!r} is no path to sort by.", hint='sort="-rows"')

    @property
    def everything(self) -> Condition:
        """The condition together with the name."""
        parts = [self.condition]
        if self.name is not None:
            parts.insert(0, Where("@name", Equal(self.name)))
        if self.name_glob is not None:
            parts.insert(0, Where("@name", Glob(self.name_glob)))
        return all_of(parts)

    def __str__(self) -> str:
        from jsk_saver.index.spelling import to_line

        return to_line(self)


def _is_count(count: Any) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and count >= 0


def query(
    pattern: Any = None,
    *,
    text: str | None = None,
    name: Any = None,
    since: dt.date | dt.timedelta | str | None = None,
    until: dt.date | str | None = None,
    latest: bool | None = None,
    hidden: bool | None = None,
    **more: Any,
) -> Query:
    """Return the query that a pattern and keyword arguments mean together.

    Parameters
    ----------
    pattern
        A dictionary, a line of text, ``any_of(...)`` or ``not_(...)`` of those, or None for everything.
    text
        Words to rank by, see :class:`Query`.
    name
        A file name, a shape (``"data/*"``), several, or ``exactly("a*.csv")``.
    since, until
        When it was saved: a date, a time, ISO text, ``"7d"``, ``"2 weeks"``, ``"yesterday"``; local time
        where it has no zone.
    latest, hidden
        See :class:`Query`.
    **more
        ``sort``, ``limit``, ``offset``: see :class:`Query`; they win over those in a line. And lineage:
        ``user``, ``host``, ``commit`` (its first digits), ``branch``, ``dirty`` (true or false),
        ``remote``, ``notebook`` (path or name), ``cell``, ``image``, ``fingerprint``, ``python``,
        ``packages``, ``experiment``, ``trial``; values are as in a pattern, and ``user="ann"`` means what
        ``{"user": "ann"}`` and ``user:ann`` mean: the lineage says so, or the metadata.

    Raises
    ------
    QueryError
        If any of it means nothing.

    Examples
    --------
    >>> query({"rows": at_least(1000)}, commit="4f2a", latest=True)  # doctest: +NORMALIZE_WHITESPACE
    Query(condition=And(parts=(Where(path='rows', spec=at_least(1000)), Where(path='commit', spec='4f2a*'))),
          text=None, name=None, name_glob=None, latest=True, hidden=False, sort=None, limit=100, offset=0)
    """
    said = _said(pattern)
    options = said.options | {key: more.pop(key) for key in ("sort", "limit", "offset") if key in more}
    for flag, value in (("latest", latest), ("hidden", hidden)):
        if value is not None:
            options[flag] = value
    _set_page(options)
    parts = [said.condition]
    if name is not None:
        parts.append(where("@name", name))
    if since is not None:
        parts.append(Where("@created", at_least(parse_when(since))))
    if until is not None:
        parts.append(Where("@created", at_most(parse_when(until))))
    parts.extend(_lineage(more))
    if text is not None and not isinstance(text, str):
        raise QueryError(f"text is {text!r}, not text.", hint=f'text="{text}"')
    texts = " ".join(part for part in (said.text, text) if part is not None)
    return _with_name(all_of(parts), Query(text=texts if texts or text == "" else None, **options))


def parse_line(line: str, **search: Any) -> Query:
    """Return the query that a line of text means (:mod:`jsk_saver.index.line`), and keywords with it.

    Examples
    --------
    >>> found = parse_line("origin:youtube rows:>=1000 -draft channel", limit=5)
    >>> found.text, found.limit
    ('channel', 5)
    """
    return query(line, **search)


def _said(pattern: Any) -> Line:
    if pattern is None:
        return Line(And())
    return read_line(pattern) if isinstance(pattern, str) else Line(pattern_condition(pattern))


def _set_page(options: dict[str, Any]) -> None:
    page = options.pop("page", None)
    if page is None:
        return
    limit = options.get("limit", DEFAULT_LIMIT)
    if limit is None:
        raise QueryError("There are no pages without a limit.", hint="limit:20 page:2")
    options.setdefault("offset", (page - 1) * limit)


def _lineage(asked: dict[str, Any]) -> list[Condition]:
    for key in asked:
        if key not in LINEAGE:
            near = closest(key, KEYWORDS)
            raise QueryError(
                f"A search has no {key!r}; it has {', '.join(KEYWORDS)}."
                + (f" Did you mean {near[0]!r}?" if near else ""),
                hint=f'search({{"{key}": {asked[key]!r}}})    # to look for it in the metadata',
            )
    return [where(key, value) for key, value in asked.items() if value is not None]


def _with_name(condition: Condition, found: Query) -> Query:
    """Move one plain demand on the name out of the condition: it tells what part of the store to ask."""
    parts = list(condition.parts) if isinstance(condition, And) else [condition]
    for part in parts:
        if isinstance(part, Where) and part.path == "@name":
            spec = part.spec
            if isinstance(spec, Equal) and isinstance(spec.value, str):
                found = replace(found, name=spec.value)
            elif isinstance(spec, Glob):
                found = replace(found, name_glob=spec.pattern)
            else:
                continue
            parts.remove(part)
            return replace(found, condition=all_of(parts))
    return replace(found, condition=condition)
