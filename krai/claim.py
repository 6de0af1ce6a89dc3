"""From a wake-up message to a lease on its job."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

from krai import losers, metrics, transitions
from krai.errors import Conflict, Terminal, Transient
from krai.job import Job, Status, new_id
from krai.lease import ASK_AGAIN_S, Lease
from krai.ports import JobStore, Stores
from krai.verdict import Ack, Bury, Delay, Later, Verdict
from krai.webhooks import endings

TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an execution keeps to; times in seconds."""

    lease_s: float
    heartbeat_s: float
    backoff_s: float
    keep_files_s: float
    share: int | None = None  # how many jobs of one caller are out at once


async def claim(stores: Stores, job_id: str, worker: str, terms: Terms) -> Lease | Verdict:
    """A lease on the job, or what becomes of the message when there is none.

    The owner's name is new with every call, so that a claim whose answer was lost is known by it for ours, and for no other slot's.
    """
    owner = f"{worker}/{new_id()[:8]}"
    for _ in range(TRIES):
        try:
            job = await stores.jobs.get(job_id)
            if job is None:
                return Bury("unknown_message")
            asked_at, now = time.monotonic(), stores.jobs.now()
            if job.lease_owner == owner:
                # By a try whose answer was lost, or so late that most of the lease was over: nothing relies on it before it is fresh.
                ours = transitions.beat(job, now, terms.lease_s, job.progress)
            elif (verdict := await _unclaimable(stores, job, terms)) is not None:
                return verdict
            else:
                ours = transitions.claim(job, owner, now, terms.lease_s)
            claimed = await stores.jobs.swap(job, ours)
            if job.waits_since is not None:
                metrics.job_waited(job.type, (now - job.waits_since).total_seconds())
            if time.monotonic() - asked_at < terms.heartbeat_s:
                return Lease(stores.jobs, claimed, terms.lease_s, asked_at)
        except Conflict:
            continue
        except Transient:
            await asyncio.sleep(ASK_AGAIN_S)
    return Later()


async def _unclaimable(stores: Stores, job: Job, terms: Terms) -> Verdict | None:
    """None when the job may be claimed. Ends it when nobody may claim it any more."""
    if job.finished:
        if job.epoch > 1:  # whoever has finished it was not there to ack, and may not have tidied up either
            await losers.remove(stores.blobs, job)
        return Ack()
    now = stores.jobs.now()
    if not transitions.claimable(job, now):
        free_at = job.lease_until if job.status is Status.PROCESSING else job.run_after
        return Delay(max(0.1, ((free_at or now) - now).total_seconds()))
    if job.cancel_requested and not job.may_have_committed:
        await asyncio.to_thread(stores.blobs.delete, f"jobs/{job.job_id}/")
        await endings.swap(stores, job, partial(transitions.cancel, now=now, keep_s=terms.keep_files_s))
        return Ack()
    if transitions.attempts_spent(job):
        await endings.swap(stores, job, partial(spent, jobs=stores.jobs, keep_s=terms.keep_files_s))
        return Ack()
    return None


def spent(job: Job, jobs: JobStore, *, keep_s: float) -> Job:
    """The job, failed because its last attempt told nobody how it ended."""
    detail = f"The last of {job.attempt} attempts ended without a word."
    if job.may_have_committed:
        detail += " Nobody could see whether it has committed: look for it among the snapshots of its dataset first."
    return transitions.fail(job, Terminal("attempts_spent", detail), jobs.now(), keep_s=keep_s)
