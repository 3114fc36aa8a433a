"""What cannot be pickled: which part of an object it is, and what to do about it."""

from __future__ import annotations

import pickle
import types
from collections.abc import Iterator
from functools import partial
from typing import Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.naming import article, shown, type_name
from jsk_saver.formats.shapes import place
from jsk_saver.warning import warn

#: How many parts of an object are tried to find the one that cannot be pickled.
_TRIES = 2_000
_REASONS = (
    pickle.PicklingError,
    TypeError,
    AttributeError,
    RecursionError,
    ValueError,
    NotImplementedError,
)
_NAMED = "Write it as a function with a name in a module of your own (a .py file), and import it from there."


class explained:  # noqa: N801 - reads as the words it stands for
    """Turns what pickling raises into the part that caused it."""

    def __init__(self, obj: Any) -> None:
        self._obj = obj

    def __enter__(self) -> None:
        warn_of_class_of_notebook(self._obj)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, _REASONS) and not isinstance(error, CannotRepresent):
            raise refused(self._obj, f"which cannot be pickled: {error}") from error


def warn_of_class_of_notebook(obj: Any) -> None:
    """Say that a pickle holds only the name of a class, if nothing but this session knows that class."""
    kind = type(obj)
    if kind.__module__ == "__main__":
        warn(
            f"{kind.__qualname__} is defined in this notebook or script, and a pickle holds only its name: "
            "elsewhere it loads once the same class is defined there. "
            f"Put it into a module (a .py file), or save the data that {kind.__qualname__} holds."
        )


def refused(obj: Any, why: str) -> CannotRepresent:
    """Return the error that names the part of ``obj`` that does not pickle, and what to do about it."""
    where, part = culprit(obj)
    what = "lambda" if is_lambda(part) else type_name(part)
    return CannotRepresent(
        f"{'The object' if where == '$' else where} is {article(what)} ({shown(part)}), {why}.",
        hint=_remedy(where, part),
    )


def is_lambda(obj: Any) -> bool:
    """Tell whether ``obj`` is a function without a name."""
    return isinstance(obj, types.FunctionType) and obj.__name__ == "<lambda>"


def never_pickles(obj: Any) -> str:
    """Return what to do about an object that surely does not pickle; empty for every other."""
    if isinstance(obj, types.FunctionType) and "<" in obj.__qualname__:
        return _NAMED
    if isinstance(obj, types.GeneratorType):
        return "Save what it yields: list(...)."
    return "Save its file, or its name." if isinstance(obj, types.ModuleType) else ""


def pickles(part: Any) -> bool:
    """Tell whether ``part`` pickles, by trying; nothing is kept."""
    try:
        pickle.Pickler(_Nowhere(), 5).dump(part)
    except Exception:
        return False
    return True


def culprit(obj: Any) -> tuple[str, Any]:
    """Return the place and the value of the innermost part of ``obj`` that does not pickle.

    Examples
    --------
    >>> where, part = culprit({"k": 5, "steps": [len, lambda x: x]})
    >>> where
    '$.steps[1]'
    """
    where, tries = "$", 0
    while True:
        for below, part in _parts(obj, where):
            tries += 1
            if tries > _TRIES:
                return where, obj
            if not pickles(part):
                where, obj = below, part
                break
        else:
            return where, obj


def _remedy(where: str, part: Any) -> str:
    kind = part if isinstance(part, type) else type(part)
    if sure := never_pickles(part):
        return sure
    if "<locals>" in kind.__qualname__:
        return f"Define {kind.__name__} at the top level of a module, and import it from there."
    return "Save the data that it was made of." if where == "$" else "Leave it out, or save only its data."


class _Nowhere:
    """A file that forgets."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _parts(obj: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(obj, dict):
        yield from ((place(where, key), item) for key, item in obj.items())
    elif isinstance(obj, list | tuple | set | frozenset):
        yield from ((f"{where}[{at}]", item) for at, item in enumerate(obj))
    elif isinstance(obj, partial):
        yield from ((f"{where}.{name}", getattr(obj, name)) for name in ("func", "args", "keywords"))
    elif not isinstance(obj, type) and not callable(obj):
        yield from ((place(where, key), item) for key, item in getattr(obj, "__dict__", {}).items())
