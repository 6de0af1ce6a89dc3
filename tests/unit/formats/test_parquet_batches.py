"""How a Parquet file is cut into blocks: into about equal ones, however its row groups are."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.formats.parquet import ParquetReader

MOST_ROWS = 128 << 10


@pytest.mark.parametrize(
    ("groups", "blocks"),
    [
        ([MOST_ROWS - 10, MOST_ROWS - 20], [MOST_ROWS - 10, MOST_ROWS - 20]),
        ([MOST_ROWS + 10], [MOST_ROWS // 2 + 5] * 2),
        ([1000, 2000, MOST_ROWS, 5], [3000, MOST_ROWS, 5]),
        ([0, 10, 0], [10]),
        ([0], []),
        ([], []),
    ],
)
@pytest.mark.parametrize("with_dictionaries", [False, True])
def test_blocks_end_with_large_row_groups_and_are_alike_within_them(groups: list[int], blocks: list[int], with_dictionaries: bool) -> None:  # noqa: FBT001 (a case)
    file, rows = io.BytesIO(), sum(groups)
    table = pa.table({"n": range(rows), "t": [f"text {number % 7}" for number in range(rows)]})
    with pq.ParquetWriter(file, table.schema, use_dictionary=with_dictionaries) as writer:
        start = 0
        for count in groups:
            writer.write_table(table.slice(start, count), row_group_size=max(1, count))
            start += count
    reader = ParquetReader(lambda: io.BytesIO(file.getvalue()), max_bytes=1 << 40, max_columns=9, max_name_bytes=99)
    read = [block for block in reader.blocks() if block.num_rows]
    found = [block.num_rows for block in read]
    if with_dictionaries and 3000 in blocks:  # the dictionary of each row group is another one
        blocks = [1000, 2000, *blocks[1:]]
    assert found == blocks
    assert pa.Table.from_batches([block.select(["n"]) for block in read], pa.schema({"n": pa.int64()})).column(0).to_pylist() == list(
        range(rows)
    )
