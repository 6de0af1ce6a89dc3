"""What the queue on Pub/Sub promises besides: what it costs, and how it comes through the faults of the service."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from grpc import StatusCode

from krai.backends.google.queue import PubSubJobQueue
from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.dead_letters import settle_dead_letters
from krai.errors import Transient
from krai.job import Status
from krai.ports import Delivery, Stores
from krai.settings import UnsafeSettings
from scripts import provision
from tests.contract.conftest import Place
from tests.contract.examples import a_job, created
from tests.contract.pubsub_proxy import Proxy, proxy_of

NAMES = {"topic": provision.TOPIC, "subscription": provision.SUBSCRIPTION, "dead_letter_topic": provision.DEAD}
Call = Callable[[], Awaitable[object]]
ALL_PASSING = (StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.RESOURCE_EXHAUSTED)


@pytest.fixture
def place(place_of: Callable[[str], Place]) -> Place:
    return place_of("pubsub")


@pytest.fixture
async def proxy(place: Place) -> AsyncIterator[Proxy]:
    async with proxy_of(place.emulators.pubsub.host) as proxy:
        yield proxy


@pytest.fixture
async def queue(place: Place, proxy: Proxy) -> AsyncIterator[PubSubJobQueue]:
    place.emulators.provision_pubsub(place.project)
    queue = await PubSubJobQueue.open(place.project, **NAMES, emulator=proxy.host)
    proxy.calls.clear()
    yield queue
    await queue.close()


async def pull_one(queue: PubSubJobQueue, lease_s: float = provision.ACK_DEADLINE_S) -> Delivery:
    (delivery,) = await queue.pull(1, wait_s=5, lease_s=lease_s)
    return delivery


async def raw_messages(place: Place, subscription: str) -> list[dict[str, Any]]:
    """As Pub/Sub has them."""
    url = f"http://{place.emulators.pubsub.host}/v1/projects/{place.project}/subscriptions/{subscription}:pull"
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, json={"maxMessages": 10})
    return [received["message"] for received in answer.json()["receivedMessages"]]


# -- the start --------------------------------------------------------------------------------------------------------------------


async def test_a_start_names_everything_that_is_missing(place: Place) -> None:
    with pytest.raises(UnsafeSettings) as caught:
        await PubSubJobQueue.open(place.project, **NAMES, emulator=place.emulators.pubsub.host)
    lines = str(caught.value).splitlines()
    settings = ["PUBSUB_TOPIC", "PUBSUB_SUBSCRIPTION", "KRAI_DEAD_LETTER_TOPIC", "KRAI_DEAD_LETTER_TOPIC plus -sub"]
    assert [line.partition(":")[0] for line in lines] == settings
    assert lines[1].startswith(f"PUBSUB_SUBSCRIPTION: projects/{place.project}/subscriptions/krai-jobs-sub does not exist; create it")


async def test_a_start_says_which_role_is_missing(place: Place, proxy: Proxy) -> None:
    place.emulators.provision_pubsub(place.project)
    proxy.refuse("GetTopic", StatusCode.PERMISSION_DENIED)
    with pytest.raises(UnsafeSettings, match=r"^\w+: this service account may not look at .*; grant it roles/pubsub.viewer there$"):
        await PubSubJobQueue.open(place.project, **NAMES, emulator=proxy.host)


# -- messages ---------------------------------------------------------------------------------------------------------------------


async def test_a_message_says_what_it_is_about(place: Place, queue: PubSubJobQueue) -> None:
    job = replace(a_job(), traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    await queue.publish(job)
    (found,) = await raw_messages(place, provision.SUBSCRIPTION)
    attributes = {"version": "1", "job_id": job.job_id, "type": job.type.value, "traceparent": job.traceparent}
    assert found["attributes"] == attributes


async def test_a_buried_message_says_why_and_is_the_same(place: Place, queue: PubSubJobQueue) -> None:
    job = a_job()
    await queue.publish(job)
    await queue.bury(await pull_one(queue), "unknown_message")
    (found,) = await raw_messages(place, f"{provision.DEAD}-sub")
    assert found["attributes"] == {"reason": "unknown_message"}
    assert job.job_id in base64.b64decode(found["data"]).decode()


async def test_publishes_that_meet_are_sent_together(queue: PubSubJobQueue, proxy: Proxy) -> None:
    await asyncio.gather(*(queue.publish(a_job()) for _ in range(250)))
    assert proxy.calls == {"Publish": 3}
    await queue.publish(a_job())
    assert proxy.calls == {"Publish": 4}
    pulled: set[str | None] = set()
    while len(pulled) < 251:
        pulled |= {delivery.job_id for delivery in await queue.pull(100, wait_s=5, lease_s=provision.ACK_DEADLINE_S)}


async def test_a_lease_as_long_as_the_subscriptions_own_costs_no_request(queue: PubSubJobQueue, proxy: Proxy) -> None:
    for _ in range(2):
        await queue.publish(a_job())
    await pull_one(queue)
    assert proxy.calls == {"Publish": 2, "Pull": 1}
    await pull_one(queue, lease_s=1.5)
    assert proxy.calls["ModifyAckDeadline"] == 1


# -- dead letters -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def stores(place: Place, queue: PubSubJobQueue) -> AsyncIterator[Stores]:
    jobs, directory = LocalJobStore(place.folder / "jobs.sqlite"), LocalDirectory(place.folder / "directory.sqlite")
    yield Stores(jobs, queue, LocalBlobStore(place.folder / "blobs", b"k" * 32), directory)
    await jobs.close()
    await directory.close()


async def test_a_job_whose_message_pubsub_gives_up_on_fails(place: Place, stores: Stores) -> None:
    name = f"projects/{place.project}/subscriptions/{provision.SUBSCRIPTION}"
    policy = {"deadLetterTopic": f"projects/{place.project}/topics/{provision.DEAD}", "maxDeliveryAttempts": 5}
    patch = {"subscription": {"name": name, "deadLetterPolicy": policy}, "updateMask": "deadLetterPolicy"}
    async with httpx.AsyncClient() as client:
        (await client.patch(f"http://{place.emulators.pubsub.host}/v1/{name}", json=patch)).raise_for_status()
    job = await created(stores.jobs)
    await stores.queue.publish(job)
    deliveries = 0
    while pulled := await stores.queue.pull(1, wait_s=1, lease_s=provision.ACK_DEADLINE_S):
        deliveries += 1
        assert pulled[0].deliveries == deliveries
        await stores.queue.delay(pulled[0], 0)
    assert deliveries == 5
    assert await settle_dead_letters(stores, keep_files_s=60) == 1
    failed = await stores.jobs.get(job.job_id)
    assert failed is not None
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == (Status.FAILED, "dead_lettered")
    assert await settle_dead_letters(stores, keep_files_s=60) == 0


# -- faults -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ALL_PASSING)
async def test_what_may_pass_is_tried_again(queue: PubSubJobQueue, proxy: Proxy, code: StatusCode) -> None:
    for method, call in calls_of(queue, await delivered(queue)).items():
        proxy.refuse(method, code, code)
        before = proxy.calls[method]
        await call()
        assert proxy.calls[method] == before + 3, method


@pytest.mark.parametrize(
    ("code", "tries"), [*((code, 3) for code in ALL_PASSING), (StatusCode.PERMISSION_DENIED, 1), (StatusCode.NOT_FOUND, 1)]
)
async def test_what_does_not_pass_is_transient(queue: PubSubJobQueue, proxy: Proxy, code: StatusCode, tries: int) -> None:
    for method, call in calls_of(queue, await delivered(queue)).items():
        proxy.refuse(method, *[code] * tries)
        before = proxy.calls[method]
        with pytest.raises(Transient, match="store_busy"):
            await call()
        assert proxy.calls[method] == before + tries, method
    proxy.refuse("Pull", code)
    with pytest.raises(Transient, match="store_busy"):
        await pull_one(queue)
    await pull_one(queue)


async def delivered(queue: PubSubJobQueue) -> Delivery:
    for _ in range(3):
        await queue.publish(a_job())
    return await pull_one(queue)


def calls_of(queue: PubSubJobQueue, delivery: Delivery) -> dict[str, Call]:
    return {
        "Publish": lambda: queue.publish(a_job()),
        "ModifyAckDeadline": lambda: queue.extend(delivery, 30),
        "Acknowledge": lambda: queue.ack(delivery),
    }


async def test_a_publish_whose_answer_was_lost_loses_nothing(queue: PubSubJobQueue, proxy: Proxy) -> None:
    job = a_job()
    proxy.refuse("Publish", StatusCode.UNAVAILABLE, passed_on=True)
    await queue.publish(job)
    pulled = [(await pull_one(queue)).job_id for _ in range(2)]  # at least once, as is promised
    assert pulled == [job.job_id] * 2


async def test_what_is_pulled_is_kept_though_its_lease_cannot_be_set(queue: PubSubJobQueue, proxy: Proxy) -> None:
    job = a_job()
    await queue.publish(job)
    proxy.refuse("ModifyAckDeadline", *[StatusCode.UNAVAILABLE] * 3)
    assert (await pull_one(queue, lease_s=7)).job_id == job.job_id


async def test_a_pull_that_is_under_way_ends_when_the_queue_is_closed(queue: PubSubJobQueue) -> None:
    pulling = asyncio.create_task(pull_one(queue))
    await asyncio.sleep(0.2)
    await queue.close()
    with pytest.raises(Transient, match="not_ready"):
        await pulling


async def test_the_same_queue_goes_on_after_pubsub_has_forgotten_everything(place: Place) -> None:
    place.emulators.provision_pubsub(place.project)
    queue = await PubSubJobQueue.open(place.project, **NAMES, emulator=place.emulators.pubsub.host)
    delivery = await delivered(queue)
    await asyncio.to_thread(place.emulators.pubsub.stop)
    calls: list[Call] = [queue.check, lambda: queue.publish(a_job()), lambda: queue.pull(1, wait_s=5, lease_s=30)]
    for call in calls:
        await is_transient_within(5, call)
    await asyncio.to_thread(place.emulators.pubsub.restart)
    calls += [*calls_of(queue, delivery).values(), lambda: queue.pull_buried(1), lambda: queue.bury(delivery, "unknown_message")]
    for call in calls:
        await is_transient_within(5, call)
    place.emulators.provision_pubsub(place.project)
    async with asyncio.timeout(5):
        job = a_job()
        await queue.publish(job)
        assert (await pull_one(queue)).job_id == job.job_id
    await queue.close()


async def test_a_service_that_does_not_answer_holds_nobody_up(place: Place) -> None:
    place.emulators.provision_pubsub(place.project)
    queue = await PubSubJobQueue.open(place.project, **NAMES, emulator=place.emulators.pubsub.host)
    delivery = await delivered(queue)
    place.emulators.pubsub.freeze()
    try:
        calls = (*calls_of(queue, delivery).values(), queue.check, lambda: queue.publish(a_job()))
        await asyncio.gather(*(is_transient_within(7, call) for call in calls))
        began_at = time.perf_counter()
        assert await queue.pull(1, wait_s=1, lease_s=30) == []
        assert time.perf_counter() - began_at < 3
    finally:
        place.emulators.pubsub.thaw()
    async with asyncio.timeout(5):
        await queue.publish(a_job())
        await pull_one(queue)
    await queue.close()


async def is_transient_within(seconds: float, call: Call) -> None:
    async with asyncio.timeout(seconds):
        with pytest.raises(Transient, match="store_busy"):
            await call()
