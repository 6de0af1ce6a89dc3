"""Requests that are sent together when they come faster than a service answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from krai.errors import Transient

MOST_AT_ONCE = 100

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """An item is sent at once, or with all others that came while a request was under way. No timer delays any.

    `send` gives an answer for each of its items, in their order.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, within_s: float) -> None:
        self._send = send
        self._within_s = within_s
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Answer:
        """What the service says of the item. Raises what `send` raised for its batch, or Transient after `within_s` seconds."""
        outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        try:
            async with asyncio.timeout(self._within_s):
                return await outcome
        except TimeoutError:
            raise Transient("store_busy", "The service does not answer.", retry_after_s=1) from None

    async def _send_all(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
            batch = [(item, outcome) for item, outcome in taken if not outcome.done()]  # the others gave up waiting
            if not batch:
                continue
            try:
                answers = await self._send([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - each of those who wait raises it
                for _, outcome in batch:
                    if not outcome.done():
                        outcome.set_exception(error)
            else:
                for (_, outcome), answer in zip(batch, answers, strict=True):
                    if not outcome.done():
                        outcome.set_result(answer)
        self._sending = None
