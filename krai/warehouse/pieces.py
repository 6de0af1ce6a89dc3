"""The data files of a snapshot, cut into pieces of bounded size, in the order in which the rows were imported."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile

from krai.warehouse.plan import Plan
from krai.warehouse.positions import NOWHERE, Positions, positions_between
from krai.warehouse.recent import Recent
from krai.warehouse.sieve import Sieve

Piece = Callable[[], pa.Table]

_KEPT = 16  # footers, and whole files that are small
_SMALL_BYTES = 1 << 20


class Kept:
    """What was read of data files, which never change, for the jobs that come next: footers, and small files as a whole."""

    def __init__(self) -> None:
        self.footers: Recent[pq.FileMetaData] = Recent(_KEPT)
        self.contents: Recent[pa.Buffer] = Recent(_KEPT)


def pieces_of(
    plan: Plan, io: FileIO, schema: pa.Schema, kept: Kept, *, limit: int | None = None, sieve: Sieve | None = None
) -> Iterable[Piece]:
    """One piece for each row group, projected to `schema`; together they hold `limit` of the rows that pass the sieve, or all."""
    if sieve is None:
        return list(_pieces(plan, io, schema, kept, limit))
    pieces = list(_sifted_pieces(plan, io, schema, kept, sieve))
    return pieces if limit is None else _First(pieces, limit)


def _pieces(plan: Plan, io: FileIO, schema: pa.Schema, kept: Kept, limit: int | None) -> Iterator[Piece]:
    left = limit
    for file in plan.files:
        if left == 0:
            return
        gone = plan.gone.get(file.file_path)
        rows = file.record_count if gone is None else file.record_count - len(gone)
        if rows == 0:
            continue
        part = DataPart(io, file, schema, kept)
        if gone is None and (left is None or left >= rows):
            left = None if left is None else left - rows
            yield from (part.piece(group) for group in range(_groups(file, part)))
            continue
        for group, first, count in part.groups():
            within = NOWHERE if gone is None else positions_between(gone, first, first + count)
            take = count - len(within) if left is None else min(left, count - len(within))
            if take == 0:
                continue
            left = None if left is None else left - take
            yield part.piece(group, take, within - first)
            if left == 0:
                return


def _sifted_pieces(plan: Plan, io: FileIO, schema: pa.Schema, kept: Kept, sieve: Sieve) -> Iterator[Piece]:
    for file in plan.files:
        gone = plan.gone.get(file.file_path, NOWHERE)
        if len(gone) == file.record_count:
            continue
        if not sieve.may_hold(file):
            sieve.drop(file.file_path, file.record_count - len(gone))
            continue
        part = DataPart(io, file, schema, kept, sieve)
        if len(gone):
            for group, first, count in part.groups():
                yield part.piece(group, gone=positions_between(gone, first, first + count) - first)
        else:
            yield from (part.piece(group) for group in range(_groups(file, part)))


class _First:
    """The first `limit` rows of all pieces. How many a piece has is known only when it was read, so that is done one after the other."""

    def __init__(self, pieces: Sequence[Piece], limit: int) -> None:
        self._pieces = pieces
        self._limit = limit

    def __iter__(self) -> Iterator[Piece]:
        left = self._limit
        for piece in self._pieces:
            if left == 0:
                return
            table = piece().slice(0, left)
            left -= table.num_rows
            yield partial(table.slice, 0)


class DataPart:
    """One Parquet file. A large one is opened by the first of its pieces that is read and closed after the last: in a bucket, each
    opening costs a look-up and a download that is broken off. A small one is read at once."""

    def __init__(self, io: FileIO, file: DataFile, schema: pa.Schema, kept: Kept, sieve: Sieve | None = None) -> None:
        self._io = io
        self._sieve = sieve
        self._location = file.file_path
        self._small = file.file_size_in_bytes <= _SMALL_BYTES
        self._schema = schema
        self._kept = kept
        self._lock = threading.Lock()
        self._stream: pa.NativeFile | None = None
        self._pieces = 0
        self._read_pieces = 0

    @property
    def metadata(self) -> pq.FileMetaData:
        def read() -> pq.FileMetaData:
            with pa.BufferReader(self._content()) if self._small else self._open() as stream:
                return pq.read_metadata(stream)

        return self._kept.footers.get(self._location, read)

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and count of rows of each row group."""
        first = 0
        for group in range(self.metadata.num_row_groups):
            count = self.metadata.row_group(group).num_rows
            yield group, first, count
            first += count

    def piece(self, group: int, rows: int | None = None, gone: Positions = NOWHERE) -> Piece:
        """The first `rows` of a row group, or all, without those at the positions that are `gone`, which count from its first row."""
        self._pieces += 1
        return partial(self._read, group, rows, gone)

    def _read(self, group: int, rows: int | None, gone: Positions) -> pa.Table:
        with pa.BufferReader(self._content()) if self._small else self._opened() as stream:
            footer = self._kept.footers.get(self._location, lambda: pq.read_metadata(stream))
            file = pq.ParquetFile(stream, metadata=footer)
            table = _rows(file, group, self._schema, gone) if self._sieve is None else self._sifted(file, group, self._sieve, gone)
        return table if rows is None else table.slice(0, rows)

    def _sifted(self, file: pq.ParquetFile, group: int, sieve: Sieve, gone: Positions) -> pa.Table:
        """What the filter asks about comes first; the rest only when a row stays."""
        place, footer = (self._location, group), file.metadata.row_group(group)
        if not sieve.may_hold_group(footer, file.schema_arrow):
            sieve.drop(place, footer.num_rows - len(gone))
            return self._schema.empty_table()
        asked = _rows(file, group, sieve.schema, gone)
        stays = sieve.mask(place, asked)
        if not pc.any(stays).as_py():
            return self._schema.empty_table()
        rest = _rows(file, group, pa.schema([field for field in self._schema if field.name not in asked.column_names]), gone)
        columns = [(asked if field.name in asked.column_names else rest).column(field.name) for field in self._schema]
        return pa.table(columns, schema=self._schema).filter(stays)

    def _content(self) -> pa.Buffer:
        def read() -> pa.Buffer:
            with self._open() as stream:
                return stream.read_buffer()

        return self._kept.contents.get(self._location, read)

    def _open(self) -> pa.NativeFile:
        return self._io.new_input(self._location).open()

    @contextmanager
    def _opened(self) -> Iterator[pa.NativeFile]:
        """The open file, for several threads at once."""
        with self._lock:
            if self._stream is None:
                self._stream = self._open()
            stream = self._stream
        yield stream
        with self._lock:
            self._read_pieces += 1
            if self._read_pieces == self._pieces:
                self._stream, self._read_pieces = None, 0
                stream.close()


def _rows(file: pq.ParquetFile, group: int, schema: pa.Schema, gone: Positions) -> pa.Table:
    """The rows of a row group that are not gone, as `schema` has them; a column that the file lacks is null."""
    held = set(file.schema_arrow.names)
    table = file.read_row_group(group, columns=[name for name in schema.names if name in held], use_threads=False)
    count = file.metadata.row_group(group).num_rows
    columns = [table.column(field.name).cast(field.type) if field.name in held else pa.nulls(count, field.type) for field in schema]
    whole = pa.table(columns, schema=schema)
    if not len(gone) or not columns:
        return whole
    live = np.ones(count, dtype=np.bool_)
    live[gone] = False
    return whole.filter(pa.array(live))


def _groups(file: DataFile, part: DataPart) -> int:
    return len(file.split_offsets) if file.split_offsets else part.metadata.num_row_groups
