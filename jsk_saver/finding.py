"""One search: what was asked, what was found, and what to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import QueryError

if TYPE_CHECKING:
    from jsk_saver.index import Index, Query
    from jsk_saver.record import Record

#: How results are shown is no part of what they have in common.
_SHOWING = ("sort", "limit", "offset")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: what it means, and how it was typed.

    Parameters
    ----------
    query
        What it means.
    typed
        What was typed of it, without how to show the results; empty if that is all of it.
    code
        The same as arguments of a call.
    """

    query: Query
    typed: str = ""
    code: str = ""

    @classmethod
    def of(cls, pattern: Mapping[str, Any] | str | Query | None, search: dict[str, Any]) -> Asked:
        """Return the search that a pattern and keywords are.

        Examples
        --------
        >>> Asked.of({"origin": "you*"}, {"latest": True, "limit": 5}).typed
        "{'origin': 'you*'}, latest=True"
        """
        from jsk_saver.index import Query, query

        wanted = replace(pattern, **search) if isinstance(pattern, Query) else query(pattern, **search)
        if replace(wanted, sort=None, limit=None, offset=0) == Query(limit=None):
            return cls(wanted)
        said = {key: value for key, value in search.items() if key not in _SHOWING and value is not None}
        parts = [f"{key}={value!r}" for key, value in said.items()]
        if isinstance(pattern, Query):
            return cls(wanted, str(wanted), repr(str(wanted)))
        code = [repr(pattern)] if pattern else []
        typed = [pattern.strip()] if isinstance(pattern, str) and pattern else code
        return cls(wanted, ", ".join([*typed, *parts]), ", ".join([*code, *parts]))


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Parameters
    ----------
    records
        As many as were wanted.
    total
        How many fit, whatever the limit.
    """

    records: list[Record]
    total: int


def find(index: Index, query: Query) -> Found:
    """Return what the index has.

    Raises
    ------
    QueryError
        If the results are to be sorted by something that none of them has.
    """
    records = index.find(query)
    if query.sort is not None:
        _check_sort(index, query, records)
    short = query.limit is None or (records and len(records) < query.limit)
    return Found(records, query.offset + len(records) if short else index.count(query))


def advise(index: Index, query: Query) -> str:
    """Return what to try instead of a search that found nothing."""
    from jsk_saver.index.advice import advice

    return "; ".join(advice(index, query)) or "saver.search()    # everything there is"


def refuse_order(asked: Asked, name: str) -> None:
    """Refuse an order where one version is wanted, the newest."""
    query = asked.query
    given = [key for key in ("sort", "offset") if getattr(query, key)]
    if given:
        conditions = f"{asked.code}, " if asked.code else ""
        raise QueryError(
            f"get returns the newest version that fits, and takes no {' and no '.join(given)}.",
            hint=f'saver.get(saver.search({conditions}name="{name}", sort="{query.sort or "-created"}")[0])',
        )


def _check_sort(index: Index, query: Query, records: list[Record]) -> None:
    from jsk_saver.index.advice import sorting_advice
    from jsk_saver.index.paths import look_up, unlisted

    if query.offset:  # those that have it come first
        records = index.find(replace(query, limit=1, offset=0))
    if not records:
        return
    there = unlisted(look_up(records[0], (query.sort or "").removeprefix("-"), first=True))
    if all(isinstance(value, bool | dict | None) for value in there):
        raise sorting_advice(index, query)
