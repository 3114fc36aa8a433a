"""Ancestry: what a version comes from, and what that comes from, generation by generation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from jsk_saver.errors import JskError, NotFound
from jsk_saver.lineage.carry import reference
from jsk_saver.lineage.graph import COPIED, MADE, READ, RESTORED, Edge, LineageGraph, Node
from jsk_saver.lineage.reads import Read
from jsk_saver.stores import Store, open_store

if TYPE_CHECKING:
    from jsk_saver.index import Index
    from jsk_saver.lineage.graph import Key
    from jsk_saver.record import JSON, Record
    from jsk_saver.settings import Settings

#: How many versions made from one are looked for.
_MOST_CHILDREN = 1_000


def ancestry(store: Store, record: Record, depth: int, settings: Settings) -> LineageGraph:
    """Return the graph of ``record`` and its ancestors, at most ``depth`` generations back.

    Ancestors that were purged, or lie where this caller cannot look, are in it by name.
    """
    stores: dict[str, Store | None] = {store.uri: store}
    nodes: dict[Key, Node] = {}
    edges: list[Edge] = []
    inherited: dict[Key, JSON] = {}
    youngest = Node.of(record, store.uri)
    nodes[youngest.key] = youngest
    generation = [youngest]
    with ThreadPoolExecutor(settings.connections, thread_name_prefix="jsk-lineage") as pool:
        for _ in range(depth):
            links = [edge for child in generation for edge in _links(child, inherited)]
            edges += links
            new = list(dict.fromkeys(edge.parent for edge in links if edge.parent not in nodes))
            for uri in {key[0] for key in new} - stores.keys():
                stores[uri] = _opened(uri, settings)
            generation = list(pool.map(lambda key: _node(stores[key[0]], key), new))
            nodes.update((node.key, node) for node in generation)
            if not generation:
                break
    return LineageGraph(nodes.values(), edges, focus=youngest.key)


def children(index: Index, store_uri: str, record: Record) -> list[JSON] | None:
    """Return the versions whose lineage names ``record``, as far as the index knows; no request is made.

    Each is its ``name`` and ``version``, and ``given`` where it was made from it and not only saved after
    reading it. None where the index cannot tell.
    """
    from jsk_saver.index import exactly, query

    wanted = query({"@lineage.parents.version": exactly(record.version)}, hidden=True, limit=_MOST_CHILDREN)
    asked = Read(store_uri, record.name, record.version)
    found: list[JSON] = []
    try:
        known = index.find(wanted)
    except JskError:
        return None
    for child in known:
        own = Read(store_uri, child.name, child.version)
        parents = [one for one in child.lineage.get("parents") or () if reference(one, own) == asked]
        if parents:
            given = {"given": True} if any(one.get("given") for one in parents) else {}
            found.append({"name": child.name, "version": child.version} | given)
    return found


def _links(child: Node, inherited: dict[Key, JSON]) -> list[Edge]:
    """Return what a version comes from; what a copy says of its source is noted in ``inherited``."""
    own = Read(*child.key)
    lineage = child.record.lineage if child.record is not None else inherited.get(child.key, {})
    source = reference(lineage["copied"], own) if isinstance(lineage.get("copied"), dict) else None
    if source is not None:
        # The rest is the source's story: it tells it itself, or if it is gone, its copy does.
        inherited[source] = {key: value for key, value in lineage.items() if key != "copied"}
        return [Edge(child.key, source, COPIED)]
    parents = [parent for parent in lineage.get("parents") or () if isinstance(parent, dict)]
    found = [(reference(parent, own), MADE if parent.get("given") else READ) for parent in parents]
    found.append((reference(lineage.get("restored"), own), RESTORED))
    return [Edge(child.key, parent, how) for parent, how in found if parent is not None]


def _opened(uri: str, settings: Settings) -> Store | None:
    """Return the store at ``uri``; None for an address that leads nowhere from here."""
    try:
        return open_store(uri, settings)
    except (JskError, OSError):
        return None


def _node(store: Store | None, key: Key) -> Node:
    uri, name, version = key
    if store is None:
        return Node(name, version, uri, note="in a store that cannot be opened here")
    try:
        return Node.of(store.head(name, version), uri)
    except NotFound:
        return Node(name, version, uri)
    except (JskError, OSError, ValueError) as error:  # a version or store that nobody could have written
        return Node(name, version, uri, note=type(error).__name__)
