"""What the registry says when no format fits: what would, and how to add one."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from typing import Any

from jsk_saver.errors import UnknownFormat
from jsk_saver.formats.base import Format, file_name
from jsk_saver.formats.detours import detours
from jsk_saver.formats.naming import article, remedy, type_name
from jsk_saver.formats.translate import SHOWN, listed

#: Formats whose files hold plain data, and for which advice on other data helps.
_PLAIN = frozenset({"json", "jsonl", "yaml", "toml"})


def suffixes(name: str) -> list[str]:
    """Return the extensions of a file name, the longest first.

    Examples
    --------
    >>> suffixes("data/logs.2024.TAR.gz"), suffixes(".bashrc"), suffixes("model")
    (['.2024.tar.gz', '.tar.gz', '.gz'], [], [])
    """
    parts = file_name(name).lstrip(".").lower().split(".")[1:]
    if not parts or not parts[-1]:
        return []
    return ["." + ".".join(parts[start:]) for start in range(len(parts))]


def accepts(format: Format, obj: Any) -> bool:  # noqa: A002 - the word of the field
    """Tell whether a format takes ``obj``; one that fails to say is left out, with a warning."""
    try:
        return bool(format.accepts(obj))
    except Exception as error:
        warnings.warn(
            f"The format {format.name!r} was left out: asked whether it takes "
            f"{article(type_name(obj))}, it raised {type(error).__name__}: {error}.",
            stacklevel=3,
        )
        return False


def nothing_fits(name: str, obj: Any, formats: list[str], fits: list[str]) -> UnknownFormat:
    """Return the error for an object that cannot be saved under a name.

    Parameters
    ----------
    name, obj
        What was asked for.
    formats
        The formats of the name's extension, none of which takes the object.
    fits
        The extensions that would do.
    """
    extensions = suffixes(name)
    if formats:
        what = f"No format for {extensions[-1]} takes {article(type_name(obj))}."
    elif extensions:
        what = f"{extensions[-1]} is not an extension that is known here, in {name!r}."
    else:
        what = f"The name {name!r} has no extension, which would choose the format."
    if _PLAIN & set(formats):
        what += f" {remedy(obj)}."
    new = (extensions[-1] if extensions and not formats else ".myformat")[1:]
    # An extension that is known needs no further format, where another way leads to one that is there.
    more = [] if formats and (fits or detours(name, obj)) else [register_hint(new, type(obj).__name__)]
    return UnknownFormat(what, hint=offer(obj, name, fits, more))


def offer(obj: Any, name: str, fits: list[str], more: Iterable[str] = ()) -> str:
    """Return the calls that would work, one a line, and all the extensions that would do."""
    lines = detours(name, obj)
    if fits:
        extensions = suffixes(name)
        stem = name[: -len(extensions[-1])] if extensions else name
        said = f"{article(type_name(obj))} can be saved as {listed(fits[:SHOWN])}"
        lines.append(f'saver.put("{stem}{fits[0]}", …)    # {said}')
    return "\n        or ".join([*lines, *more])


def unknown_wish(wish: str, names: list[str]) -> UnknownFormat:
    """Return the error for a ``format=`` that there is none of."""
    close = difflib.get_close_matches(wish.lower().lstrip("."), names, 1, 0.5)
    known = f"format= is one of {', '.join(sorted(names))}."
    return UnknownFormat(
        f"The format {wish!r} is not known here.",
        kept="Every version saved before.",
        hint=f'format="{close[0]}"?  {known}' if close else known,
    )


def register_hint(name: str, kind: str) -> str:
    """Return the call that adds a format."""
    return (
        f'saver.formats.register("{name}", extensions=(".{name}",), types=({kind},), '
        "encode=write, decode=read)"
    )
