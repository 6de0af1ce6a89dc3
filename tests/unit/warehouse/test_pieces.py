"""Large files are open for as long as they are read, small ones are read once."""

import random
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from krai.warehouse.iceberg import open_local
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


def _large() -> pa.Table:
    """Six rows in more than a mebibyte."""
    draw = random.Random(1)  # noqa: S311 - letters, no secrets
    return pa.table({"id": range(6), "name": [draw.randbytes(400_000).hex() for _ in range(6)]}, schema=SCHEMA)
