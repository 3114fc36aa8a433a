"""Put together what is known about who saves something, where, from what code and from what versions."""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH109, PTH111, PTH118, PTH120

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from jsk_saver.errors import InvalidMetadata
from jsk_saver.lineage import binding, environment, git, kernel, notebook, reads, repository
from jsk_saver.lineage.carry import placed
from jsk_saver.record import JSON

#: Longest text of one entry; an environment variable may hold anything.
_LONGEST = 1000
#: How many versions are named that were only read before, and not in a step. About 27 fit into the headers
#: of an S3 PUT beside the rest of a record; more would cost every put a second request.
MOST_READ = 20


def collect(parents: Iterable[Any] = (), store_uri: str = "", *, enabled: bool = True) -> JSON:
    """Return the lineage of something that is saved now, as the compact JSON a record keeps.

    Keys, each absent where it is not known: ``user``, ``host``, ``remote``, ``commit``, ``branch``,
    ``dirty`` (absent in a clean working tree, see :func:`jsk_saver.lineage.git.describe`), ``notebook``
    (relative to the repository's root where it lies in one), ``cell``, ``image``, ``fingerprint``,
    ``python``, ``packages`` (a digest, see :func:`jsk_saver.lineage.packages`), ``experiment``,
    ``trial``, ``parents`` (dictionaries of ``name`` and ``version``, ``store`` where it is another than
    ``store_uri``, and ``given``, true, where the caller named it and it was not only read before),
    ``truncated`` (true where too many versions were read before to name all: the newest
    :data:`MOST_READ`, in a step all) and then ``reads`` (how many those are in all, where known).

    Whatever cannot be found out is left out: nothing here fails or delays a put.

    Parameters
    ----------
    parents
        Versions it was made from, beside those read before; see :func:`as_parent`.
    store_uri
        The store that it is saved to.
    enabled
        False, the off switch, leaves out all but ``parents``.

    Raises
    ------
    InvalidMetadata
        If something in ``parents`` does not name a version.
    """
    given = _given(parents, store_uri)
    if not enabled:
        return {"parents": list(given.values())} if given else {}
    lineage: JSON = {}
    for part in (kernel.describe, _code, _packages, binding.current):
        try:
            lineage.update(part())
        except Exception:
            _note_failure()
    lineage = {key: _clean(value) for key, value in lineage.items()}
    return lineage | _parents(given, store_uri)


def as_parent(value: Any) -> dict[str, str]:
    """Return ``value`` as the ``name``, ``version`` and, where known, ``store`` of a version.

    Parameters
    ----------
    value
        A ``Saved`` (anything with ``name``, ``version`` and perhaps ``store``), a dictionary of those, or
        a pair of name and version.

    Examples
    --------
    >>> as_parent(("raw.csv", "3f2a"))
    {'name': 'raw.csv', 'version': '3f2a'}
    """
    if isinstance(value, Mapping):
        found = [value.get(key) for key in ("name", "version", "store")]
    elif isinstance(value, tuple) and len(value) == 2:
        found = [*value, None]
    else:
        found = [getattr(value, key, None) for key in ("name", "version", "store")]
    name, version, store = (item if isinstance(item, str) else "" for item in found)
    if not name or not version:
        raise InvalidMetadata(
            f"A parent must name a version, and {value!r} does not.",
            hint='parents=[saved, ("raw.csv", "the version")]    # what put returned, or name and version',
        )
    return {"name": name, "version": version} | ({"store": store} if store else {})


def _clean(value: str) -> str:
    if not value.isascii():  # a path on disk may be bytes that are no Unicode, which JSON cannot hold
        value = value.encode("utf-8", "replace").decode()
    return value[:_LONGEST]


def _packages() -> dict[str, str]:
    return {"packages": environment.packages()[0]}


def _code() -> dict[str, str]:
    """Return commit and notebook: the repository the notebook lies in, else the working folder's."""
    place, cell = _attempt(notebook.path), _attempt(notebook.cell)
    repo = repository.find(os.path.dirname(place)) if place else None
    shown = _shorten(place, repo.root if repo else None) if place else None
    repo = repo or repository.find(os.getcwd())
    code = {} if repo is None else dict(git.describe(repo))
    return code | {key: value for key, value in (("notebook", shown), ("cell", cell)) if value}


def _attempt(find: Callable[[], str | None]) -> str | None:
    """Return what ``find`` finds; front ends differ, and one that surprises must not hide the commit."""
    try:
        return find()
    except Exception:
        _note_failure()
        return None


def _note_failure() -> None:
    import logging

    logging.getLogger(__name__).debug("a part of the lineage is not known", exc_info=True)


@lru_cache(maxsize=32)
def _shorten(path: str, root: str | None) -> str:
    """Return ``path`` relative to its repository, else to the home folder: that means more elsewhere."""
    if root is not None:
        folder, name = os.path.split(path)
        return os.path.relpath(os.path.join(os.path.realpath(folder), name), root)
    home = os.path.expanduser("~").rstrip("/")
    return f"~{path.removeprefix(home)}" if home and path.startswith(f"{home}/") else path


def _given(parents: Iterable[Any], store_uri: str) -> dict[reads.Read, JSON]:
    found: dict[reads.Read, JSON] = {}
    for value in parents:
        parent = as_parent(value)
        read = reads.Read(parent.get("store") or store_uri, parent["name"], parent["version"])
        found[read] = {**placed(read, store_uri), "given": True}
    return found


def _parents(given: dict[reads.Read, JSON], store_uri: str) -> JSON:
    before = reads.so_far()
    named = before if reads.in_step() else before[-MOST_READ:]
    known = {read: placed(read, store_uri) for read in named} | given
    found: JSON = {"parents": list(known.values())} if known else {}
    if len(named) < len(before):
        return {**found, "truncated": True, "reads": len(before)}
    return {**found, "truncated": True} if reads.truncated() else found
