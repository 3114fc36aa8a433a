"""What goes wrong inside of a format, said in the kit's words."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jsk_saver.errors import CannotRepresent, JskError, MissingExtra, UntrustedObject
from jsk_saver.formats.base import Encoded, Format, Reading
from jsk_saver.formats.builtin import EXTRAS, PACKAGES
from jsk_saver.formats.naming import article, type_name
from jsk_saver.payload import Payload

#: Extensions offered in one message.
SHOWN = 8


def encode(
    format: Format,  # noqa: A002 - the word of the field
    obj: Any,
    payload: Payload,
    name: str,
    fits: Callable[[Any], list[str]],
) -> Encoded:
    """Return what ``format.encode`` says, or a clear error.

    Raises
    ------
    CannotRepresent
        If the format fails on the object, with the formats that ``fits`` it.
    MissingExtra
        If a package is missing.
    """
    try:
        with _imports(f"Saving {_kind(name, format)}"):
            return format.encode(obj, payload, name)
    except (JskError, MemoryError):
        raise
    except OSError as error:
        raise JskError(
            f"Saving {name!r} as {format.name} failed: {error.strerror or error}.",
            kept="Every version saved before.",
        ) from error
    except Exception as error:
        others = [extension for extension in fits(obj) if extension not in format.extensions]
        raise CannotRepresent(
            f"This {type_name(obj)} cannot be saved as {format.name}: {_cause(error)}.",
            hint=f"Try {listed(others[:SHOWN])}." if others else "",
        ) from error


def decode(format: Format, payload: Payload, reading: Reading, *, allow_pickle: bool = False) -> Any:  # noqa: A002
    """Return what ``format.decode`` returns, or a clear error.

    Raises
    ------
    UntrustedObject
        If loading would run code from the file and ``allow_pickle`` was not given.
    JskError
        If the bytes are not what the format expects.
    """
    if format.runs_code and not allow_pickle:
        raise UntrustedObject(
            f"{reading.name!r} is {article(format.name)} file, and loading a pickle runs whatever code its "
            "author put in it: it could read your files, use your credentials or change the data.",
            kept="The version, as it is; nothing was loaded.",
            hint=f'saver.get("{reading.name}", allow_pickle=True)    # only if you trust whoever made it',
        )
    if not format.tabular and (reading.columns is not None or reading.as_ is not None):
        raise JskError(
            f"{reading.name!r} is {format.name}, not a table: columns= and as_= mean nothing for it.",
            hint=f'saver.get("{reading.name}")',
        )
    try:
        with _imports(f"Reading {_kind(reading.name, format)}"):
            return format.decode(payload, reading)
    except (JskError, MemoryError):
        raise
    except Exception as error:
        raise JskError(
            f"{reading.name!r} cannot be read as {format.name}: {_cause(error)}.",
            kept="The version, as it is.",
            hint=_reading_hint(error, reading.name),
        ) from error


def listed(extensions: list[str]) -> str:
    """Return extensions as a person would say them.

    Examples
    --------
    >>> listed([".csv", ".json", ".pkl"])
    '.csv, .json or .pkl'
    """
    return " or ".join(filter(None, [", ".join(extensions[:-1]), *extensions[-1:]]))


@contextmanager
def _imports(doing: str) -> Iterator[None]:
    """Turn a missing package into the command that installs it."""
    try:
        yield
    except JskError:
        raise
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if not package or is_installed(package):
            raise
        called = PACKAGES.get(package, package)
        if package in EXTRAS:
            raise MissingExtra(
                f"{doing} needs {called}, which is not installed.", hint=pip_install(package)
            ) from error
        raise MissingExtra(
            f"{doing} needs the module {error.name!r}, which cannot be imported here.",
            hint=f"pip install {called}    # or put the folder with {package}.py on sys.path",
        ) from error


def pip_install(package: str) -> str:
    """Return the command that installs a package; empty where it is installed."""
    if is_installed(package):
        return ""
    called, extra = PACKAGES.get(package, package), EXTRAS.get(package)
    return f"pip install 'jsk-saver[{extra}]'" if extra else f"pip install {called}"


def is_installed(package: str) -> bool:
    """Tell whether a top-level package can be imported, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _kind(name: str, format: Format) -> str:  # noqa: A002
    return format.extensions[0] if format.extensions else repr(name)


def _cause(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    text = text if len(text) <= 300 else text[:299] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _reading_hint(error: BaseException, name: str) -> str:
    if isinstance(error, AttributeError) and "Can't get attribute" in str(error):
        return "Define that class or function here first, or import the module that does; then get it again."
    return f'saver.get("{name}", as_="bytes")    # the bytes as they are'
