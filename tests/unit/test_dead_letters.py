"""What becomes of messages that lead to no job, and of jobs that nobody would wake any more; with the embedded stores."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from krai import submit, transitions
from krai.dead_letters import settle_dead_letters
from krai.job import Job, Progress, Status
from krai.ports import Stores
from krai.submit import Order
from tests.queues import buried, waiting
from tests.unit.api.house import open_house

KEEP_S = 60.0


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_house(tmp_path) as house:
        yield house.stores


async def stored(stores: Stores) -> Job:
    job = await submit.export(stores, Order(dataset="users", created_by="ada", max_attempts=3))
    await stores.jobs.create(job)
    return await read(stores, job)


async def read(stores: Stores, job: Job) -> Job:
    found = await stores.jobs.get(job.job_id)
    assert found is not None
    return found


async def bury_a_call_for(stores: Stores, job: Job) -> None:
    await stores.queue.publish(job)
    (delivery,) = await stores.queue.pull(1, wait_s=1, lease_s=30)
    await stores.queue.bury(delivery, "unknown_message")


async def settle(stores: Stores, folder: Path) -> list[tuple[str, Any]]:
    """Level and reason (or code) of what was logged; the queues are empty afterwards."""
    with capture_logs() as lines:
        assert await settle_dead_letters(stores, keep_files_s=KEEP_S) == 1
    assert (waiting(folder), buried(folder)) == (0, 0)
    return [(line["log_level"], line.get("reason") or line.get("code")) for line in lines]


async def test_an_empty_dead_letter_queue_is_left_alone(stores: Stores) -> None:
    with capture_logs() as lines:
        assert await settle_dead_letters(stores, keep_files_s=KEEP_S) == 0
    assert lines == []


async def test_an_unreadable_message_is_said_to_be_and_not_quoted(stores: Stores, tmp_path: Path) -> None:
    await stores.queue.check()
    with closing(sqlite3.connect(tmp_path / "queue.sqlite")) as database, database:
        database.execute("INSERT INTO messages (body, visible_at) VALUES ('the-secret', ?)", (time.time(),))
    (delivery,) = await stores.queue.pull(1, wait_s=1, lease_s=30)
    await stores.queue.bury(delivery, "unknown_message")
    with capture_logs() as lines:
        assert await settle_dead_letters(stores, keep_files_s=KEEP_S) == 1
    assert [line["log_level"] for line in lines] == ["error"]
    assert "the-secret" not in str(lines)
    assert buried(tmp_path) == 0


async def test_a_message_of_no_job_is_said_to_be_and_not_quoted(stores: Stores, tmp_path: Path) -> None:
    job = await submit.export(stores, Order(dataset="users", created_by="ada", max_attempts=3))
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("error", "no such job")]


async def test_a_job_that_nobody_would_wake_fails(stores: Stores, tmp_path: Path) -> None:
    job = await stored(stores)
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("error", "dead_lettered")]
    failed = await read(stores, job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"], failed.lease_owner) == (Status.FAILED, "dead_lettered", None)
    assert failed.expires_at is not None


async def test_a_job_whose_owner_is_gone_fails(stores: Stores, tmp_path: Path) -> None:
    job = await stored(stores)
    await stores.jobs.swap(job, transitions.claim(job, "gone", stores.jobs.now(), lease_s=-1))
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("error", "dead_lettered")]
    assert (await read(stores, job)).status is Status.FAILED


async def test_a_job_under_a_live_lease_is_its_owners(stores: Stores, tmp_path: Path) -> None:
    job = await stored(stores)
    held = await stores.jobs.swap(job, transitions.claim(job, "alive", stores.jobs.now(), lease_s=30))
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("warning", "the job is looked after")]
    assert await read(stores, job) == held


@pytest.mark.parametrize("asked", ["to commit", "to cancel"])
async def test_a_job_whose_end_is_decided_already_is_left_to_the_sweep(stores: Stores, tmp_path: Path, asked: str) -> None:
    job = await stored(stores)
    left = transitions.claim(job, "gone", stores.jobs.now(), lease_s=-1)
    left = replace(left, may_have_committed=asked == "to commit", cancel_requested=asked == "to cancel")
    gone = await stores.jobs.swap(job, left)
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("warning", "the job is looked after")]
    assert await read(stores, job) == gone
    assert [due.job_id for due in await stores.jobs.due(9)] == [job.job_id]


async def test_a_finished_job_never_changes(stores: Stores, tmp_path: Path) -> None:
    job = await stored(stores)
    job = await stores.jobs.swap(job, transitions.claim(job, "me", stores.jobs.now(), lease_s=30))
    done = await stores.jobs.swap(job, transitions.complete(job, {}, Progress(), stores.jobs.now(), keep_s=KEEP_S))
    await bury_a_call_for(stores, job)
    assert await settle(stores, tmp_path) == [("info", "the job has finished")]
    assert await read(stores, job) == done


async def test_many_settle_at_once_and_each_message_once(stores: Stores, tmp_path: Path) -> None:
    jobs = [await stored(stores) for _ in range(12)]
    for job in jobs:
        await bury_a_call_for(stores, job)
    settled = await asyncio.gather(*(settle_dead_letters(stores, keep_files_s=KEEP_S) for _ in range(8)))
    assert (sum(settled), buried(tmp_path)) == (12, 0)
    assert {(await read(stores, job)).revision for job in jobs} == {jobs[0].revision + 1}


async def test_what_cannot_be_settled_now_is_kept(stores: Stores, tmp_path: Path) -> None:
    job = await stored(stores)
    await bury_a_call_for(stores, job)
    await stores.jobs.close()
    assert await settle_dead_letters(stores, keep_files_s=KEEP_S) == 0
    assert buried(tmp_path) == 1
