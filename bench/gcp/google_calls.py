"""Google's asynchronous clients and nothing around them: the calls krai cannot do without, one by one and as a bare loop.

`python -m bench.gcp.google_calls TASKS SECONDS` prints how many jobs a second such a loop accepts.
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import grpc.aio
from google.cloud import firestore
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport
from google.pubsub_v1.types import PubsubMessage

from krai import transitions
from krai.backends import message
from krai.backends.google import stored
from krai.job import Job, Kind

TOPIC, SUBSCRIPTION = "krai-jobs", "krai-jobs-sub"
PARAMS = {"format": "csv", "compression": "none", "columns": None, "limit": 10, "size_mb": None, "filename": None}
WARM_UP_S = 1.0


@dataclass(slots=True)
class Google:
    """The calls, each as krai makes it: the same documents and messages, and one request for each."""

    documents: Any
    publisher: PublisherAsyncClient
    subscriber: SubscriberAsyncClient
    topic: str
    subscription: str

    @classmethod
    def of(cls, project: str) -> Self:
        channel = grpc.aio.insecure_channel(os.environ["PUBSUB_EMULATOR_HOST"])
        return cls(
            firestore.AsyncClient(project=project),
            PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)),
            SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel)),
            f"projects/{project}/topics/{TOPIC}",
            f"projects/{project}/subscriptions/{SUBSCRIPTION}",
        )

    async def read(self, collection: str, name: str) -> Any:
        return await self.documents.document(collection, name).get(retry=None)

    async def create(self, job: Job) -> Any:
        """Returns the write result, whose update time the next write takes as its condition."""
        return await self.documents.document(stored.JOBS, job.job_id).create(stored.of_job(job), retry=None)

    async def update(self, job: Job, last: Any) -> Any:
        unchanged = self.documents.write_option(last_update_time=last.update_time)
        return await self.documents.document(stored.JOBS, job.job_id).update(stored.of_job(job), option=unchanged, retry=None)

    async def publish(self, job: Job) -> None:
        attributes = {"version": str(message.VERSION), "job_id": job.job_id, "type": job.type.value}
        sent = PubsubMessage(data=message.encode(job).encode(), attributes=attributes)
        await self.publisher.publish(topic=self.topic, messages=[sent], retry=None)

    async def pull(self) -> str:
        """The ack id of a message that is there."""
        answer = await self.subscriber.pull(subscription=self.subscription, max_messages=1, retry=None)
        return str(answer.received_messages[0].ack_id)

    async def ack(self, ack_id: str) -> None:
        await self.subscriber.acknowledge(subscription=self.subscription, ack_ids=[ack_id], retry=None)


def new_job() -> Job:
    return transitions.new(Kind.EXPORT, "users", PARAMS, created_by="api-key", now=datetime.now(UTC))


async def accept(google: Google) -> None:
    """One write and one publish: what accepting a job costs."""
    job = new_job()
    await google.create(job)
    await google.publish(job)


async def loop(tasks: int, for_s: float) -> float:
    """Jobs accepted a second."""
    google = Google.of(os.environ["GOOGLE_CLOUD_PROJECT"])

    async def one(until: float) -> int:
        accepted = 0
        while time.perf_counter() < until:
            await accept(google)
            accepted += 1
        return accepted

    async def drive(seconds: float) -> int:
        until = time.perf_counter() + seconds
        return sum(await asyncio.gather(*(one(until) for _ in range(tasks))))

    await drive(WARM_UP_S)
    began = time.perf_counter()
    return await drive(for_s) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(asyncio.run(loop(int(sys.argv[1]), float(sys.argv[2]))))
