"""How a POST comes in: its type, its size, its key, its body."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from krai.ports import JobQuery
from tests.queues import waiting
from tests.unit.api.house import ADA, KEY, House, open_house, pointers, problem

JSON = {"content-type": "application/json"}
KIB = 1024


async def count_jobs(house: House) -> int:
    return len((await house.stores.jobs.find(JobQuery(page_size=100))).jobs)


# -- type and size ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": ""},
        {},
    ],
)
async def test_only_json_is_taken(house: House, headers: dict[str, str]) -> None:
    answer = await house.http.post("/api/v1/exports", content=b'{"dataset":"users"}', headers={**headers, "accept": "text/html"})
    assert problem(answer, 415) == "unsupported_media_type"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ; charset=UTF-8", 'application/json;charset="utf-8"'])
async def test_json_is_taken_however_it_is_named(house: House, kind: str) -> None:
    answer = await house.http.post("/api/v1/exports", content=b'{"dataset":"users"}', headers={"content-type": kind})
    assert answer.status_code == 202


async def test_nothing_at_all_is_an_empty_object(house: House) -> None:
    answer = await house.http.post("/api/v1/exports")
    assert (problem(answer, 404), (await house.http.post("/api/v1/exports", json={})).status_code) == ("dataset_not_found", 404)
    assert pointers(await house.http.post("/api/v1/imports")) == {"/source": "missing_field"}


def _padded(size_bytes: int) -> bytes:
    body = b'{"dataset":"users","x":"'
    return body + b"x" * (size_bytes - len(body) - 2) + b'"}'


@pytest.mark.parametrize(("path", "cap_bytes"), [("exports", 64 * KIB), ("imports", (1024 + 64) * KIB), ("uploads", 64 * KIB)])
async def test_a_body_has_its_limit(house: House, path: str, cap_bytes: int) -> None:
    at_the_limit = await house.http.post(f"/api/v1/{path}", content=_padded(cap_bytes), headers=JSON)
    assert problem(at_the_limit, 422) in {"unknown_field", "invalid_request"}
    assert problem(await house.http.post(f"/api/v1/{path}", content=_padded(cap_bytes + 1), headers=JSON), 413) == "too_large"


async def test_an_endless_body_is_cut_off(house: House) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += KIB
            yield b" " * KIB

    answer = await house.http.post("/api/v1/exports", content=endless(), headers=JSON)
    assert problem(answer, 413) == "too_large"
    assert sent <= 70 * KIB
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("key", [KEY, None])
async def test_a_refused_body_without_an_end_closes_the_connection(house: House, key: str | None) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    endless = await house.client(key).post("/api/v1/exports", content=chunks(), headers={"content-type": "text/plain"})
    assert endless.headers["connection"] == "close"
    short = await house.client(key).post("/api/v1/exports", content=b"{}", headers={"content-type": "text/plain"})
    assert short.status_code == endless.status_code
    assert "connection" not in short.headers


async def test_no_more_is_parsed_than_was_promised(house: House) -> None:
    answer = await house.http.post("/api/v1/exports", content=b"{}", headers={**JSON, "content-length": "99999999999999999999999"})
    assert problem(answer, 413) == "too_large"


# -- the body -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b'{"dataset":"users","dataset":"users"}', b'{"limit":NaN}', b"[" * 60_000, b"\xef\xbb\xbf{}", b"\xff"])
async def test_what_is_not_strict_json_is_malformed(house: House, body: bytes) -> None:
    assert problem(await house.http.post("/api/v1/exports", content=body, headers=JSON), 400) == "malformed_json"


@pytest.mark.parametrize("body", [b"[]", b"5", b'"users"', b"null"])
async def test_what_is_no_object_is_an_invalid_field_at_the_root(house: House, body: bytes) -> None:
    answer = await house.http.post("/api/v1/exports", content=body, headers=JSON)
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"": "invalid_field"}


@pytest.mark.parametrize("name", ["owner", "status", "id", "download_url", "__proto__", "created_by"])
async def test_an_unknown_field_is_refused_and_its_value_not_repeated(house: House, name: str) -> None:
    answer = await house.post("exports", {"dataset": "users", name: "kilroy-was-here"})
    assert problem(answer, 422) == "unknown_field"
    assert pointers(answer) == {f"/{name}": "unknown_field"}
    assert "kilroy" not in answer.text


async def test_a_name_that_could_do_harm_is_not_repeated_either(house: House) -> None:
    answer = await house.post("exports", {"dataset": "users", "<script>kilroy</script>": 1, "labels": {"KIL\u202eROY": "x"}})
    assert pointers(answer) == {"": "unknown_field", "/labels": "invalid_field"}
    assert "kilroy" not in answer.text.lower()


async def test_different_mistakes_are_told_all_at_once(house: House) -> None:
    answer = await house.post("exports", {"dataset": "US", "limit": 0, "colums": []})
    assert problem(answer, 422) == "invalid_request"
    assert pointers(answer) == {"/dataset": "invalid_dataset", "/limit": "invalid_field", "/colums": "unknown_field"}


# -- Idempotency-Key ----------------------------------------------------------------------------------------------------------


async def test_fifty_at_once_with_one_key_make_one_job(house: House, tmp_path: Path) -> None:
    headers = {"Idempotency-Key": '"once"'}
    answers = await asyncio.gather(*(house.post("exports", {"dataset": "users"}, **headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await count_jobs(house) == 1
    assert waiting(tmp_path) == 1


async def test_the_first_answer_is_given_even_when_the_job_has_gone_on(house: House) -> None:
    first = await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "k"})
    await house.complete(first.json()["job_id"], {})
    assert (await house.http.delete(first.headers["location"])).status_code == 204
    second = await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "k"})
    assert (second.status_code, second.content, second.headers["retry-after"]) == (202, first.content, first.headers["retry-after"])


async def test_another_body_is_a_mismatch_whatever_it_says(house: House) -> None:
    await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "k"})
    for body in ({"dataset": "users", "limit": 1}, {"dataset": "nothing"}, {"no": "sense"}):
        assert problem(await house.post("exports", body, **{"Idempotency-Key": "k"}), 422) == "idempotency_mismatch"
    answer = await house.http.post("/api/v1/exports", content=b"not json", headers={**JSON, "Idempotency-Key": "k"})
    assert problem(answer, 422) == "idempotency_mismatch"


async def test_a_key_is_the_callers_own_and_the_operations_own(house: House) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await house.post("exports", {"dataset": "users"}, **headers)
    by_ada = await house.client(ADA).post("/api/v1/exports", json={"dataset": "users"}, headers=headers)
    upload = await house.post("uploads", {}, **headers)
    assert (by_ada.status_code, upload.status_code) == (202, 201)
    assert by_ada.json()["job_id"] != first.json()["job_id"]


async def test_quoted_and_bare_are_the_same_key(house: House) -> None:
    bare = await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": 'a"b\\c'})
    quoted = await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": '"a\\"b\\\\c"'})
    assert bare.content == quoted.content


@pytest.mark.parametrize("key", [b"", b'""', b"x" * 256, b"a\x01b", b"a\tb", b"\xc3\xa9", b'"unclosed', b'"a"b', b'"a\\n"'])
async def test_a_bad_key_is_refused(house: House, key: bytes) -> None:
    answer = await house.http.post("/api/v1/exports", json={"dataset": "users"}, headers=[(b"idempotency-key", key)])
    assert problem(answer, 400) == "invalid_idempotency_key"
    assert await count_jobs(house) == 0


async def test_two_keys_are_refused_and_the_longest_is_taken(house: House) -> None:
    twice = await house.http.post(
        "/api/v1/exports", json={"dataset": "users"}, headers=[("idempotency-key", "a"), ("idempotency-key", "a")]
    )
    assert problem(twice, 400) == "invalid_idempotency_key"
    assert (await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "x" * 255})).status_code == 202


async def test_a_refused_request_leaves_its_key_free(house: House) -> None:
    headers = {"Idempotency-Key": "k"}
    assert (await house.post("exports", {"dataset": "nothing"}, **headers)).status_code == 404
    assert (await house.post("exports", {"dataset": "users"}, **headers)).status_code == 202


async def test_a_key_is_forgotten_in_the_end(house: House) -> None:
    first = await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "k"})
    scope = hashlib.sha256(json.dumps(["api-key", "POST", "/api/v1/exports", "k"]).encode()).hexdigest()
    record = await house.stores.jobs.recall(scope)
    assert record is not None
    assert timedelta(hours=23, minutes=59) < record.expires_at - house.stores.jobs.now() <= timedelta(hours=24)
    assert record.answer["body"] == first.text


async def test_an_upload_is_opened_once_per_key(house: House) -> None:
    first, second = [await house.post("uploads", {"filename": "a.csv"}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content


async def test_cancel_and_retry_honour_keys_too(house: House) -> None:
    job_id = await house.submit()
    headers = {"Idempotency-Key": "k"}
    first, second = [await house.post(f"jobs/{job_id}/cancel", None, **headers) for _ in range(2)]
    assert (first.status_code, second.status_code, first.content) == (202, 202, second.content)
    retried, again = [await house.post(f"jobs/{job_id}/retry", None, **headers) for _ in range(2)]
    assert retried.json()["job_id"] == again.json()["job_id"] != job_id


# -- rate limit ---------------------------------------------------------------------------------------------------------------


async def test_beyond_the_limit_callers_wait(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="3/15minutes") as house:
        answers = [await house.post("exports", {"dataset": "users"}, **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert problem(answers[-1], 429) == "rate_limited"
        assert 890 <= int(answers[-1].headers["retry-after"]) <= 900
        assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [f'"create";r={left}' for left in (2, 1, 0, 0)]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"create";q=3;w=900'}
        ada = await house.client(ADA).post("/api/v1/uploads", json={})
        assert ada.status_code == 201
        assert (await house.http.get("/api/v1/jobs")).status_code == 200


async def test_a_refused_body_counts_and_shows_what_is_left(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="2/hour") as house:
        answers = [await house.post("exports", {"limit": 0}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert answers[0].headers["ratelimit"].startswith('"create";r=1;')


async def test_an_answer_that_was_given_before_costs_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="1/hour") as house:
        answers: list[Any] = [await house.post("exports", {"dataset": "users"}, **{"Idempotency-Key": "k"}) for _ in range(3)]
        assert {answer.content for answer in answers} == {answers[0].content}
        assert answers[2].headers["ratelimit"].startswith('"create";r=0;')
        assert problem(await house.post("exports", {"dataset": "users"}), 429) == "rate_limited"
