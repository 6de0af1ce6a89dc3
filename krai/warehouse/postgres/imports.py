"""An import as one transaction has it: its parts become rows of the dataset, and take others' place."""

from dataclasses import asdict

import pyarrow as pa

from krai.errors import Terminal
from krai.warehouse.port import Change, Counts, Forecast, Mode
from krai.warehouse.postgres import columns, history, parts, tables
from krai.warehouse.postgres.connections import Connection
from krai.warehouse.postgres.history import Snapshot
from krai.warehouse.postgres.keys import Key, counted, settle


def commit(connection: Connection, name: str, change: Change) -> Snapshot:
    """The dataset is locked. Raises Transient when its columns are not those of the parts, or a part is not there.

    And Terminal import_gone.
    """
    _check_beside(connection, name, change)
    written = [parts.closed(connection, location) for location in change.parts]
    before = history.newest(connection, name)
    snapshot_id = history.next_snapshot(connection)
    schema = _schema_after(before, change)
    key = Key(change.key, schema)
    # Rows of a dataset are counted on from table to table, so that a row keeps its place when it moves.
    first_row = end_row = 0 if before is None else before.end_row
    rows, shown = 0, False
    if before is None or change.mode is Mode.REPLACE:
        table = tables.create(connection, name, schema)
    else:
        table, rows, shown = before.table, before.rows, before.schema == schema
        tables.grow(connection, name, table, before.schema, schema)
    # Of an upsert rows may go that its own have replaced, so it has no tables to itself.
    apart = change.mode is not Mode.UPSERT
    for part in written:
        end_row = parts.take(connection, part, table, schema, first_row=end_row, snapshot_id=snapshot_id, apart=apart)
    counts, gone = Counts(inserted=sum(part.rows for part in written)), 0
    if change.mode is Mode.UPSERT and end_row > first_row:
        counts, gone = settle(connection, table, key, first_row=first_row, snapshot_id=snapshot_id)
    if not shown:
        tables.show(connection, name, table, schema)
    after = Snapshot(
        snapshot_id=snapshot_id,
        job_id=change.job_id,
        epoch=change.epoch,
        mode=change.mode,
        key=list(change.key),
        undoes=None,
        table=table,
        first_row=first_row,
        end_row=end_row,
        rows=rows - gone + counts.inserted + counts.updated,
        columns=columns.to_doc(schema),
        counts=asdict(counts),
    )
    return history.record(connection, name, after, change.summary)


def forecast(connection: Connection, name: str, change: Change) -> Forecast:
    """What `commit` would come to. Raises the same."""
    _check_beside(connection, name, change)
    written = [parts.closed(connection, location) for location in change.parts]
    before = history.newest(connection, name)
    schema = _schema_after(before, change)
    columns.check(schema)
    key = Key(change.key, schema)
    counts = Counts(inserted=sum(part.rows for part in written))
    if change.mode is Mode.UPSERT:
        counts = counted(connection, written, None if before is None else before.table, schema if before is None else before.schema, key)
    return Forecast(counts=counts, schema=schema, bytes=sum(piece.bytes for part in written for piece in part.pieces))


def _check_beside(connection: Connection, name: str, change: Change) -> None:
    if change.beside is not None and not history.stands(connection, name, change.beside):
        raise Terminal("import_gone")


def _schema_after(before: Snapshot | None, change: Change) -> pa.Schema:
    if before is None or change.mode is Mode.REPLACE:
        return change.schema
    return columns.joined(before.schema, change.schema, evolve=change.evolve)
