"""What every warehouse promises of upserts, columns that grow, forecasts and undone imports."""

import math
import os
import threading
import time
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pytest

from krai.errors import Terminal, Transient
from krai.warehouse.port import Counts, Query, Undo, Warehouse
from tests.contract.importing import SHARED_ID, change, load, rows
from tests.contract.test_warehouse import Opener, ids, importing, read
from tests.contract.warehouses import Place, many_processes, without_double

KEY = ["id"]


def named(*pairs: tuple[int | None, str]) -> pa.Table:
    return pa.table({"id": [pair[0] for pair in pairs], "name": [pair[1] for pair in pairs]}, schema=rows().schema)


def pairs(warehouse: Warehouse) -> list[tuple[int, str]]:
    table = read(warehouse.scan("things"))
    return list(zip(table.column("id").to_pylist(), table.column("name").to_pylist(), strict=True))


def live_rows(warehouse: Warehouse) -> int:
    dataset = warehouse.describe("things")
    assert dataset is not None
    return dataset.rows


def undo(warehouse: Warehouse, job_id: str, undone: str) -> Counts:
    return warehouse.undo("things", Undo(job_id=job_id, epoch=1, undone_job_id=undone)).counts


# -- upserts --------------------------------------------------------------------------------------------------------------------------


def test_an_upsert_replaces_rows_of_its_keys_and_adds_the_others(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3), rows(4, 5))
    committed = load(warehouse, "things", "b", named((4, "new"), (2, "new"), (9, "new")), key=KEY)
    assert committed.counts == Counts(inserted=1, updated=2)
    assert pairs(warehouse) == [(1, "name 1"), (3, "name 3"), (5, "name 5"), (4, "new"), (2, "new"), (9, "new")]
    assert live_rows(warehouse) == 6
    assert committed.dataset.rows == 6
    assert warehouse.find_commit("things", "b") == committed


def test_an_upsert_can_make_the_dataset_and_the_last_row_of_a_key_counts(warehouse: Warehouse) -> None:
    committed = load(warehouse, "things", "a", named((1, "first"), (2, "x"), (1, "second")), named((3, "y"), (1, "last")), key=KEY)
    assert committed.counts == Counts(inserted=3)
    assert pairs(warehouse) == [(2, "x"), (3, "y"), (1, "last")]
    assert live_rows(warehouse) == 3


