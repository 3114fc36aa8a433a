"""From Arrow slices to one object: what every library's assembler is given, and how it is fed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from jsk_saver.formats.frames.arrow_types import empty, plain_string

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class Wanted:
    """One column to be given back.

    Parameters
    ----------
    name
        Its name in the file.
    kind
        Its Arrow type; a column of a dictionary type may be fed with plain values too.
    note
        What the type does not say, in the words of the library that put it.
    dictionary
        Its categories, where they are known and not simply all values sorted.
    """

    name: str
    kind: pa.DataType
    note: Any = None
    dictionary: pa.Array | None = None


class Assembler(Protocol):
    """Takes the slices of each wanted column in order, and gives the object.

    Columns do not know of each other: threads may feed one each.
    """

    def add_to(self, at: int, column: pa.Array) -> None:
        """Take in the next slice of the column at this place."""

    def finish(self) -> Any:
        """Return the object."""


def plain(array: pa.Array) -> pa.Array:
    """Return an array that any library understands: pandas' periods as times, its intervals as structs."""
    import pyarrow as pa

    if not isinstance(array.type, pa.BaseExtensionType):
        return array
    if array.type.extension_name == "pandas.period":
        times = array.to_pandas().dt.to_timestamp()
        return pa.array(times, plain(empty(array.type)).type if len(array) else None)
    return array.storage


def plain_kind(kind: pa.DataType) -> pa.DataType:
    """Return the type of what :func:`plain` makes of this type."""
    return plain(empty(kind)).type


def usual_for_pandas(wanted: Wanted) -> Wanted:
    """Return how pandas should show a column that was not put as pandas: nothing lost, nothing exotic."""
    import pyarrow as pa

    kind = plain_kind(wanted.kind)
    note: Any = "object"
    if pa.types.is_dictionary(kind):
        note = {"category": None}
        if not plain_string(kind.value_type):
            inner = usual_for_pandas(Wanted("", kind.value_type))
            kind, note = inner.kind, inner.note
    elif plain_string(kind):
        kind, note = pa.large_string(), None
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        note = "nullable"
    elif pa.types.is_date(kind):
        kind, note = pa.timestamp("s" if pa.types.is_date32(kind) else "ms"), None
    elif pa.types.is_floating(kind) or pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        note = None
    return Wanted(wanted.name, kind, note, wanted.dictionary)


def as_kind(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a slice as the wanted type (dictionaries are left to the assembler)."""
    import pyarrow as pa

    if array.type == kind:
        return array
    if isinstance(array.type, pa.BaseExtensionType) and not isinstance(kind, pa.BaseExtensionType):
        array = plain(array)
    if pa.types.is_dictionary(kind):
        return array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if array.type == kind else array.cast(kind)
