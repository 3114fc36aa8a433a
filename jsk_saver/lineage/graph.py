"""The ancestry of a version as a graph that people can look at: in a notebook, a terminal, a document."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsk_saver.human import human_time, one_line, shorten
from jsk_saver.record import Record

#: How a version comes from another: the caller said so; it had only been read before; a copy; a return.
MADE, READ, COPIED, RESTORED = "made from", "read before", "copied from", "restored from"
#: What tells a version from every other: store, file name, version.
Key = tuple[str, str, str]

_TREE_NAME = 60
_ARROWS = {MADE: "-->", READ: "-.->", COPIED: "-- copied to -->", RESTORED: "-- restored as -->"}


@dataclass(frozen=True, slots=True)
class Node:
    """One version in a graph.

    Parameters
    ----------
    name, version, store
        Which one.
    record
        What is known about it; None where it is not there (any more).
    created, who
        When and by whom it was made; taken from the record where not given.
    note
        Why there is no record, such as ``in another store``; ``purged`` without one.
    kind
        ``version``, or ``trial`` for one that stands between what it read and what it made.
    """

    name: str
    version: str
    store: str = ""
    record: Record | None = None
    created: dt.datetime | None = None
    who: str = ""
    note: str = ""
    kind: str = "version"

    @classmethod
    def of(cls, record: Record, store: str = "") -> Node:
        """Return the node of a version whose record is known."""
        who = str(record.lineage.get("user", ""))
        return cls(record.name, record.version, store, record, record.created, who)

    @property
    def key(self) -> Key:
        """What tells it from every other node."""
        return (self.store, self.name, self.version)

    @property
    def missing(self) -> bool:
        """Whether only its name is known."""
        return self.record is None and self.created is None and not self.who

    @property
    def detail(self) -> str:
        """Version, time and maker in one short line."""
        # The beginning of a version is often only a time, which is said anyway.
        version = one_line(self.version)
        parts = [version if len(version) <= 10 else f"…{version[-8:]}"]
        if self.created is not None:
            parts.append(human_time(self.created)[:16])
        parts += [one_line(self.who), one_line(self.note or ("purged" if self.missing else ""))]
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Edge:
    """``child`` comes from ``parent``, and ``how``."""

    child: Key
    parent: Key
    how: str = MADE


class LineageGraph:
    """Versions and what they come from; shows itself as a drawing, or a tree in a terminal.

    A broken line, or ``(read before)`` in a tree, leads to what had only been read before.

    Parameters
    ----------
    nodes
        The versions. What an edge names beyond them is added as missing.
    edges
        From each child to its parents. One that would close a circle is left out.
    focus
        The version that was asked about.

    Examples
    --------
    >>> raw, model = Node("raw.csv", "1"), Node("model.skops", "7", who="bo")
    >>> graph = LineageGraph([raw, model], [Edge(model.key, raw.key)])
    >>> print(graph)
    model.skops  7 · bo
    └─ raw.csv  1 · purged
    >>> print(graph.mermaid)
    flowchart LR
        v0["raw.csv<br/>1 · purged"]
        v1["model.skops<br/>7 · bo"]
        v0 --> v1
        classDef missing stroke-dasharray: 5 4,opacity: 0.7
        class v0 missing
    """

    def __init__(self, nodes: Iterable[Node], edges: Iterable[Edge] = (), focus: Key | None = None) -> None:
        known = {node.key: node for node in nodes}
        wanted = dict.fromkeys(edges)
        for key in (key for edge in wanted for key in (edge.child, edge.parent)):
            if key not in known:
                store, name, version = key
                known[key] = Node(name, version, store)
        self.focus = focus
        self.nodes: tuple[Node, ...] = tuple(known.values())
        self.edges: tuple[Edge, ...] = _without_circles(wanted, focus)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def parents(self) -> dict[Key, list[Key]]:
        """What each version comes from, in the order given."""
        found: dict[Key, dict[Key, None]] = {node.key: {} for node in self.nodes}
        for edge in self.edges:
            found[edge.child][edge.parent] = None
        return {child: list(parents) for child, parents in found.items()}

    @cached_property
    def how(self) -> dict[tuple[Key, Key], str]:
        """How each child comes from each parent."""
        return {(edge.child, edge.parent): edge.how for edge in reversed(self.edges)}

    @cached_property
    def mermaid(self) -> str:
        """The graph as Mermaid text, which GitLab, GitHub and JupyterLab draw."""
        ids = {node.key: f"v{number}" for number, node in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        lines += [
            f'    {ids[node.key]}["{_mermaid(node.name)}<br/>{_mermaid(node.detail)}"]' for node in self.nodes
        ]
        lines += [f"    {ids[edge.parent]} {_ARROWS[edge.how]} {ids[edge.child]}" for edge in self.edges]
        missing = ",".join(ids[node.key] for node in self.nodes if node.missing)
        if missing:
            lines += [
                "    classDef missing stroke-dasharray: 5 4,opacity: 0.7",
                f"    class {missing} missing",
            ]
        if self.focus in ids:
            lines += ["    classDef focus stroke-width: 3px", f"    class {ids[self.focus]} focus"]
        return "\n".join(lines)

    @cached_property
    def svg(self) -> str:
        """The graph as one SVG document that needs nothing else."""
        from jsk_saver.lineage.svg import draw

        return draw(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"image/svg+xml": self.svg, "text/plain": str(self)}

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return "\n".join(self._tree())

    def __repr__(self) -> str:
        return str(self)

    def _tree(self) -> Iterable[str]:
        """Yield a line for each version, parents below their child; each version's parents once."""
        by_key = {node.key: node for node in self.nodes}
        told: set[Key] = set()
        # Each entry: the version, what stands before it on its own line and on those below it, and how
        # the version above comes from it.
        waiting = [(key, "", "", MADE) for key in reversed(self._roots())]
        while waiting:
            key, before, below, how = waiting.pop()
            parents = self.parents[key]
            again = key in told and bool(parents)
            node = by_key[key]
            name = shorten(one_line(node.name), _TREE_NAME, middle=True)
            notes = [*([how] if how != MADE else []), *(["see above"] if again else [])]
            yield f"{before}{name}  {node.detail}" + (f"  ({', '.join(notes)})" if notes else "")
            if again:
                continue
            told.add(key)
            for number, parent in reversed(list(enumerate(parents))):
                last = number == len(parents) - 1
                branch, under = ("└─ ", "   ") if last else ("├─ ", "│  ")
                waiting.append((parent, f"{below}{branch}", f"{below}{under}", self.how[key, parent]))

    def _roots(self) -> list[Key]:
        """Return where trees start: the version asked about, then those that nothing was made from."""
        used = {edge.parent for edge in self.edges}
        ends = [node.key for node in self.nodes if node.key not in used]
        if self.focus is None or self.focus not in self.parents:
            return ends
        return list(dict.fromkeys([self.focus, *ends])) if self.focus in ends else [self.focus]


