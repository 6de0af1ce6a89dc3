"""What every job store knows of its callers: how many jobs they have, whose turn comes next, how many bytes a day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from krai import transitions
from krai.errors import Conflict, Terminal, Transient
from krai.job import Backlog, Job, Progress, Standing
from krai.ports import JobStore
from tests.contract.conftest import Opener
from tests.contract.examples import START, a_job, created, jobs_at

DAY = START.date()


def held(job: Job) -> Job:
    return transitions.hold_back(job, Standing(unfinished=1, held=0), 1)


async def after(jobs: JobStore, job: Job, bytes_processed: int) -> Job:
    """The job as a worker has it that has come so far."""
    return await jobs.swap(job, transitions.beat(job, START, 30, Progress(bytes_processed=bytes_processed)))


async def test_nobody_has_anything(jobs: JobStore) -> None:
    assert await jobs.standing("caller") == Standing(unfinished=0, held=0)
    assert await jobs.bytes_of("caller", DAY) == 0
    assert await jobs.oldest_held("caller") is None
    assert await jobs.held_callers() == []


async def test_unfinished_jobs_of_a_caller_are_counted(jobs: JobStore) -> None:
    waiting, running, failed, cancelled = [await created(jobs) for _ in range(4)]
    await created(jobs, a_job(created_by="other"))
    await jobs.swap(running, transitions.claim(running, "worker", START, 30))
    failed = await jobs.swap(failed, transitions.claim(failed, "worker", START, 30))
    await jobs.swap(failed, transitions.fail(failed, Terminal("corrupt_file"), START, keep_s=60))
    await jobs.swap(cancelled, transitions.cancel(cancelled, START, keep_s=60))
    assert await jobs.standing("caller") == Standing(unfinished=2, held=0)
    await jobs.delete(waiting)
    assert await jobs.standing("caller") == Standing(unfinished=1, held=0)


async def test_what_workers_have_to_do_is_counted(open_jobs: Opener[JobStore]) -> None:
    jobs, elsewhere = await open_jobs(), await open_jobs()
    assert await jobs.backlog() == Backlog(waiting=0, processing=0, waits_since=None)
    first, second, running, put_off, done = [await created(jobs, job) for job in jobs_at(5)]
    await created(jobs, held(a_job(now=START - timedelta(seconds=9))))
    for job in (running, put_off, done):
        await jobs.swap(job, transitions.claim(job, "worker", START, 30))
    claimed = await jobs.get(put_off.job_id)
    assert claimed is not None
    await jobs.swap(claimed, transitions.postpone(claimed, Transient("store_busy"), jobs.now(), delay_s=3600))
    claimed = await jobs.get(done.job_id)
    assert claimed is not None
    await jobs.swap(claimed, transitions.cancel(claimed, START, keep_s=60))
    assert await elsewhere.backlog() == Backlog(waiting=2, processing=1, waits_since=START)
    await jobs.swap(first, transitions.claim(first, "worker", START, 30))
    assert await elsewhere.backlog() == Backlog(waiting=1, processing=2, waits_since=second.created_at)


async def test_a_job_waits_from_when_it_could_be_claimed(jobs: JobStore) -> None:
    """Not from when it was asked for: then it may have been held, or under another worker."""
    later = START + timedelta(minutes=5)
    out = await created(jobs, held(a_job()))
    out = await jobs.swap(out, transitions.release(out, later))
    assert (await jobs.backlog()).waits_since == later
    out = await jobs.swap(out, transitions.claim(out, "worker", later, 30))
    handed_back = await jobs.swap(out, transitions.hand_back(out, later + timedelta(minutes=1)))
    await jobs.swap(handed_back, transitions.republish(handed_back, later + timedelta(minutes=2)))
    assert (await jobs.backlog()).waits_since == later + timedelta(minutes=1)


async def test_held_jobs_come_out_oldest_first(open_jobs: Opener[JobStore]) -> None:
    jobs, elsewhere = await open_jobs(), await open_jobs()
    written = [await created(jobs, held(job)) for job in reversed(jobs_at(3))]
    other = await created(jobs, held(a_job(created_by="other")))
    await created(jobs)
    assert await elsewhere.standing("caller") == Standing(unfinished=4, held=3)
    assert await elsewhere.held_callers() == ["caller", "other"]
    assert await elsewhere.oldest_held("other") == other
    for job in reversed(written):
        assert await elsewhere.oldest_held("caller") == job
        out = await elsewhere.swap(job, transitions.release(job, START))
        assert not (await jobs.get(job.job_id) or job).held
        assert (out.due_at, out.crowded) == (START + timedelta(seconds=transitions.REPUBLISH_AFTER_S), True)
    assert await jobs.oldest_held("caller") is None
    assert await jobs.standing("caller") == Standing(unfinished=4, held=0)
    assert await jobs.held_callers() == ["other"]


async def test_a_held_job_is_not_due(jobs: JobStore) -> None:
    await created(jobs, held(a_job(now=jobs.now() - timedelta(days=1))))
    assert await jobs.due(10) == []


async def test_a_held_job_that_is_cancelled_claimed_or_gone_is_held_no_more(jobs: JobStore) -> None:
    cancelled, claimed, gone = [await created(jobs, held(job)) for job in jobs_at(3)]
    await jobs.swap(cancelled, transitions.cancel(cancelled, START, keep_s=60))
    await jobs.swap(claimed, transitions.claim(claimed, "worker", START, 30))
    await jobs.delete(gone)
    assert await jobs.standing("caller") == Standing(unfinished=1, held=0)
    assert await jobs.held_callers() == []


async def test_bytes_are_those_of_the_day_a_job_was_created_on(jobs: JobStore) -> None:
    today, tomorrow = await created(jobs), await created(jobs, a_job(now=START + timedelta(days=1)))
    await created(jobs, a_job(created_by="other"))
    today = await after(jobs, today, 700)
    await after(jobs, tomorrow, 90)
    assert await jobs.bytes_of("caller", DAY) in {700, 0}, "nobody needs what is over, so a store may forget it"
    assert await jobs.bytes_of("caller", DAY + timedelta(days=1)) == 90
    assert await jobs.bytes_of("other", DAY) == 0


async def test_an_attempt_that_begins_anew_gives_its_bytes_back(jobs: JobStore) -> None:
    job = await after(jobs, await created(jobs), 700)
    job = await jobs.swap(job, transitions.hand_back(job, START))
    assert await jobs.bytes_of("caller", DAY) == 0
    await after(jobs, job, 300)
    assert await jobs.bytes_of("caller", DAY) == 300


async def test_deleting_a_job_gives_no_bytes_back(jobs: JobStore) -> None:
    now = jobs.now()
    first, second, kept = [await created(jobs, a_job(now=now)) for _ in range(3)]
    for job, size_bytes in ((first, 100), (second, 20), (kept, 3)):
        written = await after(jobs, job, size_bytes)
        if job is not kept:
            await jobs.delete(written)
    assert await jobs.bytes_of("caller", now.date()) == 123


async def test_a_write_that_is_refused_counts_nothing(jobs: JobStore) -> None:
    job = await created(jobs, held(a_job()))
    await after(jobs, job, 10)
    for then in (transitions.release(job, START), replace(job, progress=Progress(bytes_processed=5))):
        with pytest.raises(Conflict):
            await jobs.swap(job, then)
    assert await jobs.bytes_of("caller", DAY) == 10
    assert await jobs.standing("caller") == Standing(unfinished=1, held=1)
