"""`callback_url`, and the secret of who is called, over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from krai import keys
from krai.access import Scope
from krai.job import Callback
from tests.unit.api.bad_urls import BAD_URLS, INNER_HOSTS
from tests.unit.api.house import ADA, BOB, House, open_house, pointers, problem, put_key

URL = "https://hooks.example.org:8443/krai?token=secret#part"
SHOWN = {
    "url": "https://hooks.example.org:8443/krai",
    "state": "pending",
    "attempts": 0,
    "last_status": None,
    "last_error": None,
    "next_at": None,
}
REQUESTS: dict[str, dict[str, Any]] = {"exports": {"dataset": "users"}, "imports": {"source": {"records": [{"a": 1}]}}}
OWN_SECRET = "/api/v1/webhooks/secret"  # noqa: S105 - a path


@pytest.mark.parametrize("noun", REQUESTS)
async def test_only_the_public_internet_is_called_back(house: House, noun: str) -> None:
    for url in [*BAD_URLS, *(f"https://{host}/a" for host in INNER_HOSTS)]:
        answer = await house.post(noun, {**REQUESTS[noun], "callback_url": url})
        assert problem(answer, 422) == "webhook_blocked", url[:50]
        assert pointers(answer) == {"/callback_url": "webhook_blocked"}
    assert (await house.http.get("/api/v1/jobs")).json()["jobs"] == []


@pytest.mark.parametrize("noun", REQUESTS)
async def test_a_callback_is_kept_with_its_job_and_its_query_shown_to_nobody(house: House, noun: str) -> None:
    answer = await house.post(noun, {**REQUESTS[noun], "callback_url": URL}, **{"idempotency-key": "once"})
    assert answer.status_code == httpx.codes.ACCEPTED
    job_id = answer.json()["job_id"]
    assert (await house.job(job_id)).callback == Callback(url=URL, base_url="http://krai.test")
    again = await house.post(noun, {**REQUESTS[noun], "callback_url": URL}, **{"idempotency-key": "once"})
    answers = [answer, again, await house.http.get(f"/api/v1/jobs/{job_id}")]
    for shown in answers:
        assert shown.json()["callback"] == SHOWN
    for shown in [*answers, await house.http.get("/api/v1/jobs")]:
        assert "secret" not in shown.text
        assert "callback_url" not in shown.text


async def test_no_callback_is_null(house: House) -> None:
    for body in ({}, {"callback_url": None}):
        job_id = await house.submit(**body)
        assert (await house.http.get(f"/api/v1/jobs/{job_id}")).json()["callback"] is None


@pytest.mark.parametrize("value", [1, ["https://hooks.example.org"], {"url": "https://hooks.example.org"}])
async def test_what_is_no_text_is_an_invalid_field(house: House, value: Any) -> None:
    answer = await house.post("exports", {"dataset": "users", "callback_url": value})
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/callback_url": "invalid_field"}


async def test_links_lead_to_where_clients_reach_krai(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_PUBLIC_URL="https://krai.example.org/") as house:
        callback = (await house.job(await house.submit(callback_url=URL))).callback
        assert callback == Callback(url=URL, base_url="https://krai.example.org")


async def test_callbacks_can_be_switched_off(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_CALLBACKS="off") as house:
        for noun, body in REQUESTS.items():
            answer = await house.post(noun, {**body, "callback_url": URL})
            assert problem(answer, 422) == "callbacks_off"
            assert pointers(answer) == {"/callback_url": "callbacks_off"}
        await house.submit()


async def test_a_retry_calls_back_afresh(house: House) -> None:
    job_id = await house.submit(callback_url=URL)
    ended = await house.fail(job_id)
    assert ended.callback is not None
    assert ended.callback.next_at == ended.finished_at == ended.due_at
    again = (await house.post(f"jobs/{job_id}/retry")).json()
    assert again["callback"] == SHOWN
    assert (await house.job(again["job_id"])).callback == Callback(url=URL, base_url="http://krai.test")


async def test_a_job_that_is_cancelled_while_it_waits_is_told_of(house: House) -> None:
    job_id = await house.submit(callback_url=URL)
    await house.post(f"jobs/{job_id}/cancel")
    job = await house.job(job_id)
    assert job.callback is not None
    assert job.callback.next_at == job.due_at == job.finished_at


# -- the secret -------------------------------------------------------------------------------------------------------------------


async def test_every_caller_has_a_secret_of_its_own(house: House) -> None:
    secrets = set()
    for client in (house.http, house.client(ADA), house.client(BOB)):
        answer = await client.get(OWN_SECRET)
        assert answer.status_code == httpx.codes.OK
        assert (await client.get(OWN_SECRET)).json() == answer.json()
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["previous_until"] is None
        secrets.add(answer.json()["secret"])
        Webhook(answer.json()["secret"])
    assert len(secrets) == 3
    assert all(secret.startswith("whsec_") for secret in secrets)


async def test_a_secret_is_replaced_and_the_one_before_goes_on_for_a_day(house: House) -> None:
    ada = house.client(ADA)
    first, bobs = (await ada.get(OWN_SECRET)).json(), (await house.client(BOB).get(OWN_SECRET)).json()
    answer = await ada.post(OWN_SECRET)
    assert answer.status_code == httpx.codes.OK
    second = answer.json()
    assert second["secret"] != first["secret"]
    assert second["previous_until"] > second["created_at"] > first["created_at"]
    assert (await ada.get(OWN_SECRET)).json() == second
    assert (await house.client(BOB).get(OWN_SECRET)).json() == bobs


async def test_an_answer_with_a_secret_is_not_kept_for_an_idempotency_key(house: House) -> None:
    answer = await house.http.post(OWN_SECRET, headers={"idempotency-key": "a"})
    assert problem(answer, 400) == "invalid_idempotency_key"


@pytest.mark.parametrize(("scope", "status"), [(Scope.READ, 403), (Scope.EXPORT, 200), (Scope.IMPORT, 200), (Scope.ADMIN, 200)])
async def test_who_may_ask_for_jobs_may_see_the_secret(house: House, scope: Scope, status: int) -> None:
    text = keys.compose("0123456789abcdef")
    await put_key(house.stores, text, frozenset({scope}))
    client = house.client(text)
    assert [(await client.get(OWN_SECRET)).status_code, (await client.post(OWN_SECRET)).status_code] == [status, status]


async def test_nobody_else_sees_it(house: House) -> None:
    assert problem(await house.client(None).get(OWN_SECRET), 401) == "unauthenticated"
    assert problem(await house.client(None).post(OWN_SECRET), 401) == "unauthenticated"
