"""The tables of the jobs, and what is kept beside their documents: labels, who is held, bytes by day, deliveries."""

import sqlite3
from datetime import UTC

from krai.backends.page_token import ended_at
from krai.job import Job, format_time

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
CREATE TABLE IF NOT EXISTS deliveries (
    webhook_id TEXT NOT NULL, finished_at TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (webhook_id, finished_at, job_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    scope TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires_at);
CREATE TABLE IF NOT EXISTS datasets (name TEXT PRIMARY KEY, updated_at TEXT NOT NULL, doc TEXT NOT NULL)
"""

PROCESSED = """
INSERT INTO processed (created_by, day, bytes) VALUES (:created_by, :day, :bytes)
ON CONFLICT (created_by, day) DO UPDATE SET bytes = bytes + excluded.bytes
"""


def keep(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    """Keep in step with a job that was `seen` and is `then`; None: there was none, or is none any more."""
    _label(connection, seen, then)
    _deliver(connection, seen, then)
    _hold(connection, seen, then)
    _count(connection, seen, then)


def _label(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    before, after = ({(*label, job.job_id) for label in job.labels.items()} if job else set() for job in (seen, then))
    connection.executemany("DELETE FROM labels WHERE name = ? AND value = ? AND job_id = ?", sorted(before - after))
    connection.executemany("INSERT INTO labels (name, value, job_id) VALUES (?, ?, ?)", sorted(after - before))


def _deliver(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    before, after = _deliveries(seen), _deliveries(then)
    connection.executemany("DELETE FROM deliveries WHERE webhook_id = ? AND finished_at = ? AND job_id = ?", sorted(before - after))
    connection.executemany("INSERT INTO deliveries (webhook_id, finished_at, job_id) VALUES (?, ?, ?)", sorted(after - before))


def _deliveries(job: Job | None) -> set[tuple[str, str, str]]:
    return {(one.webhook_id or "", format_time(ended_at(job)), job.job_id) for one in job.deliveries} if job else set()


def _hold(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    was_held, is_held = seen is not None and seen.held, then is not None and then.held
    if seen is not None and was_held and not is_held:
        connection.execute("DELETE FROM held WHERE created_by = ? AND created_at = ? AND job_id = ?", _place(seen))
    if then is not None and is_held and not was_held:
        connection.execute("INSERT INTO held (created_by, created_at, job_id) VALUES (?, ?, ?)", _place(then))


def _place(job: Job) -> tuple[str, str, str]:
    """Where a held job stands among those of its caller."""
    return job.created_by, format_time(job.created_at), job.job_id


def _count(connection: sqlite3.Connection, seen: Job | None, then: Job | None) -> None:
    """The bytes of a job that is deleted stay counted on its day."""
    more = 0 if then is None else then.progress.bytes_processed - (0 if seen is None else seen.progress.bytes_processed)
    if then is not None and more:
        row = {"created_by": then.created_by, "day": then.created_at.astimezone(UTC).date().isoformat(), "bytes": more}
        connection.execute("DELETE FROM processed WHERE created_by = :created_by AND day < :day", row)
        connection.execute(PROCESSED, row)
