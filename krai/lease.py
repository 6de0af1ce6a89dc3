"""A worker's hold on one job: every write of the worker goes through here and carries the epoch of its claim."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from krai import transitions
from krai.errors import Conflict, Transient
from krai.job import Job, Progress, format_time
from krai.ports import JobStore

# The part of the lease after which a worker that cannot renew it stops on its own, so that it has stopped before anybody else starts.
FENCE = 0.7
ASK_AGAIN_S = 0.5

T = TypeVar("T")


class LeaseLost(Exception):
    """The job is somebody else's now, or may be: write nothing more."""


@dataclass(slots=True)
class Lease:
    """`job` is the job as last read or written, `progress` how far the attempt has come since; `lease_s` is how long the job stays
    ours without a renewal.
    """

    store: JobStore
    job: Job
    lease_s: float
    renewed_at: float  # when the last renewal, or the claim, was sent, by the monotonic clock: a wrong wall clock changes nothing
    progress: Progress = field(default_factory=Progress)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.renewed_at

    @property
    def has_news(self) -> bool:
        return self.progress != self.job.progress

    def advance(self, progress: Progress) -> None:
        """Note how far the child has come, and when it came to the stage that it is at."""
        phases = self.progress.phases
        if all(phase["stage"] != progress.stage for phase in phases):
            phases = (*phases, {"stage": progress.stage, "started_at": format_time(self.store.now())})
        self.progress = replace(progress, phases=phases)

    def latest(self, job: Job) -> Job:
        """The job with what was heard of the attempt since its last write."""
        return replace(job, progress=self.progress)

    async def renew(self) -> None:
        await self.write(lambda job: transitions.beat(job, self.store.now(), self.lease_s, self.progress))

    async def allow_commit(self) -> bool:
        """Write the point of no return; False when a cancel came first."""

        def step(job: Job) -> Job | None:
            if job.cancel_requested:
                return None
            return transitions.allow_commit(job, self.store.now(), self.lease_s, self.progress)

        return await self.write(step)

    async def look(self) -> None:
        """Read the job again, to see whether a cancel was asked for. Raises LeaseLost."""
        stored = await self.insist(lambda: self.store.get(self.job.job_id))
        if stored is None or stored.epoch != self.job.epoch or stored.finished or stored.lease_owner != self.job.lease_owner:
            raise LeaseLost
        self.job = stored

    async def write(self, step: Callable[[Job], Job | None]) -> bool:
        """Write `step(job)`, again on a newer reading when somebody else wrote in between; False when `step` gives None.

        Raises LeaseLost when the job is not ours any more. A write whose answer was lost is refused the second time, and the
        look that follows tells whether it took effect.
        """
        while True:
            try:
                return await self.insist(partial(self._try, step))
            except Conflict:
                await self.look()

    async def _try(self, step: Callable[[Job], Job | None]) -> bool:
        # Taken anew with each try: whoever asks what has changed lately would look past a write that bears the time of the first.
        if (then := step(self.job)) is None:
            return False
        began_at = time.monotonic()
        self.job = await self.store.swap(self.job, then)
        self.renewed_at = began_at
        return True

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call again while the store is busy. Raises LeaseLost as soon as the lease is no longer sure, in the middle of a call too."""
        try:
            async with asyncio.timeout(FENCE * self.lease_s - self.age_s):
                while True:
                    try:
                        return await call()
                    except Transient:
                        await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError as error:
            raise LeaseLost from error
