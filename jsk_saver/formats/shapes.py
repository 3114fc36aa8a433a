"""What JSON cannot say about a value: which lists were tuples, which numbers were NumPy's, which text a date.

A *shape* is the small remainder that has to be kept beside plain JSON so that the value comes back with
the very same types: ``None`` where JSON says it all, the name of a leaf (``"numpy.float64"``), or the
shapes of the children that have one. Equal children share one shape, so that a list of a thousand NumPy
numbers costs a few bytes.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.naming import article, remedy, shown, type_name

Shape = str | dict[str, Any] | None

#: Levels of nesting; beyond it, reading would run into the interpreter's own limit.
MAX_DEPTH = 200
#: Characters of JSON a shape may take; it travels in the record, not in the file.
MAX_SHAPE = 100_000

_NUMBERS: tuple[type, ...] = (int, bool, type(None))
#: What YAML has a word for, as a value or as a key, and JSON has not.
_YAML = frozenset({set, bytes, int, float, bool, type(None), dt.date, dt.datetime})
_DATES: dict[type, str] = {dt.date: "date", dt.datetime: "datetime", dt.time: "time"}


class Walk:
    """Looks at every part of a value once, and says what JSON would lose.

    Parameters
    ----------
    medium
        What is being written, for messages: ``"JSON"``.
    native
        Types beside text, numbers, booleans, None, lists and dictionaries that the medium holds itself.
    keys
        Types of keys that it holds.
    finite
        Whether NaN and infinity are refused.
    leaf
        Asked about every type that is not known here; returns its name in the shape, an empty name to
        take it as it is written, or None to refuse it.
    """

    def __init__(
        self,
        medium: str,
        *,
        native: Iterable[type] = (),
        keys: Iterable[type] = (str,),
        finite: bool = True,
        leaf: Callable[[Any], str | None] | None = None,
    ) -> None:
        self.medium = medium
        self.native = frozenset(native)
        self.keys = frozenset(keys)
        self.finite = finite
        self.leaf = leaf
        #: How many values were seen.
        self.count = 0
        self._above: set[int] = set()

    def shape(self, value: Any, where: str = "$") -> Shape:
        """Return the shape of ``value``.

        Raises
        ------
        CannotRepresent
            Naming the place of the first part that would not come back the same.
        """
        self.count += 1
        kind = type(value)
        if kind is str or kind in _NUMBERS:
            return None
        if kind is float:
            self._float(value, where)
            return None
        if kind is dict:
            return self._below(value, where, self._dict)
        if kind in (list, tuple):
            return self._below(value, where, self._sequence)
        if kind in self.native and _is_whole(value):
            return None
        name = leaf_name(value) or (self.leaf(value) if self.leaf else None)
        if name is None:
            raise self._refused(value, where)
        if name.startswith("numpy.float"):
            self._float(float(value), where)
        return name or None

    def _float(self, value: float, where: str) -> None:
        if self.finite and not math.isfinite(value):
            raise CannotRepresent(
                f"{where} is {value!r}, which {self.medium} cannot hold.",
                hint="Use None for a missing number, or save it as .yaml, .npy or .pkl.",
            )

    def _below(self, value: Any, where: str, look: Callable[[Any, str], Shape]) -> Shape:
        if id(value) in self._above:
            raise CannotRepresent(
                f"{where} contains itself, which {self.medium} cannot hold.", hint="Save it as .pkl."
            )
        if len(self._above) >= MAX_DEPTH:
            raise CannotRepresent(
                f"The object is nested deeper than {MAX_DEPTH} levels at {where[:60]}…",
                hint="Save it as .pkl.",
            )
        self._above.add(id(value))
        try:
            return look(value, where)
        finally:
            self._above.discard(id(value))

    def _dict(self, value: dict[Any, Any], where: str) -> Shape:
        for key in value:
            if type(key) not in self.keys:
                raise CannotRepresent(
                    f"The key {key!r} in {where} is {article(type_name(key))}; "
                    f"{self.medium} would not bring it back.",
                    hint=f'Write it as "{key}", or save the object as {self._instead(key)}.',
                )
        return _merged(
            "dict", {_label(key): self.shape(item, place(where, key)) for key, item in value.items()}
        )

    def _sequence(self, value: list[Any] | tuple[Any, ...], where: str) -> Shape:
        kinds = set(map(type, value))
        if self._is_plain(value, kinds):
            self.count += len(value)
            return "tuple" if type(value) is tuple else None
        shapes = {str(at): self.shape(item, f"{where}[{at}]") for at, item in enumerate(value)}
        return _merged(type(value).__name__, shapes)

    def _is_plain(self, value: Iterable[Any], kinds: set[type]) -> bool:
        """Tell, many times faster than item by item, that there is nothing to say about any item."""
        if not kinds <= {str, float, *_NUMBERS}:
            return False
        if float not in kinds or not self.finite:
            return True
        return all(math.isfinite(item) for item in value if type(item) is float)

    def _refused(self, value: Any, where: str) -> CannotRepresent:
        return CannotRepresent(
            f"{where} is {article(type_name(value))} ({shown(value)}), "
            f"which {self.medium} would not bring back.",
            hint=f"{remedy(value)}, or save the object as {self._instead(value)}.",
        )

    def _instead(self, value: Any) -> str:
        """Return the formats that hold what this one does not."""
        return ".yaml or .pkl" if self.medium != "YAML" and type(value) in _YAML else ".pkl"


def leaf_name(value: Any) -> str | None:
    """Return the name by which :func:`restore` knows the type of a leaf; None if it does not.

    NumPy scalars of up to 64 bits, dates, times, and datetimes that are naive or at a fixed offset.
    """
    if type(value) in _DATES:
        return _DATES[type(value)] if _is_whole(value) else None
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic) or value.dtype.kind not in "biufU":
        return None
    name = "str_" if value.dtype.kind == "U" else value.dtype.name.replace("bool", "bool_")
    exact = type(value) is getattr(numpy, name, None) and (name == "str_" or value.dtype.itemsize <= 8)
    return f"numpy.{name}" if exact else None


def _is_whole(moment: Any) -> bool:
    """Tell whether ISO 8601 says all about a date or time: it knows no zone names and no second 2:30."""
    zone = getattr(moment, "tzinfo", None)
    if getattr(moment, "fold", 0):
        return False
    return zone is None or (type(zone) is dt.timezone and str(zone) == str(dt.timezone(zone.utcoffset(None))))


def plain(value: Any, native: Collection[type] = ()) -> Any:
    """Return a copy of ``value`` without tuples and leaves: what has a shape is plain JSON, or native."""
    kind = type(value)
    if kind is dict:
        return {key: plain(item, native) for key, item in value.items()}
    if kind in (list, tuple):
        return [plain(item, native) for item in value]
    return plain_leaf(value) if kind not in native and leaf_name(value) else value


def plain_leaf(value: Any) -> Any:
    """Return a leaf that :func:`leaf_name` knows as text or number; for ``json.dumps(default=…)``."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if leaf_name(value):
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def restore(value: Any, shape: Shape, leaf: Callable[[str, Any], Any] | None = None) -> Any:
    """Return what had this ``shape`` from its plain ``value``; lists and dictionaries change in place.

    Examples
    --------
    >>> value = {"size": (3, 4), "when": dt.date(2024, 5, 1)}
    >>> shape = Walk("JSON").shape(value)
    >>> shape
    {'of': 'dict', 'at': {'size': 'tuple', 'when': 'date'}}
    >>> restore(plain(value), shape) == value
    True
    """
    if shape is None:
        return value
    if isinstance(shape, str):
        return _restore_leaf(value, shape, leaf)
    keys: Iterable[Any] = value if isinstance(value, dict) else range(len(value))
    label = _label if isinstance(value, dict) else str
    if "all" in shape:
        pairs = [(key, shape["all"]) for key in keys]
    else:
        pairs = [(key, shape["at"][label(key)]) for key in keys if label(key) in shape["at"]]
    for key, child in pairs:
        value[key] = restore(value[key], child, leaf)
    return tuple(value) if shape["of"] == "tuple" else value


