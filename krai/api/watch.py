"""Waiting for a job to change: for a client that polls with `Prefer: wait`, and for one that listens to events."""

import asyncio
from collections.abc import AsyncIterator

from krai.api.deps import Api
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


async def states(api: Api, job: Job, seen_revision: int | None, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Job | None]:
    """Every state of the job newer than `seen_revision` until its last, or until it is deleted; None where a sign of life is due."""
    if seen_revision is None or job.revision > seen_revision:
        yield job
    while not job.finished and not api.stopping.is_set():
        found = await changed(api, job, heartbeat_s)
        if found is None:
            return
        yield found if found.revision != job.revision else None
        job = found
