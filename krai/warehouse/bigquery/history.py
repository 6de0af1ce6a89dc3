"""What krai writes down of a dataset and its commits, in a table of the dataset's own.

One row for each commit; `newest` is true in the last. The table begins with a row that is no commit, and which is the newest until the
first one: a commit updates the newest row, and BigQuery lets one of two transactions do so that run at once. Ids are milliseconds
of the table's making counted on, so that those of a later dataset of the same name are others.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from google.api_core.exceptions import Conflict, NotFound

from krai.dataset import Dataset
from krai.formats.types import columns_of
from krai.job import parse_time
from krai.warehouse.bigquery import names
from krai.warehouse.bigquery.columns import from_doc
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.port import Change, Committed, Counts, Undo

_COLUMNS = {
    "snapshot": "INT64",
    "newest": "BOOL",
    "committed_at": "TIMESTAMP",
    "job_id": "STRING",
    "epoch": "INT64",
    "mode": "STRING",
    "key_columns": "STRING",
    "undone_job_id": "STRING",
    "table_name": "STRING",
    "first_row": "INT64",
    "end_row": "INT64",
    "row_count": "INT64",
    "byte_count": "INT64",
    "columns": "STRING",
    "pieces": "STRING",
    "counts": "STRING",
    "summary": "STRING",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ = (
    "snapshot, job_id, committed_at, epoch, mode, key_columns, table_name, first_row, end_row, row_count, byte_count, columns, counts,"
    " summary"
)

Span = tuple[int, int, int]  # the first row, rows, and their bytes in Arrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A commit: the dataset after it is the rows of `table` before `end_row` that were there at `snapshot_id`.

    Those from `first_row` on have come with it. `mode` is None when it was an undo.
    """

    snapshot_id: int
    job_id: str
    epoch: int
    committed_at: datetime
    mode: str | None
    key: tuple[str, ...]
    table: str
    first_row: int
    end_row: int
    rows: int
    bytes: int
    columns: list[list[str]]
    counts: Counts
    summary: dict[str, str]

    @property
    def schema(self) -> pa.Schema:
        return from_doc(self.columns)[0]

    @property
    def stored(self) -> dict[str, str]:
        """The table's columns by the names they have in the dataset."""
        return from_doc(self.columns)[1]

    def describe(self, name: str) -> Dataset:
        return Dataset(
            name=name,
            columns=columns_of(self.schema),
            rows=self.rows,
            bytes=self.bytes,
            snapshot_id=str(self.snapshot_id),
            updated_at=self.committed_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What a commit would write down, as `Snapshot` reads it; `written` are the rows that the table has got."""

    table: str
    columns: list[list[str]]
    first_row: int
    end_row: int
    rows: int
    bytes: int
    counts: Counts
    written: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Commit:
    """What an undo has to know of those before and after the import it takes back."""

    snapshot_id: int
    job_id: str
    mode: str | None
    first_row: int
    end_row: int
    undone_job_id: str | None
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """`latest` is the id that the next commit starts from, `newest` what it is if it is a commit, `found` that of a job asked for."""

    latest: int
    newest: Snapshot | None
    found: Snapshot | None

    def committed(self, name: str) -> Committed | None:
        if self.found is None or self.newest is None:
            return None
        found = self.found
        return Committed(
            snapshot_id=str(found.snapshot_id),
            committed_at=found.committed_at,
            epoch=found.epoch,
            rows=found.rows,
            dataset=self.newest.describe(name),
            counts=found.counts,
            summary=found.summary,
        )


def create(jobs: Jobs, dataset: str, job_id: str, epoch: int) -> None:
    """Make the table; it may be there already."""
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in list(_COLUMNS.items())[3:])
    first = f"SELECT UNIX_MILLIS(CURRENT_TIMESTAMP()) AS snapshot, TRUE AS newest, CURRENT_TIMESTAMP() AS committed_at, {empty}"
    with translated():
        try:
            jobs.run(f"CREATE TABLE {jobs.named(names.commits(dataset))} AS {first}", names.new_job(job_id, epoch, "history"), label=job_id)
        except Conflict:
            return


def state(jobs: Jobs, dataset: str, job_id: str = "") -> State | None:
    """What there is; None when nobody has begun to write the dataset."""
    query = f"SELECT {_READ}, newest FROM {jobs.named(names.commits(dataset))} WHERE newest OR job_id = @job_id"
    with translated():
        try:
            rows = [dict(row.items()) for row in jobs.ask(query, {"job_id": job_id}, label=job_id)]
        except NotFound:
            return None
    latest = next(row for row in rows if row["newest"])
    found = next((row for row in rows if row["job_id"] == job_id), None)
    return State(latest["snapshot"], _snapshot(latest), None if found is None else _snapshot(found))


def as_of(jobs: Jobs, dataset: str, asked: str) -> Snapshot | None:
    """The snapshot of an id, or the newest not later than a time, of which those of snapshots have milliseconds."""
    if asked.isdecimal():
        which = f"snapshot = {int(asked)}" if int(asked) < 1 << 63 else "FALSE"
    else:
        which = f"UNIX_MILLIS(committed_at) <= {(parse_time(asked) - _EPOCH) // timedelta(milliseconds=1)}"
    query = f"SELECT {_READ} FROM {jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL AND {which} ORDER BY snapshot DESC LIMIT 1"
    with translated():
        found = jobs.ask(query)
    return _snapshot(dict(found[0].items())) if found else None


def find(jobs: Jobs, dataset: str, job_id: str) -> Snapshot | None:
    found = state(jobs, dataset, job_id)
    return None if found is None else found.found


def holds(jobs: Jobs, dataset: str, snapshot_id: str) -> bool:
    with translated():
        try:
            return bool(jobs.ask(f"SELECT 1 FROM {_of(jobs, dataset, snapshot_id)}"))
        except NotFound:
            return False


def forget(jobs: Jobs, dataset: str, snapshot_id: str) -> None:
    """Remove the table, unless it is another by now, without the snapshot, or gone."""
    there = f"EXISTS (SELECT 1 FROM {_of(jobs, dataset, snapshot_id)})"
    script = f"IF {there} THEN DROP TABLE {jobs.named(names.commits(dataset))}; END IF"
    with translated(), suppress(NotFound):
        jobs.run(script, names.new_job(dataset, 0, "forget"), label="")


def _of(jobs: Jobs, dataset: str, snapshot_id: str) -> str:
    return f"{jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL AND snapshot = {int(snapshot_id)}"


def commits(jobs: Jobs, dataset: str) -> list[Commit]:
    """All, in their order; none when nobody has begun to write the dataset."""
    shown = "snapshot AS snapshot_id, job_id, mode, first_row, end_row, undone_job_id, key_columns AS key"
    query = f"SELECT {shown} FROM {jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL ORDER BY snapshot"
    with translated():
        try:
            found = [dict(row.items()) for row in jobs.ask(query)]
        except NotFound:
            return []
    return [Commit(**{**row, "key": tuple(json.loads(row["key"]))}) for row in found]


def written(jobs: Jobs, dataset: str, snapshot: Snapshot) -> list[Span]:
    """How the rows of a snapshot's table were written, from its first on."""
    query = (
        f"SELECT pieces FROM {jobs.named(names.commits(dataset))}"
        f" WHERE table_name = @table_name AND snapshot <= {snapshot.snapshot_id} ORDER BY snapshot"
    )
    with translated():
        found = jobs.ask(query, {"table_name": snapshot.table})
    return [(first, rows, size_bytes) for row in found for first, rows, size_bytes in json.loads(row["pieces"])]


def tables(jobs: Jobs, dataset: str) -> set[str]:
    """All that its commits have given rows to."""
    query = f"SELECT DISTINCT table_name FROM {jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL"
    with translated():
        try:
            return {row["table_name"] for row in jobs.ask(query)}
        except NotFound:
            return set()


def record(jobs: Jobs, dataset: str, job: Change | Undo, snapshot_id: int, after: After) -> str:
    """The statement that writes a commit down."""
    values = {
        "snapshot": str(snapshot_id),
        "newest": "TRUE",
        "committed_at": "CURRENT_TIMESTAMP()",
        "job_id": text(job.job_id),
        "epoch": str(job.epoch),
        "mode": "NULL" if isinstance(job, Undo) else text(job.mode),
        "key_columns": _json(() if isinstance(job, Undo) else job.key),
        "undone_job_id": text(job.undone_job_id) if isinstance(job, Undo) else "NULL",
        "table_name": text(after.table),
        "first_row": str(after.first_row),
        "end_row": str(after.end_row),
        "row_count": str(after.rows),
        "byte_count": str(after.bytes),
        "columns": _json(after.columns),
        "pieces": _json(after.written),
        "counts": _json(asdict(after.counts)),
        "summary": _json({key: str(value) for key, value in job.summary.items()}),
    }
    return f"INSERT INTO {jobs.named(names.commits(dataset))} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def text(ascii_text: str) -> str:
    """Text without controls, which JSON and ids have none of, as a literal. Scripts take no parameters everywhere."""
    if not (ascii_text.isascii() and ascii_text.isprintable()):
        raise AssertionError
    return "'" + ascii_text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _json(value: object) -> str:
    return text(json.dumps(value).replace("\x7f", "\\u007f"))  # the one control that JSON leaves as it is


def _snapshot(row: dict[str, Any]) -> Snapshot | None:
    if row["job_id"] is None:
        return None
    return Snapshot(
        snapshot_id=row["snapshot"],
        job_id=row["job_id"],
        epoch=row["epoch"],
        committed_at=row["committed_at"],
        mode=row["mode"],
        key=tuple(json.loads(row["key_columns"])),
        table=row["table_name"],
        first_row=row["first_row"],
        end_row=row["end_row"],
        rows=row["row_count"],
        bytes=row["byte_count"],
        columns=json.loads(row["columns"]),
        counts=Counts(**json.loads(row["counts"])),
        summary=json.loads(row["summary"]),
    )
