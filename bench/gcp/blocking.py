"""`python -m bench.gcp.blocking`: krai's own API, process and all, but for how it calls Google: by the synchronous clients within
`async def`, as services do that were not measured. The documents, the message and the number of calls are krai's.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from google.cloud import firestore
from google.cloud.pubsub_v1 import PublisherClient  # type: ignore[import-untyped]

from krai.backends import message
from krai.backends.google import stored
from krai.backends.google.firestore import Firestore
from krai.backends.google.jobs import FirestoreJobStore
from krai.backends.google.queue import PubSubJobQueue
from krai.dataset import Dataset
from krai.job import Job
from krai.ports import IdempotencyRecord, Stores
from krai.settings import Settings
from krai.wiring import gcp, serve

PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]


class BlockingJobs(FirestoreJobStore):
    def __init__(self, firestore_: Firestore) -> None:
        super().__init__(firestore_)
        self._client: Any = firestore.Client(project=PROJECT)

    async def get_dataset(self, name: str, *, max_age_s: float = 0) -> Dataset | None:  # noqa: ARG002 - the port's
        return stored.dataset_in(self._client.document(stored.DATASETS, name).get())

    async def create(self, job: Job, record: IdempotencyRecord | None = None) -> Job | IdempotencyRecord:  # noqa: ARG002 - the port's
        self._client.document(stored.JOBS, job.job_id).create(stored.of_job(job))
        return job


class BlockingQueue(PubSubJobQueue):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._publisher = PublisherClient()

    async def publish(self, job: Job) -> None:
        attributes = {"version": str(message.VERSION), "job_id": job.job_id, "type": job.type.value}
        self._publisher.publish(self._topic, message.encode(job).encode(), **attributes).result()


@asynccontextmanager
async def open_blocking_stores(settings: Settings) -> AsyncIterator[Stores]:
    async with gcp.open_stores(settings) as stores:
        reading = await Firestore.open(PROJECT)
        queue = await BlockingQueue.open(
            PROJECT,
            topic=settings.pubsub_topic,
            subscription=settings.pubsub_subscription,
            dead_letter_topic=settings.dead_letter_topic,
            emulator=settings.pubsub_emulator,
        )
        yield replace(stores, jobs=BlockingJobs(reading), queue=queue)
        await queue.close()
        await reading.close()


if __name__ == "__main__":
    serve.open_stores = open_blocking_stores  # type: ignore[attr-defined] # the one thing that is not as in main.py
    serve.main(serve.api)
