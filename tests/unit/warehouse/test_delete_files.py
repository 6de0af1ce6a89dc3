"""Tables with rows that upserts have taken away are what other readers of Iceberg say they are."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from krai.errors import Transient
from krai.warehouse.catalog import open_catalog
from krai.warehouse.iceberg import IcebergWarehouse, open_local
from krai.warehouse.port import Undo
from tests.contract.importing import load, rows

KEY = ["id"]


class House:
    def __init__(self, folder: Path) -> None:
        self.warehouse: IcebergWarehouse = open_local(folder)
        self._catalog: Catalog = open_catalog(folder / "catalog.sqlite")

    def table(self) -> Table:
        return self._catalog.load_table(("krai", "things"))

    def assert_all_read(self, *ids: int) -> None:
        table = self.table()
        assert table.scan().to_arrow().column("id").sort().to_pylist() == sorted(ids)
        assert table.scan().count() == len(ids)
        assert sorted(pl.scan_iceberg(table).collect()["id"].to_list()) == sorted(ids)
        scan = self.warehouse.scan("things")
        assert sorted(key for part in scan.parts for key in part().column("id").to_pylist()) == sorted(ids)
        assert scan.rows == len(ids)

    def total(self, name: str) -> int:
        snapshot = self.table().current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        return int(str(snapshot.summary[name]))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # its own planner is a package of its own
    return House(tmp_path)


def test_others_read_what_krai_reads(house: House) -> None:
    load(house.warehouse, "things", "a", rows(1, 2, 3), rows(4, 5))
    load(house.warehouse, "things", "b", rows(2, 2, 5, 6), key=KEY)
    house.assert_all_read(1, 2, 3, 4, 5, 6)
    load(house.warehouse, "things", "c", rows(2, 9), key=KEY)
    house.assert_all_read(1, 2, 3, 4, 5, 6, 9)
    house.warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="b"))
    house.assert_all_read(1, 2, 3, 4, 5, 9)
    load(house.warehouse, "things", "d", rows(7), replace=True)
    house.assert_all_read(7)
    house.warehouse.undo("things", Undo(job_id="v", epoch=1, undone_job_id="d"))
    house.assert_all_read(1, 2, 3, 4, 5, 9)


def test_the_summary_of_a_snapshot_adds_up(house: House) -> None:
    load(house.warehouse, "things", "a", rows(1, 2, 3))
    load(house.warehouse, "things", "b", rows(2, 2, 6), key=KEY)
    totals = {name: house.total(f"total-{name}") for name in ("records", "position-deletes", "delete-files", "data-files")}
    assert totals == {"records": 6, "position-deletes": 2, "delete-files": 1, "data-files": 2}
    assert house.total("krai.rows") == 4
    house.warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="b"))
    totals = {name: house.total(f"total-{name}") for name in totals}
    assert totals == {"records": 3, "position-deletes": 0, "delete-files": 0, "data-files": 1}


def test_delete_files_are_folded_together(house: House) -> None:
    for number in range(20):
        load(house.warehouse, "things", f"job-{number}", rows(1, number + 100), key=KEY)
    house.assert_all_read(1, *range(100, 120))
    assert house.total("total-delete-files") < 10


def test_the_name_of_a_folder_is_no_sign_of_what_an_import_took_away(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path / "deletes-2024" / "w")
    load(warehouse, "things", "first", rows(*range(30)))
    for number in range(18):
        load(warehouse, "things", f"u{number}", rows(number), key=KEY)
    assert warehouse.undo("things", Undo(job_id="undo", epoch=1, undone_job_id="u17")).counts.restored == 1


def test_a_file_without_a_row_left_is_not_opened(house: House, tmp_path: Path) -> None:
    load(house.warehouse, "things", "a", rows(1, 2))
    load(house.warehouse, "things", "b", rows(1, 2, 3), key=KEY)
    for part in tmp_path.glob("things/data/a/**/*.parquet"):
        part.unlink()
    assert len(list(open_local(tmp_path).scan("things").parts)) == 2


def test_a_wider_decimal_is_read_by_others(house: House) -> None:
    for job, number, digits in (("a", "1.25", 5), ("b", "1234567.75", 12)):
        table = pa.table({"id": [1], "price": pa.array([Decimal(number)], pa.decimal128(digits, 2))})
        load(house.warehouse, "things", job, table, evolve=True)
    expected = [Decimal("1.25"), Decimal("1234567.75")]
    assert sorted(house.table().scan().to_arrow().column("price").to_pylist()) == expected
    assert sorted(pl.scan_iceberg(house.table()).collect()["price"].to_list()) == expected


def test_commits_that_lost_leave_no_delete_files(house: House, tmp_path: Path) -> None:
    load(house.warehouse, "things", "a", rows(1))
    barrier = threading.Barrier(4)

    def upsert(number: int) -> None:
        other = open_local(tmp_path)
        barrier.wait()
        for turn in range(3):
            load(other, "things", f"job-{number}-{turn}", rows(1), key=KEY)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upsert, range(4)))
    house.assert_all_read(1)
    assert len(list(tmp_path.glob("things/data/*/e1/deletes-*"))) == 12


def test_a_file_that_cannot_be_read_while_keys_are_looked_up_is_tried_again(house: House, tmp_path: Path) -> None:
    load(house.warehouse, "things", "a", rows(1, 2))
    for part in tmp_path.glob("things/data/a/**/*.parquet"):
        part.rename(part.with_suffix(".away"))
    with pytest.raises(Transient, match="store_busy"):
        load(open_local(tmp_path), "things", "b", rows(1), key=KEY)
    for part in tmp_path.glob("things/data/a/**/*.away"):
        part.rename(part.with_suffix(".parquet"))
    house.assert_all_read(1, 2)
