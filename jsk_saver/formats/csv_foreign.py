"""Delimited text that somebody else wrote: delimiter, encoding and types are found out, nothing is lost.

Types are inferred as Arrow does, with one difference: digits that a number would not give back (leading
zeros, more digits than a number has) stay text.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.base import Reading
from jsk_saver.formats.frames.pandas_labels import unique_names
from jsk_saver.formats.streams import opened
from jsk_saver.formats.tables import Source, positions_of, select
from jsk_saver.payload import Payload

if TYPE_CHECKING:
    import pyarrow as pa

_PROBE = 2**16
#: Text that stands for a missing value, as pandas takes it; not where it is quoted.
_MISSING = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>"]
#: Digits that would come back changed from a number, between delimiters.
_NOT_A_NUMBER = re.compile(rb"(?:^|[,;\t|\"\n])[+-]?(?:0[0-9]|[0-9]{16})", re.MULTILINE)
_LOST_BY_INTEGERS = r"^[+-]?0[0-9]+$"
_LOST_BY_FLOATS = r"^[+-]?(?:0[0-9]+|[0-9]{16,})$"
_DECIMAL_COMMA = re.compile(r"(?:^|;)\s*-?\d+,\d+\s*(?:;|$)", re.MULTILINE)
_DECIMAL_POINT = re.compile(r"(?:^|;)\s*-?\d+\.\d+\s*(?:;|$)", re.MULTILINE)
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_foreign(payload: Payload, reading: Reading, delimiter: str) -> Any:
    """Return the table in a delimited file that the kit has no record of."""
    text, encoding = _beginning(payload)
    if not text.strip():
        return select(Source("", {}, [], [], 0), replace(reading, columns=None)).finish()
    delimiter = _delimiter(text.splitlines()[0], delimiter)
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    names = unique_names(cell.strip() for cell in header)
    wanted = positions_of(Source("", {}, names, [], 0), reading)
    comma = delimiter == ";" and bool(_DECIMAL_COMMA.search(text)) and not _DECIMAL_POINT.search(text)
    file = _File(payload, delimiter, encoding, len(names), "," if comma else ".")
    table = file.table(wanted)
    kinds = table.schema.types
    source = Source("", {}, [names[at] for at in wanted], kinds, table.num_rows)
    selection = select(source, replace(reading, columns=None))
    for batch in table.to_batches():
        selection.add(batch.columns)
    return selection.finish()


class _File:
    """A delimited file and how to read it."""

    def __init__(
        self, payload: Payload, delimiter: str, encoding: str, width: int, decimal_point: str
    ) -> None:
        self._payload, self._delimiter, self._encoding = payload, delimiter, encoding
        self._names = [str(at) for at in range(width)]
        self._decimal_point = decimal_point

    def table(self, positions: list[int]) -> pa.Table:
        """Return the columns at these positions, with inferred types."""
        import pyarrow as pa

        table = self._read(positions, {})
        if self._encoding == "utf-8" and any(pa.types.is_binary(kind) for kind in table.schema.types):
            # Not UTF-8 after all; what Windows programs write then is this.
            self._encoding = "cp1252"
            table = self._read(positions, {})
        texts = self._changed_by_numbers(table)
        return self._read(positions, texts) if texts else table

    def _read(self, positions: list[int], types: dict[str, pa.DataType]) -> pa.Table:
        import pyarrow.csv as pacsv

        names = [str(at) for at in positions]
        with opened(self._payload) as file:
            table = pacsv.read_csv(
                file,
                pacsv.ReadOptions(column_names=self._names, skip_rows_after_names=1, encoding=self._encoding),
                pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                pacsv.ConvertOptions(
                    include_columns=list(dict.fromkeys(names)),
                    column_types=types,
                    null_values=_MISSING,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    decimal_point=self._decimal_point,
                ),
            )
        return table.select(names)

    def _changed_by_numbers(self, table: pa.Table) -> dict[str, pa.DataType]:
        """Return the columns that were taken for numbers, but have digits that a number would not keep."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = [
            int(field.name)
            for field in table.schema
            if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        ]
        if not numbers or not any(_NOT_A_NUMBER.search(block) for block in self._payload.blocks()):
            return {}
        texts = self._read(numbers, {str(at): pa.string() for at in numbers})
        changed = {}
        for name in texts.column_names:
            # Whole numbers of up to 64 bits are exact however long they are; floats are not.
            is_float = pa.types.is_floating(table.schema.field(name).type)
            pattern = _LOST_BY_FLOATS if is_float else _LOST_BY_INTEGERS
            if pc.any(pc.match_substring_regex(texts.column(name), pattern)).as_py():
                changed[name] = pa.string()
        return changed


def _beginning(payload: Payload) -> tuple[str, str]:
    """Return the first text of a file, and the file's encoding."""
    size = _PROBE
    while b"\n" not in (start := payload.read_at(0, size)) and size < payload.size:
        size *= 4
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            text = codecs.getincrementaldecoder(encoding)("replace").decode(start)
            return text, "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        return codecs.getincrementaldecoder("utf-8")("strict").decode(start), "utf-8"
    except UnicodeDecodeError:
        return start.decode("cp1252", "replace"), "cp1252"


def _delimiter(line: str, usual: str) -> str:
    """Return what separates the names in a header: the usual delimiter, unless another is clearly meant."""
    outside = re.sub(r'"[^"]*"', "", line)
    best = max((usual, ";", "\t", "|", ","), key=outside.count)
    return best if outside.count(best) > outside.count(usual) else usual
