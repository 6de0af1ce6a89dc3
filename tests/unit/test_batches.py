"""Messages that are sent together, and what each sender hears of it."""

import asyncio
from collections.abc import Sequence

import pytest
from google.pubsub_v1.types import PubsubMessage

from krai.backends.google.batches import Batches
from krai.errors import Transient


class Topic:
    """Answers a batch when it is let go, with what it was told to say."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.open = asyncio.Event()
        self.failures: list[Exception] = []

    async def send(self, messages: Sequence[PubsubMessage]) -> None:
        self.sent.append([message.data for message in messages])
        await self.open.wait()
        if self.failures:
            raise self.failures.pop()


def a_message(number: int) -> PubsubMessage:
    return PubsubMessage(data=str(number).encode())


async def put(batches: Batches, numbers: Sequence[int]) -> list[asyncio.Task[None]]:
    """Senders of these messages, each as far as it comes by itself."""
    tasks = [asyncio.create_task(batches.put(a_message(number))) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_during_a_request_shares_the_next_one() -> None:
    topic = Topic()
    batches = Batches(topic.send, within_s=5)
    tasks = await put(batches, [0]) + await put(batches, range(1, 151))
    assert topic.sent == [[b"0"]]
    topic.open.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in topic.sent] == [1, 100, 50]
    assert [data for batch in topic.sent for data in batch] == [b"%d" % number for number in range(151)]


async def test_a_failure_is_for_its_own_batch() -> None:
    topic = Topic()
    topic.failures = [Transient("store_busy")]
    batches = Batches(topic.send, within_s=5)
    tasks = await put(batches, [0, 1]) + await put(batches, [2])
    topic.open.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ended] == [Transient, Transient, type(None)]


async def test_who_gave_up_waiting_is_not_sent_and_harms_nobody() -> None:
    topic = Topic()
    batches = Batches(topic.send, within_s=5)
    first, second, third = await put(batches, [0]) + await put(batches, [1, 2])
    for task in (first, second):
        task.cancel()
    topic.open.set()
    await third
    assert topic.sent == [[b"0"], [b"2"]]


async def test_a_topic_that_does_not_answer_is_transient() -> None:
    topic = Topic()
    batches = Batches(topic.send, within_s=0.05)
    tasks = await put(batches, [0]) + await put(batches, [1])
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        with pytest.raises(Transient, match="store_busy"):
            raise ended  # type: ignore[misc]
    topic.open.set()
    await batches.put(a_message(2))
    assert topic.sent == [[b"0"], [b"2"]]
