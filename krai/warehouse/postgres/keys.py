"""Rows that are told apart by their key. Cells are equal as PostgreSQL has it: NaN to itself, 0.0 to -0.0, null to nothing."""

from collections.abc import Sequence

import pyarrow as pa

from krai.errors import Terminal
from krai.warehouse.port import Counts
from krai.warehouse.postgres import columns, layout
from krai.warehouse.postgres.columns import ROW, UNTIL
from krai.warehouse.postgres.conditions import operand
from krai.warehouse.postgres.connections import Connection
from krai.warehouse.postgres.parts import Written


class Key:
    """`columns` of tables with `schema`. Raises Terminal unknown_column."""

    def __init__(self, columns: Sequence[str], schema: pa.Schema) -> None:
        if not set(columns) <= set(schema.names):
            raise Terminal("unknown_column", "The key names a column that neither the file nor the dataset has.")
        self.schema = pa.schema([schema.field(name) for name in columns])

    @property
    def names(self) -> list[str]:
        return [f"k{number}" for number in range(len(self.schema))]

    def cells(self) -> str:
        return ", ".join(operand(name, self.schema) for name in self.schema.names)

    def listed(self) -> str:
        """The cells under names of their own."""
        return ", ".join(f"{operand(name, self.schema)} as {named}" for name, named in zip(self.schema.names, self.names, strict=True))

    def cast(self, held: pa.Schema) -> str:
        """The same out of a table that has the columns of `held`."""
        cells = zip(columns.cast_from(held.names, self.schema), self.schema, self.names, strict=True)
        return ", ".join(
            f'({cell}) collate "C" as {named}' if pa.types.is_string(field.type) else f"{cell} as {named}" for cell, field, named in cells
        )

    def equal(self, table: str, listed: str) -> str:
        """That a row of a table has the cells that were listed."""
        pairs = zip(self.schema.names, self.names, strict=True)
        return " and ".join(f"{table}.{operand(name, self.schema)} = {listed}.{named}" for name, named in pairs)


def join_by_hashing(connection: Connection) -> None:
    """Nobody has counted the rows that were just written: PostgreSQL takes them for one, and would read the table once for each."""
    connection.execute("set local enable_nestloop = off")


def settle(connection: Connection, table: str, key: Key, *, first_row: int, snapshot_id: int) -> tuple[Counts, int]:
    """Of the rows from `first_row` on the last of each key stays, and those before with its key go; how many these are."""
    join_by_hashing(connection)
    rows = f"krai_rows.{columns.quoted(table)}"  # with its children, in which there is none of the new rows
    newest_first = f"row_number() over (partition by {key.cells()} order by {ROW} desc)"
    places = f"select {ROW}, {newest_first} as place from only {rows} where {ROW} >= {first_row}"
    connection.execute(f"delete from only {rows} where {ROW} in (select {ROW} from ({places}) as own where place > 1)".encode())
    own = f"select {key.listed()} from only {rows} where {ROW} >= {first_row}"
    gone = (
        f"update {rows} as held set {UNTIL} = {snapshot_id} from ({own}) as own"
        f" where {ROW} < {first_row} and {UNTIL} is null and {key.equal('held', 'own')}"
        f" returning held.tableoid, {', '.join(f'own.{name}' for name in key.names)}"
    )
    statement = (
        f"with gone as ({gone}), keys as (select distinct {', '.join(key.names)} from gone),"
        " changed as (select distinct relname from gone join pg_class on oid = gone.tableoid)"
        f" select (select count(*) from gone), (select count(*) from keys), (select count(*) from ({own}) as own),"
        " array(select relname::text from changed)"
    )
    for gone_rows, updated, all_rows, changed in connection.execute(statement.encode()).fetchall():
        layout.changed(connection, table, changed)
        return Counts(inserted=all_rows - updated, updated=updated), gone_rows
    raise AssertionError


def counted(connection: Connection, written: Sequence[Written], table: str | None, held: pa.Schema, key: Key) -> Counts:
    """What an upsert of these parts into a table with the columns of `held` would come to."""
    join_by_hashing(connection)
    new = " union all ".join(f"select {key.cast(part.schema)} from krai_rows.{part.location}" for part in written if part.rows)
    if not new:
        return Counts()
    own = f"(select distinct * from ({new}) as new) as own"
    statement = f"select count(*), 0 from {own}"
    if table is not None:
        there = f"select distinct {key.cast(held)}, true as there from krai_rows.{columns.quoted(table)} where {UNTIL} is null"
        same = " and ".join(f"own.{name} = held.{name}" for name in key.names)
        statement = f"select count(*), count(there) from {own} left join ({there}) as held on {same}"
    for all_rows, updated in connection.execute(statement.encode()):
        return Counts(inserted=all_rows - updated, updated=updated)
    raise AssertionError
