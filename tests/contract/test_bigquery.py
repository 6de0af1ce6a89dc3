"""What a warehouse in BigQuery promises beyond the common suite: jobs begin once, and everything krai keeps has a place there."""

import resource
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from krai.errors import KraiError, Terminal, Transient
from krai.warehouse.bigquery import history, tables
from krai.warehouse.bigquery.columns import stored_names
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.port import Counts, Undo
from tests.bigquery_proxy import BigQueryProxy
from tests.contract import warehouses
from tests.contract.importing import load, rows
from tests.contract.warehouses import BigQueryDataset
from tests.faulty_proxy import Fault, FaultyProxy


@pytest.fixture
def place(bigquery: BigQueryProxy, monkeypatch: pytest.MonkeyPatch) -> BigQueryDataset:
    return warehouses.dataset(bigquery, monkeypatch)


@pytest.fixture
def warehouse(place: BigQueryDataset, bigquery: BigQueryProxy, tmp_path: Path) -> BigQueryWarehouse:
    return BigQueryWarehouse(place.url, tmp_path, emulator=bigquery.url)


@pytest.fixture
def line(bigquery: BigQueryProxy) -> Iterator[FaultyProxy]:
    with FaultyProxy(bigquery.host, http=True) as line:
        yield line


@pytest.fixture
def far_warehouse(place: BigQueryDataset, line: FaultyProxy, tmp_path: Path) -> BigQueryWarehouse:
    """The same datasets, over a bad line."""
    return BigQueryWarehouse(place.url, tmp_path, emulator=f"http://{line.host}")


def read(warehouse: BigQueryWarehouse, name: str = "things") -> pa.Table:
    scan = warehouse.scan(name)
    return pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])


# A statement, the end of an upload, and a transaction.
@pytest.mark.parametrize("number", range(3))
def test_a_job_whose_answer_is_lost_is_found_and_not_run_again(
    warehouse: BigQueryWarehouse, far_warehouse: BigQueryWarehouse, line: FaultyProxy, bigquery: BigQueryProxy, number: int
) -> None:
    load(warehouse, "things", "earlier", rows(0))
    bigquery.refused.clear()
    only = ["^POST /bigquery.*/jobs", "^PUT ", "^POST /bigquery.*/jobs"][number]
    if number == 2:
        line.fail(Fault(), only=only)  # the table of the part
    line.fail(Fault(answered=0), only=only)
    load(far_warehouse, "things", "a", rows(1, 2, 3))
    assert line.failed
    assert len(bigquery.refused) == 1
    assert read(warehouse).equals(rows(0, 1, 2, 3))


def test_a_job_whose_request_is_lost_is_sent_again(
    warehouse: BigQueryWarehouse, far_warehouse: BigQueryWarehouse, line: FaultyProxy, bigquery: BigQueryProxy
) -> None:
    bigquery.refused.clear()
    line.fail(Fault(sent=0), only="^POST /bigquery.*/jobs")
    load(far_warehouse, "things", "a", rows(1))
    assert line.failed
    assert bigquery.refused == []
    assert read(warehouse).equals(rows(1))


