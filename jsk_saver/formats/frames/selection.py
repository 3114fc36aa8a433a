"""Which columns of a file to read for what ``get`` wants, and what makes an object of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import MissingExtra, QueryError
from jsk_saver.formats.base import Reading
from jsk_saver.formats.frames.assembling import Assembler, Wanted, plain_kind, usual_for_pandas
from jsk_saver.formats.frames.dictionaries import dictionary_from_json
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pyarrow as pa

_LIBRARIES = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}


@dataclass(slots=True)
class Source:
    """What a file says about the table in it.

    Parameters
    ----------
    type
        What was put; empty for a file that the kit did not write.
    state
        As :func:`~jsk_saver.formats.tables.full_state` returned it.
    names, kinds
        Names and Arrow types of all columns, in the order of the file.
    rows
        How many rows will be read.
    dictionaries
        Categories that the file itself tells, by position.
    header
        What stands above the columns, if that can differ from ``names``.
    """

    type: str
    state: JSON
    names: list[str]
    kinds: list[pa.DataType]
    rows: int
    dictionaries: dict[int, pa.Array] | None = None
    header: list[str] | None = None

    def wanted(self, at: int) -> Wanted:
        """Return the column at this position as it was put."""
        import pyarrow as pa

        kind, dictionary = self.kinds[at], (self.dictionaries or {}).get(at)
        if dictionary is None and pa.types.is_dictionary(kind):
            dictionary = dictionary_from_json(self.state.get("dictionaries", {}).get(str(at)), kind)
        return Wanted(self.names[at], kind, self.state.get("notes", {}).get(str(at)), dictionary)

    @property
    def levels(self) -> int:
        """How many of the columns are index levels; they come first."""
        return sum("hidden" not in level for level in self.state.get("index", ()))


@dataclass(slots=True)
class Selection:
    """The columns to read, and what makes an object of them.

    Parameters
    ----------
    positions
        The columns to read, by their position in the file.
    assembler
        Takes their slices in this order.
    """

    positions: list[int]
    assembler: Assembler

    def add(self, columns: list[pa.Array]) -> None:
        """Take in the next slice of every column in ``positions``."""
        for at, column in enumerate(columns):
            self.assembler.add_to(at, column)

    def add_to(self, at: int, column: pa.Array) -> None:
        """Take in the next slice of one column, by its place in ``positions``; threads may take one each."""
        self.assembler.add_to(at, column)

    def finish(self) -> Any:
        """Return the object."""
        return self.assembler.finish()


def select(source: Source, reading: Reading) -> Selection:
    """Return which columns to read for what ``get`` wants, and what makes an object of them.

    Raises
    ------
    QueryError
        If a wanted column is not there.
    MissingExtra
        If the library of the wanted type is not installed.
    """
    library = target_library(source.type, reading)
    put_as = source.type.partition(".")[0].replace("pyarrow", "arrow")
    if library == put_as == "pandas":
        return _pandas_again(source, reading)
    positions = positions_of(source, reading)
    wanted = [source.wanted(at) for at in positions]
    if library != put_as:
        wanted = [_without_pandas(column, source) for column in wanted]
    if library == "polars":
        return Selection(positions, _polars(wanted, source, library == put_as))
    if library == "arrow":
        return Selection(positions, _arrow(wanted, source, positions, library == put_as))
    from jsk_saver.formats.frames.pandas_frame import PandasAssembler, unlabelled

    wanted = [usual_for_pandas(column) for column in wanted]
    finish = unlabelled([column.name for column in wanted])
    return Selection(positions, PandasAssembler(wanted, source.rows, 0, finish))


def target_library(put_type: str, reading: Reading) -> str:
    """Return ``pandas``, ``polars`` or ``arrow``: what ``get`` should give.

    Raises
    ------
    MissingExtra
        If that library is not installed.
    """
    library = reading.as_ or put_type.partition(".")[0].replace("pyarrow", "arrow")
    if not library:
        return "pandas" if find_spec("pandas") else "arrow"
    if library not in _LIBRARIES:
        raise QueryError(f"as_={library!r} is not a kind of table.", hint='as_="pandas", "polars" or "arrow"')
    if find_spec(_LIBRARIES[library]) is None:
        extra = "polars" if library == "polars" else "tables"
        raise MissingExtra(
            f"{reading.name!r} was put as {put_type or library}, and {_LIBRARIES[library]} is not installed.",
            hint=f"""pip install 'jsk-saver[{extra}]'    # or: saver.get("{reading.name}", as_="arrow")""",
        )
    return library


