"""Tells receivers of the ends of jobs, some at a time and in the background: nobody waits for a receiver that is slow.

At least once: a worker that dies between the call and the write of its outcome calls again. `webhook-id` is the same then.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from krai import failpoint, metrics, observe
from krai.errors import Conflict, KraiError, Transient
from krai.job import Job, format_time
from krai.outbound.connect import Outbound
from krai.ports import Stores
from krai.webhooks import callbacks, signing, signing_secrets
from krai.webhooks.callbacks import Answer
from krai.webhooks.post import TOTAL_S, post

AT_ONCE = 8
TRIES, ASK_AGAIN_S = 5, 1.0
STOPS_WITHIN_S = 3.0


@dataclass(slots=True, kw_only=True)
class Courier:
    """`shown` gives a job as clients see it, with links below a base URL. `at_once` receivers are called at a time, of one caller half
    as many: whose receivers are silent has the others' told all the same. `total_s` is how long a call may take.
    """

    stores: Stores
    outbound: Outbound
    shown: Callable[[Job, str], dict[str, Any]]
    at_once: int = AT_ONCE
    total_s: float = TOTAL_S
    _running: dict[asyncio.Task[None], str] = field(default_factory=dict)  # and whose job it is about

    def ended(self, job: Job) -> None:
        """Tell of a job that has just ended, if somebody is to be told. What there is no room for stays due."""
        if callbacks.due(job, self.stores.jobs.now()):
            self.take(job)

    def take(self, job: Job) -> bool:
        """Tell of the end of a job whose callback is due; False when there is no room for it now."""
        of_this_caller = sum(owner == job.created_by for owner in self._running.values())
        if len(self._running) >= self.at_once or of_this_caller >= max(1, self.at_once // 2):
            return False
        task = asyncio.create_task(self._tell(job))
        self._running[task] = job.created_by
        task.add_done_callback(self._running.pop)
        return True

    async def finish(self) -> None:
        """Wait for what has begun."""
        await asyncio.gather(*self._running)

    async def stop(self) -> None:
        """Let calls that are answered soon come to their end, and leave the others to whoever sweeps after their lease."""
        if self._running:
            await asyncio.wait(self._running, timeout=STOPS_WITHIN_S)
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _tell(self, job: Job) -> None:
        failpoint.reach("before_callback")
        with observe.bound(job_id=job.job_id, **observe.trace_of(job.traceparent)):
            try:
                begun = await self.stores.jobs.swap(job, callbacks.begin(job, self.stores.jobs.now()))
                if begun.callback is not None and begun.callback.next_at is not None:
                    await self._settle(begun, await self._call(begun, begun.callback.url, begun.callback.base_url))
            except Conflict:
                return  # somebody else tells of it, or it was deleted
            except Transient as error:
                observe.log().warning("callback put off", code=error.code)  # it is due again, at the latest when its lease is over
            except Exception as error:  # noqa: BLE001 - a defect: it is due again when its lease is over, until its attempts are spent
                observe.log().error("callback broke", error=type(error).__name__, exc_info=not isinstance(error, KraiError))

    async def _call(self, job: Job, url: str, base_url: str) -> Answer:
        now, event = self.stores.jobs.now(), job.status.lower()
        signed_with = await signing_secrets.of(self.stores.directory, job.created_by, now)
        told = {"type": f"job.{event}", "timestamp": format_time(job.finished_at or now), "data": self.shown(job, base_url)}
        body = json.dumps(told, separators=(",", ":")).encode()
        headers = signing.headers(f"msg_{job.job_id}_{event}", body, [secret.text for secret in signed_with], now)
        return await _in_a_thread(lambda: post(url, body, headers, outbound=self.outbound, now=now, total_s=self.total_s))

    async def _settle(self, job: Job, answer: Answer) -> None:
        """Write the outcome of the attempt that `job` has begun, unless somebody has begun another one since."""
        jobs, attempt = self.stores.jobs, job.callback
        metrics.called_back(answer.error or "delivered")
        observe.log().info("called back", status=answer.status, error=answer.error, attempts=attempt and attempt.attempts)
        for _ in range(TRIES):
            try:
                await jobs.swap(job, callbacks.settle(job, answer, jobs.now()))
            except Conflict:
                found = await jobs.get(job.job_id)
                if found is None or found.callback != attempt:
                    return
                job = found
            except Transient:
                await asyncio.sleep(ASK_AGAIN_S)
            else:
                return


async def _in_a_thread(call: Callable[[], Answer]) -> Answer:
    """As `asyncio.to_thread`, but not in its pool, where slow receivers would keep out all others, nor one that an end waits for."""
    answer: Future[Answer] = Future()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    Thread(target=run, name="callback", daemon=True).start()
    return await asyncio.wrap_future(answer)
