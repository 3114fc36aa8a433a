"""What to type when something is not in the store, or the store does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsk_saver.errors import Hidden, NotFound, StoreUnreachable

if TYPE_CHECKING:
    from jsk_saver.cache import Cache
    from jsk_saver.index import Index
    from jsk_saver.spool import Spool
    from jsk_saver.stores import Store

#: Newest versions of a name that are looked for in the cache.
_LOOKED_FOR = 20


def waiting_for(spool: Spool, store: Store, name: str | None = None) -> int:
    """Return how many objects (of one name) wait to be sent to ``store``."""
    try:
        items = spool.items()
    except OSError:
        return 0
    return sum(item.store == store.uri and name in (None, item.record.name) for item in items)


def not_found(error: NotFound, name: str, index: Index, spool: Spool, store: Store) -> NotFound:
    """Add names that are spelled alike, and whether an object of that name waits to be sent."""
    if not isinstance(error, Hidden):
        from rapidfuzz import process

        near = process.extract(name, index.names(), limit=3, score_cutoff=80)
        if near:
            error.what += f" Did you mean {' or '.join(repr(other) for other, _, _ in near)}?"
    if waiting_for(spool, store, name):
        error.kept = f"{error.kept} One of that name waits on this machine to be sent.".strip()
        error.hint = f"jsk spool push    # then try again\n        {error.hint}".rstrip()
    return error


def unreachable(error: StoreUnreachable, name: str, index: Index, cache: Cache, cache_key: str) -> None:
    """Add which version of ``name`` can be had without the store."""
    from jsk_saver.index import Query

    for record in index.find(Query(name=name, limit=_LOOKED_FOR)):
        found = cache.find(cache_key, name, record.version)
        if found is not None:
            found[1].close()
            error.hint += f'\n        saver.get("{name}", version="{record.version}")    # without the store'
            break
