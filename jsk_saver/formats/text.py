"""Text and plain data: txt, md, json, jsonl, yaml and toml.

What comes back is what was put, type included. JSON, YAML and TOML know no tuples and no NumPy numbers,
JSON no dates either: where these stand is kept in the record (:mod:`jsk_saver.formats.shapes`), and the
file stays plain JSON, YAML or TOML that any other tool reads. Everything else that would come back as
something different (sets, enums, dataclasses, subclasses of dict, keys that are not text) is refused.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.formats import records
from jsk_saver.formats.base import Encoded, Format, Reading
from jsk_saver.formats.naming import article, type_name
from jsk_saver.formats.shapes import (
    MAX_SHAPE,
    Shape,
    Walk,
    bad_text,
    difference,
    leaf_name,
    place,
    plain,
    plain_leaf,
    restore,
)
from jsk_saver.formats.streams import opened, write_lines
from jsk_saver.payload import Payload
from jsk_saver.record import JSON

#: Values in a JSON file up to which it is written for people, indented.
INDENTED = 10_000
#: Items of a large list or dictionary that become text at a time.
_SOME = 5_000

_PLAIN = (dict, list, tuple, str, int, float, bool, type(None))


def exact_text(obj: Any, name: str) -> str:
    """Return ``obj`` if it is text that comes back as itself, and refuse subclasses of text."""
    if type(obj) is not str:
        raise CannotRepresent(
            f"The object is {article(type_name(obj))} and would come back as plain text (str).",
            hint=f'saver.put("{name}", str(obj)), or save it as .pkl.',
        )
    return obj


def utf8(text: str, obj: Any = None) -> bytes:
    """Return ``text`` as bytes; where it is not valid Unicode, the error names the place in ``obj``."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _not_unicode(error, obj) from error


def _not_unicode(error: UnicodeEncodeError, obj: Any) -> CannotRepresent:
    where = f"at {bad_text(obj)}" if bad_text(obj) else f"(character {error.start:,})"
    return CannotRepresent(
        f"The text {where} is not valid Unicode: it holds a lone surrogate, {error.object[error.start]!r}.",
        hint='text.encode("utf-8", "replace").decode(), or save it as .pkl.',
    )


