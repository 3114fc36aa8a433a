"""What a record says of a value that is no plain data: the same words each time it is the same value.

An address in memory is another one in each process, and says nothing; so does a frame's abbreviated print.
Types, shapes, names of columns and the code of a function stay what they are.
"""

from __future__ import annotations

import hashlib
import re
from types import CodeType
from typing import Any

from jsk_saver.formats.naming import type_name

#: Elements of an array that are kept as a list; attributes and columns that are named.
MOST_ELEMENTS, _MOST_NAMES = 100, 12
#: Characters of a text, and of a container as JSON, above which a tracked function's argument is described.
_LONGEST = 1000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described(value: Any) -> tuple[Any, bool]:
    """Return what to record of a value, and whether that is less than what it is.

    Examples
    --------
    >>> import datetime
    >>> described(datetime.date(2026, 11, 20))
    ('2026-11-20', False)
    >>> described(print), described(b"x" * 1000)[0]
    (('<built-in function print>', False), 'bytes of 1,000 (sha256:44f8354494a5)')
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and not isinstance(value, type):
        return _shaped(value, shape)
    if isinstance(value, bytes | bytearray) and len(value) > MOST_ELEMENTS:
        return f"{type_name(value)} of {len(value):,} ({_digest(value)})", True
    try:
        text = str(value)
    except Exception as error:  # another's code, which must not end the training
        return f"{type_name(value)}, whose text raises {type(error).__name__}", True
    if not _ADDRESS.search(text):
        return text, False
    if isinstance(module := getattr(value, "__module__", None), str) and hasattr(value, "__qualname__"):
        return _function(f"{module}.{value.__qualname__}", getattr(value, "__code__", None))
    if getattr(type(value), "__repr__", None) is object.__repr__:
        return _ADDRESS.sub("", f"{type_name(value)}({_attributes(value)})"), True
    return _ADDRESS.sub("", text), True


def brief(value: Any, plain: Any) -> Any:
    """Return what to record of an argument: what is too long to be a choice is data, and only described.

    Parameters
    ----------
    value
        The argument.
    plain
        Returns it as JSON.

    Examples
    --------
    >>> brief([1, 2], list), brief(list(range(5000)), list), brief("x" * 2000, str)
    ([1, 2], 'list of 5,000', 'str of 2,000 (sha256:5c0e0ea42157)')
    """
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"str of {len(value):,} ({_digest(value.encode('utf-8', 'surrogatepass'))})"
    if not isinstance(value, list | tuple | dict | set | frozenset):
        return plain(value)
    if len(value) <= MOST_ELEMENTS:
        said = plain(value)
        if len(str(said)) <= _LONGEST:
            return said
    return f"{type_name(value)} of {len(value):,}"


def _shaped(value: Any, shape: tuple[Any, ...]) -> tuple[Any, bool]:
    columns = getattr(value, "columns", None)
    if columns is None:
        columns = getattr(value, "column_names", None)  # Arrow's
    if columns is not None:
        names = [str(name) for name in list(columns)]
        more = [f"… {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
        return f"{type_name(value)} {_by(shape)}: {', '.join([*names[:_MOST_NAMES], *more])}", True
    count = 1
    for length in shape:
        count *= int(length)
    if count <= MOST_ELEMENTS and callable(getattr(value, "tolist", None)):
        return value.tolist(), False
    return " ".join(filter(None, (type_name(value), str(getattr(value, "dtype", "")), _by(shape)))), True


def _by(shape: tuple[Any, ...]) -> str:
    return " × ".join(f"{int(length):,}" for length in shape)


def _function(name: str, code: Any) -> tuple[str, bool]:
    """Return the name of a function; of one that no module has under it, a digest of its code too."""
    if not name.startswith("__main__.") and "<" not in name:
        return name, False
    return (f"{name} ({_digest(_code(code).encode())})" if isinstance(code, CodeType) else name), True


def _code(code: CodeType) -> str:
    """Return what a function does, without where it stands."""
    constants = [_code(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, constants))


def _attributes(value: Any) -> str:
    known = getattr(value, "__dict__", {})
    said = [
        f"{name}={one!r}" if isinstance(one, str | bool | int | float | None) else f"{name}={type_name(one)}"
        for name, one in list(known.items())[:_MOST_NAMES]
    ]
    return ", ".join([*said, "…"] if len(known) > _MOST_NAMES else said)


def _digest(data: bytes | bytearray) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()[:12]}"