def _pandas_again(source: Source, reading: Reading) -> Selection:
    from jsk_saver.formats.frames.pandas_frame import PandasAssembler, restored
    from jsk_saver.formats.frames.pandas_labels import labels_from_json

    levels = source.levels
    labels = labels_from_json(source.state.get("labels", {}), (source.header or source.names)[levels:])
    picked = list(range(len(labels)))
    if reading.columns is not None:
        index_names = {str(level.get("name")) for level in source.state.get("index", ())}
        found = _found(list(labels), reading.columns, reading.name, skip=index_names)
        labels, picked = labels.take(found), found
    positions = list(range(levels)) + [levels + at for at in picked]
    finish = restored(source.type, source.state, lambda: labels, source.rows)
    wanted = [source.wanted(at) for at in positions]
    return Selection(positions, PandasAssembler(wanted, source.rows, levels, finish))


def positions_of(source: Source, reading: Reading) -> list[int]:
    """Return the positions of the columns that ``get`` wants, found by name."""
    if reading.columns is None:
        return list(range(len(source.names)))
    return _found(source.state.get("names", source.names), reading.columns, reading.name)


def _found(labels: list[Any], wanted: list[Any], name: str, skip: Iterable[str] = ()) -> list[int]:
    """Return the positions of the wanted labels; text finds labels of any type, and tops of deep ones."""
    places: dict[Any, list[int]] = {}
    for at, label in enumerate(labels):
        keys = (
            [label, str(label)]
            if not isinstance(label, tuple)
            else [label, str(label), label[0], str(label[0])]
        )
        for key in dict.fromkeys(keys):
            places.setdefault(key, []).append(at)
    found: list[int] = []
    for label in wanted:
        key = label if not isinstance(label, list) else tuple(label)
        if key in places:
            found += places[key]
        elif str(label) not in skip:
            raise _no_column(label, labels, name)
    return found


def _no_column(label: Any, labels: list[Any], name: str) -> QueryError:
    texts = [str(each) for each in labels]
    close = difflib.get_close_matches(str(label), texts, n=3)
    hint = "Did you mean " + " or ".join(map(repr, close)) + "?" if close else ""
    if not hint:
        hint = "Its columns are: " + ", ".join(texts[:20]) + (" …" if len(texts) > 20 else "")
    return QueryError(f"{name!r} has no column {label!r}.", hint=hint)


def _without_pandas(column: Wanted, source: Source) -> Wanted:
    """Return a column as another library than the one that put it should see it."""
    import pyarrow as pa

    kind, dictionary = plain_kind(column.kind), column.dictionary
    note = column.note if source.type.startswith("polars") else None
    if note == "categorical" or (isinstance(note, dict) and "categories" in note):
        kind = pa.dictionary(pa.int32(), pa.large_string())
    elif isinstance(note, dict):
        kind = pa.dictionary(pa.int32(), pa.large_string(), ordered=True)
        dictionary = pa.array(note["enum"], pa.large_string())
    name = column.name
    if name.startswith("__index_level_") and source.type.startswith("pandas"):
        name = "index" if source.levels == 1 else name.strip("_").removeprefix("index_")
    return Wanted(name, kind, None, dictionary)


def _polars(wanted: list[Wanted], source: Source, exact: bool) -> Assembler:
    from jsk_saver.formats.frames.pandas_labels import unique_names
    from jsk_saver.formats.frames.polars_tables import PolarsAssembler

    if not exact:
        names = unique_names(column.name for column in wanted)
        wanted = [replace(column, name=name) for column, name in zip(wanted, names, strict=True)]
    return PolarsAssembler(wanted, series=exact and source.type == "polars.Series")


def _arrow(wanted: list[Wanted], source: Source, positions: list[int], exact: bool) -> Assembler:
    from jsk_saver.formats.frames.arrow_tables import ArrowAssembler

    if not exact:
        return ArrowAssembler(wanted, source.rows)
    names = source.state.get("names", source.names)
    wanted = [replace(column, name=names[at]) for column, at in zip(wanted, positions, strict=True)]
    batch = source.type == "pyarrow.RecordBatch"
    return ArrowAssembler(wanted, source.rows, source.state, positions, batch=batch)
