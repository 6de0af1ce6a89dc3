"""Data files as Iceberg's manifests list them, with bounds that hold."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import (
    MetricModeTypes,
    MetricsMode,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table.metadata import TableMetadata

_COUNTS_ALONE = MetricsMode(MetricModeTypes.COUNTS)
_BEFORE_SURROGATES = "\ud7ff"


def data_file(io: FileIO, metadata: TableMetadata, path: str) -> DataFile:
    """The Parquet file at `path` as one of the table. Columns whose bounds are not known in all row groups have none."""
    source = io.new_input(path)
    with source.open() as stream:
        footer = pq.read_metadata(stream)
    schema = metadata.schema()
    numbers = parquet_path_to_id_mapping(schema)
    plan = compute_statistics_plan(schema, metadata.properties)
    for name in _without_bounds(footer):
        plan[numbers[name]] = replace(plan[numbers[name]], mode=_COUNTS_ALONE)
    statistics = data_file_statistics_from_parquet_metadata(footer, plan, numbers)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=statistics.partition(metadata.spec(), schema),
        file_size_in_bytes=len(source),
        sort_order_id=None,
        spec_id=metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def _without_bounds(footer: pq.FileMetaData) -> Iterator[str]:
    """Columns of text or bytes with a value too long for Parquet to be a bound, or with one that pyiceberg cannot shorten.

    Of other groups' bounds alone pyiceberg would make bounds of the file. (Numbers have none where all are NaN, which is above all bounds.)
    """
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    for place in range(footer.num_columns):
        chunks = [group.column(place) for group in groups]
        if any(chunk.physical_type == "BYTE_ARRAY" and not _is_bounded(chunk) for chunk in chunks):
            yield chunks[0].path_in_schema


def _is_bounded(chunk: pq.ColumnChunkMetaData) -> bool:
    found = chunk.statistics
    if found is None or not found.has_min_max:
        return found is not None and bool(found.null_count == chunk.num_values)
    return not isinstance(found.max, str) or _BEFORE_SURROGATES not in found.max
