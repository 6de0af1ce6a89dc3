"""Items that are sent together, and what each sender hears of it."""

import asyncio
from collections.abc import Sequence

import pytest

from krai.backends.google.batches import Batches
from krai.errors import Transient


class Service:
    """Answers a batch when it is let go, with what it was told to say or with each number doubled."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.open = asyncio.Event()
        self.failures: list[Exception] = []

    async def send(self, numbers: Sequence[int]) -> Sequence[int]:
        self.sent.append(list(numbers))
        await self.open.wait()
        if self.failures:
            raise self.failures.pop()
        return [2 * number for number in numbers]


async def put(batches: Batches[int, int], numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    """Senders of these numbers, each as far as it comes by itself."""
    tasks = [asyncio.create_task(batches.put(number)) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_during_a_request_shares_the_next_one() -> None:
    service = Service()
    batches = Batches(service.send, within_s=5)
    tasks = await put(batches, [0]) + await put(batches, range(1, 151))
    assert service.sent == [[0]]
    service.open.set()
    assert await asyncio.gather(*tasks) == [2 * number for number in range(151)]
    assert [len(batch) for batch in service.sent] == [1, 100, 50]
    assert [number for batch in service.sent for number in batch] == list(range(151))


async def test_a_failure_is_for_its_own_batch() -> None:
    service = Service()
    service.failures = [Transient("store_busy")]
    batches = Batches(service.send, within_s=5)
    tasks = await put(batches, [0, 1]) + await put(batches, [2])
    service.open.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ended] == [Transient, Transient, int]


async def test_who_gave_up_waiting_is_not_sent_and_harms_nobody() -> None:
    service = Service()
    batches = Batches(service.send, within_s=5)
    first, second, third = await put(batches, [0]) + await put(batches, [1, 2])
    for task in (first, second):
        task.cancel()
    service.open.set()
    assert await third == 4
    assert service.sent == [[0], [2]]


async def test_a_service_that_does_not_answer_is_transient() -> None:
    service = Service()
    batches = Batches(service.send, within_s=0.05)
    tasks = await put(batches, [0]) + await put(batches, [1])
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        with pytest.raises(Transient, match="store_busy"):
            raise ended  # type: ignore[misc]
    service.open.set()
    await batches.put(2)
    assert service.sent == [[0], [2]]
