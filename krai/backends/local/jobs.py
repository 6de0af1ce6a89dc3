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
from krai.backends.local import beside
from krai.backends.local.database import Database
from krai.dataset import Dataset
from krai.errors import Conflict
from krai.job import Backlog, Job, Standing, format_time, parse_time
from krai.known import Known
from krai.ports import IdempotencyRecord, JobPage, JobQuery

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
BACKLOG = """
SELECT count(*), (SELECT count(*) FROM jobs WHERE status = 'PROCESSING'), min(since) FROM (
    SELECT coalesce(json_extract(doc, '$.run_after'), json_extract(doc, '$.updated_at')) AS since FROM jobs
    WHERE status = 'PENDING' AND NOT json_extract(doc, '$.held')
) WHERE since <= ?
"""
DELIVERED = """
SELECT doc FROM deliveries JOIN jobs USING (job_id)
WHERE webhook_id = :webhook_id AND (finished_at, job_id) < (:after_finished_at, :after_job_id)
ORDER BY finished_at DESC, job_id DESC LIMIT :limit
"""
OLDEST_HELD = """
SELECT doc FROM held JOIN jobs USING (job_id) WHERE held.created_by = :created_by ORDER BY held.created_at, held.job_id LIMIT 1
"""
LAST = "~"  # comes after any time, and any id
EXPIRED_AT_ONCE = 100  # expired records removed by one write: enough to keep up, too few to be felt


class LocalJobStore:
    def __init__(self, path: Path) -> None:
        self._database = Database(path, beside.SCHEMA, version=3, durable=True)
        self._hearing = Hearing()
        self._datasets: Known[Dataset] = Known()

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
            beside.keep(connection, None, job)
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
            beside.keep(connection, seen, written)

        await self._database.run(write, topic=seen.job_id)
        return self._hearing.tell(written)

    async def delete(self, seen: Job) -> None:
        def write(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM jobs WHERE job_id = ? AND revision = ?", (seen.job_id, seen.revision)).rowcount == 0:
                raise Conflict(seen.job_id)
            beside.keep(connection, seen, None)

        await self._database.run(write, topic=seen.job_id)

    async def find(self, query: JobQuery) -> JobPage:
        listing = page_token.of_listing(query)
        after = page_token.decode(listing, query.after)
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
        found = list(map(_job, await self._select(statement, values)))
        return page_token.page(listing, found, query.page_size, page_token.created_at, self.now())

    async def delivered(self, webhook_id: str, *, page_size: int, after: str | None) -> JobPage:
        listing = page_token.of_deliveries(webhook_id)
        finished_at, job_id = page_token.decode(listing, after) or (LAST, LAST)
        values = {"webhook_id": webhook_id, "after_finished_at": finished_at, "after_job_id": job_id, "limit": page_size + 1}
        found = [_job(row) for row in await self._select(DELIVERED, values)]
        return page_token.page(listing, found, page_size, page_token.ended_at, self.now())

    async def due(self, limit: int) -> Sequence[Job]:
        values = {"now": format_time(self.now()), "limit": limit}
        rows = await self._select("SELECT doc FROM jobs WHERE due_at <= :now ORDER BY due_at LIMIT :limit", values)
        return [_job(row) for row in rows]

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        values = {"since": format_time(since), "limit": limit}
        return [_job(row) for row in await self._select(CHANGED, values)]

    def hear(self, heard: Callable[[Job], object]) -> AbstractContextManager[None]:
        return self._hearing.hear(heard)

    async def backlog(self) -> Backlog:
        now = format_time(self.now())
        waiting, processing, since = await self._database.read(lambda connection: connection.execute(BACKLOG, (now,)).fetchone())
        return Backlog(waiting=waiting, processing=processing, waits_since=None if since is None else parse_time(since))

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

        self._datasets.forget(dataset.name)
        await self._database.run(put)

    async def get_dataset(self, name: str, *, max_age_s: float = 0) -> Dataset | None:
        async def read() -> Dataset | None:
            rows = await self._select("SELECT doc FROM datasets WHERE name = :name", {"name": name})
            return Dataset.from_doc(json.loads(rows[0])) if rows else None

        return await self._datasets.look(name, max_age_s, read)

    async def list_datasets(self) -> Sequence[Dataset]:
        return [Dataset.from_doc(json.loads(row)) for row in await self._select("SELECT doc FROM datasets ORDER BY name", {})]

    async def drop_dataset(self, name: str, snapshot_id: str) -> None:
        statement = "DELETE FROM datasets WHERE name = ? AND json_extract(doc, '$.snapshot_id') = ?"
        self._datasets.forget(name)
        await self._database.run(lambda connection: connection.execute(statement, (name, snapshot_id)))

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
