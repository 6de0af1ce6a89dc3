"""What krai writes down of datasets and their commits, in tables whose names no dataset can have.

krai._commits   every commit of every dataset: its job, and the dataset as it was then; the newest one says how it is now
krai._pieces    how the rows of a table were written, which is how they are read (`layout`)
krai._parts     tables that imports under way have written
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa

from krai.dataset import Dataset
from krai.formats.types import columns_of
from krai.warehouse.port import Committed, Counts, Mode
from krai.warehouse.postgres import layout
from krai.warehouse.postgres.columns import from_doc
from krai.warehouse.postgres.connections import Connection

_TABLES = """
create table if not exists krai._commits (
    snapshot_id bigint generated always as identity primary key,
    dataset text not null,
    job_id text not null,
    epoch integer not null,
    mode text not null,
    key jsonb not null,
    undoes text,
    table_name text not null,
    first_row bigint not null,
    end_row bigint not null,
    rows bigint not null,
    columns jsonb not null,
    counts jsonb not null,
    committed_at timestamp with time zone not null,
    bytes bigint not null,
    summary jsonb not null,
    unique (dataset, job_id),
    unique (dataset, snapshot_id)
);
create table if not exists krai._pieces (
    table_name text not null,
    first_row bigint not null,
    rows bigint not null,
    bytes bigint not null,
    child text,
    first_block bigint,
    end_block bigint,
    primary key (table_name, first_row)
);
create table if not exists krai._parts (
    part bigint generated always as identity primary key,
    dataset text not null,
    job_id text not null,
    epoch integer not null,
    number integer not null,
    first_row bigint not null,
    columns jsonb,
    pieces jsonb,
    unique (dataset, job_id, epoch, number)
)
"""
_COMMIT = (
    "snapshot_id, job_id, epoch, mode, key, undoes, table_name, first_row, end_row, rows, columns, counts, committed_at, bytes, summary"
)
_BYTES = (
    "with own as (select ('krai_rows.' || quote_ident(%s))::regclass::oid as table_id) select sum(pg_total_relation_size(table_id))::bigint"
    " from (select table_id from own union all select inhrelid from pg_inherits join own on inhparent = table_id) as tables"
)
_UNKNOWN = datetime.min.replace(tzinfo=UTC)
UNDO = "undo"  # the mode of a commit that takes another back


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit as it is written down. It has put the rows from `first_row` to before `end_row`, whichever table they are in by now.

    The dataset after it is the rows of `table` before `end_row` that were there at `snapshot_id`, `rows` of them.
    """

    snapshot_id: int
    job_id: str
    epoch: int
    mode: str
    key: list[str]
    undoes: str | None
    table: str
    first_row: int
    end_row: int
    rows: int
    columns: list[list[str]]
    counts: dict[str, int]
    committed_at: datetime = _UNKNOWN
    bytes: int = 0
    summary: dict[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        return from_doc(self.columns)

    def describe(self, name: str) -> Dataset:
        return Dataset(
            name=name,
            columns=columns_of(self.schema),
            rows=self.rows,
            bytes=self.bytes,
            snapshot_id=str(self.snapshot_id),
            updated_at=self.committed_at,
        )

    def committed(self, name: str, now: "Snapshot") -> Committed:
        """`now` is the newest of the dataset."""
        return Committed(
            snapshot_id=str(self.snapshot_id),
            committed_at=self.committed_at,
            epoch=self.epoch,
            rows=self.rows,
            dataset=now.describe(name),
            counts=Counts(**self.counts),
            summary=self.summary,
        )


def exists(connection: Connection) -> bool:
    """Whether krai has written anything in this database."""
    return bool(_one(connection.execute("select to_regclass('krai._parts') is not null"))[0])


def create(connection: Connection) -> None:
    """Schemas that are there stay as they are: whoever made them may have kept the right to make others."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended('krai', 0))")
        there = {name for (name,) in connection.execute("select nspname from pg_namespace where nspname in ('krai', 'krai_rows')")}
        for schema in ("krai", "krai_rows"):
            if schema not in there:
                connection.execute(f"create schema {schema}".encode())
        connection.execute(_TABLES)


def lock(connection: Connection, name: str) -> None:
    """Keep all others from changing a dataset, whether it is there or not, until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended('krai/' || %s, 0))", (name,))


def newest(connection: Connection, name: str) -> Snapshot | None:
    query = f"select {_COMMIT} from krai._commits where dataset = %s order by snapshot_id desc limit 1"
    return _snapshot(connection.execute(query.encode(), (name,)).fetchone())


