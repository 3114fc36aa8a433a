"""How a table is laid out in Parquet: what is worth a dictionary, what is worth compressing.

Left to itself, Arrow builds a dictionary of every column until that grows too long, which is half of the
time of writing numbers that are all different. A look at a sample of each column tells where it pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.arrow_types import plain_string
from jsk_saver.formats.frames.view import ArrowView

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of the sample.
_SAMPLE = 16_384
#: A dictionary pays if a sample has at most this share of distinct values.
_DISTINCT = 0.1
#: Compressing pays if it leaves at most this share of the bytes.
_LEFT = 0.9
CODEC = "zstd"


def options(view: ArrowView) -> dict[str, Any]:
    """Return the options of :class:`pyarrow.parquet.ParquetWriter` for a table."""
    import pyarrow as pa

    if any(pa.types.is_nested(_storage(kind)) for kind in view.schema.types):
        # Parts of nested columns have names of their own in a file, and one rule for all.
        return {"compression": CODEC, "use_dictionary": True}
    compression, dictionaries = {}, []
    start = max(0, view.rows // 2 - _SAMPLE // 2)
    stop = min(view.rows, start + _SAMPLE)
    for name, kind, column in zip(view.schema.names, view.schema.types, view.columns, strict=True):
        is_text = pa.types.is_dictionary(kind) or plain_string(kind)
        sample = column(start, stop) if not is_text and stop > start else None
        if sample is None or _pays_as_dictionary(sample):
            dictionaries.append(name)
            compression[name] = CODEC
        else:
            compression[name] = CODEC if _pays_compressed(sample) else "none"
    return {"compression": compression or CODEC, "use_dictionary": dictionaries or False}


def _pays_as_dictionary(sample: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(sample.type) or isinstance(sample.type, pa.BaseExtensionType):
        return False
    try:
        return bool(pc.count_distinct(sample).as_py() <= _DISTINCT * len(sample))
    except pa.ArrowNotImplementedError:
        return False


def _pays_compressed(sample: pa.Array) -> bool:
    import pyarrow as pa

    data = [buffer for buffer in sample.buffers()[1:] if buffer is not None]
    size = sum(buffer.size for buffer in data)
    packed = sum(len(pa.compress(buffer, codec=CODEC, asbytes=True)) for buffer in data)
    return bool(packed <= _LEFT * size)


# What Parquet holds ----------------------------------------------------------------------------------


def _storage(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def problem(kind: pa.DataType) -> str:
    """Return why Parquet does not hold a type, as the rest of a sentence; empty if it does."""
    import pyarrow as pa

    kind = _storage(kind)
    text = str(kind)
    if text == "month_day_nano_interval" or text.startswith(
        ("run_end_encoded", "dense_union", "sparse_union")
    ):
        return f"holds values of the type {text}"
    if pa.types.is_decimal(kind) and (kind.scale < 0 or kind.scale > kind.precision):
        return f"holds decimals of the type {text}"
    if pa.types.is_struct(kind) and kind.num_fields == 0:
        return "holds dictionaries without keys"
    if pa.types.is_dictionary(kind):
        return problem(kind.value_type)
    if pa.types.is_nested(kind):
        inner = [kind.field(at).type for at in range(kind.num_fields)]
        return next(filter(None, map(problem, inner)), "")
    return ""


def example(view: ArrowView, at: int) -> dict[str, Any]:
    """Return the first value of a column, for a message."""
    some = view.columns[at](0, min(view.rows, 1000)).drop_null() if view.rows else []
    return {"value": some[0].as_py()} if len(some) else {}
