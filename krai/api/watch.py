"""Waiting for a job to change: for a client that polls with `Prefer: wait`, and for one that listens to events."""

import asyncio
from collections.abc import AsyncGenerator

from krai.api.deps import Api
from krai.feed import TooSlow
from krai.job import Job

LONGEST_WAIT_S = 30
HEARTBEAT_S = 10.0  # proxies drop connections that are silent for longer


async def changed(api: Api, job: Job, timeout_s: float) -> Job | None:
    """The job when its revision is not `job.revision` any more, or as it is after `timeout_s` or when the process is asked to end;
    None when it was deleted."""
    waiting = asyncio.ensure_future(api.stores.jobs.wait(job.job_id, job.revision, timeout_s))
    stopping = asyncio.create_task(api.stopping.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else job
    finally:
        for task in (waiting, stopping):
            task.cancel()
        await asyncio.gather(waiting, stopping, return_exceptions=True)


async def finished(api: Api, job: Job, timeout_s: float) -> Job | None:
    """The job when it has finished, or as it is after `timeout_s`; None when it was deleted."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    found: Job | None = job
    while found is not None and not found.finished and (left_s := until - loop.time()) > 0 and not api.stopping.is_set():
        found = await changed(api, found, left_s)
    return found


async def states(api: Api, job: Job, seen_revision: int | None, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncGenerator[Job | None, None]:
    """Every state of the job newer than `seen_revision` until its last, or until it is deleted; None where a sign of life is due.

    Raises Transient when the store does not answer to begin with.
    """
    async with api.feed.listen(job_id=job.job_id) as listener:
        # Read once more, for it may have changed before there was a listener.
        found = await api.stores.jobs.get(job.job_id)
        seen = -1 if seen_revision is None or (found and seen_revision > found.revision) else seen_revision
        while found is not None and not found.deleted:
            if found.revision > seen:
                seen = found.revision
                yield found
            if found.finished:
                return
            try:
                while (news := await listener.next(heartbeat_s)) is None and not listener.over:
                    yield None
            except TooSlow:
                return
            found = news