def by_id(connection: Connection, name: str, snapshot_id: str) -> Snapshot | None:
    query = f"select {_COMMIT} from krai._commits where dataset = %s and snapshot_id::text = %s"
    return _snapshot(connection.execute(query.encode(), (name, snapshot_id)).fetchone())


def at(connection: Connection, name: str, moment: datetime) -> Snapshot | None:
    """The newest commit that is not later. What is shown of its time has milliseconds, and leads to it."""
    query = (
        f"select {_COMMIT} from krai._commits where dataset = %s and date_trunc('milliseconds', committed_at) <= %s"
        " order by snapshot_id desc limit 1"
    )
    return _snapshot(connection.execute(query.encode(), (name, moment)).fetchone())


def of_job(connection: Connection, name: str, job_id: str) -> Snapshot | None:
    query = f"select {_COMMIT} from krai._commits where dataset = %s and job_id = %s"
    return _snapshot(connection.execute(query.encode(), (name, job_id)).fetchone())


def before(connection: Connection, name: str, snapshot: Snapshot) -> Snapshot | None:
    query = f"select {_COMMIT} from krai._commits where dataset = %s and snapshot_id < %s order by snapshot_id desc limit 1"
    return _snapshot(connection.execute(query.encode(), (name, snapshot.snapshot_id)).fetchone())


def standing_after(connection: Connection, name: str, snapshot: Snapshot) -> list[Snapshot]:
    """Those that came later and were not undone."""
    query = (
        f"select {_COMMIT} from krai._commits where dataset = %s and snapshot_id > %s and job_id not in"
        " (select undoes from krai._commits where dataset = %s and undoes is not null) order by snapshot_id"
    )
    return [Snapshot(*row) for row in connection.execute(query.encode(), (name, snapshot.snapshot_id, name))]


def undone_before(connection: Connection, name: str, snapshot: Snapshot) -> list[Snapshot]:
    """Imports that came earlier and were undone, the newest first."""
    query = (
        f"select {_COMMIT} from krai._commits where dataset = %s and snapshot_id < %s and job_id in"
        " (select undoes from krai._commits where dataset = %s) order by snapshot_id desc"
    )
    return [Snapshot(*row) for row in connection.execute(query.encode(), (name, snapshot.snapshot_id, name))]


def stands(connection: Connection, name: str, job_id: str) -> bool:
    """As `Warehouse.stands` has it."""
    made = of_job(connection, name, job_id)
    if made is None or made.mode == UNDO or is_undone(connection, name, job_id):
        return False
    return all(later.mode != Mode.REPLACE for later in standing_after(connection, name, made))


def is_undone(connection: Connection, name: str, job_id: str) -> bool:
    query = "select exists (select from krai._commits where dataset = %s and undoes = %s)"
    return bool(_one(connection.execute(query, (name, job_id)))[0])


def find(connection: Connection, name: str, job_id: str) -> Committed | None:
    found = of_job(connection, name, job_id)
    now = newest(connection, name) if found is not None else None
    return None if found is None or now is None else found.committed(name, now)


def next_snapshot(connection: Connection) -> int:
    """Later ones of a dataset are greater: ask for it while the dataset is locked."""
    found: int = _one(connection.execute("select nextval(pg_get_serial_sequence('krai._commits', 'snapshot_id'))"))[0]
    return found


def record(connection: Connection, name: str, after: Snapshot, summary: Mapping[str, Any]) -> Snapshot:
    """Write a commit down, with its time and size: once the transaction ends the dataset is `after`."""
    query = (
        f"insert into krai._commits (dataset, {_COMMIT}) overriding system value values"
        f" (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), ({_BYTES}), %s) returning {_COMMIT}"
    )
    whose = (name, after.snapshot_id, after.job_id, after.epoch, after.mode, json.dumps(after.key), after.undoes)
    what = (after.table, after.first_row, after.end_row, after.rows, json.dumps(after.columns), json.dumps(after.counts))
    kept = json.dumps({key: str(value) for key, value in summary.items()})
    return Snapshot(*_one(connection.execute(query.encode(), (*whose, *what, after.table, kept))))


def forget(connection: Connection, name: str) -> list[str]:
    """Erase all that is known of a dataset; the tables it had, children first."""
    tables = [table for (table,) in connection.execute("select distinct table_name from krai._commits where dataset = %s", (name,))]
    connection.execute("delete from krai._commits where dataset = %s", (name,))
    return [*layout.forget(connection, tables), *tables]


def _snapshot(row: tuple[Any, ...] | None) -> Snapshot | None:
    return None if row is None else Snapshot(*row)


def _one(answer: "psycopg.Cursor[tuple[Any, ...]]") -> tuple[Any, ...]:
    row = answer.fetchone()
    if row is None:
        raise AssertionError
    return row
