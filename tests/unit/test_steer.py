"""Cancel, retry and delete, with the embedded stores and with workers that write at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from krai import steer, submit, transitions
from krai.backends.local.blobs import LocalBlobStore
from krai.errors import Conflict, Terminal
from krai.job import Progress, Status
from krai.ports import JobQuery, Stores
from krai.submit import Inline, Order
from krai.sweep import Retention, sweep
from tests.contract.examples import a_job, created
from tests.unit.api.house import House, open_house
from tests.unit.clocked import ClockedJobStore, open_stores

KEEP_S = 60.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def stores(house: House) -> Stores:
    return house.stores


async def accepted(stores: Stores, created_by: str = "ada") -> str:
    job = await submit.export(stores, Order(dataset="users", created_by=created_by, max_attempts=5))
    await submit.accept(stores, job)
    return job.job_id


# -- find -------------------------------------------------------------------------------------------------------------------------


async def test_a_job_is_found_by_its_owner_and_by_who_sees_all(stores: Stores) -> None:
    job_id = await accepted(stores)
    assert (await steer.find(stores.jobs, job_id, "ada")).job_id == job_id
    assert (await steer.find(stores.jobs, job_id, None)).job_id == job_id
    for owner, wanted in (("bob", job_id), ("", job_id), ("ada", "0" * 32), (None, job_id + "\n"), (None, job_id.upper()), (None, "")):
        with pytest.raises(Terminal, match="not_found"):
            await steer.find(stores.jobs, wanted, owner)


# -- cancel -----------------------------------------------------------------------------------------------------------------------


async def test_a_waiting_job_ends_cancelled_and_leaves_no_files(house: House) -> None:
    stores, job_id = house.stores, await accepted(house.stores)
    job = await house.claim(job_id)
    await house.store(f"jobs/{job_id}/e1/users.csv", b"id\n")
    error = Terminal("corrupt_file")
    await stores.jobs.swap(job, transitions.postpone(job, error, stores.jobs.now(), delay_s=60))
    cancelled = await steer.cancel(stores, job_id, "ada", keep_s=KEEP_S)
    assert cancelled.status is Status.CANCELLED
    assert cancelled == await house.job(job_id)
    assert list(stores.blobs.list(f"jobs/{job_id}/")) == []


class Overtaken(LocalBlobStore):
    """Somebody else is faster than whoever deletes."""

    before = staticmethod(lambda: None)

    def delete(self, prefix: str) -> int:
        self.before()
        return super().delete(prefix)


async def test_a_cancel_that_comes_too_late_leaves_a_completed_job_its_files(house: House, tmp_path: Path) -> None:
    blobs = Overtaken(tmp_path / "blobs", b"secret")
    stores, job_id = replace(house.stores, blobs=blobs), await accepted(house.stores)
    job, error = await house.claim(job_id), Terminal("corrupt_file")
    await stores.jobs.swap(job, transitions.postpone(job, error, stores.jobs.now(), delay_s=60))
    path, loop = f"jobs/{job_id}/e2/users.csv", asyncio.get_running_loop()

    async def complete() -> None:
        if not (await house.job(job_id)).finished:
            await house.claim(job_id)
            await house.store(path, b"id\n")
            await house.end(job_id, {})

    blobs.before = lambda: asyncio.run_coroutine_threadsafe(complete(), loop).result(20)
    with suppress(Terminal):
        await steer.cancel(stores, job_id, "ada", keep_s=KEEP_S)
    found = await house.job(job_id)
    assert (found.status is Status.COMPLETED) == bool(list(house.stores.blobs.list(f"jobs/{job_id}/")))


async def test_a_job_that_may_have_committed_is_not_cut_off(house: House) -> None:
    stores, job_id = house.stores, await accepted(house.stores)
    job = await house.claim(job_id)
    job = await stores.jobs.swap(job, transitions.allow_commit(job, stores.jobs.now(), 30, Progress()))
    job = await stores.jobs.swap(job, transitions.postpone(job, Terminal("corrupt_file"), stores.jobs.now(), delay_s=60))
    assert job.status is Status.PENDING
    asked = await steer.cancel(stores, job_id, None, keep_s=KEEP_S)
    assert (asked.status, asked.cancel_requested) == (Status.PENDING, True)


@pytest.mark.parametrize("finish", ["complete", "fail", "cancel"])
async def test_what_has_ended_is_not_cancelled(house: House, finish: str) -> None:
    job_id = await accepted(house.stores)
    if finish == "complete":
        await house.complete(job_id, {})
    elif finish == "fail":
        await house.fail(job_id)
    else:
        await steer.cancel(house.stores, job_id, None, keep_s=KEEP_S)
    before = await house.job(job_id)
    with pytest.raises(Terminal, match="job_finished"):
        await steer.cancel(house.stores, job_id, None, keep_s=KEEP_S)
    assert await house.job(job_id) == before


async def test_a_cancel_and_a_claim_at_once_have_one_winner(house: House) -> None:
    for _ in range(25):
        job_id = await accepted(house.stores)
        results = await asyncio.gather(steer.cancel(house.stores, job_id, None, keep_s=KEEP_S), house.claim(job_id), return_exceptions=True)
        job = await house.job(job_id)
        if isinstance(results[1], Conflict):
            assert (job.status, job.epoch) == (Status.CANCELLED, 0)
        else:
            assert (job.status, job.epoch, job.cancel_requested) == (Status.PROCESSING, 1, True)


async def test_a_busy_worker_does_not_keep_a_cancel_out(house: House) -> None:
    job_id = await accepted(house.stores)
    await house.claim(job_id)

    async def beat() -> None:
        for percent in range(30):
            try:
                await house.advance(job_id, percent=percent)
            except Conflict:
                continue

    beating = asyncio.create_task(beat())
    await steer.cancel(house.stores, job_id, None, keep_s=KEEP_S)
    await beating
    assert (await house.job(job_id)).cancel_requested


# -- retry ------------------------------------------------------------------------------------------------------------------------


async def test_a_retry_belongs_to_whoever_the_job_belongs_to(house: House) -> None:
    job_id = await accepted(house.stores)
    await house.fail(job_id)
    again = await steer.retry(house.stores, job_id, None)
    assert (again.created_by, again.parent_job_id, again.epoch, again.attempt) == ("ada", job_id, 0, 0)
    assert again.job_id != job_id


async def test_a_retry_needs_what_the_job_needed(house: House) -> None:
    stores = house.stores
    exported = await accepted(stores)
    await house.fail(exported)
    order = Order(dataset="contacts", created_by="ada", max_attempts=5)
    job = await submit.import_(stores, order, Inline([{"a": 1}]))
    await submit.accept(stores, job)
    await house.fail(job.job_id)
    assert (await steer.retry(stores, job.job_id, "ada")).source == job.source

    await stores.jobs.drop_dataset("users", "9007199254740993")
    stores.blobs.delete("uploads/")
    with pytest.raises(Terminal, match="dataset_not_found"):
        await steer.retry(stores, exported, "ada")
    with pytest.raises(Terminal, match="source_missing"):
        await steer.retry(stores, job.job_id, "ada")


# -- delete -----------------------------------------------------------------------------------------------------------------------


async def test_a_delete_that_broke_off_is_finished_by_the_next(house: House) -> None:
    job_id = await accepted(house.stores)
    await house.store(f"jobs/{job_id}/e1/users.csv", b"id\n")
    await house.fail(job_id)
    house.stores.blobs.delete(f"jobs/{job_id}/")  # so far the first one came
    await steer.delete(house.stores, job_id, "ada")
    assert await house.stores.jobs.get(job_id) is None


async def test_a_deleted_job_is_seen_by_none_but_who_listens_and_swept_a_minute_later(tmp_path: Path) -> None:
    async with open_stores(tmp_path) as stores:
        jobs = stores.jobs
        assert isinstance(jobs, ClockedJobStore)
        begin, job = jobs.now(), await created(jobs, a_job(now=jobs.now(), created_by="ada"))
        ended = await jobs.swap(job, transitions.cancel(job, jobs.now(), keep_s=60))
        await steer.delete(stores, job.job_id, "ada")
        assert (await jobs.get(job.job_id), (await jobs.find(JobQuery())).jobs) == (None, [])
        (found,) = await jobs.changed(begin, 10)
        assert (ended.deleted, found.deleted) == (False, True)
        assert await sweep(stores, Retention(files_s=60, jobs_s=3600)) == 0
        jobs.ahead += timedelta(seconds=transitions.DELETED_SEEN_S)
        assert await sweep(stores, Retention(files_s=60, jobs_s=3600)) == 1
        assert await jobs.changed(begin, 10) == []


async def test_two_deletes_at_once_delete_once(house: House) -> None:
    job_id = await accepted(house.stores)
    await house.fail(job_id)
    results = await asyncio.gather(*(steer.delete(house.stores, job_id, None) for _ in range(5)), return_exceptions=True)
    assert sorted(str(result)[:9] for result in results) == ["None", *["not_found"] * 4]


@pytest.mark.parametrize("claimed", [False, True])
async def test_what_goes_on_is_not_deleted(house: House, *, claimed: bool) -> None:
    job_id = await accepted(house.stores)
    await house.store(f"jobs/{job_id}/e1/users.csv", b"id\n")
    if claimed:
        await house.claim(job_id)
    with pytest.raises(Terminal, match="job_running"):
        await steer.delete(house.stores, job_id, None)
    assert len(list(house.stores.blobs.list(f"jobs/{job_id}/"))) == 1
