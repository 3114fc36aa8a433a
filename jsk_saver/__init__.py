"""The JSK experiment kit: save any object from a notebook in one line, find it again, never lose a version.

>>> from jsk_saver import Saver
>>> import tempfile
>>> saver = Saver(tempfile.mkdtemp())
>>> response = saver.put("numbers.json", [1, 2, 3], metadata={"origin": "dice"})
>>> saver.get("numbers.json", search_pattern={"origin": "dice"})
[1, 2, 3]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsk_saver import errors
from jsk_saver.saved import Results, Saved
from jsk_saver.saver import Saver

if TYPE_CHECKING:
    from jsk_saver.index import (
        absent,
        any_of,
        at_least,
        at_most,
        between,
        exactly,
        less_than,
        more_than,
        not_,
        present,
    )

#: Ready to use: its store is what the settings say, a folder in the home directory without any.
saver = Saver()

_SEARCH_WORDS = (
    "absent", "any_of", "at_least", "at_most", "between",
    "exactly", "less_than", "more_than", "not_", "present",
)  # fmt: skip

__all__ = [
    "Results",
    "Saved",
    "Saver",
    "absent",
    "any_of",
    "at_least",
    "at_most",
    "between",
    "errors",
    "exactly",
    "less_than",
    "more_than",
    "not_",
    "present",
    "saver",
]


def __getattr__(name: str) -> Any:
    """Import the words of the query language when first used."""
    if name in _SEARCH_WORDS:
        from jsk_saver import index

        return getattr(index, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
