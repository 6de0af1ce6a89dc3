"""The typed rows of imports under way, each part in a table of its own that no commit has taken yet.

These tables are unlogged, which makes them fast, and empty after a crash of the server. What was written to them is therefore written
down in `krai._parts`, which is logged; a commit compares.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.errors import Terminal, Transient
from krai.warehouse.postgres import columns, history
from krai.warehouse.postgres.connections import Connections
from krai.warehouse.postgres.failures import OUT_OF_TIME
from krai.warehouse.postgres.history import Connection, Piece

_SCHEMA = "krai_rows"
_EARLIEST_US = -210_866_803_200_000_000  # the Julian day 0


class TablePart:
    """Implements `Part`: its table is made with the first rows."""

    def __init__(self, connections: Connections, number: int) -> None:
        self.location = _table(number)
        self._connections = connections
        self._number = number
        self._schema: pa.Schema | None = None
        self._pieces: list[Piece] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        if self._schema is None:
            self._begin(table.schema)
        _check_times(table)
        places = pa.array(np.arange(self._rows, self._rows + table.num_rows, dtype=np.int64))
        named = table.rename_columns([columns.stored(name) for name in table.schema.names])
        self._connections.copy(named.append_column(columns.ROW, places), _SCHEMA, self.location)
        self._pieces.append((table.num_rows, table.nbytes))
        self._rows += table.num_rows

    def close(self) -> None:
        with self._connections.statements() as connection:
            closed = (None if self._schema is None else json.dumps(columns.to_doc(self._schema)), json.dumps(self._pieces), self._number)
            connection.execute("update krai._parts set columns = %s, pieces = %s where part = %s", closed)

    def _begin(self, schema: pa.Schema) -> None:
        columns.check(schema)
        self._schema = schema
        table_columns = ", ".join([*columns.definitions(schema), f"{columns.ROW} bigint"])
        with self._connections.statements() as connection:
            connection.execute(f"create unlogged table {_SCHEMA}.{self.location} ({table_columns})".encode())


@dataclass(frozen=True, slots=True)
class Written:
    """A closed part."""

    location: str
    schema: pa.Schema
    pieces: Sequence[Piece]

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.pieces)


def begin(connection: Connection, name: str, job_id: str, epoch: int, number: int) -> int:
    """The number of a new part. What an earlier attempt at it wrote is removed: a file whose types were refuted is read twice."""
    remove(connection, name, job_id, epochs=[epoch], number=number)
    query = "insert into krai._parts (dataset, job_id, epoch, number) values (%s, %s, %s, %s) returning part"
    for (part,) in connection.execute(query, (name, job_id, epoch, number)):
        return int(part)
    raise AssertionError


def closed(connection: Connection, location: str) -> Written:
    """Raises Transient when the part was swept away, as those of an attempt are that others take for dead."""
    query = "select columns, pieces from krai._parts where part = %s and pieces is not null"
    for named, pieces in connection.execute(query, (int(location.removeprefix("part_")),)):
        return Written(location, columns.from_doc(named or []), [(rows, size_bytes) for rows, size_bytes in pieces])
    raise Transient("store_busy", "A part of the import is not there any more.")


def epochs(connection: Connection, name: str, job_id: str) -> set[int]:
    found = connection.execute("select distinct epoch from krai._parts where dataset = %s and job_id = %s", (name, job_id))
    return {epoch for (epoch,) in found}


def remove(connection: Connection, name: str, job_id: str, *, epochs: Sequence[int], number: int | None = None) -> None:
    query = (
        "delete from krai._parts where dataset = %s and job_id = %s and epoch = any(%s) and number = coalesce(%s, number) returning part"
    )
    for (part,) in connection.execute(query, (name, job_id, list(epochs), number)).fetchall():
        connection.execute(f"drop table if exists {_SCHEMA}.{_table(part)}".encode())


def insert(connection: Connection, part: Written, table: str, schema: pa.Schema, *, first_row: int, snapshot_id: int) -> int:
    """Put the rows of a part into a table of `schema`, in their order from `first_row` on; the row after the last."""
    if not part.rows:
        return first_row
    target = ", ".join([*map(columns.column, schema.names), columns.ROW, columns.SINCE])
    source = ", ".join([*columns.cast_from(part.schema.names, schema), f"{columns.ROW} + {first_row}", str(snapshot_id)])
    moved = connection.execute(
        f"insert into {_SCHEMA}.{columns.quoted(table)} ({target}) select {source} from {_SCHEMA}.{part.location}".encode()
    )
    if moved.rowcount != part.rows:
        raise Transient("store_busy", "The database has lost a part of the import, as it does in a crash.")
    return history.add_pieces(connection, table, first_row, part.pieces)


def _check_times(table: pa.Table) -> None:
    """The driver counts from another year, and does not say that what it was given has no place there."""
    for values in table.columns:
        if pa.types.is_timestamp(values.type):
            earliest = pc.min(values).cast(pa.int64()).as_py()
            if earliest is not None and earliest < _EARLIEST_US:
                raise Terminal(*OUT_OF_TIME)


def _table(part: int) -> str:
    return f"part_{part}"
