"""What is measured is there: the bench is run by hand, so that nothing else notices a name that is gone."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[1] / "bench"
OURS = ("jsk_saver", "jsk_ci", "tests")


def named(file: Path) -> dict[str, ModuleType]:
    """Return the kit's own modules that a file imports, by the name they have in it."""
    found: dict[str, ModuleType] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] not in OURS:
            continue
        module = importlib.import_module(str(node.module))
        for alias in node.names:
            thing = getattr(module, alias.name, None)
            if thing is None:
                thing = importlib.import_module(f"{node.module}.{alias.name}")
            if isinstance(thing, ModuleType):
                found[alias.asname or alias.name] = thing
    return found


@pytest.mark.parametrize("file", sorted(BENCH.glob("*.py")), ids=lambda file: file.name)
def test_the_bench_names_nothing_of_the_kit_that_is_gone(file: Path) -> None:
    modules = named(file)
    gone = [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in modules and not hasattr(modules[node.value.id], node.attr)
    ]
    assert gone == []
