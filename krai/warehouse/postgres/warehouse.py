"""Datasets in a PostgreSQL database.

    krai."<dataset>"             a view of the rows of now, for other programs
    krai_rows."<dataset>_<hex>"  the rows of a dataset, of all its snapshots, until it is replaced: then it has a new table
    krai_rows."<dataset>_<hex>_<number>"  those of a large import, in a child of that table (`layout`)
    krai_rows.part_<number>      what an import under way has written
    krai._commits and others     what is known of them (`history`)

A row is there from one snapshot on and up to another; it is never changed and goes only with its dataset. A commit is one transaction,
which begins by locking the dataset and looking for its job in the history.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC

import pyarrow as pa

from krai import failpoint
from krai.dataset import Dataset
from krai.errors import Terminal
from krai.formats.types import columns_of
from krai.job import parse_time
from krai.predicate.parse import parse
from krai.warehouse.port import EVERYTHING, Change, Committed, Forecast, Part, Query, Scan, Undo
from krai.warehouse.postgres import history, imports, layout, parts, tables, undoing
from krai.warehouse.postgres.conditions import condition
from krai.warehouse.postgres.connections import Connection, Connections
from krai.warehouse.postgres.history import Snapshot
from krai.warehouse.postgres.parts import TablePart
from krai.warehouse.postgres.pieces import Pieces
from krai.warehouse.selecting import project


class PostgresWarehouse:
    """Implements `Warehouse`. Connects when it is first asked for something; the schemas are made when something is first written.

    A part of an import with `own_table_bytes` in Arrow or more stays in the table that it was written to.
    """

    def __init__(self, url: str, *, own_table_bytes: int = 1 << 20) -> None:
        self._connections = Connections(url)
        self._own_table_bytes = own_table_bytes
        self._there = False

    def describe(self, name: str) -> Dataset | None:
        snapshot = self._newest(name)
        return None if snapshot is None else snapshot.describe(name)

    def schema(self, name: str) -> pa.Schema | None:
        snapshot = self._newest(name)
        return None if snapshot is None else snapshot.schema

    def scan(self, name: str, query: Query = EVERYTHING) -> Scan:
        snapshot = self._as_of(name, query.as_of)
        held = snapshot.schema
        schema = project(held, query.columns)
        filtered = None if query.filter is None else condition(parse(query.filter, columns_of(held)), held)
        pieces = Pieces(self._connections, snapshot, schema, filtered)
        with self._connections.statements() as connection:
            laid = layout.laid(connection, snapshot.table, snapshot.end_row)
            end_row = pieces.end_row(connection, laid, query.limit)
        moment = snapshot.committed_at.astimezone(UTC)
        return Scan(
            schema=schema,
            rows=snapshot.rows,
            snapshot_id=str(snapshot.snapshot_id),
            snapshot_time=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            parts=pieces.parts(laid, end_row),
            limit=query.limit,
            dropped=None if filtered is None else pieces.dropped,
        )

    def open_part(self, name: str, job_id: str, epoch: int, number: int) -> Part:
        with self._writing() as connection:
            part, first_row = parts.begin(connection, name, job_id, epoch, number)
        return TablePart(self._connections, part, first_row, self._own_table_bytes)

    def commit(self, name: str, change: Change) -> Committed:
        return self._once(name, change, lambda connection: imports.commit(connection, name, change))

    def forecast(self, name: str, change: Change) -> Forecast:
        with self._writing() as connection:
            return imports.forecast(connection, name, change)

    def undo(self, name: str, undo: Undo) -> Committed:
        return self._once(name, undo, lambda connection: undoing.commit(connection, name, undo))

    def find_commit(self, name: str, job_id: str) -> Committed | None:
        with self._connections.statements() as connection:
            return history.find(connection, name, job_id) if self._is_there(connection) else None

    def stands(self, name: str, job_id: str) -> bool:
        with self._connections.statements() as connection:
            return self._is_there(connection) and history.stands(connection, name, job_id)

    def holds(self, name: str, snapshot_id: str) -> bool:
        with self._connections.statements() as connection:
            return self._is_there(connection) and history.by_id(connection, name, snapshot_id) is not None

    def drop(self, name: str, snapshot_id: str) -> str | None:
        with self._connections.transaction() as connection:
            if not self._is_there(connection):
                return None
            history.lock(connection, name)
            newest = history.newest(connection, name)
            if newest is None or history.by_id(connection, name, snapshot_id) is None:
                return None
            tables.hide(connection, name)
            for table in history.forget(connection, name):
                tables.drop(connection, table)
        return str(newest.snapshot_id)

    def discard(self, name: str, job_id: str, epoch: int) -> None:
        with self._connections.transaction() as connection:
            if self._is_there(connection):
                parts.remove(connection, name, job_id, epochs=[epoch])

    def sweep(self, name: str, job_id: str, keep_epoch: int | None) -> None:
        with self._connections.transaction() as connection:
            if self._is_there(connection):
                parts.remove(connection, name, job_id, epochs=sorted(parts.epochs(connection, name, job_id) - {keep_epoch}))

    def _once(self, name: str, job: Change | Undo, change: Callable[[Connection], Snapshot]) -> Committed:
        """Change the dataset, unless the job has done so before."""
        with self._writing() as connection:
            history.lock(connection, name)
            found = history.find(connection, name, job.job_id)
            if found is not None:
                return found
            snapshot = change(connection)
            parts.remove(connection, name, job.job_id, epochs=[job.epoch])
            failpoint.reach("during_commit")
        return snapshot.committed(name, snapshot)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._connections.statements() as connection:
            if not self._is_there(connection):
                history.create(connection)
        with self._connections.transaction() as connection:
            yield connection

    def _as_of(self, name: str, asked: str | None) -> Snapshot:
        """Raises Terminal dataset_not_found, snapshot_not_found."""
        newest = self._newest(name)
        if newest is None:
            raise Terminal("dataset_not_found")
        if asked is None:
            return newest
        with self._connections.statements() as connection:
            found = history.by_id(connection, name, asked) if asked.isdecimal() else history.at(connection, name, parse_time(asked))
        if found is None:
            raise Terminal("snapshot_not_found")
        return found

    def _newest(self, name: str) -> Snapshot | None:
        with self._connections.statements() as connection:
            return history.newest(connection, name) if self._is_there(connection) else None

    def _is_there(self, connection: Connection) -> bool:
        """Whether krai has ever written to this database; nothing is made there for those who only read."""
        self._there = self._there or history.exists(connection)
        return self._there
