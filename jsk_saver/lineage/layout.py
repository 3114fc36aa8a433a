"""Where the versions of a graph stand in a drawing: parents left of their children, few crossings.

The usual three steps of layered drawing (Sugiyama, Tagawa and Toda 1981): layers by longest path, order
within layers by the mean of the neighbours' places, then heights that pull neighbours level. Edges that
pass over layers get a place in each, so that no line runs through a box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

_ORDER_SWEEPS = 12
_LEVEL_SWEEPS = 8
#: Half the room of a line that passes a layer, in units of a box's whole room.
_LINE_ROOM = 0.12

#: A version, or where the edge between two of them passes a layer.
Place = Any


class Layout:
    """Layers and heights of a graph's versions.

    Parameters
    ----------
    parents
        What each version was made from; without circles.

    Attributes
    ----------
    layers
        The places of each layer, from the left, from top to bottom.
    heights
        How far down each place is, in units of one place.
    routes
        The places that each edge (parent, child) runs through, ends included.
    """

    def __init__(self, parents: Mapping[Place, Sequence[Place]]) -> None:
        depth = _depths(parents)
        deepest = max(depth.values(), default=0)
        self._boxes = frozenset(parents)
        self.layers: list[list[Place]] = [[] for _ in range(deepest + 1)] if parents else []
        for key, far in depth.items():
            self.layers[deepest - far].append(key)
        self.routes: dict[tuple[Place, Place], list[Place]] = {}
        self._left: dict[Place, list[Place]] = defaultdict(list)
        self._right: dict[Place, list[Place]] = defaultdict(list)
        for child, its_parents in parents.items():
            for parent in its_parents:
                self._route(parent, child, deepest - depth[parent], deepest - depth[child])
        self._order()
        self.heights: dict[Place, float] = {
            place: float(row) for layer in self.layers for row, place in enumerate(layer)
        }
        self._level()

    def _route(self, parent: Place, child: Place, start: int, end: int) -> None:
        passing: list[Place] = [(parent, child, layer) for layer in range(start + 1, end)]
        for layer, place in enumerate(passing, start + 1):
            self.layers[layer].append(place)
        route = [parent, *passing, child]
        self.routes[parent, child] = route
        for left, right in pairwise(route):
            self._right[left].append(right)
            self._left[right].append(left)

    def _order(self) -> None:
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_ORDER_SWEEPS):
            if not fewest:
                break
            forward = sweep % 2 == 0
            towards = self._left if forward else self._right
            rows: dict[Place, int] = {}
            for layer in self.layers if forward else reversed(self.layers):
                wanted = {
                    place: _mean([rows[other] for other in towards[place]], row)
                    for row, place in enumerate(layer)
                }
                layer.sort(key=wanted.__getitem__)
                rows |= {place: row for row, place in enumerate(layer)}
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _crossings(self) -> int:
        """Return how many pairs of lines between neighbouring layers cross."""
        found = 0
        for layer, following in pairwise(self.layers):
            rows = {place: row for row, place in enumerate(following)}
            ends = [row for place in layer for row in sorted(rows[other] for other in self._right[place])]
            found += _inversions(ends)
        return found

    def _level(self) -> None:
        for sweep in range(_LEVEL_SWEEPS):
            towards = self._left if sweep % 2 == 0 else self._right
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                wanted = [
                    _mean([self.heights[other] for other in towards[place]], self.heights[place])
                    for place in layer
                ]
                for place, height in zip(layer, _apart(wanted, self._gaps(layer)), strict=True):
                    self.heights[place] = height
        top = min(self.heights.values(), default=0.0)
        self.heights = {place: height - top for place, height in self.heights.items()}

    def _gaps(self, layer: Sequence[Place]) -> list[float]:
        """Return how far each place must be from the one before it: lines may run closer than boxes."""
        room = [0.5 if place in self._boxes else _LINE_ROOM for place in layer]
        return [0.0, *(one + other for one, other in pairwise(room))]


def _depths(parents: Mapping[Place, Sequence[Place]]) -> dict[Place, int]:
    """Return the longest way from each version to one that nothing was made from."""
    waiting_for: dict[Place, int] = dict.fromkeys(parents, 0)
    for its_parents in parents.values():
        for parent in its_parents:
            waiting_for[parent] += 1
    depth = {key: 0 for key, children in waiting_for.items() if not children}
    ready = list(depth)
    while ready:
        child = ready.pop()
        for parent in parents[child]:
            depth[parent] = max(depth.get(parent, 0), depth[child] + 1)
            waiting_for[parent] -= 1
            if not waiting_for[parent]:
                ready.append(parent)
    return depth


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _inversions(numbers: Sequence[int]) -> int:
    """Return how many pairs stand in the wrong order (by counting in a binary indexed tree)."""
    size = max(numbers, default=0) + 2
    tree, found = [0] * (size + 1), 0
    for seen, number in enumerate(numbers):
        not_above, at = 0, number + 1
        while at:
            not_above += tree[at]
            at -= at & -at
        found += seen - not_above
        at = number + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return found


def _apart(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return heights at least ``gaps`` apart, in this order, as near to those wanted as can be."""
    offsets = list(accumulate(gaps))
    # Least squares by pooling adjacent violators: places that touch share the mean of what they want.
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=True):
        total, size = height - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            before = blocks.pop()
            total, size = total + before[0], size + before[1]
        blocks.append((total, size))
    starts = [total / size for total, size in blocks for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
