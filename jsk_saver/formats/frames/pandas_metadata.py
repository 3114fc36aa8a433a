"""The metadata by which pandas itself finds index and dtypes again in a Parquet or Feather file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsk_saver.formats.frames.view import ArrowView

_KEY = b"pandas"
_ROWS = 100


def metadata_for_pandas(view: ArrowView) -> dict[bytes, bytes]:
    """Return what ``pandas.read_parquet`` looks for; nothing where pandas has no words for a table.

    It is for other people's programs; the kit itself goes by its own state.
    """
    import pyarrow as pa

    if "labels" in view.state.get("labels", {}):
        return {}
    head = view.head(_ROWS)
    frame = head.to_frame(view.schema.names[-1]) if view.type == "pandas.Series" else head
    try:
        schema = pa.Schema.from_pandas(frame, preserve_index=True if view.index_levels else None)
    except (ValueError, TypeError, ArithmeticError, NotImplementedError, KeyError, AttributeError):
        return {}
    said = json.loads(schema.metadata[_KEY])
    for level in said["index_columns"]:
        if isinstance(level, dict) and level.get("kind") == "range":
            level["stop"] = level["start"] + view.rows * level["step"]
    return {_KEY: json.dumps(said).encode()} if set(schema.names) == set(view.schema.names) else {}
