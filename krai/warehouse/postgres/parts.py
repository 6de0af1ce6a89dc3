"""The typed rows of imports under way, each part in a table of its own that no commit has taken yet.

Each is written by one COPY, and written down in `krai._parts` when that has ended. A commit takes the rows into the table of the dataset,
or has those of a large part stay where they are, in what becomes a child of that table.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai import failpoint
from krai.errors import Terminal, Transient
from krai.warehouse.postgres import blocks, columns, history, layout, tables
from krai.warehouse.postgres.connections import Connection, Connections
from krai.warehouse.postgres.copying import Copying
from krai.warehouse.postgres.failures import OUT_OF_TIME
from krai.warehouse.postgres.layout import REGION_ROWS, Piece, region

_SCHEMA = "krai_rows"
_EARLIEST_US = -210_866_803_200_000_000  # the Julian day 0
# A part that is large enough becomes a table of the dataset when it has so large a share of all rows, too: a dataset has a few hundred
# tables at most, however often it is added to.
_OWN_TABLE_SHARE = 64


class TablePart:
    """Implements `Part`: its table is made with the first rows. These get places from `first_row` on.

    With `own_table_bytes` in Arrow or more it may become a table of the dataset.
    """

    def __init__(self, connections: Connections, number: int, first_row: int, own_table_bytes: int) -> None:
        self.location = _table(number)
        self._connections = connections
        self._number = number
        self._first_row = first_row
        self._own_table_bytes = own_table_bytes
        self._schema: pa.Schema | None = None
        self._copying: Copying | None = None
        self._pieces: list[Piece] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        if self._copying is None:
            self._begin(table.schema)
        _check_times(table)
        begin = self._first_row + self._rows
        places = pa.array(np.arange(begin, begin + table.num_rows, dtype=np.int64))
        named = table.rename_columns([columns.stored(name) for name in table.schema.names]).append_column(columns.ROW, places)
        self._copying = self._copying or Copying(self._connections, named.schema, self.location)
        self._copying.put(named)
        self._pieces.append(Piece(table.num_rows, table.nbytes))
        self._rows += table.num_rows

    def close(self) -> None:
        if self._copying is not None:
            self._copying.finish()
            failpoint.reach("after_copy")
        with self._connections.statements() as connection:
            pieces = self._pieces
            if pieces and _bytes(pieces) >= self._own_table_bytes:
                pieces = blocks.located(connection, self.location, self._first_row, pieces)
            closed = (None if self._schema is None else json.dumps(columns.to_doc(self._schema)), json.dumps(pieces), self._number)
            connection.execute("update krai._parts set columns = %s, pieces = %s where part = %s", closed)

    def _begin(self, schema: pa.Schema) -> None:
        columns.check(schema)
        self._schema = schema
        own = [*columns.definitions(schema), f"{columns.ROW} bigint", f"check ({region(self._first_row)})"]
        # Nothing is to be gained from vacuuming it, and whoever does so is in the way of the commit.
        quiet = "autovacuum_enabled = off, toast.autovacuum_enabled = off"
        with self._connections.statements() as connection:
            connection.execute(f"create table {_SCHEMA}.{self.location} ({', '.join(own)}) with ({quiet})".encode())


@dataclass(frozen=True, slots=True)
class Written:
    """A closed part."""

    location: str
    schema: pa.Schema
    first_row: int
    pieces: Sequence[Piece]

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)


def begin(connection: Connection, name: str, job_id: str, epoch: int, number: int) -> tuple[int, int]:
    """The number of a new part, and the place of its first row, unless others take that place meanwhile.

    What was written to it before is removed: samples are made again when whoever made them has died over it.
    """
    remove(connection, name, job_id, epochs=[epoch], number=number)
    now = history.newest(connection, name)
    first_row = (0 if now is None else now.end_row) + number * REGION_ROWS
    query = "insert into krai._parts (dataset, job_id, epoch, number, first_row) values (%s, %s, %s, %s, %s) returning part"
    for (part,) in connection.execute(query, (name, job_id, epoch, number, first_row)):
        return int(part), first_row
    raise AssertionError


def closed(connection: Connection, location: str) -> Written:
    """Raises Transient when the part was swept away, as those of an attempt are that others take for dead."""
    query = "select columns, first_row, pieces from krai._parts where part = %s and pieces is not null"
    for named, first_row, pieces in connection.execute(query, (int(location.removeprefix("part_")),)):
        return Written(location, columns.from_doc(named or []), first_row, [Piece(*piece) for piece in pieces])
    raise Transient("store_busy", "A part of the import is not there any more.")


def epochs(connection: Connection, name: str, job_id: str) -> set[int]:
    found = connection.execute("select distinct epoch from krai._parts where dataset = %s and job_id = %s", (name, job_id))
    return {epoch for (epoch,) in found}


def remove(connection: Connection, name: str, job_id: str, *, epochs: Sequence[int], number: int | None = None) -> None:
    query = (
        "delete from krai._parts where dataset = %s and job_id = %s and epoch = any(%s) and number = coalesce(%s, number) returning part"
    )
    for (part,) in connection.execute(query, (name, job_id, list(epochs), number)).fetchall():
        _cut_off(connection, _table(part))
        connection.execute(f"drop table if exists {_SCHEMA}.{_table(part)}".encode())


def _cut_off(connection: Connection, table: str) -> None:
    """Whoever still writes to it has lost the job, and may be so slow that nobody could wait for it."""
    connection.execute(
        "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)"
        " where relation = to_regclass(%s) and datname = current_database() and usename = current_user and pid <> pg_backend_pid()",
        (f"{_SCHEMA}.{table}",),
    )


def take(connection: Connection, part: Written, table: str, schema: pa.Schema, *, first_row: int, snapshot_id: int, apart: bool) -> int:
    """Have the rows of a part be rows of a dataset's table of `schema`, in their order, with places from `first_row` on.

    `apart`: they may stay where they are, when they are many. The place after all of them.
    """
    if not part.rows:
        return first_row
    if apart and part.first_row >= first_row and _stays(connection, part, table):
        child = tables.take_in(connection, table, part.location, part.schema, schema, snapshot_id=snapshot_id)
        layout.add(connection, table, part.first_row, part.pieces, child)
        return part.first_row + REGION_ROWS
    target = ", ".join([*map(columns.column, schema.names), columns.ROW, columns.SINCE])
    source = ", ".join([*columns.cast_from(part.schema.names, schema), f"{columns.ROW} + {first_row - part.first_row}", str(snapshot_id)])
    moved = connection.execute(
        f"insert into {_SCHEMA}.{columns.quoted(table)} ({target}) select {source} from {_SCHEMA}.{part.location}".encode()
    )
    if moved.rowcount != part.rows:
        raise Transient("store_busy", "The database has lost a part of the import.")
    return layout.add(connection, table, first_row, part.pieces)


def _stays(connection: Connection, part: Written, table: str) -> bool:
    """Whether a part becomes a table of the dataset, where its rows are found by their blocks alone."""
    located = part.pieces[0].first_block is not None
    return located and _bytes(part.pieces) * _OWN_TABLE_SHARE >= layout.held_bytes(connection, table)


def _bytes(pieces: Sequence[Piece]) -> int:
    return sum(piece.bytes for piece in pieces)


def _check_times(table: pa.Table) -> None:
    """The driver counts from another year, and does not say that what it was given has no place there."""
    for values in table.columns:
        if pa.types.is_timestamp(values.type):
            earliest = pc.min(values).cast(pa.int64()).as_py()
            if earliest is not None and earliest < _EARLIEST_US:
                raise Terminal(*OUT_OF_TIME)


def _table(part: int) -> str:
    return f"part_{part}"
