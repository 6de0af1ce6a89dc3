"""The rows of a snapshot, cut into pieces of bounded size, in the order in which they were imported."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import pyarrow as pa

from krai.warehouse.postgres import columns
from krai.warehouse.postgres.columns import ROW, SINCE, UNTIL, quoted
from krai.warehouse.postgres.connections import Connection, Connections
from krai.warehouse.postgres.history import Snapshot
from krai.warehouse.postgres.layout import Laid
from krai.warehouse.selecting import ranges


@dataclass(frozen=True, slots=True)
class _Span:
    """Places of rows to read at once. `ordered` is where they lie in their order, when they do."""

    first: int
    end: int
    ordered: str | None


class Pieces:
    """The rows of a snapshot that a filter lets through, with the columns of `schema`; `filtered` is the filter as a condition."""

    def __init__(self, connections: Connections, snapshot: Snapshot, schema: pa.Schema, filtered: str | None) -> None:
        self._connections = connections
        self._snapshot = snapshot
        self._schema = schema
        self._filtered = filtered
        self._dropped: dict[int, int] = {}
        self._lock = threading.Lock()

    def end_row(self, connection: Connection, laid: Sequence[Laid], limit: int | None) -> int:
        """The row before which there are the first `limit` rows, or all."""
        if limit is None:
            return self._snapshot.end_row
        left, end = limit, 0
        for span in _spans(laid, self._snapshot.end_row):
            if not left:
                return end
            if span.ordered is not None and self._filtered is None:
                rows = min(left, span.end - span.first)
                end = span.first + rows
            else:
                rows, end = self._first(connection, span, left)
            left -= rows
        return self._snapshot.end_row if left else end

    def parts(self, laid: Sequence[Laid], end_row: int) -> list[Callable[[], pa.Table]]:
        """One for each range of rows before `end_row`."""
        return [partial(self._read, span) for span in _spans(laid, end_row)]

    def dropped(self) -> int:
        """Rows that the filter was seen to refuse. The database counts them apart from those it hands out."""
        with self._lock:
            return sum(self._dropped.values())

    def _read(self, span: _Span) -> pa.Table:
        if span.ordered is not None:
            rows, dropped = self._taken(span.ordered)
            if rows.num_rows + dropped == span.end - span.first:
                return self._told(span, rows, dropped)
            # Some were changed since this was planned, and do not lie there any more.
        return self._told(span, *self._taken(self._indexed(span), f"order by {ROW}"))

    def _taken(self, source: str, order: str = "") -> tuple[pa.Table, int]:
        """The rows that the filter lets through, and how many it does not."""
        kept = source if self._filtered is None else f"{source} and {self._filtered}"
        rows = self._connections.query(f"select {columns.read(self._schema)} from {kept} {order}")
        if self._filtered is None:
            return rows, 0
        (dropped,) = self._connections.query(f"select count(*) from {source} and {self._filtered} is not true").column(0).to_pylist()
        return rows, dropped

    def _told(self, span: _Span, rows: pa.Table, dropped: int) -> pa.Table:
        with self._lock:
            self._dropped[span.first] = dropped
        return columns.to_arrow(rows, self._schema)

    def _first(self, connection: Connection, span: _Span, limit: int) -> tuple[int, int]:
        """How many rows there are, at most `limit`, and the place after the last of these."""
        taken = "true" if self._filtered is None else self._filtered
        first = f"select {ROW} from {span.ordered or self._indexed(span)} and {taken} order by {ROW} limit {limit}"
        for rows, end in connection.execute(f"select count(*), coalesce(max({ROW}) + 1, 0) from ({first}) as first_rows".encode()):
            return rows, end
        raise AssertionError

    def _indexed(self, span: _Span) -> str:
        """Where they are in any case: in the dataset's own table, and in the child that has their places."""
        return f"krai_rows.{quoted(self._snapshot.table)} where {_within(span.first, span.end)} and {there_at(self._snapshot)}"


def there_at(snapshot: Snapshot) -> str:
    """The condition that a row of the table was there at a snapshot."""
    number = snapshot.snapshot_id
    return f"{SINCE} <= {number} and ({UNTIL} is null or {UNTIL} > {number})"


def _within(first: int, end: int) -> str:
    return f"{ROW} >= {first} and {ROW} < {end}"


def _spans(laid: Sequence[Laid], end_row: int) -> Iterator[_Span]:
    """Rows that are in one table, in the order of their places."""
    for child, group in groupby(laid, key=lambda piece: piece.child):
        pieces = list(group)
        for first, end in ranges(((piece.first_row, piece.rows, piece.bytes) for piece in pieces), end_row):
            yield _Span(first, end, None if child is None else _ordered(child, pieces, first, end))


def _ordered(child: str, pieces: Sequence[Laid], first: int, end: int) -> str | None:
    """The blocks of the pieces that have rows in a range. None of the rows has ever been changed, so all are there."""
    within = [piece for piece in pieces if piece.first_row < end and piece.first_row + piece.rows > first]
    begin_block, end_block = within[0].first_block, within[-1].end_block
    if begin_block is None or end_block is None:
        return None
    blocks = f"ctid >= '({begin_block},0)' and ctid < '({end_block},0)'"
    return f"krai_rows.{quoted(child)} where {blocks} and {_within(first, end)} and {UNTIL} is null"