def _restore_leaf(value: Any, name: str, leaf: Callable[[str, Any], Any] | None) -> Any:
    if name == "tuple":
        return tuple(value)
    for kind, date in _DATES.items():
        if name == date:
            return kind.fromisoformat(value)  # type: ignore[attr-defined]
    if name.startswith("numpy."):
        import numpy

        return getattr(numpy, name.removeprefix("numpy."))(value)
    assert leaf is not None, name
    return leaf(name, value)


def difference(one: Any, two: Any, where: str = "$") -> str:
    """Return the place where two values differ in type or content; empty where they are the same."""
    if type(one) is not type(two):
        return where
    if isinstance(one, dict):
        if list(map(type, one)) != list(map(type, two)) or one.keys() != two.keys():
            return where
        return next(
            filter(None, (difference(item, two[key], place(where, key)) for key, item in one.items())), ""
        )
    if isinstance(one, list):
        if len(one) != len(two):
            return where
        pairs = enumerate(zip(one, two, strict=True))
        return next(filter(None, (difference(a, b, f"{where}[{at}]") for at, (a, b) in pairs)), "")
    if isinstance(one, float):
        same = repr(one) == repr(two)
    elif isinstance(one, dt.datetime):
        same = one.isoformat() == two.isoformat()
    else:
        same = bool(one == two)
    return "" if same else where


def bad_text(value: Any, where: str = "$") -> str:
    """Return the place of the first text that is not valid Unicode; empty if there is none."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return where
        return ""
    if isinstance(value, Mapping):
        keys = (bad_text(key, f"the keys of {where}") for key in value)
        items = (bad_text(item, place(where, key)) for key, item in value.items())
        return next(filter(None, keys), "") or next(filter(None, items), "")
    if isinstance(value, list | tuple):
        return next(filter(None, (bad_text(item, f"{where}[{at}]") for at, item in enumerate(value))), "")
    return ""


def place(where: str, key: Any) -> str:
    """Return the place of ``key`` below ``where``: ``$.a``, ``$['two words']``."""
    return f"{where}.{key}" if isinstance(key, str) and key.isidentifier() else f"{where}[{key!r}]"


def _label(key: Any) -> str:
    """Return a key as the text by which a shape knows it, a different one for every key."""
    if isinstance(key, str):
        return "\0" + key if key.startswith("\0") else key
    return f"\0{key!r}"


def _merged(of: str, shapes: dict[str, Shape]) -> Shape:
    """Return one shape for a container from those of its children."""
    special = {key: shape for key, shape in shapes.items() if shape is not None}
    if not special:
        return "tuple" if of == "tuple" else None
    first = next(iter(special.values()))
    if len(special) == len(shapes) > 1 and all(shape == first for shape in special.values()):
        return {"of": of, "all": first}
    return {"of": of, "at": special}
