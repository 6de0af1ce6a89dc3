"""Where the rows of a table lie that one COPY has written, one after the other."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from krai.warehouse.postgres.columns import ROW, quoted
from krai.warehouse.postgres.connections import Connection
from krai.warehouse.postgres.layout import Piece

# The first row of one block in so many is looked at. A piece is read with up to as many blocks of its neighbours.
_EVERY = 16


def located(connection: Connection, table: str, first_row: int, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with their blocks. `first_row` is the place of the first row; without blocks when the rows are not in their order."""
    blocks, seen = _seen(connection, table)
    rows, starts = [row for _, row in seen], [block for block, _ in seen]
    if not rows or rows[0] != first_row or any(later <= earlier for earlier, later in pairwise(rows)):
        return list(pieces)
    found = []
    begin = first_row
    for piece in pieces:
        end = begin + piece.rows
        first, last = bisect_right(rows, begin) - 1, bisect_left(rows, end)
        found.append(piece._replace(first_block=starts[first], end_block=starts[last] if last < len(starts) else blocks))
        begin = end
    return found


def _seen(connection: Connection, table: str) -> tuple[int, list[tuple[int, int]]]:
    """How many blocks there are, and of those that were looked at the place of the first row."""
    name = f"krai_rows.{quoted(table)}"
    blocks = 0
    for (counted,) in connection.execute("select pg_relation_size(%s) / current_setting('block_size')::bigint", (name,)):
        blocks = int(counted)
    query = (
        f"select block, {ROW} from generate_series(0, {blocks - 1}, {_EVERY}) as block"
        f" cross join lateral (select {ROW} from {name} where ctid = format('(%s,1)', block)::tid) as first_row order by block"
    )
    return blocks, [(int(block), int(row)) for block, row in connection.execute(query.encode())]
