"""What a worker writes to its job while the store is hard to reach."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from krai import lease as leases, transitions
from krai.errors import Transient
from krai.job import Job, Progress
from krai.lease import Lease
from tests.contract.examples import a_job, created
from tests.unit.clocked import ClockedJobStore

LEASE_S = 30.0


class BusyJobStore(ClockedJobStore):
    """Refuses so many writes, and each refusal takes seven seconds by its clock."""

    refusals = 0

    async def swap(self, seen: Job, then: Job) -> Job:
        if self.refusals:
            self.refusals -= 1
            self.ahead += timedelta(seconds=7)
            raise Transient("store_busy")
        return await super().swap(seen, then)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "ASK_AGAIN_S", 0.01)


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[BusyJobStore]:
    jobs = BusyJobStore(tmp_path / "jobs.sqlite")
    yield jobs
    await jobs.close()


async def test_a_write_that_is_tried_again_bears_the_time_of_the_last_try(jobs: BusyJobStore) -> None:
    """Whoever asks for what has changed lately would look past an older one."""
    job = await created(jobs, a_job(now=jobs.now()))
    job = await jobs.swap(job, transitions.claim(job, "me", jobs.now(), LEASE_S))
    lease, jobs.refusals = Lease(jobs, job, LEASE_S, time.monotonic()), 2
    assert await lease.write(lambda job: transitions.complete(job, {}, Progress(), jobs.now(), keep_s=60))
    assert jobs.now() - lease.job.updated_at < timedelta(seconds=1)
    assert lease.job.finished_at == lease.job.updated_at
    assert await jobs.get(job.job_id) == lease.job
