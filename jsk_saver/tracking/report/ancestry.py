"""The graph of a report: which versions trials read, and which they made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsk_saver.human import human_size
from jsk_saver.lineage.graph import Edge, LineageGraph, Node
from jsk_saver.tracking.state import TrialState

#: Trials that one drawing can hold and a reader follow.
MOST_TRIALS = 30


def ancestry(trials: Sequence[TrialState]) -> tuple[LineageGraph | None, int]:
    """Return the graph of the newest trials that read or made something, and how many are left out."""
    having = [trial for trial in trials if trial.inputs or trial.outputs or trial.parent]
    nodes: dict[Any, Node] = {}
    edges = []
    for trial in having[-MOST_TRIALS:]:
        mine = _trial(trial)
        nodes[mine.key] = mine
        if trial.parent:
            edges.append(Edge(mine.key, ("trial", trial.parent, "")))
        for said in trial.inputs:
            read = _version(said)
            nodes.setdefault(read.key, read)
            edges.append(Edge(mine.key, read.key))
        for said in trial.outputs:
            made = _version(said)
            nodes.setdefault(made.key, made)
            edges.append(Edge(made.key, mine.key))
    for name in {trial.parent for trial in having} - {""}:
        found = next((trial for trial in trials if trial.name == name), None)
        if found is not None and any(edge.parent == ("trial", name, "") for edge in edges):
            nodes.setdefault(("trial", name, ""), _trial(found))
    graph = LineageGraph(nodes.values(), edges) if nodes else None
    return graph, max(0, len(having) - MOST_TRIALS)


def _trial(trial: TrialState) -> Node:
    return Node(trial.name, "", "trial", created=trial.created, who=trial.status, kind="trial")


def _version(said: dict[str, Any]) -> Node:
    size = said.get("size")
    about = human_size(size) if isinstance(size, int) else str(said.get("format") or "saved")
    return Node(str(said.get("name", "")), str(said.get("version", "")), who=about)
