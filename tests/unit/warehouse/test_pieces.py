"""Large files are open for as long as they are read, small ones are read once."""

import random
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Query, Scan
from tests.contract.importing import SCHEMA, load, rows


def test_a_large_part_is_open_from_its_first_piece_to_its_last(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    load(warehouse, "things", "a", _large())
    first, second, third = warehouse.scan("things").parts

    def open_parts() -> int:
        return sum(file.path.endswith(".parquet") for file in psutil.Process().open_files())

    for _ in range(2):
        first()
        second()
        assert open_parts() == 1
        third()
        assert open_parts() == 0


def test_a_small_part_is_read_once_for_all_jobs(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    load(warehouse, "things", "a", rows(*range(6)))
    load(warehouse, "large", "b", _large())

    def read(name: str) -> pa.Table:
        return pa.concat_tables(part() for part in warehouse.scan(name).parts)

    before = read("things"), read("large")
    for part in tmp_path.glob("*/data/*/*/*.parquet"):
        part.rename(part.with_suffix(".away"))
    assert read("things") == before[0]
    assert read("things").num_rows == 6
    with pytest.raises(FileNotFoundError):
        read("large")


def test_files_that_a_filter_rules_out_are_not_opened(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", rows(4, 5, 6))
    (first,) = tmp_path.glob("*/data/a/*/*.parquet")
    first.unlink()
    for text in ("id > 3", "NOT id <= 3", "id IN (4, 5, 6)", "name LIKE 'name 4%' OR id BETWEEN 5 AND 9", "name IS NULL OR id = 6"):
        scan = warehouse.scan("things", Query(filter=text))
        assert read_all(scan).num_rows == scan.expected() > 0
    with pytest.raises(FileNotFoundError):
        read_all(warehouse.scan("things", Query(filter="id >= 3")))


def test_row_groups_that_a_filter_rules_out_are_not_read(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    load(warehouse, "things", "a", _large())
    (file,) = tmp_path.glob("*/data/a/*/*.parquet")
    _spoil(file, group=1, column=0)
    assert read_all(warehouse.scan("things", Query(filter="id < 2 OR id = 5"))).column("id").to_pylist() == [0, 1, 5]
    with pytest.raises(OSError, match=r"(?i)thrift"):
        read_all(warehouse.scan("things", Query(filter="id = 2")))


def test_other_columns_are_read_only_where_a_row_is_taken(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    table = _large().set_column(0, "id", pa.array([1, 5, 2, 4, 3, 3], pa.int64()))
    load(warehouse, "things", "a", table)
    (file,) = tmp_path.glob("*/data/a/*/*.parquet")
    _spoil(file, group=1, column=1)
    assert read_all(warehouse.scan("things", Query(filter="id = 3"))).column("id").to_pylist() == [3, 3]
    with pytest.raises(OSError, match=r"(?i)thrift"):
        read_all(warehouse.scan("things", Query(filter="id = 4")))


def read_all(scan: Scan) -> pa.Table:
    return pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])


def _spoil(path: Path, *, group: int, column: int) -> None:
    """Overwrite what a row group has of a column, but for its dictionary and its statistics, which the footer has."""
    chunk = pq.read_metadata(path).row_group(group).column(column)
    content = bytearray(path.read_bytes())
    start = chunk.data_page_offset
    content[start : start + 16] = b"\xff" * 16
    path.write_bytes(content)


def _large() -> pa.Table:
    """Six rows in more than a mebibyte."""
    draw = random.Random(1)  # noqa: S311 - letters, no secrets
    return pa.table({"id": range(6), "name": [draw.randbytes(400_000).hex() for _ in range(6)]}, schema=SCHEMA)
