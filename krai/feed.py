"""Every change of every job, for those who listen: however many they are, a process asks its store once a second.

What this process writes itself is told at once. A store that was asked for what has changed lately answers with jobs that were told of
already, too: on Firestore each job that changes costs a read with each look until its last change is fifteen seconds old.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from krai import observe
from krai.errors import Transient
from krai.job import Job
from krai.ports import JobStore
from krai.transitions import DELETED_SEEN_S

POLL_S = 1.0
AT_ONCE = 500
# A write becomes visible after the time that it bears: by so much each look reaches back. A call to a store may take six seconds, and
# whoever ends a job without a lease asks between the two who wants to hear of it.
OVERLAP = timedelta(seconds=15)
MOST_UNREAD = 1000


class TooSlow(Exception):
    """Something may be lost to the listener: it has too much unread, or the store did not answer for long."""


@dataclass(eq=False, slots=True)
class Listener:
    """Hears of the jobs of `owner` (None: everybody's), or of the one job that `job_id` names.

    `over`: the process is asked to end, and nothing more is told.
    """

    owner: str | None
    job_id: str | None
    over: bool = False
    lost: bool = False
    _unread: dict[str, Job] = field(default_factory=dict)  # of each job the newest state
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, timeout_s: float) -> Job | None:
        """The next change, None when there is none for so long, or `over`. Raises TooSlow."""
        if not (self._unread or self.lost or self.over):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout_s)
        if self._unread:
            return self._unread.pop(next(iter(self._unread)))
        if self.lost:
            raise TooSlow
        return None

    def tell(self, job: Job) -> None:
        mine = self.owner in {None, job.created_by} if self.job_id is None else self.job_id == job.job_id
        if not mine or self.lost:
            return
        if len(self._unread) >= MOST_UNREAD and job.job_id not in self._unread:
            self.lose()
            return
        self._unread[job.job_id] = job
        self._news.set()

    def lose(self) -> None:
        self.lost = True
        self._news.set()

    def end(self) -> None:
        self.over = True
        self._news.set()


class Feed:
    """Asks nothing while nobody listens. A state that is followed by another within a second may be left out, the last one never is.

    `stopping`, once set, ends all listeners.
    """

    def __init__(self, jobs: JobStore, stopping: asyncio.Event) -> None:
        self._jobs = jobs
        self._stopping = stopping
        self._listeners: set[Listener] = set()
        self._told: dict[str, Job] = {}  # as they were when they were told of last, in the time that each look reaches back
        self._since: datetime
        self._opening: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def listen(self, *, owner: str | None = None, job_id: str | None = None) -> AsyncIterator[Listener]:
        """A listener that hears of every change that becomes visible from here on. Raises Transient."""
        listener = Listener(owner, job_id)
        self._listeners.add(listener)
        if self._opening is None or self._polling is None or self._polling.done():
            self._opening = asyncio.create_task(self._open())
            self._polling = asyncio.create_task(self._poll(self._opening))
        try:
            await asyncio.shield(self._opening)
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self._close()

    async def _close(self) -> None:
        polling, self._polling = self._polling, None  # whoever comes meanwhile begins anew
        if polling is not None:
            polling.cancel()
            await asyncio.wait({polling})

    async def _open(self) -> None:
        """Learn what was changed lately, of which nobody is told: what is written under way becomes visible after that, and is told."""
        self._told = {}
        self._since = self._jobs.now()
        await self._look(self._learn)

    async def _poll(self, opening: asyncio.Task[None]) -> None:
        with self._jobs.hear(self._tell):
            try:
                await opening
            except Transient:
                return  # whoever awaits `listen` has it too
            began_at = seen_at = time.monotonic()
            while not await self._stops_within(POLL_S - (time.monotonic() - began_at)):
                began_at = time.monotonic()
                try:
                    await self._look(self._tell)
                except Transient as error:
                    observe.log().warning("changes not read", code=error.code)
                    continue
                if began_at - seen_at > DELETED_SEEN_S / 2:
                    for listener in self._listeners:
                        listener.lose()
                seen_at = began_at
        for listener in self._listeners:
            listener.end()

    async def _stops_within(self, wait_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(0.0, wait_s))
        return self._stopping.is_set()

    async def _look(self, told: Callable[[Job], object]) -> None:
        now = self._jobs.now()
        async for job in self._changed(self._since - OVERLAP):
            told(job)
        self._since = now
        self._told = {job_id: job for job_id, job in self._told.items() if job.updated_at > self._since - 2 * OVERLAP}

    def _learn(self, job: Job) -> bool:
        """True when the job is not as it was when it was learned of last."""
        known = self._told.get(job.job_id)
        if known is not None and known.revision >= job.revision:
            return False
        self._told[job.job_id] = job
        # A store writes to a job also what nobody sees, such as when to look at it again.
        return known is None or (known.updated_at, known.callback) != (job.updated_at, job.callback)

    def _tell(self, job: Job) -> None:
        if self._learn(job):
            for listener in self._listeners:
                listener.tell(job)

    async def _changed(self, since: datetime) -> AsyncIterator[Job]:
        """Page by page; a page may begin with the last job of the one before."""
        while True:
            page = await self._jobs.changed(since, AT_ONCE)
            for job in page:
                yield job
            if len(page) < AT_ONCE or page[-1].updated_at <= since:
                return
            since = page[-1].updated_at
