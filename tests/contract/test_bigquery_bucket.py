"""Rows that go into BigQuery and come out of it by way of the bucket: each job once, in order, and no file is left."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from krai.warehouse.bigquery.bucket import Bucket
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.port import Change, Query, Undo
from scripts.emulators import Emulators
from tests.bigquery_proxy import BigQueryProxy
from tests.contract import warehouses
from tests.contract.importing import SCHEMA, load, rows, write_part
from tests.contract.test_bigquery import every_value
from tests.contract.warehouses import BigQueryDataset, Files
from tests.faulty_proxy import Fault, FaultyProxy

READER = ("reader", 3)


@pytest.fixture
def place(bigquery: BigQueryProxy, monkeypatch: pytest.MonkeyPatch) -> BigQueryDataset:
    return warehouses.dataset(bigquery, monkeypatch)


@pytest.fixture
def files(emulators: Emulators, bigquery: BigQueryProxy, monkeypatch: pytest.MonkeyPatch) -> Files:
    bigquery.storage = f"http://{emulators.storage.host}"
    return warehouses.bucket(emulators, monkeypatch)


@pytest.fixture
def bucket(files: Files) -> Bucket:
    return Bucket(files.path, files.file_system)


@pytest.fixture
def warehouse(place: BigQueryDataset, bigquery: BigQueryProxy, bucket: Bucket, tmp_path: Path) -> BigQueryWarehouse:
    return BigQueryWarehouse(place.url, tmp_path, emulator=bigquery.url, bucket=bucket)


@pytest.fixture
def line(bigquery: BigQueryProxy) -> Iterator[FaultyProxy]:
    with FaultyProxy(bigquery.host, http=True) as line:
        yield line


@pytest.fixture
def far_warehouse(place: BigQueryDataset, line: FaultyProxy, bucket: Bucket, tmp_path: Path) -> BigQueryWarehouse:
    """The same datasets, over a bad line."""
    return BigQueryWarehouse(place.url, tmp_path, emulator=f"http://{line.host}", bucket=bucket)


def read(warehouse: BigQueryWarehouse, **asked: object) -> pa.Table:
    scan = warehouse.scan("things", Query(attempt=READER, **asked))  # type: ignore[arg-type]
    pieces = [part() for part in scan.parts]
    # What is written of them must not tell how many files there were.
    assert all(column.num_chunks <= 1 for piece in pieces for column in piece.columns)
    table = pa.concat_tables([scan.schema.empty_table(), *pieces])
    assert table.num_rows == scan.expected()
    return table


def test_every_value_comes_back_as_it_was(warehouse: BigQueryWarehouse, files: Files) -> None:
    table = every_value()
    load(warehouse, "things", "a", table)
    assert read(warehouse).equals(table)
    assert files.files() == []


def test_rows_come_in_the_order_of_the_dataset(warehouse: BigQueryWarehouse, files: Files, bigquery: BigQueryProxy) -> None:
    """However BigQuery cuts them into files, and wherever it keeps them: the rows that an undo brings back are its newest."""
    table = pa.table({"id": range(90), "name": [f"{number}".ljust(1_000) for number in range(90)]})
    load(warehouse, "things", "a", table.slice(0, 60))
    load(warehouse, "things", "b", table.slice(60))
    load(warehouse, "things", "c", rows(*range(5, 50)), key=["id"])
    warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="c"))
    bigquery.moved.clear()
    assert read(warehouse).equals(table)
    assert len(bigquery.moved) > 1
    assert files.files() == []


def test_a_filter_a_limit_columns_and_a_moment_are_kept(warehouse: BigQueryWarehouse) -> None:
    first = load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", rows(4, 5, 6))
    assert read(warehouse, filter="name <> 'name 2'", limit=3).equals(rows(1, 3, 4))
    assert read(warehouse, columns=["name"], limit=2).to_pydict() == {"name": ["name 1", "name 2"]}
    assert read(warehouse, as_of=first.snapshot_id).equals(rows(1, 2, 3))
    assert read(warehouse, filter="id > 6").equals(rows())
    assert read(warehouse, limit=0).equals(rows())


def test_a_large_dataset_is_several_jobs(warehouse: BigQueryWarehouse, bigquery: BigQueryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("krai.warehouse.bigquery.extracts._BUNCH_BYTES", 3 << 17)
    table = pa.table({"id": range(7), "text": ["x" * (1 << 17)] * 7})
    load(warehouse, "things", "a", table)
    bigquery.begun.clear()
    parts = warehouse.scan("things", Query(attempt=READER)).parts
    for turn in range(2):
        pieces = [part() for part in parts]
        assert [piece.num_rows for piece in pieces] == [2, 2, 2, 1]
        assert pa.concat_tables(pieces).equals(table)
        numbers = range(4 * turn, 4 * turn + 4)
        assert sorted(job_id for job_id in bigquery.begun if "-x" in job_id)[-4:] == [f"krai-reader-e3-x{number}" for number in numbers]


def test_a_reader_that_stops_leaves_no_file(warehouse: BigQueryWarehouse, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("krai.warehouse.bigquery.extracts._BUNCH_BYTES", 1)
    load(warehouse, "things", "a", pa.table({"text": ["x" * (1 << 20)] * 10}))
    pieces = iter(warehouse.scan("things", Query(attempt=READER)).parts)
    assert next(pieces)().num_rows == 2
    del pieces
    assert files.files() == []


@pytest.mark.parametrize("what", ["load", "extract"])
def test_a_job_whose_answer_is_lost_is_found_and_not_run_again(
    far_warehouse: BigQueryWarehouse, line: FaultyProxy, bigquery: BigQueryProxy, files: Files, what: str
) -> None:
    bigquery.refused.clear()
    if what == "load":
        line.fail(Fault(), only="^POST /bigquery.*/jobs")  # the table of the part
        line.fail(Fault(answered=0), only="^POST /bigquery.*/jobs")
    load(far_warehouse, "things", "a", rows(1, 2, 3))
    if what == "extract":
        line.fail(Fault(answered=0), only="^POST /bigquery.*/jobs")
    assert read(far_warehouse).equals(rows(1, 2, 3))
    assert line.failed
    assert len(bigquery.refused) == 1
    assert bigquery.refused[0].endswith("_e1_p0_0" if what == "load" else "-e3-x0")
    assert files.files() == []


def test_a_part_that_another_process_has_loaded_for_the_same_attempt_is_not_loaded_again(
    warehouse: BigQueryWarehouse, far_warehouse: BigQueryWarehouse, bigquery: BigQueryProxy
) -> None:
    location = write_part(warehouse, "things", "a", 1, rows(1))
    bigquery.refused.clear()
    assert write_part(far_warehouse, "things", "a", 1, rows(1)) == location
    assert len(bigquery.refused) == 2  # the table, and its rows
    load(warehouse, "things", "a", rows(1))
    assert read(warehouse).equals(rows(1))


def test_files_lie_beside_the_others_of_their_attempt(
    warehouse: BigQueryWarehouse, bucket: Bucket, files: Files, bigquery: BigQueryProxy
) -> None:
    """Where `krai.losers` removes what a process leaves that dies meanwhile."""
    bigquery.moved.clear()
    part = warehouse.open_part("things", "a", 7, 0)
    part.write(rows(1))
    assert files.files() == []  # a file that is not whole is not there
    part.close()
    warehouse.commit("things", Change(job_id="a", epoch=7, schema=SCHEMA, parts=[part.location]))
    assert read(warehouse).equals(rows(1))
    assert bigquery.moved == [
        f"{bucket.name}/jobs/a/e7/bigquery/{part.location}.parquet",
        f"{bucket.name}/jobs/reader/e3/bigquery/x0/000000000000.parquet",
    ]
