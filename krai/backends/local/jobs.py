"""Jobs in one durable SQLite file: each job's document as JSON, beside it the columns that queries need."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from krai.backends import page_token
from krai.backends.documents import gone, to_json
from krai.backends.hearing import Hearing
from krai.backends.local.database import Database
from krai.dataset import Dataset
from krai.errors import Conflict
from krai.job import Job, Standing, format_time, parse_time
from krai.ports import IdempotencyRecord, JobPage, JobQuery

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL, type TEXT NOT NULL,
    status TEXT NOT NULL, dataset TEXT NOT NULL, due_at TEXT, doc TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_newest ON jobs (created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_of_caller ON jobs (created_by, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_of_type ON jobs (type, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_of_status ON jobs (status, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_of_dataset ON jobs (dataset, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_of_standing ON jobs (created_by, status);
CREATE INDEX IF NOT EXISTS jobs_changed ON jobs (json_extract(doc, '$.updated_at'));
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS held (
    created_by TEXT NOT NULL, created_at TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (created_by, created_at, job_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS processed (
    created_by TEXT NOT NULL, day TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (created_by, day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    name TEXT NOT NULL, value TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (name, value, job_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    scope TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires_at);
CREATE TABLE IF NOT EXISTS datasets (name TEXT PRIMARY KEY, updated_at TEXT NOT NULL, doc TEXT NOT NULL)
"""

WRITE = """
INSERT INTO jobs (job_id, revision, created_at, created_by, type, status, dataset, due_at, doc)
VALUES (:job_id, :revision, :created_at, :created_by, :type, :status, :dataset, :due_at, :doc)
"""
SWAP = """
UPDATE jobs SET revision = :revision, created_at = :created_at, created_by = :created_by, type = :type, status = :status,
    dataset = :dataset, due_at = :due_at, doc = :doc
WHERE job_id = :job_id AND revision = :seen_revision
"""
LABELLED = "job_id IN (SELECT job_id FROM labels WHERE name = :label_name AND value = :label_value)"
CHANGED = """
SELECT doc FROM jobs WHERE json_extract(doc, '$.updated_at') >= :since ORDER BY json_extract(doc, '$.updated_at') LIMIT :limit
"""
STANDING = """
SELECT (SELECT count(*) FROM jobs WHERE created_by = :created_by AND status IN ('PENDING', 'PROCESSING')),
    (SELECT count(*) FROM held WHERE created_by = :created_by)
"""
OLDEST_HELD = """
SELECT doc FROM held JOIN jobs USING (job_id) WHERE held.created_by = :created_by ORDER BY held.created_at, held.job_id LIMIT 1
"""
PROCESSED = """
INSERT INTO processed (created_by, day, bytes) VALUES (:created_by, :day, :bytes)
ON CONFLICT (created_by, day) DO UPDATE SET bytes = bytes + excluded.bytes
"""
EXPIRED_AT_ONCE = 100  # expired records removed by one write: enough to keep up, too few to be felt


