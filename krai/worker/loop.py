"""Pull wake-up messages, as many as there are free slots, and do with each what the execution of its job says."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from krai import metrics, observe, workers
from krai.dead_letters import settle_dead_letters
from krai.errors import Conflict, KraiError
from krai.execute import Execution, backoff_s
from krai.job import Job
from krai.ports import Delivery, JobQueue
from krai.sweep import Retention, parts_removed, sweep, sweep_sessions, sweep_uploads
from krai.turns import fill_all
from krai.verdict import Ack, Bury, Delay, Later, Verdict
from krai.webhooks.courier import Courier

PULL_WAIT_S = 5.0
QUEUE_DRY_S = 0.5  # a pull that waits for so long asks an empty queue
BACKLOG_S = 15.0  # and a queue that was not empty for so long has a backlog
LOOK_AGAIN_S = 5.0
GOODBYE_WITHIN_S = 2.0
SELDOM_EVERY_S = 3600.0
MOST_WITH_PARTS = 100


@dataclass(slots=True, kw_only=True)
class Worker:
    """`run` works until `stop` is set, then goes on with its jobs for `grace_s` seconds and hands back what is left."""

    queue: JobQueue
    execution: Execution
    retention: Retention
    slots: int
    message_lease_s: float
    sweep_s: float
    grace_s: float
    courier: Courier | None = None  # None: nobody is called back
    hurry: asyncio.Event = field(default_factory=asyncio.Event)  # hand back at once
    _asked_at: float | None = None  # when the pull that is under way began
    _dry_at: float = field(default_factory=time.monotonic)  # when a pull last had to wait for a message
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _with_parts: asyncio.Queue[Job] = field(default_factory=lambda: asyncio.Queue(MOST_WITH_PARTS))

    async def run(self, stop: asyncio.Event) -> None:
        metrics.worker_began(self.slots)
        background = [asyncio.create_task(do()) for do in (self._sweep, self._sweep_seldom, self._discard_parts, self._say)]
        try:
            await self._pull_until(stop)
            await self._drain()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            with contextlib.suppress(KraiError, TimeoutError):  # then it is missed for some minutes
                async with asyncio.timeout(GOODBYE_WITHIN_S):
                    await workers.leave(self.execution.stores.directory, self.execution.owner)
            if self.courier is not None:
                await self.courier.stop()

    async def _pull_until(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            free = self.slots - len(self._running)
            if free == 0:
                await asyncio.wait([stopped, *self._running], return_when=asyncio.FIRST_COMPLETED)
                continue
            self._asked_at = time.monotonic()
            pull = asyncio.create_task(self.queue.pull(free, wait_s=PULL_WAIT_S, lease_s=self.message_lease_s))
            await asyncio.wait({stopped, pull}, return_when=asyncio.FIRST_COMPLETED)
            if not pull.done():
                # A message pulled in the very moment of the cancel comes again when its lease has run out.
                pull.cancel()
                await asyncio.wait({pull})
                return
            try:
                deliveries = pull.result()
            except KraiError as error:
                observe.log().warning("queue not read", code=error.code)
                await asyncio.wait({stopped}, timeout=1.0)
                continue
            self._look_whether_dry()
            self._asked_at = None
            for delivery in deliveries:
                task = asyncio.create_task(self._handle(delivery))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _drain(self) -> None:
        if self._running:
            hurried = asyncio.create_task(self.hurry.wait())
            finished = asyncio.create_task(self._finish_all())
            await asyncio.wait({finished, hurried}, timeout=self.grace_s, return_when=asyncio.FIRST_COMPLETED)
            self.execution.handing_back.set()
            await finished
            hurried.cancel()

    async def _finish_all(self) -> None:
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, delivery: Delivery) -> None:
        keeping = asyncio.create_task(self._keep(delivery))
        try:
            verdict = await self.execution.run(delivery.job_id)
        except Exception as error:  # noqa: BLE001 - a defect must not end the worker: the message comes again
            observe.log().error("execution broke", job_id=delivery.job_id, error=type(error).__name__, exc_info=_unforeseen(error))
            verdict = Later()
        finally:
            keeping.cancel()
        with contextlib.suppress(KraiError):  # a message whose verdict is lost comes again, and finds its job as it is
            await self._answer(delivery, verdict)

    async def _answer(self, delivery: Delivery, verdict: Verdict) -> None:
        match verdict:
            case Ack():
                await self.queue.ack(delivery)
            case Delay(seconds):
                await self.queue.delay(delivery, seconds)
            case Later():
                # A message that comes again too often is a dead letter, and its job would pay for the store's trouble.
                await self.queue.delay(delivery, backoff_s(delivery.deliveries, LOOK_AGAIN_S))
            case Bury(reason):
                await self.queue.bury(delivery, reason)

    async def _keep(self, delivery: Delivery) -> None:
        """Keep the message from coming again while its job runs."""
        while True:
            await asyncio.sleep(self.message_lease_s / 2)
            with contextlib.suppress(KraiError):
                await self.queue.extend(delivery, self.message_lease_s)

    async def _say(self) -> None:
        await _every(workers.SAYS_EVERY_S, self._say_so)

    async def _say_so(self) -> None:
        stores = self.execution.stores
        with contextlib.suppress(KraiError):  # nothing depends on it
            await workers.say(stores.directory, self.execution.owner, slots=self.slots, running=len(self._running), now=stores.jobs.now())

    async def _sweep(self) -> None:
        await _every(self.sweep_s, self._tidy_counted)

    async def _tidy_counted(self) -> None:
        try:
            await self._tidy()
        except Exception:
            metrics.swept(failed=True)
            raise
        metrics.swept(failed=False)

    async def _tidy(self) -> None:
        self._look_whether_dry()
        backlog = time.monotonic() - self._dry_at > BACKLOG_S
        call_back = None if self.courier is None else self.courier.take
        share = self.execution.terms.share
        await sweep(self.execution.stores, self.retention, self._discard_later, call_back, backlog=backlog, share=share)
        await settle_dead_letters(self.execution.stores, keep_files_s=self.retention.files_s)

    def _look_whether_dry(self) -> None:
        if self._asked_at is not None and time.monotonic() - self._asked_at > QUEUE_DRY_S:
            self._dry_at = time.monotonic()

    def _discard_later(self, job: Job) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # it stays due
            self._with_parts.put_nowait(job)

    async def _discard_parts(self) -> None:
        """One at a time, and apart from the sweep: it takes a child, and all of them may be busy for long."""
        while True:
            job = await self._with_parts.get()
            try:
                await self.execution.runner.discard(job)
                await self.execution.stores.jobs.swap(job, parts_removed(job))
            except (Conflict, KraiError) as error:
                observe.log().warning("parts left behind", job_id=job.job_id, error=type(error).__name__)  # it stays due

    async def _sweep_seldom(self) -> None:
        await _every(SELDOM_EVERY_S, self._tidy_seldom)

    async def _tidy_seldom(self) -> None:
        await sweep_uploads(self.execution.stores)
        await sweep_sessions(self.execution.stores)
        await workers.sweep(self.execution.stores.directory, self.execution.stores.jobs.now())
        if self.execution.terms.share is None:  # some may have been held before that was switched off
            await fill_all(self.execution.stores, None)


async def _every(seconds: float, do: Callable[[], Awaitable[object]]) -> None:
    """Do it now and then again after `seconds`, a little off so that many workers do not do it at once."""
    while True:
        try:
            await do()
        except Exception as error:  # noqa: BLE001 - a failed sweep is made good by the next one; a dead sweeper would not be
            observe.log().warning("sweep failed", error=type(error).__name__, exc_info=_unforeseen(error))
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreading load is no secret


def _unforeseen(error: Exception) -> bool:
    """True for what deserves a traceback."""
    return not isinstance(error, KraiError)
