"""Tells receivers of the ends of jobs, some at a time and in the background: nobody waits for a receiver that is slow.

At least once: a worker that dies between the call and the write of its outcome calls again. `webhook-id` is the same then.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from krai import failpoint, metrics, observe
from krai.errors import Conflict, KraiError, Transient
from krai.job import Callback, Job
from krai.outbound.connect import Outbound
from krai.ports import Stores
from krai.users import Users
from krai.webhooks import callbacks, owners, registered, signing_secrets
from krai.webhooks.call import Message, send
from krai.webhooks.callbacks import Answer
from krai.webhooks.post import TOTAL_S
from krai.webhooks.registered import Webhook, Why

AT_ONCE = 32
TRIES, ASK_AGAIN_S = 5, 1.0
STOPS_WITHIN_S = 3.0
DISABLED = Answer(error="webhook_disabled", last=True)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Whose job it is, and how many are called about it."""

    owner: str
    calls: int


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
    _running: dict[asyncio.Task[None], _Telling] = field(default_factory=dict)

    def ended(self, job: Job) -> None:
        """Tell of a job that has just ended, if somebody is to be told. What there is no room for stays due."""
        if callbacks.due(job, self.stores.jobs.now()):
            self.take(job)

    def take(self, job: Job) -> bool:
        """Tell all who are to be told of a job's end now; False when there is no room for that."""
        calls = len(callbacks.due(job, self.stores.jobs.now()))
        of_all = sum(telling.calls for telling in self._running.values())
        of_this_caller = sum(telling.calls for telling in self._running.values() if telling.owner == job.created_by)
        room = min(self.at_once - of_all, max(1, self.at_once // 2) - of_this_caller)
        if room < calls and (of_this_caller or room < 1):  # a job may have more receivers than there is ever room for
            return False
        task = asyncio.create_task(self._tell(job))
        self._running[task] = _Telling(job.created_by, calls)
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
                await self._call_all(begun, callbacks.begun(job, begun))
            except Conflict:
                return  # somebody else tells of it, or it was deleted
            except Transient as error:
                observe.log().warning("callback put off", code=error.code)  # it is due again, at the latest when its lease is over
            except Exception as error:  # noqa: BLE001 - a defect: it is due again when its lease is over, until its attempts are spent
                observe.log().error("callback broke", error=type(error).__name__, exc_info=not isinstance(error, KraiError))

    async def _call_all(self, job: Job, attempts: Sequence[Callback]) -> None:
        """All at once; what came of each is written as soon as it is known, so nobody waits for the slowest."""
        webhooks: dict[str | None, Webhook] = {}
        if any(attempt.webhook_id for attempt in attempts):
            webhooks = {one.webhook_id: one for one in await registered.of_job(self.stores.directory, job)}
        users = Users(self.stores.directory)
        calling = {asyncio.create_task(self._call(job, one, webhooks.get(one.webhook_id), users)): one for one in attempts}
        broken: list[BaseException] = []
        try:
            while calling:
                done, _ = await asyncio.wait(calling, return_when=asyncio.FIRST_COMPLETED)
                ended = [(calling.pop(task), task) for task in done]
                broken += [error for _, task in ended if (error := task.exception()) is not None]
                job = await self._settle(job, [(attempt, task.result()) for attempt, task in ended if task.exception() is None])
        finally:
            for task in calling:
                task.cancel()
            await asyncio.gather(*calling, return_exceptions=True)
        if broken:
            raise broken[0]

    async def _call(self, job: Job, attempt: Callback, webhook: Webhook | None, users: Users) -> Answer:
        now, directory = self.stores.jobs.now(), self.stores.directory
        if attempt.webhook_id is None:
            url, signed_with = attempt.url, await signing_secrets.of(directory, job.created_by, now)
        elif webhook is None or webhook.disabled_at is not None:
            return DISABLED
        elif not await owners.may_hear(directory, users, webhook, now):
            with contextlib.suppress(KraiError):  # whoever calls next sees it as well
                await registered.change(directory, webhook, lambda there: there.disabled(Why.OWNER, now))
            return DISABLED
        else:
            url, signed_with = webhook.url, await signing_secrets.of_webhook(directory, webhook.webhook_id, now)
        message = _message(job, self.shown(job, attempt.base_url), now)
        # Neither the address, which may hold a secret, nor a traceparent, for a receiver has no business in krai's traces.
        named: dict[str, Any] = {"http__request__method": "POST", "krai__job__id": job.job_id, "krai__webhook__id": attempt.webhook_id}
        with observe.span("POST", observe.Kind.CLIENT, job.traceparent, **named) as span:
            answer = await send(message, url, signed_with, outbound=self.outbound, now=now, total_s=self.total_s)
            span.end(error=answer.error, http__response__status_code=answer.status)
        failpoint.reach("after_callback")
        metrics.called_back(answer.error or "delivered")
        said = {"status": answer.status, "error": answer.error, "attempts": attempt.attempts, "webhook_id": attempt.webhook_id}
        observe.log().info("called back", **said)
        if webhook is not None:
            with contextlib.suppress(KraiError):  # the answer counts all the same, and the next one may say so again
                await registered.note(directory, webhook, answer, now)
        return answer

    async def _settle(self, job: Job, answers: Sequence[tuple[Callback, Answer]]) -> Job:
        """Write what came of attempts that `job` has begun, but for those that somebody has followed by another one since."""
        jobs = self.stores.jobs
        for _ in range(TRIES):
            try:
                if (settled := callbacks.settle(job, answers, jobs.now())) == job:
                    return job
                return await jobs.swap(job, settled)
            except Conflict:
                found = await jobs.get(job.job_id)
                if found is None:
                    raise
                job = found
            except Transient:
                await asyncio.sleep(ASK_AGAIN_S)
        return job


def _message(job: Job, data: dict[str, Any], now: datetime) -> Message:
    event, message_id = registered.event_of(job), callbacks.message_id(job)
    return Message(message_id=message_id, type=event, timestamp=job.finished_at or now, data=data)
