"""How the rows of a dataset lie in its tables, as krai._pieces has it: what was written at once, in what order, and where.

Most rows are in the dataset's own table, which has an index of their places. A large part of an import stays in the table that it was
written to, which becomes a child of it (PostgreSQL's inheritance). A child has no index as long as no row of it is changed, for its
rows lie in their order: where a piece of them is, is known by its blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from krai.warehouse.postgres.columns import ROW, quoted
from krai.warehouse.postgres.connections import Connection

# The places of rows that a part may take, whatever it has: a child is known by its places to whoever looks for one.
REGION_ROWS = 1 << 33


class Piece(NamedTuple):
    """Rows that were written at once, and their bytes in Arrow; they lie in the blocks from `first_block` to before `end_block`."""

    rows: int
    bytes: int
    first_block: int | None = None
    end_block: int | None = None


@dataclass(frozen=True, slots=True)
class Laid:
    """A piece in a dataset: its rows have the places from `first_row` on. `child` is the table they are in, None: the dataset's own.

    Without blocks its rows are not in their order any more, or have never been.
    """

    first_row: int
    rows: int
    bytes: int
    child: str | None
    first_block: int | None
    end_block: int | None


def region(first_row: int) -> str:
    """The condition that a row has a place that a part may take, which begins at `first_row`."""
    return f"{ROW} >= {first_row} and {ROW} < {first_row + REGION_ROWS}"


def add(connection: Connection, table: str, first_row: int, pieces: Sequence[Piece], child: str | None = None) -> int:
    """Rows that are in a table, or in a child of it, from `first_row` on; the row after the last."""
    firsts = [first_row]
    for piece in pieces:
        firsts.append(firsts[-1] + piece.rows)
    # The rows of a part lie in its own table as its pieces say, and no longer so when they were moved.
    laid = pieces if child is not None else [Piece(piece.rows, piece.bytes) for piece in pieces]
    columns = list(zip(*laid, strict=True)) or [(), (), (), ()]
    connection.execute(
        "insert into krai._pieces (table_name, child, first_row, rows, bytes, first_block, end_block)"
        " select %s, %s, * from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])",
        (table, child, firsts[:-1], *map(list, columns)),
    )
    return firsts[-1]


def copied(connection: Connection, source: str, target: str) -> None:
    """Rows of a table were moved to another one."""
    query = (
        "insert into krai._pieces (table_name, first_row, rows, bytes)"
        " select %s, first_row, rows, bytes from krai._pieces where table_name = %s on conflict do nothing"
    )
    connection.execute(query, (target, source))


def laid(connection: Connection, table: str, end_row: int) -> list[Laid]:
    query = (
        "select first_row, rows, bytes, child, first_block, end_block from krai._pieces"
        " where table_name = %s and first_row < %s order by first_row"
    )
    return [Laid(*row) for row in connection.execute(query, (table, end_row))]


def held_bytes(connection: Connection, table: str) -> int:
    for (found,) in connection.execute("select coalesce(sum(bytes), 0)::bigint from krai._pieces where table_name = %s", (table,)):
        return int(found)
    raise AssertionError


def forget(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Erase what is known of tables; the children they had."""
    query = "delete from krai._pieces where table_name = any(%s) returning child"
    return sorted({child for (child,) in connection.execute(query, (list(tables),)) if child is not None})


def end(connection: Connection, table: str, update: str) -> int:
    """Have rows of a table and of its children end, by an UPDATE; how many."""
    query = f"with gone as ({update} returning tableoid) select relname, count(*) from gone join pg_class on oid = gone.tableoid group by 1"
    ended: dict[str, int] = dict(connection.execute(query.encode()).fetchall())
    changed(connection, table, list(ended))
    return sum(ended.values())


def changed(connection: Connection, table: str, children: Sequence[str]) -> None:
    """Rows of these children are not where they were: the others are found by an index from now on."""
    query = (
        "with lost as (update krai._pieces set first_block = null, end_block = null"
        " where table_name = %s and child = any(%s) and first_block is not null returning child) select distinct child from lost"
    )
    for (child,) in connection.execute(query, (table, list(children))).fetchall():
        connection.execute(f"create index on krai_rows.{quoted(child)} ({ROW})".encode())
