"""Wake-up messages by Pub/Sub: unary pulls, for a streaming pull hoards messages that other workers have slots for."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from google.api_core.exceptions import DeadlineExceeded, NotFound, PermissionDenied
from google.pubsub_v1.types import (
    AcknowledgeRequest,
    GetSubscriptionRequest,
    GetTopicRequest,
    ModifyAckDeadlineRequest,
    PublishRequest,
    PubsubMessage,
    PullRequest,
    ReceivedMessage,
)

from krai.backends import message
from krai.backends.google.batches import Batches
from krai.backends.google.pubsub import ALL_TRIES_S, Connection
from krai.errors import Transient
from krai.job import Job
from krai.ports import Delivery
from krai.settings import UnsafeSettings

LONGEST_LEASE_S = 600  # Pub/Sub takes no longer one
ANSWERS_BEFORE_S = 1.0  # the emulator ends a pull this long before its deadline, so that what it sends still arrives
ASK_AGAIN_S = 0.1
BURIED_WAIT_S = 2.0
LAST_ANSWER_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held(Delivery):
    """A delivery with what it takes to answer or to bury it."""

    subscription: str
    body: bytes


class PubSubJobQueue:
    """One topic with its subscription, and a dead-letter topic whose subscription has its name plus `-sub`."""

    system = "gcp_pubsub"

    def __init__(self, project: str, *, topic: str, subscription: str, dead_letter_topic: str, emulator: str | None) -> None:
        self.topic = topic
        self._topic = f"projects/{project}/topics/{topic}"
        self._subscription = f"projects/{project}/subscriptions/{subscription}"
        self._dead_topic = f"projects/{project}/topics/{dead_letter_topic}"
        self._dead_subscription = f"projects/{project}/subscriptions/{dead_letter_topic}-sub"
        self._pubsub = Connection(emulator)
        self._batches: Batches[PubsubMessage, None] = Batches(self._publish, within_s=ALL_TRIES_S)
        self._ack_deadline_s: int | None = None

    @classmethod
    async def open(cls, project: str, *, topic: str, subscription: str, dead_letter_topic: str, emulator: str | None) -> Self:
        """The queue, once all it needs was seen. Raises UnsafeSettings with a line for each thing that is missing."""
        queue = cls(project, topic=topic, subscription=subscription, dead_letter_topic=dead_letter_topic, emulator=emulator)
        try:
            await queue._look()
        except BaseException:
            await queue.close()
            raise
        return queue

    async def publish(self, job: Job) -> None:
        attributes = {"version": str(message.VERSION), "job_id": job.job_id, "type": job.type.value}
        with message.sending(self, job) as span:
            if span.traceparent:
                attributes["traceparent"] = span.traceparent
            await self._batches.put(PubsubMessage(data=message.encode(job).encode(), attributes=attributes))

    async def pull(self, limit: int, *, wait_s: float, lease_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            timeout_s = max(0.0, until - loop.time()) + ANSWERS_BEFORE_S
            deliveries = await self._take(self._subscription, limit, timeout_s=timeout_s, lease_s=lease_s)
            left_s = until - loop.time()
            if deliveries or left_s <= 0:
                return deliveries
            await asyncio.sleep(min(left_s, ASK_AGAIN_S))

    async def ack(self, delivery: Delivery) -> None:
        held = _held(delivery)
        request = AcknowledgeRequest(subscription=held.subscription, ack_ids=[held.ack_id])
        await self._pubsub.ask(self._pubsub.subscriber.acknowledge, request)

    async def extend(self, delivery: Delivery, lease_s: float) -> None:
        await self._lease_for([_held(delivery)], _seconds(lease_s))

    async def delay(self, delivery: Delivery, delay_s: float) -> None:
        # Pub/Sub has no delay of its own: the message stays leased to nobody until its time.
        await self._lease_for([_held(delivery)], _seconds(delay_s))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        copy = PubsubMessage(data=_held(delivery).body, attributes={"reason": reason})
        request = PublishRequest(topic=self._dead_topic, messages=[copy])
        await self._pubsub.ask(self._pubsub.publisher.publish, request)
        await self.ack(delivery)

    async def pull_buried(self, limit: int) -> Sequence[Delivery]:
        return await self._take(self._dead_subscription, limit, timeout_s=BURIED_WAIT_S, lease_s=None)

    async def check(self) -> None:
        await self._pubsub.ask(self._pubsub.subscriber.get_subscription, GetSubscriptionRequest(subscription=self._subscription), tries=1)

    async def close(self) -> None:
        await self._pubsub.close()

    async def _publish(self, messages: Sequence[PubsubMessage]) -> Sequence[None]:
        await self._pubsub.ask(self._pubsub.publisher.publish, PublishRequest(topic=self._topic, messages=messages))
        return [None] * len(messages)

    async def _look(self) -> None:
        settings = {
            "PUBSUB_TOPIC": self._topic,
            "PUBSUB_SUBSCRIPTION": self._subscription,
            "KRAI_DEAD_LETTER_TOPIC": self._dead_topic,
            "KRAI_DEAD_LETTER_TOPIC plus -sub": self._dead_subscription,
        }
        found = await asyncio.gather(*(self._missing(setting, name) for setting, name in settings.items()))
        if missing := [line for line in found if line is not None]:
            raise UnsafeSettings("\n".join(missing))

    async def _missing(self, setting: str, name: str) -> str | None:
        """What to do about this topic or subscription, None when it is there."""
        raises = (NotFound, PermissionDenied)
        try:
            if "/topics/" in name:
                await self._pubsub.ask(self._pubsub.publisher.get_topic, GetTopicRequest(topic=name), raises=raises)
                return None
            request = GetSubscriptionRequest(subscription=name)
            there = await self._pubsub.ask(self._pubsub.subscriber.get_subscription, request, raises=raises)
            if name == self._subscription:
                self._ack_deadline_s = there.ack_deadline_seconds
        except NotFound:
            return f"{setting}: {name} does not exist; create it (terraform apply) or name another"
        except PermissionDenied:
            return f"{setting}: this service account may not look at {name}; grant it roles/pubsub.viewer there"
        return None

    async def _take(self, subscription: str, limit: int, *, timeout_s: float, lease_s: float | None) -> Sequence[Delivery]:
        """Lease what there is, for `lease_s` seconds if given. Cancelled half way, it gives back what nobody will receive."""
        began_at = asyncio.get_running_loop().time()
        taking = asyncio.create_task(self._fetch(subscription, limit, timeout_s=timeout_s, lease_s=lease_s))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # gRPC throws away an answer that comes after the cancel, and its messages would stay leased to nobody. An answer that
            # brings messages comes at once or when somebody publishes, so only a young call is worth waiting for.
            await asyncio.wait({taking}, timeout=max(0.0, began_at + LAST_ANSWER_S - asyncio.get_running_loop().time()))
            taking.cancel()
            await asyncio.wait({taking})
            if not taking.cancelled() and taking.exception() is None and taking.result():
                with contextlib.suppress(Transient):  # they come again when their lease has run out
                    await self._lease_for(taking.result(), 0)
            raise

    async def _fetch(self, subscription: str, limit: int, *, timeout_s: float, lease_s: float | None) -> list[_Held]:
        request = PullRequest(subscription=subscription, max_messages=limit)
        try:
            answer = await self._pubsub.ask(self._pubsub.subscriber.pull, request, tries=1, timeout_s=timeout_s, raises=(DeadlineExceeded,))
        except DeadlineExceeded:
            return []
        held = [_receive(received, subscription) for received in answer.received_messages]
        # Each call is billed, so a lease that is as long as the subscription's own costs none.
        if held and lease_s is not None and _seconds(lease_s) != self._ack_deadline_s:
            with contextlib.suppress(Transient):  # then they come again sooner or later than asked, and find their job as it is
                await self._lease_for(held, _seconds(lease_s))
        return held

    async def _lease_for(self, held: Sequence[_Held], seconds: int) -> None:
        request = ModifyAckDeadlineRequest(
            subscription=held[0].subscription, ack_ids=[one.ack_id for one in held], ack_deadline_seconds=seconds
        )
        await self._pubsub.ask(self._pubsub.subscriber.modify_ack_deadline, request)


def _receive(received: ReceivedMessage, subscription: str) -> _Held:
    body = received.message.data
    return _Held(
        ack_id=received.ack_id,
        job_id=message.job_id_of(body),
        deliveries=max(1, received.delivery_attempt),  # 0 without a dead-letter policy
        subscription=subscription,
        body=body,
    )


def _held(delivery: Delivery) -> _Held:
    if not isinstance(delivery, _Held):
        raise TypeError("this delivery was pulled from another queue")
    return delivery


def _seconds(seconds: float) -> int:
    """Whole seconds that Pub/Sub takes: given a float it does nothing, and says nothing."""
    return min(LONGEST_LEASE_S, max(0, math.ceil(seconds)))
