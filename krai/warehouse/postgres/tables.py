"""The tables that hold rows, and the views that show those of now under the name of their dataset."""

import secrets
import time

import psycopg
import pyarrow as pa

from krai.errors import Transient
from krai.warehouse.postgres import columns
from krai.warehouse.postgres.columns import ROW, SINCE, UNTIL, quoted
from krai.warehouse.postgres.connections import LOCK_TIMEOUT, Connection

# A look at a view, or at its table, holds it to the end of its transaction, and whoever waits for that has all others wait behind him.
# So krai waits briefly and often.
_WAIT = "500ms"
_PAUSE_S = 0.5
_TRIES = 120
_NAME_LETTERS = 36  # so that the names of the table, of its children and of its index are within PostgreSQL's limit


def create(connection: Connection, name: str, schema: pa.Schema) -> str:
    """A new table for the rows of a dataset; its name."""
    columns.check(schema)
    table = f"{name[:_NAME_LETTERS]}_{secrets.token_hex(4)}"
    # A row that comes back after it went has the same place, so it is told apart by when it came.
    own = [f"{ROW} bigint", f"{SINCE} bigint", f"{UNTIL} bigint", f"unique ({ROW}, {SINCE})"]
    connection.execute(f"create table krai_rows.{quoted(table)} ({', '.join([*columns.definitions(schema), *own])})".encode())
    return table


def take_in(connection: Connection, table: str, part: str, held: pa.Schema, schema: pa.Schema, *, snapshot_id: int) -> str:
    """Make a table that has the columns of `held` and places of rows a child of a table with those of `schema`; its new name.

    None of its rows is touched, however many they are.
    """
    child = f"{table}_{part.removeprefix('part_')}"
    steps = [
        *_growing(held, schema),
        f"add column {SINCE} bigint default {snapshot_id}",
        f"add column {UNTIL} bigint",
        "reset (autovacuum_enabled, toast.autovacuum_enabled)",
    ]
    for change in (", ".join(steps), f"inherit krai_rows.{quoted(table)}", f"rename to {quoted(child)}"):
        connection.execute(f"alter table krai_rows.{quoted(part)} {change}".encode())
    return child


def grow(connection: Connection, name: str, table: str, held: pa.Schema, schema: pa.Schema) -> None:
    """Give a table the columns of `schema` that it lacks, and decimals as many digits; rows that are there stay as they are."""
    columns.check(schema)
    steps = _growing(held, schema)
    if any(field.name in held.names and held.field(field.name).type != field.type for field in schema):
        hide(connection, name)  # the type of a column is held by the views that show it
    if steps:
        _when_nobody_looks(connection, f"alter table krai_rows.{quoted(table)} {', '.join(steps)}")


def show(connection: Connection, name: str, table: str, schema: pa.Schema) -> None:
    """Make the view of a dataset, or make it show another table. Who may read it stays, where its columns stay as well."""
    query = f"select {columns.shown(schema)} from krai_rows.{quoted(table)} where {UNTIL} is null"
    try:
        _when_nobody_looks(connection, f"create or replace view krai.{quoted(name)} as {query}")
    except psycopg.errors.InvalidTableDefinition:
        # Columns of a view can be added at its end and nothing else.
        hide(connection, name)
        connection.execute(f"create view krai.{quoted(name)} as {query}".encode())


def hide(connection: Connection, name: str) -> None:
    _when_nobody_looks(connection, f"drop view if exists krai.{quoted(name)}")


def drop(connection: Connection, table: str) -> None:
    connection.execute(f"drop table if exists krai_rows.{quoted(table)}".encode())


def _when_nobody_looks(connection: Connection, change: str) -> None:
    """Make a change that needs a view or a table for itself. Raises Transient store_busy when others keep it for two minutes."""
    for _ in range(_TRIES):
        try:
            with connection.transaction():
                connection.execute(f"set local lock_timeout = '{_WAIT}'".encode())
                connection.execute(change.encode())
                connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_S)
        else:
            return
    raise Transient("store_busy", "Other programs keep transactions open that have read the dataset: its commit waits for their end.")


def _growing(held: pa.Schema, schema: pa.Schema) -> list[str]:
    """What ALTER TABLE has to do, which reads and writes no row."""
    added = pa.schema([field for field in schema if field.name not in held.names])
    wider = pa.schema([field for field in schema if field.name in held.names and held.field(field.name).type != field.type])
    return [
        *(f"add column {definition}" for definition in columns.definitions(added)),
        *(f"alter column {columns.column(field.name)} type {columns.column_type(field.type)}" for field in wider),
    ]
