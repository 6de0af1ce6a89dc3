"""Where PostgreSQL keeps the rows of large imports, and that they are read from there in their order, whatever becomes of some of them."""

import gc
import time
from collections.abc import Iterator

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from krai.errors import Transient
from krai.warehouse.port import Change, Mode, Query, Scan, Undo
from krai.warehouse.postgres import blocks
from krai.warehouse.postgres.layout import REGION_ROWS, Piece
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from scripts.postgres import Postgres
from tests.contract.importing import SCHEMA, load, rows

LARGE = 40_000  # rows, in three hundred blocks
LARGE_BYTES = 1 << 19
STEP = 9_000


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def warehouse(url: str) -> PostgresWarehouse:
    return PostgresWarehouse(url, own_table_bytes=LARGE_BYTES)


def large(first: int = 0) -> pa.Table:
    return rows(*range(first, first + LARGE))


def written(warehouse: PostgresWarehouse, job_id: str, *tables: pa.Table, mode: Mode = Mode.APPEND) -> Change:
    """Each is a part that was written in pieces, none of which ends where a block does."""
    locations = []
    for number, table in enumerate(tables):
        part = warehouse.open_part("things", job_id, 1, number)
        for start in range(0, table.num_rows, STEP):
            part.write(table.slice(start, STEP))
        part.close()
        locations.append(part.location)
    return Change(job_id=job_id, epoch=1, schema=tables[0].schema, parts=locations, mode=mode, evolve=True)


def bring(warehouse: PostgresWarehouse, job_id: str, *tables: pa.Table, mode: Mode = Mode.APPEND) -> str:
    return warehouse.commit("things", written(warehouse, job_id, *tables, mode=mode)).snapshot_id


def read(scan: Scan) -> pa.Table:
    table = pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])
    assert table.num_rows == scan.expected()
    return table.combine_chunks()


def now(warehouse: PostgresWarehouse) -> pa.Table:
    return read(warehouse.scan("things"))


def seen(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def wait_for(url: str, query: str) -> None:
    """Until there is a row."""
    until = time.monotonic() + 20
    while not seen(url, query):
        assert time.monotonic() < until
        time.sleep(0.02)


def children(url: str) -> int:
    return len(seen(url, "select inhrelid from pg_inherits"))


def indexed(url: str) -> int:
    """How many of them have an index."""
    return len(seen(url, "select distinct indrelid from pg_index join pg_inherits on indrelid = inhrelid"))


def test_rows_in_their_order_are_read_by_their_blocks_alone(url: str) -> None:
    warehouse = PostgresWarehouse(url, own_table_bytes=LARGE_BYTES)
    bring(warehouse, "a", large())
    now(warehouse)
    del warehouse  # a connection tells what it has done at its end, if not before
    gc.collect()
    child = "pg_stat_user_tables join pg_inherits on relid = inhrelid"
    wait_for(url, f"select from {child} where seq_tup_read >= {LARGE}")
    assert seen(url, f"select seq_scan from {child}") == [(0,)]  # noqa: S608


@pytest.mark.parametrize("mode", [Mode.APPEND, Mode.REPLACE])
def test_a_large_import_stays_where_it_was_written(warehouse: PostgresWarehouse, url: str, mode: Mode) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    bring(warehouse, "b", large(), mode=mode)
    assert (children(url), indexed(url)) == (1, 0)
    assert seen(url, "select tablename from pg_tables where tablename like 'part%'") == []
    expected = large() if mode is Mode.REPLACE else pa.concat_tables([rows(1, 2), large()])
    assert now(warehouse).equals(expected.combine_chunks())
    assert seen(url, "select count(*), sum(id) from krai.things") == [(expected.num_rows, pc.sum(expected.column("id")).as_py())]
    dataset = warehouse.describe("things")
    assert dataset is not None
    assert dataset.bytes > LARGE * 8


def test_imports_large_and_small_are_read_in_their_order(warehouse: PostgresWarehouse, url: str) -> None:
    tables = [rows(-1), large(), rows(-2, -3), large(LARGE), rows(-4)]
    for number, table in enumerate(tables):
        bring(warehouse, f"job-{number}", table)
    assert children(url) == 2
    expected = pa.concat_tables(tables).combine_chunks()
    assert now(warehouse).equals(expected)
    for limit in (0, 1, 2, STEP, STEP + 1, LARGE + 1, LARGE + 2, LARGE + 3, LARGE + 4, 2 * LARGE + 4, 2 * LARGE + 5):
        assert read(warehouse.scan("things", Query(limit=limit))).equals(expected.slice(0, limit).combine_chunks()), limit


def test_a_filter_counts_what_it_leaves_out_where_rows_lie_in_order(warehouse: PostgresWarehouse) -> None:
    bring(warehouse, "a", large())
    scan = warehouse.scan("things", Query(filter="id >= 8990 AND id < 9010", columns=["name"]))
    assert read(scan).column("name").to_pylist() == [f"name {number}" for number in range(8990, 9010)]
    assert (scan.rows, scan.matching()) == (LARGE, 20)
    limited = warehouse.scan("things", Query(filter="id >= 8990", limit=15))
    assert read(limited).column("id").to_pylist() == list(range(8990, 9005))


def test_rows_that_an_upsert_takes_away_are_missed_by_nobody(warehouse: PostgresWarehouse, url: str) -> None:
    first = bring(warehouse, "a", large())
    planned = [warehouse.scan("things"), warehouse.scan("things", Query(filter="id < 20000"))]
    keys = (5, STEP, LARGE - 1)
    load(warehouse, "things", "b", rows(*keys), key=["id"])
    assert (children(url), indexed(url)) == (1, 1)
    assert read(planned[0]).equals(large().combine_chunks()), "it was planned when the rows lay in order"
    assert read(planned[1]).equals(large().slice(0, 20_000).combine_chunks())
    assert read(warehouse.scan("things", Query(as_of=first))).equals(large().combine_chunks())
    left = [number for number in range(LARGE) if number not in keys]
    assert now(warehouse).column("id").to_pylist() == [*left, *keys]
    assert warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="b")).counts.restored == len(keys)
    assert now(warehouse).equals(large().combine_chunks())


