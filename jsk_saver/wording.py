"""How a record's facts are said, in words that people use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsk_saver.human import human_size, human_value, one_line
from jsk_saver.record import JSON

#: How many entries of metadata or parents are named before "and 12 more".
_MOST = 12


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "version"), count(1200, "version"), count(0, "version")
    ('1 version', '1,200 versions', 'no versions')
    """
    amount = f"{number:,}" if number else "no"
    return f"{amount} {noun}{'' if number == 1 else 's'}"


def rank(position: int, total: int) -> str:
    """Return which of how many versions one is.

    Examples
    --------
    >>> rank(1, 1), rank(2, 3), rank(3, 3), rank(21, 122)
    ('only version', '2nd of 3 versions', 'newest of 3 versions', '21st of 122 versions')
    """
    if total == 1:
        return "only version"
    teens = position % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{'newest' if position == total else f'{position:,}{ending}'} of {count(total, 'version')}"


def flatten(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested dictionaries under its dotted path.

    Examples
    --------
    >>> dict(flatten({"model": {"kind": "tree", "tags": []}, "rows": 3}))
    {'model.kind': 'tree', 'model.tags': [], 'rows': 3}
    """
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def contents(size: int, facts: JSON, kind: str) -> str:
    """Return how much of what is in it: ``1.2 MB, 1,000 rows × 8 columns, csv``."""
    rows, columns = facts.get("rows"), facts.get("columns")
    shape = ""
    if isinstance(rows, int) and isinstance(columns, int):
        shape = f"{count(rows, 'row')} × {count(columns, 'column')}"
    return ", ".join(part for part in (human_size(size), shape, kind) if part)


def entries(metadata: JSON) -> list[str]:
    """Return one line ``key: value`` for each entry of the metadata."""
    lines = [f"{one_line(key)}: {human_value(value)}" for key, value in flatten(metadata)]
    return at_most(lines, _MOST, "more")


def other_facts(facts: JSON) -> list[str]:
    """Return one line for each fact that :func:`contents` has not said."""
    said = {"rows", "columns"} if {"rows", "columns"} <= facts.keys() else set()
    return entries({key: value for key, value in facts.items() if key not in said})


def at_most(lines: Iterable[str], most: int, noun: str) -> list[str]:
    """Return the first lines, and how many more there are."""
    lines = list(lines)
    return lines if len(lines) <= most + 1 else [*lines[:most], f"… and {len(lines) - most:,} {noun}"]


# Lineage -------------------------------------------------------------------------------------------


def maker(lineage: JSON) -> str:
    """Return who on which machine."""
    user, host = lineage.get("user", ""), lineage.get("host", "")
    return " on ".join(part for part in (user, host) if part)


def code(lineage: JSON) -> str:
    """Return commit and branch, and whether the code was changed since."""
    commit, branch, dirty = lineage.get("commit", ""), lineage.get("branch", ""), lineage.get("dirty", "")
    if not commit and not branch:
        return ""
    changed = {"": "", "unknown": " (not known whether changed since)"}.get(
        dirty, " (with uncommitted changes)"
    )
    return (commit[:10] or "no commit yet") + (f" on {branch}" if branch else "") + changed


def place(lineage: JSON) -> str:
    """Return the notebook and its cell, or the script."""
    notebook, cell = lineage.get("notebook", ""), lineage.get("cell", "")
    return ", ".join(part for part in (notebook, f"cell {cell}" if cell else "") if part)


def parent_lines(lineage: JSON) -> list[str]:
    """Return one line for each version it was made from."""
    lines = [
        f"{parent.get('name')}  {parent.get('version')}"
        + (f"  in {parent['store']}" if "store" in parent else "")
        for parent in lineage.get("parents", ())
    ]
    lines = at_most(lines, _MOST, "versions")
    return [*lines, "… and older ones that are no longer known"] if lineage.get("truncated") else lines


def commit(lineage: JSON) -> str:
    """Return the whole commit, to check out, with the branch it was on."""
    full, branch, dirty = lineage.get("commit", ""), lineage.get("branch", ""), lineage.get("dirty", "")
    parts = [full, f"on {branch}" if branch else "", f"with changes {dirty}" if dirty else ""]
    return ", ".join(part for part in parts if part)


def trial(lineage: JSON) -> str:
    """Return trial and experiment."""
    named = ((key, lineage.get(key)) for key in ("trial", "experiment"))
    return " of ".join(f"{key} {value}" for key, value in named if value)
