"""Files on their way out: pieces are encoded by any thread, and put together in order by one."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from krai.formats.compression import Gzip
from krai.formats.csv_text import csv_header, csv_rows
from krai.formats.ndjson_text import ndjson_rows
from krai.formats.row_groups import Codec, open_writer, write_group

# Text is made of so many rows at a time: arrays of a few hundred kilobytes come from memory that was just in use, larger ones from
# fresh pages, which costs almost as much as the work.
_ROWS_AT_ONCE = 16_384

Data = bytes | memoryview
Write = Callable[[Data], None]


class Encoder(Protocol):
    """`encode` may be called by any thread; `add` and `finish` by one, in the order of the tables."""

    def encode(self, table: pa.Table) -> Any: ...

    def add(self, encoded: Any) -> None: ...

    def finish(self) -> None: ...


def open_encoder(name: str, compression: str, schema: pa.Schema, write: Write) -> Encoder:
    """The encoder of a format that hands its bytes to `write`."""
    packed = compression == "gzip"
    if name == "parquet":
        return ParquetEncoder(schema, write, packed=packed)
    if name == "ndjson":
        return TextEncoder(ndjson_rows, b"", write, packed=packed)
    return TextEncoder(csv_rows, csv_header(schema), write, packed=packed)


@dataclass(frozen=True, slots=True)
class _Packed:
    plain: Data
    data: bytes


class TextEncoder:
    """Rows of text, compressed or not."""

    def __init__(self, rows: Callable[[pa.Table], Data], header: bytes, write: Write, *, packed: bool) -> None:
        self._rows = rows
        self._write = write
        self._gzip = Gzip() if packed else None
        if self._gzip is not None:
            write(Gzip.HEADER)
        if header:
            self.add([self._pack(header)])

    def encode(self, table: pa.Table) -> list[Data | _Packed]:
        return [self._pack(self._rows(table.slice(start, _ROWS_AT_ONCE))) for start in range(0, table.num_rows, _ROWS_AT_ONCE)]

    def add(self, encoded: list[Data | _Packed]) -> None:
        for data in encoded:
            if isinstance(data, _Packed):
                assert self._gzip is not None  # noqa: S101 (for the type checker)
                self._gzip.count(data.plain)
                self._write(data.data)
            else:
                self._write(data)

    def finish(self) -> None:
        if self._gzip is not None:
            self._write(self._gzip.finish())

    def _pack(self, data: Data) -> Data | _Packed:
        return data if self._gzip is None else _Packed(data, Gzip.pack(data))


class ParquetEncoder:
    """Parquet with a row group for each table; compressed inside, as every reader of Parquet expects it."""

    def __init__(self, schema: pa.Schema, write: Write, *, packed: bool) -> None:
        self._schema = schema
        self._write = write
        self._codec: Codec = "gzip" if packed else "zstd"
        self._writer: pq.ParquetWriter | None = None

    def encode(self, table: pa.Table) -> pa.Table:
        return table

    def add(self, encoded: pa.Table) -> None:
        if self._writer is None:
            self._writer = self._begin(encoded)
        write_group(self._writer, encoded)

    def finish(self) -> None:
        (self._writer or self._begin(self._schema.empty_table())).close()

    def _begin(self, first: pa.Table) -> pq.ParquetWriter:
        return open_writer(pa.PythonFile(_Sink(self._write), mode="w"), first, self._codec)


class _Sink(io.RawIOBase):
    """Hands on what the Parquet writer writes."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        self._write(data)
        self._position += len(data)
        return len(data)
