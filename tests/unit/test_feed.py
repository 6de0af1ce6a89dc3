"""The feed: all changes of jobs, whoever writes them, told to those who may see them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from krai import feed as feeds
from krai.backends.local.jobs import LocalJobStore
from krai.feed import Feed, Listener, TooSlow
from krai.job import Job
from tests.contract.examples import a_job, created


class CountingJobStore(LocalJobStore):
    """The embedded store, which knows how often it was asked for changes."""

    asked = 0

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        self.asked += 1
        return await super().changed(since, limit)


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
    async with Feed(jobs).listen(None) as listener:
        first = await new(jobs)
        assert await heard(listener) == first
        changed = await jobs.swap(before, replace(before, cancel_requested=True, updated_at=jobs.now()))
        assert await heard(listener) == changed
        assert await listener.next(0.1) is None


async def test_a_caller_hears_of_its_own_and_an_admin_of_all(jobs: LocalJobStore) -> None:
    feed = Feed(jobs)
    async with feed.listen("ada") as ada, feed.listen("bob") as bob, feed.listen(None) as admin:
        first, second = await new(jobs, "ada"), await new(jobs, "bob")
        assert await heard(ada) == first
        assert await heard(bob) == second
        assert [await heard(admin), await heard(admin)] == [first, second]
        assert await ada.next(0.1) is None


async def test_a_write_that_becomes_visible_late_is_told_too(jobs: LocalJobStore) -> None:
    async with Feed(jobs).listen(None) as listener:
        late = a_job(now=jobs.now())
        newer = await new(jobs)
        assert await heard(listener) == newer
        written = await created(jobs, late)
        assert await heard(listener) == written


async def test_more_changes_than_a_page_holds(jobs: LocalJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "AT_ONCE", 3)
    async with Feed(jobs).listen(None) as listener:
        expected = [await new(jobs) for _ in range(10)]
        assert [await heard(listener) for _ in expected] == expected


async def test_who_does_not_keep_up_is_told_so_and_holds_nobody_up(jobs: LocalJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_UNREAD", 2)
    feed = Feed(jobs)
    async with feed.listen(None) as slow, feed.listen(None) as quick:
        for _ in range(4):
            job = await new(jobs)
            assert await heard(quick) == job
        assert [await slow.next(1) is not None for _ in range(2)] == [True, True]
        with pytest.raises(TooSlow):
            await slow.next(1)


async def test_however_many_listen_the_store_is_asked_as_often_as_for_one(jobs: CountingJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "POLL_S", 0.1)
    feed = Feed(jobs)
    async with AsyncExitStack() as stack:
        for _ in range(500):
            await stack.enter_async_context(feed.listen("ada"))
        await asyncio.sleep(0.55)
    assert 1 <= (asked := jobs.asked) <= 7
    await asyncio.sleep(0.25)
    assert jobs.asked == asked, "nobody listens any more"
