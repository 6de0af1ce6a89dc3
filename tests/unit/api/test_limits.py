"""How much a caller may ask for: requests, unfinished jobs, bytes a day, and what of that stands in the headers."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from krai.access import DEPLOYMENT
from krai.api import quotas
from krai.ports import JobQuery
from tests.queues import waiting
from tests.unit.api.house import ADA, House, open_house, problem

EXPORT = {"dataset": "users"}
GIB = 1 << 30


def left(answer: httpx.Response) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r'"(\w+)";r=(\d+)', answer.headers.get("ratelimit", ""))}


async def processed(house: House, job_id: str, size_bytes: int) -> None:
    """The job completes after so many bytes."""
    await house.claim(job_id)
    await house.advance(job_id, bytes_processed=size_bytes)
    await house.end(job_id, {})


# -- reads ----------------------------------------------------------------------------------------------------------------------


async def test_reads_have_a_limit_of_their_own(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_READ="5/15minutes", KRAI_RATE_LIMIT_CREATE="9/hour") as house:
        job_id = await house.submit()
        asked = (
            ("GET", f"/api/v1/jobs/{job_id}"),
            ("GET", "/token"),
            ("GET", "/settings"),
            ("POST", f"/api/v1/jobs/{job_id}/cancel"),
            ("DELETE", f"/api/v1/jobs/{job_id}"),
            ("GET", "/api/v1/datasets"),
        )
        answers = [await house.http.request(*one, headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n, one in enumerate(asked)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 202, 204, 429]
        assert [left(answer) for answer in answers] == [{"read": count} for count in (4, 3, 2, 1, 0, 0)]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"read";q=5;w=900'}
        assert problem(answers[-1], 429) == "rate_limited"
        assert int(answers[-1].headers["retry-after"]) > 0
        assert left(await house.post("exports", EXPORT)) == {"create": 7}
        assert (await house.client(ADA).get("/api/v1/datasets")).status_code == 200


async def test_a_read_that_waits_counts_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_READ="5/15minutes") as house:
        job_id = await house.submit()
        waits = asyncio.create_task(house.http.get(f"/api/v1/jobs/{job_id}", headers={"Prefer": "wait=30"}))
        await asyncio.sleep(0.05)
        await house.complete(job_id, {})
        assert left(await waits) == {"read": 4}


async def test_what_needs_no_credential_is_not_counted(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_READ="1/hour") as house:
        for _ in range(3):
            for path in ("/", "/healthz", "/problems/rate_limited"):
                answer = await house.http.get(path)
                assert (answer.status_code, left(answer)) == (200, {})
        assert problem(await house.client(None).get("/token"), 401) == "unauthenticated"


# -- unfinished jobs ------------------------------------------------------------------------------------------------------------


async def test_beyond_the_quota_no_job_is_taken(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="3", KRAI_RATE_LIMIT_CREATE="9/hour") as house:
        answers = [await house.post("exports", EXPORT) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert problem(answers[-1], 429) == "quota_exceeded"
        assert "3 jobs that have not finished" in answers[-1].json()["detail"]
        assert int(answers[-1].headers["retry-after"]) == quotas.COME_BACK_S
        assert [left(answer) for answer in answers] == [{"create": 8 - n, "queued": max(0, 2 - n)} for n in range(4)]
        assert answers[0].headers["ratelimit-policy"] == '"create";q=9;w=3600, "queued";q=3;qu="concurrent-requests"'
        assert (await house.client(ADA).post("/api/v1/exports", json=EXPORT)).status_code == 202
        assert (await house.post("uploads")).status_code == 201, "uploads are limited by rate alone"


async def test_a_finished_job_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "STANDING_KEPT_S", 0)
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="1") as house:
        job_id = await house.submit()
        assert problem(await house.post("exports", EXPORT), 429) == "quota_exceeded"
        await house.post(f"jobs/{job_id}/cancel")
        assert problem(await house.post(f"jobs/{await house.submit()}/retry"), 409) == "job_not_retryable"
        assert problem(await house.post(f"jobs/{job_id}/retry"), 429) == "quota_exceeded"
        assert problem(await house.http.delete("/api/v1/datasets/users"), 429) == "quota_exceeded"


async def test_of_many_at_once_as_many_as_are_allowed_are_taken(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="7") as house:
        answers = await asyncio.gather(*(house.post("exports", EXPORT) for _ in range(30)))
        assert sorted(answer.status_code for answer in answers) == [202] * 7 + [429] * 23


async def test_an_answer_that_was_given_before_is_given_beyond_the_quota_too(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="1") as house:
        first, again = [await house.post("exports", EXPORT, **{"Idempotency-Key": "k"}) for _ in range(2)]
        assert (again.status_code, again.content) == (202, first.content)


async def test_refused_records_are_not_stored(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="1") as house:
        body = {"dataset": "people", "source": {"records": [{"a": 1}]}}
        assert [(await house.post("imports", body)).status_code for _ in range(2)] == [202, 429]
        assert len(await house.stores.directory.list("uploads")) == 1


async def test_a_request_that_is_not_sound_takes_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_QUEUED="1") as house:
        assert problem(await house.post("exports", {"dataset": "nothing"}), 404) == "dataset_not_found"
        assert left(await house.post("exports", EXPORT)) == {"queued": 0}


# -- bytes a day ----------------------------------------------------------------------------------------------------------------


async def test_beyond_the_bytes_of_a_day_no_job_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "BYTES_KEPT_S", 0)
    async with open_house(tmp_path, KRAI_QUOTA_GIB_PER_DAY="2") as house:
        first, second = await house.submit(), await house.post("exports", EXPORT)
        assert second.headers["ratelimit-policy"] == f'"bytes";q={2 * GIB};qu="content-bytes";w=86400'
        await processed(house, first, GIB)
        assert left(await house.post("exports", EXPORT)) == {"bytes": GIB}
        await processed(house, second.json()["job_id"], GIB + 5)
        assert (await house.http.delete(f"/api/v1/jobs/{first}")).status_code == 204
        refused = await house.post("exports", EXPORT)
        assert problem(refused, 429) == "quota_exceeded"
        assert "2 GiB" in refused.json()["detail"]
        assert 0 < int(refused.headers["retry-after"]) <= 86400
        assert left(refused) == {"bytes": 0}
        assert left(await house.client(ADA).post("/api/v1/exports", json=EXPORT)) == {"bytes": 2 * GIB}


# -- the share of the queue -----------------------------------------------------------------------------------------------------


async def test_jobs_beyond_the_share_are_written_and_nobody_is_told(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_RUNNING="2") as house:
        jobs = [await house.job(await house.submit()) for _ in range(5)]
        assert [job.held for job in jobs] == [False, False, True, True, True]
        assert waiting(tmp_path) == 2
        ada = await house.client(ADA).post("/api/v1/exports", json=EXPORT)
        assert not (await house.job(ada.json()["job_id"])).held
        shown = (await house.http.get(f"/api/v1/jobs/{jobs[-1].job_id}")).json()
        assert (shown["status"], shown["stage"], "held" in shown) == ("PENDING", "queued", False)


async def test_a_held_job_is_cancelled_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_QUOTA_RUNNING="1") as house:
        await house.submit()
        job_id = await house.submit()
        assert (await house.post(f"jobs/{job_id}/cancel")).json()["status"] == "CANCELLED"
        assert await house.stores.jobs.oldest_held(DEPLOYMENT) is None


async def test_a_job_that_was_held_in_vain_is_released_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All others have finished while the process still counted them: nobody's end brings this one its turn."""
    monkeypatch.setattr(quotas, "LOOK_AFTER_S", 0.05)
    async with open_house(tmp_path, KRAI_QUOTA_RUNNING="1") as house:
        await house.complete(await house.submit(), {})
        held = await house.job(await house.submit())
        assert held.held
        now = await house.stores.jobs.wait(held.job_id, held.revision, 5)
        assert now is not None
        assert not now.held
        deliveries = await house.stores.queue.pull(9, wait_s=5, lease_s=9)
        assert held.job_id in {delivery.job_id for delivery in deliveries}


async def test_a_cancel_gives_the_next_its_turn_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "LOOK_AFTER_S", 0.2)
    async with open_house(tmp_path, KRAI_QUOTA_RUNNING="1") as house:
        first, held = await house.submit(), await house.job(await house.submit())
        await asyncio.sleep(0.4)  # the look that the held job brought finds no room
        assert (await house.job(held.job_id)).held
        await house.post(f"jobs/{first}/cancel")
        now = await house.stores.jobs.wait(held.job_id, held.revision, 5)
        assert now is not None
        assert not now.held


async def test_without_quotas_nobody_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        answer = await house.post("exports", EXPORT)
        assert (left(answer), "ratelimit-policy" in answer.headers) == ({}, False)
        (job,) = (await house.stores.jobs.find(JobQuery())).jobs
        assert (job.held, job.crowded) == (False, False)
