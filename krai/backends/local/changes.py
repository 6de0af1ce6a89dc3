"""Waking those who wait for a write to a database: at once for this process's writes, by a cheap poll for other processes'."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from krai.errors import KraiError

POLL_S = 0.08


@dataclass(slots=True, eq=False)
class Watcher:
    """Remembers a write from the moment it was made, so that whoever watches first, then reads, then waits misses none."""

    topic: str
    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._event.set()

    async def changed(self, until: float) -> bool:
        """True after a write that may concern the topic, False when the loop's clock reaches `until` first."""
        try:
            async with asyncio.timeout_at(until):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Changes:
    """`changed_elsewhere` tells whether another process has written since it was last asked."""

    def __init__(self, changed_elsewhere: Callable[[], Awaitable[bool]]) -> None:
        self._changed_elsewhere = changed_elsewhere
        self._watchers: set[Watcher] = set()
        self._poll: asyncio.Task[None] | None = None

    def announce(self, topic: str | None) -> None:
        """Something about `topic` was written; None: nobody knows what."""
        for watcher in self._watchers:
            if topic is None or watcher.topic == topic:
                watcher.wake()

    @contextlib.contextmanager
    def watch(self, topic: str) -> Iterator[Watcher]:
        watcher = Watcher(topic)
        self._watchers.add(watcher)
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._poll_while_watched())
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def _poll_while_watched(self) -> None:
        while self._watchers:
            await asyncio.sleep(POLL_S)
            try:
                changed = await self._changed_elsewhere()
            except KraiError:
                changed = True  # whoever is woken reads, and meets the error where it can be answered
            if changed:
                self.announce(None)

    async def close(self) -> None:
        """Wake everybody for the last time."""
        self.announce(None)
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait([self._poll])
