"""What a word after ``name=`` means on the line of a magic: a value of Python's, a variable's, or text."""

from __future__ import annotations

import ast
import builtins
import datetime as dt
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from jsk_saver.errors import QueryError

_NAMED = {"true": True, "false": False, "null": None}
#: Expressions that are one thing, to look at: a variable, a part of one, a call, what stands in brackets.
_THINGS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Tuple, ast.Dict, ast.Set)
_COMPREHENSIONS = (ast.ListComp, ast.DictComp, ast.SetComp)


def value_of(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of a word.

    Numbers, quoted text, true, false and null are themselves. A variable, a part of it, a call, and whatever
    stands in brackets is evaluated, if all names in it are known and plain data comes out; anything else
    is text. ``a-b`` and ``data/x.csv`` are text, whatever variables there are: ``(a-b)`` is a difference.

    Raises
    ------
    QueryError
        If it is an expression that fails.

    Examples
    --------
    >>> [value_of(text, {"n": 7, "random": ast}) for text in ("5", "n", "(n+1)", "[n, 2*n]")]
    [5, 7, 8, [7, 14]]
    >>> [value_of(text, {"n": 7, "random": ast}) for text in ("random", "m", "'n'", "n-1", "k-means++")]
    ['random', 'm', 'n', 'n-1', 'k-means++']
    """
    if text in _NAMED and text not in variables:
        return _NAMED[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text
    in_brackets = text.startswith("(") and text.endswith(")")
    if not (in_brackets or isinstance(tree.body, (*_THINGS, *_COMPREHENSIONS))):
        return text
    return _evaluated(text, tree, dict(variables))


def _evaluated(text: str, tree: ast.Expression, variables: dict[str, Any]) -> Any:
    made = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - made
    if any(name not in variables and not hasattr(builtins, name) for name in used):
        return text
    try:
        found = eval(compile(tree, "<value>", "eval"), variables)  # noqa: S307 - it is the user's line
    except AttributeError:  # data.csv, where data is a variable
        return text
    except Exception as error:
        raise QueryError(
            f"{text} cannot be worked out: {type(error).__name__}: {error}", hint=f"'{text}'    # as text"
        ) from error
    return found if is_plain(found) else text


def is_plain(value: Any) -> bool:
    """Tell whether a value is data that can be a parameter: numbers, text, times, and lists of those."""
    if value is None or isinstance(value, bool | int | float | str | dt.date | dt.timedelta | PurePath):
        return True
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    return callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0
