"""Which tests belong to one process when several run them: a file's, and all that use a costly server."""

from __future__ import annotations

from collections import Counter

import pytest

#: Fixtures that take a minute to make, once for all who use one of them. Only names that nothing else has:
#: ``place`` is also that of stores, whose hundreds of tests would then wait for the engines' process.
ENGINES = {"engine", "storage", "surroundings", "packages"}
#: Servers of their own for objects of gigabytes, which take minutes.
HUGE = {"ceph_on_disk"}
_FIRST = ["engines", "huge"]


def group(item: pytest.Item) -> str:
    """Return the name of a test's group."""
    used = set(getattr(item, "fixturenames", ()))
    if ENGINES & used:
        return "engines"
    return "huge" if HUGE & used else "/".join(item.path.parts[-2:])


def arrange(items: list[pytest.Item]) -> None:
    """Mark each test with its group, and put groups with much to do first, so that all end together."""
    groups = {item: group(item) for item in items}
    slow = Counter(groups[item] for item in items if item.get_closest_marker("slow"))
    size = Counter(groups.values())
    for item, name in groups.items():
        item.add_marker(pytest.mark.xdist_group(name))

    def rank(item: pytest.Item) -> tuple[int, int, int, str]:
        name = groups[item]
        first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
        return first, -slow[name], -size[name], name

    items.sort(key=rank)
