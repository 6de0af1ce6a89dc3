"""Registered webhooks over HTTP: whose they are, what they may be, and what was sent to them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Standard

from krai import keys
from krai.access import Scope
from krai.errors import Transient
from krai.job import CallbackState, Job
from krai.ports import IdempotencyRecord
from krai.webhooks import callbacks, registered
from krai.webhooks.callbacks import Answer
from krai.webhooks.registered import MOST, Why
from tests.https_source import HttpsSource, say
from tests.unit.api.bad_urls import BAD_URLS, INNER_HOSTS
from tests.unit.api.house import ADA, BOB, House, open_house, pointers, problem, put_key

URL = "https://hooks.example.org:8443/krai?token=secret"
WEBHOOKS = "/api/v1/webhooks"
NOBODYS = "0" * 32


async def register(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(WEBHOOKS, json={"url": URL, **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"http://krai.test{WEBHOOKS}/{made['webhook_id']}"
    return made


async def ended(house: House, client: httpx.AsyncClient) -> Job:
    """A job of the client's that has ended."""
    job_id = (await client.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
    await client.post(f"/api/v1/jobs/{job_id}/cancel")
    return await house.job(job_id)


async def settled(house: House, job: Job, answer: Answer) -> Job:
    """The job once its deliveries were tried, as a courier does it."""
    jobs = house.stores.jobs
    begun = await jobs.swap(job, callbacks.begin(job, jobs.now()))
    return await jobs.swap(begun, callbacks.settle(begun, [(one, answer) for one in begun.callbacks], jobs.now()))


# -- registering ------------------------------------------------------------------------------------------------------------------


async def test_a_webhook_is_registered_shown_changed_and_removed(house: House) -> None:
    ada = house.client(ADA)
    made = await register(ada, description="for tests")
    assert {name: made[name] for name in ("url", "events", "datasets", "description", "scope", "enabled", "disabled_why")} == {
        "url": URL,
        "events": ["job.completed", "job.failed", "job.cancelled"],
        "datasets": [],
        "description": "for tests",
        "scope": "own",
        "enabled": True,
        "disabled_why": None,
    }
    path = f"{WEBHOOKS}/{made['webhook_id']}"
    assert (await ada.get(path)).json() == made
    assert (await ada.get(WEBHOOKS)).json() == {"webhooks": [made]}
    changed = await ada.put(path, json={"url": "https://other.example.org/", "events": ["job.failed"], "datasets": ["users"]})
    assert changed.status_code == httpx.codes.OK
    assert {**changed.json(), "updated_at": made["updated_at"]} == {
        **made,
        "url": "https://other.example.org/",
        "events": ["job.failed"],
        "datasets": ["users"],
        "description": "",
    }
    assert (await ada.get(path)).json() == changed.json()
    assert (await ada.delete(path)).status_code == httpx.codes.NO_CONTENT
    assert problem(await ada.get(path), 404) == "not_found"
    assert (await ada.get(WEBHOOKS)).json() == {"webhooks": []}
    assert await house.stores.directory.list("webhooks") == []


async def test_somebody_elses_webhook_is_none(house: House) -> None:
    ada, bob = house.client(ADA), house.client(BOB)
    made = await register(ada)
    await ended(house, ada)
    (delivery,) = (await ada.get(f"{WEBHOOKS}/{made['webhook_id']}/deliveries")).json()["deliveries"]
    for client in (bob, house.http):
        assert (await client.get(WEBHOOKS)).json() == {"webhooks": []}
        for webhook_id in (made["webhook_id"], NOBODYS, "%00", "*"):
            path = f"{WEBHOOKS}/{webhook_id}"
            answers = [
                await client.get(path),
                await client.put(path, json={"url": URL}),
                await client.delete(path),
                await client.get(f"{path}/secret"),
                await client.post(f"{path}/secret"),
                await client.post(f"{path}/test"),
                await client.get(f"{path}/deliveries"),
                await client.post(f"{path}/deliveries/{delivery['delivery_id']}/resend"),
            ]
            assert {problem(answer, 404) for answer in answers} == {"not_found"}
    assert (await ada.get(f"{WEBHOOKS}/{made['webhook_id']}")).json() == made


@pytest.mark.parametrize(("scope", "status"), [(Scope.READ, 403), (Scope.EXPORT, 201), (Scope.IMPORT, 201)])
async def test_who_may_ask_for_jobs_may_register(house: House, scope: Scope, status: int) -> None:
    text = keys.compose("0123456789abcdef")
    await put_key(house.stores, text, frozenset({scope}))
    client = house.client(text)
    assert (await client.post(WEBHOOKS, json={"url": URL})).status_code == status
    assert ((await client.get(WEBHOOKS)).status_code == httpx.codes.OK) == (status == httpx.codes.CREATED)
    assert problem(await house.client(None).get(WEBHOOKS), 401) == "unauthenticated"
    assert problem(await client.post(WEBHOOKS, json={"url": URL, "scope": "all"}), 403) == "not_allowed"


async def test_there_are_twenty_of_each_caller_and_twenty_for_everybodys_jobs(house: House) -> None:
    ada = house.client(ADA)
    made = [await register(ada) for _ in range(MOST)]
    assert problem(await ada.post(WEBHOOKS, json={"url": URL}), 409) == "too_many_webhooks"
    assert [webhook["webhook_id"] for webhook in (await ada.get(WEBHOOKS)).json()["webhooks"]] == [one["webhook_id"] for one in made]
    await register(house.client(BOB))
    for _ in range(MOST):
        await register(house.http, scope="all")
    assert problem(await house.http.post(WEBHOOKS, json={"url": URL, "scope": "all"}), 409) == "too_many_webhooks"
    await register(house.http)
    await ada.delete(f"{WEBHOOKS}/{made[0]['webhook_id']}")
    await register(ada)


async def test_the_same_request_again_registers_once(house: House) -> None:
    answers = [await house.http.post(WEBHOOKS, json={"url": URL}, headers={"idempotency-key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await house.http.get(WEBHOOKS)).json()["webhooks"]) == 1


async def test_the_same_request_many_times_at_once_registers_once(house: House) -> None:
    posts = [house.http.post(WEBHOOKS, json={"url": URL}, headers={"idempotency-key": "once"}) for _ in range(5)]
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    (made,) = (await house.http.get(WEBHOOKS)).json()["webhooks"]
    assert [answer.json() for answer in answers] == [made] * len(answers)


async def test_a_key_that_comes_with_two_requests_at_once_registers_one_of_them(house: House) -> None:
    bodies = [{"url": URL}, {"url": "https://other.example.org/"}]
    answers = await asyncio.gather(*(house.http.post(WEBHOOKS, json=body, headers={"idempotency-key": "once"}) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [httpx.codes.CREATED, httpx.codes.UNPROCESSABLE_ENTITY]
    (made,) = (await house.http.get(WEBHOOKS)).json()["webhooks"]
    assert made in [answer.json() for answer in answers]


async def test_a_registration_whose_answer_was_not_kept_is_gone_on_with(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key, remember = {"idempotency-key": "once"}, house.stores.jobs.remember

    async def busy(record: IdempotencyRecord) -> IdempotencyRecord | None:
        if "status" in record.answer:
            raise Transient("store_busy")
        return await remember(record)

    with monkeypatch.context() as away:
        away.setattr(house.stores.jobs, "remember", busy)
        assert problem(await house.http.post(WEBHOOKS, json={"url": URL}, headers=key), 503) == "store_busy"
    (made,) = (await house.http.get(WEBHOOKS)).json()["webhooks"]
    assert (await house.http.post(WEBHOOKS, json={"url": URL}, headers=key)).json() == made
    assert (await house.http.get(WEBHOOKS)).json() == {"webhooks": [made]}


async def test_a_request_that_was_refused_leaves_its_key_free(house: House) -> None:
    key = {"idempotency-key": "once"}
    assert problem(await house.http.post(WEBHOOKS, json={"url": BAD_URLS[0]}, headers=key), 422) == "webhook_blocked"
    assert (await house.http.post(WEBHOOKS, json={"url": URL}, headers=key)).status_code == httpx.codes.CREATED


async def test_only_the_public_internet_is_told(house: House) -> None:
    made = await register(house.http)
    for url in [*BAD_URLS, *(f"https://{host}/a" for host in INNER_HOSTS)]:
        for answer in (
            await house.http.post(WEBHOOKS, json={"url": url}),
            await house.http.put(f"{WEBHOOKS}/{made['webhook_id']}", json={"url": url}),
        ):
            assert problem(answer, 422) == "webhook_blocked", url[:50]
            assert pointers(answer) == {"/url": "webhook_blocked"}
    assert (await house.http.get(WEBHOOKS)).json() == {"webhooks": [made]}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"events": []}, "/events", "invalid_field"),
        ({"events": ["job.started"]}, "/events/0", "invalid_field"),
        ({"events": ["job.failed", "job.failed"]}, "/events", "invalid_field"),
        ({"datasets": ["A"]}, "/datasets/0", "invalid_dataset"),
        ({"scope": "everybody"}, "/scope", "invalid_field"),
        ({"enabled": "yes"}, "/enabled", "invalid_field"),
        ({"owner": "ada"}, "/owner", "unknown_field"),
        ({"url": None}, "/url", "invalid_field"),
    ],
)
async def test_what_a_webhook_cannot_be(house: House, body: dict[str, Any], pointer: str, code: str) -> None:
    assert pointers(await house.http.post(WEBHOOKS, json={"url": URL, **body})) == {pointer: code}


async def test_webhooks_can_be_switched_off(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_CALLBACKS="off") as house:
        assert problem(await house.http.post(WEBHOOKS, json={"url": URL}), 422) == "callbacks_off"


async def test_the_secret_of_callbacks_is_no_webhook(house: House) -> None:
    answer = await house.http.patch(f"{WEBHOOKS}/secret")
    assert (problem(answer, 405), answer.headers["allow"]) == ("method_not_allowed", "GET, HEAD, POST")
    answer = await house.http.patch(f"{WEBHOOKS}/{NOBODYS}")
    assert (problem(answer, 405), answer.headers["allow"]) == ("method_not_allowed", "DELETE, GET, HEAD, PUT")


async def test_each_webhook_has_a_secret_of_its_own(house: House) -> None:
    one, other = [f"{WEBHOOKS}/{(await register(house.http))['webhook_id']}/secret" for _ in range(2)]
    first, others = (await house.http.get(one)).json(), (await house.http.get(other)).json()
    assert len({first["secret"], others["secret"], (await house.http.get(f"{WEBHOOKS}/secret")).json()["secret"]}) == 3
    second = (await house.http.post(one)).json()
    assert second["previous_until"] > second["created_at"]
    assert (await house.http.get(one)).json() == second
    assert second["secret"] != first["secret"]
    assert (await house.http.get(other)).json() == others
    Standard(second["secret"])
    assert problem(await house.http.post(one, headers={"idempotency-key": "a"}), 400) == "invalid_idempotency_key"


async def test_what_krai_has_disabled_says_why_and_is_enabled_by_a_change(house: House) -> None:
    directory, now = house.stores.directory, house.stores.jobs.now()
    made = await register(house.http)
    path = f"{WEBHOOKS}/{made['webhook_id']}"
    webhook = await registered.get(directory, "api-key", made["webhook_id"])
    await registered.note(directory, webhook, Answer(status=410, error="webhook_http_error"), now)
    found = (await house.http.get(path)).json()
    assert (found["enabled"], found["disabled_why"]) == (False, Why.GONE)
    assert found["disabled_at"] == found["failing_since"]
    kept = (await house.http.put(path, json={"url": URL, "enabled": False})).json()
    assert (kept["enabled"], kept["disabled_why"], kept["disabled_at"]) == (False, Why.GONE, found["disabled_at"])
    again = (await house.http.put(path, json={"url": URL})).json()
    assert (again["enabled"], again["disabled_why"], again["disabled_at"], again["failing_since"]) == (True, None, None, None)
    mine = (await house.http.put(path, json={"url": URL, "enabled": False})).json()
    assert (mine["enabled"], mine["disabled_why"]) == (False, None)
    assert mine["disabled_at"] == mine["updated_at"]


async def test_a_webhook_for_everybodys_jobs_is_its_owners_alone(house: House) -> None:
    made = await register(house.http, scope="all")
    text = keys.compose("00000000000000ad")
    await put_key(house.stores, text, frozenset(Scope))
    for client in (house.client(text), house.client(ADA)):
        assert (await client.get(WEBHOOKS)).json() == {"webhooks": []}
        assert problem(await client.get(f"{WEBHOOKS}/{made['webhook_id']}/secret"), 404) == "not_found"


async def test_who_is_no_admin_any_more_has_nothing_of_a_webhook_for_everybodys_jobs(house: House) -> None:
    await put_key(house.stores, ADA, frozenset(Scope))
    ada = house.client(ADA)
    mine, path = await register(ada), f"{WEBHOOKS}/{(await register(ada, scope='all'))['webhook_id']}"
    await put_key(house.stores, ADA)
    for answer in (await ada.get(path), await ada.get(f"{path}/deliveries"), await ada.put(path, json={"url": URL, "enabled": True})):
        assert problem(answer, 403) == "not_allowed"
    assert (await ada.get(f"{WEBHOOKS}/{mine['webhook_id']}")).status_code == httpx.codes.OK


# -- who hears of what ------------------------------------------------------------------------------------------------------------


async def test_an_owner_hears_of_its_own_jobs_and_an_admin_of_everybodys(house: House) -> None:
    ada, bob = house.client(ADA), house.client(BOB)
    of_ada, of_bob = await register(ada), await register(bob)
    of_all, of_admin = await register(house.http, scope="all"), await register(house.http)
    hearing = {one["webhook_id"]: name for name, one in (("ada", of_ada), ("bob", of_bob), ("all", of_all), ("admin", of_admin))}
    for client, expected in ((ada, {"ada", "all"}), (bob, {"bob", "all"}), (house.http, {"admin", "all"})):
        job = await ended(house, client)
        assert {hearing[one.webhook_id or ""] for one in job.deliveries} == expected
        assert job.due_at == job.finished_at
        assert "deliveries" not in (await client.get(f"/api/v1/jobs/{job.job_id}")).json()


async def test_a_webhook_that_was_registered_while_a_job_ran_hears_of_its_end(house: House) -> None:
    job_id = await house.submit()
    made = await register(house.http, datasets=["users"], events=["job.cancelled"])
    await register(house.http, datasets=["orders"])
    await register(house.http, events=["job.completed"])
    await register(house.http, enabled=False)
    await house.post(f"jobs/{job_id}/cancel")
    assert [one.webhook_id for one in (await house.job(job_id)).deliveries] == [made["webhook_id"]]


# -- deliveries -------------------------------------------------------------------------------------------------------------------


async def test_what_was_sent_is_listed_newest_first(house: House) -> None:
    path = f"{WEBHOOKS}/{(await register(house.http))['webhook_id']}/deliveries"
    assert (await house.http.get(path)).json() == {"deliveries": [], "next_page_token": None}
    jobs = [await ended(house, house.http) for _ in range(3)]
    await settled(house, jobs[2], Answer(status=503, error="webhook_http_error"))
    await settled(house, jobs[1], Answer(status=204))
    first = (await house.http.get(path, params={"page_size": 2})).json()
    second = (await house.http.get(path, params={"page_size": 2, "page_token": first["next_page_token"]})).json()
    listed = [*first["deliveries"], *second["deliveries"]]
    assert second["next_page_token"] is None
    assert [one["delivery_id"] for one in listed] == [f"msg_{job.job_id}_cancelled" for job in reversed(jobs)]
    assert [(one["state"], one["attempts"], one["last_status"], one["last_error"]) for one in listed] == [
        ("pending", 1, 503, "webhook_http_error"),
        ("delivered", 1, 204, None),
        ("pending", 0, None, None),
    ]
    assert {(one["event"], one["dataset"]) for one in listed} == {("job.cancelled", "users")}
    assert listed[0]["next_at"] > listed[0]["last_at"] >= listed[0]["created_at"]
    assert (listed[1]["next_at"], listed[2]["last_at"]) == (None, None)
    for wrong in ({"page_token": "x"}, {"page_token": first["next_page_token"][::-1]}):
        assert problem(await house.http.get(path, params=wrong), 400) == "invalid_page_token"
    assert problem(await house.http.get(path, params={"page_size": 0}), 400) == "invalid_argument"


async def test_a_delivery_is_sent_again(house: House) -> None:
    made = await register(house.http)
    path = f"{WEBHOOKS}/{made['webhook_id']}"
    job = await settled(house, await ended(house, house.http), Answer(status=204))
    assert job.due_at == job.expires_at
    (sent,) = (await house.http.get(f"{path}/deliveries")).json()["deliveries"]
    answer = await house.http.post(f"{path}/deliveries/{sent['delivery_id']}/resend")
    assert answer.status_code == httpx.codes.ACCEPTED
    again = answer.json()
    assert (again["delivery_id"], again["state"], again["attempts"]) == (sent["delivery_id"], "pending", 0)
    job = await house.job(job.job_id)
    assert job.deliveries[0].state is CallbackState.PENDING
    assert job.due_at == job.deliveries[0].next_at
    for unknown in ("x", f"msg_{NOBODYS}_completed", sent["delivery_id"].replace("cancelled", "completed"), "%00"):
        assert problem(await house.http.post(f"{path}/deliveries/{unknown}/resend"), 404) == "not_found"
    other = await register(house.http)
    assert problem(await house.http.post(f"{WEBHOOKS}/{other['webhook_id']}/deliveries/{sent['delivery_id']}/resend"), 404) == "not_found"
    await house.http.put(path, json={"url": URL, "enabled": False})
    assert problem(await house.http.post(f"{path}/deliveries/{sent['delivery_id']}/resend"), 409) == "webhook_disabled"


# -- trying it out ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def connected(tmp_path: Path, source: HttpsSource) -> AsyncIterator[House]:
    async with open_house(tmp_path, outbound=source.outbound) as house:
        yield house


async def test_a_test_says_what_the_receiver_says(connected: House, source: HttpsSource) -> None:
    source.answer = partial(say, status=204)
    path = f"{WEBHOOKS}/{(await register(connected.http, url=source.url, enabled=False))['webhook_id']}"
    answer = await connected.http.post(f"{path}/test")
    assert answer.status_code == httpx.codes.OK
    told = answer.json()
    assert (told["delivered"], told["status"], told["error"]) == (True, 204, None)
    assert timedelta(milliseconds=told["duration_ms"]) < timedelta(seconds=15)
    message = Standard((await connected.http.get(f"{path}/secret")).json()["secret"]).verify(source.sent, source.asked)
    assert (message["type"], message["data"]) == ("webhook.test", {"webhook_id": path.rpartition("/")[2]})
    assert source.asked["webhook-id"] == told["message_id"]
    source.answer = partial(say, status=410, body=b"what only krai's network can see")
    answer = await connected.http.post(f"{path}/test")
    assert {**answer.json(), "message_id": "", "duration_ms": 0} == {
        "message_id": "",
        "delivered": False,
        "status": 410,
        "error": "webhook_http_error",
        "duration_ms": 0,
    }
    assert (await connected.http.get(f"{path}/deliveries")).json()["deliveries"] == []


async def test_a_test_calls_nobody_on_a_private_network(connected: House, source: HttpsSource) -> None:
    path = f"{WEBHOOKS}/{(await register(connected.http, url=source.url))['webhook_id']}"
    source.network.names["files.example.org"] = [["169.254.169.254"]]
    told = (await connected.http.post(f"{path}/test")).json()
    assert (told["delivered"], told["status"], told["error"], source.connects) == (False, None, "webhook_blocked", 0)
