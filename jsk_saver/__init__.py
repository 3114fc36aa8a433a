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
    from jsk_saver.tracking import Experiment, Trial

#: Ready to use: its store is what the settings say, a folder in the home directory without any.
saver = Saver()

_TRACKING = ("Experiment", "Trial")
_SEARCH_WORDS = (
    "absent", "any_of", "at_least", "at_most", "between",
    "exactly", "less_than", "more_than", "not_", "present",
)  # fmt: skip

__all__ = [
    "Experiment",
    "Results",
    "Saved",
    "Saver",
    "Trial",
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
    """Import experiments and the words of the query language when first used."""
    if name in _SEARCH_WORDS:
        from jsk_saver import index

        return getattr(index, name)
    if name in _TRACKING:
        from jsk_saver import tracking

        return getattr(tracking, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, also those that are imported when first used."""
    return sorted(__all__)


def load_ipython_extension(ipython: Any) -> None:
    """Switch on magics and completion; called by ``%load_ext jsk_saver``."""
    from jsk_saver.notebook import load_ipython_extension

    load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Switch them off; called by ``%unload_ext jsk_saver``."""
    from jsk_saver.notebook import unload_ipython_extension

    unload_ipython_extension(ipython)
