"""Processes that die in the middle of a transaction, again and again: nothing they had acknowledged is lost (FAULTS 17)."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from krai.backends.local.jobs import LocalJobStore

ROUNDS = 10
WRITERS = 2
WRITER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from krai import transitions
from krai.backends.local.jobs import LocalJobStore
from krai.ports import IdempotencyRecord

async def write():
    jobs = LocalJobStore(Path(sys.argv[1]))
    while True:
        now = jobs.now()
        job = transitions.new(transitions.Kind.EXPORT, "users", {"text": "x" * 3000}, created_by="a", now=now, labels={"a": "b"})
        record = IdempotencyRecord(scope=job.job_id, fingerprint="f", answer={}, expires_at=now + timedelta(hours=1))
        job = await jobs.create(job, record)
        print(job.job_id, job.revision, flush=True)
        for _ in range(3):
            job = await jobs.swap(job, transitions.ask_cancel(job, now))
            print(job.job_id, job.revision, flush=True)

asyncio.run(write())
"""


def _write_until_killed(path: Path, after_s: float) -> dict[str, int]:
    """The last revision of each job that the writers had acknowledged when they were killed."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)]
    acknowledged: dict[str, int] = {}
    lines = [writer.stdout.readline() for writer in writers if writer.stdout is not None]  # they are at it
    time.sleep(after_s)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    for writer in writers:
        with writer:
            assert writer.stdout is not None
            lines += writer.stdout
    for line in lines:
        if line.endswith("\n"):
            job_id, revision = line.split()
            acknowledged[job_id] = int(revision)
    return acknowledged


async def test_no_acknowledged_job_is_lost_by_killing_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    chance = random.Random(17)  # noqa: S311 - the same moments each time
    acknowledged: dict[str, int] = {}
    for _ in range(ROUNDS):
        acknowledged |= _write_until_killed(path, chance.uniform(0, 0.05))
    assert len(acknowledged) > ROUNDS * WRITERS
    jobs = LocalJobStore(path)
    for job_id, revision in acknowledged.items():
        job = await jobs.get(job_id)
        assert job is not None
        assert job.revision >= revision
    await jobs.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        written, recorded, labelled = (
            {row[0] for row in connection.execute(statement)}
            for statement in ("SELECT job_id FROM jobs", "SELECT scope FROM idempotency", "SELECT job_id FROM labels")
        )
        assert written == recorded == labelled
