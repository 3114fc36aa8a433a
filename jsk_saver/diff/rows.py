"""Which row of the old table became which row of the new one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jsk_saver.diff.columns import UNNAMED, Table
from jsk_saver.errors import JskError

#: Names that say "this is what a row is called".
_IDENTIFIER = re.compile(
    r"(^|.*[_\s.-])(id|key|uuid|guid|code|name|index)$|.*[a-z0-9](Id|ID|Key)$", re.IGNORECASE
)
#: Rows looked at first: most columns that are not unique show it here.
_SAMPLE = 1_000
#: A unique column that is not called like an identifier must have more than this share of its values in both.
_SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Match:
    """Rows of two tables that belong together (all NumPy arrays of row numbers).

    Parameters
    ----------
    key
        The columns they were matched by; empty for their position.
    old, new
        Rows that belong together, in the order of the new table; None for all rows in order.
    removed, added
        Rows without a partner.
    moved
        Whether rows that belong together come in another order.
    """

    key: tuple[str, ...]
    old: Any
    new: Any
    removed: Any
    added: Any
    moved: bool = False


def match(old: Table, new: Table, key: Sequence[str] = ()) -> Match:
    """Match rows by ``key``, else by an index or identifier that is unique in both, else by position.

    Raises
    ------
    JskError
        If ``key`` is given and is not there, or not unique.
    """
    if key:
        return _by_given_key(old, new, tuple(key))
    common = [label for label in old.columns if label in new.columns]
    index = tuple(label for label in common if old.columns[label].index and new.columns[label].index)
    if len(index) != _levels(old) or len(index) != _levels(new):
        index = ()
    by_index = _by_key(old, new, index) if index else None
    if by_index is not None and index != (UNNAMED,):
        return by_index
    if len(common) == 1 and old.rows == new.rows:
        return _by_position(old, new)  # with the only column as key there would be nothing left to compare
    columns = [label for label in common if not old.columns[label].index]
    named = [label for label in columns if _IDENTIFIER.fullmatch(label)]
    others = [label for label in columns if label not in named]
    found = _by_column(old, new, named, 0.0) or by_index or _by_column(old, new, others, _SHARED)
    return found or _by_position(old, new)


def _levels(table: Table) -> int:
    return sum(column.index for column in table.columns.values())


def _by_given_key(old: Table, new: Table, key: tuple[str, ...]) -> Match:
    for label in key:
        for side, table in (("old", old), ("new", new)):
            if label not in table.columns:
                raise JskError(
                    f"The {side} version has no column {label!r} to match rows by.",
                    hint="Its columns are: " + ", ".join(table.columns),
                )
    found = _by_key(old, new, key)
    if found is None:
        raise JskError(
            f"Rows cannot be matched by {', '.join(key)}: some rows have the same values there, or none.",
            hint="Add a column to the key, or leave the key out.",
        )
    return found


def _by_column(old: Table, new: Table, columns: list[str], share: float) -> Match | None:
    """Match by the column that is unique in both and has the most values in common, more than ``share``."""
    best: Match | None = None
    for label in columns:
        if not (_may_identify(old, label) and _may_identify(new, label)):
            continue
        found = _by_key(old, new, (label,))
        if found is None:
            continue
        shared = _matched(found, old)
        if shared > share * min(old.rows, new.rows) and (best is None or shared > _matched(best, old)):
            best = found
    return best


def _matched(found: Match, old: Table) -> int:
    return old.rows - len(found.removed)


def _may_identify(table: Table, label: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table.columns[label].values
    kind = values.type
    measured = pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind)
    if measured or pa.types.is_nested(kind) or pa.types.is_null(kind) or values.null_count or not table.rows:
        return False
    sample = values.slice(0, _SAMPLE)
    return bool(pc.count_distinct(sample).as_py() == len(sample))


def _by_position(old: Table, new: Table) -> Match:
    import numpy as np

    if old.rows == new.rows:
        none: Any = np.empty(0, dtype=np.int64)
        return Match((), None, None, none, none)
    both = np.arange(min(old.rows, new.rows))
    return Match((), both, both, np.arange(len(both), old.rows), np.arange(len(both), new.rows))


def _by_key(old: Table, new: Table, key: tuple[str, ...]) -> Match | None:
    """Return the rows matched by ``key``; None where it has gaps, is not unique, or has no common type."""
    import numpy as np

    codes = _codes(old, new, key)
    if codes is None:
        return None
    one, other = codes[: old.rows], codes[old.rows :]
    count = int(codes.max()) + 1 if len(codes) else 0
    if any(len(side) and int(np.bincount(side).max()) > 1 for side in (one, other)):
        return None
    if np.array_equal(one, other):
        none: Any = np.empty(0, dtype=np.int64)
        return Match(key, None, None, none, none)
    place: Any = np.full(count, -1, dtype=np.int64)
    place[one] = np.arange(old.rows)
    partner = place[other]
    matched_old, matched_new = partner[partner >= 0], np.flatnonzero(partner >= 0)
    lonely: Any = np.ones(old.rows, dtype=bool)
    lonely[matched_old] = False
    moved = bool((np.diff(matched_old) < 0).any())
    return Match(key, matched_old, matched_new, np.flatnonzero(lonely), np.flatnonzero(partner < 0), moved)


def _codes(old: Table, new: Table, key: tuple[str, ...]) -> Any:
    """Return one whole number for each row of the old, then of the new table: equal where the key is."""
    import numpy as np

    codes: Any = None
    for label in key:
        level = _level_codes(old.columns[label].values, new.columns[label].values)
        if level is None:
            return None
        if codes is None:
            codes = level
        else:  # numbered anew after each level, so that the product never overflows
            codes = np.unique(codes * (int(level.max(initial=0)) + 1) + level, return_inverse=True)[1]
    return codes


def _level_codes(old: Any, new: Any) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if old.null_count or new.null_count:
        return None
    try:
        both = pa.chunked_array([*old.chunks, *new.cast(old.type).chunks], old.type)
        encoded = pc.dictionary_encode(both.combine_chunks())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
