"""How messages and records call types and values, so that they all sound the same."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import sys
from collections.abc import Callable
from typing import Any


def type_name(obj: Any) -> str:
    """Return the name of an object's type as people write it.

    Examples
    --------
    >>> import collections, json
    >>> type_name([]), type_name(collections.OrderedDict()), type_name(json.JSONDecoder())
    ('list', 'collections.OrderedDict', 'json.JSONDecoder')
    """
    return class_name(type(obj))


def class_name(kind: type) -> str:
    """Return the shortest name by which ``kind`` can be imported: ``pandas.DataFrame``."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    parts = kind.__module__.split(".")
    for end in range(1, len(parts)):
        module = sys.modules.get(".".join(parts[:end]))
        # A plain lookup never triggers the lazy imports that some packages hide in __getattr__.
        if module is not None and vars(module).get(kind.__qualname__) is kind:
            return f"{module.__name__}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def article(name: str) -> str:
    """Return ``name`` with its indefinite article.

    Examples
    --------
    >>> article("int"), article("list")
    ('an int', 'a list')
    """
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def shown(value: Any, length: int = 60) -> str:
    """Return ``repr(value)``, cut to ``length`` characters, on one line."""
    try:
        text = " ".join(repr(value).split())
    except Exception as error:
        return f"<its repr raises {type(error).__name__}>"
    return text if len(text) <= length else text[: length - 1] + "…"


def remedy(value: Any) -> str:
    """Return what a person would do about a value that plain data (JSON and its kin) cannot hold."""
    if dataclasses.is_dataclass(value):
        return "Use dataclasses.asdict(...)"
    remedies: list[tuple[Callable[[], bool], str]] = [
        (lambda: isinstance(value, enum.Enum), "Use its .value"),
        (lambda: isinstance(value, set | frozenset), "Use sorted(...)"),
        (lambda: isinstance(value, bytes | bytearray), "Save the bytes under a name of their own"),
        (lambda: hasattr(value, "_asdict"), "Use ._asdict()"),
        (lambda: hasattr(value, "model_dump"), "Use .model_dump()"),
        (lambda: isinstance(value, dt.date | dt.time), "Use .isoformat()"),
        (lambda: isinstance(value, dict), "Use dict(...)"),
        (lambda: hasattr(value, "columns"), "Save the table under a name of its own, as .parquet"),
        (lambda: hasattr(value, "tolist"), "Use .tolist()"),
        (lambda: isinstance(value, str), "Use str(...)"),
        (lambda: isinstance(value, int), "Use int(...)"),
        (lambda: isinstance(value, float), "Use float(...)"),
    ]
    return next((remedy for applies, remedy in remedies if applies()), "Turn it into text or numbers")
