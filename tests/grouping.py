"""Which tests belong to one process when several run them: a file's, and all that use a container engine."""

from __future__ import annotations

from collections import Counter

import pytest

#: Fixtures that take a minute to make, once for all who use one of them.
ENGINES = {"engine", "storage", "surroundings", "place", "packages"}


def group(item: pytest.Item) -> str:
    """Return the name of a test's group."""
    if ENGINES & set(getattr(item, "fixturenames", ())):
        return "engines"
    return "/".join(item.path.parts[-2:])


def arrange(items: list[pytest.Item]) -> None:
    """Mark each test with its group, and put groups with much to do first, so that all end together."""
    groups = {item: group(item) for item in items}
    slow = Counter(groups[item] for item in items if item.get_closest_marker("slow"))
    for item, name in groups.items():
        item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: (groups[item] != "engines", -slow[groups[item]], groups[item]))