class LocalJobStore:
    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA, version=2, durable=True)
        self._hearing = Hearing()

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def create(self, job: Job, record: IdempotencyRecord | None = None) -> Job | IdempotencyRecord:
        now = self.now()

        def write(connection: sqlite3.Connection) -> Job | IdempotencyRecord:
            row = connection.execute("SELECT doc FROM jobs WHERE job_id = ?", (job.job_id,)).fetchone()
            stored = None if row is None else _job(row[0])
            if stored is not None and replace(stored, revision=job.revision) == job:
                return stored
            if record is not None and (earlier := _remember(connection, record, now)) is not None:
                return earlier
            if stored is not None:
                raise Conflict(job.job_id)
            connection.execute(WRITE, _row(job))
            _label(connection, job)
            _count(connection, None, job)
            return job

        written = await self._database.run(write, topic=job.job_id)
        return self._hearing.tell(written) if isinstance(written, Job) else written

    async def remember(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        now = self.now()
        return await self._database.run(lambda connection: _remember(connection, record, now))

    async def recall(self, scope: str) -> IdempotencyRecord | None:
        now = self.now()
        return await self._database.read(lambda connection: _recall(connection, scope, now))

    async def get(self, job_id: str) -> Job | None:
        rows = await self._select("SELECT doc FROM jobs WHERE job_id = :job_id", {"job_id": job_id})
        found = [job for job in map(_job, rows) if not gone(job, self.now())]
        return found[0] if found else None

    async def swap(self, seen: Job, then: Job) -> Job:
        written = replace(then, revision=seen.revision + 1)

        def write(connection: sqlite3.Connection) -> None:
            if connection.execute(SWAP, {**_row(written), "seen_revision": seen.revision}).rowcount == 0:
                raise Conflict(seen.job_id)
            if written.labels != seen.labels:
                _unlabel(connection, seen)
                _label(connection, written)
            _count(connection, seen, written)

        await self._database.run(write, topic=seen.job_id)
        return self._hearing.tell(written)

    async def delete(self, seen: Job) -> None:
        def write(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM jobs WHERE job_id = ? AND revision = ?", (seen.job_id, seen.revision)).rowcount == 0:
                raise Conflict(seen.job_id)
            _unlabel(connection, seen)
            _count(connection, seen, None)

        await self._database.run(write, topic=seen.job_id)

    async def find(self, query: JobQuery) -> JobPage:
        after = page_token.decode(query)
        values: dict[str, Any] = {"limit": query.page_size + 1}
        conditions = []
        for column in ("created_by", "type", "status", "dataset"):
            if (value := getattr(query, column)) is not None:
                conditions.append(f"{column} = :{column}")
                values[column] = value
        if query.label is not None:
            conditions.append(LABELLED)
            values["label_name"], values["label_value"] = query.label
        if after is not None:
            conditions.append("(created_at, job_id) < (:after_created_at, :after_job_id)")
            values["after_created_at"], values["after_job_id"] = after
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        # The text is made of the constants above alone; what came from outside is bound.
        statement = f"SELECT doc FROM jobs {where} ORDER BY created_at DESC, job_id DESC LIMIT :limit"  # noqa: S608
        rows = await self._select(statement, values)
        jobs = [_job(row) for row in rows[: query.page_size]]
        next_page = page_token.encode(query, jobs[-1]) if len(rows) > query.page_size else None
        return JobPage([job for job in jobs if not gone(job, self.now())], next_page)

    async def due(self, limit: int) -> Sequence[Job]:
        values = {"now": format_time(self.now()), "limit": limit}
        rows = await self._select("SELECT doc FROM jobs WHERE due_at <= :now ORDER BY due_at LIMIT :limit", values)
        return [_job(row) for row in rows]

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        values = {"since": format_time(since), "limit": limit}
        return [_job(row) for row in await self._select(CHANGED, values)]

    def hear(self, heard: Callable[[Job], object]) -> AbstractContextManager[None]:
        return self._hearing.hear(heard)

    async def standing(self, created_by: str) -> Standing:
        unfinished, held = await self._database.read(lambda connection: connection.execute(STANDING, {"created_by": created_by}).fetchone())
        return Standing(unfinished=unfinished, held=held)

    async def bytes_of(self, created_by: str, day: date) -> int:
        statement = "SELECT coalesce(sum(bytes), 0) FROM processed WHERE created_by = ? AND day = ?"
        row = await self._database.read(lambda connection: connection.execute(statement, (created_by, day.isoformat())).fetchone())
        return int(row[0])

    async def oldest_held(self, created_by: str) -> Job | None:
        rows = await self._select(OLDEST_HELD, {"created_by": created_by})
        return _job(rows[0]) if rows else None

    async def held_callers(self) -> Sequence[str]:
        return await self._select("SELECT DISTINCT created_by FROM held ORDER BY created_by", {})

    async def wait(self, job_id: str, seen_revision: int, timeout_s: float) -> Job | None:
        until = asyncio.get_running_loop().time() + timeout_s
        with self._database.watch(job_id) as watcher:
            while True:
                job = await self.get(job_id)
                if job is None or job.revision != seen_revision or not await watcher.changed(until):
                    return job

    async def put_dataset(self, dataset: Dataset) -> None:
        def put(connection: sqlite3.Connection) -> None:
            found = connection.execute("SELECT doc FROM datasets WHERE name = ?", (dataset.name,)).fetchone()
            known = dataset if found is None else dataset.joined(Dataset.from_doc(json.loads(found[0])))
            values = (known.name, format_time(known.updated_at), to_json(known.to_doc()))
            connection.execute("INSERT OR REPLACE INTO datasets (name, updated_at, doc) VALUES (?, ?, ?)", values)

        await self._database.run(put)

    async def get_dataset(self, name: str, *, max_age_s: float = 0) -> Dataset | None:  # noqa: ARG002 - a look is cheap here
        rows = await self._select("SELECT doc FROM datasets WHERE name = :name", {"name": name})
        return Dataset.from_doc(json.loads(rows[0])) if rows else None

    async def list_datasets(self) -> Sequence[Dataset]:
        return [Dataset.from_doc(json.loads(row)) for row in await self._select("SELECT doc FROM datasets ORDER BY name", {})]

    async def drop_dataset(self, name: str) -> None:
        await self._database.run(lambda connection: connection.execute("DELETE FROM datasets WHERE name = ?", (name,)))

    async def check(self) -> None:
        await self._database.check()

    async def close(self) -> None:
        await self._database.close()

    async def _select(self, statement: str, values: dict[str, Any]) -> list[str]:
        """The first column of every row."""
        return await self._database.read(lambda connection: [row[0] for row in connection.execute(statement, values)])


def _row(job: Job) -> dict[str, Any]:
    doc = job.to_doc()
    columns = ("job_id", "revision", "created_at", "created_by", "type", "status", "dataset", "due_at")
    return {**{name: doc[name] for name in columns}, "doc": to_json(doc)}


def _job(doc: str) -> Job:
    return Job.from_doc(json.loads(doc))


def _count(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    """Keep what is counted apart from the jobs. The bytes of a job that is deleted stay counted on its day."""
    was_held, is_held = seen is not None and seen.held, then is not None and then.held
    if seen is not None and was_held and not is_held:
        connection.execute("DELETE FROM held WHERE created_by = ? AND created_at = ? AND job_id = ?", _place(seen))
    if then is not None and is_held and not was_held:
        connection.execute("INSERT INTO held (created_by, created_at, job_id) VALUES (?, ?, ?)", _place(then))
    more = 0 if then is None else then.progress.bytes_processed - (0 if seen is None else seen.progress.bytes_processed)
    if then is not None and more:
        row = {"created_by": then.created_by, "day": then.created_at.astimezone(UTC).date().isoformat(), "bytes": more}
        connection.execute("DELETE FROM processed WHERE created_by = :created_by AND day < :day", row)
        connection.execute(PROCESSED, row)


def _place(job: Job) -> tuple[str, str, str]:
    """Where a held job stands among those of its caller."""
    return job.created_by, format_time(job.created_at), job.job_id


def _label(connection: sqlite3.Connection, job: Job) -> None:
    rows = [(name, value, job.job_id) for name, value in job.labels.items()]
    connection.executemany("INSERT INTO labels (name, value, job_id) VALUES (?, ?, ?)", rows)


def _unlabel(connection: sqlite3.Connection, job: Job) -> None:
    rows = [(name, value, job.job_id) for name, value in job.labels.items()]
    connection.executemany("DELETE FROM labels WHERE name = ? AND value = ? AND job_id = ?", rows)


def _recall(connection: sqlite3.Connection, scope: str, now: datetime) -> IdempotencyRecord | None:
    row = connection.execute(
        "SELECT fingerprint, answer, expires_at FROM idempotency WHERE scope = ? AND expires_at > ?", (scope, format_time(now))
    ).fetchone()
    if row is None:
        return None
    return IdempotencyRecord(scope=scope, fingerprint=row[0], answer=json.loads(row[1]), expires_at=parse_time(row[2]))


def _remember(connection: sqlite3.Connection, record: IdempotencyRecord, now: datetime) -> IdempotencyRecord | None:
    """The record that holds the scope already, or None when `record` was written."""
    if (earlier := _recall(connection, record.scope, now)) is not None:
        return earlier
    connection.execute(
        "DELETE FROM idempotency WHERE scope IN (SELECT scope FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        (format_time(now), EXPIRED_AT_ONCE),
    )
    connection.execute(
        "INSERT OR REPLACE INTO idempotency (scope, fingerprint, answer, expires_at) VALUES (?, ?, ?, ?)",
        (record.scope, record.fingerprint, to_json(record.answer), format_time(record.expires_at)),
    )
    return None
