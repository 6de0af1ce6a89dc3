"""Writing Parquet: a row group for each table, and dictionaries only where they pay."""

from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Codec = Literal["zstd", "gzip"]
_LEVELS: dict[Codec, int] = {"zstd": 1, "gzip": 4}
_SAMPLE_ROWS = 10_000
_REPEATED = 4  # a dictionary pays when a value comes about so often


def open_writer(where: Any, first: pa.Table, codec: Codec = "zstd") -> pq.ParquetWriter:
    """A writer of tables like `first`. A dictionary of values that hardly repeat costs half of all writing, and bytes too."""
    sample = first.slice(0, _SAMPLE_ROWS)
    repeated = [
        name
        for name, column in zip(sample.column_names, sample.columns, strict=True)
        if pc.count_distinct(column, mode="all").as_py() * _REPEATED <= max(1, sample.num_rows)
    ]
    return pq.ParquetWriter(where, first.schema, compression=codec, compression_level=_LEVELS[codec], use_dictionary=repeated or False)


def write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)
