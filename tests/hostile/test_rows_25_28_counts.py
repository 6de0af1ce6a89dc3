"""Rows 25, 27 and 28: too many requests, and the same request many times."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.acceptance.krai_client import Json, KraiClient
from tests.hostile.case import EXPORTS
from tests.hostile.conftest import CREATES
from tests.hostile.ground import JSON, Ground, problem_of

REQUESTS = 1000
AT_ONCE = 50
EXPORT: Json = {"dataset": "users", "limit": 1}


def test_25_a_limit_is_of_the_caller_and_not_of_an_address(ground: Ground) -> None:
    key = ground.keep_secret(ground.make_key("busy"))
    with KraiClient(ground.deployment.api.base_url, key) as busy:
        answers = []
        for number in range(REQUESTS):
            elsewhere = f"203.0.113.{number % 256}"
            rotated = {"X-Forwarded-For": elsewhere, "X-Real-IP": elsewhere, "Forwarded": f"for={elsewhere}", "CF-Connecting-IP": elsewhere}
            answers.append(busy.http.post(EXPORTS, content=b"{", headers={**rotated, "Content-Type": "application/json"}))
        assert Counter(answer.status_code for answer in answers) == {400: CREATES, 429: REQUESTS - CREATES}
        for refused in answers[CREATES:]:
            assert refused.json()["code"] == "rate_limited"
            assert int(refused.headers["retry-after"]) > 0
            assert ";r=0;" in refused.headers["ratelimit"]
    assert ground.call(ground.bob, "POST", EXPORTS, content=b"{", headers=dict([JSON])).status_code == httpx.codes.BAD_REQUEST


def test_27_the_same_order_fifty_times_at_once_is_one_job(ground: Ground) -> None:
    key, label = ground.canary(), {"once": ground.deployment.api.base_url[-5:]}

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=ground.deployment.api.base_url, headers=ground.ada.http.headers, timeout=60) as client:
            asked = (client.post(EXPORTS, json={**EXPORT, "labels": label}, headers={"Idempotency-Key": key}) for _ in range(AT_ONCE))
            return await asyncio.gather(*asked)

    answers = asyncio.run(ask())
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    job_id = answers[0].json()["job_id"]
    listed = ground.ada.http.get("/api/v1/jobs", params={"label": f"once:{label['once']}"}).json()["jobs"]
    assert [job["job_id"] for job in listed] == [job_id]
    assert ground.ada.wait_until_finished(job_id)["status"] == "COMPLETED"


def test_28_the_same_key_for_another_order(ground: Ground) -> None:
    key = {"Idempotency-Key": ground.canary()}
    first = ground.call(ground.ada, "POST", EXPORTS, json=EXPORT, headers=key)
    again = ground.call(ground.ada, "POST", EXPORTS, json=EXPORT, headers={"Idempotency-Key": f'"{key["Idempotency-Key"]}"'})
    assert (first.status_code, again.content) == (202, first.content)
    for other in ({**EXPORT, "limit": 2}, {"dataset": "no_such"}, {"owner": "x"}):
        answer = ground.call(ground.ada, "POST", EXPORTS, json=other, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    for client, path in ((ground.bob, EXPORTS), (ground.admin, EXPORTS)):
        answer = ground.call(client, "POST", path, json=EXPORT, headers=key)
        assert answer.status_code == httpx.codes.ACCEPTED
        assert answer.json()["job_id"] != first.json()["job_id"]
        client.wait_until_finished(answer.json()["job_id"])
    elsewhere = ground.call(ground.ada, "POST", "/api/v1/uploads", json={}, headers=key)
    assert elsewhere.status_code == httpx.codes.CREATED
    ground.ada.wait_until_finished(first.json()["job_id"])


KEYS = {
    "300-characters": "k" * 300,
    "nothing": "",
    "empty-quotes": '""',
    "half-quoted": '"k',
    "quoted-twice": '"a""b"',
    "tab": "a\tb",
    "byte": "caf\xe9",
}


@pytest.mark.parametrize("name", KEYS)
def test_28_a_key_that_is_none(ground: Ground, name: str) -> None:
    answer = ground.ask("POST", EXPORTS, ground.as_admin(JSON, ("Idempotency-Key", KEYS[name])), b"{}")
    assert problem_of(answer, 400) == "invalid_idempotency_key"


def test_28_two_keys_are_none(ground: Ground) -> None:
    keys = [("Idempotency-Key", ground.canary()), ("Idempotency-Key", ground.canary())]
    assert problem_of(ground.ask("POST", EXPORTS, ground.as_admin(JSON, *keys), b"{}"), 400) == "invalid_idempotency_key"


def test_28_a_control_character_in_a_key_does_not_get_as_far(ground: Ground) -> None:
    """The parser refuses it before anybody asks what it means."""
    answer = ground.ask("POST", EXPORTS, ground.as_admin(JSON, ("Idempotency-Key", "a\x01b")), b"{}")
    assert (answer.status, answer.code) in {(400, "malformed_request"), (400, "invalid_idempotency_key")}
