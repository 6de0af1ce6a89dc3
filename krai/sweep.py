"""Put back what fell between two stores, and throw away what nobody may see any more.

Every worker sweeps; all of it is compare-and-set, so sweeps at the same time are harmless: the one whose write is refused has
nothing to do. One query finds all the work, because every job carries `due_at`, the time at which somebody must look at it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from krai import observe, sessions, transitions, turns
from krai.claim import spent
from krai.errors import Conflict, KraiError
from krai.job import Job, Status, parse_time
from krai.ports import Stores
from krai.webhooks import callbacks, endings

AT_ONCE = 200
UPLOAD_KEPT_S = 24 * 3600
BACKLOG_TRUSTED_S = 60  # a job that waits longer is published again whatever else waits: at twice that, four times, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long files and jobs are kept after a job's end, in seconds."""

    files_s: float
    jobs_s: float


async def sweep(
    stores: Stores,
    retention: Retention,
    discard: Callable[[Job], None] | None = None,
    call_back: Callable[[Job], bool] | None = None,
    *,
    backlog: bool = False,
    share: int | None = None,
) -> int:
    """Look at every job that is due; returns how many there were. An idle sweep is one read, and one more where there is a `share`.

    `discard` has the parts of an import that ended without a commit removed, `call_back` tells of a job's end unless it has enough to
    do. Neither is waited for; without them both wait for a worker.
    `backlog`: the queue always has work, so a job nobody has claimed yet most likely waits in it like all others.
    `share`: how many jobs of one caller are out at once; whoever has fewer out gets held jobs released.
    """
    seen: Sequence[Job] = await stores.jobs.due(AT_ONCE)
    for job in seen:
        try:
            await _look_at(job, stores, retention, discard, call_back, backlog=backlog)
        except Conflict:
            continue  # somebody else has just done it
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one: the others are looked at
            unforeseen = not isinstance(error, KraiError)
            observe.log().warning("job not looked at", job_id=job.job_id, error=type(error).__name__, exc_info=unforeseen)
            with contextlib.suppress(KraiError):
                # It stays due, but not for longest: else the next sweeps would see nothing but such jobs.
                await stores.jobs.swap(job, transitions.put_off(job, stores.jobs.now()))
    if share is not None:
        await turns.fill_all(stores, share)
    return len(seen)


async def _look_at(
    job: Job,
    stores: Stores,
    retention: Retention,
    discard: Callable[[Job], None] | None,
    call_back: Callable[[Job], bool] | None,
    *,
    backlog: bool,
) -> None:
    jobs, now = stores.jobs, stores.jobs.now()
    if job.parts_at is not None and job.parts_at <= now:
        # Written first, so that one worker removes them; should it not come to that, somebody looks again.
        again_at = now + timedelta(seconds=transitions.REPUBLISH_AFTER_S)
        noted = await jobs.swap(job, transitions.look_again(replace(job, parts_at=again_at)))
        if discard is not None:
            discard(noted)
    elif callbacks.due(job, now):
        if call_back is None or not call_back(job):
            # Not left as it is: where nobody answers, the jobs due longest would be the only ones that a sweep sees.
            await jobs.swap(job, callbacks.wait(job, now))
    elif job.finished:
        await _expire(job, stores, retention)
    elif job.cancel_requested and not job.may_have_committed:
        await asyncio.to_thread(stores.blobs.delete, f"jobs/{job.job_id}/")
        await endings.swap(stores, job, partial(transitions.cancel, now=now, keep_s=retention.files_s))
    elif transitions.attempts_spent(job) and job.status is Status.PROCESSING:
        await endings.swap(stores, job, partial(spent, jobs=jobs, keep_s=retention.files_s))
    else:
        # Its message was lost, or its worker was. Writing first makes one message of it, however many workers sweep.
        await jobs.swap(job, transitions.republish(job, now))
        if backlog and not job.epoch and now - job.updated_at < timedelta(seconds=BACKLOG_TRUSTED_S):
            return
        await stores.queue.publish(job)
        observe.log().info("job published again", job_id=job.job_id, status=job.status, attempt=job.attempt)


def parts_removed(job: Job) -> Job:
    return transitions.look_again(replace(job, parts_at=None))


async def _expire(job: Job, stores: Stores, retention: Retention) -> None:
    now = stores.jobs.now()
    await asyncio.to_thread(stores.blobs.delete, f"jobs/{job.job_id}/")
    if not job.deleted and (job.finished_at is None or job.finished_at + timedelta(seconds=retention.jobs_s) > now):
        await stores.jobs.swap(job, transitions.forget_files(job, now, keep_s=retention.jobs_s))
    elif job.parts_at is not None:
        await stores.jobs.swap(job, replace(job, due_at=job.parts_at))  # nothing else says where they are
    else:
        await stores.jobs.delete(job)


async def sweep_uploads(stores: Stores) -> int:
    """Delete uploads a day after their session has ended, and what was left half sent; returns how many.

    Jobs read an upload long before that.
    """
    gone = await asyncio.to_thread(stores.blobs.sweep_uploads, UPLOAD_KEPT_S)
    for upload_id, doc in await stores.directory.list("uploads"):
        if parse_time(doc["expires_at"]) + timedelta(seconds=UPLOAD_KEPT_S) <= stores.jobs.now():
            await asyncio.to_thread(stores.blobs.delete, f"uploads/{upload_id}")
            await stores.directory.delete("uploads", upload_id)
            gone += 1
    return gone


async def sweep_sessions(stores: Stores) -> int:
    """Delete the sessions of browsers that have ended by themselves; returns how many. Nobody got in by them any more."""
    return await sessions.sweep(stores.directory, stores.jobs.now())
