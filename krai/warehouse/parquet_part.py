"""The typed rows of an import as one Parquet file."""

import pyarrow as pa
import pyarrow.parquet as pq

from krai.formats.row_groups import open_writer, write_group


class ParquetPart:
    """Implements `Part`: each table becomes a row group. Nothing but the file's name is there before the first of them."""

    def __init__(self, location: str, file: pa.NativeFile) -> None:
        self.location = location
        self._file = file
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = open_writer(self._file, table)
        write_group(self._writer, table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()
