"""The rows of a snapshot, cut into pieces of bounded size, in the order in which they were imported."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pyarrow as pa

from krai.warehouse.postgres import columns
from krai.warehouse.postgres.columns import ROW, SINCE, UNTIL, quoted
from krai.warehouse.postgres.connections import Connections
from krai.warehouse.postgres.history import Connection, Snapshot

# Rows that were written apart are read together up to this size: a dataset of a thousand small imports is not a thousand queries.
_TOGETHER_BYTES = 1 << 20


def pieces_of(
    connections: Connections, snapshot: Snapshot, schema: pa.Schema, written: Iterable[tuple[int, int, int]], end_row: int
) -> Iterator[Callable[[], pa.Table]]:
    """One for each range of rows before `end_row`, with the columns of `schema`."""
    for first, last in ranges(written, end_row):
        where = f"{ROW} >= {first} and {ROW} < {last} and {there_at(snapshot)}"
        query = f"select {columns.read(schema)} from krai_rows.{quoted(snapshot.table)} where {where} order by {ROW}"
        yield partial(_read, connections, query, schema)


def end_row_of(connection: Connection, snapshot: Snapshot, limit: int | None) -> int:
    """The row before which there are the first `limit` rows of a snapshot, or all."""
    if limit is None or limit >= snapshot.rows:
        return snapshot.end_row
    there = f"select {ROW} from krai_rows.{quoted(snapshot.table)} where {there_at(snapshot)} order by {ROW} limit {limit}"
    for (last,) in connection.execute(f"select coalesce(max({ROW}) + 1, 0) from ({there}) as first_rows".encode()):
        return int(last)
    raise AssertionError


def ranges(written: Iterable[tuple[int, int, int]], end_row: int) -> Iterator[tuple[int, int]]:
    """First row, and the row after the last."""
    begin, end, held_bytes = 0, 0, 0
    for first, rows, size_bytes in written:
        if first >= end_row:
            break
        if end > begin and held_bytes + size_bytes > _TOGETHER_BYTES:
            yield begin, end
            begin, held_bytes = first, 0
        elif end == begin:
            begin = first
        end, held_bytes = min(first + rows, end_row), held_bytes + size_bytes
    if end > begin:
        yield begin, end


def there_at(snapshot: Snapshot) -> str:
    """The condition that a row of the table was there at a snapshot."""
    number = snapshot.snapshot_id
    return f"{SINCE} <= {number} and ({UNTIL} is null or {UNTIL} > {number})"


def _read(connections: Connections, query: str, schema: pa.Schema) -> pa.Table:
    return columns.to_arrow(connections.query(query), schema)
