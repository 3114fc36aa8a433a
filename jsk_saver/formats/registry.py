"""The registry: which format holds which object under which name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from jsk_saver.errors import CannotRepresent, SettingsError, UnknownFormat
from jsk_saver.formats import translate
from jsk_saver.formats.advice import accepts, nothing_fits, offer, register_hint, suffixes, unknown_wish
from jsk_saver.formats.base import Encoded, Format, Reading
from jsk_saver.formats.builtin import BUILTINS
from jsk_saver.formats.custom import Decode, Encode, Types, custom_format
from jsk_saver.formats.naming import article, type_name
from jsk_saver.formats.plugins import load_plugins
from jsk_saver.payload import Payload

_BYTES = (bytes, bytearray, memoryview)


@dataclass(slots=True)
class _Entry:
    """A format, or where it is to be found."""

    name: str
    extensions: tuple[str, ...]
    path: str = ""
    runs_code: bool = False
    format: Format | None = None
    #: The package whose plug-in brought it; empty for the kit's own and the caller's.
    plugin: str = ""


class Formats:
    """Every format there is: the kit's, those of plug-ins, and your own.

    Iterating gives the formats; ``len`` counts them.

    Examples
    --------
    >>> formats = Formats()
    >>> formats.choose("settings.json", {"k": 5}).name
    'json'
    >>> formats.register(
    ...     "shout",
    ...     extensions=".shout",
    ...     types=str,
    ...     encode=lambda text, file: file.write(text.upper().encode()),
    ...     decode=lambda file: file.read().decode(),
    ... ).name
    'shout'
    >>> formats.choose("hello.shout", "hello").name
    'shout'
    """

    def __init__(self) -> None:
        self._entries = [_Entry(each.name, each.extensions, each.path, each.runs_code) for each in BUILTINS]
        self._trusted: set[str] = set()
        #: What is wrong with plug-ins that could not be used, by package.
        self.broken: dict[str, str] = {}
        self._lock = threading.RLock()
        self._looked = self._looking = False
        self._plugin = ""

    # Adding -----------------------------------------------------------------------------------------

    def register(
        self,
        format: Format | str,  # noqa: A002 - the word of the field
        *,
        extensions: tuple[str, ...] | str = (),
        types: Types = (),
        encode: Encode | None = None,
        decode: Decode | None = None,
        runs_code: bool = False,
    ) -> Format:
        """Add a format; it comes before all that were there.

        Parameters
        ----------
        format
            A :class:`~jsk_saver.formats.base.Format`, or the name of a new one made of the rest.
        extensions
            Such as ``(".geojson",)``.
        types
            What it takes: classes, names of classes (``"geopandas.GeoDataFrame"``), or a function that
            is asked about an object.
        encode
            ``encode(obj, file)`` writes to a binary file.
        decode
            ``decode(file)`` reads from one, and returns an object equal to what was put.
        runs_code
            Whether loading may run code from the file (pickle and its kin), so that ``get`` asks for
            ``allow_pickle=True``.

        Returns
        -------
        Format
            The format, as registered.

        Raises
        ------
        SettingsError
            If it is not a format.
        """
        self._look_for_plugins()
        if isinstance(format, str):
            if encode is None or decode is None:
                raise SettingsError(
                    f"The format {format!r} needs encode= and decode=.",
                    hint=register_hint(format, "MyType"),
                )
            format = custom_format(  # noqa: A001
                format, extensions=extensions, types=types, encode=encode, decode=decode, runs_code=runs_code
            )
        if not isinstance(format, Format):
            raise SettingsError(
                f"{format!r} is not a Format.",
                hint="Give an instance of a Format, or a name with encode= and decode=.",
            )
        dotted = tuple(extension.lower() for extension in format.extensions)
        self._entries.append(_Entry(format.name, dotted, "", format.runs_code, format, self._plugin))
        return format

    def trust(self, *types: str | type) -> None:
        """Let ``.skops`` files bring back these types too, for as long as this saver lives.

        Parameters
        ----------
        types
            Classes or functions you have reviewed, or their full names: ``"my.module.MyTransformer"``.
        """
        for each in types:
            name = each if isinstance(each, str) else f"{each.__module__}.{each.__qualname__}"
            if name.count(".") < 1:
                raise SettingsError(f"{name!r} is not a full name.", hint='trust("my.module.MyTransformer")')
            if "<" in name:
                raise SettingsError(
                    f"{name!r} has no name by which it could be found again.",
                    hint="Write it as a function (or class) at the top level of a module, and trust that.",
                )
            self._trusted.add(name)

    @property
    def trusted(self) -> frozenset[str]:
        """What :meth:`trust` was told, beside the kit's own reviewed list."""
        return frozenset(self._trusted)

    # Choosing ---------------------------------------------------------------------------------------

    def choose(self, name: str, obj: Any, format: str | Format | None = None) -> Format:  # noqa: A002
        """Return the format that saves ``obj`` under ``name``.

        A ``format`` that is named wins; a :class:`pathlib.Path` is the file or folder it leads to; then
        the extension decides among the formats that take the object, the longest extension and the last
        registered first; bytes are kept as they are under any name.

        Raises
        ------
        UnknownFormat
            If nothing fits, with what would.
        CannotRepresent
            If a path leads nowhere.
        """
        if format is not None:
            return self._named(name, format, obj)
        if isinstance(obj, Path):
            return self._of_path(obj)
        for entry in self._entries_for(name):
            found = self._load(entry)
            if accepts(found, obj):
                return found
        if isinstance(obj, _BYTES):
            return self.by_name("bytes")
        raise nothing_fits(name, obj, [entry.name for entry in self._entries_for(name)], self.fits(obj))

    def by_name(self, name: str, plugin: str = "") -> Format:
        """Return the format of this name, as a record keeps it.

        Parameters
        ----------
        name
            Such as ``csv``.
        plugin
            The package that brought it when the version was saved (``plugin`` in the record's facts).

        Raises
        ------
        UnknownFormat
            If it is not registered here, with what is missing.
        """
        self._look_for_plugins()
        for entry in reversed(self._entries):
            if entry.name == name:
                return self._load(entry)
        if plugin in self.broken:
            why = f" Its plug-in {plugin!r} does not work: {self.broken[plugin]}."
        else:
            why = f" It comes with the package {plugin!r}." if plugin else ""
        raise UnknownFormat(
            f"The format {name!r} is not known here.{why}",
            kept="The version, as it is.",
            hint=f"pip install --upgrade {plugin}" if plugin else register_hint(name, "MyType"),
        )

    def for_extension(self, name: str) -> Format:
        """Return the format that reads a file which the kit did not write; raw bytes if none is known."""
        return next((self._load(entry) for entry in self._entries_for(name)), None) or self.by_name("bytes")

    def fits(self, obj: Any) -> list[str]:
        """Return the extensions under which ``obj`` can be saved here and now, the best ones first."""
        self._look_for_plugins()
        missing = self.missing()
        own = [entry for entry in reversed(self._entries) if entry.format is not None and not entry.path]
        kit = [entry for entry in self._entries if entry not in own and entry.name not in missing]
        if isinstance(obj, str):
            kit.sort(key=lambda entry: entry.name != "txt")  # text is text before it is anything else
        found = [
            entry.extensions[0] for entry in own + kit if entry.extensions and self._would_take(entry, obj)
        ]
        return list(dict.fromkeys(found))

    # Using ------------------------------------------------------------------------------------------

    def encode(self, format: Format, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: A002
        """Write ``obj`` with ``format``; see :func:`jsk_saver.formats.translate.encode`."""
        encoded = translate.encode(format, obj, payload, name, self.fits)
        plugin = next((entry.plugin for entry in self._entries if entry.format is format), "")
        return replace(encoded, facts={**encoded.facts, "plugin": plugin}) if plugin else encoded

    def decode(self, format: Format, payload: Payload, reading: Reading, allow_pickle: bool = False) -> Any:  # noqa: A002
        """Read an object with ``format``; see :func:`jsk_saver.formats.translate.decode`."""
        return translate.decode(format, payload, reading, allow_pickle=allow_pickle)

    def extract(self, payload: Payload, target: Path, limit: int | None = None) -> None:
        """Unpack a folder to ``target``; see :func:`jsk_saver.formats.folders.extract`."""
        from jsk_saver.formats.folders import extract

        extract(payload, target, limit)

    # Looking ----------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Format]:
        return (self.by_name(name) for name in self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def names(self) -> list[str]:
        """Return the names of all formats."""
        self._look_for_plugins()
        return list(dict.fromkeys(entry.name for entry in self._entries))

    def extensions(self) -> dict[str, list[str]]:
        """Return every known extension with its formats, the one that is tried first first."""
        self._look_for_plugins()
        known: dict[str, list[str]] = {}
        for entry in reversed(self._entries):
            for extension in entry.extensions:
                if entry.name not in known.setdefault(extension, []):
                    known[extension].append(entry.name)
        return dict(sorted(known.items()))

    def missing(self) -> dict[str, list[str]]:
        """Return the formats that cannot be used here, with the packages they need."""
        return {
            each.name: lacking
            for each in BUILTINS
            if (lacking := [package for package in each.needs if not translate.is_installed(package)])
        }

    def __repr__(self) -> str:
        lines = [f"{len(self)} formats, and yours with saver.formats.register(...):"]
        for name in self.names():
            entry = next(entry for entry in reversed(self._entries) if entry.name == name)
            note = "  loads with allow_pickle=True only" if entry.runs_code else ""
            lines.append(f"  {name:<12} {' '.join(entry.extensions) or 'a Path'}{note}")
        return "\n".join(lines)

    # Inside -----------------------------------------------------------------------------------------

    def _look_for_plugins(self) -> None:
        if self._looked:
            return
        with self._lock:
            # Plug-ins register through this very object while they are being looked for.
            if not self._looked and not self._looking:
                self._looking = True
                self.broken = load_plugins(self._from_plugin)
                self._looked = True

    @contextmanager
    def _from_plugin(self, package: str) -> Iterator[Formats]:
        """Note, for the record, which package brings what is registered in this block."""
        self._plugin = package
        try:
            yield self
        finally:
            self._plugin = ""

    def _entries_for(self, name: str) -> Iterator[_Entry]:
        """Yield what is registered for the extensions of a name: the longest, then the latest first."""
        self._look_for_plugins()
        for extension in suffixes(name):
            for entry in reversed(self._entries):
                if extension in entry.extensions:
                    yield entry

    def _load(self, entry: _Entry) -> Format:
        if entry.format is None:
            module, _, kind = entry.path.partition(":")
            cls = getattr(import_module(f"jsk_saver.formats.{module}"), kind)
            entry.format = cls(self._trusted) if entry.name == "skops" else cls()
        return entry.format

    def _would_take(self, entry: _Entry, obj: Any) -> bool:
        return accepts(self._load(entry), obj)

    def _named(self, name: str, format: str | Format, obj: Any) -> Format:  # noqa: A002
        if isinstance(format, str) and format not in self:
            raise unknown_wish(format, self.names())
        chosen = self.by_name(format) if isinstance(format, str) else format
        if chosen.name == "zip" and isinstance(obj, Path) and obj.is_dir():
            return self.by_name("folder")  # which is a zip, too
        if not accepts(chosen, obj):
            raise UnknownFormat(
                f"The format {chosen.name!r} does not hold {article(type_name(obj))}.",
                hint=offer(obj, name, self.fits(obj)),
            )
        return chosen

    def _of_path(self, path: Path) -> Format:
        if path.is_dir():
            return self.by_name("folder")
        if path.is_file():
            return self.by_name("file")
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise CannotRepresent(f"{str(path)!r} {what}.", hint="Check the path; a link must lead somewhere.")
