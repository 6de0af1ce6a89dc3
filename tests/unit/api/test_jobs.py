import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from krai import transitions
from krai.job import Stage, format_time
from tests.queues import waiting
from tests.unit.api.house import ADA, House, open_house, problem

GARBAGE = [
    "%00",
    "a%2fresult",
    "0" * 31,
    "0" * 33,
    "A" * 32,
    "x" * 60_000,
    "x%0d%0aSet-Cookie:a",
    "%F0%9F%98%80",
    "%2e%2e",
    "0" * 31 + "%0a",
]


# -- one job ----------------------------------------------------------------------------------------------------------------------


async def test_a_job_shows_how_far_it_has_come(house: House) -> None:
    job_id = await house.submit()
    claimed = await house.claim(job_id)
    shown = (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    assert (shown["status"], shown["attempt"], shown["finished_at"]) == ("PROCESSING", 1, None)
    assert claimed.started_at is not None
    assert shown["started_at"] == format_time(claimed.started_at)
    progress = {"percent": 42, "records_processed": 7, "records_total": 9, "records_rejected": 2, "bytes_processed": 99}
    await house.advance(job_id, stage=Stage.WRITING, **progress)
    shown = (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    assert shown["stage"] == "writing"
    assert shown["progress"] == 42
    assert {name: shown[name] for name in progress if name != "percent"} == {k: v for k, v in progress.items() if k != "percent"}


async def test_its_attempts_are_shown_and_its_workers_to_admins_alone(house: House) -> None:
    async with house.client(ADA) as hers:
        job_id = (await hers.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
        job = await house.claim(job_id)
        await house.stores.jobs.swap(job, transitions.hand_back(job, house.stores.jobs.now()))
        await house.fail(job_id)
        for path in (f"/api/v1/jobs/{job_id}", f"/api/v1/jobs/{job_id}/events", "/api/v1/jobs"):
            assert "worker-of-a-test" not in (await hers.get(path)).text
            assert "worker-of-a-test" in (await house.http.get(path)).text
        shown = (await hers.get(f"/api/v1/jobs/{job_id}")).json()["attempts"]
    told = [(one["number"], one["worker"], one["outcome"], one["code"], one["stage"]) for one in shown]
    assert told == [(1, None, "handed_back", None, "queued"), (1, None, "failed", "corrupt_file", "queued")]
    assert all(one["started_at"] <= one["ended_at"] for one in shown)


async def test_a_failed_job_is_an_answer_like_any_other(house: House) -> None:
    job_id = await house.submit()
    await house.fail(job_id, "corrupt_file")
    answer = await house.http.get(f"/api/v1/jobs/{job_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
    assert answer.json()["error"]["code"] == "corrupt_file"
    assert answer.json()["error"]["type"] == "/problems/corrupt_file"
    assert answer.json()["expires_at"] > answer.json()["finished_at"]


@pytest.mark.parametrize("path", ["", "/result", "/errors", "/events"])
async def test_what_is_no_job_id_answers_like_an_unknown_one(house: House, path: str) -> None:
    headers = {"x-request-id": "the-same-one"}
    unknown = await house.http.get(f"/api/v1/jobs/{'0' * 32}{path}", headers=headers)
    for job_id in GARBAGE:
        garbage = await house.http.get(f"/api/v1/jobs/{job_id}{path}", headers=headers)
        assert problem(garbage, 404) == "not_found"
        assert garbage.content == unknown.content, job_id[:20]
        assert "set-cookie" not in garbage.headers


async def test_an_unchanged_job_is_not_sent_again(house: House) -> None:
    job_id = await house.submit()
    first = await house.http.get(f"/api/v1/jobs/{job_id}")
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"x", {first.headers["etag"]}', "*"):
        again = await house.http.get(f"/api/v1/jobs/{job_id}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await house.claim(job_id)
    changed = await house.http.get(f"/api/v1/jobs/{job_id}", headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["status"]) == (200, "PROCESSING")
    assert changed.headers["etag"] != first.headers["etag"]


async def test_the_tag_of_one_job_is_no_tag_of_another(house: House) -> None:
    first, second = [await house.http.get(f"/api/v1/jobs/{await house.submit()}") for _ in range(2)]
    answer = await house.http.get(second.url, headers={"If-None-Match": first.headers["etag"]})
    assert answer.status_code == 200


async def test_only_a_job_that_goes_on_says_when_to_ask_again(house: House) -> None:
    job_id = await house.submit()
    assert (await house.http.get(f"/api/v1/jobs/{job_id}")).headers["retry-after"] == "1"
    await house.complete(job_id, {})
    assert "retry-after" not in (await house.http.get(f"/api/v1/jobs/{job_id}")).headers


async def test_a_head_has_the_headers_of_a_get(house: House) -> None:
    url = f"/api/v1/jobs/{await house.submit()}"
    get, head = await house.http.get(url), await house.http.head(url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", get.headers["etag"])
    assert head.headers["content-length"] == str(len(get.content))


# -- waiting ----------------------------------------------------------------------------------------------------------------------


async def _after(delay_s: float, step: Any) -> None:
    await asyncio.sleep(delay_s)
    await step


async def _timed(request: Any) -> tuple[httpx.Response, float]:
    begun = time.monotonic()
    return await request, time.monotonic() - begun


async def test_a_wait_ends_when_the_job_has_finished(house: House) -> None:
    job_id = await house.submit()
    later = asyncio.create_task(_after(0.1, house.claim(job_id)))
    last = asyncio.create_task(_after(0.3, house.fail(job_id)))
    # The claim in between is a change, but not the end.
    answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=20"}))
    assert answer.json()["status"] == "FAILED"
    assert answer.headers["preference-applied"] == "wait=20"
    assert 0.2 < took_s < 5
    await asyncio.gather(later, last)


async def test_a_wait_with_a_tag_ends_with_any_change(house: House) -> None:
    job_id = await house.submit()
    tag = (await house.http.get(f"/api/v1/jobs/{job_id}")).headers["etag"]
    later = asyncio.create_task(_after(0.1, house.claim(job_id)))
    answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=20", "If-None-Match": tag}))
    assert (answer.status_code, answer.json()["status"]) == (200, "PROCESSING")
    assert took_s < 5
    await later


async def test_a_wait_ends_when_its_time_is_up(house: House) -> None:
    job_id = await house.submit()
    plain, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=1"}))
    assert (plain.status_code, plain.json()["status"]) == (200, "PENDING")
    assert 0.9 < took_s < 3
    headers = {"Prefer": "respond-async, wait=1", "If-None-Match": plain.headers["etag"]}
    tagged = await house.http.get(f"/api/v1/jobs/{job_id}", headers=headers)
    assert (tagged.status_code, tagged.headers["preference-applied"]) == (304, "wait=1")


async def test_there_is_no_wait_for_what_is_known_already(house: House) -> None:
    job_id = await house.submit()
    old = (await house.http.get(f"/api/v1/jobs/{job_id}")).headers["etag"]
    await house.fail(job_id)
    for headers in ({}, {"If-None-Match": old}):
        answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=20", **headers}))
        assert answer.json()["status"] == "FAILED"
        assert took_s < 1


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=x", "wait=-1", "await=5", "wait=1.5", "respond-async", "wait=99999999999", ""])
async def test_a_preference_that_makes_no_sense_is_ignored(house: House, prefer: str) -> None:
    answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{await house.submit()}", headers={"Prefer": prefer}))
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers
    assert took_s < 4


async def test_a_wait_is_never_longer_than_half_a_minute(house: House) -> None:
    job_id = await house.submit()
    await house.fail(job_id)
    answer = await house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=3600"})
    assert answer.headers["preference-applied"] == "wait=30"


async def test_a_wait_ends_when_the_job_is_deleted(house: House) -> None:
    job_id = await house.submit()
    job = await house.job(job_id)
    later = asyncio.create_task(_after(0.1, house.stores.jobs.delete(job)))
    answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=20"}))
    assert problem(answer, 404) == "not_found"
    assert took_s < 5
    await later


async def test_a_wait_does_not_hold_up_the_end_of_the_process(house: House) -> None:
    job_id = await house.submit()
    asyncio.get_running_loop().call_later(0.1, house.app.state.api.stopping.set)
    answer, took_s = await _timed(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=20"}))
    assert answer.json()["status"] == "PENDING"
    assert took_s < 3


# -- the list ---------------------------------------------------------------------------------------------------------------------


async def ids(house: House, **query: Any) -> list[str]:
    answer = await house.http.get("/api/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["job_id"] for job in answer.json()["jobs"]]


async def test_jobs_are_listed_newest_first_and_page_by_page(house: House) -> None:
    made = [await house.submit() for _ in range(5)]
    listed: list[str] = []
    query: dict[str, Any] = {"page_size": 2}
    while True:
        page = (await house.http.get("/api/v1/jobs", params=query)).json()
        listed += [job["job_id"] for job in page["jobs"]]
        assert len(page["jobs"]) <= 2
        if page["next_page_token"] is None:
            break
        query["page_token"] = page["next_page_token"]
    assert listed == made[::-1]


async def test_filters_choose(house: House) -> None:
    plain, labelled = await house.submit(), await house.submit(labels={"team": "a:b=c"})
    imported = (await house.post("imports", {"source": {"records": [{"a": 1}]}})).json()["job_id"]
    await house.fail(plain)
    assert await ids(house, type="import") == [imported]
    assert await ids(house, status="FAILED") == [plain]
    assert await ids(house, dataset="users") == [labelled, plain]
    assert await ids(house, label="team:a:b=c") == await ids(house, label="team=a:b=c") == [labelled]
    assert await ids(house, label="team:a") == []
    assert await ids(house, status="PENDING", dataset="users", type="export", label="team:a:b=c") == [labelled]


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": "0"},
        {"page_size": "-1"},
        {"page_size": "x"},
        {"page_size": "9" * 5000},
        {"page_size": ""},
        {"status": "pending"},
        {"type": "kilroy"},
        {"dataset": "../x"},
        {"label": "kilroy"},
        {"label": ":x"},
        {"statsu": "FAILED"},
        {"page_token": "x" * 1025},
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(house: House, query: dict[str, str]) -> None:
    answer = await house.http.get("/api/v1/jobs", params=query)
    assert problem(answer, 400) == "invalid_argument"
    (name,) = query
    assert name in answer.json()["detail"]
    assert "kilroy" not in answer.text


async def test_a_page_is_never_larger_than_a_hundred(house: House) -> None:
    for _ in range(101):
        await house.submit()
    assert len(await ids(house, page_size=10**9)) == 100
    assert len(await ids(house)) == 50


@pytest.mark.parametrize("token", ["guess", "", "AAAA", "é", "W10", "bnVsbA"])
async def test_a_made_up_page_token_is_refused(house: House, token: str) -> None:
    assert problem(await house.http.get("/api/v1/jobs", params={"page_token": token}), 400) == "invalid_page_token"


# -- steering ---------------------------------------------------------------------------------------------------------------------


async def test_a_waiting_job_is_cancelled_at_once(house: House) -> None:
    job_id = await house.submit()
    answer = await house.post(f"jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "CANCELLED")
    assert answer.headers["location"].endswith(job_id)
    assert answer.json() == (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    assert problem(await house.post(f"jobs/{job_id}/cancel"), 409) == "job_finished"


async def test_a_running_job_is_asked_to_stop(house: House) -> None:
    job_id = await house.submit()
    await house.claim(job_id)
    for _ in range(2):
        answer = await house.post(f"jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["status"], answer.json()["cancel_requested"]) == (202, "PROCESSING", True)
    job = await house.job(job_id)
    assert job.cancel_requested
    assert job.revision == 2, "asking twice writes once"


async def test_what_is_sent_with_a_cancel_must_be_nothing(house: House) -> None:
    job_id = await house.submit()
    assert problem(await house.post(f"jobs/{job_id}/cancel", {"force": True}), 422) == "unknown_field"
    assert (await house.post(f"jobs/{job_id}/cancel", {})).status_code == 202


async def test_a_failed_job_is_tried_again_as_a_new_one(house: House, tmp_path: Path) -> None:
    job_id = await house.submit(limit=7, labels={"a": "b"}, description="d")
    assert problem(await house.post(f"jobs/{job_id}/retry"), 409) == "job_not_retryable"
    await house.fail(job_id)
    answer = await house.post(f"jobs/{job_id}/retry")
    again = answer.json()
    assert (answer.status_code, again["parent_job_id"], again["status"], again["attempt"]) == (202, job_id, "PENDING", 0)
    assert answer.headers["location"] == again["links"]["self"]
    old = (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    same = ("type", "dataset", "params", "labels", "description", "created_by")
    assert {name: again[name] for name in same} == {name: old[name] for name in same}
    assert waiting(tmp_path) == 2


async def test_a_completed_job_is_not_tried_again(house: House) -> None:
    job_id = await house.submit()
    await house.complete(job_id, {})
    assert problem(await house.post(f"jobs/{job_id}/retry"), 409) == "job_not_retryable"


async def test_a_finished_job_is_deleted_with_its_files(house: House) -> None:
    job_id, other_id = await house.submit(), await house.submit()
    for owner in (job_id, other_id):
        await house.store(f"jobs/{owner}/e1/users.csv", b"id\n")
    assert problem(await house.http.delete(f"/api/v1/jobs/{job_id}"), 409) == "job_running"
    await house.fail(job_id)
    assert (await house.http.delete(f"/api/v1/jobs/{job_id}")).status_code == 204
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}"), 404) == "not_found"
    assert problem(await house.http.delete(f"/api/v1/jobs/{job_id}"), 404) == "not_found"
    assert [blob.path for blob in house.stores.blobs.list("jobs/")] == [f"jobs/{other_id}/e1/users.csv"]


async def test_a_retry_counts_against_the_limit_and_a_cancel_does_not(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="2/hour") as house:
        job_id = await house.submit()
        cancelled = await house.post(f"jobs/{job_id}/cancel")
        assert (cancelled.status_code, "ratelimit" in cancelled.headers) == (202, False)
        retried = await house.post(f"jobs/{job_id}/retry")
        assert (retried.status_code, retried.headers["ratelimit"].partition(";t=")[0]) == (202, '"create";r=0')
        assert problem(await house.post(f"jobs/{job_id}/retry"), 429) == "rate_limited"


async def test_jobs_are_written_with_the_stores_clock(house: House) -> None:
    job = await house.job(await house.submit())
    assert abs(job.created_at - house.stores.jobs.now()) < timedelta(seconds=5)
