"""`/token` over HTTP."""

from typing import Any

import httpx
import pytest

from krai import keys
from krai.access import Scope
from tests.unit.api.house import ADA, House, pointers, problem, put_key


async def made(house: House, **body: Any) -> dict[str, Any]:
    answer = await house.http.post("/token", json={"name": "nightly", **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


async def test_a_key_that_was_made_lets_its_bearer_in_until_it_is_revoked(house: House) -> None:
    key = await made(house)
    script = house.client(key["key"])
    job = (await script.post("/api/v1/exports", json={"dataset": "users"})).json()
    assert job["created_by"] == f"key:{key['key_id']}"
    (shown,) = (await script.get("/token")).json()["keys"]
    assert shown == {**{name: value for name, value in key.items() if name != "key"}, "last_used_at": shown["last_used_at"]}
    assert key["key"] not in (await house.http.get("/token")).text
    assert (await script.delete("/token", params={"key_id": key["key_id"]})).status_code == httpx.codes.NO_CONTENT
    assert problem(await script.get("/api/v1/jobs"), 401) == "invalid_key"


async def test_a_rotated_key_has_two_secrets(house: House) -> None:
    key = await made(house)
    script = house.client(key["key"])
    answer = await script.put("/token", json={"key_id": key["key_id"], "keep_old_hours": 1})
    assert answer.json()["key_id"] == key["key_id"]
    for text in (key["key"], answer.json()["key"]):
        assert (await house.client(text).get("/api/v1/jobs")).status_code == httpx.codes.OK
    await script.put("/token", json={"key_id": key["key_id"], "keep_old_hours": 0})
    assert problem(await house.client(key["key"]).get("/api/v1/jobs"), 401) == "invalid_key"


@pytest.mark.parametrize(
    ("scope", "open_to_it"),
    [
        (Scope.READ, {"jobs", "datasets", "token"}),
        (Scope.EXPORT, {"exports", "retry", "token"}),
        (Scope.IMPORT, {"imports", "uploads", "retry", "token"}),
        (Scope.ADMIN, {"jobs", "datasets", "exports", "imports", "uploads", "retry", "users", "drop", "token"}),
    ],
)
async def test_a_key_opens_what_its_scopes_say(house: House, scope: Scope, open_to_it: set[str]) -> None:
    text = keys.compose("0123456789abcdef")
    await put_key(house.stores, text, frozenset({scope}))
    script = house.client(text)
    calls = {
        "jobs": script.get("/api/v1/jobs"),
        "datasets": script.get("/api/v1/datasets"),
        "exports": script.post("/api/v1/exports", json={"dataset": "users"}),
        "imports": script.post("/api/v1/imports", json={"source": {"records": [{"a": 1}]}}),
        "uploads": script.post("/api/v1/uploads"),
        "retry": script.post(f"/api/v1/jobs/{'0' * 32}/retry"),
        "users": script.get("/api/v1/users"),
        "drop": script.delete("/api/v1/datasets/none"),
        "token": script.get("/token"),
    }
    answers = {name: await call for name, call in calls.items()}
    refused = {name for name, answer in answers.items() if answer.status_code == httpx.codes.FORBIDDEN}
    assert refused == calls.keys() - open_to_it
    assert {problem(answers[name], 403) for name in refused} <= {"not_allowed"}
    assert {answer.status_code for name, answer in answers.items() if name not in refused} <= {200, 201, 202, 404}


async def test_a_key_makes_no_keys_and_touches_no_others(house: House) -> None:
    other = await made(house)
    script = house.client(ADA)
    assert problem(await script.post("/token", json={"name": "more"}), 403) == "not_allowed"
    assert problem(await script.put("/token", json={"key_id": other["key_id"]}), 404) == "not_found"
    assert problem(await script.delete("/token", params={"key_id": other["key_id"]}), 404) == "not_found"
    assert [key["key_id"] for key in (await script.get("/token")).json()["keys"]] == [ADA.split("_")[1]]


async def test_a_secret_is_not_kept_for_an_idempotency_key(house: House) -> None:
    answer = await house.http.post("/token", json={"name": "nightly"}, headers={"idempotency-key": "again"})
    assert problem(answer, 400) == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "a", "scopes": ["read", "read"]}, "/scopes"),
        ({"name": "a", "scopes": []}, "/scopes"),
        ({"name": "a", "scopes": ["everything"]}, "/scopes/0"),
        ({"name": "a", "expires_in_days": 0}, "/expires_in_days"),
        ({"name": "a", "owner": "ada"}, "/owner"),
    ],
)
async def test_a_wrong_wish_is_pointed_at(house: House, body: dict[str, Any], pointer: str) -> None:
    answer = await house.http.post("/token", json=body)
    problem(answer, 422)
    assert pointer in pointers(answer)


async def test_a_key_without_an_end_has_to_be_asked_for(house: House) -> None:
    assert (await made(house))["expires_at"] is not None
    assert (await made(house, expires_in_days=None))["expires_at"] is None
    assert problem(await house.http.delete("/token", params={"key_id": "x"}), 400) == "invalid_argument"
