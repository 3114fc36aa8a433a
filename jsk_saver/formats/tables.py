"""Tables of pandas, Polars and Arrow: to Arrow with a small JSON state, and back as what was put.

All table formats go through here. Writing::

    view = as_arrow(obj, name)                # ArrowView: schema, part(start, stop), state, headers
    state = full_state(view)                  # JSON: everything but names and types of the columns
    types = types_to_json(view)               # ... and the types, for files that have none of their own

Reading::

    source = Source(type, state, names, kinds)
    selection = select(source, reading)       # which columns to read, in which order
    for batch in ...:
        selection.add([batch.column(at) for at in selection.positions])
    obj = selection.finish()

Columns of a dictionary type may be read back as plain values; all others are to be given in the type they
had in the view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.errors import CannotRepresent, MissingExtra
from jsk_saver.formats.base import Encoded, Format, is_a
from jsk_saver.formats.frames.arrow_types import type_from_text, type_to_text
from jsk_saver.formats.frames.dictionaries import dictionary_to_json
from jsk_saver.formats.frames.selection import Selection, Source, positions_of, select, target_library
from jsk_saver.formats.frames.view import ArrowView
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "PROOF_ROWS",
    "ArrowView",
    "Selection",
    "Source",
    "Tabular",
    "as_arrow",
    "check_dictionaries",
    "encoded",
    "full_state",
    "is_table",
    "need_pyarrow",
    "positions_of",
    "prove",
    "select",
    "target_library",
    "types_from_json",
    "types_to_json",
]

_PANDAS = ("pandas.DataFrame", "pandas.Series")
_POLARS = ("polars.DataFrame", "polars.Series", "polars.LazyFrame")
_ARROW = ("pyarrow.Table", "pyarrow.RecordBatch")
#: Rows of every table that go there and back when it is put.
PROOF_ROWS = 64


def is_table(obj: Any) -> bool:
    """Tell, importing nothing, whether ``obj`` is a table (or column) of pandas, Polars or Arrow."""
    return is_a(obj, *_PANDAS, *_POLARS, *_ARROW)


class Tabular(Format):
    """A format of tables and nothing else, whichever library they are of."""

    tabular: ClassVar[bool] = True

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a table of pandas, Polars or Arrow."""
        return is_table(obj)


def need_pyarrow(name: str) -> None:
    """Say what to install where pyarrow, which reads and writes every table format, is missing."""
    if find_spec("pyarrow") is None:
        raise MissingExtra(
            f"The table {name!r} needs pyarrow, which is not installed.",
            hint="pip install 'jsk-saver[tables]'    # with pandas; [polars] with Polars",
        )


def as_arrow(obj: Any, name: str, *, show_range: bool = True) -> ArrowView:
    """Return a table as Arrow; see :class:`~jsk_saver.formats.frames.view.ArrowView`.

    Parameters
    ----------
    obj
        A pandas frame or series, a Polars frame or series, an Arrow table or record batch.
    name
        The file name, for messages.
    show_range
        Whether a pandas range index without a name that is not simply 0, 1, 2, … becomes a column.

    Raises
    ------
    CannotRepresent
        If something in it would not come back the same from Arrow, naming column and value.

    Examples
    --------
    >>> import pandas as pd
    >>> view = as_arrow(pd.DataFrame({"x": [1, 2]}, index=["a", "b"]), "x.csv")
    >>> view.schema.names, view.state
    (['__index_level_0__', 'x'], {'rows': 2, 'index': [{}]})
    """
    need_pyarrow(name)
    if is_a(obj, "polars.LazyFrame"):
        raise CannotRepresent(
            f"{name!r} was given a LazyFrame, which is a plan and has no rows yet.",
            hint=f'saver.put("{name}", lazy_frame.collect())',
        )
    if is_a(obj, *_PANDAS):
        from jsk_saver.formats.frames.pandas_view import pandas_view

        return pandas_view(obj, name, show_range=show_range)
    if is_a(obj, *_POLARS):
        from jsk_saver.formats.frames.polars_tables import polars_view

        return polars_view(obj, name)
    from jsk_saver.formats.frames.arrow_tables import arrow_view

    return arrow_view(obj)


def full_state(view: ArrowView, *, dictionaries: bool = True) -> JSON:
    """Return all that must be kept beside names and types of the columns.

    ``dictionaries`` says whether to keep the categories that the data does not tell; formats that keep
    dictionaries themselves need none.
    """
    said = {}
    for at, (dictionary, complete) in view.dictionaries.items() if dictionaries else ():
        values = dictionary_to_json(dictionary, complete)
        if values is not None:
            said[str(at)] = values
    return view.state | ({"dictionaries": said} if said else {})


def types_to_json(view: ArrowView) -> list[str]:
    """Return the types of the view's columns as short texts."""
    return [type_to_text(kind) for kind in view.schema.types]


def types_from_json(types: Iterable[str]) -> list[pa.DataType]:
    """Return the types that :func:`types_to_json` wrote down."""
    return [type_from_text(text) for text in types]


def check_dictionaries(view: ArrowView, name: str) -> None:
    """Refuse dictionaries that cells of values do not tell: with a missing or a repeated entry.

    Raises
    ------
    CannotRepresent
        Naming the column.
    """
    import pyarrow.compute as pc

    from jsk_saver.formats.frames.refusal import refusal

    own = view.type.startswith("pyarrow.")  # the others' categories are present, and each is there once
    for at, (dictionary, _) in view.dictionaries.items() if own else ():
        where = view.describe(at)
        if dictionary.null_count:
            raise refusal(name, where, "has a missing value in its dictionary", instead="feather")
        if len(pc.unique(dictionary)) != len(dictionary):
            raise refusal(name, where, "has the same value twice in its dictionary", instead="feather")


# The guarantee ---------------------------------------------------------------------------------------


def prove(view: ArrowView, name: str, there_and_back: Callable[[ArrowView], Any], instead: str) -> None:
    """Send the first rows there and back, and refuse the table if they do not come back the same.

    Values are kept by construction, and what cannot be is refused where it is converted. What this guards
    is the rest: labels, index, dtypes and everything a library may invent after this was written.

    Raises
    ------
    CannotRepresent
        Naming what would have changed.
    """
    from jsk_saver.formats.frames.comparing import difference
    from jsk_saver.formats.frames.refusal import refusal

    rows = min(view.rows, PROOF_ROWS)
    start = replace(
        view,
        rows=rows,
        state=view.state | {"rows": rows},
        dictionaries={at: (dictionary, False) for at, (dictionary, _) in view.dictionaries.items()},
    )
    try:
        place = difference(view.head(rows), there_and_back(start))
    except CannotRepresent:
        raise
    except Exception as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise refusal(name, "the table", f"does not come back ({problem})", instead=instead) from error
    if place:
        raise refusal(name, place, "would come back changed", instead=instead)


def encoded(view: ArrowView, state: JSON) -> Encoded:
    """Return what a format says about a table it has written."""
    return Encoded(view.type, state, view.facts())