def test_a_large_append_is_undone(warehouse: PostgresWarehouse, url: str) -> None:
    bring(warehouse, "a", large())
    bring(warehouse, "b", large(LARGE))
    warehouse.undo("things", Undo(job_id="u", epoch=1, undone_job_id="b"))
    assert now(warehouse).equals(large().combine_chunks())
    assert (children(url), indexed(url)) == (2, 1)


def test_columns_are_added_to_all_its_tables(warehouse: PostgresWarehouse, url: str) -> None:
    bring(warehouse, "a", large())
    bring(warehouse, "b", large().append_column("extra", pa.array(range(LARGE))))
    bring(warehouse, "c", large().select(["name"]))
    assert children(url) == 3
    assert now(warehouse).column("extra").to_pylist() == [*[None] * LARGE, *range(LARGE), *[None] * LARGE]


def test_of_two_at_once_the_later_one_is_moved(warehouse: PostgresWarehouse, url: str) -> None:
    early, late = written(warehouse, "a", large()), written(warehouse, "b", large(LARGE))
    warehouse.commit("things", late)
    warehouse.commit("things", early)
    assert children(url) == 1
    assert now(warehouse).equals(pa.concat_tables([large(LARGE), large()]).combine_chunks())


def test_what_is_little_beside_the_dataset_makes_no_table(url: str) -> None:
    warehouse = PostgresWarehouse(url, own_table_bytes=1)
    bring(warehouse, "a", large())
    for number in range(3):
        bring(warehouse, f"job-{number}", rows(number))
    assert children(url) == 1


def test_who_still_writes_what_is_swept_away_is_not_waited_for(warehouse: PostgresWarehouse, url: str) -> None:
    part = warehouse.open_part("things", "a", 1, 0)
    part.write(rows(1, 2))
    wait_for(url, "select from pg_locks where mode = 'RowExclusiveLock' and relation = 'krai_rows.part_1'::regclass")
    PostgresWarehouse(url).sweep("things", "a", 2)
    with pytest.raises(Transient):
        part.close()
    assert seen(url, "select tablename from pg_tables where tablename like 'part%'") == []


def test_rows_that_do_not_lie_in_their_order_have_no_blocks(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create schema krai_rows")
        for name, order in (("up", "asc"), ("down", "desc")):
            places = f"select number as _krai_row from generate_series(0, 9999) as number order by number {order}"  # noqa: S608
            connection.execute(f"create table krai_rows.{name} as {places}".encode())
        pieces = [Piece(4_000, 1), Piece(6_000, 1)]
        up, down = (blocks.located(connection, name, 0, pieces) for name in ("up", "down"))
    assert down == pieces
    assert up[0].first_block == 0
    assert up[0].end_block is not None
    assert up[1].first_block is not None
    assert 0 < up[1].first_block < up[0].end_block


def test_places_are_enough_for_a_billion_parts() -> None:
    assert REGION_ROWS * 10**9 < 2**63


def test_parts_of_one_import_are_read_in_their_order(warehouse: PostgresWarehouse, url: str) -> None:
    bring(warehouse, "a", large(), rows(-1), large(LARGE))
    assert children(url) == 2
    assert now(warehouse).equals(pa.concat_tables([large(), rows(-1), large(LARGE)]).combine_chunks())
    assert now(warehouse).schema == SCHEMA
