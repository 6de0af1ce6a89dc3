"""What is PostgreSQL's own about the warehouse in it: its types and limits, its crashes, who may do what, and what other programs see."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from krai.errors import KraiError, Terminal, Transient
from krai.warehouse.port import Change
from krai.warehouse.postgres.columns import MOST_COLUMNS
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from scripts.postgres import ROLE, Postgres
from tests.acceptance.waiting import until
from tests.contract.importing import SCHEMA, drop, load, rows, write_part


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def warehouse(url: str) -> PostgresWarehouse:
    return PostgresWarehouse(url)


def read(warehouse: PostgresWarehouse) -> pa.Table:
    scan = warehouse.scan("things")
    return pa.concat_tables([part() for part in scan.parts])


def seen(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


EXTREMES = {
    "boolean": pa.array([True, False, None]),
    "int64": pa.array([-(2**63), 2**63 - 1, None]),
    "float64": pa.array([-0.0, 5e-324, 1.7976931348623157e308]),
    "no number": pa.array([float("nan"), float("inf"), float("-inf")]),
    "wide": pa.array([Decimal("9" * 28 + "." + "9" * 10), Decimal("-1e-10"), Decimal("-0.0000000000")], pa.decimal128(38, 10)),
    "whole": pa.array([Decimal("9" * 38), Decimal("-" + "9" * 38), None], pa.decimal128(38, 0)),
    "fraction": pa.array([Decimal("0." + "9" * 38), Decimal("0." + "0" * 37 + "1"), None], pa.decimal128(38, 38)),
    "date": pa.array([date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31)]),
    "timestamp": pa.array(
        [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), datetime(1969, 12, 31, 23, 59, 59, 1)],  # noqa: DTZ001
        pa.timestamp("us"),
    ),
    "timestamptz": pa.array(
        [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), datetime(1969, 12, 31, 23, 59, 59, 1, UTC)],
        pa.timestamp("us", "UTC"),
    ),
    "julian": pa.array([-210_866_803_200_000_000, 2**63 - 1, None], pa.int64()).cast(pa.timestamp("us")),
    "string": pa.array(["", "\x01\t\r\n\\N\\.\u202e", "\U0001f600é\ufffe"]),
    "binary": pa.array([b"", b"\x00\xff", None]),
}


def test_every_value_comes_back_to_the_bit(warehouse: PostgresWarehouse) -> None:
    table = pa.table(EXTREMES)
    load(warehouse, "things", "a", table)
    back = read(warehouse)
    assert back.schema == table.schema
    for name in table.column_names:
        if not pa.types.is_floating(table.column(name).type):
            assert back.column(name).equals(table.column(name)), name
        else:
            assert str(back.column(name).to_pylist()) == str(table.column(name).to_pylist()), "-0.0 and NaN too"


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (pa.array(["a\0b"]), "control_character"),
        (pa.array([-(2**31)], pa.int32()).cast(pa.date32()), "type_mismatch"),
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "type_mismatch"),
        (pa.array([0, -(2**63), None], pa.int64()).cast(pa.timestamp("us")), "type_mismatch"),
        (pa.array([-210_866_803_200_000_001], pa.int64()).cast(pa.timestamp("us", "UTC")), "type_mismatch"),
    ],
    ids=["a NUL", "a day long ago", "a day far away", "a time long ago", "the first time that is too early"],
)
def test_what_has_no_place_is_a_clear_end(warehouse: PostgresWarehouse, column: pa.Array, code: str) -> None:
    with pytest.raises(Terminal) as refused:
        load(warehouse, "things", "a", pa.table({"a": column}))
    assert refused.value.code == code
    assert warehouse.describe("things") is None


def test_columns_may_be_called_as_the_systems_own(warehouse: PostgresWarehouse, url: str) -> None:
    table = pa.table({"xmin": [1], "ctid": ["x"], "select": [True], "%s": [2], "ä" * 31: [3]})
    load(warehouse, "things", "a", table)
    assert read(warehouse).equals(table)
    assert seen(url, 'select xmin, ctid, "select" from krai.things') == [(1, "x", True)]


def test_columns_may_be_called_as_krais_own(warehouse: PostgresWarehouse, url: str) -> None:
    table = pa.table({"_krai_row": ["a"], "_krai_to": [False], "xmin": [1], "_krai_xmin": [2], "_krai__krai_row": [3]})
    load(warehouse, "things", "a", table)
    load(warehouse, "things", "b", table, key=["_krai_row"])
    assert read(warehouse).equals(table)
    assert seen(url, "select _krai_row, xmin, _krai_xmin from krai.things") == [("a", 1, 2)]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["x" * 64], "column_name_too_long"),
        (["ä" * 32], "column_name_too_long"),
        (["_krai_" + "x" * 57], "column_name_too_long"),
        (["a\0b"], "control_character"),
        ([f"c{number}" for number in range(MOST_COLUMNS + 1)], "too_many_columns"),
    ],
)
def test_columns_that_have_no_place_are_refused(warehouse: PostgresWarehouse, names: list[str], code: str) -> None:
    table = pa.table({name: [1] for name in names})
    with pytest.raises(Terminal) as refused:
        load(warehouse, "things", "a", table)
    assert refused.value.code == code
    with pytest.raises(Terminal) as refused:
        warehouse.commit("things", Change(job_id="a", epoch=1, schema=table.schema, parts=[]))
    assert refused.value.code == code


def test_rows_that_are_too_wide_are_refused(warehouse: PostgresWarehouse) -> None:
    few = pa.table({f"c{number}": [1] for number in range(MOST_COLUMNS)})
    with pytest.raises(Terminal) as refused:
        load(warehouse, "things", "a", few)
    assert refused.value.code == "too_many_columns"
    load(warehouse, "things", "a", pa.table({f"c{number}": pa.array([None], pa.int64()) for number in range(MOST_COLUMNS)}))


@pytest.mark.parametrize("change", [{"replace": True}, {"evolve": True}])
def test_who_reads_a_dataset_while_a_commit_waits_for_another_reader_is_not_held_up(
    warehouse: PostgresWarehouse, url: str, change: dict[str, Any]
) -> None:
    load(warehouse, "things", "a", pa.table({"id": [1]}))
    with ThreadPoolExecutor(1) as threads:
        with psycopg.connect(url) as slow:
            slow.execute("select from krai.things")
            committed = threads.submit(load, warehouse, "things", "b", pa.table({"id": [2], "more": [3]}), **change)
            until("it waits", lambda: seen(url, "select from pg_locks where not granted"), within_s=20)
            for _ in range(5):
                began_s = time.monotonic()
                assert seen(url, "select id from krai.things") == [(1,)]
                assert time.monotonic() - began_s < 5, "it waited for whoever was there first"
            assert not committed.done()
        committed.result(timeout=30)
    assert (3,) in seen(url, "select more from krai.things")


def test_a_commit_does_not_wait_for_ever(warehouse: PostgresWarehouse, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("krai.warehouse.postgres.tables._TRIES", 2)
    load(warehouse, "things", "a", rows(1))
    with psycopg.connect(url) as slow:
        slow.execute("select from krai.things")
        with pytest.raises(Transient) as busy:
            load(warehouse, "things", "b", rows(2), replace=True)
    assert busy.value.code == "store_busy"
    assert "keep transactions open" in busy.value.detail
    load(warehouse, "things", "b", rows(2), replace=True)


def test_a_dataset_may_have_any_name(warehouse: PostgresWarehouse) -> None:
    names = ["commits", "parts", "part_1", "select", "a" * 63, "a" * 62]
    for number, name in enumerate(names):
        load(warehouse, name, "a", rows(number))
    found = [part().column("id").to_pylist() for name in names for part in warehouse.scan(name).parts]
    assert found == [[number] for number in range(len(names))]


# -- other programs ---------------------------------------------------------------------------------------------------------


def test_others_see_the_rows_of_now_under_the_name_of_the_dataset(warehouse: PostgresWarehouse, url: str) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", rows(3))
    assert seen(url, "select id, name from krai.things order by id") == [(1, "name 1"), (2, "name 2"), (3, "name 3")]
    load(warehouse, "things", "c", pa.table({"other": [1.5]}), replace=True)
    assert seen(url, "select * from krai.things") == [(1.5,)]
    drop(warehouse, "things")
    assert seen(url, "select count(*) from pg_views where schemaname = 'krai'") == [(0,)]


def test_who_may_read_a_dataset_may_read_it_when_it_was_replaced(warehouse: PostgresWarehouse, url: str) -> None:
    load(warehouse, "things", "a", rows(1))
    granted = "select has_table_privilege('pg_monitor', 'krai.things', 'select')"
    with psycopg.connect(url) as connection:
        connection.execute("grant select on krai.things to pg_monitor")
    load(warehouse, "things", "b", rows(2), replace=True)
    assert seen(url, granted) == [(True,)]


def test_a_dataset_that_others_have_built_upon_keeps_its_columns(warehouse: PostgresWarehouse, url: str) -> None:
    load(warehouse, "things", "a", rows(1))
    with psycopg.connect(url) as connection:
        connection.execute("create view public.names as select name from krai.things")
    load(warehouse, "things", "b", rows(2), replace=True)
    for change in (
        lambda: load(warehouse, "things", "c", pa.table({"other": [1.5]}), replace=True),
        lambda: drop(warehouse, "things"),
    ):
        with pytest.raises(Terminal) as refused:
            change()
        assert refused.value.code == "dataset_in_use"
    assert seen(url, "select * from public.names") == [("name 2",)]
    assert warehouse.find_commit("things", "c") is None


# -- who may do what --------------------------------------------------------------------------------------------------------


@pytest.fixture
def role(url: str, postgres: Postgres) -> Iterator[str]:
    """One with no rights but to connect; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role worker login password 'secret'")
        yield url.replace(f"{ROLE}:{postgres.password}", "worker:secret")
        connection.execute("drop owned by worker cascade")
        connection.execute("drop role worker")


