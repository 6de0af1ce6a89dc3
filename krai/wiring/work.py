"""A worker put together: its children, its loop, and the samples of a new installation."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from krai.api.answers import JobAnswer
from krai.claim import Terms
from krai.dataset import Dataset
from krai.execute import Execution
from krai.job import Job, new_id
from krai.outbound.connect import Outbound
from krai.ports import Stores
from krai.settings import Settings
from krai.sweep import Retention
from krai.webhooks.courier import AT_ONCE, Courier
from krai.wiring.folders import spool_dir
from krai.wiring.stores import tools_of
from krai.worker.loop import Worker
from krai.worker.pool import ChildPool, ChildTerms

DAY_S = 24 * 3600


@asynccontextmanager
async def open_worker(settings: Settings, stores: Stores, hurry: asyncio.Event) -> AsyncIterator[Worker]:
    """A worker whose children are ready; `hurry`, once set, makes it hand back its jobs without a grace period."""
    terms = ChildTerms(
        build=tools_of(settings),
        build_args=(settings,),
        spool=spool_dir(settings),
        memory_bytes=settings.child_memory_mb << 20,
        job_timeout_s=settings.job_timeout_s,
        fail=settings.fail,
    )
    pool = ChildPool(terms, settings.slots)
    called_back = courier(settings, stores)
    execution = Execution(
        stores,
        pool,
        Terms(
            lease_s=settings.lease_s,
            heartbeat_s=settings.heartbeat_s,
            backoff_s=settings.backoff_s,
            keep_files_s=retention(settings).files_s,
            share=settings.quota_running,
        ),
        owner=f"{socket.gethostname()}-{os.getpid()}-{new_id()[:8]}",
        ended=None if called_back is None else called_back.ended,
    )
    work = Worker(
        queue=stores.queue,
        execution=execution,
        retention=retention(settings),
        slots=settings.slots,
        message_lease_s=settings.lease_s,
        sweep_s=settings.sweep_s,
        grace_s=settings.grace_s,
        courier=called_back,
        hurry=hurry,
    )
    try:
        await pool.open()
        if settings.samples == "on":
            await _seed(stores, pool)
        yield work
    finally:
        await pool.close()


def courier(settings: Settings, stores: Stores, *, at_once: int = AT_ONCE) -> Courier | None:
    """Who tells receivers of the ends of jobs; None where callbacks are switched off."""
    if settings.callbacks == "off":
        return None

    def shown(job: Job, base_url: str) -> dict[str, Any]:
        return JobAnswer.of(job, base_url).model_dump(mode="json")

    return Courier(stores=stores, outbound=Outbound(), shown=shown, at_once=at_once)


def retention(settings: Settings) -> Retention:
    return Retention(files_s=settings.result_ttl_hours * 3600, jobs_s=settings.job_ttl_days * DAY_S)


async def _seed(stores: Stores, pool: ChildPool) -> None:
    """Make the sample datasets and sources when they are not there yet."""
    if await stores.directory.get("sources", "salesforce") is not None:
        return
    for doc in (await pool.call({"do": "seed"}, "seed"))["datasets"]:
        await stores.jobs.put_dataset(Dataset.from_doc(doc))
    for name in ("default", "salesforce"):
        await stores.directory.put("sources", name, {"path": "sources/contacts.csv", "format": "csv"})
