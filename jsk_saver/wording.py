"""How a record's facts are said, in words that people use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def entries(metadata: JSON, most: int | None = _MOST) -> list[str]:
    """Return one line ``key: value`` for each entry of the metadata; all of them where ``most`` is None."""
    lines = [f"{one_line(key)}: {human_value(value)}" for key, value in flatten(metadata)]
    return lines if most is None else at_most(lines, most, "more")


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


def place_label(lineage: JSON) -> str:
    """Return what :func:`place` is: a notebook, or a plain script."""
    script = "notebook" in lineage and "cell" not in lineage
    return "script" if script and not str(lineage["notebook"]).endswith(".ipynb") else "notebook"


def version(reference: Any) -> str:
    """Return a version that a lineage refers to: name, version, and where it is in another store."""
    if not isinstance(reference, Mapping):
        return str(reference or "")
    line = f"{reference.get('name')}  {reference.get('version')}"
    return f"{line}  in {reference['store']}" if "store" in reference else line


def made_from(lineage: JSON) -> list[str]:
    """Return one line for each version that the caller said it was made from."""
    return at_most(map(version, _parents(lineage, given=True)), _MOST, "versions")


def read_before(lineage: JSON) -> list[str]:
    """Return one line for each version that had been read before it was saved, the newest last."""
    known = _parents(lineage, given=False)
    lines = at_most(map(version, known), _MOST, "versions")
    if not lineage.get("truncated"):
        return lines
    older = _number_read(lineage) - len(known)
    return [
        *lines,
        f"… and {older:,} older ones" if older > 0 else "… and older ones that are no longer known",
    ]


def _parents(lineage: JSON, *, given: bool) -> list[Mapping[str, Any]]:
    known = [parent for parent in lineage.get("parents") or () if isinstance(parent, Mapping)]
    return [parent for parent in known if bool(parent.get("given")) == given]


def _number_read(lineage: JSON) -> int:
    return max(len(_parents(lineage, given=False)), lineage.get("reads") or 0)


def children(known: Iterable[JSON]) -> tuple[list[str], list[str]]:
    """Return a line for each version that was made from this one, and for each saved after reading it."""
    made: list[str] = []
    read: list[str] = []
    for child in known:
        (made if child.get("given") else read).append(version(child))
    return at_most(made, _MOST, "versions"), at_most(read, _MOST, "versions")


def family(lineage: JSON, known: Sequence[JSON] | None) -> list[str]:
    """Return sentences about what a version comes from and, where known, what came of it.

    Examples
    --------
    >>> family({"parents": [{"name": "raw.csv", "version": "1"}]}, [{"name": "fit.skops", "given": True}])
    ['1 version was read before it.', '1 known version was made from it.']
    """
    made, read = len(_parents(lineage, given=True)), _number_read(lineage)
    more = "other " if made else ""
    told = [f"It was made from {count(made, 'version')}."] if made else []
    told += [f"{count(read, f'{more}version')} {_was(read)} read before it."] if read else []
    into = sum(bool(child.get("given")) for child in known or ())
    after = len(known or ()) - into
    told += [f"{count(into, 'known version')} {_was(into)} made from it."] if into else []
    told += [f"{count(after, 'known version')} {_was(after)} saved after reading it."] if after else []
    return told


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def packages(name: str, version: str, lineage: JSON, number: int | None) -> list[str]:
    """Return how many packages were installed, their digest, and how to see them."""
    digest = lineage.get("packages")
    if not digest:
        return []
    if number is None:
        return [f"digest {digest}"]
    return [f"{number:,} (digest {digest})", f"listed by saver.packages({name!r}, version={version!r})"]


def commit(lineage: JSON) -> str:
    """Return the whole commit, to check out, with the branch it was on."""
    full, branch, dirty = lineage.get("commit", ""), lineage.get("branch", ""), lineage.get("dirty", "")
    changes = f"with uncommitted changes (digest {dirty})"
    changed = {"": "", "unknown": "not known whether changed since"}.get(dirty, changes)
    parts = [full, f"on {branch}" if branch else "", changed]
    return ", ".join(part for part in parts if part)


def trial(lineage: JSON) -> str:
    """Return trial and experiment."""
    named = ((key, lineage.get(key)) for key in ("trial", "experiment"))
    return " of ".join(f"{key} {value}" for key, value in named if value)
