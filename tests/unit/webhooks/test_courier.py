"""From the end of a job to its receiver, with embedded stores, a real https server and a clock that can be put forward."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from opentelemetry.trace import SpanKind
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from krai import transitions
from krai.api.answers import JobAnswer
from krai.errors import Terminal
from krai.job import Callback, CallbackState, Job, Kind, Progress, Status, parse_time
from krai.outbound.addresses import is_public
from krai.ports import Stores
from krai.settings import Settings
from krai.sweep import Retention, sweep
from krai.webhooks import callbacks, signing_secrets
from krai.webhooks.courier import Courier
from krai.wiring import work
from tests.acceptance.waiting import until as until_true
from tests.https_source import HttpsSource, say
from tests.unit.clocked import ClockedJobStore
from tests.unit.traced import recording

RETENTION = Retention(files_s=30 * 86_400, jobs_s=60 * 86_400)
BASE_URL = "https://krai.example.org"


def shown(job: Job, base_url: str) -> dict[str, Any]:
    return JobAnswer.of(job, base_url).model_dump(mode="json")


@pytest.fixture
def courier(stores: Stores, source: HttpsSource) -> Courier:
    source.answer = partial(say, status=204)
    return Courier(stores=stores, outbound=source.outbound, shown=shown, at_once=8, total_s=5)


@pytest.fixture
def silence(source: HttpsSource, courier: Courier) -> Iterator[threading.Event]:
    """Receivers that do not answer until it is set."""
    over = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        over.wait(30)
        say(handler, status=204)

    source.answer = wait
    courier.total_s = 30
    yield over
    over.set()


async def ended(stores: Stores, url: str, *, by: str = "ada", kind: Kind = Kind.EXPORT, error: Terminal | None = None) -> Job:
    """A job that has just ended, FAILED with `error` if there is one."""
    jobs, callback = stores.jobs, Callback(url=url, base_url=BASE_URL)
    job = transitions.new(kind, "users", {}, created_by=by, now=jobs.now(), callback=callback)
    await jobs.create(job)
    job = await read(stores, job)
    job = await jobs.swap(job, transitions.claim(job, "worker", jobs.now(), 30))
    if error is not None:
        return await jobs.swap(job, transitions.fail(job, error, jobs.now(), keep_s=RETENTION.files_s))
    return await jobs.swap(job, transitions.complete(job, {}, Progress(), jobs.now(), keep_s=RETENTION.files_s))


async def read(stores: Stores, job: Job) -> Job:
    found = await stores.jobs.get(job.job_id)
    assert found is not None
    return found


async def callback_of(stores: Stores, job: Job) -> Callback:
    found = await read(stores, job)
    assert found.callback is not None
    return found.callback


async def called(source: HttpsSource, times: int = 1) -> None:
    """Return when so many have come to the receiver, and the last has said what it wants."""
    await asyncio.to_thread(until_true, f"{times} calls", lambda: source.connects == times and source.asked != {}, within_s=10)


async def test_a_call_is_a_span_without_the_address_and_the_receiver_gets_no_trace(
    stores: Stores, courier: Courier, source: HttpsSource
) -> None:
    job = await ended(stores, f"{source.url}?token=a-word-of-the-receivers")
    job = await stores.jobs.swap(job, replace(job, traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))
    with recording() as exporter:
        courier.ended(job)
        await courier.finish()
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind, f"{span.context.trace_id:032x}") == ("POST", SpanKind.CLIENT, "a" * 32)
    assert span.attributes == {"http.request.method": "POST", "krai.job.id": job.job_id, "http.response.status_code": 204}
    assert "traceparent" not in {name.lower() for name in source.asked}


def put_forward(stores: Stores, by: timedelta) -> None:
    assert isinstance(stores.jobs, ClockedJobStore)
    stores.jobs.ahead += by


@pytest.mark.parametrize("error", [None, Terminal("corrupt_file")])
async def test_a_receiver_is_told_of_a_jobs_end_and_can_tell_who_tells_it(
    stores: Stores, courier: Courier, source: HttpsSource, error: Terminal | None
) -> None:
    job = await ended(stores, source.url, error=error)
    courier.ended(job)
    await courier.finish()
    (secret,) = await signing_secrets.of(stores.directory, "ada", stores.jobs.now())
    told = Webhook(secret.text).verify(source.sent, source.asked)
    assert told["type"] == ("job.completed" if error is None else "job.failed")
    assert source.asked["webhook-id"] == f"msg_{job.job_id}_{told['type'].removeprefix('job.')}"
    assert parse_time(told["timestamp"]) == job.finished_at
    assert {**told["data"], "callback": None} == {**shown(job, BASE_URL), "callback": None}
    assert told["data"]["links"]["self"] == f"{BASE_URL}/api/v1/jobs/{job.job_id}"
    assert "download_url" not in source.sent.decode()
    after = await read(stores, job)
    assert (after.status, after.due_at) == (job.status, job.expires_at)
    assert after.callback is not None
    assert replace(after.callback, last_at=None) == Callback(
        url=source.url, base_url=BASE_URL, state=CallbackState.DELIVERED, attempts=1, last_status=204, last_error=None
    )


async def test_for_a_day_two_secrets_sign(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    await signing_secrets.of(stores.directory, "ada", stores.jobs.now())
    both = await signing_secrets.replace(stores.directory, "ada", stores.jobs.now())
    courier.ended(await ended(stores, source.url))
    await courier.finish()
    assert len(both) == 2
    for secret in both:
        assert Webhook(secret.text).verify(source.sent, source.asked)


async def test_a_job_whose_end_nobody_is_to_be_told_of_is_left_alone(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    job = await ended(stores, source.url)
    courier.ended(replace(job, callback=None))
    await courier.finish()
    assert source.connects == 0


async def test_what_was_not_begun_when_a_worker_died_is_found_by_the_sweep(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    job = await ended(stores, source.url)
    assert await sweep(stores, RETENTION, call_back=courier.take) == 1
    await courier.finish()
    assert (await callback_of(stores, job)).state is CallbackState.DELIVERED
    assert await sweep(stores, RETENTION, call_back=courier.take) == 0


async def test_what_was_begun_when_a_worker_died_is_sent_again_under_the_same_id(
    stores: Stores, courier: Courier, source: HttpsSource
) -> None:
    job = await ended(stores, source.url)
    await stores.jobs.swap(job, callbacks.begin(job, stores.jobs.now()))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 0, "another worker may be at it"
    put_forward(stores, timedelta(seconds=callbacks.LEASE_S))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 1
    await courier.finish()
    assert source.asked["webhook-id"] == f"msg_{job.job_id}_completed"
    assert (await callback_of(stores, job)).attempts == 2


async def test_of_eight_couriers_one_calls(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    job = await ended(stores, source.url)
    couriers = [courier, *(replace(courier, _running={}) for _ in range(7))]
    assert [one.take(job) for one in couriers] == [True] * 8
    await asyncio.gather(*(one.finish() for one in couriers))
    assert (source.connects, (await callback_of(stores, job)).attempts) == (1, 1)


@pytest.mark.parametrize(
    ("status", "came_of_it"),
    [
        (302, (CallbackState.PENDING, "webhook_redirect")),
        (500, (CallbackState.PENDING, "webhook_http_error")),
        (410, (CallbackState.DISABLED, "webhook_http_error")),
    ],
)
async def test_an_attempt_that_fails_changes_nothing_about_the_job(
    stores: Stores, courier: Courier, source: HttpsSource, status: int, came_of_it: tuple[CallbackState, str]
) -> None:
    source.answer = partial(say, status=status, body=b"x" * 100)
    job = await ended(stores, source.url)
    courier.ended(job)
    await courier.finish()
    after = await read(stores, job)
    assert (after.status, after.finished_at, after.error, after.updated_at) == (Status.COMPLETED, job.finished_at, None, job.updated_at)
    callback = await callback_of(stores, job)
    assert (callback.state, callback.last_error) == came_of_it
    assert (callback.attempts, callback.last_status) == (1, status)
    assert (callback.next_at is None) == (callback.state is CallbackState.DISABLED)


async def test_it_is_tried_for_days_and_then_given_up(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    source.answer = partial(say, status=500)
    job = await ended(stores, source.url)
    callback = await callback_of(stores, job)
    for attempt in range(1, 11):
        assert await sweep(stores, RETENTION, call_back=courier.take) == 1
        await courier.finish()
        callback = await callback_of(stores, job)
        assert callback.attempts == source.connects == attempt
        assert await sweep(stores, RETENTION, call_back=courier.take) == 0, "not before its time"
        if callback.next_at is not None:
            put_forward(stores, callback.next_at - stores.jobs.now())
    assert callback.state is CallbackState.FAILED
    put_forward(stores, timedelta(days=10))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 0


async def test_a_host_that_moves_to_a_private_address_is_never_connected_to(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    source.network.names["files.example.org"] = [["169.254.169.254"]]
    job = await ended(stores, source.url)
    courier.ended(job)
    await courier.finish()
    callback = await callback_of(stores, job)
    assert (callback.last_error, callback.last_status, callback.attempts) == ("webhook_blocked", None, 1)
    assert source.connects == 0


@pytest.mark.parametrize("kept", [True, False])
async def test_what_becomes_of_the_job_meanwhile_stays(
    stores: Stores, courier: Courier, source: HttpsSource, silence: threading.Event, *, kept: bool
) -> None:
    job = await ended(stores, source.url, kind=Kind.IMPORT, error=Terminal("corrupt_file"))
    courier.ended(job)
    await called(source)
    begun = await read(stores, job)
    if kept:
        await stores.jobs.swap(begun, transitions.look_again(replace(begun, parts_at=None)))
    else:
        await stores.jobs.delete(begun)
    silence.set()
    await courier.finish()
    after = await stores.jobs.get(job.job_id)
    assert (after is not None) == kept
    if after is not None:
        assert after.callback is not None
        assert (after.parts_at, after.callback.state, after.due_at) == (None, CallbackState.DELIVERED, after.expires_at)


async def test_who_comes_back_late_does_not_write_over_a_later_attempt(
    stores: Stores, courier: Courier, source: HttpsSource, silence: threading.Event
) -> None:
    job = await ended(stores, source.url)
    courier.ended(job)
    await called(source)
    begun = await read(stores, job)
    later = await stores.jobs.swap(begun, callbacks.begin(begun, stores.jobs.now() + timedelta(seconds=callbacks.LEASE_S)))
    silence.set()
    await courier.finish()
    assert await read(stores, job) == later


async def test_silent_receivers_of_one_caller_leave_room_for_others_and_the_sweep_waits_for_none(
    stores: Stores, courier: Courier, source: HttpsSource, silence: threading.Event
) -> None:
    jobs = [await ended(stores, source.url) for _ in range(6)]
    started_s = time.monotonic()
    assert await sweep(stores, RETENTION, call_back=courier.take) == 6
    assert time.monotonic() - started_s < 5
    await called(source, 4)
    found = [await callback_of(stores, job) for job in jobs]
    assert sorted(callback.attempts for callback in found) == [0, 0, 1, 1, 1, 1]
    assert await sweep(stores, RETENTION, call_back=courier.take) == 0, "those without room do not stand in the way"
    others = await ended(stores, source.url, by="bob")
    assert courier.take(others)
    silence.set()
    await courier.finish()
    assert (await callback_of(stores, others)).state is CallbackState.DELIVERED
    put_forward(stores, timedelta(seconds=40))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 2
    await courier.finish()
    assert {(await callback_of(stores, job)).state for job in jobs} == {CallbackState.DELIVERED}


async def test_a_worker_that_stops_does_not_wait_for_the_silent(
    stores: Stores, courier: Courier, source: HttpsSource, silence: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krai.webhooks.courier.STOPS_WITHIN_S", 0.1)
    job = await ended(stores, source.url)
    courier.ended(job)
    await called(source)
    started_s = time.monotonic()
    await courier.stop()
    assert time.monotonic() - started_s < 5
    silence.set()
    put_forward(stores, timedelta(seconds=callbacks.LEASE_S))
    assert await sweep(stores, RETENTION, call_back=courier.take) == 1
    await courier.finish()
    assert (await callback_of(stores, job)).state is CallbackState.DELIVERED


async def test_nobody_to_call_leaves_it_for_later(stores: Stores, source: HttpsSource) -> None:
    job = await ended(stores, source.url)
    assert await sweep(stores, RETENTION) == 1
    callback = await callback_of(stores, job)
    assert (callback.attempts, callback.state) == (0, CallbackState.PENDING)
    assert await sweep(stores, RETENTION) == 0


async def test_a_defect_leaves_it_for_the_next_attempt(stores: Stores, courier: Courier, source: HttpsSource) -> None:
    def broken(_job: Job, _base_url: str) -> dict[str, Any]:
        raise RuntimeError("a defect")

    job = await ended(stores, source.url)
    courier.shown = broken
    courier.ended(job)
    await courier.finish()
    callback = await callback_of(stores, job)
    assert (callback.attempts, callback.state) == (1, CallbackState.PENDING)
    assert callback.next_at is not None


async def test_a_worker_calls_nobody_where_callbacks_are_off_and_the_public_internet_where_they_are_on(stores: Stores) -> None:
    assert work.courier(Settings(callbacks="off"), stores) is None
    courier = work.courier(Settings(callbacks="on"), stores)
    assert courier is not None
    assert courier.outbound.allows is is_public
    job = transitions.new(Kind.EXPORT, "users", {}, created_by="ada", now=stores.jobs.now())
    assert courier.shown(job, BASE_URL) == shown(job, BASE_URL)


@pytest.mark.parametrize("status", [204, 500])
async def test_no_log_line_has_a_secret_in_it(stores: Stores, courier: Courier, source: HttpsSource, status: int) -> None:
    source.answer = partial(say, status=status, body=b"from-the-receiver")
    with capture_logs() as logs:
        courier.ended(await ended(stores, f"{source.url}?token=in-the-query"))
        await courier.finish()
    (secret,) = await signing_secrets.of(stores.directory, "ada", stores.jobs.now())
    text = json.dumps(logs, default=str)
    assert "called back" in text
    for word in ("in-the-query", "from-the-receiver", secret.text, source.asked["webhook-signature"]):
        assert word not in text
