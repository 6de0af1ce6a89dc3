"""Files are open for as long as they are read."""

from pathlib import Path

import psutil

from krai.warehouse.iceberg import open_local
from tests.contract.importing import load, rows


def test_a_part_is_open_from_its_first_piece_to_its_last(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    load(warehouse, "things", "a", rows(*range(6)))
    first, second, third = warehouse.scan("things").parts

    def open_parts() -> int:
        return sum(file.path.endswith(".parquet") for file in psutil.Process().open_files())

    for _ in range(2):
        first()
        second()
        assert open_parts() == 1
        third()
        assert open_parts() == 0
