"""The rows of a snapshot, cut into pieces of bounded size, in the order in which they were imported."""

import threading
from collections.abc import Callable, Iterable
from functools import partial

import pyarrow as pa

from krai.warehouse.postgres import columns
from krai.warehouse.postgres.columns import ROW, SINCE, UNTIL, quoted
from krai.warehouse.postgres.connections import Connections
from krai.warehouse.postgres.history import Connection, Snapshot
from krai.warehouse.selecting import ranges


class Pieces:
    """The rows of a snapshot that a filter lets through, with the columns of `schema`; `filtered` is the filter as a condition."""

    def __init__(self, connections: Connections, snapshot: Snapshot, schema: pa.Schema, filtered: str | None) -> None:
        self._connections = connections
        self._snapshot = snapshot
        self._schema = schema
        self._filtered = filtered
        self._dropped: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def _table(self) -> str:
        return f"krai_rows.{quoted(self._snapshot.table)}"

    def end_row(self, connection: Connection, limit: int | None) -> int:
        """The row before which there are the first `limit` rows, or all."""
        if limit is None:
            return self._snapshot.end_row
        taken = "true" if self._filtered is None else self._filtered
        first = f"select {ROW} from {self._table} where {there_at(self._snapshot)} and {taken} order by {ROW} limit {limit}"
        for rows, last in connection.execute(f"select count(*), coalesce(max({ROW}) + 1, 0) from ({first}) as first_rows".encode()):
            return self._snapshot.end_row if rows < limit else int(last)
        raise AssertionError

    def parts(self, written: Iterable[tuple[int, int, int]], end_row: int) -> list[Callable[[], pa.Table]]:
        """One for each range of rows before `end_row`."""
        return [partial(self._read, first, last) for first, last in ranges(written, end_row)]

    def dropped(self) -> int:
        """Rows that the filter was seen to refuse. The database counts them apart from those it hands out."""
        with self._lock:
            return sum(self._dropped.values())

    def _read(self, first: int, last: int) -> pa.Table:
        where = f"{ROW} >= {first} and {ROW} < {last} and {there_at(self._snapshot)}"
        kept = where if self._filtered is None else f"{where} and {self._filtered}"
        rows = self._connections.query(f"select {columns.read(self._schema)} from {self._table} where {kept} order by {ROW}")
        if self._filtered is not None:
            self._count(first, f"select count(*) from {self._table} where {where} and {self._filtered} is not true")
        return columns.to_arrow(rows, self._schema)

    def _count(self, first: int, query: str) -> None:
        (dropped,) = self._connections.query(query).column(0).to_pylist()
        with self._lock:
            self._dropped[first] = dropped


def there_at(snapshot: Snapshot) -> str:
    """The condition that a row of the table was there at a snapshot."""
    number = snapshot.snapshot_id
    return f"{SINCE} <= {number} and ({UNTIL} is null or {UNTIL} > {number})"
