"""Parquet and Feather: Arrow's own files, with types in the file and a table's finer points in its footer.

Everything that pandas, Polars and Arrow need to come back stands in the file itself, so that a copy of it
is as good as the version in the store. pandas' own metadata is there as well, for ``pandas.read_parquet``.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from jsk_saver.formats import parquet_layout
from jsk_saver.formats.ahead import WORKERS, in_order
from jsk_saver.formats.base import Encoded, Reading
from jsk_saver.formats.frames.memory import lean_memory
from jsk_saver.formats.frames.refusal import example, refusal
from jsk_saver.formats.streams import Sink
from jsk_saver.formats.tables import (
    Source,
    Tabular,
    as_arrow,
    check_dictionaries,
    encoded,
    full_state,
    need_pyarrow,
    prove,
    select,
    target_library,
)
from jsk_saver.payload import Payload
from jsk_saver.record import JSON, dump_json

if TYPE_CHECKING:
    import pyarrow as pa

    from jsk_saver.formats.frames.selection import Selection
    from jsk_saver.formats.frames.view import ArrowView

#: Where in a file's metadata our own stands.
_KEY = b"jsk"
_BUFFER = 2**20
#: Bytes of Arrow in one row group or record batch: a share of the table, within these.
ROW_GROUPS, _RECORD_BATCHES = 8, 16
_LEAST, _MOST = 2 * 2**20, 64 * 2**20


class _Columnar(Tabular):
    """What Parquet and Feather have in common."""

    #: Arrow trusts offsets in the buffers of a file, and throws past its callers for some footers.
    fragile: ClassVar[bool] = True
    #: Extension of a format that can, where this one cannot.
    instead: ClassVar[str] = "pkl"

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write a table slice by slice.

        Raises
        ------
        CannotRepresent
            If something in it would not come back the same.
        """
        view = as_arrow(obj, name, show_range=False)
        self._check(view, name)
        prove(view, name, lambda start: self._there_and_back(start, name), self.instead)
        with lean_memory():
            self._write(view, payload)
        return encoded(view, {})

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the table, or the wanted columns of it, which are all that is read."""
        need_pyarrow(reading.name)
        with lean_memory(), _opened(payload) as source:
            return self._read(source, reading)

    def _there_and_back(self, view: ArrowView, name: str) -> Any:
        with Payload() as payload:
            self._write(view, payload)
            return self.decode(payload.finish(), Reading(name, view.type))

    def _check(self, view: ArrowView, name: str) -> None:
        """Refuse types that the file cannot hold."""

    @abstractmethod
    def _write(self, view: ArrowView, payload: Payload) -> None: ...

    @abstractmethod
    def _read(self, source: Any, reading: Reading) -> Any: ...


class Parquet(_Columnar):
    """Apache Parquet."""

    name: ClassVar[str] = "parquet"
    extensions: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    instead: ClassVar[str] = "feather"

    def _check(self, view: ArrowView, name: str) -> None:
        for at, kind in enumerate(view.schema.types):
            if why := parquet_layout.problem(kind):
                value = example(view, at)
                raise refusal(name, view.describe(at), why, value=value, instead=self.instead)
        check_dictionaries(view, name)

    def _write(self, view: ArrowView, payload: Payload) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = view.schema.with_metadata(_metadata(view, dictionaries=True))
        slices = view.slices(_slice_bytes(view, ROW_GROUPS))
        options = parquet_layout.options(view)
        parts = in_order(lambda rows: view.part(*rows), slices, workers=1)
        with _sink(payload) as sink, pq.ParquetWriter(sink, schema, **options) as writer, closing(parts):
            for part in parts:
                # As a table: row groups of batches are buffered, which takes a third longer.
                writer.write_table(pa.Table.from_batches([part]), max(1, len(part)))

    def _read(self, source: Any, reading: Reading) -> Any:
        import pyarrow.parquet as pq

        with pq.ParquetFile(source, pre_buffer=False) as file:
            said = _own_metadata(file.metadata.metadata)
            schema = file.schema_arrow
            if said is None and _is_for_pandas(schema, reading):
                return file.read(columns=reading.columns, use_pandas_metadata=True).to_pandas()
            written = _written_schema(file.metadata.metadata) or schema
            table = _source(said, written, file.metadata.num_rows)
            selection = select(table, reading)
            _read_columns(source, file, [table.names[at] for at in selection.positions], selection)
            return selection.finish()


def _read_columns(source: Any, file: Any, names: list[str], selection: Selection) -> None:
    """Read the columns of these names into ``selection``.

    A thread takes some columns and reads them from the first row group to the last: none waits for the
    others, and what lies around meanwhile is one row group of as many columns as there are threads.
    """
    from concurrent.futures import ThreadPoolExecutor

    import pyarrow.parquet as pq

    places: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)

    def read(columns: list[str]) -> None:
        with pq.ParquetFile(source, metadata=file.metadata, pre_buffer=False) as own:
            for group in range(own.num_row_groups):
                for batch in own.read_row_group(group, columns, use_threads=False).to_batches():
                    for name in columns:
                        values = batch.column(batch.schema.get_field_index(name))
                        for at in places[name]:
                            selection.add_to(at, values)

    shares = parquet_layout.shares(file.metadata, list(places), 4 * WORKERS)
    if len(shares) == 1:
        read(shares[0])
        return
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="jsk-parquet") as pool:
        for job in [pool.submit(read, columns) for columns in shares]:
            job.result()


class Feather(_Columnar):
    """Feather, which is Arrow's own file format (also known as Arrow IPC)."""

    name: ClassVar[str] = "feather"
    extensions: ClassVar[tuple[str, ...]] = (".feather", ".arrow", ".ipc")

    def _write(self, view: ArrowView, payload: Payload) -> None:
        import pyarrow as pa

        schema = view.schema.with_metadata(_metadata(view, dictionaries=False))
        options = pa.ipc.IpcWriteOptions(compression="lz4", unify_dictionaries=False)
        with _sink(payload) as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
            for start, stop in view.slices(_slice_bytes(view, _RECORD_BATCHES)):
                writer.write_batch(view.part(start, stop))
            if not view.rows:
                writer.write_batch(view.part(0, 0))

    def _read(self, source: Any, reading: Reading) -> Any:
        import pyarrow as pa

        try:
            file = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            # Feather's first version is another format altogether.
            return _foreign(_first_feather(source), reading)
        said = _own_metadata(file.schema.metadata)
        if said is None:
            return _foreign(file.read_all(), reading)
        table = _source(said, file.schema, said["state"]["rows"])
        table.dictionaries = _dictionaries(file.get_batch(0))
        selection = select(table, reading)
        wanted = sorted(set(selection.positions))
        file = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=wanted))
        for number in range(file.num_record_batches if wanted else 0):
            batch = file.get_batch(number)
            selection.add([batch.column(wanted.index(at)) for at in selection.positions])
        return selection.finish()


