"""The feed: all changes of jobs, whoever writes them, told to those who may see them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from krai import feed as feeds, transitions
from krai.backends.local.jobs import LocalJobStore
from krai.errors import Transient
from krai.feed import Feed, Listener, TooSlow
from krai.job import Job
from tests.contract.examples import a_job, created


class CountingJobStore(LocalJobStore):
    """The embedded store, which knows how often it was asked for changes."""

    asked = given = 0
    away = False

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        self.asked += 1
        if self.away:
            raise Transient("store_busy")
        found = await super().changed(since, limit)
        self.given += len(found)
        return found


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "POLL_S", 0.02)


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[CountingJobStore]:
    jobs = CountingJobStore(tmp_path / "jobs.sqlite")
    yield jobs
    await jobs.close()


async def new(jobs: LocalJobStore, created_by: str = "ada") -> Job:
    return await created(jobs, a_job(now=jobs.now(), created_by=created_by))


async def heard(listener: Listener) -> Job:
    job = await listener.next(5)
    assert job is not None
    return job


async def test_every_job_is_told_once_with_its_last_state(jobs: LocalJobStore) -> None:
    before = await new(jobs)
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        first = await new(jobs)
        assert await heard(listener) == first
        changed = await jobs.swap(before, replace(before, cancel_requested=True, updated_at=jobs.now()))
        assert await heard(listener) == changed
        assert await listener.next(0.1) is None


async def test_a_caller_hears_of_its_own_and_an_admin_of_all(jobs: LocalJobStore) -> None:
    feed = Feed(jobs, asyncio.Event())
    async with feed.listen(owner="ada") as ada, feed.listen(owner="bob") as bob, feed.listen() as admin:
        first, second = await new(jobs, "ada"), await new(jobs, "bob")
        assert await heard(ada) == first
        assert await heard(bob) == second
        assert [await heard(admin), await heard(admin)] == [first, second]
        assert await ada.next(0.1) is None


async def test_a_write_that_becomes_visible_late_is_told_too(jobs: LocalJobStore) -> None:
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        late = a_job(now=jobs.now())
        newer = await new(jobs)
        assert await heard(listener) == newer
        written = await created(jobs, late)
        assert await heard(listener) == written


async def test_a_write_is_told_that_became_visible_as_late_as_its_writer_may_be(jobs: LocalJobStore, tmp_path: Path) -> None:
    """The end of a job without a lease: six seconds to read who wants to hear of it, six more to write it."""
    theirs = LocalJobStore(tmp_path / "jobs.sqlite")
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        written = await created(theirs, a_job(now=theirs.now() - timedelta(seconds=12.5)))
        assert await heard(listener) == written
    await theirs.close()


async def test_more_changes_than_a_page_holds(jobs: LocalJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "AT_ONCE", 3)
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        expected = [await new(jobs) for _ in range(10)]
        assert [await heard(listener) for _ in expected] == expected


async def test_what_has_not_changed_for_long_is_not_asked_for_again(jobs: CountingJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "OVERLAP", timedelta(seconds=0.1))
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        for _ in range(5):
            await heard_of_new(jobs, listener)
        await asyncio.sleep(0.3)
        jobs.given = 0
        await asyncio.sleep(0.1)
        assert jobs.given == 0


async def heard_of_new(jobs: LocalJobStore, listener: Listener) -> None:
    job = await new(jobs)
    assert await heard(listener) == job


async def test_who_does_not_keep_up_is_told_so_and_holds_nobody_up(jobs: LocalJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_UNREAD", 2)
    feed = Feed(jobs, asyncio.Event())
    async with feed.listen() as slow, feed.listen() as quick:
        for _ in range(4):
            job = await new(jobs)
            assert await heard(quick) == job
        assert [await slow.next(1) is not None for _ in range(2)] == [True, True]
        with pytest.raises(TooSlow):
            await slow.next(1)


async def test_what_this_process_writes_is_told_at_once(jobs: LocalJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "POLL_S", 3600)
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        job = await new(jobs)
        assert await listener.next(1) == job


async def test_what_others_write_is_told_with_the_next_look(jobs: LocalJobStore, tmp_path: Path) -> None:
    theirs = LocalJobStore(tmp_path / "jobs.sqlite")
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        job = await new(theirs)
        assert await heard(listener) == job
        deleted = await theirs.swap(job, transitions.delete(job, theirs.now()))
        assert (await heard(listener)).deleted
        assert deleted.deleted
        assert not job.deleted
    await theirs.close()


async def test_a_write_that_was_under_way_when_the_first_one_came_is_told(jobs: LocalJobStore, tmp_path: Path) -> None:
    theirs = LocalJobStore(tmp_path / "jobs.sqlite")
    seen, under_way = await new(jobs), a_job(now=jobs.now())
    async with Feed(jobs, asyncio.Event()).listen() as listener:
        written = await created(theirs, under_way)
        assert await heard(listener) == written
        assert await listener.next(0.1) is None, f"{seen.job_id} was there before"
    await theirs.close()


async def test_who_listens_to_one_job_hears_of_no_other_and_of_its_newest_state_alone(jobs: LocalJobStore) -> None:
    job, feed = await new(jobs), Feed(jobs, asyncio.Event())
    async with feed.listen(job_id=job.job_id) as listener:
        await new(jobs)
        for _ in range(3):
            job = await jobs.swap(job, replace(job, updated_at=jobs.now()))
        assert await heard(listener) == job
        await jobs.swap(job, replace(job, due_at=jobs.now()))
        assert await listener.next(0.1) is None, "nobody sees when a job is due"


async def test_who_comes_while_the_last_one_goes_hears_of_all(jobs: LocalJobStore, tmp_path: Path) -> None:
    theirs, feed = LocalJobStore(tmp_path / "jobs.sqlite"), Feed(jobs, asyncio.Event())
    last = feed.listen()
    await last.__aenter__()
    going = asyncio.create_task(last.__aexit__(None, None, None))
    await asyncio.sleep(0)
    async with feed.listen() as listener:
        await going
        job = await new(theirs)
        assert await heard(listener) == job
    await theirs.close()


async def test_the_end_of_the_process_ends_all_who_listen(jobs: LocalJobStore) -> None:
    stopping = asyncio.Event()
    feed = Feed(jobs, stopping)
    async with feed.listen() as first:
        waiting = asyncio.create_task(first.next(60))
        await asyncio.sleep(0.05)
        stopping.set()
        assert await asyncio.wait_for(waiting, 2) is None
        assert first.over
        async with feed.listen() as late:
            assert await late.next(60) is None
            assert late.over


async def test_a_store_that_did_not_answer_for_long_may_have_lost_something(
    jobs: CountingJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(jobs, asyncio.Event())
    async with feed.listen() as listener:
        jobs.away = True
        await asyncio.sleep(0.1)
        jobs.away = False
        job = await new(jobs)
        assert await heard(listener) == job, "not for long"
        jobs.away = True
        monkeypatch.setattr(feeds, "DELETED_SEEN_S", 0.1)
        await asyncio.sleep(0.2)
        jobs.away = False
        with pytest.raises(TooSlow):
            await listener.next(5)
    jobs.away = True
    with pytest.raises(Transient):
        async with feed.listen():
            pass


async def test_however_many_listen_the_store_is_asked_as_often_as_for_one(jobs: CountingJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "POLL_S", 0.1)
    feed, began = Feed(jobs, asyncio.Event()), time.monotonic()
    async with AsyncExitStack() as stack:
        for _ in range(500):
            await stack.enter_async_context(feed.listen(owner="ada"))
        await asyncio.sleep(0.55)
    assert 1 <= (asked := jobs.asked) <= (time.monotonic() - began) / 0.1 + 2
    await asyncio.sleep(0.25)
    assert jobs.asked == asked, "nobody listens any more"
