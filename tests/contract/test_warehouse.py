"""What every warehouse promises: a job's rows become visible together, once, whoever runs it and however often."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from krai.errors import Terminal, Transient
from krai.warehouse.port import Change, Mode, Query, Scan, Warehouse
from tests.contract.importing import SCHEMA, drop, load, rows, write_part
from tests.contract.warehouses import Place, many_processes, without, without_double

Opener = Callable[[], Warehouse]


def read(scan: Scan) -> pa.Table:
    table = pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])
    assert table.num_rows == scan.expected()
    assert table.schema == scan.schema
    return table


def ids(warehouse: Warehouse, limit: int | None = None) -> list[int]:
    numbers: list[int] = read(warehouse.scan("things", Query(limit=limit))).column("id").to_pylist()
    return numbers


def test_what_is_not_there_is_none(warehouse: Warehouse) -> None:
    assert warehouse.describe("things") is None
    assert warehouse.schema("things") is None
    assert warehouse.find_commit("things", "a") is None
    assert not warehouse.holds("things", "1")
    assert warehouse.drop("things", "1") is None
    warehouse.sweep("things", "a", None)
    with pytest.raises(Terminal) as error:
        warehouse.scan("things")
    assert error.value.code == "dataset_not_found"


def test_a_commit_makes_the_dataset_and_is_found_again(warehouse: Warehouse, open_warehouse: Opener) -> None:
    committed = load(warehouse, "things", "a", rows(1, 2), summary="done")
    assert committed.summary == {"result": "done", "rows": "5"}
    assert (committed.epoch, committed.rows, committed.committed_at) == (1, 2, committed.dataset.updated_at)
    dataset = warehouse.describe("things")
    assert dataset == committed.dataset
    assert dataset is not None
    assert [(column.name, column.type) for column in dataset.columns] == [("id", "int64"), ("name", "string")]
    assert (dataset.rows, dataset.snapshot_id) == (2, committed.snapshot_id)
    assert dataset.bytes > 0
    assert open_warehouse().find_commit("things", "a") == committed
    assert open_warehouse().find_commit("things", "b") is None
    assert read(open_warehouse().scan("things")).equals(rows(1, 2))


def test_a_commit_is_found_as_it_was_when_others_have_followed(warehouse: Warehouse, open_warehouse: Opener) -> None:
    first = load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", rows(3))
    found = open_warehouse().find_commit("things", "a")
    assert found is not None
    assert (found.rows, found.committed_at, found.dataset.rows) == (2, first.committed_at, 3)
    (snapshot,) = found.noted("a", "append").snapshots
    assert (snapshot.snapshot_id, snapshot.job_id, snapshot.rows, snapshot.inserted) == (first.snapshot_id, "a", 2, 2)


def test_a_job_is_committed_once_however_often_it_runs(warehouse: Warehouse) -> None:
    first = load(warehouse, "things", "a", rows(1), summary="first")
    load(warehouse, "things", "b", rows(2))
    again = load(warehouse, "things", "a", rows(1), epoch=2, summary="second")
    assert (again.snapshot_id, again.epoch, again.summary["result"]) == (first.snapshot_id, 1, "first")
    assert ids(warehouse) == [1, 2]


def test_a_zombie_that_commits_after_its_successor_changes_nothing(warehouse: Warehouse, open_warehouse: Opener) -> None:
    zombie = open_warehouse()
    part = write_part(zombie, "things", "a", 1, rows(1))
    load(warehouse, "things", "a", rows(1), epoch=2)
    late = zombie.commit("things", Change(job_id="a", epoch=1, schema=SCHEMA, parts=[part], mode=Mode.REPLACE))
    assert late.epoch == 2
    assert ids(warehouse) == [1]


@without("rest", "bigquery")
def test_rows_come_in_the_order_in_which_they_were_imported(warehouse: Warehouse, place: Place) -> None:
    # The names of jobs and the number of parts do not matter, nor does merging of what describes them.
    load(warehouse, "things", "z", *[rows(number) for number in range(12)])
    load(warehouse, "things", "m", rows(12, 13, 14, 15, 16))
    load(warehouse, "things", "a", rows(17))
    for number in range(18, place.commits):
        load(warehouse, "things", f"job-{number % 10}-{number}", rows(number))
    assert ids(warehouse) == list(range(place.commits))


def test_a_limit_is_kept_to_the_row(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3), rows(4, 5))
    load(warehouse, "things", "b", rows(6))
    for limit in (0, 1, 2, 3, 5, 6, 7, 100):
        assert ids(warehouse, limit) == [1, 2, 3, 4, 5, 6][:limit]


def test_pieces_are_of_bounded_size(warehouse: Warehouse) -> None:
    """However large what was written is: pieces have the size of the tables that were, but for those that are small."""
    wide = pa.table({"text": ["x" * (1 << 20)] * 7})
    load(warehouse, "things", "a", wide)
    assert [part().num_rows for part in warehouse.scan("things").parts] == [2, 2, 2, 1]


def test_pieces_are_read_by_several_threads_and_more_than_once(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(*range(40)), rows(*range(40, 80)))
    pieces = warehouse.scan("things").parts
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            assert pa.concat_tables(pool.map(lambda piece: piece(), pieces)).equals(rows(*range(80)))


def test_columns_are_taken_in_the_order_asked_for(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    assert read(warehouse.scan("things", Query(columns=["name", "id"]))).column_names == ["name", "id"]
    assert read(warehouse.scan("things", Query(columns=["name"]))).to_pydict() == {"name": ["name 1"]}
    with pytest.raises(Terminal) as error:
        warehouse.scan("things", Query(columns=["id", "nope"]))
    assert error.value.code == "unknown_column"


def test_a_column_that_a_part_lacks_is_null(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"name": ["x"]}))
    assert read(warehouse.scan("things")).to_pydict() == {"id": [1, None], "name": ["name 1", "x"]}


def test_names_may_hold_what_paths_are_made_of(warehouse: Warehouse) -> None:
    table = pa.table({"a": [1], "a.b": ["x"], "b/c": [2.5], 'q"é ': [True]})
    load(warehouse, "things", "a", table)
    assert read(warehouse.scan("things")).equals(table)
    assert read(warehouse.scan("things", Query(columns=["a"]))).to_pydict() == {"a": [1]}
    assert read(warehouse.scan("things", Query(columns=["a.b"]))).to_pydict() == {"a.b": ["x"]}


def test_every_type_is_kept(warehouse: Warehouse) -> None:
    schema = pa.schema(
        [
            ("boolean", pa.bool_()),
            ("int64", pa.int64()),
            ("float64", pa.float64()),
            ("decimal", pa.decimal128(20, 4)),
            ("date", pa.date32()),
            ("timestamp", pa.timestamp("us")),
            ("timestamptz", pa.timestamp("us", "UTC")),
            ("string", pa.string()),
            ("binary", pa.binary()),
        ]
    )
    table = pa.table([pa.nulls(1, field.type) for field in schema], schema=schema)
    load(warehouse, "things", "a", table)
    assert read(warehouse.scan("things")).equals(table)
    assert warehouse.schema("things") == schema


def test_replacing_takes_the_place_of_rows_and_columns(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    other = pa.table({"name": [True], "id": ["text now"], "new": [1.5]})
    load(warehouse, "things", "b", other, replace=True)
    assert read(warehouse.scan("things")).equals(other)
    load(warehouse, "things", "c", other)
    dataset = warehouse.describe("things")
    assert dataset is not None
    assert dataset.rows == 2
    load(warehouse, "things", "d", rows(3), replace=True)
    assert read(warehouse.scan("things")).equals(rows(3))
    assert warehouse.find_commit("things", "b") is not None


def test_nothing_can_be_committed(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a")
    assert ids(warehouse) == []
    load(warehouse, "things", "b", rows(1))
    load(warehouse, "things", "c")
    assert ids(warehouse) == [1]
    load(warehouse, "things", "d", replace=True)
    assert ids(warehouse) == []
    assert warehouse.find_commit("things", "d") is not None


def test_an_append_to_columns_that_have_changed_is_tried_again(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", pa.table({"id": ["text"]}))
    with pytest.raises(Transient):
        load(warehouse, "things", "b", rows(1))
    assert warehouse.find_commit("things", "b") is None


def test_a_reader_keeps_the_snapshot_it_has_begun_with(warehouse: Warehouse, open_warehouse: Opener) -> None:
    load(warehouse, "things", "a", rows(1))
    scan = open_warehouse().scan("things")
    load(warehouse, "things", "b", pa.table({"other": [2]}), replace=True)
    assert read(scan).equals(rows(1))


def test_a_dropped_dataset_leaves_nothing_and_can_be_made_again(warehouse: Warehouse, place: Place) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"other": [2]}), replace=True)
    drop(warehouse, "things")
    assert warehouse.describe("things") is None
    assert place.leftovers("things") == []
    load(warehouse, "things", "a", rows(3))
    assert ids(warehouse) == [3]


def test_a_drop_names_what_it_drops(warehouse: Warehouse, open_warehouse: Opener) -> None:
    seen = load(warehouse, "things", "a", rows(1)).snapshot_id
    newest = load(warehouse, "things", "b", pa.table({"other": [2]}), replace=True).snapshot_id
    assert open_warehouse().holds("things", seen)
    assert open_warehouse().drop("things", seen) == newest
    load(warehouse, "things", "a", rows(3))
    for gone in (seen, newest):
        assert not warehouse.holds("things", gone)
        assert warehouse.drop("things", gone) is None
    assert ids(warehouse) == [3]


def test_an_import_that_is_under_way_survives_the_drop_of_its_dataset(warehouse: Warehouse, open_warehouse: Opener) -> None:
    load(warehouse, "things", "a", rows(1))
    part = write_part(warehouse, "things", "b", 1, rows(2))
    drop(open_warehouse(), "things")
    warehouse.commit("things", Change(job_id="b", epoch=1, schema=SCHEMA, parts=[part]))
    assert ids(warehouse) == [2]


def test_sweeping_deletes_what_lost_and_never_what_was_committed(warehouse: Warehouse, place: Place) -> None:
    write_part(warehouse, "things", "a", 1, rows(9))
    load(warehouse, "things", "a", rows(1), epoch=2)
    write_part(warehouse, "things", "a", 3, rows(9))
    load(warehouse, "things", "ab", rows(2))  # another job, whatever its name begins with
    warehouse.sweep("things", "a", 3)
    assert place.epochs("things", "a") == {2, 3}
    warehouse.sweep("things", "a", None)
    assert place.epochs("things", "a") == {2}
    assert ids(warehouse) == [1, 2]
    warehouse.sweep("things", "never-committed", None)


def test_an_attempt_that_begins_anew_leaves_nothing_of_its_first_try(warehouse: Warehouse, place: Place) -> None:
    warehouse.discard("things", "a", 1)
    load(warehouse, "things", "b", rows(1))
    write_part(warehouse, "things", "a", 1, rows(9))
    for number in (0, 1):
        write_part(warehouse, "things", "a", 2, rows(9), number=number)
    warehouse.discard("things", "a", 2)
    assert place.epochs("things", "a") == {1}, "what others do with the job is theirs"
    load(warehouse, "things", "a", rows(2), epoch=2)
    assert ids(warehouse) == [1, 2]


def test_two_threads_that_create_the_same_dataset_both_get_in(open_warehouse: Opener, place: Place) -> None:
    warehouses = [open_warehouse(), open_warehouse()]
    barrier = threading.Barrier(2)

    def create(number: int) -> None:
        barrier.wait()
        load(warehouses[number], "things", f"job-{number}", rows(number))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(open_warehouse())) == [0, 1]
    # What the one that came second had begun is gone.
    drop(open_warehouse(), "things")
    assert place.leftovers("things") == []


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("replace", [True, False])
@without_double
def test_the_same_job_in_four_threads_is_committed_once(open_warehouse: Opener, *, exists: bool, replace: bool) -> None:
    warehouses = [open_warehouse() for _ in range(4)]
    if exists:
        load(warehouses[0], "things", "earlier", rows(0))
    barrier = threading.Barrier(4)
    found = []

    def commit(number: int) -> None:
        barrier.wait()
        found.append(load(warehouses[number], "things", "a", rows(1), epoch=number + 1, replace=replace).snapshot_id)

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert ids(open_warehouse()) == ([0, 1] if exists and not replace else [1])


def importing(place: Place, *jobs: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.contract.importing", place.url, "things", *jobs]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@many_processes
def test_two_processes_that_append_all_the_time_lose_nothing(open_warehouse: Opener, place: Place) -> None:
    open_warehouse()
    processes = [importing(place, *[f"job-{number}" for number in range(first, first + 20)]) for first in (0, 20)]
    for process in processes:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert len(said.split()) == 20
    assert sorted(ids(open_warehouse())) == list(range(40))


@many_processes
def test_jobs_that_are_killed_at_any_moment_and_run_again_are_there_once(open_warehouse: Opener, place: Place) -> None:
    jobs = [f"job-{number}" for number in range(12)]
    for attempt in range(3):
        process = importing(place, *jobs)
        assert process.stdout is not None
        process.stdout.readline()
        # A little later each time, so that it is hit at other places.
        time.sleep(0.013 * attempt)
        process.kill()
        process.communicate()
    process = importing(place, *jobs)
    process.communicate(timeout=60)
    assert ids(open_warehouse()) == list(range(12))
