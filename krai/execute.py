"""Run one job, from its wake-up message to the verdict on the message.

The job document is the truth; the message only says "look at this job". A verdict is given after the job's state is written:
a crash between the two brings a second delivery, which finds the job finished. Acking first could lose the job.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from krai import account, failpoint, losers, metrics, observe, transitions, turns
from krai.attempt import Advanced, AsksToCommit, Attempt, Died, Event, Failed, Runner, Succeeded, Uncommitted
from krai.claim import Terms, claim
from krai.errors import KraiError, Terminal, Transient
from krai.job import WRITERS, Job, Status
from krai.lease import Lease, LeaseLost
from krai.ports import Stores
from krai.transitions import CRASHES_ALLOWED
from krai.verdict import Ack, Bury, Delay, Verdict
from krai.webhooks import endings, registered

TICK_S = 0.5
PROGRESS_EVERY_S = 1.0
LOOK_EVERY_S = 2.0  # a cancel is seen within this time
LONGEST_BACKOFF_S = 300.0
LATE_WRITES_S = 5.0  # a request that was under way when its child was killed may take effect so much later


@dataclass(slots=True)
class Execution:
    """One worker's way of running jobs. Set `handing_back` to make it give all its jobs back.

    `ended` is told of every job that an attempt has ended.
    """

    stores: Stores
    runner: Runner
    terms: Terms
    owner: str
    ended: Callable[[Job], None] | None = None
    handing_back: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job_id: str | None) -> Verdict:
        if job_id is None:
            return Bury("unknown_message")
        lease = await claim(self.stores, job_id, self.owner, self.terms)
        account.answered(lease)
        if not isinstance(lease, Lease):
            return lease
        failpoint.reach("after_claim")
        claimed = lease.job
        span = account.begin(self.stores.queue, claimed)
        with observe.bound(job_id=job_id, epoch=claimed.epoch, attempt=claimed.attempt, **span.logged):
            observe.log().info("job claimed", type=claimed.type, dataset=claimed.dataset)
            try:
                verdict = await self._attempt(lease, span)
            finally:
                account.end(span, lease)
            if self.ended is not None and lease.job.finished:
                self.ended(lease.job)
            if lease.job.finished and lease.job.crowded:
                await self._pass_on(lease.job)
            observe.log().info("job left", status=lease.job.status, verdict=type(verdict).__name__.lower())
        return verdict

    async def _pass_on(self, job: Job) -> None:
        """Give the caller's next held job its turn."""
        try:
            await turns.fill(self.stores, job.created_by, self.terms.share)
        except KraiError as error:
            observe.log().warning("held jobs not released", code=error.code)  # the sweep looks again

    async def _attempt(self, lease: Lease, span: observe.Span) -> Verdict:
        try:
            if lease.job.cancel_requested:  # and it may have committed, or nobody had claimed it
                return await self._cancel(lease)
            if transitions.only_looks_up(lease.job):
                return await self._fail(lease, Terminal("attempts_spent", f"None of {lease.job.max_attempts} attempts has committed."))
            with observe.span(f"child {lease.job.type}", observe.Kind.INTERNAL, span.traceparent) as child:
                event = await self._hear(lease, self.runner.start, child)
            return await self._settle(lease, event)
        except LeaseLost:
            observe.log().warning("lease lost")
            metrics.lease_lost()
            await self._leave_nothing(lease.job)
            return Delay(self.terms.lease_s)

    async def _hear(self, lease: Lease, start: Callable[[Job], Awaitable[Attempt]], span: observe.Span | None = None) -> Event | None:
        """The last word of a child, which is gone by then if it has not kept to good order; None: it was stopped."""
        try:
            attempt = await self._start(lease, start)
        except Transient as error:
            return Failed(error)
        try:
            event = await self._tend(lease, attempt)
            if span is not None:
                account.steps(span, attempt)
            return event
        finally:
            await attempt.kill()

    async def _start(self, lease: Lease, start: Callable[[Job], Awaitable[Attempt]]) -> Attempt:
        """A child for the job. The lease is kept while all children are being replaced."""
        starting = asyncio.ensure_future(start(lease.job))
        try:
            while not starting.done():
                await asyncio.wait({starting}, timeout=TICK_S)
                if lease.age_s > self.terms.heartbeat_s:
                    await lease.renew()
        except LeaseLost:
            if not starting.cancel():  # a child was found in this very moment
                await (await starting).kill()
            raise
        return await starting

    async def _tend(self, lease: Lease, attempt: Attempt) -> Event | None:
        """Keep the lease while the child works; its last event, or None when the child is to be stopped."""
        looked_at = time.monotonic()
        while True:
            event = await attempt.event(TICK_S)
            if isinstance(event, Advanced):
                account.advanced(lease, event.progress)
                lease.advance(event.progress)
            elif isinstance(event, AsksToCommit):
                allowed = await lease.allow_commit()
                attempt.allow_commit(allowed=allowed)
                if not allowed:
                    return None
            elif event is not None:
                return event
            if lease.job.cancel_requested and not lease.job.may_have_committed:
                return None
            if self.handing_back.is_set():
                return None
            if lease.age_s > self.terms.heartbeat_s or (lease.has_news and lease.age_s > PROGRESS_EVERY_S):
                await lease.renew()
                looked_at = time.monotonic()
            elif time.monotonic() - looked_at > LOOK_EVERY_S:
                await lease.look()
                looked_at = time.monotonic()

    async def _settle(self, lease: Lease, event: Event | None) -> Verdict:
        """Write what came of the attempt."""
        match event:
            case Succeeded():
                return await self._complete(lease, event)
            case Failed(error) if isinstance(error, Terminal):
                return await self._fail(lease, error)
            case Failed(error):
                return await self._put_off(lease, error)
            case Died(how, error):
                observe.log().warning("child died", how=how)
                if error is None and lease.job.crashes >= CRASHES_ALLOWED:
                    error = Terminal("parser_crashed", f"The process that read it ended three times, last with {how}.")
                if error is not None:
                    return await self._fail(lease, error)
                return await self._put_off(lease, _crashed(how), crashed=True)
            case _ if self.handing_back.is_set() and (lease.job.may_have_committed or not lease.job.cancel_requested):
                return await self._hand_back(lease)
            case _:
                return await self._cancel(lease)

    async def _unless_committed(self, lease: Lease) -> Verdict | None:
        """Before a job ends without a result: None when nothing of it stands in its dataset, else what becomes of it.

        A commit that was allowed may have taken place, whatever its child came to. Where the look-up gets no answer the job waits for
        another attempt, which looks again.
        """
        if not lease.job.may_have_committed:
            return None
        match await self._hear(lease, self._look_up):
            case Succeeded() as done:
                return await self._complete(lease, done)
            case Uncommitted():
                return None
            case Failed(error):
                return await self._postpone(lease, error)
            case Died(how, error):
                return await self._postpone(lease, error or _crashed(how))
            case _:
                return await self._hand_back(lease)

    async def _look_up(self, job: Job) -> Attempt:
        await asyncio.sleep(LATE_WRITES_S)
        return await self.runner.look_up(job)

    async def _hand_back(self, lease: Lease) -> Verdict:
        await lease.write(lambda job: transitions.hand_back(lease.latest(job), self.stores.jobs.now()))
        return Delay(0)

    async def _complete(self, lease: Lease, done: Succeeded) -> Verdict:
        jobs = self.stores.jobs
        if done.dataset is not None:
            await lease.insist(partial(jobs.put_dataset, done.dataset))
        elif done.dropped is not None:
            await lease.insist(partial(jobs.drop_dataset, lease.job.dataset, done.dropped))
        failpoint.reach("before_finish")

        def step(job: Job) -> Job | None:
            if job.cancel_requested and not job.may_have_committed:
                return None
            return transitions.complete(job, done.result, lease.progress, jobs.now(), keep_s=self.terms.keep_files_s)

        if not await self._end(lease, step):
            return await self._cancel(lease)
        failpoint.reach("after_finish")
        await losers.remove(self.stores.blobs, lease.job)
        return Ack()

    async def _end(self, lease: Lease, step: Callable[[Job], Job | None]) -> bool:
        """As `lease.write`, with who wants to hear of the end."""
        webhooks = await lease.insist(partial(registered.of_job, self.stores.directory, lease.job))

        def end(job: Job) -> Job | None:
            return None if (ended := step(lease.latest(job))) is None else endings.told(ended, webhooks)

        if not await lease.write(end):
            return False
        endings.count(lease.job)
        return True

    async def _fail(self, lease: Lease, error: KraiError, cause: KraiError | None = None) -> Verdict:
        if (verdict := await self._unless_committed(lease)) is not None:
            return verdict
        jobs, keep_s = self.stores.jobs, self.terms.keep_files_s
        await losers.remove(self.stores.blobs, replace(lease.job, result=error.result))
        await self._end(lease, lambda job: transitions.fail(job, error, jobs.now(), keep_s=keep_s, cause=cause))
        observe.log().info("job failed", code=error.code)
        await self._discard(lease.job)
        return Ack()

    async def _cancel(self, lease: Lease) -> Verdict:
        if (verdict := await self._unless_committed(lease)) is not None:
            return verdict
        # Files first: from the moment the job reads CANCELLED there is nothing of it to be seen.
        try:
            await asyncio.to_thread(self.stores.blobs.delete, f"jobs/{lease.job.job_id}/")
        except Transient as error:
            return await self._postpone(lease, error)
        await self._end(lease, lambda job: transitions.cancel(job, self.stores.jobs.now(), keep_s=self.terms.keep_files_s))
        await self._discard(lease.job)
        return Ack()

    async def _put_off(self, lease: Lease, error: KraiError, *, crashed: bool = False) -> Verdict:
        """Another attempt after a back-off, or the end when there were enough."""
        if (final := transitions.give_up(lease.job, error)) is not None:
            return await self._fail(lease, final, error)
        return await self._postpone(lease, error, crashed=crashed)

    async def _postpone(self, lease: Lease, error: KraiError, *, crashed: bool = False) -> Verdict:
        delay_s = backoff_s(lease.job.attempt, self.terms.backoff_s)
        now = self.stores.jobs.now
        await lease.write(lambda job: transitions.postpone(lease.latest(job), error, now(), delay_s=delay_s, crashed=crashed))
        observe.log().info("job put off", code=error.code, delay_s=round(delay_s, 1))
        return Delay(delay_s)

    async def _leave_nothing(self, lost: Job) -> None:
        """Remove what this attempt wrote to a job that has ended without it: a worker that stood still may have written after all
        others had tidied up. Whoever still has the job, or claims it when the lease has run out, finds it by himself.

        Twice, because of late writes.
        """
        for pause_s in (0, LATE_WRITES_S):
            await asyncio.sleep(pause_s)
            try:
                job = await self.stores.jobs.get(lost.job_id)
            except Transient:
                return  # nobody else has come further than this store
            if job is not None and not job.finished:
                return
            await losers.remove(self.stores.blobs, job or lost)
            await self._discard(job or lost)

    async def _discard(self, job: Job) -> None:
        """Remove the parts of an import that were not committed. No reader sees them, so nobody waits for this.

        Where a commit that was allowed may still be on its way, they are left to a sweep of the next day.
        """
        if job.type in WRITERS and (job.status is Status.COMPLETED or not job.may_have_committed):
            try:
                await self.runner.discard(job)
            except KraiError as error:
                observe.log().warning("parts left behind", code=error.code)


def _crashed(how: str) -> Transient:
    return Transient("parser_crashed", f"The process ended with {how}.")


def backoff_s(attempt: int, first_s: float) -> float:
    """Exponential back-off with equal jitter: half of the wait is certain, half is drawn, so that failed jobs do not come back at once."""
    full = min(LONGEST_BACKOFF_S, first_s * 2.0 ** (attempt - 1))
    return full / 2 + random.uniform(0, full / 2)  # noqa: S311 - spreading load is no secret
