r"""Paths: how a search names one place in a record, such as ``model.kind``.

A path is keys joined by dots. A dot, a backslash or a leading ``@`` that belongs to a key itself is
written with a backslash before it: ``a\.b`` is one key. Lists are looked through: ``parents.name`` is the
name of each of the parents.

A path is looked up in four places, and the first that has it answers:

1. the metadata that the user gave;
2. the facts that the format found out (``rows``, ``columns``);
3. the fields of the record: ``name``, ``version``, ``format``, ``type``, ``size``, ``digest``, ``created``;
4. the lineage: ``user``, ``commit``, ``notebook``, ... (also written ``lineage.user``).

``@rows``, ``@created`` or ``@user`` leaves out the metadata: only what the kit noted by itself.

The names of :data:`NOTED` (``user``, ``commit``, ``experiment``, ...) are looked up in all places, and one
that fits is enough: people write some of them into the metadata as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsk_saver.record import Record

#: The four places, in the order they are asked.
METADATA, FACTS, FIELD, LINEAGE = "m", "f", "r", "l"
#: What the record itself says.
FIELDS = ("name", "version", "format", "type", "size", "digest", "created")

#: What of the lineage can be asked by keyword, too.
NOTED = (
    "user", "host", "commit", "branch", "dirty", "remote", "notebook", "cell", "image", "fingerprint",
    "python", "packages", "experiment", "trial",
)  # fmt: skip

Keys = tuple[str, ...]


def escape(key: str) -> str:
    """Return ``key`` as it is written inside a path."""
    return key.replace("\\", "\\\\").replace(".", "\\.") if "." in key or "\\" in key else key


def join_path(keys: Keys) -> str:
    r"""Return the path that names ``keys``, one inside the other.

    Examples
    --------
    >>> print(join_path(("model", "v1.0")), join_path(("@id",)))
    model.v1\.0 \@id
    """
    path = ".".join(map(escape, keys))
    return "\\" + path if path.startswith("@") else path


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[bool, Keys]:
    r"""Return whether ``path`` starts with ``@``, and its keys.

    Examples
    --------
    >>> split_path("model.kind"), split_path(r"v1\.0"), split_path("@rows")
    ((False, ('model', 'kind')), (False, ('v1.0',)), (True, ('rows',)))
    """
    noted = path.startswith("@")
    keys, escaped = [""], False
    for character in path[noted:]:
        if escaped or character not in "\\.":
            keys[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            keys.append("")
    return noted, tuple(keys)


@lru_cache(maxsize=4096)
def places(path: str) -> tuple[tuple[str, Keys], ...]:
    """Return where ``path`` is looked up, in order: the place and the keys in it.

    Examples
    --------
    >>> places("@lineage.user")
    (('f', ('lineage', 'user')), ('l', ('user',)))
    """
    noted, keys = split_path(path)
    found = [] if noted else [(METADATA, keys)]
    found.append((FACTS, keys))
    if len(keys) == 1 and keys[0] in FIELDS:
        found.append((FIELD, keys))
    found.append((LINEAGE, keys[1:] if keys[0] == "lineage" and len(keys) > 1 else keys))
    return tuple(found)


@lru_cache(maxsize=4096)
def stored_paths(path: str) -> tuple[str, ...]:
    """Return the names under which the index keeps what ``path`` may mean, in order."""
    return tuple(f"{place}:{'.'.join(map(escape, keys))}" for place, keys in places(path))


def anywhere(path: str) -> bool:
    """Tell whether what ``path`` leads to in any of the places counts, not only in the first that has it."""
    return path in NOTED


def roots(record: Record) -> dict[str, dict[str, Any]]:
    """Return the four places of ``record``."""
    fields = {name: getattr(record, name) for name in FIELDS}
    return {METADATA: record.metadata, FACTS: record.facts, FIELD: fields, LINEAGE: record.lineage}


def look_up(record: Record, path: str, *, first: bool = False) -> list[Any]:
    """Return what ``record`` has at ``path``; more than one thing where lists are on the way.

    With ``first`` only what the first place has that has it, whatever the path.

    Examples
    --------
    >>> from jsk_saver.record import now
    >>> runs = {"runs": [{"k": 1}, {"k": 2}]}
    >>> record = Record("a.csv", "1", "csv", "", 9, "", now(), runs, {"user": "ann"})
    >>> look_up(record, "runs.k"), look_up(record, "user"), look_up(record, "nothing")
    ([1, 2], ['ann'], [])
    """
    everywhere = roots(record)
    several: list[Any] = []
    for place, keys in places(path):
        found: list[Any] = [everywhere[place]]
        for key in keys:
            found = [node[key] for node in unlisted(found) if isinstance(node, dict) and key in node]
        several += found
        if several and (first or not anywhere(path)):
            break
    return several


def unlisted(nodes: list[Any]) -> Iterator[Any]:
    """Yield ``nodes``, and in place of lists what is in them."""
    for node in nodes:
        if isinstance(node, list):
            yield from unlisted(node)
        else:
            yield node


def flatten(tree: dict[str, Any], prefix: str, found: dict[str, list[Any]]) -> None:
    """Add every path of ``tree`` to ``found``, with the plain values that are there (may be none).

    Examples
    --------
    >>> found = {}
    >>> flatten({"model": {"kind": "lgbm"}, "tags": ["a", "b"]}, "m:", found)
    >>> found
    {'m:model': [], 'm:model.kind': ['lgbm'], 'm:tags': ['a', 'b']}
    """
    for key, value in tree.items():
        path = prefix + escape(key)
        values = found.get(path)
        if values is None:
            values = found[path] = []
        if isinstance(value, (dict, list)):
            _flatten_inside(value, path, values, found)
        else:
            values.append(value)


def _flatten_inside(node: Any, path: str, values: list[Any], found: dict[str, list[Any]]) -> None:
    if isinstance(node, dict):
        flatten(node, path + ".", found)
    elif isinstance(node, list):
        for item in node:
            _flatten_inside(item, path, values, found)
    else:
        values.append(node)
