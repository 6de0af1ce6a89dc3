"""The typed rows of an import on their way into Parquet parts of the warehouse."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from krai.formats.row_groups import open_writer, write_group
from krai.warehouse.port import Part

_PART_BYTES = 512 << 20


class Parts:
    """Writes tables one after the other; a part ends when it is large, or when the columns become other ones.

    `open_part` begins a part by its number. Each table becomes a row group.
    """

    def __init__(self, open_part: Callable[[int], Part]) -> None:
        self.locations: list[str] = []
        self._open_part = open_part
        self._file: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._bytes = 0

    def write(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        if self._writer is None or table.schema != self._schema or self._bytes > _PART_BYTES:
            self.close()
            self._writer = self._begin(table)
        write_group(self._writer, table)
        self._bytes += table.nbytes

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, first: pa.Table) -> pq.ParquetWriter:
        part = self._open_part(len(self.locations))
        self.locations.append(part.location)
        self._file = part.file
        self._schema, self._bytes = first.schema, 0
        return open_writer(part.file, first)
