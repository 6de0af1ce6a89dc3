"""Filters on a dataset in PostgreSQL take the rows that DuckDB takes by the same SQL, as those on Iceberg tables do."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from krai.warehouse.port import Query
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from scripts.postgres import Postgres
from tests.contract.importing import drop
from tests.unit.warehouse.test_filters import CONDITIONS, ROWS, SCHEMA, TYPES, Pair, as_values, load


@pytest.fixture(scope="module")
def warehouse(postgres: Postgres) -> Iterator[PostgresWarehouse]:
    with postgres.database() as url:
        yield PostgresWarehouse(url)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(ROWS, max_size=10),
    conditions=st.lists(CONDITIONS, min_size=6, max_size=12),
    order=st.sampled_from(sorted(TYPES)),
    limit=st.integers(0, 8),
)
def test_any_filter_takes_the_rows_that_duckdb_takes(
    warehouse: PostgresWarehouse, rows: list[dict[str, object]], conditions: list[Pair], order: str, limit: int
) -> None:
    if warehouse.describe("things"):
        drop(warehouse, "things")
    table = load(warehouse, rows, order)
    with duckdb.connect(config={"threads": "1"}) as duck:
        duck.register("things", table)
        for mine, reference in conditions:
            places = [row[0] for row in duck.execute(f"SELECT place FROM things WHERE {reference} ORDER BY place").fetchall()]  # noqa: S608
            expected = table.take(pa.array(places, pa.int64())).drop_columns("place")
            for most in (None, limit):
                scan = warehouse.scan("things", Query(filter=mine, limit=most))
                got = pa.concat_tables([SCHEMA.empty_table(), *(part() for part in scan.parts)])
                assert as_values(got) == as_values(expected if most is None else expected.slice(0, most)), mine
                assert scan.expected() == got.num_rows
                assert most is not None or scan.matching() == got.num_rows
