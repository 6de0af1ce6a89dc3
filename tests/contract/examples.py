"""Jobs and datasets as the suites need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from krai import transitions
from krai.dataset import Column, Dataset
from krai.job import Job, Kind
from krai.ports import IdempotencyRecord, JobQuery, JobStore

SNAPSHOT_ID = "9007199254740993"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def a_job(**changes: Any) -> Job:
    """A new export of `users`, with whatever fields are named."""
    fields: dict[str, Any] = {"kind": Kind.EXPORT, "dataset": "users", "params": {"format": "csv"}, "created_by": "caller", "now": START}
    return transitions.new(**{**fields, **changes})


def jobs_at(count: int, **changes: Any) -> list[Job]:
    """Jobs of `count` successive seconds."""
    return [a_job(now=START + timedelta(seconds=number), **changes) for number in range(count)]


async def created(jobs: JobStore, job: Job | None = None, record: IdempotencyRecord | None = None) -> Job:
    """The job as it stands in the store."""
    written = await jobs.create(job or a_job(), record)
    assert isinstance(written, Job)
    return written


def a_record(scope: str, *, expires_at: datetime, **answer: Any) -> IdempotencyRecord:
    return IdempotencyRecord(scope=scope, fingerprint="f" * 64, answer=answer, expires_at=expires_at)


def a_dataset(name: str, *, rows: int, at: datetime = START) -> Dataset:
    columns = (Column(name="id", type="int64", nullable=False), Column(name="naïve", type="string"))
    return Dataset(name=name, columns=columns, rows=rows, bytes=rows * 10, snapshot_id=SNAPSHOT_ID, updated_at=at)


async def all_pages(jobs: JobStore, **query: Any) -> list[list[str]]:
    """The job ids of every page of a listing."""
    pages: list[list[str]] = []
    after = None
    while True:
        page = await jobs.find(JobQuery(**query, after=after))
        pages.append([job.job_id for job in page.jobs])
        after = page.next_page
        if after is None:
            return pages
