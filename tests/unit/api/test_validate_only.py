"""`validate_only`: what a request would be told, and nothing made."""

from typing import Any

import pytest

from tests.unit.api.house import House, open_house, problem

JOBS = {"exports": {"dataset": "users", "filter": "id > 5"}, "imports": {"source": {"records": [{"a": 1}]}}}


async def check(house: House, kind: str, body: Any, **headers: str) -> Any:
    return await house.http.post(f"/api/v1/{kind}?validate_only=true", json=body, headers=headers)


@pytest.mark.parametrize("kind", JOBS)
async def test_a_sound_request_is_valid_and_nothing_is_made(house: House, kind: str) -> None:
    answer = await check(house, kind, JOBS[kind])
    assert (answer.status_code, answer.json()) == (200, {"valid": True})
    assert (await house.http.get("/api/v1/jobs")).json()["jobs"] == []
    assert await house.stores.queue.pull(5, wait_s=0, lease_s=30) == []
    assert list(house.stores.blobs.list("")) == []


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("exports", {"dataset": "nope"}, 404, "dataset_not_found"),
        ("exports", {"dataset": "users", "columns": ["nope"]}, 422, "unknown_column"),
        ("exports", {"dataset": "users", "filter": "id >"}, 422, "invalid_filter"),
        ("exports", {"dataset": "users", "format": "xlsx", "compression": "gzip"}, 422, "invalid_field"),
        ("imports", {"source": "nope"}, 422, "unknown_source"),
        ("imports", {"source": {"upload_id": "0" * 32}}, 422, "unknown_upload"),
        ("imports", {"source": {"url": "https://10.0.0.1/a"}}, 422, "source_blocked"),
        ("imports", {"source": {"records": [{"a": 1}]}, "sha256": "0" * 64}, 422, "invalid_field"),
        ("imports", {"dataset": "users", "source": {"records": [{"a": 1}]}, "mode": "upsert", "key": ["nope"]}, 422, "unknown_column"),
        ("imports", {}, 422, "missing_field"),
    ],
)
async def test_an_unsound_one_gets_the_problem_it_would_get(house: House, kind: str, body: Any, status: int, code: str) -> None:
    assert problem(await check(house, kind, body), status) == problem(await house.post(kind, body), status) == code


async def test_it_counts_as_a_read(tmp_path: Any) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="1/hour", KRAI_RATE_LIMIT_READ="3/hour") as house:
        for _ in range(3):
            assert (await check(house, "exports", {"dataset": "users"})).status_code == 200
        assert problem(await check(house, "exports", {"dataset": "users"}), 429) == "rate_limited"
        await house.submit()


async def test_an_idempotency_key_is_left_for_the_request_itself(house: House) -> None:
    key = {"idempotency-key": "k"}
    assert (await check(house, "exports", {"dataset": "users"}, **key)).status_code == 200
    made = await house.post("exports", {"dataset": "users"}, **key)
    assert made.status_code == 202
    assert (await check(house, "exports", {"dataset": "users"}, **key)).json() == {"valid": True}
    assert (await house.post("exports", {"dataset": "users"}, **key)).json() == made.json()
    assert problem(await check(house, "exports", {"dataset": "users"}, **{"idempotency-key": '"'}), 400) == "invalid_idempotency_key"


async def test_it_is_true_or_false(house: House) -> None:
    assert problem(await house.http.post("/api/v1/exports?validate_only=perhaps", json={"dataset": "users"}), 400) == "invalid_argument"
    assert (await house.http.post("/api/v1/exports?validate_only=false", json={"dataset": "users"})).status_code == 202
