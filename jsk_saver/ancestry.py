"""Ancestry: what a version was made from, and what that was made from, generation by generation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from jsk_saver.errors import JskError, NotFound
from jsk_saver.lineage.graph import Edge, LineageGraph, Node
from jsk_saver.stores import Store, open_store

if TYPE_CHECKING:
    from jsk_saver.lineage.graph import Key
    from jsk_saver.record import Record
    from jsk_saver.settings import Settings


def ancestry(store: Store, record: Record, depth: int, settings: Settings) -> LineageGraph:
    """Return the graph of ``record`` and its ancestors, at most ``depth`` generations back.

    Ancestors that were purged, or lie where this caller cannot look, are in it by name.
    """
    stores = {store.uri: store}
    nodes: dict[Key, Node] = {}
    edges: list[Edge] = []
    youngest = Node.of(record, store.uri)
    nodes[youngest.key] = youngest
    generation = [youngest]
    with ThreadPoolExecutor(settings.connections, thread_name_prefix="jsk-lineage") as pool:
        for _ in range(depth):
            links = [(child, key) for child in generation for key in _parents(child)]
            edges += [Edge(child.key, key) for child, key in links]
            new = list(dict.fromkeys(key for _, key in links if key not in nodes))
            for uri in {key[0] for key in new} - stores.keys():
                stores[uri] = open_store(uri, settings)
            generation = list(pool.map(lambda key: _node(stores[key[0]], key), new))
            nodes.update((node.key, node) for node in generation)
            if not generation:
                break
    return LineageGraph(nodes.values(), edges, focus=youngest.key)


def _parents(child: Node) -> list[Key]:
    if child.record is None:
        return []
    lineage = child.record.lineage
    keys = [
        (parent.get("store", child.store), parent["name"], parent["version"])
        for parent in lineage.get("parents", ())
        if isinstance(parent, dict) and {"name", "version"} <= parent.keys()
    ]
    if "restored" in lineage:
        keys.append((child.store, child.name, lineage["restored"]))
    return keys


def _node(store: Store, key: Key) -> Node:
    uri, name, version = key
    try:
        return Node.of(store.head(name, version), uri)
    except NotFound:
        return Node(name, version, uri)
    except JskError as error:
        return Node(name, version, uri, note=type(error).__name__)