def test_all_rows_of_a_key_are_replaced_by_one_and_count_as_one(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", named((1, "x"), (1, "y")))
    load(warehouse, "things", "b", named((1, "z"), (2, "z")))
    assert load(warehouse, "things", "c", named((1, "one")), key=KEY).counts == Counts(updated=1)
    assert pairs(warehouse) == [(2, "z"), (1, "one")]


def test_rows_without_a_key_are_nobodys(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", named((None, "x"), (1, "y")))
    load(warehouse, "things", "b", named((1, "z")), key=KEY)
    assert pairs(warehouse) == [(None, "x"), (1, "z")]


def test_a_key_of_several_columns_is_their_combination(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", named((1, "x"), (1, "y"), (2, "x")))
    assert load(warehouse, "things", "b", named((1, "x"), (2, "y")), key=["name", "id"]).counts == Counts(inserted=1, updated=1)
    assert pairs(warehouse) == [(1, "y"), (2, "x"), (1, "x"), (2, "y")]


def test_keys_of_every_type_are_found(warehouse: Warehouse) -> None:
    """Of rows that differ from the first in one column each."""
    cells: list[tuple[pa.DataType, object, object]] = [
        (pa.float64(), math.nan, 1.5),
        (pa.float64(), -0.0, 2.5),
        (pa.float64(), 0.1, 0.1 + 2**-56),
        (pa.string(), "Ä\u0001'\"", "a"),
        (pa.decimal128(38, 2), Decimal("123456789012345678901234567890123456.78"), Decimal("0.01")),
        (pa.bool_(), True, False),
        (pa.binary(), b"\x00\xff", b""),
        (pa.date32(), 18262, -1),
        (pa.timestamp("us"), 1, 2),
        (pa.timestamp("us", "UTC"), 1, 2),
    ]

    def table(zero: float, value: int, *others: int) -> pa.Table:
        """A row of the first cells and of `zero` for -0.0, then one for each of the columns that have another cell."""
        firsts = [zero if number == 1 else same for number, (_, same, _) in enumerate(cells)]
        taken = [firsts, *([cells[column][2] if column == number else cell for number, cell in enumerate(firsts)] for column in others)]
        columns = {f"a.{number}": pa.array([row[number] for row in taken], kind) for number, (kind, _, _) in enumerate(cells)}
        return pa.table(columns | {"value": range(value, value + len(taken))})

    load(warehouse, "things", "a", table(-0.0, 0, *range(len(cells))))
    upsert = load(warehouse, "things", "b", table(0.0, 100), key=[f"a.{number}" for number in range(len(cells))])
    assert upsert.counts == Counts(updated=1)
    assert read(warehouse.scan("things")).column("value").to_pylist() == [*range(1, len(cells) + 1), 100]


@without_double
def test_upserts_one_after_the_other_leave_one_row_of_a_key(warehouse: Warehouse) -> None:
    upserts = 20
    for number in range(upserts):
        load(warehouse, "things", f"job-{number}", named((1, str(number)), (100 + number, "own"), (number % 3 + 10, str(number))), key=KEY)
    table = {key: name for key, name in pairs(warehouse) if key < 100}
    assert table == {1: str(upserts - 1)} | {number % 3 + 10: str(number) for number in range(upserts)}
    assert live_rows(warehouse) == upserts + 4 == len(ids(warehouse))


@without_double
def test_a_limit_counts_the_rows_that_are_left(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3, 4, 5, 6, 7))
    load(warehouse, "things", "b", named((1, "new"), (3, "new"), (4, "new")), key=KEY)
    for limit in (0, 1, 2, 3, 4, 5, 100):
        assert ids(warehouse, limit) == [2, 5, 6, 7, 1, 3, 4][:limit]


@without_double
def test_a_filter_sees_the_rows_that_are_left(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3, 4, 5, 6))
    load(warehouse, "things", "b", named((1, "new"), (3, "new"), (4, "new")), key=KEY)
    for condition, found in (("id > 2", [5, 6, 3, 4]), ("id = 1", [1]), ("name = 'new'", [1, 3, 4]), ("id > 99", [])):
        for limit in (None, 0, 1, 2, 3, 100):
            scan = warehouse.scan("things", Query(filter=condition, limit=limit))
            assert read(scan).column("id").to_pylist() == found[:limit], (condition, limit)
            if limit is None:
                assert (scan.rows, scan.matching()) == (6, len(found)), condition


def test_what_an_upsert_or_a_replace_took_away_is_still_there_at_its_time(warehouse: Warehouse) -> None:
    first = load(warehouse, "things", "a", rows(1, 2))
    second = load(warehouse, "things", "b", named((1, "new")), key=KEY)
    third = load(warehouse, "things", "c", pa.table({"other": [1.5]}), replace=True)
    undo(warehouse, "u", "c")
    tables = [read(warehouse.scan("things", Query(as_of=commit.snapshot_id))).to_pydict() for commit in (first, second, third)]
    assert tables[0] == rows(1, 2).to_pydict()
    assert tables[1] == {"id": [2, 1], "name": ["name 2", "new"]} == read(warehouse.scan("things")).to_pydict()
    assert tables[2] == {"other": [1.5]}


def test_an_upsert_of_nothing_changes_nothing(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    assert load(warehouse, "things", "b", key=KEY).counts == Counts()
    assert ids(warehouse) == [1]


def test_an_upsert_by_a_column_it_does_not_have_is_refused(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    with pytest.raises(Terminal) as error:
        load(warehouse, "things", "b", rows(1), key=["nope"])
    assert error.value.code == "unknown_column"
    assert ids(warehouse) == [1]


def test_a_replace_forgets_what_upserts_have_taken_away(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", rows(2), key=KEY)
    load(warehouse, "things", "c", rows(2, 3), replace=True)
    assert ids(warehouse) == [2, 3]
    assert live_rows(warehouse) == 2


def test_a_reader_keeps_its_snapshot_while_rows_are_upserted(warehouse: Warehouse, open_warehouse: Opener) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    scan = open_warehouse().scan("things")
    load(warehouse, "things", "b", named((1, "new")), key=KEY)
    assert read(scan).equals(rows(1, 2))


def run_at_once(*works: threading.Thread) -> None:
    for work in works:
        work.start()
    for work in works:
        work.join()


@without_double
@pytest.mark.parametrize("exists", [True, False])
def test_upserts_of_the_same_keys_at_once_leave_one_row_of_each(open_warehouse: Opener, *, exists: bool) -> None:
    warehouses = [open_warehouse() for _ in range(4)]
    if exists:
        load(warehouses[0], "things", "earlier", rows(1, 2, 3))
    barrier = threading.Barrier(4)
    counts: list[Counts] = []

    def commit(number: int) -> None:
        barrier.wait()
        counts.append(load(warehouses[number], "things", f"job-{number}", named((1, str(number)), (2, str(number))), key=KEY).counts)

    run_at_once(*[threading.Thread(target=commit, args=(number,)) for number in range(4)])
    assert sum(item.updated for item in counts) == (8 if exists else 6)
    found = [name for key, name in pairs(open_warehouse()) if key in {1, 2}]
    assert len(found) == 2
    assert found[0] == found[1]


@without_double
def test_the_same_upsert_in_four_threads_is_committed_once(open_warehouse: Opener) -> None:
    warehouses = [open_warehouse() for _ in range(4)]
    load(warehouses[0], "things", "earlier", rows(1, 2))
    barrier = threading.Barrier(4)
    found = []

    def commit(number: int) -> None:
        barrier.wait()
        found.append(load(warehouses[number], "things", "a", named((1, "new")), epoch=number + 1, key=KEY))

    run_at_once(*[threading.Thread(target=commit, args=(number,)) for number in range(4)])
    assert {item.snapshot_id for item in found} == {found[0].snapshot_id}
    assert pairs(open_warehouse()) == [(2, "name 2"), (1, "new")]


@many_processes
def test_upserts_that_are_killed_at_any_moment_and_run_again_are_there_once(open_warehouse: Opener, place: Place) -> None:
    jobs = [f"upsert-{number}" for number in range(min(8, place.commits // 8))]
    for attempt in range(min(2, place.commits // 20)):
        process = importing(place, *jobs)
        assert process.stdout is not None
        process.stdout.readline()
        # A little later each time, so that it is hit at other places.
        time.sleep(0.1 * attempt)
        process.kill()
        process.communicate()
    process = importing(place, *jobs)
    process.communicate(timeout=60)
    assert sorted(ids(open_warehouse())) == [SHARED_ID, *range(len(jobs))]


@many_processes
def test_processes_that_import_all_the_time_lose_nothing(open_warehouse: Opener, place: Place) -> None:
    """Two upsert and one appends; all upserts want one key besides their own. `make contention` has each commit 200 times."""
    each = int(os.environ.get("KRAI_TEST_CONTENTION", min(5, place.commits // 10)))
    open_warehouse()
    works = [("upsert", 0), ("upsert", each), ("job", 2 * each)]
    processes = [importing(place, *[f"{kind}-{number}" for number in range(first, first + each)]) for kind, first in works]
    for process in processes:
        said, _ = process.communicate(timeout=60 + each * 5)
        assert process.returncode == 0
        assert len(said.split()) == each
    assert sorted(ids(open_warehouse())) == [SHARED_ID, *range(3 * each)]


# -- columns that grow ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [(), ("id",)])
def test_an_import_may_add_columns(warehouse: Warehouse, key: Sequence[str]) -> None:
    load(warehouse, "things", "a", rows(1))
    table = pa.table({"extra": [1.5], "id": [2]})
    load(warehouse, "things", "b", table, key=key, evolve=True)
    assert read(warehouse.scan("things")).to_pydict() == {"id": [1, 2], "name": ["name 1", None], "extra": [None, 1.5]}
    load(warehouse, "things", "c", rows(3), evolve=True)
    assert warehouse.schema("things") == pa.schema([("id", pa.int64()), ("name", pa.string()), ("extra", pa.float64())])


def test_decimals_get_more_digits_and_no_value_changes(warehouse: Warehouse) -> None:
    def table(number: str, digits: int) -> pa.Table:
        return pa.table({"price": pa.array([Decimal(number)], pa.decimal128(digits, 2))})

    load(warehouse, "things", "a", table("1.25", 5))
    load(warehouse, "things", "b", table("12345678.75", 12), evolve=True)
    load(warehouse, "things", "c", table("2.50", 5), evolve=True)
    assert read(warehouse.scan("things")).column("price").to_pylist() == [Decimal("1.25"), Decimal("12345678.75"), Decimal("2.50")]
    assert warehouse.schema("things") == pa.schema([("price", pa.decimal128(12, 2))])
    assert load(warehouse, "things", "d", table("1.25", 5), key=["price"]).counts == Counts(updated=1)


@pytest.mark.parametrize(
    "other", [pa.array(["x"]), pa.array([1.5]), pa.array([Decimal(1)], pa.decimal128(20, 0)), pa.array([True]), pa.array([b"x"])]
)
def test_no_other_type_becomes_another(warehouse: Warehouse, other: pa.Array) -> None:
    load(warehouse, "things", "a", pa.table({"id": [1]}))
    with pytest.raises(Transient):
        load(warehouse, "things", "b", pa.table({"id": other}), evolve=True)
    assert ids(warehouse) == [1]


def test_no_column_is_added_unless_it_may_be(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    with pytest.raises(Transient):
        load(warehouse, "things", "b", pa.table({"id": [2], "extra": [1]}))
    assert warehouse.schema("things") == rows().schema


def test_an_append_that_was_read_before_a_column_came_is_committed(warehouse: Warehouse, open_warehouse: Opener) -> None:
    load(warehouse, "things", "a", rows(1))
    late = change(warehouse, "things", "late", rows(2))
    load(open_warehouse(), "things", "b", pa.table({"id": [3], "extra": [1]}), evolve=True)
    warehouse.commit("things", late)
    assert read(warehouse.scan("things")).column("extra").to_pylist() == [None, 1, None]


# -- forecasts ------------------------------------------------------------------------------------------------------------------------


def test_a_forecast_says_what_a_commit_would_do_and_does_nothing(warehouse: Warehouse, place: Place) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    before, there = warehouse.describe("things"), place.leftovers("things")
    planned = change(warehouse, "things", "b", pa.table({"id": [2, 3, 3], "extra": [1, 2, 3]}), key=KEY, evolve=True)
    forecast = warehouse.forecast("things", planned)
    assert forecast.counts == Counts(inserted=1, updated=1)
    assert forecast.schema.names == ["id", "name", "extra"]
    assert forecast.bytes > 0
    assert warehouse.describe("things") == before
    assert warehouse.find_commit("things", "b") is None
    warehouse.sweep("things", "b", None)
    assert place.leftovers("things") == there


def test_a_forecast_makes_no_dataset(warehouse: Warehouse, place: Place) -> None:
    forecast = warehouse.forecast("things", change(warehouse, "things", "a", named((1, "x"), (1, "y")), key=KEY))
    assert (forecast.counts, forecast.schema) == (Counts(inserted=1), rows().schema)
    warehouse.sweep("things", "a", None)
    assert warehouse.describe("things") is None
    assert place.leftovers("things") == []


def test_a_forecast_of_a_replace_counts_its_own_rows(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    other = pa.table({"other": [1.5]})
    forecast = warehouse.forecast("things", change(warehouse, "things", "b", other, replace=True))
    assert (forecast.counts, forecast.schema) == (Counts(inserted=1), other.schema)
    assert ids(warehouse) == [1, 2]


# -- undone imports -------------------------------------------------------------------------------------------------------------------


def test_an_append_is_undone(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", rows(3, 4))
    load(warehouse, "things", "c", rows(5))
    committed = warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="b", summary={"result": "x"}))
    assert committed.counts == Counts(removed=2)
    assert committed.summary == {"result": "x"}
    assert ids(warehouse) == [1, 2, 5]
    assert live_rows(warehouse) == 3
    assert warehouse.find_commit("things", "u") == committed
    assert warehouse.find_commit("things", "b") is not None


def test_an_upsert_is_undone_and_its_rows_come_back_to_their_places(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((2, "new"), (2, "newer"), (4, "new")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=2, restored=1)
    assert read(warehouse.scan("things")).equals(rows(1, 2, 3))
    assert live_rows(warehouse) == 3


def test_a_replace_is_undone_with_its_columns(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((2, "new")), key=KEY)
    before = pairs(warehouse)
    load(warehouse, "things", "c", pa.table({"other": [1.5, 2.5]}), replace=True)
    assert undo(warehouse, "u", "c") == Counts(removed=2, restored=3)
    assert pairs(warehouse) == before
    assert live_rows(warehouse) == 3
    load(warehouse, "things", "d", rows(7))
    assert undo(warehouse, "v", "b") == Counts(removed=1, restored=1)
    assert read(warehouse.scan("things")).equals(rows(1, 2, 3, 7))


def test_what_a_newer_upsert_has_written_stays(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((1, "b"), (2, "b"), (8, "b"), (9, "b")), key=KEY)
    load(warehouse, "things", "c", named((2, "c"), (9, "c"), (10, "c")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=2, restored=1, kept=2)
    assert pairs(warehouse) == [(1, "name 1"), (3, "name 3"), (2, "c"), (9, "c"), (10, "c")]
    assert live_rows(warehouse) == 5
    # With its own undo comes what was there before both: the rows that it has replaced itself are undone.
    assert undo(warehouse, "v", "c") == Counts(removed=3, restored=1)
    assert sorted(pairs(warehouse)) == [(1, "name 1"), (2, "name 2"), (3, "name 3")]
    with pytest.raises(Terminal, match="nothing_to_undo"):
        undo(warehouse, "w", "b")


@without_double
def test_newest_first_all_is_as_it_was(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((1, "b"), (2, "b"), (4, "b")), key=KEY)
    load(warehouse, "things", "c", named((2, "c"), (4, "c"), (5, "c")), key=KEY)
    load(warehouse, "things", "d", rows(6), replace=True)
    for number, job in enumerate("dcb"):
        undo(warehouse, f"undo-{number}", job)
    assert read(warehouse.scan("things")).equals(rows(1, 2, 3))


@without_double
def test_rows_of_an_append_that_were_updated_stay_updated(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", rows(2, 3))
    load(warehouse, "things", "c", named((3, "c")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=1, kept=1)
    assert pairs(warehouse) == [(1, "name 1"), (3, "c")]


@without_double
def test_what_was_undone_is_not_newer(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", named((1, "b")), key=KEY)
    load(warehouse, "things", "c", rows(5), replace=True)
    undo(warehouse, "u", "c")
    assert undo(warehouse, "v", "b") == Counts(removed=1, restored=1)
    assert ids(warehouse) == [1]


def test_of_a_replaced_dataset_nothing_comes_back_under_a_key_that_was_upserted_since(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((1, "b"), (5, "b"), (6, "b")), replace=True)
    load(warehouse, "things", "c", named((1, "c"), (2, "c"), (6, "c"), (7, "c")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=1, restored=1, kept=3)
    assert sorted(pairs(warehouse)) == [(1, "c"), (2, "c"), (3, "name 3"), (6, "c"), (7, "c")]
    assert live_rows(warehouse) == 5


def test_the_import_that_made_the_dataset_leaves_it_empty(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1), replace=True)
    assert undo(warehouse, "u", "a") == Counts(removed=1)
    assert ids(warehouse) == []
    assert live_rows(warehouse) == 0
    load(warehouse, "things", "b", rows(2))
    assert ids(warehouse) == [2]


def test_columns_that_an_import_has_added_stay(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"id": [1], "extra": [2]}), key=KEY, evolve=True)
    undo(warehouse, "u", "b")
    assert read(warehouse.scan("things")).to_pydict() == {"id": [1], "name": ["name 1"], "extra": [None]}


@pytest.mark.parametrize("how", ["twice", "unknown", "replaced", "empty", "an undo", "all touched"])
def test_there_is_nothing_to_undo(warehouse: Warehouse, how: str) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", *([] if how == "empty" else [rows(2)]))
    undone = "b"
    if how in {"twice", "an undo"}:
        undo(warehouse, "u", "b")
        undone = "b" if how == "twice" else "u"
    if how == "unknown":
        undone = "nope"
    if how == "replaced":
        load(warehouse, "things", "c", rows(3), replace=True)
    if how == "all touched":
        load(warehouse, "things", "c", rows(2), key=KEY)
    before = pairs(warehouse)
    with pytest.raises(Terminal) as error:
        undo(warehouse, "v", undone)
    assert error.value.code == "nothing_to_undo"
    assert pairs(warehouse) == before


def test_a_replace_of_the_columns_is_not_undone_under_newer_rows(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"other": [1]}), replace=True)
    load(warehouse, "things", "c", pa.table({"other": [2]}))
    with pytest.raises(Terminal) as error:
        undo(warehouse, "u", "b")
    assert error.value.code == "undo_conflict"
    undo(warehouse, "v", "c")
    undo(warehouse, "w", "b")
    assert ids(warehouse) == [1]


def test_there_is_no_undo_without_a_dataset(warehouse: Warehouse) -> None:
    with pytest.raises(Terminal) as error:
        undo(warehouse, "u", "a")
    assert error.value.code == "dataset_not_found"


def test_an_undo_takes_effect_once(open_warehouse: Opener) -> None:
    warehouses = [open_warehouse() for _ in range(4)]
    load(warehouses[0], "things", "a", rows(1, 2))
    load(warehouses[0], "things", "b", named((1, "b"), (3, "b")), key=KEY)
    barrier = threading.Barrier(4)
    found = []

    def take_back(number: int) -> None:
        barrier.wait()
        found.append(warehouses[number].undo("things", Undo(job_id="u", epoch=number + 1, undone_job_id="b")))

    run_at_once(*[threading.Thread(target=take_back, args=(number,)) for number in range(4)])
    assert {item.snapshot_id for item in found} == {found[0].snapshot_id}
    assert {item.counts for item in found} == {Counts(removed=2, restored=1)}
    assert ids(open_warehouse()) == [1, 2]


@without_double
def test_an_undo_goes_on_among_other_commits(open_warehouse: Opener) -> None:
    turns = 4
    warehouses = [open_warehouse() for _ in range(3)]
    load(warehouses[0], "things", "a", rows(1, 2, 3))
    load(warehouses[0], "things", "b", named((1, "b"), (2, "b")), key=KEY)
    barrier = threading.Barrier(3)

    def work(number: int) -> None:
        barrier.wait()
        if number:
            for turn in range(turns):
                load(warehouses[number], "things", f"job-{number}-{turn}", named((100 + turn, str(number))), key=KEY)
        else:
            undo(warehouses[0], "u", "b")

    run_at_once(*[threading.Thread(target=work, args=(number,)) for number in range(3)])
    assert sorted(ids(open_warehouse())) == [1, 2, 3, *range(100, 100 + turns)]