class Text(Format):
    """Text, with every character kept: line ends, byte order mark and all."""

    name = "txt"
    extensions: ClassVar[tuple[str, ...]] = (".txt",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is text."""
        return isinstance(obj, str)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write ``obj`` as UTF-8."""
        payload.write(utf8(exact_text(obj, name)))
        return Encoded("str", facts={"characters": len(obj), "lines": len(obj.splitlines())})

    def decode(self, payload: Payload, reading: Reading) -> str:
        """Return the text; a foreign file loses its byte order mark."""
        return payload.getvalue().decode("utf-8" if reading.type else "utf-8-sig")


class Markdown(Text):
    """Markdown, kept as the text it is."""

    name = "md"
    extensions: ClassVar[tuple[str, ...]] = (".md", ".markdown")


class Json(Format):
    """JSON values, and tables as a list of one object a row."""

    name = "json"
    extensions = (".json",)
    tabular = True

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is plain data or a table."""
        return isinstance(obj, _PLAIN) or records.is_table(obj) or leaf_name(obj) is not None

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write ``obj`` as UTF-8, indented unless it is large."""
        if records.is_table(obj):
            return records.write_table(obj, payload, name, array=True)
        walk = Walk("JSON")
        state = _state(walk.shape(obj))
        if walk.count <= INDENTED:
            payload.write(utf8(_dump(obj, indent=2) + "\n", obj))
        else:
            for block in _blocks(obj):
                payload.write(utf8(block, obj))
        return Encoded(type_name(obj), state, _facts(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the value, or the table."""
        value = json.loads(payload.getvalue())
        if records.was_table(reading):
            return records.to_table(value, reading)
        if isinstance(value, list) and records.wanted(reading):
            return records.foreign_table(value, reading)
        return restore(_whole(value, reading), reading.state.get("shape"))


class JsonLines(Format):
    """A list of JSON values, or a table, one a line; written and read line by line."""

    name = "jsonl"
    extensions = (".jsonl", ".ndjson")
    tabular = True

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a list or a table."""
        return isinstance(obj, list | tuple) or records.is_table(obj)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write one item or row a line."""
        if records.is_table(obj):
            return records.write_table(obj, payload, name, array=False)
        walk = Walk("JSON")
        state = _state(walk.shape(obj))
        write_lines(payload, (utf8(_dump(item), obj) for item in obj))
        return Encoded(type_name(obj), state, _facts(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the list, or the table; empty lines of foreign files are skipped."""
        with opened(payload) as file:
            items = (json.loads(line) for line in file if line.strip())
            if records.was_table(reading):
                return records.to_table(items, reading)
            if records.wanted(reading):
                return records.foreign_table(items, reading)
            return restore(list(items), reading.state.get("shape"))


class Yaml(Format):
    """Plain data as YAML, which also holds dates, bytes, sets, NaN and keys that are not text."""

    name = "yaml"
    extensions = (".yaml", ".yml")
    #: What YAML's safe types hold beside JSON's.
    native: ClassVar[frozenset[type]] = frozenset({dt.date, dt.datetime, bytes, set})

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is plain data."""
        return isinstance(obj, (*_PLAIN, dt.date, set)) or leaf_name(obj) is not None

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write ``obj`` as block-style YAML, and read it back once to be sure."""
        keys = (str, int, float, bool, type(None), dt.date, dt.datetime)
        state = _state(Walk("YAML", native=self.native, keys=keys, finite=False).shape(obj))
        value = plain(obj, self.native)
        where = "$"
        for fast in (True, False):
            text = _dump_yaml(value, obj, fast=fast)
            where = difference(value, _load_yaml(text))
            if not where:
                payload.write(text)
                return Encoded(type_name(obj), state, _facts(obj))
        raise CannotRepresent(f"{where} would come back changed from YAML.", hint="Save it as .json or .pkl.")

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the value; only YAML's safe types are ever made."""
        return restore(_load_yaml(payload.getvalue()), reading.state.get("shape"))


class Toml(Format):
    """A dictionary as TOML: settings. Plain values are written before tables, as TOML wants it."""

    name = "toml"
    extensions = (".toml",)
    native: ClassVar[frozenset[type]] = frozenset({dt.date, dt.datetime, dt.time})

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a dictionary."""
        return isinstance(obj, dict)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write ``obj``, and read it back once to be sure."""
        import tomllib

        import tomli_w

        state = _state(Walk("TOML", native=self.native, finite=False).shape(obj))
        value = plain(obj, self.native)
        where = _none_in(value)
        if where:
            raise CannotRepresent(
                f"{where} is None, which TOML cannot hold.",
                hint="Leave the key out, or save it as .yaml or .json.",
            )
        text = utf8(tomli_w.dumps(value), obj)
        where = difference(value, tomllib.loads(text.decode()))
        if where:
            raise CannotRepresent(
                f"{where} would come back changed from TOML.", hint="Save it as .yaml or .pkl."
            )
        payload.write(text)
        return Encoded(type_name(obj), state, _facts(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the dictionary."""
        import tomllib

        value = tomllib.loads(payload.getvalue().decode("utf-8-sig"))
        return restore(value, reading.state.get("shape"))


# Inside ----------------------------------------------------------------------------------------------


def _state(shape: Shape) -> JSON:
    if shape is None:
        return {}
    if len(json.dumps(shape)) > MAX_SHAPE:
        raise CannotRepresent(
            "The object mixes plain values with tuples, dates or NumPy numbers in too many different places "
            f"for the record to keep ({MAX_SHAPE:,} characters).",
            hint="Use lists and .item(), or save it as .pkl.",
        )
    return {"shape": shape}


def _facts(obj: Any) -> JSON:
    return {"items": len(obj)} if isinstance(obj, dict | list | tuple) else {}


def _dump(value: Any, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else None
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, default=plain_leaf, indent=indent, separators=separators
    )


def _blocks(value: Any) -> Iterator[str]:
    """Yield a large value as compact JSON, never much of it at a time."""
    if not isinstance(value, dict | list | tuple):
        yield _dump(value)
        return
    marks = "{}" if isinstance(value, dict) else "[]"
    items = iter(value.items() if isinstance(value, dict) else value)
    before = marks[0]
    while some := list(islice(items, _SOME)):
        yield before + _dump(dict(some) if isinstance(value, dict) else some)[1:-1]
        before = ",\n"
    yield (before if before == marks[0] else "") + marks[1] + "\n"


def _whole(value: Any, reading: Reading) -> Any:
    if records.wanted(reading):
        raise JskError(
            f"{reading.name!r} is not a table, so that columns= and as_= mean nothing for it.",
            hint=f'saver.get("{reading.name}")',
        )
    return value


def _load_yaml(text: bytes) -> Any:
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def _dump_yaml(value: Any, obj: Any, *, fast: bool) -> bytes:
    import yaml

    # libyaml's emitter is ten times faster; the one in Python is right about a few strings more.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper) if fast else yaml.SafeDumper
    try:
        text: str = yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=False, width=100)
    except UnicodeEncodeError as error:
        raise _not_unicode(error, obj) from error
    except yaml.YAMLError as error:
        raise CannotRepresent(f"YAML cannot hold it: {error}.", hint="Save it as .pkl.") from error
    return utf8(text, obj)


def _none_in(value: Any, where: str = "$") -> str:
    """Return the place of the first None; empty if there is none."""
    if value is None:
        return where
    if isinstance(value, dict):
        return next(filter(None, (_none_in(item, place(where, key)) for key, item in value.items())), "")
    if isinstance(value, list):
        return next(filter(None, (_none_in(item, f"{where}[{at}]") for at, item in enumerate(value))), "")
    return ""
