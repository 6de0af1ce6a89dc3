"""The ledger of effects, read from the stores themselves and not from logs: what must hold after any fault.

I1 every accepted job is finished, in exactly one way. I2 every effect (file, table commit) is there once, and only those of completed jobs.
I3 no terminal state has changed. I4 the epoch counts at least the attempts. I5 nobody holds a lease. I6 the queues are empty.
"""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from krai.backends.local.jobs import LocalJobStore
from krai.job import Job, Kind, Status, format_time
from krai.ports import JobQuery
from tests.acceptance.waiting import until
from tests.queues import buried, waiting

TIDIED_WITHIN_S = 5
SETTLED_WITHIN_S = 45  # a job that was stored and never told of waits half a minute for the sweep


@dataclass(frozen=True, slots=True)
class _Page:
    jobs: list[Job]
    waiting: int
    buried: int

    def __bool__(self) -> bool:
        return self.waiting == self.buried == 0 and all(job.finished for job in self.jobs)

    def __repr__(self) -> str:
        unfinished = [f"{job.job_id} {job.status}" for job in self.jobs if not job.finished]
        return f"{self.waiting} messages, {self.buried} dead letters, unfinished jobs {unfinished}"


def ledger_is_clean(data_dir: Path, seen: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Raises AssertionError when an effect is missing, doubled or left over; `seen` are finished jobs as clients met them."""
    databases_are_intact(data_dir)
    page = until("I1 and I6 hold", partial(_settled, data_dir), within_s=SETTLED_WITHIN_S)
    for job in page.jobs:
        assert job.epoch >= job.attempt, f"I4: {job}"
        assert (job.lease_owner, job.lease_until) == (None, None), f"I5: {job}"
    stored = {job.job_id: (job.status.value, job.finished_at) for job in page.jobs}
    for job_id, doc in (seen or {}).items():
        status, finished_at = stored[job_id]
        assert status == doc["status"], f"I3: {job_id} was {doc['status']}"
        assert finished_at is not None
        assert format_time(finished_at)[:19] == doc["finished_at"][:19], f"I3: {job_id} has finished twice"
    until("no half-made file is left", lambda: not half_made_files(data_dir), within_s=TIDIED_WITHIN_S)
    _files_are_those_of_completed_jobs(data_dir, page.jobs)
    _commits_are_those_of_completed_jobs(data_dir, page.jobs)


def databases_are_intact(data_dir: Path) -> None:
    for path in data_dir.rglob("*.sqlite"):
        with closing(sqlite3.connect(path, timeout=30)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path


def _settled(data_dir: Path) -> _Page:
    """What the stores hold; false while a job has not finished or a message lies in a queue."""
    return asyncio.run(_read(data_dir))


async def _read(data_dir: Path) -> _Page:
    jobs = LocalJobStore(data_dir / "jobs.sqlite")
    try:
        found: list[Job] = []
        after: str | None = None
        while True:
            page = await jobs.find(JobQuery(page_size=100, after=after))
            found += page.jobs
            after = page.next_page
            if after is None:
                return _Page(found, waiting(data_dir), buried(data_dir))
    finally:
        await jobs.close()


# -- I2: files --------------------------------------------------------------------------------------------------------------


def files_of(data_dir: Path, job_id: str, store: str = "blobs") -> list[Path]:
    """Everything that a store holds for a job, whoever may see it."""
    return sorted(path for path in (data_dir / store).rglob("*") if path.is_file() and job_id in path.parts)


def half_made_files(data_dir: Path) -> list[Path]:
    """Files that only a running job may have."""
    return sorted(path for path in (data_dir / "spool").rglob("*") if path.is_file())


def _files_are_those_of_completed_jobs(data_dir: Path, jobs: list[Job]) -> None:
    for job in jobs:
        for store in ("blobs", "warehouse"):
            epochs = {path.parts[path.parts.index(job.job_id) + 1] for path in files_of(data_dir, job.job_id, store)}
            assert len(epochs) <= 1, f"I2: {job.job_id} has files of {epochs} in {store}"
            if job.status is Status.CANCELLED or (job.status is Status.FAILED and store == "warehouse"):
                assert epochs == set(), f"I2: {job.job_id} is {job.status} and has files of {epochs} in {store}"
        promised = _digests(job.result) if job.status is Status.COMPLETED else set()
        stored = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files_of(data_dir, job.job_id)}
        assert promised <= stored, f"I2: {job.job_id} promises files that are not there"


def _digests(value: Any) -> set[str]:
    """Every `sha256` in a result."""
    if isinstance(value, dict):
        own = {str(value["sha256"])} if value.get("sha256") else set()
        return own.union(*(_digests(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_digests(item) for item in value))
    return set()


# -- I2: commits ------------------------------------------------------------------------------------------------------------


def _commits_are_those_of_completed_jobs(data_dir: Path, jobs: list[Job]) -> None:
    loaded: dict[str, list[int]] = {}
    known = {job.job_id for job in jobs}
    for summary in _snapshot_summaries(data_dir):
        for job_id in known.intersection(summary.values()):
            loaded.setdefault(job_id, []).append(int(summary.get("added-records", 0)))
    for job in jobs:
        if job.type is not Kind.IMPORT:
            continue
        rows = [count for count in loaded.get(job.job_id, []) if count]
        if job.status is not Status.COMPLETED:
            assert rows == [], f"I2: {job.job_id} is {job.status} and stands in the table"
        elif job.result and job.result["records_processed"] and _is_in_a_table(data_dir, job):
            assert rows == [job.result["records_processed"]], f"I2: {job.job_id} loaded {rows}"


def _is_in_a_table(data_dir: Path, job: Job) -> bool:
    return job.dataset in {name for name, _ in _tables(data_dir)}


def _snapshot_summaries(data_dir: Path) -> Iterator[dict[str, str]]:
    for _, metadata in _tables(data_dir):
        for snapshot in metadata.get("snapshots", []):
            yield {name: str(value) for name, value in snapshot["summary"].items()}


def _tables(data_dir: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and current metadata of every Iceberg table, as its catalog and its files have them."""
    for path in (data_dir / "warehouse").rglob("*.sqlite"):
        with closing(sqlite3.connect(path, timeout=30)) as catalog:
            for name, location in catalog.execute("SELECT table_name, metadata_location FROM iceberg_tables").fetchall():
                metadata: dict[str, Any] = json.loads(Path(urlsplit(location).path).read_text())
                yield name, metadata
