"""The data files of a snapshot, cut into pieces of bounded size, in the order in which the rows were imported."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table.snapshots import Snapshot

from krai.warehouse.recent import Recent

Piece = Callable[[], pa.Table]


def files_in_order(snapshot: Snapshot, io: FileIO) -> list[DataFile]:
    """By commit, then by part: the sequence number of an entry stays when manifests are merged."""
    entries = [entry for manifest in snapshot.manifests(io) for entry in manifest.fetch_manifest_entry(io)]
    entries.sort(key=lambda entry: (entry.sequence_number or 0, entry.data_file.file_path))
    return [entry.data_file for entry in entries]


def pieces_of(
    files: Sequence[DataFile], io: FileIO, schema: pa.Schema, limit: int | None, footers: Recent[pq.FileMetaData]
) -> Iterator[Piece]:
    """One piece for each row group, projected to `schema`; together they hold `limit` rows, or all. `footers` may hold those of files."""
    left = limit
    for file in files:
        if left == 0:
            return
        part = _Part(io, file.file_path, schema, footers)
        if left is None or left >= file.record_count:
            left = None if left is None else left - file.record_count
            yield from (part.piece(group, None) for group in range(_groups(file, part)))
            continue
        for group in range(part.metadata.num_row_groups):
            take = min(left, part.metadata.row_group(group).num_rows)
            left -= take
            yield part.piece(group, take)
            if left == 0:
                return


class _Part:
    """One Parquet file. It is opened by the first of its pieces that is read and closed after the last: in a bucket, each opening
    costs a look-up and a download that is broken off."""

    def __init__(self, io: FileIO, location: str, schema: pa.Schema, footers: Recent[pq.FileMetaData]) -> None:
        self._io = io
        self._location = location
        self._schema = schema
        self._footers = footers
        self._lock = threading.Lock()
        self._stream: pa.NativeFile | None = None
        self._pieces = 0
        self._read_pieces = 0

    @property
    def metadata(self) -> pq.FileMetaData:
        def read() -> pq.FileMetaData:
            with self._io.new_input(self._location).open() as stream:
                return pq.read_metadata(stream)

        return self._footers.get(self._location, read)

    def piece(self, group: int, rows: int | None) -> Piece:
        self._pieces += 1
        return partial(self._read, group, rows)

    def _read(self, group: int, rows: int | None) -> pa.Table:
        with self._opened() as stream:
            footer = self._footers.get(self._location, lambda: pq.read_metadata(stream))
            file = pq.ParquetFile(stream, metadata=footer)
            held = set(file.schema_arrow.names)
            table = file.read_row_group(group, columns=[name for name in self._schema.names if name in held], use_threads=False)
        if rows is not None:
            table = table.slice(0, rows)
        columns = [
            table.column(field.name).cast(field.type) if field.name in held else pa.nulls(table.num_rows, field.type)
            for field in self._schema
        ]
        return pa.table(columns, schema=self._schema)

    @contextmanager
    def _opened(self) -> Iterator[pa.NativeFile]:
        """The open file, for several threads at once."""
        with self._lock:
            if self._stream is None:
                self._stream = self._io.new_input(self._location).open()
            stream = self._stream
        yield stream
        with self._lock:
            self._read_pieces += 1
            if self._read_pieces == self._pieces:
                self._stream, self._read_pieces = None, 0
                stream.close()


def _groups(file: DataFile, part: _Part) -> int:
    return len(file.split_offsets) if file.split_offsets else part.metadata.num_row_groups
