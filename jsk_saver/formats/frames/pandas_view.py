"""A pandas frame or series as Arrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.objects import same_object
from jsk_saver.formats.frames.pandas_columns import Column, column_of
from jsk_saver.formats.frames.pandas_labels import header_text, label_to_json, labels_to_json, unique_names
from jsk_saver.formats.frames.refusal import refusal
from jsk_saver.formats.frames.view import ArrowView
from jsk_saver.record import JSON, dump_json

if TYPE_CHECKING:
    import pandas as pd


def pandas_view(obj: pd.DataFrame | pd.Series, name: str, *, show_range: bool) -> ArrowView:
    """Return a pandas frame or series as Arrow.

    Parameters
    ----------
    obj
        The frame or series.
    name
        The file name, for messages.
    show_range
        Whether a range index without a name that is not simply 0, 1, 2, … becomes a column.

    Raises
    ------
    CannotRepresent
        If a column's dtype, an object in it, a label or an attribute would not come back the same.
    """
    import pandas as pd

    is_series = isinstance(obj, pd.Series)
    _refuse_subclass(obj, name)
    series = [obj] if is_series else [obj.iloc[:, at] for at in range(obj.shape[1])]
    labels = _series_label(obj) if is_series else obj.columns
    levels, index_state = _index(obj.index, name, show_range)
    columns = levels + [
        column_of(values, f"column {header_text(label)!r}", name, label)
        for values, label in zip(series, labels, strict=True)
    ]
    state: JSON = {"rows": len(obj)}
    if index_state:
        state["index"] = index_state
    notes = {str(at): column.note for at, column in enumerate(columns) if column.note is not None}
    if notes:
        state["notes"] = notes
    if obj.attrs:
        state["attrs"] = _attributes(obj.attrs, name)
    if not obj.flags.allows_duplicate_labels:
        state["flags"] = {"allows_duplicate_labels": False}
    names = _names(obj.index, labels, len(levels))
    if is_series:
        if obj.name != names[-1] or type(obj.name) is not str:
            state["name"] = label_to_json(obj.name, "the series", name)
    elif said := labels_to_json(labels, names[len(levels) :], name):
        state["labels"] = said
    return _view(
        "Series" if is_series else "DataFrame", obj, columns, names, state, _headers(obj, labels, levels)
    )


def _view(
    kind: str, obj: Any, columns: list[Column], names: list[str], state: JSON, headers: list[list[str]]
) -> ArrowView:
    import pyarrow as pa

    schema = pa.schema([pa.field(n, column.type) for n, column in zip(names, columns, strict=True)])

    dictionaries = {
        at: (column.dictionary, column.complete)
        for at, column in enumerate(columns)
        if column.dictionary is not None
    }
    return ArrowView(
        type=f"pandas.{kind}",
        rows=len(obj),
        schema=schema,
        columns=[column.part for column in columns],
        state=state,
        headers=headers,
        head=lambda rows: obj.iloc[:rows],
        dictionaries=dictionaries,
        index_levels=len(columns) - (1 if kind == "Series" else obj.shape[1]),
    )


def _series_label(series: pd.Series) -> pd.Index:
    import pandas as pd

    label = "value" if series.name is None else series.name
    return pd.Index([label], dtype=object, tupleize_cols=False)


def _refuse_subclass(obj: Any, name: str) -> None:
    import pandas as pd

    if type(obj) not in (pd.DataFrame, pd.Series):
        kind = f"{type(obj).__module__}.{type(obj).__qualname__}"
        base = "Series" if isinstance(obj, pd.Series) else "DataFrame"
        raise refusal(
            name,
            "the object",
            f"is a {kind}",
            instead="pkl",
            or_else=f"pandas.{base}(obj) gives up what {kind} adds",
        )


def _names(index: pd.Index, labels: pd.Index, levels: int) -> list[str]:
    """Return the names of the columns in the file, as pandas and Arrow choose them for Parquet."""
    taken = {header_text(label) for label in labels}
    names = []
    for at in range(levels):
        name = index.names[at]
        plain = type(name) is str and name not in taken and name not in names
        names.append(name if plain else f"__index_level_{at}__")
    return unique_names(names + [header_text(label) for label in labels])


def _headers(obj: Any, labels: pd.Index, levels: list[Column]) -> list[list[str]]:
    names = [header_text(name) for name in obj.index.names][: len(levels)]
    if labels.nlevels == 1:
        return [names + [header_text(label) for label in labels]]
    blank = [""] * len(levels)
    rows = [[header_text(label) for label in labels.get_level_values(at)] for at in range(labels.nlevels)]
    return [blank + row for row in rows[:-1]] + [names + rows[-1]]


# The index -------------------------------------------------------------------------------------------


def _index(index: pd.Index, name: str, show_range: bool) -> tuple[list[Column], list[JSON]]:
    """Return the index levels as columns, and what has to be said about each of them."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        if index.start == 0 and index.step == 1 and index.name is None:
            return [], []
        said = {"range": [index.start, index.step]} | _level_name(index.name, name)
        if not show_range and index.name is None:
            return [], [said | {"hidden": True}]
        return [column_of(index, f"the index {index.name!r}", name)], [said]
    columns, states = [], []
    for at in range(index.nlevels):
        level = index.get_level_values(at) if isinstance(index, pd.MultiIndex) else index
        columns.append(column_of(level, f"index level {index.names[at]!r}", name))
        states.append(_level_name(index.names[at], name))
    if getattr(index, "freq", None) is not None and isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        states[0]["freq"] = _frequency(index, name)
    return columns, states


def _level_name(label: Any, name: str) -> JSON:
    return {} if label is None else {"name": label_to_json(label, "the index", name)}


def _frequency(index: Any, name: str) -> str:
    """Return the frequency as the text that gives the very same frequency back."""
    import pandas as pd

    try:
        if pd.tseries.frequencies.to_offset(index.freqstr) == index.freq:
            return str(index.freqstr)
    except ValueError:
        pass
    raise refusal(
        name,
        "the index",
        f"has the frequency {index.freq!r}",
        instead="pkl",
        or_else="df.index.freq = None    # keeps the times",
    )


def _attributes(attrs: dict[Any, Any], name: str) -> JSON:
    """Return ``attrs``, if JSON keeps them."""
    try:
        text = dump_json(attrs)
        if same_object(json.loads(text), attrs):
            return dict(attrs)
    except (TypeError, ValueError):
        pass
    raise refusal(
        name,
        "attrs",
        "holds something that JSON does not keep",
        value=attrs,
        instead="pkl",
        or_else="df.attrs = {}    # or plain text, numbers, lists and dictionaries",
    )
