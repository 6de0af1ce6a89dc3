"""What every job queue promises."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from krai.errors import Transient
from krai.ports import Delivery, JobQueue
from tests.contract.conftest import LOCAL, Opener
from tests.contract.examples import a_job

LEASE_S = 30


async def pull_one(queue: JobQueue, *, wait_s: float = 5, lease_s: float = LEASE_S) -> Delivery:
    (delivery,) = await queue.pull(1, wait_s=wait_s, lease_s=lease_s)
    return delivery


async def pull_none(queue: JobQueue, wait_s: float = 0.3) -> None:
    assert await queue.pull(10, wait_s=wait_s, lease_s=LEASE_S) == []


async def dig_out(queue: JobQueue) -> Delivery:
    async with asyncio.timeout(10):
        while not (buried := await queue.pull_buried(1)):
            pass
    (delivery,) = buried
    return delivery


async def test_a_published_job_is_delivered_and_acked_once(queue: JobQueue) -> None:
    job = a_job()
    await queue.publish(job)
    delivery = await pull_one(queue, lease_s=1)
    assert (delivery.job_id, delivery.deliveries) == (job.job_id, 1)
    await pull_none(queue)
    await queue.ack(delivery)
    await pull_none(queue, wait_s=1.5)


async def test_an_empty_queue_waits_for_its_time(queue: JobQueue) -> None:
    started_at = time.perf_counter()
    await pull_none(queue, wait_s=0.3)
    assert 0.25 < time.perf_counter() - started_at < 2
    await pull_none(queue, wait_s=0)
    assert time.perf_counter() - started_at < 2


@pytest.mark.parametrize("publisher", ["same", "another"])
async def test_a_message_wakes_who_waits(open_queue: Opener[JobQueue], publisher: str) -> None:
    mine = await open_queue()
    theirs = mine if publisher == "same" else await open_queue()
    await theirs.check()
    waiting = asyncio.create_task(pull_one(mine, wait_s=10))
    await asyncio.sleep(0.2)
    await theirs.publish(a_job())
    published_at = time.perf_counter()
    await waiting
    assert time.perf_counter() - published_at < 1


async def test_a_pull_takes_no_more_than_it_asks_for(queue: JobQueue) -> None:
    published = [a_job() for _ in range(5)]
    for job in published:
        await queue.publish(job)
    pulled = list(await queue.pull(3, wait_s=5, lease_s=LEASE_S))
    assert 1 <= len(pulled) <= 3
    while len(pulled) < 5:
        pulled += await queue.pull(1, wait_s=5, lease_s=LEASE_S)
    assert {delivery.job_id for delivery in pulled} == {job.job_id for job in published}


async def test_two_pullers_share_and_no_message_goes_to_both(open_queue: Opener[JobQueue]) -> None:
    queues = [await open_queue(), await open_queue()]
    published = [a_job() for _ in range(60)]
    for job in published:
        await queues[0].publish(job)
    pulled: list[str | None] = []
    while len(pulled) < len(published):
        batches = await asyncio.gather(*(queue.pull(7, wait_s=0.5, lease_s=LEASE_S) for queue in queues * 2))
        pulled += [delivery.job_id for batch in batches for delivery in batch]
    assert sorted(map(str, pulled)) == sorted(job.job_id for job in published)


async def test_a_message_that_is_not_acked_comes_again_when_its_lease_ends(open_queue: Opener[JobQueue]) -> None:
    queue, other = await open_queue(), await open_queue()
    job = a_job()
    await queue.publish(job)
    pulled_at = time.perf_counter()
    await pull_one(queue, lease_s=1)
    again = await pull_one(other)
    assert 0.8 < time.perf_counter() - pulled_at < 3
    assert (again.job_id, again.deliveries) == (job.job_id, 2)


@pytest.mark.parametrize("queue_backend", [LOCAL], indirect=True)
async def test_who_held_an_earlier_lease_can_do_nothing_any_more(queue: JobQueue) -> None:
    """Beyond the port's promise: with Pub/Sub an acknowledgement that comes late may still count; the sweep publishes the job again."""
    await queue.publish(a_job())
    stale = await pull_one(queue, lease_s=1)
    held = await pull_one(queue)
    await queue.ack(stale)
    await queue.delay(stale, 0)
    await queue.extend(stale, 0)
    await queue.bury(stale, "unknown_message")
    await pull_none(queue)
    assert await queue.pull_buried(9) == []
    await queue.extend(held, 1)
    assert (await pull_one(queue)).deliveries == 3


