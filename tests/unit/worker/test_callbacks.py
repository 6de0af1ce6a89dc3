"""A worker tells of the jobs it ends, at once and while it goes on with others."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest

from krai import transitions
from krai.claim import Terms
from krai.execute import Execution
from krai.job import Callback, CallbackState, Job, Kind
from krai.ports import Stores
from krai.sweep import Retention
from krai.webhooks.courier import Courier
from krai.worker.loop import Worker
from krai.worker.pool import ChildPool
from tests.acceptance.waiting import until
from tests.https_source import HttpsSource, say

NEVER_S = 3600  # its first sweep is its last


async def accepted(stores: Stores, act: str, url: str) -> Job:
    callback = Callback(url=url, base_url="https://krai.example.org")
    job = transitions.new(Kind.DROP, act, {"snapshot_id": "1"}, created_by="me", now=stores.jobs.now(), callback=callback)
    await stores.jobs.create(job)
    await stores.queue.publish(job)
    return job


async def told(stores: Stores, job: Job) -> Job:
    """The job once its receiver has been called."""
    async with asyncio.timeout(20):
        found = await stores.jobs.get(job.job_id)
        while found is not None and (found.callback is None or found.callback.state is CallbackState.PENDING):
            found = await stores.jobs.wait(job.job_id, found.revision, 5)
    assert found is not None
    return found


@asynccontextmanager
async def a_worker(stores: Stores, pool: ChildPool, source: HttpsSource) -> AsyncIterator[None]:
    """Works within the block, and has stopped after it."""
    courier = Courier(stores=stores, outbound=source.outbound, shown=lambda job, _: {"job_id": job.job_id})
    terms = Terms(lease_s=4, heartbeat_s=1, backoff_s=0.2, keep_files_s=60)
    worker = Worker(
        queue=stores.queue,
        execution=Execution(stores, pool, terms, owner="me", ended=courier.ended),
        retention=Retention(files_s=60, jobs_s=600),
        slots=1,
        message_lease_s=5,
        sweep_s=NEVER_S,
        grace_s=5,
        courier=courier,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


@pytest.mark.parametrize(("act", "event"), [("fine", "completed"), ("terminal", "failed")])
async def test_the_worker_that_ends_a_job_tells_of_it_without_a_sweep(
    stores: Stores, pool: ChildPool, source: HttpsSource, act: str, event: str
) -> None:
    source.answer = partial(say, status=204)
    async with a_worker(stores, pool, source):
        job = await told(stores, await accepted(stores, act, source.url))
    assert (job.callback and job.callback.state, source.connects) == (CallbackState.DELIVERED, 1)
    assert source.asked["webhook-id"] == f"msg_{job.job_id}_{event}"


async def test_a_worker_that_stops_hears_out_who_is_about_to_answer(stores: Stores, pool: ChildPool, source: HttpsSource) -> None:
    stopping = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        stopping.wait(20)
        time.sleep(0.3)
        say(handler, status=204)

    source.answer = answer
    async with a_worker(stores, pool, source):
        job = await accepted(stores, "fine", source.url)
        await asyncio.to_thread(until, "the receiver is called", lambda: source.asked != {}, within_s=20)
        stopping.set()
    found = await stores.jobs.get(job.job_id)
    assert found is not None
    assert found.callback is not None
    assert found.callback.state is CallbackState.DELIVERED
