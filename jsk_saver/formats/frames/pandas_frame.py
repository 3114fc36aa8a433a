"""Arrow slices to a pandas frame or series."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.assembling import Wanted, as_kind
from jsk_saver.formats.frames.pandas_builders import Builder, NumpyBuilder, builder, index_of, numpy_dtype
from jsk_saver.formats.frames.pandas_labels import label_from_json
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

#: Above so many columns, a frame in as many pieces makes pandas slow, and one copy is the lesser evil.
_MANY = 100


class PandasAssembler:
    """Builds a frame from slices, holding little more than the frame.

    Parameters
    ----------
    wanted
        The columns, index levels first.
    rows
        How many rows will come.
    levels
        How many of the columns are index levels.
    finish
        Given the index and the frame without labels, returns the object.
    """

    def __init__(
        self,
        wanted: list[Wanted],
        rows: int,
        levels: int,
        finish: Callable[[list[Any], pd.DataFrame], Any],
    ) -> None:
        self._wanted, self._rows, self._levels, self._finish = wanted, rows, levels, finish
        self._block: np.ndarray | None = None
        self._builders = self._one_block() or [
            builder(column.kind, column.note, rows, column.dictionary) for column in wanted
        ]

    def add_to(self, at: int, column: pa.Array) -> None:
        """Take in the next slice of the column at this place."""
        self._builders[at].add(as_kind(column, self._wanted[at].kind))

    def finish(self) -> Any:
        """Return the object."""
        import pandas as pd

        arrays = [build.finish() for build in self._builders]
        self._builders = []
        levels, columns = arrays[: self._levels], arrays[self._levels :]
        index = pd.RangeIndex(self._rows)
        if self._block is not None:
            frame = pd.DataFrame(self._block.T, index=index, copy=False)
        else:
            # Columns keep the arrays they were filled into; many of them are gathered into blocks.
            copy = None if len(columns) > _MANY else False
            data = {at: _as_column(array, index) for at, array in enumerate(columns)}
            frame = pd.DataFrame(data, index=index, copy=copy)
        return self._finish(levels, frame)

    def _one_block(self) -> list[Builder] | None:
        """Return builders that fill one array for the whole frame, if all columns are of one NumPy type."""
        import numpy as np

        columns = self._wanted[self._levels :]
        kinds = {column.kind for column in columns}
        plain = all(column.note is None for column in columns)
        if len(columns) < 2 or len(kinds) != 1 or not plain:
            return None
        kind = kinds.pop()
        first = builder(kind, None, 0)
        if not isinstance(first, NumpyBuilder) or getattr(kind, "tz", None):
            return None
        self._block = np.empty((len(columns), self._rows), numpy_dtype(kind))
        levels = [builder(w.kind, w.note, self._rows, w.dictionary) for w in self._wanted[: self._levels]]
        return levels + [NumpyBuilder(kind, self._rows, row) for row in self._block]


def _as_column(array: Any, index: pd.Index) -> Any:
    """Return an array so that pandas takes it as it is, and does not guess better types for objects."""
    import pandas as pd

    if array.dtype.name != "object":
        return array
    return pd.Series(array, index=index, dtype=object, copy=False)


def restored(
    kind: str, state: JSON, labels: Callable[[], pd.Index], rows: int
) -> Callable[[list[Any], pd.DataFrame], Any]:
    """Return what turns bare columns into the frame or series that was put.

    Parameters
    ----------
    kind
        ``pandas.DataFrame`` or ``pandas.Series``.
    state
        As the view that was put had it.
    labels
        Returns the labels of the columns that were read.
    rows
        How many.
    """

    def finish(levels: list[Any], frame: pd.DataFrame) -> Any:
        frame.index = _index(levels, state.get("index", []), rows)
        if kind == "pandas.Series":
            obj: Any = frame.iloc[:, 0]
            obj.name = label_from_json(state["name"]) if "name" in state else labels()[0]
        else:
            obj = frame
            obj.columns = labels()
        if "attrs" in state:
            obj.attrs = dict(state["attrs"])
        if "flags" in state:
            obj.flags.allows_duplicate_labels = state["flags"]["allows_duplicate_labels"]
        return obj

    return finish


def _index(levels: list[Any], states: list[JSON], rows: int) -> pd.Index:
    import pandas as pd

    names = [label_from_json(state.get("name")) for state in states]
    if not states:
        return pd.RangeIndex(rows)
    if "range" in states[0]:
        start, step = states[0]["range"]
        return pd.RangeIndex(start, start + rows * step, step, name=names[0])
    if len(levels) > 1:
        return pd.MultiIndex.from_arrays([index_of(level) for level in levels], names=names)
    index = index_of(levels[0], names[0])
    if "freq" in states[0] and isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        index.freq = states[0]["freq"]
    return index


def unlabelled(names: list[str]) -> Callable[[list[Any], pd.DataFrame], Any]:
    """Return what gives a frame that was not put as pandas its names."""

    def finish(levels: list[Any], frame: pd.DataFrame) -> Any:  # noqa: ARG001
        import pandas as pd

        frame.columns = pd.Index(names) if names else pd.Index([], dtype=pd.Index(["a"]).dtype)
        return frame

    return finish