@pytest.mark.parametrize("exists", [True, False])
def test_a_transaction_that_was_rolled_back_is_another_job_the_next_time(
    warehouse: BigQueryWarehouse, place: BigQueryDataset, bigquery: BigQueryProxy, *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    bigquery.aborted = 2
    load(warehouse, "things", f"rolled-back-{exists}", rows(1))
    begun = [job_id for job_id in bigquery.begun if job_id.startswith(f"krai-rolled-back-{exists}-e1-s")]
    assert [job_id[-3:] for job_id in begun] == ["-t0", "-t1", "-t2"]
    assert read(warehouse).equals(rows(0, 1) if exists else rows(1))
    # The view, the history, the one table of rows.
    assert [name.partition("__")[0] for name in place.leftovers("things")] == ["KRAI_commits_things", "KRAI_rows_things", "things"]


def test_an_upsert_that_was_rolled_back_is_made_anew_and_leaves_nothing(
    warehouse: BigQueryWarehouse, place: BigQueryDataset, bigquery: BigQueryProxy
) -> None:
    load(warehouse, "things", "earlier", rows(0, 1))
    stands = place.leftovers("things")
    bigquery.aborted = 1
    assert load(warehouse, "things", "a", rows(1, 2), rows(2), key=["id"]).counts == Counts(inserted=1, updated=1)
    assert read(warehouse).equals(rows(0, 1, 2))
    bigquery.aborted = 1
    undo = Undo(job_id="u", epoch=1, undone_job_id="a")
    assert warehouse.undo("things", undo).counts == Counts(removed=2, restored=1)
    assert read(warehouse).equals(rows(0, 1))
    assert place.leftovers("things") == stands


def test_columns_that_a_lost_import_has_added_harm_nobody(warehouse: BigQueryWarehouse, place: BigQueryDataset) -> None:
    load(warehouse, "things", "a", rows(1))
    state = history.state(place.jobs, "things")
    assert state is not None
    assert state.newest is not None
    for kind in (pa.string(), pa.float64()):
        tables.fit(place.jobs, "lost", 1, state.newest, pa.schema([*rows().schema, ("Extra 1", kind), ("two", pa.decimal128(5, 2))]))
    table = pa.table({"id": [2], "Extra 1": [1.5], "two": pa.array([Decimal("1.25")], pa.decimal128(12, 2)), "three": ["x"]})
    load(warehouse, "things", "b", table, evolve=True)
    assert read(warehouse).select(table.column_names).slice(1).equals(table)
    query = f"SELECT Extra_1, two, three FROM {place.jobs.named('things')} ORDER BY id"  # noqa: S608 (krai names it)
    assert [(row[0], row[1], row[2]) for row in place.jobs.ask(query)] == [(None, None, None), (1.5, Decimal("1.25"), "x")]


@pytest.mark.parametrize(("status", "expected"), [(403, Transient("store_busy")), (400, Terminal("internal"))])
def test_failures_are_krais_own(
    warehouse: BigQueryWarehouse, far_warehouse: BigQueryWarehouse, line: FaultyProxy, status: int, expected: KraiError
) -> None:
    load(warehouse, "things", "a", rows(1))
    line.fail(Fault(status=status))
    with pytest.raises(type(expected)) as raised:
        far_warehouse.describe("things")
    assert raised.value.code == expected.code


def test_other_programs_see_the_rows_of_now(warehouse: BigQueryWarehouse, place: BigQueryDataset) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"Order Id": [7, 8]}), replace=True)
    load(warehouse, "things", "c", pa.table({"Order Id": [9]}))
    query = f"SELECT Order_Id FROM {place.jobs.named('things')} ORDER BY 1"  # noqa: S608 (krai names it)
    assert [row["Order_Id"] for row in place.jobs.ask(query)] == [7, 8, 9]


def test_a_view_that_was_not_made_in_time_is_made_when_the_job_comes_again(warehouse: BigQueryWarehouse, place: BigQueryDataset) -> None:
    load(warehouse, "things", "a", rows(1))
    shown = place.jobs.view("things")
    tables.hide(place.jobs, "things")
    assert place.jobs.view("things") is None
    warehouse.find_commit("things", "b")
    assert place.jobs.view("things") is None
    warehouse.find_commit("things", "a")
    assert place.jobs.view("things") == shown


def test_a_view_that_is_made_late_shows_what_was_committed_since(warehouse: BigQueryWarehouse, place: BigQueryDataset) -> None:
    load(warehouse, "things", "a", rows(1))
    late = history.state(place.jobs, "things")
    assert late is not None
    load(warehouse, "things", "b", rows(2), replace=True)
    shown = place.jobs.view("things")
    warehouse._finish("things", late, "a", parts=())  # noqa: SLF001 - as a process does that stood still between its commit and this
    assert place.jobs.view("things") == shown


VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "boolean": (pa.bool_(), [True, False]),
    "int64": (pa.int64(), [2**63 - 1, -(2**63)]),
    "float64": (pa.float64(), [float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308, 0.1]),
    "numeric": (pa.decimal128(38, 9), [Decimal("12345678901234567890123456789.123456789"), Decimal("-0.000000001")]),
    "small": (pa.decimal128(3, 2), [Decimal("1.20"), Decimal("-9.99")]),
    "whole": (pa.decimal128(38, 0), [Decimal("9" * 38), Decimal("-" + "9" * 38)]),
    "between": (pa.decimal128(38, 10), [Decimal("1234567890123456789012345678.0123456789")]),
    "fraction": (pa.decimal128(38, 38), [Decimal("0." + "1" * 38), Decimal("-0." + "9" * 38)]),
    "date": (pa.date32(), [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)]),
    "timestamp": (
        pa.timestamp("us"),
        [
            datetime.fromisoformat(text)
            for text in ("0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999", "2024-02-29T01:02:03.000100")
        ],
    ),
    "timestamptz": (
        pa.timestamp("us", "UTC"),
        [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 1, UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)],
    ),
    "string": (pa.string(), ["", "a\x00b'\"\\\n\u2028\U0001f600", "NULL"]),
    "binary": (pa.binary(), [b"", b"\x00\xff"]),
}


def every_value() -> pa.Table:
    longest = max(len(values) for _, values in VALUES.values()) + 1  # and a null
    columns = [
        pa.concat_arrays([*(pa.array([value], kind) for value in values), pa.nulls(longest - len(values), kind)])
        for kind, values in VALUES.values()
    ]
    return pa.table(columns, names=list(VALUES))


def test_every_value_comes_back_as_it_was(warehouse: BigQueryWarehouse) -> None:
    table = every_value()
    load(warehouse, "things", "a", table)
    assert warehouse.schema("things") == table.schema
    assert read(warehouse).equals(table)


def test_a_number_that_is_none_comes_back(warehouse: BigQueryWarehouse) -> None:
    load(warehouse, "things", "a", pa.table({"number": [float("nan"), None, 1.0]}))
    assert str(read(warehouse).column("number").to_pylist()) == "[nan, None, 1.0]"


def test_columns_of_any_name_have_a_place(warehouse: BigQueryWarehouse) -> None:
    names = ["Name", "name", "NAME", "_File_name", "_krai_row", "1st", "größe", "x" * 255, "x" * 254 + "y", "a b", "a_b", "select", "`"]
    table = pa.table({name: [number] for number, name in enumerate(names)})
    load(warehouse, "things", "a", table)
    load(warehouse, "things", "b", table.select(["name", "`"]))
    assert read(warehouse).slice(0, 1).equals(table)
    assert warehouse.schema("things") == table.schema


def test_names_that_bigquery_takes_stay() -> None:
    assert stored_names(["id", "Order_Id", "_x", "id "]) == ["id", "Order_Id", "_x", "id_"]


def test_too_many_columns_are_said(warehouse: BigQueryWarehouse) -> None:
    with pytest.raises(Terminal) as raised:
        load(warehouse, "things", "a", pa.table({f"c{number}": [1] for number in range(9_998)}))
    assert raised.value.code == "too_many_columns"


def test_a_full_disk_is_said(warehouse: BigQueryWarehouse) -> None:
    part = warehouse.open_part("things", "a", 1, 0)
    with full_disk():
        with pytest.raises(Terminal) as raised:
            part.write(pa.table({"text": [secrets.token_hex(1 << 20)]}))
        assert raised.value.code == "disk_full"
        with pytest.raises(Terminal):
            part.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond 64 KiB."""
    before, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
