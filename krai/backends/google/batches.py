"""Messages to one topic, sent together when they come faster than the topic answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from google.pubsub_v1.types import PubsubMessage

from krai.errors import Transient

MOST_MESSAGES = 100


class Batches:
    """A message is sent at once, or with all others that came while a request was under way. No timer delays any."""

    def __init__(self, send: Callable[[Sequence[PubsubMessage]], Awaitable[object]], *, within_s: float) -> None:
        self._send = send
        self._within_s = within_s
        self._waiting: deque[tuple[PubsubMessage, asyncio.Future[None]]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def put(self, message: PubsubMessage) -> None:
        """Returns when the topic has the message. Raises what `send` raised for its batch, or Transient after `within_s` seconds."""
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, outcome))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        try:
            async with asyncio.timeout(self._within_s):
                await outcome
        except TimeoutError:
            raise Transient("store_busy", "The topic does not answer.", retry_after_s=1) from None

    async def _send_all(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(MOST_MESSAGES, len(self._waiting)))]
            batch = [(message, outcome) for message, outcome in taken if not outcome.done()]  # the others gave up waiting
            if not batch:
                continue
            try:
                await self._send([message for message, _ in batch])
            except Exception as error:  # noqa: BLE001 - each of those who wait raises it
                for _, outcome in batch:
                    if not outcome.done():
                        outcome.set_exception(error)
            else:
                for _, outcome in batch:
                    if not outcome.done():
                        outcome.set_result(None)
        self._sending = None