async def test_an_extended_lease_holds(queue: JobQueue) -> None:
    await queue.publish(a_job())
    delivery = await pull_one(queue, lease_s=1)
    await queue.extend(delivery, LEASE_S)
    await pull_none(queue, wait_s=1.5)
    await queue.ack(delivery)


async def test_a_delayed_message_comes_again_after_the_delay(queue: JobQueue) -> None:
    job = a_job()
    await queue.publish(job)
    await queue.delay(await pull_one(queue), 1)
    delayed_at = time.perf_counter()
    again = await pull_one(queue)
    assert 0.8 < time.perf_counter() - delayed_at < 3
    assert again.job_id == job.job_id


async def test_a_message_given_back_comes_again_at_once(queue: JobQueue) -> None:
    await queue.publish(a_job())
    await queue.delay(await pull_one(queue), 0)
    async with asyncio.timeout(2):
        assert (await pull_one(queue)).deliveries == 2


async def test_a_buried_message_comes_only_from_the_dead_letter_queue_until_it_is_acked(open_queue: Opener[JobQueue]) -> None:
    queue, other = await open_queue(), await open_queue()
    job = a_job()
    await queue.publish(job)
    await queue.bury(await pull_one(queue, lease_s=1), "unknown_message")
    await pull_none(queue, wait_s=1.5)
    buried = await dig_out(queue)
    assert buried.job_id == job.job_id
    assert await other.pull_buried(9) == []
    await other.ack(buried)
    assert await queue.pull_buried(9) == []
    await pull_none(queue)


async def test_a_dead_letter_queue_gives_no_more_than_is_asked_for(queue: JobQueue) -> None:
    for _ in range(3):
        await queue.publish(a_job())
        await queue.bury(await pull_one(queue), "unknown_message")
    first = await dig_out(queue)
    assert len({first.ack_id, (await dig_out(queue)).ack_id, (await dig_out(queue)).ack_id}) == 3
    assert await queue.pull_buried(9) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b"{}",
        b'{"job_id": "a"}',
        b'{"version": 2, "job_id": "a"}',
        b'{"version": "1", "job_id": "a"}',
        b'{"version": 1}',
        b'{"version": 1, "job_id": 7}',
        b'{"version": 1, "job_id": ""}',
    ],
)
async def test_a_message_that_cannot_be_read_is_delivered_without_a_job(
    queue: JobQueue, forge: Callable[[bytes], Awaitable[None]], body: bytes
) -> None:
    await forge(body)
    delivery = await pull_one(queue)
    assert delivery.job_id is None
    await queue.bury(delivery, "unknown_message")
    assert (await dig_out(queue)).job_id is None


async def test_fields_of_later_versions_do_not_hide_the_job(queue: JobQueue, forge: Callable[[bytes], Awaitable[None]]) -> None:
    await forge(json.dumps({"version": 1, "job_id": "a", "trace": "b"}).encode())
    assert (await pull_one(queue)).job_id == "a"


async def test_a_cancelled_pull_keeps_no_message(queue: JobQueue) -> None:
    job = a_job()
    await queue.publish(job)
    chance = random.Random(7)  # noqa: S311 - any moments will do, the same each time
    for _ in range(60):
        pulling = asyncio.create_task(pull_one(queue))
        await asyncio.wait([pulling], timeout=chance.uniform(0, 0.001))
        pulling.cancel()
        await asyncio.wait([pulling])
        if not pulling.cancelled():
            await queue.delay(pulling.result(), 0)
    async with asyncio.timeout(2):
        assert (await pull_one(queue)).job_id == job.job_id


async def test_messages_survive_a_restart(open_queue: Opener[JobQueue]) -> None:
    queue = await open_queue()
    job = a_job()
    await queue.publish(job)
    await queue.close()
    with pytest.raises(Transient, match="not_ready"):
        await queue.publish(job)
    queue = await open_queue()
    await queue.check()
    assert (await pull_one(queue)).job_id == job.job_id