def _without_circles(edges: Iterable[Edge], first: Key | None) -> tuple[Edge, ...]:
    """Return the edges but those that, followed from ``first``, lead back (nothing is made from itself)."""
    parents: dict[Key, list[Edge]] = defaultdict(list)
    for edge in edges:
        parents[edge.child].append(edge)
    kept: dict[Edge, None] = {}
    done: set[Key] = set()
    for start in [first, *parents] if first in parents else list(parents):
        path: dict[Key, None] = {start: None}
        branches = [iter(parents[start])] if start not in done else []
        while branches:
            following = next(branches[-1], None)
            if following is None:
                branches.pop()
                done.add(path.popitem()[0])
            elif following.parent not in path:
                kept[following] = None
                if following.parent not in done:
                    path[following.parent] = None
                    branches.append(iter(parents.get(following.parent, ())))
    return tuple(edge for edge in edges if edge in kept)


def _mermaid(text: str) -> str:
    """Return ``text`` with everything that Mermaid might read as a sign of its own as a number."""
    coded = "".join(
        character
        if character.isalnum() or character in " ._-/" or not character.isascii()
        else f"#{ord(character)};"
        for character in one_line(text)
    )
    return coded.replace("#36;#36;", "#36;\u200b#36;")  # two dollars would start a formula