def _dictionaries(batch: pa.RecordBatch) -> dict[int, pa.Array]:
    import pyarrow as pa

    columns = enumerate(batch.columns)
    return {at: column.dictionary for at, column in columns if pa.types.is_dictionary(column.type)}


def _first_feather(source: Any) -> pa.Table:
    import pyarrow.feather as feather

    source.seek(0)
    return feather.read_table(source)


def _foreign(table: pa.Table, reading: Reading) -> Any:
    """Return a table that the kit has not written as the caller wants it."""
    if _is_for_pandas(table.schema, reading):
        return table.to_pandas() if reading.columns is None else table.to_pandas()[reading.columns]
    selection = select(Source("", {}, table.column_names, table.schema.types, table.num_rows), reading)
    for batch in table.to_batches():
        selection.add([batch.column(at) for at in selection.positions])
    return selection.finish()


# Both ------------------------------------------------------------------------------------------------


def _slice_bytes(view: ArrowView, count: int) -> int:
    """Return how large slices are when there are to be about ``count``."""
    return int(min(max(view.row_bytes() * view.rows / count, _LEAST), _MOST))


def _metadata(view: ArrowView, *, dictionaries: bool) -> dict[bytes, bytes]:
    said = {"type": view.type, "state": full_state(view, dictionaries=dictionaries)}
    metadata = {_KEY: dump_json(said)}
    if view.type.startswith("pandas."):
        from jsk_saver.formats.frames.pandas_metadata import metadata_for_pandas

        metadata |= metadata_for_pandas(view)
    return metadata


def _own_metadata(metadata: dict[bytes, bytes] | None) -> JSON | None:
    text = (metadata or {}).get(_KEY)
    said: JSON | None = None if text is None else json.loads(text)
    return said


def _written_schema(metadata: dict[bytes, bytes] | None) -> pa.Schema | None:
    """Return the schema as it was written; Parquet's own types are fewer than Arrow's."""
    import base64

    import pyarrow as pa

    text = (metadata or {}).get(b"ARROW:schema")
    return None if text is None else pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def _is_for_pandas(schema: pa.Schema, reading: Reading) -> bool:
    """Tell whether a file that is not ours was written by pandas and is wanted as pandas."""
    return b"pandas" in (schema.metadata or {}) and target_library("", reading) == "pandas"


def _source(said: JSON | None, schema: pa.Schema, rows: int) -> Source:
    """Return what a file says; its own word on types and state goes before the record's."""
    said = said or {"type": "", "state": {"rows": rows}}
    return Source(said["type"], said["state"], schema.names, schema.types, said["state"]["rows"])


@contextmanager
def _sink(payload: Payload) -> Iterator[Any]:
    import pyarrow as pa

    with pa.output_stream(Sink(payload), buffer_size=_BUFFER) as sink:
        yield sink


@contextmanager
def _opened(payload: Payload) -> Iterator[Any]:
    """Yield the bytes for reading: from the file as they are needed, or where they are in memory."""
    import pyarrow as pa

    if payload.path is None:
        yield pa.BufferReader(payload.getvalue())
    else:
        with pa.OSFile(str(payload.path)) as file:
            yield file