def test_a_role_that_owns_the_schemas_needs_nothing_else(url: str, role: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create schema krai authorization worker")
        connection.execute("create schema krai_rows authorization worker")
    warehouse = PostgresWarehouse(role)
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", rows(2), replace=True)
    assert read(warehouse).equals(rows(2))
    drop(warehouse, "things")


def test_a_role_that_may_not_write_reads(warehouse: PostgresWarehouse, url: str, role: str) -> None:
    reader = PostgresWarehouse(role)
    assert reader.describe("things") is None
    load(warehouse, "things", "a", rows(1))
    with psycopg.connect(url) as connection:
        connection.execute("grant usage on schema krai, krai_rows to worker")
        connection.execute("grant select on all tables in schema krai, krai_rows to worker")
    assert read(reader).equals(rows(1))
    with pytest.raises(Transient, match="42501"):
        load(reader, "things", "b", rows(2))


# -- what fails -------------------------------------------------------------------------------------------------------------


def test_a_part_outlives_a_crash(warehouse: PostgresWarehouse, postgres: Postgres, url: str) -> None:
    part = write_part(warehouse, "things", "a", 1, rows(1, 2))
    postgres.kill()
    postgres.start()
    again = PostgresWarehouse(url)
    again.commit("things", Change(job_id="a", epoch=1, schema=SCHEMA, parts=[part]))
    assert read(again).equals(rows(1, 2))


def test_a_part_that_has_lost_rows_is_noticed(warehouse: PostgresWarehouse, url: str) -> None:
    part = write_part(warehouse, "things", "a", 1, rows(1, 2))
    with psycopg.connect(url) as connection:
        connection.execute(f"delete from krai_rows.{part} where id = 2".encode())  # noqa: S608
    with pytest.raises(Transient, match="lost a part"):
        warehouse.commit("things", Change(job_id="a", epoch=1, schema=SCHEMA, parts=[part]))
    assert warehouse.describe("things") is None


def test_a_crash_between_two_jobs_costs_no_attempt(warehouse: PostgresWarehouse, postgres: Postgres) -> None:
    load(warehouse, "things", "a", rows(1))
    postgres.kill()
    postgres.start()
    time.sleep(1.1)  # what was used a second ago is trusted
    load(warehouse, "things", "b", rows(2))
    assert read(warehouse).equals(rows(1, 2))


def test_a_part_that_was_not_closed_is_not_committed(warehouse: PostgresWarehouse) -> None:
    part = warehouse.open_part("things", "a", 1, 0)
    part.write(rows(1))
    with pytest.raises(Transient):
        warehouse.commit("things", Change(job_id="a", epoch=1, schema=SCHEMA, parts=[part.location]))
    with closing(part):
        part.write(rows(2))
    warehouse.commit("things", Change(job_id="a", epoch=1, schema=SCHEMA, parts=[part.location]))
    assert read(warehouse).equals(rows(1, 2))


def test_a_part_that_is_written_again_has_the_new_rows(warehouse: PostgresWarehouse, url: str) -> None:
    write_part(warehouse, "things", "a", 1, pa.table({"id": ["text"]}))
    write_part(warehouse, "things", "a", 1, rows(9), number=1)
    load(warehouse, "things", "a", rows(1))
    assert read(warehouse).equals(rows(1))
    assert seen(url, "select count(*) from pg_tables where tablename like 'part%'") == [(0,)]


def test_a_server_that_went_away_and_came_back_is_used_again(warehouse: PostgresWarehouse, postgres: Postgres) -> None:
    load(warehouse, "things", "a", rows(1))
    (part,) = warehouse.scan("things").parts
    assert part().equals(rows(1))
    postgres.kill()
    for attempt in (lambda: warehouse.describe("things"), part, lambda: load(warehouse, "things", "b", rows(2))):
        with pytest.raises(Transient) as failed:
            attempt()
        assert says_nothing(failed.value, postgres)
    postgres.start()
    assert warehouse.describe("things") is not None
    assert part().equals(rows(1))


def test_text_is_sent_as_it_is_whatever_the_database_expects(warehouse: PostgresWarehouse, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("do $$ begin execute format('alter database %I set client_encoding = latin1', current_database()); end $$")
    load(warehouse, "things", "a", pa.table({"word": ["é€"]}))
    assert seen(url + ("&" if "?" in url else "?") + "client_encoding=UTF8", "select word, length(word) from krai.things") == [("é€", 2)]


def test_a_database_that_cannot_hold_all_text_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database narrow encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
        narrow = psycopg.conninfo.make_conninfo(url, dbname="narrow")
        try:
            with pytest.raises(Terminal, match="encoding 'UTF8'"):
                PostgresWarehouse(narrow).schema("things")
        finally:
            connection.execute("drop database narrow")


def test_a_wrong_password_is_not_repeated(url: str, postgres: Postgres) -> None:
    wrong = "wrong-" + "password"
    with pytest.raises(Transient) as failed:
        PostgresWarehouse(url.replace(postgres.password, wrong)).describe("things")
    assert says_nothing(failed.value, postgres)
    assert wrong not in str(failed.value)


def says_nothing(error: KraiError, postgres: Postgres) -> bool:
    """Neither the error nor what it came from is shown with anything of PostgreSQL's own."""
    return postgres.password not in str(error) and error.__suppress_context__ and error.__cause__ is None
