"""The easy way to a format of one's own: two functions instead of a class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, ClassVar

from jsk_saver.errors import SettingsError
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import type_name
from jsk_saver.formats.streams import buffered, opened
from jsk_saver.payload import Payload

#: What a format takes: a class, the name of one (``"geopandas.GeoDataFrame"``), several, or a question.
Types = type | str | Iterable[type | str] | Callable[[Any], bool]
Encode = Callable[[Any, BinaryIO], Any]
Decode = Callable[[BinaryIO], Any]


class _Custom(Format):
    """A format made of two functions; :func:`custom_format` fills in the rest."""

    takes: ClassVar[Callable[[Any], bool]]
    writes: ClassVar[Encode]
    reads: ClassVar[Decode]

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is of the types it was registered for."""
        return bool(type(self).takes(obj))

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Call the writing function with the object and a binary file."""
        with buffered(payload) as file:
            type(self).writes(obj, file)
            if not file.closed:
                file.flush()
        return Encoded(type_name(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Call the reading function with a binary file."""
        with opened(payload) as file:
            return type(self).reads(file)


def custom_format(
    name: str,
    *,
    extensions: Iterable[str],
    types: Types,
    encode: Encode,
    decode: Decode,
    runs_code: bool = False,
) -> Format:
    """Return a format that writes with ``encode(obj, file)`` and reads with ``decode(file)``.

    Raises
    ------
    SettingsError
        If a part is missing or is not what it should be.

    Examples
    --------
    >>> upper = custom_format(
    ...     "upper",
    ...     extensions=[".upper"],
    ...     types=str,
    ...     encode=lambda text, file: file.write(text.upper().encode()),
    ...     decode=lambda file: file.read().decode(),
    ... )
    >>> upper.accepts("text"), upper.accepts(1)
    (True, False)
    """
    extensions = (extensions,) if isinstance(extensions, str) else tuple(extensions)
    if not name or not isinstance(name, str):
        raise SettingsError(f"A format needs a name, not {name!r}.", hint='register("geojson", …)')
    if not extensions or not all(isinstance(each, str) and each.strip(".") for each in extensions):
        raise SettingsError(f"The extensions {extensions!r} are not text.", hint='extensions=(".geojson",)')
    if not callable(encode) or not callable(decode):
        raise SettingsError(
            f"The format {name!r} needs two functions.",
            hint="encode=lambda obj, file: file.write(...), decode=lambda file: ...",
        )
    body = {
        "name": name,
        "extensions": tuple(f".{each.strip('.').lower()}" for each in extensions),
        "runs_code": runs_code,
        "takes": staticmethod(_question(types)),
        "writes": staticmethod(encode),
        "reads": staticmethod(decode),
        "__doc__": getattr(encode, "__doc__", None) or f"Registered as {name!r}.",
    }
    made: Format = type(f"{name.capitalize()}Format", (_Custom,), body)()
    return made


def _question(types: Types) -> Callable[[Any], bool]:
    if isinstance(types, type | str):
        types = (types,)
    if callable(types):
        return types
    kinds = tuple(types)
    classes = tuple(kind for kind in kinds if isinstance(kind, type))
    names = tuple(kind for kind in kinds if isinstance(kind, str))
    if len(classes) + len(names) != len(kinds) or not kinds:
        raise SettingsError(
            f"types={types!r} are neither classes nor names of classes.",
            hint='types=(MyType,), or types="geopandas.GeoDataFrame", or types=lambda obj: ...',
        )
    return lambda obj: isinstance(obj, classes) or (bool(names) and is_a(obj, *names))
