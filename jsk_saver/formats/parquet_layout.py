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

#: Rows of the sample, and how many of them are compressed to see what that is worth.
_SAMPLE, _COMPRESSED = 16_384, 4_096
#: A dictionary pays if a sample has at most this share of distinct values.
_DISTINCT = 0.1
#: Compressing pays if it leaves at most this share of the bytes.
_LEFT = 0.9
CODEC = "zstd"
#: Bytes of a dictionary at which it is given up; with Arrow's own 1 MiB, most texts of a large table are.
_LONGEST = 4 * 2**20
#: Bytes of columns that one thread reads as fast as two.
_SMALL = 2**20


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
            fewer = column(start, min(stop, start + _COMPRESSED))
            compression[name] = CODEC if _pays_compressed(fewer) else "none"
    return {
        "compression": compression or CODEC,
        "use_dictionary": dictionaries or False,
        "dictionary_pagesize_limit": _LONGEST,
    }


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


def shares(metadata: Any, names: list[str], count: int) -> list[list[str]]:
    """Return the columns of a file in up to ``count`` lists, those first that are most work to read.

    There is one list where more would not be worth the threads.
    """
    sizes = dict.fromkeys(names, 0)
    if not metadata.num_row_groups:
        return [names]
    group = metadata.row_group(0)
    for at in range(group.num_columns):
        leaf = group.column(at)
        name = leaf.path_in_schema if leaf.path_in_schema in sizes else leaf.path_in_schema.partition(".")[0]
        if name in sizes:
            sizes[name] += leaf.total_uncompressed_size
    if sum(sizes.values()) * metadata.num_row_groups < _SMALL:
        return [names]
    lists: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for name in sorted(names, key=sizes.__getitem__, reverse=True):
        least = loads.index(min(loads))
        lists[least].append(name)
        loads[least] += sizes[name] + 1
    order = sorted(range(count), key=loads.__getitem__, reverse=True)
    return [lists[at] for at in order if lists[at]]


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
