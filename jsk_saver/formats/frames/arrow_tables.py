"""Arrow tables as slices, and back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.arrow_types import empty
from jsk_saver.formats.frames.assembling import Wanted, as_kind
from jsk_saver.formats.frames.dictionaries import Codes
from jsk_saver.formats.frames.pandas_builders import dictionary_arrays
from jsk_saver.formats.frames.pandas_columns import is_complete
from jsk_saver.formats.frames.pandas_labels import unique_names
from jsk_saver.formats.frames.view import ArrowView
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_view(obj: pa.Table | pa.RecordBatch) -> ArrowView:
    """Return an Arrow table or record batch as slices."""
    import pyarrow as pa

    table = pa.Table.from_batches([obj]) if isinstance(obj, pa.RecordBatch) else obj
    table = table.unify_dictionaries()
    names = unique_names(table.column_names)
    state: JSON = {"rows": table.num_rows}
    if names != table.column_names:
        state["names"] = table.column_names
    # Rules of the table's own schema (nullability, metadata) are kept apart: they hold for the whole
    # table, and a file format may have none.
    if said := _schema_to_json(table.schema):
        state["schema"] = said
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(names, table.schema.types, strict=True)])

    dictionaries = {}
    for at, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            dictionary = column.chunk(0).dictionary if column.num_chunks else empty(column.type.value_type)
            dictionaries[at] = (dictionary, is_complete(column, dictionary))
    return ArrowView(
        type="pyarrow.RecordBatch" if isinstance(obj, pa.RecordBatch) else "pyarrow.Table",
        rows=table.num_rows,
        schema=schema,
        columns=[_part(column) for column in table.columns],
        state=state,
        headers=[table.column_names],
        head=lambda rows: obj.slice(0, rows),
        dictionaries=dictionaries,
    )


def _part(column: pa.ChunkedArray) -> Callable[[int, int], pa.Array]:
    return lambda start, stop: _one(column.slice(start, stop - start))


def _one(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else empty(column.type)


def _schema_to_json(schema: pa.Schema) -> JSON:
    """Return what a schema says beside names and types."""
    said: JSON = {}
    if schema.metadata:
        said["metadata"] = _metadata_to_json(schema.metadata)
    required = [at for at, field in enumerate(schema) if not field.nullable]
    if required:
        said["required"] = required
    fields = {str(at): _metadata_to_json(field.metadata) for at, field in enumerate(schema) if field.metadata}
    if fields:
        said["fields"] = fields
    return said


def _metadata_to_json(metadata: dict[bytes, bytes]) -> list[list[str]]:
    return [[_bytes_to_json(key), _bytes_to_json(value)] for key, value in metadata.items()]


def _bytes_to_json(value: bytes) -> str:
    """Return bytes as text: as they are where they are text, else in base 64, told by the first letter."""
    try:
        return "=" + value.decode()
    except UnicodeDecodeError:
        return "@" + base64.b64encode(value).decode()


def _bytes_from_json(text: str) -> bytes:
    return text[1:].encode() if text.startswith("=") else base64.b64decode(text[1:])


def _metadata_from_json(pairs: list[list[str]] | None) -> dict[bytes, bytes] | None:
    if not pairs:
        return None
    return {_bytes_from_json(key): _bytes_from_json(value) for key, value in pairs}


class ArrowAssembler:
    """Gathers slices into a table.

    Parameters
    ----------
    wanted
        The columns.
    rows
        How many rows the table has, for one without columns.
    state
        As the view that was put had it, to bring back nullability and metadata.
    positions
        Which columns of the table that was put these are.
    batch
        Whether to give a record batch.
    """

    def __init__(
        self,
        wanted: list[Wanted],
        rows: int,
        state: JSON | None = None,
        positions: list[int] | None = None,
        *,
        batch: bool = False,
    ) -> None:
        import pyarrow as pa

        self._wanted, self._rows, self._state, self._positions = wanted, rows, state or {}, positions or []
        self._batch = batch
        self._chunks: list[list[pa.Array]] = [[] for _ in wanted]
        self._codes = {
            at: Codes(column.kind.value_type, column.dictionary)
            for at, column in enumerate(wanted)
            if pa.types.is_dictionary(column.kind)
        }

    def add_to(self, at: int, column: pa.Array) -> None:
        """Take in the next slice of the column at this place."""
        array = as_kind(column, self._wanted[at].kind)
        if at in self._codes:
            self._codes[at].add(array)
        else:
            self._chunks[at].append(array)

    def finish(self) -> Any:
        """Return the table, or the record batch."""
        import pyarrow as pa

        for at, codes in self._codes.items():
            self._chunks[at] = dictionary_arrays(codes, self._wanted[at].kind)
        columns = [
            pa.chunked_array(chunks, wanted.kind)
            for chunks, wanted in zip(self._chunks, self._wanted, strict=True)
        ]
        if not columns:
            empty_handed = _without_columns(self._rows, self._batch)
            return empty_handed.replace_schema_metadata(self._schema().metadata)
        if self._batch:
            return pa.RecordBatch.from_arrays([_one(column) for column in columns], schema=self._schema())
        return pa.Table.from_arrays(columns, schema=self._schema())

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        said = self._state.get("schema", {})
        required = set(said.get("required", ()))
        own = said.get("fields", {})
        fields = []
        for at, wanted in enumerate(self._wanted):
            position = self._positions[at] if self._positions else -1
            metadata = _metadata_from_json(own.get(str(position)))
            fields.append(pa.field(wanted.name, wanted.kind, position not in required, metadata))
        return pa.schema(fields, metadata=_metadata_from_json(said.get("metadata")))


def _without_columns(rows: int, batch: bool) -> pa.Table | pa.RecordBatch:
    import pyarrow as pa

    make = pa.record_batch if batch else pa.table
    return make({"": pa.nulls(rows)}).select([])
