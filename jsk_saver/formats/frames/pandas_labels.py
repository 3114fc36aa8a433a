"""Column labels of pandas, of any type and depth, as JSON and as the names of columns in a file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.arrow_types import (
    type_from_text,
    type_to_text,
    values_from_json,
    values_to_json,
)
from jsk_saver.formats.frames.objects import same_object
from jsk_saver.formats.frames.pandas_builders import builder, index_of
from jsk_saver.formats.frames.pandas_columns import column_of
from jsk_saver.formats.frames.pandas_dtypes import string_dtype, string_note, usual_text_dtype
from jsk_saver.formats.frames.refusal import refusal
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pandas as pd


def label_to_json(label: Any, where: str, name: str) -> Any:
    """Return one label (or the name of an index) as JSON.

    Raises
    ------
    CannotRepresent
        For anything but text, numbers, times, intervals, None and tuples of those.
    """
    if label is None or type(label) in (str, int, bool) or (type(label) is float and math.isfinite(label)):
        return label
    if type(label) is tuple:
        return {"tuple": [label_to_json(part, where, name) for part in label]}
    import pandas as pd

    typed = pd.Index([label])
    if typed.dtype.name == "object" or not same_object(typed[0], label):
        why = f"is labelled with a value of the type {type(label).__name__}"
        raise refusal(
            name, where, why, value=label, instead="pkl", or_else="df.columns = df.columns.map(str)"
        )
    return {"typed": _values(typed, name)}


def label_from_json(value: Any) -> Any:
    """Return the label that :func:`label_to_json` wrote down."""
    if not isinstance(value, dict):
        return value
    if "typed" in value:
        return labels_from_json(value["typed"], ())[0]
    return tuple(map(label_from_json, value["tuple"]))


def labels_to_json(labels: pd.Index, names: list[str], name: str) -> JSON:
    """Return what has to be kept about column labels; nothing where the ``names`` in the file say it all.

    Parameters
    ----------
    labels
        The column labels.
    names
        The names of the columns in the file.
    name
        The file name, for messages.
    """
    import pandas as pd

    if isinstance(labels, pd.RangeIndex):
        said: JSON = {"range": [labels.start, labels.stop, labels.step]}
    elif isinstance(labels, pd.MultiIndex):
        return {"levels": [_values(labels.get_level_values(at), name) | _name(at, labels, name)
                           for at in range(labels.nlevels)]}  # fmt: skip
    elif is_text(labels):
        said = {} if list(labels) == names else {"texts": list(labels)}
        if labels.dtype != usual_text_dtype():
            said["note"] = "object" if labels.dtype.name == "object" else string_note(labels.dtype)
    else:
        said = _values(labels, name)
    return said | _name(0, labels, name)


def _name(level: int, labels: pd.Index, name: str) -> JSON:
    label = labels.names[level]
    return {} if label is None else {"name": label_to_json(label, "the name of the columns", name)}


def is_text(labels: pd.Index) -> bool:
    """Tell whether every label is text, in a dtype of text or of objects."""
    import pandas as pd

    can_be = labels.dtype.name == "object" or isinstance(labels.dtype, pd.StringDtype)
    return can_be and all(type(label) is str for label in labels)


def _values(labels: pd.Index, name: str) -> JSON:
    where = "the index of the columns"
    if labels.dtype.name == "object":
        return {"labels": [label_to_json(label, where, name) for label in labels]}
    column = column_of(labels, where, name)
    try:
        values = values_to_json(column.part(0, len(labels)))
    except TypeError:
        why = f"has the dtype {labels.dtype}"
        raise refusal(name, where, why, instead="pkl", or_else="df.columns = df.columns.map(str)") from None
    said: JSON = {"type": type_to_text(column.type), "values": values}
    if column.note is not None:
        said["note"] = column.note
    if column.dictionary is not None:
        said["dictionary"] = values_to_json(column.dictionary)
    if getattr(labels, "freq", None) is not None and hasattr(labels, "inferred_freq"):
        said["freq"] = labels.freqstr
    return said


def labels_from_json(said: JSON, names: Iterable[str]) -> pd.Index:
    """Return the column labels that :func:`labels_to_json` wrote down.

    Examples
    --------
    >>> import pandas as pd
    >>> labels = pd.Index([2023, 2024], name="year")
    >>> said = labels_to_json(labels, ["2023", "2024"], "a.csv")
    >>> said
    {'type': 'int64', 'values': [2023, 2024], 'name': 'year'}
    >>> labels_from_json(said, ["2023", "2024"]).equals(labels)
    True
    """
    import pandas as pd

    if "levels" in said:
        levels = [labels_from_json(level, ()) for level in said["levels"]]
        return pd.MultiIndex.from_arrays(levels, names=[level.name for level in levels])
    name = label_from_json(said.get("name"))
    if "range" in said:
        return pd.RangeIndex(*said["range"], name=name)
    if "labels" in said:
        values = [label_from_json(label) for label in said["labels"]]
        return pd.Index(values, dtype=object, name=name, tupleize_cols=False)
    if "values" in said:
        return _typed(said, name)
    texts = list(said.get("texts", names))
    dtype: Any = usual_text_dtype()
    if "note" in said:
        dtype = object if said["note"] == "object" else string_dtype(said["note"])
    return pd.Index(texts, dtype=dtype, name=name)


def _typed(said: JSON, name: Any) -> pd.Index:
    import pandas as pd
    import pyarrow as pa

    kind = type_from_text(said["type"])
    dictionary = None
    if "dictionary" in said:
        dictionary = values_from_json(said["dictionary"], kind.value_type)
    build = builder(kind, said.get("note"), len(said["values"]), dictionary)
    value_type = kind.value_type if pa.types.is_dictionary(kind) else kind
    build.add(values_from_json(said["values"], value_type))
    index = index_of(build.finish(), name)
    if "freq" in said and isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        index.freq = said["freq"]
    return index


def header_text(label: Any) -> str:
    """Return a label as the text that people see above a column."""
    return "" if label is None else str(label)


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names with a number added to those that came before, so that none comes twice.

    Examples
    --------
    >>> unique_names(["a", "b", "a"])
    ['a', 'b', 'a.1']
    """
    names = list(names)
    taken, result, seen = set(names), [], set()
    for name in names:
        number, unique = 0, name
        while unique in seen or (number and unique in taken):
            number += 1
            unique = f"{name}.{number}"
        seen.add(unique)
        result.append(unique)
    return result
