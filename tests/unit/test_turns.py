"""Whose turn it is: what is held, who releases it, and that nothing of it can be lost or doubled."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from krai import submit, transitions, turns
from krai.errors import Transient
from krai.job import Job, Standing, Status
from krai.ports import Stores
from krai.sweep import Retention, sweep
from tests.contract.examples import START, a_job, jobs_at
from tests.queues import waiting
from tests.unit.api.house import open_house

RETENTION = Retention(files_s=60, jobs_s=600)


async def given_jobs(stores: Stores, count: int, share: int | None, **changes: str) -> list[Job]:
    """As many jobs as one process accepts of a caller, oldest first."""
    written = []
    for job in jobs_at(count, **changes):
        then = transitions.hold_back(job, await stores.jobs.standing(job.created_by), share)
        await submit.accept(stores, then)
        written.append(then)
    return written


async def now(stores: Stores, job: Job) -> Job:
    stored = await stores.jobs.get(job.job_id)
    assert stored is not None
    return stored


async def finish(stores: Stores, job: Job) -> None:
    stored = await now(stores, job)
    await stores.jobs.swap(stored, transitions.cancel(stored, START, keep_s=60))


@pytest.mark.parametrize("share", range(1, 9))
@given(ends=st.lists(st.integers(0, 7), max_size=40))
def test_where_a_job_is_held_a_crowded_one_is_out(share: int, ends: list[int]) -> None:
    """After every create, however many of those that are out have finished in between, and whichever these were."""
    out: list[Job] = []
    for number in ends:
        del out[number % (len(out) + 1) :]
        while True:
            job = transitions.hold_back(a_job(), Standing(unfinished=len(out), held=0), share)
            if job.held:
                assert len(out) == share
                break
            out.append(job)
        crowded = sum(one.crowded for one in out)
        assert 2 * crowded >= share, "at least half of the share, so one that ends brings the held one its turn"


def test_those_who_come_later_do_not_overtake_held_ones() -> None:
    assert transitions.hold_back(a_job(), Standing(unfinished=3, held=1), 20).held


async def test_the_oldest_held_jobs_fill_the_share(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        jobs = await given_jobs(house.stores, 7, 3)
        assert [job.held for job in jobs] == [False] * 3 + [True] * 4
        assert await turns.fill(house.stores, "caller", 3) == 0
        await finish(house.stores, jobs[0])
        await finish(house.stores, jobs[2])
        assert await turns.fill(house.stores, "caller", 3) == 2
        assert [(await now(house.stores, job)).held for job in jobs[3:]] == [False, False, True, True]
        assert waiting(tmp_path) == 5


async def test_of_many_who_fill_at_once_each_job_is_released_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        jobs = await given_jobs(house.stores, 12, 4)
        for job in jobs[:4]:
            await finish(house.stores, job)
        released = await asyncio.gather(*(turns.fill(house.stores, "caller", 4) for _ in range(10)))
        assert sum(released) == 4
        assert await house.stores.jobs.standing("caller") == Standing(unfinished=8, held=4)
        assert waiting(tmp_path) == 8


async def test_the_sweep_fills_what_nobody_else_did(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        mine, theirs = await given_jobs(house.stores, 5, 2), await given_jobs(house.stores, 5, 2, created_by="other")
        for job in (*mine[:2], *theirs[:1]):
            await finish(house.stores, job)
        await sweep(house.stores, RETENTION, share=2)
        held = {who: (await house.stores.jobs.standing(who)).held for who in ("caller", "other")}
        assert held == {"caller": 1, "other": 2}


async def test_thousands_of_held_jobs_keep_the_sweep_from_nobody(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await given_jobs(house.stores, 300, 1)
        lost = await house.stores.jobs.create(replace(a_job(created_by="other"), due_at=house.stores.jobs.now()))
        assert isinstance(lost, Job)
        await sweep(house.stores, RETENTION, share=1)
        deliveries = await house.stores.queue.pull(9, wait_s=0, lease_s=9)
        assert lost.job_id in {delivery.job_id for delivery in deliveries}


async def test_a_released_job_whose_message_was_lost_is_due(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        first, second = await given_jobs(house.stores, 2, 1)
        await finish(house.stores, first)
        await house.stores.queue.close()
        with pytest.raises(Transient):
            await turns.fill(house.stores, "caller", 1)
        released = await now(house.stores, second)
        assert (released.held, released.status) == (False, Status.PENDING)
        assert released.due_at is not None


async def test_without_a_share_all_are_released(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        jobs = await given_jobs(house.stores, 5, 1)
        await turns.fill_all(house.stores, None)
        assert not any([(await now(house.stores, job)).held for job in jobs])
        assert waiting(tmp_path) == 5


async def test_a_stray_message_may_wake_a_held_job(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        _, held = await given_jobs(house.stores, 2, 1)
        claimed = await house.claim(held.job_id)
        assert (claimed.held, claimed.crowded) == (False, True)
        assert await house.stores.jobs.standing("caller") == Standing(unfinished=2, held=0)
