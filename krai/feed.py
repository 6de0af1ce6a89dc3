"""Every change of every job, for those who listen: however many they are, a process asks its store once a second."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from krai import observe
from krai.errors import Transient
from krai.job import Job
from krai.ports import JobStore

POLL_S = 1.0
AT_ONCE = 500
# A write may become visible a little after the time that it bears: by so much each look reaches back.
OVERLAP = timedelta(seconds=6)
MOST_UNREAD = 1000


class TooSlow(Exception):
    """The listener has so much unread that what follows would be lost to it."""


@dataclass(eq=False, slots=True)
class Listener:
    """`owner` is whose jobs it may see, None: everybody's."""

    owner: str | None
    unread: asyncio.Queue[Job] = field(default_factory=lambda: asyncio.Queue(MOST_UNREAD))
    lost: bool = False

    async def next(self, timeout_s: float) -> Job | None:
        """The next change, None when there is none for so long. Raises TooSlow."""
        if self.lost and self.unread.empty():
            raise TooSlow
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self.unread.get(), timeout_s)
        return None

    def tell(self, job: Job) -> None:
        if self.owner in {None, job.created_by} and not self.lost:
            try:
                self.unread.put_nowait(job)
            except asyncio.QueueFull:
                self.lost = True


class Feed:
    """Asks nothing while nobody listens. A state that is followed by another within a second may be left out, the last one never is."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._listeners: set[Listener] = set()
        self._polling: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def listen(self, owner: str | None) -> AsyncIterator[Listener]:
        """A listener that hears of every change from here on."""
        listener = Listener(owner)
        self._listeners.add(listener)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll(self._jobs.now()))
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._polling is not None:
                self._polling.cancel()
                await asyncio.wait({self._polling})

    async def _poll(self, since: datetime) -> None:
        told: dict[str, Job] = {}  # as they were when they were told of last, in the time that each look reaches back
        first = since
        while True:
            began = time.monotonic()
            try:
                async for job in self._changed(max(first, since - OVERLAP)):
                    since = max(since, job.updated_at)
                    if job.job_id not in told or told[job.job_id].revision != job.revision:
                        told[job.job_id] = job
                        for listener in self._listeners:
                            listener.tell(job)
            except Transient as error:
                observe.log().warning("changes not read", code=error.code)
            told = {job_id: job for job_id, job in told.items() if job.updated_at > since - 2 * OVERLAP}
            await asyncio.sleep(max(0.0, POLL_S - (time.monotonic() - began)))

    async def _changed(self, since: datetime) -> AsyncIterator[Job]:
        """Page by page; a page may begin with the last job of the one before."""
        while True:
            page = await self._jobs.changed(since, AT_ONCE)
            for job in page:
                yield job
            if len(page) < AT_ONCE or page[-1].updated_at <= since:
                return
            since = page[-1].updated_at
