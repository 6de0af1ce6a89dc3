"""Files on their way out: pieces are encoded by any thread, and put together in order by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from krai.formats.compression import Gzip
from krai.formats.csv_text import CsvRows, Style, csv_header, csv_rows
from krai.formats.ndjson_text import json_rows, ndjson_rows
from krai.formats.row_groups import Codec, open_writer, write_group
from krai.formats.sink import Sink
from krai.formats.xlsx_text import XlsxFormat
from krai.formats.zstd import Zstd

# Text is made of so much at a time: arrays of a few hundred kilobytes come from memory that was just in use, larger ones from fresh pages,
# which costs almost as much as the work.
_CELLS_AT_ONCE = 98_304
_ROWS_AT_ONCE = 16_384

Data = bytes | memoryview
Write = Callable[[Data], None]


class Document(Protocol):
    """One file: `add` what was encoded, in the order of the tables, then `finish`. All by one thread."""

    cells_altered: int  # made harmless for spreadsheets, so far

    def add(self, encoded: Any) -> None: ...

    def finish(self) -> None: ...


class Format(Protocol):
    """`encode` may be called by any thread, and depends on its table alone: a piece may be ready before its file is begun."""

    def encode(self, table: pa.Table) -> Any: ...

    def begin(self, write: Write) -> Document:
        """A new file, whose bytes go to `write`."""


def open_format(params: Mapping[str, Any], schema: pa.Schema, *, title: str = "data") -> Format:
    """The format that an export's `params` ask for; `title` is for formats whose files have one inside."""
    name, compression = params.get("format", "csv"), params.get("compression", "none")
    if name == "parquet":
        return ParquetFormat(schema, "gzip" if compression == "gzip" else "zstd")
    if name == "xlsx":
        return XlsxFormat(schema, title)
    packer = _PACKERS[compression]
    if name == "ndjson":
        return TextFormat(_whole(ndjson_rows), packer)
    if name == "json":
        return TextFormat(_whole(json_rows), packer, header=CsvRows(memoryview(b"[")), footer=b"\n]\n", joint=b",")
    style = Style.of(params)
    return TextFormat(partial(csv_rows, style=style), packer, header=csv_header(schema, style))


class Plain:
    """Bytes as they are."""

    HEADER = b""

    @staticmethod
    def pack(data: Data) -> Data:
        return data

    def count(self, data: Data) -> None:
        """Nothing is kept of them."""

    def finish(self) -> bytes:
        return b""


Packer = Plain | Gzip | Zstd
_PACKERS: dict[str, type[Packer]] = {"none": Plain, "gzip": Gzip, "zstd": Zstd}


_NOTHING = CsvRows(memoryview(b""))


def _whole(rows: Callable[[pa.Table], memoryview]) -> Callable[[pa.Table], CsvRows]:
    return lambda table: CsvRows(rows(table))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows, as they are and packed."""

    plain: Data
    packed: Data
    cells_altered: int = 0


@dataclass(frozen=True, slots=True)
class TextFormat:
    """Rows of text, compressed or not. `joint` is what each row begins with but the first of a file."""

    rows: Callable[[pa.Table], CsvRows]
    packer: type[Packer]
    header: CsvRows = _NOTHING
    footer: bytes = b""
    joint: bytes = b""

    def encode(self, table: pa.Table) -> list[Piece]:
        pieces, step = [], min(_ROWS_AT_ONCE, _CELLS_AT_ONCE // table.num_columns)
        for start in range(0, table.num_rows, step):
            rows = self.rows(table.slice(start, step))
            pieces.append(Piece(rows.data, self.packer.pack(rows.data), rows.cells_altered))
        return pieces

    def begin(self, write: Write) -> "TextDocument":
        return TextDocument(self, write)


class TextDocument:
    """Implements `Document`."""

    def __init__(self, layout: TextFormat, write: Write) -> None:
        self._layout = layout
        self._write = write
        self._packer = layout.packer()
        self._begun = False
        self.cells_altered = layout.header.cells_altered
        write(layout.packer.HEADER)
        self._add(layout.header.data)

    def add(self, encoded: list[Piece]) -> None:
        for piece in encoded:
            self.cells_altered += piece.cells_altered
            if self._layout.joint and not self._begun:
                self._add(memoryview(piece.plain)[len(self._layout.joint) :])
            else:
                self._packer.count(piece.plain)
                self._write(piece.packed)
            self._begun = True

    def finish(self) -> None:
        self._add(self._layout.footer)
        self._write(self._packer.finish())

    def _add(self, plain: Data) -> None:
        if plain:
            self._packer.count(plain)
            self._write(self._packer.pack(plain))


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """Parquet with a row group for each table; compressed inside, as every reader of Parquet expects it."""

    schema: pa.Schema
    codec: Codec

    def encode(self, table: pa.Table) -> pa.Table:
        return table

    def begin(self, write: Write) -> "ParquetDocument":
        return ParquetDocument(self, write)


class ParquetDocument:
    """Implements `Document`."""

    def __init__(self, layout: ParquetFormat, write: Write) -> None:
        self._layout = layout
        self._write = write
        self._writer: pq.ParquetWriter | None = None
        self.cells_altered = 0

    def add(self, encoded: pa.Table) -> None:
        if self._writer is None:
            self._writer = self._begin(encoded)
        write_group(self._writer, encoded)

    def finish(self) -> None:
        (self._writer or self._begin(self._layout.schema.empty_table())).close()

    def _begin(self, first: pa.Table) -> pq.ParquetWriter:
        return open_writer(pa.PythonFile(Sink(self._write), mode="w"), first, self._layout.codec)
