"""From the end of a job to the webhooks that want to hear of it, with a real https server and a clock that can be put forward."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks.webhooks import Webhook as Standard

from krai import keys, transitions
from krai.access import ALL, DEPLOYMENT, OF_USERS, Principal, Role, Scope
from krai.job import Callback, CallbackState, Job, Kind, Progress
from krai.ports import Stores
from krai.sweep import Retention, sweep
from krai.users import Users
from krai.webhooks import callbacks, endings, owners, registered, signing_secrets
from krai.webhooks.courier import Courier
from krai.webhooks.registered import FAILING, Event, Reach, Webhook, Why
from krai.webhooks.signing_secrets import SigningSecret
from tests.https_source import HOST, HttpsSource, say
from tests.unit.clocked import ClockedJobStore

RETENTION = Retention(files_s=30 * 86_400, jobs_s=60 * 86_400)
BASE_URL = "https://krai.example.org"
ADMIN = Principal(id=DEPLOYMENT, scopes=ALL)


@pytest.fixture
def courier(stores: Stores, source: HttpsSource) -> Courier:
    source.answer = partial(say, status=204)
    return Courier(stores=stores, outbound=source.outbound, shown=lambda job, base: {"job_id": job.job_id, "at": base}, total_s=20)


async def register(stores: Stores, source: HttpsSource, name: str, *, owner: str = DEPLOYMENT, email: str | None = None) -> Webhook:
    """A webhook at the path of its name; those of the scope all begin with it."""
    now = stores.jobs.now()
    webhook = Webhook(
        webhook_id=name,
        owner=owner,
        email=email,
        url=source.url.replace("file.csv", name),
        base_url=BASE_URL,
        events=tuple(Event),
        datasets=(),
        description="",
        scope=Reach.ALL if name.startswith("all") else Reach.OWN,
        created_at=now,
        updated_at=now,
    )
    await registered.add(stores.directory, webhook)
    return webhook


async def ended(stores: Stores, *, by: str = DEPLOYMENT, url: str | None = None) -> Job:
    jobs = stores.jobs
    callback = None if url is None else Callback(url=url, base_url=BASE_URL)
    job = transitions.new(Kind.EXPORT, "users", {}, created_by=by, now=jobs.now(), callback=callback)
    await jobs.create(job)
    job = await read(stores, job)
    job = await jobs.swap(job, transitions.claim(job, "worker", jobs.now(), 30))
    keep_s = RETENTION.files_s
    return await endings.swap(stores, job, lambda job: transitions.complete(job, {}, Progress(), jobs.now(), keep_s=keep_s))


async def read(stores: Stores, job: Job) -> Job:
    found = await stores.jobs.get(job.job_id)
    assert found is not None
    return found


async def states(stores: Stores, job: Job) -> dict[str | None, CallbackState]:
    return {callback.webhook_id: callback.state for callback in (await read(stores, job)).callbacks}


async def told(stores: Stores, courier: Courier, job: Job) -> dict[str | None, CallbackState]:
    assert courier.take(await read(stores, job))
    await courier.finish()
    return await states(stores, job)


async def found(stores: Stores, webhook: Webhook) -> Webhook:
    return await registered.get(stores.directory, webhook.owner, webhook.webhook_id)


def put_forward(stores: Stores, by: timedelta) -> None:
    assert isinstance(stores.jobs, ClockedJobStore)
    stores.jobs.ahead += by


def by_path(answers: dict[str, int], handler: BaseHTTPRequestHandler) -> None:
    say(handler, status=answers[handler.path.removeprefix("/")])


async def test_all_receivers_of_a_job_are_told_each_by_its_own_secret(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    for name in ("one", "other", "all"):
        await register(stores, source, name)
    await register(stores, source, "of somebody else", owner="ada")
    await signing_secrets.of_webhook(stores.directory, "other", stores.jobs.now())
    await signing_secrets.replace(stores.directory, signing_secrets.name_of_webhook("other"), stores.jobs.now())
    job = await ended(stores, url=source.url)
    assert set((await told(stores, courier, job)).items()) == {(name, CallbackState.DELIVERED) for name in (None, "one", "other", "all")}
    secrets: dict[str | None, Sequence[SigningSecret]] = {
        None: await signing_secrets.of(stores.directory, DEPLOYMENT, stores.jobs.now()),
        **{name: await signing_secrets.of_webhook(stores.directory, name, stores.jobs.now()) for name in ("one", "other", "all")},
    }
    assert [len(kept) for kept in secrets.values()] == [1, 1, 2, 1]
    assert {headers["webhook-id"] for headers, _ in source.posts} == {f"msg_{job.job_id}_completed"}
    verified = []
    for kept in secrets.values():
        for headers, body in source.posts:
            if all(_is_signed(body, headers, secret.text) for secret in kept):
                verified.append(Standard(kept[0].text).verify(body, headers))
    assert len(verified) == len(source.posts) == 4
    assert {message["type"] for message in verified} == {"job.completed"}
    assert {message["data"]["at"] for message in verified} == {BASE_URL}
    assert (await read(stores, job)).due_at == job.expires_at


def _is_signed(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Standard(secret).verify(body, headers)
    except Exception:  # noqa: BLE001 - that library has an error for each way of being wrong
        return False
    return True


async def test_a_silent_receiver_delays_no_other(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    over = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/silent":
            over.wait(30)
        say(handler, status=204)

    source.answer = answer
    for name in ("silent", "quick", "all"):
        await register(stores, source, name)
    job = await ended(stores)
    assert courier.take(job)
    seen = job
    async with asyncio.timeout(10):
        while [one.state for one in seen.callbacks].count(CallbackState.DELIVERED) < 2:
            seen = await stores.jobs.wait(job.job_id, seen.revision, 10) or seen
    assert (await states(stores, job))["silent"] is CallbackState.PENDING
    assert await sweep(stores, RETENTION, call_back=courier.take) == 0, "it is being called"
    over.set()
    await courier.finish()
    assert set((await states(stores, job)).values()) == {CallbackState.DELIVERED}
    assert source.connects == 3


async def test_of_several_couriers_one_calls_each(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    for name in ("a", "b", "all"):
        await register(stores, source, name)
    job = await ended(stores)
    couriers = [courier, *(replace(courier, _running={}) for _ in range(3))]
    assert [one.take(job) for one in couriers] == [True] * 4
    await asyncio.gather(*(one.finish() for one in couriers))
    assert sorted(headers["host"] for headers, _ in source.posts) == [f"{HOST}:{source.port}"] * 3


async def test_each_is_tried_for_days_by_a_schedule_of_its_own(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    source.answer = partial(by_path, {"ill": 500, "well": 204})
    for name in ("ill", "well"):
        await register(stores, source, name)
    job, waits = await ended(stores), []
    while (await states(stores, job))["ill"] is CallbackState.PENDING:
        assert await sweep(stores, RETENTION, call_back=courier.take) == 1
        await courier.finish()
        (ill,) = (one for one in (await read(stores, job)).deliveries if one.webhook_id == "ill")
        if ill.next_at is not None:
            waits.append((ill.next_at - stores.jobs.now()).total_seconds())
            put_forward(stores, ill.next_at - stores.jobs.now())
    assert [round(wait / least, 1) for least, wait in zip(callbacks.WAITS_S, waits, strict=True) if not 0.95 < wait / least <= 1.2] == []
    assert (await states(stores, job)) == {"ill": CallbackState.FAILED, "well": CallbackState.DELIVERED}
    assert source.connects == 1 + 10
    assert (await registered.get(stores.directory, DEPLOYMENT, "ill")).failing_since is not None


async def test_410_disables_the_webhook_for_all_jobs(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    source.answer = partial(by_path, {"gone": 410, "well": 204})
    gone, _ = await register(stores, source, "gone"), await register(stores, source, "well")
    first, under_way = await ended(stores), await ended(stores)
    assert await told(stores, courier, first) == {"gone": CallbackState.DISABLED, "well": CallbackState.DELIVERED}
    after = await found(stores, gone)
    assert after.disabled_why is Why.GONE
    assert after.disabled_at is not None
    assert await told(stores, courier, under_way) == {"gone": CallbackState.DISABLED, "well": CallbackState.DELIVERED}
    assert source.connects == 3, "the one that is gone was asked once"
    assert [one.last_error for one in (await read(stores, under_way)).deliveries] == ["webhook_disabled", None]
    assert [one.webhook_id for one in (await ended(stores)).deliveries] == ["well"]


async def test_five_days_of_nothing_but_failures_disable_it_and_one_success_begins_anew(
    stores: Stores, courier: Courier, source: HttpsSource
) -> None:
    webhook, answers = await register(stores, source, "ill"), {"ill": 500}
    source.answer = partial(by_path, answers)
    begun_at = stores.jobs.now()
    await told(stores, courier, await ended(stores))
    put_forward(stores, FAILING - timedelta(hours=1))
    await told(stores, courier, await ended(stores))
    ill = await found(stores, webhook)
    assert ill.disabled_at is None
    assert ill.failing_since is not None
    assert abs(ill.failing_since - begun_at) < timedelta(minutes=1)
    answers["ill"] = 204
    await told(stores, courier, await ended(stores))
    assert (await found(stores, webhook)).failing_since is None
    answers["ill"] = 500
    await told(stores, courier, await ended(stores))
    put_forward(stores, FAILING)
    await told(stores, courier, await ended(stores))
    assert (await found(stores, webhook)).disabled_why is Why.FAILING
    assert (await ended(stores)).deliveries == ()


async def test_a_webhook_that_was_removed_or_moved_meanwhile(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    removed, moved = await register(stores, source, "removed"), await register(stores, source, "moved")
    job = await ended(stores)
    await registered.remove(stores.directory, removed)
    await registered.change(stores.directory, moved, lambda there: replace(there, url=source.url.replace("file.csv", "elsewhere")))
    paths: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        paths.append(handler.path)
        say(handler, status=204)

    source.answer = answer
    assert await told(stores, courier, job) == {"removed": CallbackState.DISABLED, "moved": CallbackState.DELIVERED}
    assert paths == ["/elsewhere"]


async def test_what_is_sent_again_has_the_same_id(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    await register(stores, source, "a")
    job = await ended(stores)
    await told(stores, courier, job)
    job = await read(stores, job)
    await stores.jobs.swap(job, callbacks.resend(job, "a", stores.jobs.now()))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 1
    await courier.finish()
    assert [headers["webhook-id"] for headers, _ in source.posts] == [f"msg_{job.job_id}_completed"] * 2


async def test_a_job_with_more_receivers_than_there_is_room_for_is_told(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    courier.at_once = 2
    for number in range(5):
        await register(stores, source, f"{number}")
    job, other = await ended(stores), await ended(stores)
    assert [courier.take(job), courier.take(other)] == [True, False]
    await courier.finish()
    assert set((await states(stores, job)).values()) == {CallbackState.DELIVERED}
    assert source.connects == 5


# -- owners -----------------------------------------------------------------------------------------------------------------------


async def test_an_owner_who_may_hear_no_more_is_told_nothing(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    users, now = Users(stores.directory), stores.jobs.now()
    await users.put("ada@example.org", Role.ADMIN, (), by=ADMIN, now=now)
    ada = await users.admit("ada@example.org", "https://issuer|1", tenant="t")
    own = await register(stores, source, "own", owner=ada.id, email=ada.email)
    everybodys = await register(stores, source, "all", owner=ada.id, email=ada.email)
    assert await told(stores, courier, await ended(stores, by=ada.id)) == {
        "own": CallbackState.DELIVERED,
        "all": CallbackState.DELIVERED,
    }
    await users.put("ada@example.org", Role.USER, (), by=ADMIN, now=now)
    assert await told(stores, courier, await ended(stores, by=ada.id)) == {
        "own": CallbackState.DELIVERED,
        "all": CallbackState.DISABLED,
    }
    assert (await found(stores, everybodys)).disabled_why is Why.OWNER
    await users.remove("ada@example.org", by=ADMIN)
    assert await told(stores, courier, await ended(stores, by=ada.id)) == {"own": CallbackState.DISABLED}
    assert (await found(stores, own)).disabled_why is Why.OWNER
    assert source.connects == 3


@pytest.mark.parametrize(("scopes", "hears"), [(OF_USERS, (True, False)), (frozenset(Scope), (True, True))])
async def test_a_key_hears_as_long_as_it_lives_and_of_all_while_it_is_an_admins(
    stores: Stores, source: HttpsSource, scopes: frozenset[Scope], hears: tuple[bool, bool]
) -> None:
    directory, now = stores.directory, stores.jobs.now()
    key, _ = await keys.make(directory, ADMIN, name="a", scopes=scopes, now=now, expires_at=now + timedelta(days=1))
    webhooks = [await register(stores, source, name, owner=key.principal.id) for name in ("own", "all")]

    async def may(days: float) -> tuple[bool, ...]:
        at = now + timedelta(days=days)
        return tuple([await owners.may_hear(directory, Users(directory), webhook, at) for webhook in webhooks])

    assert await may(0) == hears
    assert await may(2) == (False, False)
    await keys.revoke(directory, ADMIN, key.key_id)
    assert await may(0) == (False, False)
