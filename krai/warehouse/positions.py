"""Position delete files of Iceberg: which rows of which data files are gone, by their number in the file.

Columns and their numbers are those of the table specification, version 2, section Position Delete Files.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.typedef import Record

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]
Gone = Mapping[str, Positions]  # by the location of a data file; sorted, each once

NOWHERE: Positions = np.empty(0, dtype=np.int64)
_PATH_ID, _POSITION_ID = 2147483546, 2147483545
_GROUP_ROWS = 1 << 20


def positions_between(positions: Positions, first: int, end: int) -> Positions:
    low, high = np.searchsorted(positions, (first, end))
    return positions[low:high]


def united(one: Positions, other: Positions) -> Positions:
    return np.union1d(one, other) if len(one) and len(other) else one if len(one) else other


def write_positions(io: FileIO, location: str, gone: Gone) -> DataFile:
    """Write a delete file, as an entry of a manifest has it."""
    paths = sorted(path for path, positions in gone.items() if len(positions))
    counts = [len(gone[path]) for path in paths]
    codes = pa.array(np.repeat(np.arange(len(paths), dtype=np.int32), counts))
    positions = np.concatenate([gone[path] for path in paths])
    names = pa.DictionaryArray.from_arrays(codes, pa.array(paths, pa.string()))
    schema = pa.schema([_field("file_path", names.type, _PATH_ID), _field("pos", pa.int64(), _POSITION_ID)])
    # The Arrow schema would tell other readers of a dictionary, which is this writer's own affair.
    with (
        io.new_output(location).create(overwrite=True) as file,
        pq.ParquetWriter(file, schema, compression="zstd", store_schema=False) as writer,
    ):
        writer.write_table(pa.table([names, positions], schema=schema), row_group_size=_GROUP_ROWS)
    written = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=len(positions),
        file_size_in_bytes=len(io.new_input(location)),
        lower_bounds={_PATH_ID: paths[0].encode(), _POSITION_ID: _bound(positions.min())},
        upper_bounds={_PATH_ID: paths[-1].encode(), _POSITION_ID: _bound(positions.max())},
    )
    written.spec_id = 0
    return written


def read_positions(io: FileIO, file: DataFile) -> Gone:
    with io.new_input(file.file_path).open() as stream:
        table = pq.read_table(stream, columns=["file_path", "pos"], read_dictionary=["file_path"])
    found: dict[str, Positions] = {}
    for batch in table.to_batches():
        names = batch.column(0)
        codes = names.indices.to_numpy()
        positions = batch.column(1).to_numpy()
        # The file is sorted, so the rows of one data file stand together.
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
            path = names.dictionary[int(codes[start])].as_py()
            found[path] = united(found.get(path, NOWHERE), positions[start:end])
    return found


def _field(name: str, kind: pa.DataType, number: int) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)})


def _bound(position: np.int64) -> bytes:
    """As the specification serializes a long, Appendix D."""
    return int(position).to_bytes(8, "little", signed=True)
