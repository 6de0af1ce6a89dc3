"""What is wrong with one job is that job's alone, and what one has left is removed in its time."""

from datetime import timedelta
from pathlib import Path

import pytest

from krai import transitions
from krai.errors import Terminal
from krai.job import Callback, Job, Kind, Progress
from krai.ports import Stores
from krai.sweep import Retention, parts_removed, sweep
from tests.contract.examples import a_job, created
from tests.unit.clocked import ClockedJobStore, open_stores

RETENTION = Retention(files_s=3600, jobs_s=3600)


async def ended(stores: Stores) -> Job:
    callback = Callback(url="https://hooks.example.org/", base_url="https://krai.example.org")
    job = await created(stores.jobs, a_job(now=stores.jobs.now(), callback=callback))
    return await stores.jobs.swap(job, transitions.cancel(job, stores.jobs.now(), keep_s=3600))


@pytest.mark.parametrize("error", [OSError("read-only file system"), Terminal("disk_full"), KeyError("a defect")])
async def test_the_others_are_looked_at_and_it_is_put_off(tmp_path: Path, error: Exception) -> None:
    async with open_stores(tmp_path) as stores:
        jobs = stores.jobs
        assert isinstance(jobs, ClockedJobStore)
        bad, good = await ended(stores), await ended(stores)
        jobs.ahead += timedelta(seconds=transitions.REPUBLISH_AFTER_S)
        asked = []

        def call_back(job: Job) -> bool:
            asked.append(job.job_id)
            if job.job_id == bad.job_id:
                raise error
            return True

        assert await sweep(stores, RETENTION, call_back=call_back) == len(asked) == 2
        assert [job.job_id for job in await jobs.due(10)] == [good.job_id]
        jobs.ahead += timedelta(seconds=transitions.REPUBLISH_AFTER_S)
        assert {job.job_id for job in await jobs.due(10)} == {good.job_id, bad.job_id}


async def test_parts_stay_for_as_long_as_their_commit_may_come_and_their_job_with_them(tmp_path: Path) -> None:
    async with open_stores(tmp_path) as stores:
        jobs, discarded = stores.jobs, list[Job]()
        assert isinstance(jobs, ClockedJobStore)
        job = await created(jobs, a_job(kind=Kind.IMPORT, now=jobs.now()))
        held = await jobs.swap(job, transitions.claim(job, "dead", jobs.now(), 30))
        allowed = await jobs.swap(held, transitions.allow_commit(held, jobs.now(), 30, Progress()))
        failed = await jobs.swap(allowed, transitions.fail(allowed, Terminal("corrupt_file"), jobs.now(), keep_s=3600))
        await jobs.swap(failed, transitions.delete(failed, jobs.now()))
        for _ in range(23):
            jobs.ahead += timedelta(hours=1)
            await sweep(stores, RETENTION, discarded.append)
        assert not discarded
        jobs.ahead += timedelta(hours=1)
        await sweep(stores, RETENTION, discarded.append)
        assert [job.job_id for job in discarded] == [failed.job_id]
        await jobs.swap(discarded[0], parts_removed(discarded[0]))
        assert await sweep(stores, RETENTION, discarded.append) == 1
        jobs.ahead += timedelta(days=9)
        assert await sweep(stores, RETENTION, discarded.append) == 0
        assert len(discarded) == 1
